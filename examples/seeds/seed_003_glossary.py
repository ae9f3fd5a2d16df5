"""The glossary of 『ゼロから作る Deep Learning』: python examples/seeds/seed_003_glossary.py

Every function that the article names, with its exact formula, in plain NumPy: the same text works
on arrays and on Tensors. Where the article's words and its formulas disagree, the formula stands:
sigmoid is S-shaped, not 「逆S字」; softmax divides exponentials by their sum; ReLU is 0 at 0.
"""

from __future__ import annotations

from time import perf_counter
from typing import Any

import numpy as np
from telling import chapter, say

import tinygrad_jp as tj


def step_function(x: Any) -> Any:
    """Give 0 for x ≤ 0 and 1 for x > 0."""
    return np.where(x > 0, 1, 0)


def sigmoid(x: Any) -> Any:
    """Give 1 / (1 + exp(−x)), between 0 and 1, from exp(−|x|) so that nothing overflows."""
    e = np.exp(-abs(x))
    return np.where(x >= 0, 1 / (1 + e), e / (1 + e))


def relu(x: Any) -> Any:
    """Give x where x > 0, and 0 where x ≤ 0; the gradient passes, or stops, likewise."""
    return np.where(x > 0, x, 0)


def identity_function(x: Any) -> Any:
    """Give x: the output layer of a regression."""
    return x


def softmax(x: Any) -> Any:
    """Give exp(xᵢ) / Σ exp(xⱼ) along the last axis: the output layer of a classification."""
    e = np.exp(x - np.max(x, axis=-1, keepdims=True))  # the same shares, and no overflow
    return e / np.sum(e, axis=-1, keepdims=True)


def mean_squared_error(y: Any, t: Any) -> Any:
    """Give ½ Σ (y − t)²: half the sum, not the mean, whatever its name says."""
    return 0.5 * np.sum((y-t)**2)


def cross_entropy_error(y: Any, t: Any) -> Any:
    """Give −Σ t·log(y + δ); δ = 1e-7 keeps log 0 = −∞ out."""
    delta = 1e-7
    return -np.sum(t*np.log(y+delta))


def gradient_descent(f: Any, start: list[float], lr: float = 0.1, steps: int = 100) -> Any:
    """Go against the gradient, to a minimum of f; start: (D,)."""
    x = tj.tensor(start, dtype=tj.float64, requires_grad=True)
    for _ in range(steps):
        x.grad = None
        f(x).backward()
        with tj.no_grad():
            x -= lr * x.grad
    return x.detach().numpy()


def gradient_ascent(f: Any, start: list[float], lr: float = 0.1, steps: int = 100) -> Any:
    """Go along the gradient, to a maximum of f."""
    return gradient_descent(lambda x: -f(x), start, lr, steps)


def mini_batch_loss(y: Any, t: Any, size: int, rng: np.random.Generator) -> Any:
    """Give the mean cross-entropy of `size` rows chosen at random: the sum, divided by size."""
    chosen = rng.choice(len(y), size, replace=False)
    return cross_entropy_error(y[chosen], t[chosen]) / size


def check_by_differences(size: int = 60) -> dict[str, float]:
    """Check back-propagation by numerical differentiation, and time both, for size² weights."""
    rng = np.random.default_rng(0)
    x, t = rng.normal(size=(20, size)), np.eye(size)[rng.integers(0, size, 20)]
    w = tj.tensor(rng.normal(size=(size, size)), requires_grad=True)

    def loss(w: Any) -> Any:
        return cross_entropy_error(softmax(sigmoid(x @ w)), t) / len(x)

    backward = tj.grad(loss)(w).numpy()
    began = perf_counter()
    tj.grad(loss)(w)
    fast = perf_counter() - began
    began = perf_counter()
    numerical = tj.numerical_gradient(loss, w.detach().numpy())
    slow = perf_counter() - began
    return {"difference": float(np.abs(numerical - backward).max()), "times": slow / fast}


