"""A network with one hidden layer separates two half moons: python examples/moons.py [--out out]

The network is 2-h-2 with tanh, softmax and cross-entropy, trained on all 200 points at once; the
constants and the first weights are those of the code that the article links to, and so are the
losses. Its step is a little long. With one and three nodes the loss ends up jumping to and fro
between two values (0.070758 and 0.071316 for three; rounding decides which of them falls on the
even passes). With two and four it never settles, and its last digits differ from machine to
machine, in the linked code as here. So the loss one pass earlier is printed beside each.

The article's own derivation, sigmoid with squared error, is at the end: its
update rules, worked out by hand, equal what `backward` finds.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from time import perf_counter

import numpy as np

import tinygrad_jp as tj
from tinygrad_jp.data import make_moons
from tinygrad_jp.errors import language
from tinygrad_jp.nn.functional import cross_entropy
from tinygrad_jp.plot import boundary, curves, picture

EPSILON = 0.01  # step of gradient descent, for the loss summed over all points
REG_LAMBDA = 0.01  # strength of the L2 penalty on the weights


def first_weights(hidden: int) -> dict[str, tj.Tensor]:
    """Draw weights from N(0, 1/inputs) with NumPy's old generator, seed 0; biases are zero."""
    np.random.seed(0)
    arrays = {
        "W1": np.random.randn(2, hidden) / np.sqrt(2), "b1": np.zeros((1, hidden)),
        "W2": np.random.randn(hidden, 2) / np.sqrt(hidden), "b2": np.zeros((1, 2)),
    }
    return {name: tj.tensor(a, requires_grad=True) for name, a in arrays.items()}


def scores(model: dict[str, tj.Tensor], x: np.ndarray) -> tj.Tensor:
    """Give a score for each class, (N, 2)."""
    if "W2" not in model:  # no hidden layer: logistic regression
        return x @ model["W1"] + model["b1"]
    h = np.tanh(x @ model["W1"] + model["b1"])
    return h @ model["W2"] + model["b2"]


def total_loss(model: dict[str, tj.Tensor], x: np.ndarray, t: np.ndarray) -> tj.Tensor:
    """Give Σ cross-entropy + λ/2·Σ W²."""
    penalty = sum((w * w).sum() for name, w in model.items() if name.startswith("W"))
    return len(x) * cross_entropy(scores(model, x), t) + REG_LAMBDA / 2 * penalty


def calculate_loss(model: dict[str, tj.Tensor], x: np.ndarray, t: np.ndarray) -> float:
    """Give the loss as the linked code prints it: the total divided by the number of points."""
    with tj.no_grad():
        return total_loss(model, x, t).item() / len(x)


def predict(model: dict[str, tj.Tensor], x: np.ndarray) -> np.ndarray:
    """Give the class with the highest score, (N,)."""
    with tj.no_grad():
        return scores(model, x).numpy().argmax(1)


def accuracy(model: dict[str, tj.Tensor], x: np.ndarray, t: np.ndarray) -> float:
    """Give the share of points whose class is right."""
    return float((predict(model, x) == t).mean())


def train(
    model: dict[str, tj.Tensor], x: np.ndarray, t: np.ndarray, passes: int, print_loss: bool = False
) -> dict[int, float]:
    """Descend along the gradient; give the losses after pass 0, 999, 1000, 1999, 2000, ..."""
    losses = {}
    for i in range(passes):
        for w in model.values():
            w.grad = None
        total_loss(model, x, t).backward()
        with tj.no_grad():
            for w in model.values():
                w -= EPSILON * w.grad
        if i % 1000 in (0, 999) or i >= passes - 2:
            losses[i] = calculate_loss(model, x, t)
            if print_loss and i % 1000 == 0:
                before = f"(1 つ前 one before: {losses[i - 1]:.6f})" if i else ""
                print(f"  {i:6} 回目の損失 loss {losses[i]:.6f}{before}")
    return losses


def build_model(
    x: np.ndarray, t: np.ndarray, nn_hdim: int, num_passes: int = 20_000, print_loss: bool = False
) -> dict[str, tj.Tensor]:
    """Give the parameters of a trained network with nn_hdim hidden nodes."""
    model = first_weights(nn_hdim)
    train(model, x, t, num_passes, print_loss)
    return model


