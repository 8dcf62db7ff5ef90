"""NumPy as a good engineer writes it by hand: the usual one-liners, with a new output and whole-array temporaries."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from kassei.bench.candidate import Answer, Candidate, NotHere, Peer
from kassei.bench.case import Case

Form = Callable[..., Any]
"""f(v, **parameters)."""
Gradients = Callable[..., tuple[Any, Any, Mapping[str, Any]]]
"""(v, dy, **parameters) -> y, dy*df/dv, sums of dy*df/da by name."""


def _sigmoid(v: Any) -> Any:
    return 1 / (1 + np.exp(-v))


def _gelu(v: Any) -> Any:
    from scipy.special import erf

    return v * (erf(v * 0.7071067811865476) + 1) * 0.5


def _gelu_tanh(v: Any) -> Any:
    return 0.5 * v * (1 + np.tanh(0.7978845608028654 * (v + 0.044715 * v * v * v)))


def _exponential(v: Any, a: float) -> Any:
    e = float(np.exp(a))
    return np.where(v >= 0, v, e * v / (e - np.minimum(v, 0)))


def _rational(v: Any, a: float) -> Any:
    return np.where(v >= 0, v, a * v / (a - np.minimum(v, 0)))


FORMS: Mapping[str, Form] = {
    "elu": lambda v, alpha: np.where(v > 0, v, alpha * np.expm1(np.minimum(v, 0))),
    "exponential": _exponential,
    "gelu": _gelu,
    "gelu_tanh": _gelu_tanh,
    "hard_swish": lambda v: v * np.clip(v + 3, 0, 6) / 6,
    "leaky_relu": lambda v, c: np.where(v > 0, v, c * v),
    "mish": lambda v: v * np.tanh(np.log1p(np.exp(v))),
    "prelu": lambda v, a: np.where(v > 0, v, a * v),
    "rational": _rational,
    "relu": lambda v: np.maximum(v, 0),
    "selu": lambda v, lam, alpha: lam * np.where(v > 0, v, alpha * np.expm1(np.minimum(v, 0))),
    "sigmoid": _sigmoid,
    "silu": lambda v: v * _sigmoid(v),
    "softplus": lambda v, b: np.logaddexp(0, b * v) / b,
    "softsign": lambda v: v / (1 + np.abs(v)),
    "tanh": np.tanh,
}
"""What one writes for the value."""


def _relu_both(v: Any, dy: Any) -> tuple[Any, Any, Mapping[str, Any]]:
    return np.maximum(v, 0), dy * (v > 0), {}


def _prelu_both(v: Any, dy: Any, a: float) -> tuple[Any, Any, Mapping[str, Any]]:
    positive = v > 0
    return np.where(positive, v, a * v), np.where(positive, dy, a * dy), {"a": np.sum(dy * np.minimum(v, 0))}


def _elu_both(v: Any, dy: Any, alpha: float) -> tuple[Any, Any, Mapping[str, Any]]:
    low = alpha * np.expm1(np.minimum(v, 0))
    return np.where(v > 0, v, low), np.where(v > 0, dy, dy * (low + alpha)), {}


def _exponential_both(v: Any, dy: Any, a: float) -> tuple[Any, Any, Mapping[str, Any]]:
    e = float(np.exp(a))
    low = np.minimum(v, 0)
    y = e * low / (e - low)
    slope = (e / (e - low)) ** 2
    return np.where(v >= 0, v, y), dy * slope, {"a": -np.sum(dy * (y * y)) / e}


def _rational_both(v: Any, dy: Any, a: float) -> tuple[Any, Any, Mapping[str, Any]]:
    low = np.minimum(v, 0)
    share = a / (a - low)
    return np.where(v >= 0, v, share * low), dy * (share * share), {"a": -np.sum(dy * (low / (a - low)) ** 2)}


def _sigmoid_both(v: Any, dy: Any) -> tuple[Any, Any, Mapping[str, Any]]:
    s = _sigmoid(v)
    return s, dy * (s * (1 - s)), {}


def _tanh_both(v: Any, dy: Any) -> tuple[Any, Any, Mapping[str, Any]]:
    t = np.tanh(v)
    return t, dy * (1 - t * t), {}


def _silu_both(v: Any, dy: Any) -> tuple[Any, Any, Mapping[str, Any]]:
    s = _sigmoid(v)
    return v * s, dy * (s * (1 + v * (1 - s))), {}


def _gelu_both(v: Any, dy: Any) -> tuple[Any, Any, Mapping[str, Any]]:
    from scipy.special import erf

    below = (erf(v * 0.7071067811865476) + 1) * 0.5
    return v * below, dy * (below + v * (0.3989422804014327 * np.exp(-0.5 * v * v))), {}


def _mish_both(v: Any, dy: Any) -> tuple[Any, Any, Mapping[str, Any]]:
    t = np.tanh(np.log1p(np.exp(v)))
    return v * t, dy * (t + v * (1 - t * t) * _sigmoid(v)), {}


def _softplus_both(v: Any, dy: Any, b: float) -> tuple[Any, Any, Mapping[str, Any]]:
    return np.logaddexp(0, b * v) / b, dy * _sigmoid(b * v), {}


GRADIENTS: Mapping[str, Gradients] = {
    "elu": _elu_both,
    "exponential": _exponential_both,
    "gelu": _gelu_both,
    "mish": _mish_both,
    "prelu": _prelu_both,
    "rational": _rational_both,
    "relu": _relu_both,
    "sigmoid": _sigmoid_both,
    "silu": _silu_both,
    "softplus": _softplus_both,
    "tanh": _tanh_both,
}
"""What one writes for value and gradients together."""


def build(case: Case) -> Sequence[Candidate]:
    """The form of this function, if one is known here and the definition is the catalogue's."""
    from kassei.library import catalogue

    f, v, dy, parameters = case.activation, case.v, case.dy, case.parameters
    table: Mapping[str, Callable[..., Any]] = GRADIENTS if case.backward else FORMS
    known = catalogue.find(f.name)
    if f.name not in table or known is None or known.digest != f.digest:
        raise NotHere("no form by hand is known for it")
    form = table[f.name]
    try:
        form(v[:1], *((dy[:1],) if case.backward else ()), **parameters)
    except ImportError as missing:
        raise NotHere(f"the form by hand needs {missing.name}") from None

    def read(result: Any) -> Answer:
        if not case.backward:
            return Answer(y=result)
        y, dv, da = result
        return Answer(y=y, dv=dv, da={name: float(x) for name, x in da.items()})

    def forward() -> Any:
        return form(v, **parameters)

    def both() -> Any:
        return form(v, dy, **parameters)

    run = both if case.backward else forward
    return [Candidate(name="hand_numpy", output="fresh", run=run, read=read, how="NumPy by hand")]


peer = Peer(name="hand_numpy", needs=("numpy",), build=build)
