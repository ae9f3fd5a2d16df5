#!/usr/bin/env python3
"""Measure what a training step's time does not show: long chains, memory, import, first calls.

    python tests/bench/limits.py [chain] [layers] [moons_memory] [import] [lines] [first]

Each measurement runs in a process of its own, tinygrad_jp beside PyTorch (where it is installed),
rounds taking turns; prints medians and ratios. Ratios hold on a noisy machine, seconds do not.
"""

import os
import statistics
import subprocess
import sys
import tempfile

from workloads import WORKLOADS

CHAIN = {
    "tinygrad_jp": "import tinygrad_jp as f; x = f.tensor(1.0, requires_grad=True)",
    "torch": "import torch as f; f.set_num_threads(2); x = f.tensor(1.0, requires_grad=True)",
}
CHAIN_RUN = """
import resource, time
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
n = 1_000_000
(x + 1.0).backward(); x.grad = None
before, start = peak(), time.perf_counter()
y = x
for _ in range(n): y = y + 1.0
y.backward()
print((time.perf_counter() - start) / n * 1e6, (peak() - before) / n)
assert float(x.grad) == 1.0
"""
LAYERS = {
    "tinygrad_jp": "import numpy as np, tinygrad_jp as f; from tinygrad_jp import nn\n"
    "x = f.tensor(np.random.default_rng(0).random((4096, 1024), dtype=np.float32))",
    "torch": "import torch as f; from torch import nn; f.set_num_threads(2)\n"
    "x = f.rand(4096, 1024)",
}
LAYERS_RUN = """
import resource
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
layers = [m for _ in range(20) for m in (nn.Linear(1024, 1024), nn.ReLU())]
model = nn.Sequential(*layers)
model(x[:2]).sum().backward()
for p in model.parameters(): p.grad = None
before = peak()
model(x).sum().backward()
print(0.0, peak() - before)
"""
MOONS = """
import resource, sys
sys.path.insert(0, {here!r})
from frameworks import FRAMEWORKS
from workloads import WORKLOADS
step, value = FRAMEWORKS[{name!r}](WORKLOADS["moons"])
for _ in range(100): loss = step()
print(0.0, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""
LINES = """
import time, tinygrad_jp as f
from tinygrad_jp import nn
f.keep_lines({kept})
net = nn.Sequential(nn.Tanh(), nn.Tanh(), nn.Tanh(), nn.Tanh())
x = f.ones(3, requires_grad=True)
def own(): f.tanh(f.tanh(f.tanh(f.tanh(x))))
def layers(): net(x)
def least(step):
    best = 1.0
    for _ in range(200):
        start = time.perf_counter()
        for _ in range(100): step()
        best = min(best, time.perf_counter() - start)
    return best / 400 * 1e6
print(least({step}), 0.0)
"""
FIRST = """
import os, sys, tempfile, time
fresh = tempfile.TemporaryDirectory()
os.environ["TINYGRAD_JP_CACHE"] = {folder!r} or fresh.name
sys.path.insert(0, {here!r})
from frameworks import FRAMEWORKS
from workloads import WORKLOADS
step, value = FRAMEWORKS[{name!r}](WORKLOADS[{workload!r}])
import tinygrad_jp.program.lowered, tinygrad_jp.program.native, tinygrad_jp.rules
start = time.perf_counter()
step()
print(time.perf_counter() - start, 0.0)
"""
IMPORT = "import time; t = time.perf_counter(); import {0}; print(time.perf_counter() - t, 0.0)"


def run(code: str) -> tuple[float, float]:
    """Run a program that prints two numbers."""
    env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env)
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1])
    first, second = done.stdout.split()
    return float(first), float(second)


def compare(title: str, programs: dict[str, str], rounds: int, unit: str) -> None:
    """Run programs in turn and print medians, and ratios to the last one that ran."""
    results: dict[str, list[tuple[float, float]]] = {name: [] for name in programs}
    for _ in range(rounds):
        for name, code in programs.items():
            try:
                results[name].append(run(code))
            except RuntimeError as error:
                results[name] = []
                print(f"{title:13s} {name:14s} not run: {error}", file=sys.stderr)
    base = next((r for r in reversed(results.values()) if r), None)
    for name, rows in results.items():
        if not rows or base is None:
            continue
        time, memory = (statistics.median(column) for column in zip(*rows, strict=True))
        ratio = []
        for i, what in enumerate(("time", "memory")):
            pairs = [(a[i], b[i]) for a, b in zip(rows, base, strict=False) if b[i]]
            if pairs:
                ratio.append(f"{what} x{statistics.median(a / b for a, b in pairs):.2f}")
        print(f"{title:13s} {name:14s} {time:10.4f} {unit:8s} {memory:10.1f}   {'  '.join(ratio)}")


def main() -> None:
    here = __file__.rpartition("/")[0]
    wanted = sys.argv[1:] or ["chain", "layers", "moons_memory", "import", "lines", "first"]
    if "chain" in wanted:
        programs = {k: v + CHAIN_RUN for k, v in CHAIN.items()}
        compare("chain", programs, 3, "µs, B")
    if "layers" in wanted:
        programs = {k: v + LAYERS_RUN for k, v in LAYERS.items()}
        compare("layers", programs, 1, "-, MiB")
    if "moons_memory" in wanted:
        names = ("tinygrad_jp", "tinygrad_jp_compiled", "torch", "numpy_by_hand")
        programs = {n: MOONS.format(here=here, name=n) for n in names}
        compare("moons memory", programs, 1, "-, MiB")
    if "import" in wanted:
        programs = {m: IMPORT.format(m) for m in ("tinygrad_jp", "numpy")}
        compare("import", programs, 15, "s")
    if "lines" in wanted:  # the same operations, with their source lines kept and without
        for step in ("own", "layers"):
            texts = {n: LINES.format(kept=n == "kept", step=step) for n in ("kept", "not kept")}
            programs = {n: f"exec(compile({t!r}, 'bench.py', 'exec'))" for n, t in texts.items()}
            compare(f"lines, {step}", programs, 5, "µs")
    if "first" in wanted:  # call of a step, beyond imports
        for workload in WORKLOADS:
            with tempfile.TemporaryDirectory() as folder:
                ways = {
                    "compiled, cold": ("tinygrad_jp_compiled", ""),
                    "compiled, warm": ("tinygrad_jp_compiled", folder),  # but for the first time
                    "eager": ("tinygrad_jp", folder),
                }
                compare(f"first {workload}"[:13], {
                    way: FIRST.format(here=here, name=name, workload=workload, folder=cache)
                    for way, (name, cache) in ways.items()
                }, 3, "s")


if __name__ == "__main__":
    main()
