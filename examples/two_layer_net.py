"""The TwoLayerNet of the book, read digits: python examples/two_layer_net.py [--out out]

『ゼロから作る Deep Learning』 chapters 4 and 5: the class has the book's methods and its text is
the book's NumPy, except that `gradient` calls `backward` where the book multiplies derivatives by
hand. The two gradients are compared first, then the network 784-50-10 learns.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from time import perf_counter

import numpy as np

import tinygrad_jp as tj
from tinygrad_jp.data import load_mnist, load_mnist_5k
from tinygrad_jp.errors import DownloadError, language
from tinygrad_jp.plot import curves, picture


def sigmoid(a):
    """Squeeze each number into 0 to 1."""
    return 1 / (1 + np.exp(-a))


def softmax(a):
    """Turn scores (N, 10) into shares that sum to 1."""
    a = a - np.max(a, axis=-1, keepdims=True)  # against overflow
    return np.exp(a) / np.sum(np.exp(a), axis=-1, keepdims=True)


def cross_entropy_error(y, t):
    """Give the mean over the batch of −Σ t·log y; t is one-hot."""
    delta = 1e-7  # log 0 is −∞
    return -np.sum(t * np.log(y + delta)) / len(y)


class TwoLayerNet:
    """Two layers, sigmoid between them and softmax at the end; parameters in a dictionary."""

    def __init__(self, input_size, hidden_size, output_size, weight_init_std=0.01, seed=0,
                 dtype=np.float64):
        rng = np.random.default_rng(seed)
        first = {
            "W1": weight_init_std * rng.standard_normal((input_size, hidden_size)),
            "b1": np.zeros(hidden_size),
            "W2": weight_init_std * rng.standard_normal((hidden_size, output_size)),
            "b2": np.zeros(output_size),
        }
        self.params = {k: tj.tensor(v.astype(dtype), requires_grad=True) for k, v in first.items()}
        self.grads = {}

    def predict(self, x):
        """Give the share of each class, (N, 10)."""
        W1, W2 = self.params["W1"], self.params["W2"]
        b1, b2 = self.params["b1"], self.params["b2"]
        z1 = sigmoid(np.dot(x, W1) + b1)
        return softmax(np.dot(z1, W2) + b2)

    def loss(self, x, t):
        """Give the loss, a Tensor of one number."""
        return cross_entropy_error(self.predict(x), t)

    def accuracy(self, x, t):
        """Give the share of images that are read right."""
        with tj.no_grad():
            y = self.predict(x)
        return float(np.mean(y.numpy().argmax(axis=1) == t.argmax(axis=1)))

    def numerical_gradient(self, x, t, h=1e-4):
        """Move each of the 39,760 numbers a little to either side: simple, and slow.

        The parameters are plain arrays meanwhile: the text above serves them just as well.
        """
        tensors = self.params
        self.params = {key: np.array(p.detach().numpy()) for key, p in tensors.items()}
        grads = {key: np.zeros_like(p) for key, p in self.params.items()}
        for key, p in self.params.items():
            for i in np.ndindex(p.shape):
                kept = p[i]
                p[i] = kept + h
                above = self.loss(x, t)
                p[i] = kept - h
                below = self.loss(x, t)
                p[i] = kept
                grads[key][i] = (above - below) / (2 * h)
        self.params = tensors
        return grads

    def gradient(self, x, t):
        """Go back through the graph once: the same numbers."""
        for p in self.params.values():
            p.grad = None
        self.loss(x, t).backward()
        self.grads = {key: p.grad.numpy() for key, p in self.params.items()}
        return self.grads


def compare_gradients(x, t):
    """Give, for three images, mean |numerical − backward| per parameter, and both times."""
    network = TwoLayerNet(784, 50, 10)
    x, t = x[:3].astype(np.float64), t[:3]
    began = perf_counter()
    numerical = network.numerical_gradient(x, t)
    slow = perf_counter() - began
    fast = float("inf")
    for _ in range(10):  # the first call prepares things
        began = perf_counter()
        backward = network.gradient(x, t)
        fast = min(fast, perf_counter() - began)
    means = {key: float(np.abs(numerical[key] - g).mean()) for key, g in backward.items()}
    return means, slow, fast


def train(network, train_set, test_set, iterations, batch_size=100, learning_rate=0.1, seed=0):
    """Learn from random mini-batches; give losses, and both accuracies after each epoch."""
    (x, t), (x_test, t_test) = train_set, test_set
    rng = np.random.default_rng(seed)
    per_epoch = max(len(x) // batch_size, 1)
    losses, history = [], []
    for i in range(iterations):
        chosen = rng.choice(len(x), batch_size)
        batch, answers = x[chosen], t[chosen]
        loss = network.loss(batch, answers)
        for p in network.params.values():
            p.grad = None
        loss.backward()
        with tj.no_grad():
            for p in network.params.values():
                p -= learning_rate * p.grad
        losses.append(loss.item())
        if (i + 1) % per_epoch == 0 or (i + 1 == iterations and not history):
            history.append((network.accuracy(x, t), network.accuracy(x_test, t_test)))
            epoch = len(history)
            if epoch == 1 or epoch % max(iterations // per_epoch // 10, 1) == 0:
                print(f"  エポック epoch {epoch:4}  損失 loss {np.mean(losses[-per_epoch:]):.4f}  "
                      f"訓練 train {history[-1][0]:.4f}  テスト test {history[-1][1]:.4f}")
    return losses, history


def digits(which):
    """Load MNIST: "full", "5k", or "auto" for the full set where there is a network."""
    if which != "5k":
        try:
            return load_mnist(one_hot_label=True)
        except DownloadError as reason:
            if which == "full":
                raise
            print(f"{reason}\n→ load_mnist_5k()")
    return load_mnist_5k(one_hot_label=True)


def main(argv=None):
    """Compare, learn, print and draw; give the figures for the tests."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for the pictures")
    parser.add_argument("--data", choices=["auto", "full", "5k"], default="auto")
    parser.add_argument("--iterations", type=int, default=10_000)
    options = parser.parse_args(argv)
    train_set, test_set = digits(options.data)
    print(f"訓練 train {train_set[0].shape}、テスト test {test_set[0].shape}")

    differences, slow, fast = compare_gradients(*train_set)
    for key, value in differences.items():
        print(f"  {key}: 平均 mean |数値微分 − 逆伝播| = {value:.1e}")
    print(f"  数値微分 numerical {slow:.2f} 秒 s、逆伝播 backward {fast * 1000:.2f} ミリ秒 ms "
          f"({slow / fast:,.0f} 倍 times)")

    network = TwoLayerNet(784, 50, 10, dtype=np.float32)
    began = perf_counter()
    losses, history = train(network, train_set, test_set, options.iterations)
    seconds = perf_counter() - began
    print(f"  {options.iterations} 回 iterations: {seconds:.1f} 秒 seconds")

    pictures = [options.out / f"two_layer_net_{kind}.png" for kind in ("accuracy", "digits")]
    ja = language() == "ja"
    with picture(pictures[0], 1, 2, (4.4, 3.4)) as (left, right):
        window = max(len(losses) // 100, 1)
        smooth = np.convolve(losses, np.ones(window) / window, "valid")
        curves(left, range(len(smooth)), {"": smooth}, *(
            ("損失(移動平均)", "回数", "損失") if ja else
            ("loss (moving average)", "iterations", "loss")))
        both = np.array(history)
        seen, new = ("訓練", "テスト") if ja else ("train", "test")
        curves(right, range(1, len(both) + 1), {seen: both[:, 0], new: both[:, 1]}, *(
            ("正解率", "エポック", "正解率") if ja else ("accuracy", "epoch", "accuracy")))
    x_test, t_test = test_set
    with tj.no_grad():
        read = network.predict(x_test[:500]).numpy().argmax(1)
    wrong = np.flatnonzero(read != t_test[:500].argmax(1))[:6]
    right_ones = np.flatnonzero(read == t_test[:500].argmax(1))[:12 - len(wrong)]
    with picture(pictures[1], 2, 6, (1.3, 1.5)) as axes:
        for ax, i in zip(axes, [*right_ones, *wrong], strict=False):
            ax.imshow(x_test[i].reshape(28, 28), cmap="gray_r")
            title = ("{} を {} と" if ja else "{} → {}").format(t_test[i].argmax(), read[i])
            ax.set_title(title, color="C3" if i in wrong else "k")
            ax.set_axis_off()
    for path in pictures:
        print(f"絵 picture: {path}")
    return {"differences": differences, "slow": slow, "fast": fast, "losses": losses,
            "history": history, "pictures": pictures}


if __name__ == "__main__":
    main()
