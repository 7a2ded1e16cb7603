#!/usr/bin/env python3
"""Writes math_f64.txt: arguments and correctly rounded values of the transcendental functions in f64 (needs mpmath).

One line per value: function, the argument's bits (two for pow), the value's bits, in hexadecimal.
"""
import math
import random
import struct

from mpmath import mp, mpf

mp.prec = 2400  # enough for the reduction of the largest arguments of sin


def bits(x):
    return struct.unpack("<Q", struct.pack("<d", x))[0]


def number(pattern):
    return struct.unpack("<d", struct.pack("<Q", pattern))[0]


def rounded(value):
    """The nearest double, ties aside: mpmath rounds to 53 bits also below the normal numbers, so that is done here."""
    if value == 0:
        return 0.0
    exponent = mp.mag(value)
    if exponent > 1024:
        return math.copysign(math.inf, value)
    unit = max(exponent - 53, -1074)
    whole = int(mp.nint(mp.ldexp(value, -unit)))
    try:
        return math.copysign(math.ldexp(whole, unit), value)
    except OverflowError:
        return math.copysign(math.inf, whole)


def near(x, steps):
    """x and its neighbours so many steps away, both signs."""
    return [number(bits(abs(x)) + k) * math.copysign(1, x) for k in (-steps, -1, 0, 1, steps)]


def phi(x):
    return mp.erfc(-x / mp.sqrt(2)) / 2


FUNCTIONS = {
    "exp": (mp.exp, -745.5, 709.9),
    "expm1": (mp.expm1, -45, 709.9),
    "ln": (mp.log, None, None),
    "log1p": (mp.log1p, -1, 1e3),
    "tanh": (mp.tanh, -20, 20),
    "sin": (mp.sin, -1e4, 1e4),
    "cos": (mp.cos, -1e4, 1e4),
    "sigmoid": (lambda x: 1 / (1 + mp.exp(-x)), -745, 40),
    "silu": (lambda x: x / (1 + mp.exp(-x)), -751, 60),
    "softplus": (lambda x: mp.log1p(mp.exp(x)), -745, 60),
    "erf": (mp.erf, -6, 6),
    "gelu": (lambda x: x * phi(x), -38.6, 9),
}


def arguments(name, low, high, rng):
    if name == "ln":
        xs = [number(rng.randrange(1, bits(math.inf))) for _ in range(150)] + [rng.uniform(0.5, 2) for _ in range(150)]
        xs += [1 + s * 2.0**-k for k in range(1, 53) for s in (1, -1)] + [number(k) for k in (1, 2, 12345, 1 << 51)]
        return xs
    xs = [rng.uniform(low, high) for _ in range(110)]
    for span in (1, 3, 8):
        xs += [rng.uniform(max(low, -span), min(high, span)) for _ in range(50)]
    xs += [s * rng.uniform(1, 2) * 2.0 ** rng.uniform(-60, 0) for _ in range(50) for s in (1, -1) if s > low]
    xs += [5e-324, -5e-324, 1e-310, -1e-310, 2.0**-1022]
    if name in ("sin", "cos"):
        for k in [*range(1, 13), 355, 1000, 31_337, 10**6, 10**7]:
            xs += near(float(mp.pi / 2 * k), 1000)
        xs += [rng.choice((1, -1)) * 2.0 ** rng.uniform(13, 1023) for _ in range(60)]
        xs += [6381956970095103.0 * 2.0**797, 1.7976931348623157e308]
    if name == "log1p":
        xs += [-1 + 2.0**-k for k in range(1, 54)] + [2.0 ** rng.uniform(10, 1023) for _ in range(20)]
    if name in ("exp", "expm1"):
        xs += [float(mp.log(2) * (k + mpf(1) / 2)) for k in range(-60, 60, 3)]
    if name in ("sigmoid", "silu", "softplus", "gelu"):
        xs += [rng.uniform(low, low * 0.93) for _ in range(40)] + [rng.uniform(low / 2, 0) for _ in range(60)]
    return xs


def powers(rng):
    pairs = [(rng.uniform(0.01, 10), rng.uniform(-20, 20)) for _ in range(120)]
    pairs += [(-rng.uniform(0.1, 4), float(rng.randrange(-40, 40))) for _ in range(40)]
    while len(pairs) < 400:
        base = rng.choice((number(rng.randrange(bits(2.0**-1022), bits(math.inf))), 1 + rng.uniform(-1, 1) * 2.0 ** -rng.randrange(1, 50)))
        if base != 1:
            exponent = rng.uniform(-745, 710) / math.log(base)
            if abs(exponent) < 2.0**63:
                pairs.append((base, exponent))
    return pairs


if __name__ == "__main__":
    rng = random.Random(7)
    with open("math_f64.txt", "w") as out:
        for name, (function, low, high) in FUNCTIONS.items():
            mp.prec = 2400 if name in ("sin", "cos") else 400
            for x in arguments(name, low, high, rng):
                # Below 1e-200 the distance from the limit is beyond the working precision, and from any rounding.
                print(name, f"{bits(x):x}", f"{bits(rounded(function(mpf(x)))):x}", file=out)
        mp.prec = 300
        for x, y in powers(rng):
            print("pow", f"{bits(x):x}", f"{bits(y):x}", f"{bits(rounded(mpf(x) ** mpf(y))):x}", file=out)
