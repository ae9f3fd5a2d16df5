"""Draw the pictures of a computation graph: python examples/pictures.py [--out out] [--lang ja]

Two apples as in the book, one step of the moons network with values and gradients, a network of
two layers closed and open, the second derivative of sin, fifty layers folded into one, and an
operation whose shapes do not fit. Each as SVG and PNG, and the apples also as PDF and as a page to
step through. Needs the extras `graph` and `pdf`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

import tinygrad_jp as tj
from tinygrad_jp import nn
from tinygrad_jp.data import make_moons
from tinygrad_jp.errors import ShapeError, set_language
from tinygrad_jp.graph import Drawing


def apples(ja: bool) -> list[tj.Tensor]:
    """Two apples at 100 yen with 10 % tax: 220 yen, the first example of the book.

    Gives apple, count, tax and price; a name lives as long as its Tensor.
    """
    words = ("りんご", "個数", "消費税", "支払金額") if ja else ("apple", "count", "tax", "price")
    apple, count, tax = (tj.tensor(v, requires_grad=True) for v in (100.0, 2.0, 1.1))
    price = apple * count * tax
    named = [apple, count, tax, price]
    for tensor, word in zip(named, words, strict=True):
        tensor.name = word
    return named


class TwoLayerNet(nn.Module):
    """The book's network: affine, ReLU, affine."""

    def __init__(self) -> None:
        super().__init__()
        self.affine1 = nn.Linear(4, 8)
        self.relu = nn.ReLU()
        self.affine2 = nn.Linear(8, 3)

    def forward(self, x: tj.Tensor) -> tj.Tensor:
        """Give a score for each class."""
        scores: tj.Tensor = self.affine2(self.relu(self.affine1(x)))
        return scores


def moons() -> Drawing:
    """Draw one step of a 2-3-2 network: the loss of a few points, with every gradient."""
    points, classes = make_moons(6, noise=0.1, random_state=0)
    x, t = tj.tensor(points.astype(np.float32)), tj.tensor(classes)
    model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 2))
    measure = nn.CrossEntropyLoss()

    def step() -> tj.Tensor:
        loss: tj.Tensor = measure(model(x), t)
        loss.name = "loss"
        return loss

    return tj.draw(step, gradients=True)


def misfit() -> Drawing:
    """Draw the operation at which two shapes did not fit."""
    x = tj.tensor(np.ones((5, 4), np.float32))
    net = TwoLayerNet()
    w = tj.tensor(np.ones((3, 2), np.float32), requires_grad=True)
    try:
        h = net.relu(net.affine1(x))
        return tj.draw(h @ w)
    except ShapeError as error:
        return tj.draw(error, names=locals())


def pictures(ja: bool) -> Iterator[tuple[str, Drawing]]:
    """Give every picture with the name of its file."""
    apple, *_, price = bought = apples(ja)
    yield "apples", tj.draw(price, style="book")
    yield "apples_boxes", tj.draw(price, formulas=True, slopes=True)
    yield "apples_dark", tj.draw(price, slopes=True, theme="dark", highlight=apple)
    yield "apples_print", tj.draw(price, theme="print", direction="TB")
    del bought
    tj.manual_seed(0)
    yield "moons", moons()
    net = TwoLayerNet()
    x = np.random.default_rng(0).standard_normal((5, 4)).astype(np.float32)
    yield "two_layer_net", tj.draw(net, x)
    yield "two_layer_net_closed", tj.draw(net, x, depth=1)
    yield "sin", tj.draw(np.sin, 0.5, order=2)
    layers = [m for _ in range(49) for m in (nn.Linear(16, 16), nn.ReLU())]
    yield "fifty_layers", tj.draw(nn.Sequential(nn.Linear(4, 16), *layers), x)
    yield "misfit", misfit()


def main(arguments: Sequence[str] | None = None) -> list[Path]:
    """Draw all pictures into a folder; give their paths."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("out"))
    parser.add_argument("--lang", choices=["ja", "en"], default="ja")
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    set_language(options.lang)
    saved = []
    try:
        for name, drawing in pictures(options.lang == "ja"):
            more = (".pdf", ".html") if name == "apples" else ()
            file = options.out / f"{name}_{options.lang}.svg"
            saved += [drawing.save(file.with_suffix(s)) for s in (".svg", ".png", *more)]
    finally:
        set_language(None)
    for path in saved:
        print(path)
    return saved


if __name__ == "__main__":
    main()
