#!/usr/bin/env python3
"""Time tj.fit against the loop written by hand: microseconds a step, and what fit adds to one.

    python tests/bench/loop.py [--rounds 7]

The same network, data, order and optimizer; the two take turns, so that drift of the machine hits
both. The weights must come out equal, bit for bit.
"""

import argparse
import statistics
from time import perf_counter

import numpy as np

import tinygrad_jp as tj
from tinygrad_jp import nn, optim
from tinygrad_jp.data import make_moons

EPOCHS = {200: 2000, 20: 200, 4: 40}  # batch size -> epochs of a round


def network():
    tj.manual_seed(0)
    return nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 2))


def by_hand(x, t, batch, epochs):
    model, loss = network(), nn.CrossEntropyLoss()
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    for epoch in range(epochs):
        order = np.random.default_rng([0, epoch]).permutation(len(x))
        xs, ts = tj.tensor(x[order]), tj.tensor(t[order])
        for i in range(0, len(x), batch):
            optimizer.zero_grad()
            value = loss(model(xs[i : i + batch]), ts[i : i + batch])
            value.backward()
            optimizer.step()
    return model


def by_fit(x, t, batch, epochs, **options):
    model = network()
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    tj.fit(model, (x, t), nn.CrossEntropyLoss(), optimizer, epochs=epochs, batch_size=batch, seed=0,
           verbose=0, **options)
    return model


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    x, t = make_moons(200, noise=0.2, random_state=0)
    x = x.astype(np.float32)
    runs = {
        "by hand": by_hand, "fit": by_fit,
        "fit, accuracy": lambda *a: by_fit(*a, metrics=["sparse_categorical_accuracy"]),
        "fit, compiled": lambda *a: by_fit(*a, compile="auto"),
    }
    for batch, epochs in EPOCHS.items():
        steps = epochs * -(-200 // batch)
        times = {name: [] for name in runs}
        models = {}
        for _ in range(rounds):
            for name, run in runs.items():
                start = perf_counter()
                models[name] = run(x, t, batch, epochs)
                times[name].append((perf_counter() - start) / steps * 1e6)
        for a, b in zip(models["by hand"].parameters(), models["fit"].parameters(), strict=True):
            assert np.array_equal(a.detach().numpy(), b.detach().numpy())
        base = times["by hand"]
        for name, found in times.items():
            ratio = statistics.median(a / b for a, b in zip(found, base, strict=True))
            us = statistics.median(found)
            print(f"batch {batch:3}  {name:14} {us:7.1f} us a step   x{ratio:.2f}")


if __name__ == "__main__":
    main()
