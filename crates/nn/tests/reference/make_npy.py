"""Writes npy.bin: files of numpy's own, for the readers' tests in src/data/npy/tests.rs and src/data/npz.rs.

Each is a line `NAME LENGTH` followed by so many bytes. Run: /opt/peers/bin/python make_npy.py
"""

import io
import pathlib

import numpy as np
from numpy.lib import format as npy

files = []


def add(name, array, version=None, **options):
    out = io.BytesIO()
    npy.write_array(out, np.asanyarray(array), version=version, **options)
    files.append((name, out.getvalue()))


# 0, 1, -2 (254, …) and the largest, in both byte orders.
for kind in ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"]:
    for order in "<>":
        dtype = np.dtype(order + kind)
        info = np.finfo(dtype) if kind[0] == "f" else np.iinfo(dtype)
        least = info.min if kind[0] != "u" else 3
        add(f"{order}{kind}", np.array([0, 1, least, info.max], dtype))
add("bool", [True, False, True])
add("special", np.array([np.nan, np.inf, -np.inf, -0.0], "<f4"))
add("half", np.array([np.nan, np.inf, -0.0, 2.0**-24, 0.333251953125], "<f2"))
add("scalar", np.float32(2.5))
add("empty", np.zeros((0, 3), "<f4"))
add("one", np.array([7], "<i8"))
counting = np.arange(24, dtype="<f4").reshape(2, 3, 4)
add("c", counting)
add("fortran", np.asfortranarray(counting))
add("fortran64", np.asfortranarray(np.arange(6, dtype=">f8").reshape(2, 3)))
add("v2", counting, (2, 0))
add("v3", counting, (3, 0))
add("rank8", np.arange(4, dtype="<i4").reshape(1, 2, 1, 1, 2, 1, 1, 1))
# What is refused.
add("objects", np.array([1, "a"], object), allow_pickle=True)
add("records", np.zeros(2, [("a", "<f4"), ("b", "<i4")]))
add("complex", np.zeros(2, "<c8"))
add("text", np.array(["ab", "c"]))
add("dates", np.array(["2020-01-01"], "<M8[D]"))
add("rank9", np.zeros([1] * 9, "<f4"))
for name, save in [("stored.npz", np.savez), ("deflated.npz", np.savez_compressed)]:
    out = io.BytesIO()
    save(out, x=counting, labels=np.arange(200, dtype="<i8"), scalar=np.float64(0.5))
    files.append((name, out.getvalue()))
out = io.BytesIO()
np.savez(out, **{"../x": counting})
files.append(("path.npz", out.getvalue()))

with open(pathlib.Path(__file__).with_name("npy.bin"), "wb") as to:
    for name, data in files:
        to.write(f"{name} {len(data)}\n".encode() + data)
print(len(files), "files,", sum(len(data) for _, data in files), "bytes")
