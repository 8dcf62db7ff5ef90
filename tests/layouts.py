"""What every module on NumPy arrays must take: any shape, stride and overlap; its inputs are never changed."""

from __future__ import annotations

import itertools
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest


def takes_any_shape_and_stride(code: SimpleNamespace) -> None:
    """Scalars, empty, non-contiguous, read-only and overlapping arrays."""
    base = np.linspace(-3, 3, 24, dtype=np.float32).reshape(4, 6)
    kept = base.copy()
    want = code.forward(base)
    assert want.dtype == base.dtype
    assert want.shape == base.shape
    np.testing.assert_array_equal(code.forward(base.T), want.T)
    np.testing.assert_array_equal(code.forward(base[:, ::2]), want[:, ::2])
    np.testing.assert_array_equal(code.forward(base[::-1]), want[::-1])
    frozen = base.copy()
    frozen.flags.writeable = False
    np.testing.assert_array_equal(code.forward(frozen), want)
    for shape in ((0,), (0, 3), (3, 0, 2)):
        empty = np.empty(shape, dtype=np.float64)
        y, dv, grads = code.forward_backward(empty, empty)
        assert np.shape(y) == np.shape(dv) == shape
        assert all(g == 0 for g in grads.values())
    assert np.shape(code.forward(np.float64(0.5))) == ()
    assert np.shape(code.grad_input(np.float32(1), np.float32(0.5))) == ()
    np.testing.assert_array_equal(base, kept)
    shifted = np.concatenate([base.ravel(), base.ravel()[:1]])
    expected = code.forward(shifted[:-1])
    assert np.shares_memory(code.forward(shifted[:-1], out=shifted[1:]), shifted)
    np.testing.assert_array_equal(shifted[1:], expected)
    wide = np.zeros((4, 12), dtype=np.float32)
    code.forward(base, out=wide[:, ::2])
    np.testing.assert_array_equal(wide[:, ::2], want)
    np.testing.assert_array_equal(wide[:, 1::2], 0)
    dy = base.copy()
    assert code.grad_input(dy, base, out=dy) is dy
    np.testing.assert_array_equal(dy, code.grad_input(base, base))
    square = np.linspace(-3, 3, 25, dtype=np.float32).reshape(5, 5)
    turned = code.forward(square.T)
    np.testing.assert_array_equal(code.forward(square.T, out=square), turned)
    assert code.forward(base, out=base) is base


def fills_given_outputs(code: SimpleNamespace) -> None:
    """``out`` of the backward passes of the Exponential form's module: any layout, and the memory of the inputs."""
    rng = np.random.default_rng(3)
    v, dy = (rng.normal(0, 2, (40, 50)).astype(np.float32) for _ in range(2))
    y, dv, sums = code.forward_backward(dy, v, 0.5)
    for wide in (False, True):
        places = tuple(np.empty((40, 100), np.float32)[:, ::2] if wide else np.empty_like(v) for _ in range(2))
        got = code.forward_backward(dy, v, 0.5, out=places)
        assert got[0] is places[0]
        assert got[1] is places[1]
        assert got[2] == sums
        np.testing.assert_array_equal(places[0], y)
        np.testing.assert_array_equal(places[1], dv)
    place = np.empty_like(v)
    assert code.backward(dy, v, 0.5, out=place)[0] is place
    np.testing.assert_array_equal(place, dv)
    for dtype in (np.float16, np.float32, np.float64):
        for axis in (None, 0, 1):
            in_place(code, v.astype(dtype), dy.astype(dtype), axis)
    long = np.concatenate([v.reshape(-1), np.zeros(7, np.float32)])
    code.forward_backward(dy.reshape(-1), long[:-7], 0.5, out=(long[7:], np.empty(2000, np.float32)))
    np.testing.assert_array_equal(long[7:], y.reshape(-1))
    with pytest.raises(ValueError, match="overlap"):
        code.forward_backward(dy, v, 0.5, out=(place, place))
    with pytest.raises(TypeError, match="pair"):
        code.forward_backward(dy, v, 0.5, out=place)
    with pytest.raises(ValueError, match="shape"):
        code.forward_backward(dy, v, 0.5, out=(place, place[1:]))


def in_place(code: SimpleNamespace, v: np.ndarray[Any, Any], dy: np.ndarray[Any, Any], axis: int | None) -> None:
    """Element by element the outputs may be the inputs, in any order; nothing is read after it was overwritten."""
    a = 0.5 if axis is None else np.linspace(-0.5, 0.5, v.shape[axis])
    y, dv, sums = code.forward_backward(dy, v, a, axis=axis)
    for places in itertools.permutations(("v", "dy", "new"), 2):
        arrays = {"v": v.copy(), "dy": dy.copy(), "new": np.empty_like(v)}
        out = tuple(arrays[name] for name in places)
        got = code.forward_backward(arrays["dy"], arrays["v"], a, axis=axis, out=out)
        for one, other in ((got[0], y), (got[1], dv), (got[2]["a"], sums["a"])):
            np.testing.assert_array_equal(one, other)
    for place in ("v", "dy"):
        arrays = {"v": v.copy(), "dy": dy.copy()}
        got = code.backward(arrays["dy"], arrays["v"], a, axis=axis, out=arrays[place])
        for one, other in ((got[0], dv), (got[1]["a"], sums["a"])):
            np.testing.assert_array_equal(one, other)
