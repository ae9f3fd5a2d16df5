#!/usr/bin/env python3
"""Time native training steps by themselves: no recording, no Tensors, only what LLVM made.

    python tests/bench/native.py [moons housing two_layer_net wide] [--depth 30]

Prints, for each workload: seconds to lower, to compile and to load what was compiled; the least
time of a step, as processor time of the calling thread (which other jobs on the machine do not
lengthen) and by the clock; and the same of the step's matrix products alone through NumPy.
"""

import argparse
import os
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "unit"))

import numpy as np
from program.building import room
from program.networks import network
from workloads import WORKLOADS

from tinygrad_jp.program import native


def least(run, seconds=2.0):
    """Give the least (processor time, time) of a call, in µs, over many rounds."""
    run()
    start = time.perf_counter()
    run()
    rounds = max(1, int(2e-3 / max(time.perf_counter() - start, 1e-7)))
    best = [float("inf")] * 2
    stop = time.perf_counter() + seconds
    while time.perf_counter() < stop:
        here, wall = time.thread_time(), time.perf_counter()
        for _ in range(rounds):
            run()
        best[0] = min(best[0], (time.thread_time() - here) / rounds)
        best[1] = min(best[1], (time.perf_counter() - wall) / rounds)
    return [b * 1e6 for b in best]


def products(widths, batch):
    """Make a function of the matrix products that a step cannot do without."""
    rng = np.random.default_rng(0)
    hs = [rng.random((batch, n), np.float32) for n in widths]
    ws = [rng.random((n, m), np.float32) for m, n in pairwise(widths)]
    ys, gs, ds = ([np.empty_like(a) for a in s] for s in (hs[1:], ws, hs))

    def run():
        for i, w in enumerate(ws):
            np.matmul(hs[i], w.T, out=ys[i])
        for i in reversed(range(len(ws))):
            np.matmul(ys[i].T, hs[i], out=gs[i])
            if i:
                np.matmul(ys[i], ws[i], out=ds[i])

    return run


def measure(name, widths, batch, activation, loss, optimizer):
    """Build one step twice, the second time from the cache, and time it."""
    spent = []
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TINYGRAD_JP_CACHE"] = folder
        for _ in range(2):
            b = network(widths, batch, activation, loss, optimizer, lr=1e-3)
            start = time.process_time()
            made = native.build(b.program)
            lowered = time.process_time()
            entry = made.bind(room(b.program))
            spent += [lowered - start, time.process_time() - lowered]
    assert entry(*b.arrays) is None
    cpu, wall = least(lambda: entry(*b.arrays))
    floor_cpu, floor = least(products(widths, batch))
    print(f"{name:14s} {cpu:10.2f} us on one thread, {wall:10.2f} by the clock;"
          f"  products {floor_cpu:9.1f} {floor:9.1f};  workspace {made.workspace_bytes / 1024:7.0f} KiB;"
          f"  lower {spent[0]:.3f} s, compile {spent[1]:.3f}, load {spent[3]:.3f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("workloads", nargs="*", default=list(WORKLOADS))
    parser.add_argument("--depth", type=int, default=0, help="also a network of so many layers of 64")
    args = parser.parse_args()
    for name in args.workloads:
        w = WORKLOADS[name]
        measure(name, w.widths, w.batch, w.activation, w.loss, w.optimizer)
    if args.depth:
        measure(f"{args.depth} layers", (64,) * (args.depth + 1), 64, "relu", "mse", "adam")


if __name__ == "__main__":
    main()
