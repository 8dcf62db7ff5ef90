"""SymPy's open-ended routines under a budget of counted function calls.

``limit`` and ``simplify`` end for most inputs at once and for some not in an hour. The budget counts the Python
functions that are entered, never seconds, so that a slow machine reaches the same verdict as a fast one.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import _lru_cache_wrapper, lru_cache, wraps
from types import FrameType
from typing import Any, ParamSpec, TypeVar, cast

import sympy as sp

from kassei.core.enclose import RootConstant, Undecided, Unsettled

T = TypeVar("T")
P = ParamSpec("P")

MAX_CALLS = 600_000
"""Function calls that one limit may take."""
MAX_SIMPLIFY_CALLS = 500_000
"""The same for one simplification."""
MAX_SIMPLIFY_OPS = 150
"""Expressions with more operations than this are not handed to ``simplify``."""


TROUBLE = (
    *(ArithmeticError, AttributeError, IndexError, KeyError, NotImplementedError, RecursionError, TypeError),
    *(ValueError, sp.polys.polyerrors.BasePolynomialError),
)
"""What SymPy raises where it meets what it was not made for; a question that ends so is left open."""


def trouble(problem: BaseException) -> str:
    """Why a question is left open after SymPy failed."""
    return f"SymPy failed with {type(problem).__name__}"


class _Spent(BaseException):
    """The budget is used up. No ``Exception``, so that no handler in between swallows it."""


MAX_WORK = 1000
"""Units of work for one part of the derivation: a chart or a limit is one, a call of SymPy's own routines 100."""
REQUIREMENT_WORK, PROPERTY_WORK = 3000, 1000
"""The same for one requirement and for one property; what an earlier question has found costs nothing."""
SYMPY_CALL = 100
IMPORT = "<frozen importlib._bootstrap>"
"""Where modules are loaded: not counted, for SymPy loads some when they are first needed, once a process."""

_budgets: list[int] = []
_caches: list[_lru_cache_wrapper[Any]] = []


def remembered(maxsize: int) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Cache what a function that does counted work finds, and that it finds nothing (``Undecided``, ``Fork``).

    :func:`empty_caches` empties it. What ends because the budget is used up says nothing about the question and is
    not kept.
    """

    def wrap(function: Callable[P, T]) -> Callable[P, T]:
        @lru_cache(maxsize=maxsize)
        def outcome(*args: Any, **kwargs: Any) -> tuple[T | None, Unsettled | None]:
            try:
                return function(*args, **kwargs), None
            except Unsettled as problem:
                if _budgets and _budgets[-1] < 0:
                    raise
                return None, problem

        _caches.append(outcome)

        @wraps(function)
        def answer(*args: P.args, **kwargs: P.kwargs) -> T:
            found, problem = outcome(*args, **cast("dict[str, Any]", kwargs))
            if problem is not None:
                raise problem.with_traceback(None)
            return cast("T", found)

        return answer

    return wrap


def empty_caches() -> None:
    """Forget what was found before; SymPy's own caches too, so that a call enters as many functions every time."""
    sp.core.cache.clear_cache()
    for cached in _caches:
        cached.cache_clear()


@contextmanager
def work(units: int = MAX_WORK, *, fresh: bool = True) -> Iterator[None]:
    """Give what happens inside a budget; when it is used up every further question is left open.

    ``fresh`` empties the caches first, so that the count does not depend on what was analysed before.
    """
    if fresh:
        empty_caches()
    _budgets.append(units)
    try:
        yield
    finally:
        _budgets.pop()


def spend(units: int = 1) -> None:
    """Count work; raises ``Undecided`` when the budget of the analysis is used up."""
    if _budgets:
        _budgets[-1] -= units
        if _budgets[-1] < 0:
            raise Undecided("the budget of the analysis is used up")


def bounded(call: Callable[[], T], what: str, limit: int = MAX_CALLS, *, units: int = SYMPY_CALL) -> T:
    """The result of ``call`` for some units of work; ``Undecided`` where it enters more than ``limit`` functions."""
    spend(units)
    left = limit
    loading: FrameType | None = None

    def count(frame: FrameType, event: str, _: Any) -> None:
        nonlocal left, loading
        if loading is not None:
            if event == "return" and frame is loading:
                loading = None
        elif event == "call":
            if frame.f_code.co_filename == IMPORT:
                loading = frame
                return
            left -= 1
            if left < 0:
                raise _Spent

    before, hook = sys.getprofile(), sys.unraisablehook
    # the budget may run out while a generator is being closed
    sys.unraisablehook = lambda problem: None if problem.exc_type is _Spent else hook(problem)
    sys.setprofile(count)
    try:
        return call()
    except _Spent:
        raise Undecided("{} within {} steps", what, limit) from None
    finally:
        sys.setprofile(before)
        sys.unraisablehook = hook


@remembered(20000)
def simplify(expr: sp.Expr) -> sp.Expr:
    """SymPy's ``simplify`` where it is cheap enough; the expression itself where it is not."""
    if (expr.is_number and expr.is_Rational) or expr.is_Symbol or sp.count_ops(expr) > MAX_SIMPLIFY_OPS:
        return expr
    if expr.has(RootConstant):  # a number without a shorter spelling, which SymPy asks for its digits again and again
        return expr
    try:
        return bounded(lambda: sp.simplify(expr), f"the simplification of {expr}", MAX_SIMPLIFY_CALLS)
    except (Undecided, *TROUBLE):
        return expr


@remembered(4000)
def limit_at_infinity(expr: sp.Expr, x: sp.Symbol) -> sp.Expr:
    """SymPy's limit as ``x`` goes to +oo; ``Undecided`` where it finds none, fails or takes too many steps."""
    try:
        found = bounded(lambda: sp.limit(expr, x, sp.oo), f"the limit of {expr}")
    except Undecided:
        raise
    except TROUBLE as problem:
        raise Undecided("the limit of {}: {}", expr, trouble(problem)) from problem
    if isinstance(found, sp.Limit) or found.has(sp.Limit, sp.nan, sp.zoo):
        raise Undecided("the limit of {}", expr)
    return found
