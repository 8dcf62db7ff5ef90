"""The polynomials of the generated elementary functions: fitted here, by our own exchange, at 60 digits.

    python -m kassei.codegen.kit.fit            # write coefficients.toml (seconds)
    python -m kassei.codegen.kit.fit exp        # only compare some of them with the file; exit 1 where they differ

Each fit is first a minimax polynomial (Remez's exchange on a fine grid of Chebyshev points, weighted, at 60 digits).
Then coefficients are rounded to the working type one after another, the lowest power first, and those that are left
are fitted anew (weighted least squares at Chebyshev points), so that they make up for what rounding has moved. What
the file calls ``error`` is the largest weighted error of the *rounded* polynomial, evaluated at 60 digits; ``minimax``
is that of the unrounded one. Nothing is random, so the same program writes the same file.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import mpmath
from mpmath import mp, mpf

DIGITS = 60
FILE = Path(__file__).with_name("coefficients.toml")
BITS = {"float32": 24, "float64": 53}

Real = Callable[[mpf], mpf]


@dataclass(frozen=True, kw_only=True)
class Fit:
    """One function on one interval, approximated by a polynomial of one degree for one type.

    ``error`` is measured as ``weight(x)*(polynomial(x) - function(x))``.
    """

    name: str
    real: str
    says: str
    function: Real
    weighted: str
    weight: Real
    lo: mpf
    hi: mpf
    degree: int
    scale: float | None = None

    @property
    def key(self) -> str:
        """Its place in the data."""
        return f"{self.name}.{self.real}"


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """Coefficients from the lowest power, exact in the working type, and errors before and after rounding."""

    coefficients: tuple[float, ...]
    minimax: float
    error: float


def rounded(x: mpf, bits: int) -> mpf:
    """The nearest number with so many binary digits (ties to even)."""
    if x == 0:
        return mpf(0)
    _, exponent = mpmath.frexp(x)
    unit = mpf(2) ** (exponent - bits)
    return mpmath.nint(x / unit) * unit


def horner(coefficients: list[mpf], x: mpf) -> mpf:
    """The polynomial's value, lowest power first."""
    total = mpf(0)
    for c in reversed(coefficients):
        total = total * x + c
    return total


def chebyshev_points(lo: mpf, hi: mpf, count: int) -> list[mpf]:
    """Points that crowd at both ends, from left to right, without the ends, where a weight may be 0."""
    return [(lo + hi) / 2 - (hi - lo) / 2 * mpmath.cos(mp.pi * (2 * k + 1) / (2 * count)) for k in range(count)]


def minimax(fit: Fit, grid: list[mpf], values: list[mpf], weights: list[mpf]) -> tuple[list[mpf], mpf]:
    """Remez's exchange: coefficients and the largest weighted error on the grid."""
    unknowns = fit.degree + 2
    last = len(grid) - 1
    chosen = [round(last * (1 - float(mpmath.cos(mp.pi * k / (unknowns - 1)))) / 2) for k in range(unknowns)]
    middle, half = (fit.lo + fit.hi) / 2, (fit.hi - fit.lo) / 2
    best: list[mpf] = []
    for _ in range(40):
        rows = mpmath.matrix(unknowns, unknowns)
        right = mpmath.matrix(unknowns, 1)
        for i, k in enumerate(chosen):
            t = (grid[k] - middle) / half
            for j in range(unknowns - 1):
                rows[i, j] = t**j * weights[k]
            rows[i, unknowns - 1] = (-1) ** i
            right[i] = values[k] * weights[k]
        solved = mpmath.lu_solve(rows, right)
        best = [solved[j] for j in range(unknowns - 1)]
        errors = [w * (horner(best, (x - middle) / half) - y) for x, y, w in zip(grid, values, weights, strict=True)]
        peaks = _peaks(errors, unknowns)
        if max(abs(e) for e in errors) <= abs(solved[unknowns - 1]) * mpf("1.0005") or len(peaks) < unknowns:
            break
        chosen = peaks
    # from powers of (x - middle)/half to powers of x
    powers = [mpf(0)] * (fit.degree + 1)
    for c in reversed(best):
        moved = [mpf(0)] * (fit.degree + 1)
        for k in range(fit.degree + 1):
            moved[k] -= powers[k] * middle / half
            if k + 1 <= fit.degree:
                moved[k + 1] += powers[k] / half
        moved[0] += c
        powers = moved
    return powers, max(abs(e) for e in errors)


