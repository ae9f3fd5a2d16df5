#!/usr/bin/env python3
"""Time one training step in tinygrad_jp and its peers, side by side.

    python tests/bench/steps.py                             every workload, every framework that can be imported
    python tests/bench/steps.py moons housing               some workloads
    python tests/bench/steps.py --only tinygrad_jp,torch    some frameworks
    python tests/bench/steps.py --python-for torch=/path/to/python   a framework from another environment

Each framework runs in a process of its own; rounds go round robin, so drift of the machine's speed hits all alike,
and a process is stopped outside its rounds, so that its idle threads cannot spin beside another's work.
Prints the median microseconds per step, the ratio to tinygrad_jp (eager), the loss after 10 steps (which must
agree between the frameworks) and the process's peak memory. Ratios hold on a noisy machine, microseconds do not.
"""

import argparse
import json
import resource
import signal
import statistics
import subprocess
import sys
import time
from importlib.util import find_spec

from frameworks import FRAMEWORKS
from workloads import WORKLOADS

NEEDS = {"torch": "torch", "torch_fused": "torch", "jax_jit": "jax"}


def worker(framework, workload):
    """Build the step, then run one timed round per line read from standard input."""
    w = WORKLOADS[workload]
    start = time.perf_counter()
    step, value = FRAMEWORKS[framework](w)
    loss = step()
    first = time.perf_counter() - start
    for _ in range(9):
        loss = step()

    head = {"loss": float(value(loss)), "first_step_s": first}
    print(json.dumps(head), flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        for _ in range(w.steps):
            step()
        us = (time.perf_counter() - start) / w.steps * 1e6
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"us": us, "peak_mib": peak}), flush=True)


class Process:
    def __init__(self, python, framework, workload):
        self.child = subprocess.Popen(
            [python, __file__, "--worker", framework, workload],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        line = self.child.stdout.readline()
        if not line:
            error = self.child.stderr.read().strip().splitlines()
            raise RuntimeError(error[-1] if error else "no output")
        self.head = json.loads(line)
        self.times = []
        self.child.send_signal(signal.SIGSTOP)

    def round(self):
        self.child.send_signal(signal.SIGCONT)
        self.child.stdin.write("go\n")
        self.child.stdin.flush()
        reply = json.loads(self.child.stdout.readline())
        self.times.append(reply["us"])
        self.peak = reply["peak_mib"]
        self.child.send_signal(signal.SIGSTOP)

    def close(self):
        self.child.send_signal(signal.SIGCONT)
        self.child.stdin.close()
        self.child.wait(10)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("workloads", nargs="*", default=list(WORKLOADS))
    installed = [f for f in FRAMEWORKS if find_spec(NEEDS.get(f, "numpy"))]
    parser.add_argument("--only", default=",".join(installed))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--python-for", action="append", default=[], metavar="FRAMEWORK=PYTHON")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    if not args.json:
        print("microseconds a step; x 2.00 takes twice as long as tinygrad_jp (eager)")
    pythons = dict(pair.split("=", 1) for pair in args.python_for)
    report = {}
    for name in args.workloads:
        processes = {}
        for framework in args.only.split(","):
            try:
                processes[framework] = Process(pythons.get(framework, sys.executable), framework, name)
            except RuntimeError as error:
                print(f"{name:14s} {framework:21s} not run here: {error}", file=sys.stderr)
        for _ in range(args.rounds):
            for process in processes.values():
                process.round()
        base = processes.get("tinygrad_jp")
        report[name] = {}
        for framework, process in processes.items():
            us = statistics.median(process.times)
            ratio = statistics.median(a / b for a, b in zip(process.times, base.times)) if base else None
            row = {"us": us, "ratio": ratio, "peak_mib": process.peak, **process.head}
            report[name][framework] = row
            if not args.json:
                shown = f"x{ratio:5.2f}" if ratio else "     -"
                print(f"{name:14s} {framework:21s} {us:10.1f} us {shown}  loss {row['loss']:.5f}  "
                      f"peak {row['peak_mib']:6.0f} MiB  first step {row['first_step_s']:.2f} s", flush=True)
            process.close()
    if args.json:
        print(json.dumps(report))


if __name__ == "__main__":
    if len(sys.argv) == 4 and sys.argv[1] == "--worker":
        worker(sys.argv[2], sys.argv[3])
    else:
        main()
