"""The numbers every engine of the board computes with: README.md, "Inputs", is the definition."""

import numpy as np

#: Tensor number of the weights in the `dot` checksum. Rows use small numbers for their own tensors.
CHECK = 1000

_CHUNK = 1 << 22


def bits(tensor, start, stop):
    """The hash of elements start..stop of a tensor, as u32."""
    i = np.arange(start + 1, stop + 1, dtype=np.uint64)
    h = (i * np.uint64(2654435761) + np.uint64(tensor * 40503 * 65537)).astype(np.uint32)
    h ^= h >> np.uint32(16)
    h *= np.uint32(0x7FEB352D)
    h ^= h >> np.uint32(15)
    h *= np.uint32(0x846CA68B)
    h ^= h >> np.uint32(16)
    return h


def unit(tensor, start, stop):
    """Elements start..stop of a tensor, uniform in [-1, 1), exact in f64."""
    return bits(tensor, start, stop) * 2.0**-31 - 1.0


def values(tensor, shape, scale=1.0, offset=0.0):
    """A tensor: offset + scale·unit in f64, rounded once to f32. Shapes are ours: features last."""
    count = int(np.prod(shape))
    flat = np.empty(count, np.float32)
    for start in range(0, count, _CHUNK):  # in pieces: the f64 temporaries of 32 Mi elements would take a gigabyte
        stop = min(start + _CHUNK, count)
        flat[start:stop] = offset + scale * unit(tensor, start, stop)
    return flat.reshape(shape)


def labels(count, classes):
    """Class labels: i mod classes."""
    return np.arange(count, dtype=np.int64) % classes


def checksums(name, array):
    """`name.sum`, `name.abs` and `name.dot` of an array in our order (features last), accumulated in f64."""
    flat = np.ascontiguousarray(array).reshape(-1)
    total = absolute = dot = 0.0
    for start in range(0, flat.size, _CHUNK):
        piece = flat[start : start + _CHUNK].astype(np.float64)
        total += float(piece.sum())
        absolute += float(np.abs(piece).sum())
        dot += float((piece * unit(CHECK, start, start + piece.size)).sum())
    return {f"{name}.sum": total, f"{name}.abs": absolute, f"{name}.dot": dot}
