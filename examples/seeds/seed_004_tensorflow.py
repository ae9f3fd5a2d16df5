"""Neural networks with Keras's names: python examples/seeds/seed_004_tensorflow.py

The tutorial's programs, with one changed import: `from tinygrad_jp import keras`. Networks of
1 → 1, 2 → 1 and 2 → 2 whose weights are set by hand, 2-4-4-2, the exercise 1000-500-100-10, and
Boston housing with its three exercises. Where the tutorial leaves something open, it says so here:
the hidden layers use relu, features are scaled by mean and deviation of the training rows. The
tutorial's 「5つの特徴量」 are three, and its loss and MAE are means, not sums.

Column B of the data makes the share of Black residents predict the price; it is not among the
three features, and examples/housing.py --data california is the alternative.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
from telling import chapter, say

import tinygrad_jp as tj
from tinygrad_jp import keras
from tinygrad_jp.data import BOSTON_FEATURES, StandardScaler
from tinygrad_jp.keras import layers


class Linear(keras.Model):
    """One layer and no activation: y = x·W + b."""

    def __init__(self, units: int = 1) -> None:
        super().__init__()
        self.dense = layers.Dense(units)

    def call(self, x: Any) -> Any:
        """Give (N, units)."""
        return self.dense(x)


class NeuralNetwork(keras.Model):
    """Input, two hidden layers, output; relu between, as the tutorial does not say."""

    def __init__(self, hidden1: int = 4, hidden2: int = 4, outputs: int = 2) -> None:
        super().__init__()
        self.dense1 = layers.Dense(hidden1, activation="relu")
        self.dense2 = layers.Dense(hidden2, activation="relu")
        self.dense3 = layers.Dense(outputs)

    def call(self, x: Any) -> Any:
        """Give (N, outputs)."""
        return self.dense3(self.dense2(self.dense1(x)))


class Stack(keras.Model):
    """Hidden layers of the widths given, and one output, for the exercises."""

    def __init__(self, widths: tuple[int, ...] = (64, 64)) -> None:
        super().__init__()
        self.hidden = [layers.Dense(n, activation="relu") for n in widths]
        self.out = layers.Dense(1)

    def call(self, x: Any) -> Any:
        """Give (N, 1)."""
        for layer in self.hidden:
            x = layer(x)
        return self.out(x)


def by_hand(inputs: Any, kernel: Any, bias: Any) -> tuple[Any, Any]:
    """Give a layer's output with random weights, and with those that are set."""
    x = np.array(inputs, np.float32)
    model = Linear(len(bias))
    random = model(x).numpy()
    model.set_weights([np.array(kernel, np.float32), np.array(bias, np.float32)])
    return random, model(x).numpy()


def chain_rule() -> dict[str, float]:
    """Compare d/dx (3x + 1)² = 2(3x + 1)·3 with what backward gives, at x = 2."""
    x = tj.tensor(2.0, requires_grad=True)
    u = 3 * x + 1
    (u**2).backward()
    return {"local": 2 * 7.0 * 3.0, "backward": x.grad.item()}


def housing(columns: tuple[int, ...]) -> tuple[Any, Any, Any, Any]:
    """Give x and t to train with, (404, D) and (404,), and to test with, (102, D) and (102,)."""
    (x, t), (x_test, t_test) = keras.datasets.boston_housing.load_data()
    chosen = list(columns)
    scaler = StandardScaler().fit(x[:, chosen])
    return scaler.transform(x[:, chosen]), t, scaler.transform(x_test[:, chosen]), t_test


THREE = (5, 6, 12)  # the 6th, 7th and 13th feature, counted from 1: RM, AGE, LSTAT
ALL = tuple(range(13))


def train(
    columns: tuple[int, ...] = THREE, widths: tuple[int, ...] = (64, 64), lr: float = 0.001,
    epochs: int = 100,
) -> dict[str, Any]:
    """Compile and fit a network; give its history, parameters, and how it does on the test rows."""
    x, t, x_test, t_test = housing(columns)
    tj.manual_seed(0)
    nn_model = Stack(widths)
    nn_model.compile(
        optimizer=keras.optimizers.Adam(learning_rate=lr), loss="mse", metrics=["mae"]
    )
    history = nn_model.fit(x, t, epochs=epochs, verbose=0).history
    mse, mae = nn_model.evaluate(x_test, t_test, verbose=0)
    return {"history": history, "parameters": nn_model.count_params(), "mse": mse, "mae": mae,
            "predicted": nn_model.predict(x_test, verbose=0)[:, 0], "answers": t_test,
            "mean_alone": float(np.mean((t_test - t.mean()) ** 2))}