def _peaks(errors: list[mpf], count: int) -> list[int]:
    """Indices of the largest errors of alternating sign, ``count`` of them where there are as many."""
    found: list[int] = []
    for k, e in enumerate(errors):
        if e == 0:
            continue
        if found and (errors[found[-1]] > 0) == (e > 0):
            if abs(e) > abs(errors[found[-1]]):
                found[-1] = k
        else:
            found.append(k)
    while len(found) > count:
        if len(found) - count == 1:
            found.pop(0 if abs(errors[found[0]]) < abs(errors[found[-1]]) else -1)
            continue
        weakest = min(range(len(found)), key=lambda i: abs(errors[found[i]]))
        del found[weakest]
        if 0 < weakest < len(found):  # its neighbours now have one sign: keep the larger
            left, right = found[weakest - 1], found[weakest]
            found.remove(left if abs(errors[left]) < abs(errors[right]) else right)
    return found


def solve(fit: Fit) -> Fitted:
    """Fit, then round coefficient by coefficient."""
    with mp.workdps(DIGITS):
        grid = chebyshev_points(fit.lo, fit.hi, 60 * (fit.degree + 2))
        values = [fit.function(x) for x in grid]
        weights = [abs(fit.weight(x)) for x in grid]
        coefficients, best = minimax(fit, grid, values, weights)
        few = range(7, len(grid), 15)
        bits = BITS[fit.real]
        done: list[mpf] = []
        for k in range(fit.degree + 1):
            done.append(rounded(coefficients[k], bits))
            if k == fit.degree:
                break
            rows = [[weights[i] * grid[i] ** j for j in range(k + 1, fit.degree + 1)] for i in few]
            rest = [weights[i] * (values[i] - horner(done, grid[i])) for i in few]
            again = mpmath.lu_solve(mpmath.matrix(rows), mpmath.matrix(rest))
            coefficients = [*done, *again]
        worst = max(abs(w * (horner(done, x) - y)) for x, y, w in zip(grid, values, weights, strict=True))
        return Fitted(coefficients=tuple(float(c) for c in done), minimax=float(best), error=float(worst))


# --- what is fitted ---------------------------------------------------------------------------------------------------


def _exp_rest(r: mpf) -> mpf:
    return (mpmath.expm1(r) - r) / r**2 if abs(r) > mpf("1e-8") else mpf(1) / 2 + r / 6 + r**2 / 24


def _log1p_rest(f: mpf) -> mpf:
    return (mpmath.log1p(f) - f) / f**2 if abs(f) > mpf("1e-8") else -mpf(1) / 2 + f / 3 - f**2 / 4


def _atanh_rest(z: mpf) -> mpf:
    s = mpmath.sqrt(z)
    return 2 * (mpmath.atanh(s) - s) / s**3 if z > mpf("1e-16") else mpf(2) / 3 + 2 * z / 5


def _erf_over(z: mpf) -> mpf:
    x = mpmath.sqrt(z)
    return (mpmath.erf(x) / x if z > mpf("1e-30") else 2 / mpmath.sqrt(mp.pi)) - 1


def _tail(c: float, root: mpf) -> tuple[Real, Real]:
    """R(s) with erfc(root*a)*exp((root*a)**2) = scale*s*R(s), s = 1/(1 + c*a); and the weight for relative errors."""

    def function(s: mpf) -> mpf:
        a = (1 / s - 1) / c
        x = root * a
        scaled = mpmath.erfc(x) * mpmath.exp(x**2)
        return scaled / s * (mpf(1) / 2 if root != 1 else mpf(1))

    return function, lambda s: 1 / function(s)


def gelu_root() -> mpf:
    """Where the slope of u*normal_cdf(u) is 0, times -1."""
    return mpmath.findroot(lambda a: mpmath.erfc(a / mpmath.sqrt(2)) / 2 - a * mpmath.npdf(a), mpf("0.75"))