def sigmoid_network(x: np.ndarray, t: np.ndarray, passes: int = 3000) -> dict[str, float]:
    """Train the article's own variant, and compare its closed-form gradients with autograd's.

    y = σ(σ(x·w)·u), E = ½ Σ (y − t)², with biases: 17 parameters.
    """
    target = np.eye(2)[t]
    w, bw, u, bu = first_weights(3).values()
    largest = 0.0
    errors = []
    for i in range(passes):
        h = tj.sigmoid(x @ w + bw)
        y = tj.sigmoid(h @ u + bu)
        error = 0.5 * ((y - target) ** 2).sum()
        for p in (w, bw, u, bu):
            p.grad = None
        error.backward()
        if i % 100 == 0:
            # the article's rules: (y_j − t_j)·y_j(1 − y_j)·h_i, and one layer further back
            hv, yv = h.detach().numpy(), y.detach().numpy()
            at_output = (yv - target) * yv * (1 - yv)
            at_hidden = at_output @ u.detach().numpy().T * hv * (1 - hv)
            by_hand = (x.T @ at_hidden, at_hidden.sum(0), hv.T @ at_output, at_output.sum(0))
            for p, g in zip((w, bw, u, bu), by_hand, strict=True):
                largest = max(largest, float(np.abs(p.grad.numpy() - g).max()))
            errors.append(error.item())
        with tj.no_grad():
            for p in (w, bw, u, bu):
                p -= 0.05 * p.grad
    with tj.no_grad():
        classes = tj.sigmoid(tj.sigmoid(x @ w + bw) @ u + bu).numpy().argmax(1)
    return {
        "largest_difference": largest, "first_error": errors[0], "last_error": errors[-1],
        "accuracy": float((classes == t).mean()),
    }


def main(argv: list[str] | None = None) -> dict[str, object]:
    """Train, print and draw; give the figures for the tests."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for the pictures")
    parser.add_argument("--passes", type=int, default=20_000)
    parser.add_argument("--hidden", type=int, nargs="+", default=[1, 2, 3, 4, 5, 20, 50])
    options = parser.parse_args(argv)
    began = perf_counter()

    x, t = make_moons(200, noise=0.20, random_state=0)
    x_new, t_new = make_moons(200, noise=0.20, random_state=1)  # points it has never seen
    flat = {"W1": tj.zeros(2, 2, dtype=tj.float64, requires_grad=True),
            "b1": tj.zeros(1, 2, dtype=tj.float64, requires_grad=True)}
    train(flat, x, t, min(options.passes, 2000))
    print(f"隠れ層なし no hidden layer: 正解率 accuracy {accuracy(flat, x, t):.3f}")

    losses, finals, models = {}, {}, {}
    for h in options.hidden:
        print(f"隠れ層のノード hidden nodes: {h}")
        models[h] = first_weights(h)
        losses[h] = train(models[h], x, t, options.passes, print_loss=h == 3)
        last = list(losses[h].values())[-2:]
        finals[h] = {"loss": last[-1], "before": last[0], "accuracy": accuracy(models[h], x, t),
                     "test_accuracy": accuracy(models[h], x_new, t_new)}
        print("  損失 loss {loss:.6f}(1 つ前 one before: {before:.6f})  正解率 accuracy "
              "{accuracy:.3f}、新しい点で on new points {test_accuracy:.3f}".format(**finals[h]))

    variant = sigmoid_network(x, t)
    print("シグモイドと二乗誤差 sigmoid and squared error: 正解率 accuracy {accuracy:.3f}、"
          "手計算の勾配との差 |hand − autograd| ≤ {largest_difference:.1e}".format(**variant))

    ja = language() == "ja"
    nodes, none, seen, new = (
        ("隠れ層", "隠れ層なし", "訓練", "テスト") if ja else ("hidden", "none", "train", "test")
    )
    shown = {none: flat, **{f"{nodes} {h}": m for h, m in models.items()}}
    pictures = [options.out / "moons_boundaries.png", options.out / "moons_loss.png"]
    columns = min(4, len(shown))
    with picture(pictures[0], -(-len(shown) // columns), columns, (2.6, 2.4)) as axes:
        for ax, (name, m) in zip(axes, shown.items(), strict=False):
            title = f"{name}: {seen} {accuracy(m, x, t):.3f} {new} {accuracy(m, x_new, t_new):.3f}"
            boundary(ax, lambda p, m=m: predict(m, p), x, t, title)
        for ax in axes[len(shown):]:
            ax.set_axis_off()
    with picture(pictures[1]) as ax:
        curves(ax, list(losses[options.hidden[0]]),
               {f"{nodes} {h}": list(losses[h].values()) for h in options.hidden[:5]},
               *(("ノード数と損失の減り方", "回数", "損失") if ja else
                 ("hidden nodes and losses", "passes", "loss")), log=True)
    for path in pictures:
        print(f"絵 picture: {path}")
    print(f"{perf_counter() - began:.1f} 秒 seconds")
    return {"losses": losses, "finals": finals, "flat": accuracy(flat, x, t), "variant": variant,
            "pictures": pictures}


if __name__ == "__main__":
    main()
