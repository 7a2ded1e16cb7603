"""What the Python boards share: rows, variants, timing, the command line. Protocol: README.md."""

import argparse
import gc
import math
import os
import statistics
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass

THREADS = 2
SECONDS = float(os.environ.get("BOARD_SECONDS", "0.6"))  # measured per variant, after warm-up
WARM_UPS = 3
SHORTEST_SAMPLE_S = 50e-6  # shorter calls are timed in batches: the clock and the loop cost 0.1 µs a call
MAX_SAMPLES = 2000


@dataclass
class Row:
    """One row, set up: its variants by name (each a callable that runs one iteration), and what it computes."""

    variants: dict[str, Callable[[], object]]
    #: Runs one iteration from the initial state and returns its checksums (inputs.checksums).
    check: Callable[[], dict[str, float]]


def pin_to_two_cores():
    """Limits the process to THREADS processors, so that every engine's pool has the same size on any machine."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:THREADS])


def measure_us(run):
    """The median and the least time of one call in microseconds."""
    for _ in range(WARM_UPS):
        run()
    start = time.perf_counter()
    run()
    batch = max(1, math.ceil(SHORTEST_SAMPLE_S / (time.perf_counter() - start)))
    samples = []
    end = time.perf_counter() + SECONDS
    while (time.perf_counter() < end and len(samples) < MAX_SAMPLES) or len(samples) < 5:
        start = time.perf_counter()
        for _ in range(batch):
            run()
        samples.append((time.perf_counter() - start) / batch)
    return statistics.median(samples) * 1e6, min(samples) * 1e6


def report(name, row, engine):
    """Times every variant; the fastest is the row's number, `what` names it and lists the others."""
    times = {variant: measure_us(run) for variant, run in row.variants.items()}
    best, (median, least) = min(times.items(), key=lambda item: item[1])
    others = "".join(f"; {variant} {time:.2f}" for variant, (time, _) in times.items() if variant != best)
    print(f"{name}\t{median:.2f}\t{engine} {best} (min {least:.2f}){others}", flush=True)


def main(engine, rows):
    """The command line of a board. `rows` maps a name to a function that sets the row up."""
    parser = argparse.ArgumentParser(description=f"the rows of the board, by {engine}")
    parser.add_argument("rows", nargs="*", metavar="ROW", help="rows to run (default: all)")
    parser.add_argument("--list", action="store_true", help="print the names of the rows")
    parser.add_argument("--check", action="store_true", help="print checksums of outputs and gradients; time nothing")
    options = parser.parse_args()
    if options.list:
        print("\n".join(rows))
        return
    failed = [name for name in options.rows if name not in rows]
    for name in failed:
        print(f"{name}: {engine} has no such row", file=sys.stderr)
    gc.disable()
    for name in [name for name in options.rows or rows if name in rows]:
        try:
            row = rows[name]()
            if options.check:
                sums = " ".join(f"{key}={value!r}" for key, value in row.check().items())
                print(f"{name}\t{sums}", flush=True)
            else:
                report(name, row, engine)
        except Exception:  # one broken row must not hide the others; the exit status tells
            traceback.print_exc()
            failed.append(name)
        row = None
        gc.collect()
    sys.exit(1 if failed else 0)
