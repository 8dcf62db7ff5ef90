"""Elementary functions of our own, as text for emitted modules and as data for every target.

The polynomials are fitted by :mod:`kassei.codegen.kit.fit` and stand in ``coefficients.toml``; what the functions that
use them err is measured by :mod:`kassei.codegen.kit.measure` and stands in ``errors.json``. This is the one place that
describes the algorithms; a target spells them in its own language.

Notation: ``n`` is the nearest integer to ``u*log2_e``, ``r = (u - n*ln2_high) - n*ln2_low`` (the first product and
difference are exact, fused or not), ``q`` the polynomial ``exp``.

``exp(u)``
    ``(1 + (r + r*r*q(r)))*2**n``. The power of two is multiplied in two factors that are normal numbers, so a
    subnormal result is rounded once; u is clamped to where the result is 0 or inf anyway.
``expm1(u)``
    ``t = r + r*r*q(r)``, then t where n = 0 and ``2**n*t + (2**n - 1)`` elsewhere.
``log(x)``, ``log1p(x)``
    x (or 1 + x) is ``2**n*(1 + f)`` with 1 + f in [sqrt(1/2), sqrt(2)); ``log1p`` finds f as
    ``x*2**-n + (2**-n - 1)``, which keeps the digits of x. float32: ``log(1 + f) = f + f*f*P(f)`` with ``log1p``.
    float64: ``f - s*(f - z*P(z))`` with ``s = f/(2 + f)``, ``z = s*s`` and ``atanh``. The result is
    ``n*ln2_high + (log(1 + f) + n*ln2_low)``.
``softplus(u)``
    ``max(u, 0) + log1p(e)`` with ``e = exp(-abs(u))``; float32 takes ``log1p(e) = e + e*e*P(e)`` with ``log1p_unit``.
``tanh(u)``
    ``t/(t + 2)`` with ``t = expm1(2*abs(u))``, and the sign of u.
``sech2(u)``
    ``4*e/(1 + e)**2`` with ``e = exp(-2*abs(u))``.
``sigmoid(u)``
    ``e/(1 + e)`` with ``e = exp(u)``, u clamped above where the result is 1. Where e is subnormal or nearly so it is
    scaled by a power of two that is taken back last, so ``x*sigmoid(u)`` loses nothing in the tail.
``tanh_softplus(u)``
    ``n/(n + 2)`` with ``n = e*e + 2*e``, scaled likewise.
``gauss(u)``, ``exp_neg_square(u)``
    ``u = h + l`` with so few digits in h that ``h*h`` is exact (12 bits for float32, 26 for float64), then
    ``exp(-h*h/2 - l*(u + h)/2)`` with the second part subtracted from r.
``normal_cdf(u)``
    ``a = abs(u)``, ``s = 1/(1 + scale*a)``, tail ``gauss(a)*(s*P(s))`` with ``normal_tail``; 1 - tail where u > 0.
``erfc(u)``
    the same with ``exp_neg_square`` and ``erfc_tail``; 2 - tail where u < 0.
``erf(u)``
    ``u + u*P(u*u)`` with ``erf`` where abs(u) < 1, else 1 - tail with the sign of u.
"""
