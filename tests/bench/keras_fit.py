#!/usr/bin/env python3
"""Time fit of seeds 004 and 000 here and in Keras 3, on PyTorch and on JAX, by turns.

    python tests/bench/keras_fit.py [--rounds 5] [--threads 1] [--keras-python PATH]

PATH, or $KERAS_PYTHON, is a Python that has keras with torch and jax; without it only ours runs.
Each side is a process of its own that has built, compiled and fitted once before the clock runs;
then one fit a round, the sides in turn, so that drift of the machine hits all of them. The table has
the smallest wall time and, in brackets, the processor time of that side's cheapest round. "first"
is a fit of a new model, with whatever is traced or recorded for it. One thread each (--threads):
with more of them PyTorch needs several times as long for networks this small.

seed 004: 3-64-64-1, relu, Adam(0.001), 404 rows, batch 32, 100 epochs (1300 steps).
seed 000: 6-64-256-32, two outputs, dropout, RMSprop(0.001), 800 rows, batch 32, 40 epochs (1000).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from time import perf_counter, process_time

SIDES = {"eager": ("ours", False), "auto": ("ours", "auto"), "compiled": ("ours", True),
         "Keras on PyTorch": ("torch", "auto"), "Keras on JAX": ("jax", "auto")}
PROGRAMS = ["seed 004", "seed 004, validated", "seed 000"]


def seed_004(keras, rng, jit, share=0.0):
    """Give the network for Boston housing, and what its fit takes."""
    x = rng.normal(size=(404 if not share else 505, 3)).astype("float32")
    t = (x @ [[3.0], [-2.0], [1.0]] + 20 + rng.normal(size=(len(x), 1))).astype("float32")
    dense = keras.layers.Dense
    model = keras.Sequential([
        keras.Input((3,)), dense(64, activation="relu"), dense(64, activation="relu"), dense(1)
    ])
    model.compile(keras.optimizers.Adam(learning_rate=0.001), loss="mse", metrics=["mae", "mse"],
                  jit_compile=jit)
    return model, {"x": x, "y": t, "epochs": 100, "batch_size": 32, "validation_split": share}


def seed_000(keras, rng, jit):
    """Give the Health model, and what its fit takes."""
    layers = keras.layers
    inputs = keras.Input((6,))
    h = layers.Dense(64, activation="relu")(inputs)
    h = layers.Dropout(0.2)(layers.Dense(256, activation="sigmoid")(h))
    h = layers.Dense(32, activation="relu")(h)
    heads = [layers.Dense(1, name=name)(h) for name in ("bmi", "life_expectancy")]
    model = keras.Model(inputs=inputs, outputs=heads, name="Health")
    model.compile(optimizer=keras.optimizers.RMSprop(0.001), loss=["mse", "huber"],
                  loss_weights=[1.0, 0.8], metrics=["mae", "mse"], jit_compile=jit)
    x = rng.random((800, 6)).astype("float32")
    return model, {"x": x, "y": [x[:, :1], x[:, 1:2]], "epochs": 40, "batch_size": 32}


def serve(side: str) -> None:
    """Fit whenever a line comes in; answer with seconds and the last loss."""
    backend, jit = SIDES[side]
    if backend == "ours":
        from tinygrad_jp import keras
    else:
        os.environ["KERAS_BACKEND"] = backend
        import keras
    import numpy as np

    def made(name):
        rng = np.random.default_rng(0)
        if name == "seed 000":
            return seed_000(keras, rng, jit)
        return seed_004(keras, rng, jit, 0.2 if "validated" in name else 0.0)

    print("{}", flush=True)  # all is imported
    kept = {}
    for line in sys.stdin:
        name = line.strip()
        wall, cpu = perf_counter(), process_time()
        if name not in kept:
            kept[name] = made(name)
        model, given = kept[name]
        history = model.fit(**given, verbose=0)
        print(json.dumps({
            "wall": perf_counter() - wall, "cpu": process_time() - cpu,
            "loss": history.history["loss"][-1],
        }), flush=True)


def started(side: str, keras_python: str | None, threads: int) -> subprocess.Popen[str]:
    """Start the process of a side."""
    python = sys.executable if SIDES[side][0] == "ours" else keras_python
    root = Path(__file__).resolve().parents[2]
    path = os.pathsep.join([str(root), *filter(None, [os.environ.get("PYTHONPATH")])])
    return subprocess.Popen(
        [str(python), __file__, "--serve", side], text=True, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={
            **os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": str(threads),
            "OPENBLAS_NUM_THREADS": str(threads),
        },
    )


def asked(process: subprocess.Popen[str], name: str) -> dict[str, float]:
    """Let a side fit once."""
    assert process.stdin is not None
    process.stdin.write(name + "\n")
    process.stdin.flush()
    return answer(process)


def answer(process: subprocess.Popen[str]) -> dict[str, float]:
    """Wait for what a side has to say."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("{"):
            return json.loads(line)  # type: ignore[no-any-return]
    raise SystemExit(f"a side ended: {process.args}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--keras-python", default=os.environ.get("KERAS_PYTHON"))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--serve", choices=list(SIDES), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve)
        return
    sides = [s for s in SIDES if SIDES[s][0] == "ours" or options.keras_python]
    running = {side: started(side, options.keras_python, options.threads) for side in sides}
    for process in running.values():
        answer(process)
    for name in PROGRAMS:
        first = {side: asked(p, name) for side, p in running.items()}
        found: dict[str, list[dict[str, float]]] = {side: [] for side in sides}
        for _ in range(options.rounds):
            for side, process in running.items():
                found[side].append(asked(process, name))
        wall = {side: min(r["wall"] for r in several) for side, several in found.items()}
        cpu = {side: min(r["cpu"] for r in several) for side, several in found.items()}
        print(f"\n{name}")
        for side in sides:
            print(f"  {side:17} {wall[side]:7.3f} s  ({cpu[side]:7.3f})   first "
                  f"{first[side]['wall']:7.3f} s   loss {found[side][0]['loss']:.4g}")
        if "Keras on JAX" in sides:
            for mine, theirs, wanted in (("eager", "Keras on PyTorch", 10),
                                         ("compiled", "Keras on JAX", 3),
                                         ("auto", "Keras on JAX", 3)):
                print(f"  {mine} is {wall[theirs] / wall[mine]:.1f} times as fast as {theirs}, by "
                      f"processor time {cpu[theirs] / cpu[mine]:.1f} (wanted: {wanted})")
    for process in running.values():
        process.communicate()


if __name__ == "__main__":
    main()
