"""Emitted JavaScript is run, for every function: by QuickJS here, and by Chromium where there is one."""

from __future__ import annotations

import json
import math
import shutil
from typing import Any

import mpmath
import numpy as np
import pytest

from exact import Exact
from functions import FEW, LEARNED, NAMES, ON_SMALL_SITE, SOURCES
from javascript import CALL, call, context, load, script, source, text
from kassei import load as read
from kassei.codegen import emit
from kassei.codegen.targets import javascript
from kassei.core.derive import derive
from kassei.library import catalogue
from test_codegen import breaks, hard_points, module, parameter_grid, undefined, wanted

ALLOWED = 1e-13
"""Relative error per unit of conditioning. The largest without conditioning was 5e-16 in 115 functions."""
NUMPY = 4.0
"""A form that cancels far out (``v/2 + sqrt(v**2 + b)/2`` at -700) does so in every target: no more than NumPy's error
in float64, times this."""
SMALLEST = mpmath.mpf(2) ** -1022
CHROMIUM = shutil.which("chromium")


def error(got: float, want: Any) -> float:
    """Relative to the exact value, or to the smallest normal number; infinite where one of two is NaN or infinite."""
    if mpmath.isnan(want):
        return 0.0 if math.isnan(got) else math.inf
    if abs(want) > mpmath.mpf(1.7976931348623157e308) * (1 + mpmath.mpf(2) ** -54):
        return 0.0 if math.isinf(got) and (got > 0) == (want > 0) else math.inf
    if not math.isfinite(got):
        return math.inf
    return float(abs(mpmath.mpf(got) - want) / max(abs(want), SMALLEST))


def defaults(name: str) -> tuple[float, ...]:
    return tuple(float(p.default) for p in catalogue[name].parameters)


def points_of(name: str) -> list[float]:
    found = hard_points(name, np.float64).tolist()
    return [x for x in found if abs(x) >= 1e-300 or x == 0]  # below, powers of the input underflow on the way


def check(name: str, params: tuple[float, ...], points: list[float], run: Any) -> None:
    """Value and slope at each point."""
    code, array = module(name), np.array(points)
    peers = (code.forward(array, *params), code.grad_input(np.ones_like(array), array, *params))
    for quantity, index, peer in (("value", None, peers[0]), ("slope", 0, peers[1])):
        for at, y, other in zip(points, run(name, quantity, points, params), peer.tolist(), strict=True):
            if index is not None and at in breaks(name):
                continue
            want, condition = wanted(name, at, params, index)
            allowed = max(ALLOWED * (1 + condition), NUMPY * error(other, want))
            assert error(y, want) <= allowed, f"{name} {quantity} {params} at {at!r}: {y!r}, exactly {want}"


@pytest.mark.parametrize("name", FEW)
def test_javascript_is_as_accurate_as_the_function_allows(name: str) -> None:
    """At breaks and their neighbours, zero, tails and the largest numbers, for parameters far out in their domains."""
    rows = parameter_grid(name)[:: 4 if name in SOURCES else 1]
    for params in rows:
        if not undefined(name, params):
            check(name, params, points_of(name), call)


@pytest.mark.parametrize("name", FEW)
def test_special_inputs(name: str) -> None:
    """NaN stays NaN in all quantities; infinities and zeros of both signs give what NumPy's module gives."""
    params = defaults(name)
    code, quantities = module(name), ("value", "slope", "second")
    for quantity in quantities:
        assert math.isnan(call(name, quantity, [math.nan], params)[0])
    inputs = [math.inf, -math.inf, 0.0, -0.0]
    array = np.array(inputs)
    for quantity, want in (("value", code.forward(array)), ("slope", code.grad_input(np.ones_like(array), array))):
        for x, y, other in zip(inputs, call(name, quantity, inputs, params), want.tolist(), strict=True):
            same = y == other or abs(y - other) <= 1e-15 * abs(other) or (math.isnan(y) and math.isnan(other))
            assert same, f"{name} {quantity} at {x}: {y!r}, NumPy {other!r}"