def main(argv: list[str] | None = None) -> dict[str, Any]:
    """Run the tutorial from top to bottom; give the figures for the tests."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--exercise-epochs", type=int, default=30)
    options = parser.parse_args(argv)
    tj.manual_seed(0)

    chapter("線形演算: 1→1、2→1、2→2", "Linear maps: 1→1, 2→1, 2→2")
    random, one = by_hand([[1], [2], [3]], [[2]], [-1])
    say(f"  はじめの出力(ランダム) {np.round(random.ravel(), 3).tolist()}",
        f"  the first output, random {np.round(random.ravel(), 3).tolist()}")
    print(f"  y = 2x − 1: (1, 2, 3) → {one.ravel().tolist()}")
    _, two = by_hand([[1, 2], [2, 3], [3, 4]], [[1], [2]], [-1])
    print(f"  y = x₁ + 2x₂ − 1: ((1, 2), (2, 3), (3, 4)) → {two.ravel().tolist()}")
    x, kernel, bias = np.array([[1, 2], [3, 4]]), np.array([[1, 2], [3, 4]]), np.array([1, -1])
    _, matrix = by_hand(x, kernel, bias)
    print(f"  x·W + b = {(x @ kernel + bias).tolist()} = {matrix.tolist()}")

    chapter("順伝播: 2-4-4-2 と、演習 1000-500-100-10",
            "The forward pass: 2-4-4-2, and the exercise 1000-500-100-10")
    small, large = NeuralNetwork(), NeuralNetwork(500, 100, 10)
    shapes = small(np.ones((1, 2))).shape, large(np.ones((100, 1000))).shape
    counts = small.count_params(), large.count_params()
    for shape, count in zip(shapes, counts):
        say(f"  出力の形 {shape}、パラメータ {count:,} 個", f"  {shape}, {count:,} parameters")

    chapter("損失関数と連鎖律", "Losses and the chain rule")
    t, p = np.array([1.0, 0.0, 1.0]), np.array([0.9, 0.2, 0.6])
    losses = {"mse": float(keras.losses.MeanSquaredError()(t, p)),
              "bce": float(keras.losses.BinaryCrossentropy()(t, p))}
    chain = chain_rule()
    print(f"  MSE {losses['mse']:.4f}  BCE {losses['bce']:.4f}  "
          f"d(3x + 1)²/dx = {chain['local']} = {chain['backward']}")

    chapter("ボストンの住宅価格", "Boston housing")
    shape = housing(ALL)[0].shape
    names = [BOSTON_FEATURES[i] for i in THREE]
    x, t, *_ = housing(THREE)
    correlated = {n: float(np.corrcoef(x[:, i], t)[0, 1]) for i, n in enumerate(names)}
    say(f"  訓練データ {shape}。価格との相関:",
        f"  training rows {shape}. Correlation with price:")
    print("  " + "  ".join(f"{n} {r:+.2f}" for n, r in correlated.items()))
    result = train(epochs=options.epochs)
    history = result["history"]
    say(f"  3-64-64-1({result['parameters']:,} 個)、{options.epochs} エポック",
        f"  3-64-64-1 ({result['parameters']:,} parameters), {options.epochs} epochs")
    for name in ("loss", "mae"):
        print(f"  {name:5} {history[name][0]:.2f} → {history[name][-1]:.2f}")
    say(f"  テスト: MSE {result['mse']:.2f}、MAE {result['mae']:.2f} 千ドル"
        f"(平均を答えるだけなら MSE {result['mean_alone']:.2f})",
        f"  test: MSE {result['mse']:.2f}, MAE {result['mae']:.2f} thousand dollars "
        f"(answering the mean: MSE {result['mean_alone']:.2f})")

    chapter("演習", "Exercises")
    n = options.exercise_epochs
    more = {len(c): train(c, epochs=n) for c in (THREE, ALL)}
    shapes_tried = {w: train(widths=w, epochs=n) for w in ((8,), (64, 64), (64, 64, 64, 64))}
    rates = {lr: train(lr=lr, epochs=n) for lr in (1e-5, 1e-3, 1e-2, 3.0)}
    for title, results in (("(1) features", more), ("(2) hidden", shapes_tried),
                           ("(3) learning_rate", rates)):
        for key, r in results.items():
            print(f"  {title} {key}: loss {r['history']['loss'][-1]:.2f}  test {r['mse']:.2f}  "
                  f"({r['parameters']:,})")
    return {**result, "random": random, "one": one, "two": two, "matrix": matrix,
            "shapes": shapes, "counts": counts, "losses": losses, "chain": chain,
            "rows": shape, "correlated": correlated, "more": more, "hidden": shapes_tried,
            "rates": rates}


if __name__ == "__main__":
    main()
