#!/usr/bin/env python3
"""Train for a very long time and watch the memory: no step may leave anything behind.

    python tests/bench/soak.py                      100,000 steps, out/soak.png and out/soak.json
    python tests/bench/soak.py --steps 1000000 --lang en

The training has what a program has: batches, layers with buffers, dropout, a scheduler, gradient
clipping, in turns an evaluation without gradients, a second derivative, an error that is caught, and
a graph that is dropped unused. Every 1/200 of the way it writes down the memory that the process
holds (resident set), the number of Python objects, and the length of the engine's log of writes.
Ends with 1 if the memory of the second half grows by more than 1 MiB or objects are left over.
"""

import argparse
import contextlib
import gc
import json
import sys
import time
from pathlib import Path

import numpy as np

import tinygrad_jp as tj
from tinygrad_jp import nn, optim
from tinygrad_jp.autograd import memory
from tinygrad_jp.errors import TinygradError
from tinygrad_jp.plot import curves, picture

WORDS = {
    "ja": ("{steps:,} 歩の訓練とメモリ", "歩", "常駐メモリ [MiB]", "Python の物の数", "損失", "ならした損失"),
    "en": ("memory over {steps:,} training steps", "step", "resident memory [MiB]", "Python objects", "loss",
           "smoothed loss"),
}


def resident():
    """Give the memory that the process holds, in bytes (Linux: from /proc; else the most so far)."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
    except OSError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


class Training:
    """One training, and the odd things that a program does between its steps."""

    def __init__(self):
        tj.manual_seed(0)
        self.net = nn.Sequential(
            nn.Linear(16, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Dropout(0.1), nn.Linear(64, 32),
            nn.LayerNorm(32), nn.GELU(), nn.Linear(32, 4),
        )
        self.optimizer = optim.Adam(self.net.parameters(), lr=1e-3, weight_decay=1e-4)
        self.scheduler = optim.lr_scheduler.CosineAnnealingLR(self.optimizer, T_max=1000)
        self.loss_of = nn.CrossEntropyLoss()
        rng = np.random.default_rng(0)
        self.x = rng.standard_normal((1024, 16)).astype(np.float32)
        self.t = (self.x[:, :4] + 0.3 * rng.standard_normal((1024, 4))).argmax(1)
        self.rng = rng

    def step(self, number):
        rows = self.rng.integers(0, len(self.x), 32)
        self.optimizer.zero_grad()
        loss = self.loss_of(self.net(tj.Tensor(self.x[rows])), self.t[rows])
        loss.backward()
        nn.utils.clip_grad_norm_(self.net.parameters(), 5.0)
        self.optimizer.step()
        self.scheduler.step()
        if number % 10 == 0:
            self.between(number // 10)
        return loss.item()

    def between(self, turn):
        """Do one of the odd things."""
        if turn % 4 == 0:
            self.net.eval()
            with tj.no_grad():
                self.net(tj.Tensor(self.x[:64]))
            self.net.train()
        elif turn % 4 == 1:
            w = tj.ones(8, requires_grad=True)
            (g,) = tj.autograd.grad((w**3).sum(), w, create_graph=True)
            g.sum().backward()
        elif turn % 4 == 2:
            with contextlib.suppress(TinygradError):
                self.net(tj.Tensor(self.x[:4, :3]))
        else:
            self.net(tj.Tensor(self.x[:8])).sum()  # a graph that nobody goes back through


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=100_000)
    parser.add_argument("--out", type=Path, default=Path("out/soak.png"))
    parser.add_argument("--lang", choices=("ja", "en"), default="ja")
    given = parser.parse_args()
    training, loss, seen = Training(), None, []
    for number in range(2_000):  # what is made once: operations written out, caches
        training.step(number)
    every = max(1, given.steps // 200)
    start = time.perf_counter()
    for number in range(1, given.steps + 1):
        value = training.step(number)
        loss = value if loss is None else 0.999 * loss + 0.001 * value
        if number % every == 0:
            gc.collect()
            seen.append((number, resident(), len(gc.get_objects()), len(memory._writes), loss))
    seconds = time.perf_counter() - start
    steps, held, objects, writes, losses = map(list, zip(*seen, strict=True))
    half = len(seen) // 2
    grown = max(held[half:]) - held[half]
    left = objects[-1] - objects[half]
    report = {
        "steps": given.steps, "seconds": round(seconds, 1), "us_per_step": round(seconds / given.steps * 1e6, 1),
        "resident_mib": [round(h / 2**20, 2) for h in (held[0], held[half], held[-1])],
        "grown_in_second_half_bytes": grown, "objects": [objects[0], objects[half], objects[-1]],
        "log_of_writes": [writes[0], writes[-1]], "loss": [round(losses[0], 4), round(losses[-1], 4)],
    }
    title, across, memory_, things, loss_, smoothed = WORDS[given.lang]
    with picture(given.out, rows=1, columns=3, size=(4.6, 3.4)) as axes:
        curves(axes[0], steps, {"": [h / 2**20 for h in held]}, title.format(steps=given.steps), across, memory_)
        axes[0].set_ylim(0, max(held) / 2**20 * 1.25)
        curves(axes[1], steps, {"": objects}, things, across, things)
        axes[1].set_ylim(0, max(objects) * 1.25)
        curves(axes[2], steps, {"": losses}, smoothed, across, loss_)
    given.out.with_suffix(".json").write_text(json.dumps(report, indent=2) + "\n")
    print(json.dumps(report, indent=2))
    print(given.out)
    return 1 if grown > 2**20 or left > 50 else 0


if __name__ == "__main__":
    sys.exit(main())