def second(exact: Exact, v: float, params: tuple[float, ...]) -> Any:
    """The second derivative by a central difference that is exact to 50 digits."""
    with mpmath.workdps(900):
        x, given = mpmath.mpf(v), [mpmath.mpf(p) for p in params]
        step = max(abs(x), mpmath.mpf(1)) * mpmath.mpf(10) ** -120
        up, at, down = (exact.value(x + k * step, *given) for k in (1, 0, -1))
        return (up - 2 * at + down) / step**2


@pytest.mark.parametrize("name", FEW)
def test_second_derivatives_are_right_where_they_are_drawn(name: str) -> None:
    """Within 1e-12 of the exact value, or of 1 near the zeros of f''."""
    exact, params = Exact(catalogue[name]), defaults(name)
    points = [x / 8 + 1 / 64 for x in range(-44, 45, 3)]
    points = [x for x in points if all(abs(x - b) > 1e-6 for b in breaks(name))]
    for at, y in zip(points, call(name, "second", points, params), strict=True):
        want = second(exact, at, params)
        assert abs(mpmath.mpf(y) - want) <= 1e-12 * max(abs(want), 1), f"{name} at {at}: {y!r}, exactly {want}"


@pytest.mark.parametrize("name", LEARNED)
def test_parameter_slopes_are_right(name: str) -> None:
    params = defaults(name)
    points = [-30.5, -2.5, -0.375, 0.25, 1.75, 30.5]
    points = [x for x in points if x not in breaks(name)]
    for k, p in enumerate(catalogue[name].parameters, start=1):
        if p.learned:
            for at, y in zip(points, call(name, p.name, points, params), strict=True):
                want, condition = wanted(name, at, params, k)
                assert error(y, want) <= 1e-12 * (1 + condition), f"{name} {p.name} at {at}: {y!r}, exactly {want}"


@pytest.mark.parametrize("name", FEW)
def test_breaks_are_those_of_the_definition(name: str) -> None:
    load(name)
    given = json.dumps([text(x) for x in defaults(name)])
    found = json.loads(context().eval(f"JSON.stringify(modules[{name!r}].at(...{given}.map(Number)).breaks)"))
    facts = derive(catalogue[name], with_limits=False)
    assert set(found) <= set(breaks(name))
    assert len(found) <= max(len(case.form.breaks) for case in facts.cases)


def run(expression: str) -> Any:
    return json.loads(context().eval(f"JSON.stringify({expression})"))


def test_arrays_go_through_and_wrong_arguments_are_refused() -> None:
    load("exponential")
    load("relu")
    m = "modules.exponential"
    assert run(f"{m}.forward(2)") == 2
    assert run(f"{m}.forward([-1, 1])") == [-0.5, 1]
    assert run(f"Array.from({m}.forward(new Float64Array([-1, 1])))") == [-0.5, 1]
    assert run(f"{m}.forward(new Float32Array([1])) instanceof Float32Array")
    assert run(f"{m}.grad_input([2, 3], [1, 2])") == [2, 3]
    assert run(f"{m}.grad_params([1, 1], [-1, -1])") == {"a": -0.5}
    assert run(f"{m}.backward([1], [1])") == [[1], {"a": 0}]
    assert run(f"{m}.forward_backward([1], [1])") == [[1], [1], {"a": 0}]
    assert run("modules.relu.grad_params([1], [1])") == {}
    for bad, kind in (
        (f"{m}.forward('1')", "TypeError"),
        (f"{m}.forward(1, NaN)", "RangeError"),
        (f"{m}.forward(1, '2')", "TypeError"),
        (f"{m}.grad_input([1], [1, 2])", "RangeError"),
    ):
        assert run(f"(() => {{ try {{ {bad}; return ''; }} catch (e) {{ return e.name; }} }})()") == kind


