#!/usr/bin/env python3
"""Prints the polynomial coefficients of crates/kernels/src/math/constants.rs (needs mpmath).

Each polynomial is the best one in the weighted maximum norm, found by Remez exchange at 60 digits and then rounded to
the type. `python3 make_coefficients.py` prints name, type, relative error bound of the function it serves, coefficients.
"""
import struct

from mpmath import mp, mpf

mp.dps = 60


def remez(f, weight, a, b, degree, rounds=12):
    """Coefficients p (ascending) that minimise max |weight · (f − p)| on [a, b], and that maximum."""
    a, b, n = mpf(a), mpf(b), degree + 2
    nodes = [(a + b) / 2 - (b - a) / 2 * mp.cos(mp.pi * i / (n - 1)) for i in range(n)]
    grid = [(a + b) / 2 - (b - a) / 2 * mp.cos(mp.pi * (i + mpf(1) / 2) / (20 * n)) for i in range(20 * n)]
    values = [(x, f(x), weight(x)) for x in grid]
    for _ in range(rounds):
        rows = mp.matrix(n, n)
        right = mp.matrix(n, 1)
        for i, x in enumerate(nodes):
            for k in range(degree + 1):
                rows[i, k] = x**k
            rows[i, degree + 1] = (-1) ** i / weight(x)
            right[i] = f(x)
        solution = mp.lu_solve(rows, right)
        p = [solution[k] for k in range(degree + 1)]
        errors = [(x, w * (y - mp.polyval(p[::-1], x))) for x, y, w in values]
        # One extremum for each run of equal sign.
        extrema = []
        for x, e in errors:
            if extrema and (extrema[-1][1] > 0) == (e > 0):
                if abs(e) > abs(extrema[-1][1]):
                    extrema[-1] = (x, e)
            else:
                extrema.append((x, e))
        while len(extrema) > n:
            extrema.pop(0 if abs(extrema[0][1]) < abs(extrema[-1][1]) else -1)
        if len(extrema) < n:
            break
        nodes = [x for x, _ in extrema]
        worst = max(abs(e) for _, e in errors)
        if worst < abs(solution[degree + 1]) * mpf("1.01"):
            break
    return p, max(abs(e) for _, e in errors)


def f32(x):
    return struct.unpack("f", struct.pack("f", float(x)))[0]


def shortest(x, kind):
    if kind == "f64":
        return repr(float(x))
    value = f32(x)
    return next(s for s in (f"{value:.{digits}g}" for digits in range(1, 12)) if f32(float(s)) == value)


def exp_tail(r):
    return (mp.exp(r) - 1 - r) / r**2 if abs(r) > mpf(10) ** -15 else mpf(1) / 2 + r / 6


def log_tail(z):
    if z < mpf(10) ** -12:
        return mpf(2) / 5 + mpf(2) / 7 * z
    s = mp.sqrt(z)
    return (2 * mp.atanh(s) / s - 2 - mpf(2) / 3 * z) / z**2


def sin_tail(z):
    r = mp.sqrt(z)
    return (mp.sin(r) - r) / r**3 if z > mpf(10) ** -16 else -mpf(1) / 6


def cos_tail(z):
    return (mp.cos(mp.sqrt(z)) - 1 + z / 2) / z**2 if z > mpf(10) ** -14 else mpf(1) / 24


def erf_near(z):
    x = mp.sqrt(z)
    return mp.erf(x) / x - 1 if z > 0 else 2 / mp.sqrt(mp.pi) - 1


def erf_far(t):
    return -mp.log(mp.erfc(t + 1))


def mills(k):
    """(x + k) e^(x²/2) Φ(−x) over q = (x − k) / (x + k)."""

    def f(q):
        x = k * (1 + q) / (1 - q)
        return (x + k) * mp.exp(x * x / 2) * mp.erfc(x / mp.sqrt(2)) / 2

    return f


def report(name, kind, f, weight, a, b, degree):
    p, worst = remez(f, weight, a, b, degree)
    print(name, kind, f"2^{float(mp.log(worst, 2)):.1f}", "[" + ", ".join(shortest(c, kind) for c in p) + "]", flush=True)
    if name == "MILLS":
        rounded = [mpf(f32(c) if kind == "f32" else float(c)) for c in p[:2]]
        print("MILLS_LOW", kind, "[" + ", ".join(shortest(c - r, kind) for c, r in zip(p, rounded)) + "]")


def truncated(x, bits):
    """x cut to its leading bits."""
    unit = mpf(2) ** (mp.floor(mp.log(abs(x), 2)) - bits + 1)
    return mp.floor(x / unit) * unit


def print_parts(kind, ln2_bits, pi_bits):
    """Constants as sums of numbers short enough that their products with small integers are exact."""
    high = truncated(mp.log(2), ln2_bits)
    print("LN2", kind, shortest(high, kind), shortest(mp.log(2) - high, kind))
    parts, rest = [], mp.pi / 2
    for _ in range(3):
        unit = mpf(2) ** (1 - pi_bits * (len(parts) + 1))
        parts.append(mp.floor(rest / unit) * unit)
        rest -= parts[-1]
    print("HALF_PI", kind, ", ".join(shortest(x, kind) for x in (*parts, rest)))
    for name, x in (("TWO_THIRDS", mpf(2) / 3), ("INV_SQRT_TAU", 1 / mp.sqrt(2 * mp.pi)), ("TWO_OVER_SQRT_PI", 2 / mp.sqrt(mp.pi))):
        high = mpf(f32(x) if kind == "f32" else float(x))
        print(name, kind, shortest(high, kind), shortest(x - high, kind))
    for name, x in (("LOG2_E", 1 / mp.log(2)), ("TWO_OVER_PI", 2 / mp.pi), ("SQRT_2", mp.sqrt(2))):
        print(name, kind, shortest(x, kind))


EDGE = mp.log(2) / 2 * mpf("1.0001")
QUARTER = (mp.pi / 4 * mpf("1.0001")) ** 2
SIXTH = ((mp.sqrt(2) - 1) / (mp.sqrt(2) + 1)) ** 2 * mpf("1.0001")

if __name__ == "__main__":
    small = mpf(10) ** -20
    for kind, e, l, s, c, near, far, reach, top, mill in (
        ("f32", 5, 2, 2, 2, 6, 8, 4, 15, 10),
        ("f64", 10, 7, 6, 6, 12, 23, 6, 39, 23),
    ):
        report("EXP", kind, exp_tail, lambda r: abs(r) + mpf("0.01"), -EDGE, EDGE, e)
        report("LN", kind, log_tail, lambda z: z + mpf("0.0001"), small, SIXTH, l)
        report("SIN", kind, sin_tail, lambda z: z + mpf("0.001"), small, QUARTER, s)
        report("COS", kind, cos_tail, lambda z: z**2 + mpf("0.001"), small, QUARTER, c)
        report("ERF_NEAR", kind, erf_near, lambda z: mpf(1), small, 1, near)
        far_weight = lambda t: mp.erfc(t + 1) / mp.erf(t + 1)
        report("ERF_FAR", kind, erf_far, far_weight, 0, reach - 1, far)
        report("MILLS", kind, mills(4), lambda q: 1 / mills(4)(q), -1, mpf(top - 4) / (top + 4), mill)
        print_parts(kind, *((15, 11) if kind == "f32" else (41, 27)))
