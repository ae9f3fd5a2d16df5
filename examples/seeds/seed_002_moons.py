"""A network with one hidden layer: python examples/seeds/seed_002_moons.py

The article 「人工ニューラルネットワークをゼロから構築する」, part two, with the perceptron of part
one. The network, `build_model`, `calculate_loss` and `predict` are in examples/moons.py, which
also draws the boundaries; here are the article's claims, one by one. Its derivation (sigmoid and
squared error) and its linked code (tanh, softmax and cross-entropy) are two different models:
both run.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
from telling import chapter, example, say

import tinygrad_jp as tj
from tinygrad_jp.data import make_moons

# part one: do they smoke, are they obese, do they exercise; and have they diabetes?
PEOPLE = np.array([[0, 1, 0], [0, 0, 1], [1, 0, 0], [1, 1, 0], [1, 1, 1], [0, 1, 1], [0, 1, 0]])
DIABETES = np.array([1, 0, 0, 1, 1, 0, 1])[:, None]


def perceptron(epochs: int = 25_000, lr: float = 0.05) -> dict[str, float]:
    """Train part one's perceptron, σ(x·w + b) with squared error; ask it for two people."""
    np.random.seed(42)
    weights = tj.tensor(np.random.rand(3, 1), requires_grad=True)
    bias = tj.tensor(np.random.rand(1), requires_grad=True)
    for _ in range(epochs):
        z = tj.sigmoid(np.dot(PEOPLE, weights) + bias)
        loss = 0.5 * ((z - DIABETES) ** 2).sum()
        weights.grad = bias.grad = None
        loss.backward()
        with tj.no_grad():
            weights -= lr * weights.grad
            bias -= lr * bias.grad
    with tj.no_grad():
        asked = tj.sigmoid(np.dot(np.array([[0, 1, 0], [1, 0, 0]]), weights) + bias).numpy()
    return {"[0, 1, 0]": float(asked[0, 0]), "[1, 0, 0]": float(asked[1, 0])}


def main(argv: list[str] | None = None) -> dict[str, Any]:
    """Run the article's claims; give the figures for the tests."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--passes", type=int, default=20_000, help="of gradient descent, for 2-3-2")
    parser.add_argument("--sizes", type=int, nargs="*", default=[1, 2, 4, 5, 20])
    parser.add_argument("--size-passes", type=int, default=3000, help="for each other size")
    parser.add_argument("--epochs", type=int, default=25_000, help="of the perceptron")
    options = parser.parse_args(argv)
    moons = example("moons")

    chapter("パート 1 のパーセプトロン", "The perceptron of part one")
    answers = perceptron(options.epochs)
    for person, y in answers.items():
        print(f"  {person} → {y:.5f}")

    chapter("make_moons: 直線では分けられない", "make_moons: no straight line separates them")
    x, t = make_moons(200, noise=0.20, random_state=0)
    x_new, t_new = make_moons(200, noise=0.20, random_state=1)
    flat = {"W1": tj.zeros(2, 2, dtype=tj.float64, requires_grad=True),
            "b1": tj.zeros(1, 2, dtype=tj.float64, requires_grad=True)}
    moons.train(flat, x, t, 2000)
    logistic = moons.accuracy(flat, x, t)
    say(f"  ロジスティック回帰の正解率 {logistic:.3f}", f"  logistic regression: {logistic:.3f}")

    chapter("2-3-2 のネットワーク", "The network 2-3-2")
    model = moons.first_weights(3)
    parameters = sum(w.size for w in model.values())
    weights = model["W1"].size + model["W2"].size
    say(f"  重み {weights} 個、バイアスと合わせて {parameters} 個",
        f"  {weights} weights, {parameters} with the biases")
    losses = moons.train(model, x, t, options.passes, print_loss=True)
    accuracy = moons.accuracy(model, x, t)
    say(f"  正解率 {accuracy:.3f}", f"  accuracy {accuracy:.3f}")

    chapter("手で導いた式と逆伝播(シグモイドと二乗誤差)",
            "The rules by hand, and backward (sigmoid and squared error)")
    variant = moons.sigmoid_network(x, t, passes=2000)
    say(f"  勾配の差は最大 {variant['largest_difference']:.1e}、正解率 {variant['accuracy']:.3f}",
        f"  gradients differ by {variant['largest_difference']:.1e} at most; accuracy "
        f"{variant['accuracy']:.3f}")

    chapter("隠れ層の大きさを変える", "Other sizes of the hidden layer")
    sizes = {}
    for size in options.sizes:
        other = moons.build_model(x, t, size, num_passes=options.size_passes)
        sizes[size] = moons.accuracy(other, x, t), moons.accuracy(other, x_new, t_new)
        say(f"  {size:2}: 訓練 {sizes[size][0]:.3f}  新しい点 {sizes[size][1]:.3f}",
            f"  {size:2}: train {sizes[size][0]:.3f}  new points {sizes[size][1]:.3f}")
    return {"answers": answers, "logistic": logistic, "parameters": parameters,
            "weights": weights, "losses": losses, "accuracy": accuracy, "variant": variant,
            "sizes": sizes}


if __name__ == "__main__":
    main()