def _gelu_slope(c: float, root: mpf) -> tuple[Real, Real]:
    """R(s) with normal_cdf(-a) - a*pdf(a) = exp(-a**2/2)*(root - a)*R(s), s = 1/(1 + c*a); and the weight."""

    def function(s: mpf) -> mpf:
        a = (1 / s - 1) / c
        if abs(a - root) < mpf("1e-25"):
            return (2 - root**2) / mpmath.sqrt(2 * mp.pi)
        scaled = mpmath.erfc(a / mpmath.sqrt(2)) * mpmath.exp(a**2 / 2) / 2
        return (scaled - a / mpmath.sqrt(2 * mp.pi)) / (root - a)

    return function, lambda s: 1 / function(s)


@dataclass(frozen=True, kw_only=True)
class Shape:
    """Degrees and ends that were chosen for one type, so that rounding and not the fit sets the error."""

    exp: int
    log1p: int | None
    log1p_unit: int | None
    atanh: int | None
    erf: int
    normal: tuple[float, str, int]
    erfc: tuple[float, str, int]
    gelu_slope: tuple[float, str, int]


SHAPES = {
    "float32": Shape(
        exp=4,
        log1p=8,
        log1p_unit=8,
        atanh=None,
        erf=6,
        normal=(0.375, "14.5", 9),
        erfc=(0.53125, "10.25", 9),
        gelu_slope=(0.375, "14.75", 9),
    ),
    "float64": Shape(
        exp=10,
        log1p=None,
        log1p_unit=None,
        atanh=6,
        erf=12,
        normal=(0.21875, "38.75", 22),
        erfc=(0.3125, "27.5", 22),
        gelu_slope=(0.21875, "38.75", 22),
    ),
}


def fits() -> tuple[Fit, ...]:
    """Every fit of the kit."""
    with mp.workdps(DIGITS):
        return tuple(fit for real, shape in SHAPES.items() for fit in (*_logarithms(real, shape), *_tails(real, shape)))


def _logarithms(real: str, shape: Shape) -> Iterator[Fit]:
    """The exponential, logarithms and erf near 0: what is beyond their first terms, judged relative to the whole."""
    # beyond log(2)/2 by what the rounding of u*log2(e) may move a reduced argument
    end = mpmath.log(2) / 2 * (1 + mpf(2) ** (-12 if real == "float32" else -40))
    yield Fit(
        name="exp",
        real=real,
        says="(exp(r) - 1 - r)/r**2",
        function=_exp_rest,
        weighted="r**2/(exp(r) - 1)",
        weight=lambda r: r**2 / mpmath.expm1(r) if r != 0 else mpf(0),
        lo=-end,
        hi=end,
        degree=shape.exp,
    )
    low, high, slack = mpmath.sqrt(2) / 2 - 1, mpmath.sqrt(2) - 1, mpf(2) ** -20
    for name, x, degree, lo, hi in (
        ("log1p", "f", shape.log1p, low - slack, high + slack),
        ("log1p_unit", "e", shape.log1p_unit, mpf(0), mpf(1)),
    ):
        if degree is not None:
            yield Fit(
                name=name,
                real=real,
                says=f"(log(1 + {x}) - {x})/{x}**2",
                function=_log1p_rest,
                weighted=f"{x}**2/log(1 + {x})",
                weight=lambda f: f**2 / mpmath.log1p(f) if f != 0 else mpf(0),
                lo=lo,
                hi=hi,
                degree=degree,
            )
    if shape.atanh is not None:
        yield Fit(
            name="atanh",
            real=real,
            says="2*(atanh(s) - s)/s**3 in z = s**2",
            function=_atanh_rest,
            weighted="s**3/(2*atanh(s))",
            weight=lambda z: z ** mpf("1.5") / (2 * mpmath.atanh(mpmath.sqrt(z))) if z != 0 else mpf(0),
            lo=mpf(0),
            hi=(high / (2 + high)) ** 2 * (1 + mpf(2) ** -40),
            degree=shape.atanh,
        )
    yield Fit(
        name="erf",
        real=real,
        says="erf(x)/x - 1 in z = x**2",
        function=_erf_over,
        weighted="x/erf(x)",
        weight=lambda z: 1 / (1 + _erf_over(z)),
        lo=mpf(0),
        hi=mpf(1),
        degree=shape.erf,
    )


