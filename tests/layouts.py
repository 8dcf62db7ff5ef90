"""What every module on NumPy arrays must take: any shape, stride and overlap; its inputs are never changed."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np


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
