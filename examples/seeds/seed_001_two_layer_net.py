"""How a network learns: python examples/seeds/seed_001_two_layer_net.py

The wiki page 「学習」 of .NET 開発基盤部会, part by part: losses, the derivative by its definition
and on paper, partial derivatives, the gradient method, and the class TwoLayerNet, whose text is
examples/two_layer_net.py. The page says that a gradient points to where the function falls
most: it points to where it rises most, and so the update goes against it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from telling import chapter, example, say

import tinygrad_jp as tj
from tinygrad_jp.data import load_mnist_5k

HYPER_PARAMETERS = {"hidden_size": 50, "batch_size": 100, "learning_rate": 0.1, "iterations": 1000}


def sum_squared_error(y: Any, t: Any) -> Any:
    """Give ½ Σ (y − t)²."""
    return 0.5 * np.sum((y - t) ** 2)


def square(x: Any) -> Any:
    """Give x², whose derivative on paper is 2x."""
    return x**2


def forward_difference(f: Any, x: float, h: float = 1e-4) -> float:
    """Give (f(x + h) − f(x)) / h: the page's definition, with an h that is not quite 0."""
    return float((f(x + h) - f(x)) / h)


def central_difference(f: Any, x: float, h: float = 1e-4) -> float:
    """Give (f(x + h) − f(x − h)) / 2h: an error of h² instead of h."""
    return float((f(x + h) - f(x - h)) / (2 * h))


def bowl(x: Any) -> Any:
    """Give x₀² + x₁²; its partial derivatives are 2x₀ and 2x₁."""
    return x[0] ** 2 + x[1] ** 2


def gradient_method(f: Any, start: list[float], lr: float = 0.1, steps: int = 100) -> Any:
    """Walk against the gradient; give every place, (steps + 1, D)."""
    x = tj.tensor(start, dtype=tj.float64, requires_grad=True)
    places = [x.detach().numpy().copy()]
    for _ in range(steps):
        x.grad = None
        f(x).backward()
        with tj.no_grad():
            x -= lr * x.grad
        places.append(x.detach().numpy().copy())
    return np.array(places)


def main() -> dict[str, Any]:
    """Run the page from top to bottom; give the figures for the tests."""
    two_layer_net = example("two_layer_net")
    chapter("損失関数", "Losses")
    y = np.array([0.1, 0.05, 0.6, 0.0, 0.05, 0.1, 0.0, 0.1, 0.0, 0.0])
    t = np.eye(10)[2]
    squared = float(sum_squared_error(y, t))
    entropy = float(two_layer_net.cross_entropy_error(y[None], t[None]))
    say(f"  2 乗和誤差 {squared:.4f}、交差エントロピー誤差 {entropy:.4f}",
        f"  sum of squares {squared:.4f}, cross-entropy {entropy:.4f}")

    chapter("微分: x² の 3 での微分は 6", "The derivative of x² at 3 is 6")
    differences = forward_difference(square, 3.0), central_difference(square, 3.0)
    x = tj.tensor(3.0, dtype=tj.float64, requires_grad=True)
    square(x).backward()
    exact = x.grad.item()
    say(f"  前進差分 {differences[0]:.10f}  中心差分 {differences[1]:.10f}  逆伝播 {exact}",
        f"  forward {differences[0]:.10f}  central {differences[1]:.10f}  backward {exact}")
    say("  sin の 1 での誤差と h(小さすぎると桁落ちで悪くなる)",
        "  errors for sin at 1, by h (too small an h loses digits)")
    table = tj.gradient_error_by_step(np.sin, 1.0)
    print(table)

    chapter("偏微分、勾配、勾配法", "Partial derivatives, the gradient, the gradient method")
    at = np.array([3.0, 4.0])
    partial = [central_difference(lambda v: v**2 + 4.0**2, 3.0),
               central_difference(lambda v: 3.0**2 + v**2, 4.0)]
    found = tj.grad(bowl)(tj.tensor(at)).numpy()
    path = gradient_method(bowl, [-3.0, 4.0])
    print(f"  ∂f/∂x₀ {partial[0]:.6f}  ∂f/∂x₁ {partial[1]:.6f}  ∇f {found.tolist()}")
    say(f"  (-3, 4) から 100 歩: ({path[-1][0]:.1e}, {path[-1][1]:.1e})",
        f"  100 steps from (-3, 4): ({path[-1][0]:.1e}, {path[-1][1]:.1e})")

    chapter("TwoLayerNet 784-50-10", "TwoLayerNet 784-50-10")
    say(f"  人間が決める値(ハイパーパラメータ): {HYPER_PARAMETERS}",
        f"  what a person chooses (hyper-parameters): {HYPER_PARAMETERS}")
    (x_train, c_train), (x_test, c_test) = load_mnist_5k()
    one_hot = np.eye(10, dtype=np.float32)
    sets = (x_train, one_hot[c_train]), (x_test, one_hot[c_test])
    size = HYPER_PARAMETERS["hidden_size"]
    small = two_layer_net.TwoLayerNet(784, 3, 10)  # numerical_gradient of 50 takes seconds
    few = x_train[:3].astype(np.float64), np.eye(10)[c_train[:3]]
    numerical, backward = small.numerical_gradient(*few), small.gradient(*few)
    means = {k: float(np.mean(np.abs(numerical[k] - backward[k]))) for k in backward}
    for key, value in means.items():
        print(f"  {key}: mean |numerical_gradient − gradient| = {value:.1e}")
    network = two_layer_net.TwoLayerNet(784, size, 10, dtype=np.float32)
    count = sum(p.size for p in network.params.values())
    say(f"  パラメータ {count:,} 個", f"  {count:,} parameters")
    losses, history = two_layer_net.train(
        network, *sets, HYPER_PARAMETERS["iterations"], int(HYPER_PARAMETERS["batch_size"]),
        HYPER_PARAMETERS["learning_rate"],
    )
    return {"squared": squared, "entropy": entropy, "differences": differences, "exact": exact,
            "table": table, "partial": partial, "gradient": found, "path": path, "means": means,
            "parameters": count, "losses": losses, "history": history, "network": network}


if __name__ == "__main__":
    main()
