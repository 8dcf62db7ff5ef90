"""JAX under jit: the function of ``jax.nn`` where there is one, else the definition; gradients by ``jax.vjp``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from kassei.bench.candidate import Answer, Candidate, Peer
from kassei.bench.case import Case
from kassei.bench.spell import ARC, ELEMENTARY, Language, spell

LANGUAGE = Language(
    name="JAX",
    calls={name: f"jnp.{ARC.get(name, name)}" for name in (*ELEMENTARY, "atan", "sqrt")}
    | {"Abs": "jnp.abs", "sign": "jnp.sign", "erf": "jax.scipy.special.erf", "erfc": "jax.scipy.special.erfc"},
    where="jnp.where({}, {}, {})",
    largest=lambda x, y, _: f"jnp.maximum({x}, {y})",
    least=lambda x, y, _: f"jnp.minimum({x}, {y})",
)
BUILT_IN: Mapping[str, str] = {
    "elu": "jax.nn.elu(v, alpha)",
    "gelu": "jax.nn.gelu(v, approximate=False)",
    "gelu_tanh": "jax.nn.gelu(v, approximate=True)",
    "hard_sigmoid": "jax.nn.hard_sigmoid(v)",
    "hard_swish": "jax.nn.hard_swish(v)",
    "leaky_relu": "jax.nn.leaky_relu(v, c)",
    "log_sigmoid": "jax.nn.log_sigmoid(v)",
    "mish": "jax.nn.mish(v)",
    "relu": "jax.nn.relu(v)",
    "relu6": "jax.nn.relu6(v)",
    "selu": "jax.nn.selu(v)",
    "sigmoid": "jax.nn.sigmoid(v)",
    "silu": "jax.nn.silu(v)",
    "softplus": "jax.nn.softplus(b*v)/b",
    "softsign": "jax.nn.soft_sign(v)",
    "tanh": "jnp.tanh(v)",
}


def build(case: Case) -> Sequence[Candidate]:
    """One candidate; a call ends when its result is there."""
    import jax
    import jax.numpy as jnp

    if case.dtype == "float64":
        jax.config.update("jax_enable_x64", True)
    function, how = _function(case, jax, jnp)
    learned = {n: jnp.asarray(x, dtype=case.dtype) for n, x in case.parameters.items() if n in case.learned}
    fixed = {n: x for n, x in case.parameters.items() if n not in case.learned}
    v, dy = jnp.asarray(case.v), jnp.asarray(case.dy)

    def value(x: Any, moving: Mapping[str, Any]) -> Any:
        return function(x, **moving, **fixed)

    def both(x: Any, moving: Mapping[str, Any], above: Any) -> Any:
        y, pull = jax.vjp(value, x, moving)
        return y, *pull(above)

    wait = jax.block_until_ready
    compiled = jax.jit(both if case.backward else value)
    arguments = (v, learned, dy) if case.backward else (v, learned)

    def run() -> Any:
        return wait(compiled(*arguments))

    def read(result: Any) -> Answer:
        if not case.backward:
            return Answer(y=np.asarray(result))
        y, dv, da = result
        return Answer(y=np.asarray(y), dv=np.asarray(dv), da={name: float(x) for name, x in da.items()})

    return [Candidate(name="jax_jit", output="fresh", run=run, read=read, how=how)]


def _function(case: Case, jax: Any, jnp: Any) -> tuple[Callable[..., Any], str]:
    from kassei.library import catalogue

    f = case.activation
    names = [str(f.variable), *case.parameters]
    known = catalogue.find(f.name)
    how = BUILT_IN.get(f.name, "") if known is not None and known.digest == f.digest else ""
    text = (
        f"def f({', '.join(names)}):\n    return {how}\n"
        if how
        else spell(f, LANGUAGE, case.fixed).function("f", names)
    )
    space: dict[str, Any] = {"jax": jax, "jnp": jnp}
    exec(compile(text, f"<{f.name}>", "exec"), space)
    return space["f"], how or "composition"


peer = Peer(name="jax_jit", needs=("jax",), build=build)