def accuracy_has_no_slope() -> tuple[float, float]:
    """Move a weight a little: the accuracy stays, the loss moves. That is why losses are used."""
    rng = np.random.default_rng(1)
    x, t = rng.normal(size=(50, 3)), rng.integers(0, 2, 50)
    w = rng.normal(size=(3, 2))
    moved = w.copy()
    moved[0, 0] += 1e-4

    def accuracy(w: Any) -> float:
        return float(np.mean((x @ w).argmax(1) == t))

    def loss(w: Any) -> float:
        return float(cross_entropy_error(softmax(x @ w), np.eye(2)[t]))

    return accuracy(moved) - accuracy(w), loss(moved) - loss(w)


def main() -> dict[str, Any]:
    """Go through the glossary; give the figures for the tests."""
    chapter("活性化関数", "Activations")
    x = np.array([-1000.0, -1.0, 0.0, 1.0, 1000.0])
    for f in (step_function, sigmoid, relu, identity_function):
        print(f"  {f.__name__:18} {np.round(f(x), 4).tolist()}")
    point = tj.tensor([-1.0, 0.0, 2.0], requires_grad=True)
    relu(point).sum().backward()
    say(f"  ReLU の逆伝播: {point.grad.numpy().tolist()}(0 では流さない)",
        f"  ReLU backward: {point.grad.numpy().tolist()} (nothing passes at 0)")

    chapter("ソフトマックスと損失関数", "Softmax and losses")
    y = softmax(np.array([0.3, 2.9, 4.0]))
    t = np.array([0, 0, 1])
    print(f"  softmax {np.round(y, 4).tolist()}  Σ = {y.sum():.6f}")
    losses = float(mean_squared_error(y, t)), float(cross_entropy_error(y, t))
    print(f"  mean_squared_error {losses[0]:.5f}  cross_entropy_error {losses[1]:.5f}")
    at_zero = float(cross_entropy_error(np.array([0.0, 1.0]), np.array([1, 0])))
    say(f"  y = 0 でも無限大にならない: {at_zero:.3f}", f"  finite at y = 0: {at_zero:.3f}")
    rng = np.random.default_rng(0)
    batch = float(mini_batch_loss(np.tile(y, (100, 1)), np.tile(t, (100, 1)), 10, rng))
    say(f"  ミニバッチの損失(平均): {batch:.5f}", f"  loss of a mini-batch, the mean: {batch:.5f}")

    chapter("勾配降下法と勾配上昇法", "Gradient descent and ascent")
    low = gradient_descent(lambda v: ((v - 3) ** 2).sum(), [0.0, 10.0])
    high = gradient_ascent(lambda v: -((v - 3) ** 2).sum() + 5, [0.0, 10.0])
    print(f"  min (v − 3)²: {np.round(low, 4).tolist()}   "
          f"max 5 − (v − 3)²: {np.round(high, 4).tolist()}")

    chapter("誤差逆伝播法を数値微分で検算する", "Back-propagation checked by differences")
    check = check_by_differences()
    say(f"  差は最大 {check['difference']:.1e}。数値微分は {check['times']:,.0f} 倍の時間",
        f"  they differ by {check['difference']:.1e} at most; differences take "
        f"{check['times']:,.0f} times as long")
    slopes = accuracy_has_no_slope()
    say(f"  重みを 0.0001 動かすと: 正解率 {slopes[0]:+.1f}、損失 {slopes[1]:+.1e}",
        f"  a weight moved by 0.0001: accuracy {slopes[0]:+.1f}, loss {slopes[1]:+.1e}")
    return {"softmax": y, "losses": losses, "at_zero": at_zero, "batch": batch, "low": low,
            "high": high, "check": check, "slopes": slopes, "relu_grad": point.grad.numpy()}


if __name__ == "__main__":
    main()
