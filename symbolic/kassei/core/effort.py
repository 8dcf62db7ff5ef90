"""SymPy's open-ended routines under a budget of counted function calls.

``limit`` and ``simplify`` end for most inputs at once and for some not in an hour. The budget counts the Python
functions that are entered, never seconds, so that a slow machine reaches the same verdict as a fast one.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from types import FrameType
from typing import Any, ParamSpec, TypeVar, cast

import sympy as sp
from sympy.core import random

from kassei.core.enclose import RootConstant, Undecided, Unsettled
from kassei.core.memo import SAME_HASHES, forget, memo

T = TypeVar("T")
P = ParamSpec("P")

MAX_CALLS = 600_000
"""Function calls that one limit may take."""
MAX_SIMPLIFY_CALLS = 630_000
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

if SAME_HASHES:
    sp.Dummy._base_dummy_index = 10**8
    random.seed(0)


def remembered(maxsize: int) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Cache what a function that does counted work finds, and that it finds nothing (``Undecided``, ``Fork``).

    :func:`empty_caches` empties it. What ends because the budget is used up says nothing about the question and is
    not kept.
    """

    def wrap(function: Callable[P, T]) -> Callable[P, T]:
        @memo(maxsize)
        def outcome(*args: Any, **kwargs: Any) -> tuple[T | None, Unsettled | None]:
            try:
                return function(*args, **kwargs), None
            except Unsettled as problem:
                if _budgets and _budgets[-1] < 0:
                    raise
                return None, problem

        @wraps(function)
        def answer(*args: P.args, **kwargs: P.kwargs) -> T:
            found, problem = outcome(*args, **cast("dict[str, Any]", kwargs))
            if problem is not None:
                raise problem.with_traceback(None)
            return cast("T", found)

        return answer

    return wrap


def empty_caches() -> None:
    """Forget what was found before; SymPy's own caches too, so that a call enters as many functions every time.

    For the same reason SymPy's generators of random numbers start anew: they choose the order in which assumptions are
    asked, and the points at which two expressions are compared.
    """
    random.seed(0)
    sp.core.cache.clear_cache()
    forget()


@contextmanager
def numbered(text: str) -> Iterator[None]:
    """Number SymPy's dummy symbols by ``text`` and by the order in which they are made, so that they hash alike.

    SymPy starts at a random number in each process. The order of a set follows from hashes, and the number of steps
    from that order. What is made for another text has other numbers, and none is in SymPy's own range.
    """
    before = sp.Dummy._base_dummy_index, sp.Dummy._count
    start = 10**9 + int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big")
    sp.Dummy._base_dummy_index, sp.Dummy._count = start, 0
    try:
        yield
    finally:
        sp.Dummy._base_dummy_index, sp.Dummy._count = before


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


def counted(call: Callable[[], T], limit: int) -> tuple[T, int]:
    """The result of ``call`` and how many Python functions it enters; ``_Spent`` is raised after ``limit`` of them.

    What is entered while two objects are compared does not count: how often a dictionary compares its keys depends on
    the addresses at which Python's own objects lie.
    """
    left = limit
    aside: FrameType | None = None

    def count(frame: FrameType, event: str, _: Any) -> None:
        nonlocal left, aside
        if aside is not None:
            if event == "return" and frame is aside:
                aside = None
        elif event == "call":
            if frame.f_code.co_name == "__eq__" or frame.f_code.co_filename == IMPORT:
                aside = frame
                return
            left -= 1
            if left < 0:
                raise _Spent

    before, hook = sys.getprofile(), sys.unraisablehook

    def unraisable(problem: sys.UnraisableHookArgs) -> None:
        if problem.exc_type is _Spent:  # the budget ran out while a generator was being closed: the next call ends it
            sys.setprofile(count)
        else:
            hook(problem)

    sys.unraisablehook = unraisable
    sys.setprofile(count)
    try:
        found = call()
    finally:
        sys.setprofile(before)
        sys.unraisablehook = hook
    if left < 0:  # and nothing was called after that
        raise _Spent
    return found, limit - left


def bounded(call: Callable[[], T], what: str, limit: int = MAX_CALLS, *, units: int = SYMPY_CALL) -> T:
    """The result of ``call`` for some units of work; ``Undecided`` where it enters more than ``limit`` functions."""
    spend(units)
    try:
        return counted(call, limit)[0]
    except _Spent:
        raise Undecided("{} within {} steps", what, limit) from None


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