def _tails(real: str, shape: Shape) -> Iterator[Fit]:
    """Tails of the normal distribution, and the slope of GELU, without their exponential."""
    for name, (c, far, degree), (function, weight), says in (
        (
            "gelu_slope",
            shape.gelu_slope,
            _gelu_slope(shape.gelu_slope[0], gelu_root()),
            "(normal_cdf(-a) - a*pdf(a))*exp(a**2/2)/(root - a)",
        ),
        (
            "normal_tail",
            shape.normal,
            _tail(shape.normal[0], 1 / mpmath.sqrt(2)),
            "normal_cdf(-a)*exp(a**2/2)/s",
        ),
        ("erfc_tail", shape.erfc, _tail(shape.erfc[0], mpf(1)), "erfc(a)*exp(a**2)/s"),
    ):
        yield Fit(
            name=name,
            real=real,
            says=f"{says} in s = 1/(1 + scale*a), 0 <= a <= {far}",
            function=function,
            weighted="relative",
            weight=weight,
            lo=1 / (1 + mpf(c) * mpf(far)),
            hi=mpf(1),
            degree=degree,
            scale=c,
        )


def constants(real: str) -> dict[str, float]:
    """What range reduction needs, log2(e), and log(2) as a short part and the rest; and the zero of GELU's slope.

    The short part has so few digits that its product with every k in use (11 binary digits and the sign for float64,
    9 for float32) is exact, with or without a fused multiply-add.
    """
    with mp.workdps(DIGITS):
        bits = BITS[real]
        ln2 = mpmath.log(2)
        high = rounded(ln2, bits - (9 if real == "float32" else 12))
        root = gelu_root()
        return {
            "gelu_root": float(rounded(root, bits)),
            "gelu_root_low": float(rounded(root - rounded(root, bits), bits)),
            "log2_e": float(rounded(1 / ln2, bits)),
            "ln2_high": float(high),
            "ln2_low": float(rounded(ln2 - high, bits)),
            "ln2": float(rounded(ln2, bits)),
        }


# --- the file ---------------------------------------------------------------------------------------------------------

HEAD = """\
# Made by python -m kassei.codegen.kit.fit: minimax polynomials found by our own exchange at {digits} digits.
# Do not edit. Coefficients stand lowest power first and are exact in the type they are for; `error` is the largest
# weighted error of the rounded polynomial (`weight` times the difference from `function`) on `interval`, `minimax`
# that before rounding. How they are used: symbolic/kassei/codegen/kit/__init__.py.
"""


def table(fit: Fit) -> str:
    """One fit as TOML."""
    got = solve(fit)
    lines = [
        f"[{fit.key}]",
        f'function = "{fit.says}"',
        f'weight = "{fit.weighted}"',
        f"interval = [{float(fit.lo)!r}, {float(fit.hi)!r}]",
        f"degree = {fit.degree}",
        *([f"scale = {fit.scale!r}"] if fit.scale is not None else []),
        f"minimax = {got.minimax:.3e}",
        f"error = {got.error:.3e} # 2**{float(mpmath.log(got.error, 2)):.1f}",
        "coefficients = [",
        *(f'    "{c.hex()}", # {c!r}' for c in got.coefficients),
        "]",
    ]
    return "\n".join(lines) + "\n"


def text() -> str:
    """The whole file."""
    parts = [HEAD.format(digits=DIGITS)]
    for real in BITS:
        rows = "".join(f'{name} = "{value.hex()}" # {value!r}\n' for name, value in constants(real).items())
        parts.append(f"[constants.{real}]\n{rows}")
    parts += [table(fit) for fit in fits()]
    return "\n".join(parts)


def main(names: list[str]) -> int:
    """Write the file, or compare the named fits with it."""
    if not names:
        FILE.write_text(text(), encoding="utf-8")
        return 0
    known = FILE.read_text(encoding="utf-8")
    different = [fit.key for fit in fits() if fit.name in names and table(fit) not in known]
    for key in different:
        print(f"{key} differs from {FILE.name}", file=sys.stderr)
    return 1 if different else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