def test_a_parameter_outside_its_domain_is_refused() -> None:
    load("elu")
    said = run("(() => { try { modules.elu.at(-1); return ''; } catch (e) { return e.message; } })()")
    assert said == "alpha = -1 lies outside its domain (0, oo)"


@pytest.mark.parametrize("name", ["exponential", "gelu", "shifted_relu"])
def test_the_audit_runs_it(name: str) -> None:
    """The runner gives what the engine gives: value, slope and the derivative in each learned parameter."""
    from kassei.audit.jobs import emitted
    from kassei.exact.formats import FORMATS

    f, form = catalogue[name], FORMATS["float64"]
    code, points = emitted(f, "javascript"), [-2.5, 0.0, 0.75]
    params = {p.name: float(p.default) for p in f.parameters}
    for quantity, kind in ((None, "value"), (str(f.variable), "slope"), *((p.name, p.name) for p in f.learned)):
        found = code.call(quantity, np.array(points), params, str(f.variable), form)
        assert found.tolist() == call(name, kind, points, tuple(params.values()))


def test_names_that_javascript_reserves(tmp_path: Any) -> None:
    """A parameter may be called as the definition likes."""
    (tmp_path / "mine.toml").write_text(
        'expr = "default*x + Math*erf(x)"\nvariable = "x"\n[parameters.default]\ndomain = "(0, oo)"\ndefault = 2.0\n'
        'learned = true\n[parameters.Math]\ndomain = "Reals"\ndefault = 1.0\n'
    )
    ((_, code),) = emit(read(tmp_path / "mine.toml"), "javascript").items()
    context().eval(f"modules.mine = {script(code)}; 0")
    assert run("modules.mine.forward(0.5, 3, 0)") == 1.5
    assert run("modules.mine.grad_params(1, 0.5)") == {"default": 0.5}


def test_a_function_without_a_rule_is_refused() -> None:
    import sympy as sp

    from kassei.codegen.printer import NoRuleError

    with pytest.raises(NoRuleError, match=r"javascript has no rule for 'gamma'; .*targets/javascript\.py"):
        javascript.PRINTER.expr(sp.gamma(sp.Symbol("x")))


def test_the_module_says_where_it_comes_from() -> None:
    head = source("gelu").splitlines()[:2]
    assert head[0].startswith("// Generated by kassei")
    assert catalogue["gelu"].digest in head[1]
    assert f'export const DIGEST = "{catalogue["gelu"].digest}";' in source("gelu")
    assert "import " not in source("gelu")


@pytest.mark.xdist_group("site")
@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
@pytest.mark.parametrize("names", [ON_SMALL_SITE, pytest.param(NAMES, marks=pytest.mark.only_slow)], ids=["few", "all"])
def test_chromium_computes_what_is_computed_here(names: tuple[str, ...]) -> None:
    """The same modules in V8: what QuickJS gives, or as near to the exact value."""
    playwright = pytest.importorskip("playwright.sync_api")
    points = [-30.0, -5.5, -1.0, -0.3, -1e-9, 0.0, 1e-9, 0.3, 1.0, 5.5, 30.0, math.inf, -math.inf, math.nan]
    with playwright.sync_playwright() as p:
        browser = p.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.evaluate(f"() => {{ globalThis.modules = {{}}; globalThis.call = {CALL}; }}")
        for name in names:
            page.evaluate(f"() => {{ modules[{name!r}] = {script(source(name))}; }}")
            params = defaults(name)
            for quantity, index in (("value", None), ("slope", 0)):
                given = [name, quantity, [text(x) for x in points], [text(x) for x in params]]
                found = [float(y) for y in page.evaluate("(given) => call(...given)", given)]
                for at, y, other in zip(points, found, call(name, quantity, points, params), strict=True):
                    if y == other or (math.isnan(y) and math.isnan(other)):
                        continue
                    want, condition = wanted(name, at, params, index)
                    allowed = max(ALLOWED * (1 + condition), 4 * error(other, want))
                    assert error(y, want) <= allowed, f"{name} {quantity} at {at!r}: {y!r}, exactly {want}"
        browser.close()
