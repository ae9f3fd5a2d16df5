"""Train overnight, in small: python examples/spiral.py [--out out] [--epochs 300] [--resume]

Three arms of a spiral, told apart by a network 2-32-32-3 that `tj.fit` trains: 20 % of the points
are held back to validate, the training stops when their loss stagnates, goes back to its best
weights, and is saved as it goes. Kill it (Ctrl-C, or harder), run it again with --resume, and it
ends with the very numbers that it would have had.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import tinygrad_jp as tj
from tinygrad_jp import nn, optim
from tinygrad_jp.data import StandardScaler, make_spiral
from tinygrad_jp.plot import boundary, curves, picture


def network(seed: int) -> nn.Sequential:
    """Make the network, its weights drawn from a seed."""
    tj.manual_seed(seed)
    return nn.Sequential(
        nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Dropout(0.1), nn.Linear(32, 3)
    )


def accuracy(output: tj.Tensor, target: tj.Tensor) -> np.ndarray:
    """Tell for each point whether the highest score is that of its class: a metric of one's own."""
    return (output.numpy().argmax(1) == target.numpy()).astype(np.float64)


def train(
    model: nn.Sequential, x: np.ndarray, t: np.ndarray, options: argparse.Namespace,
    callbacks: tuple = (),
) -> tj.train.History:
    """Train with everything that a long training wants."""
    optimizer = optim.AdamW(model.parameters(), lr=0.01)
    return tj.fit(
        model, (x, t), nn.CrossEntropyLoss(), optimizer, epochs=options.epochs, batch_size=16,
        validation=0.2, metrics=[accuracy], clip_norm=5.0, seed=options.seed,
        scheduler=optim.lr_scheduler.CosineAnnealingLR(optimizer, options.epochs),
        callbacks=[
            tj.train.EarlyStopping(patience=40), tj.train.CSVLog(options.out / "spiral.csv"),
            *callbacks,
        ],
        checkpoint=options.out / "spiral.safetensors", resume=options.resume,
        verbose=options.verbose,
    )


def main(argv: list[str] | None = None) -> dict[str, object]:
    """Train, print and draw; give the figures for the tests."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for what is written")
    parser.add_argument("--epochs", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--resume", action="store_true", help="go on from where it was stopped")
    parser.add_argument("--verbose", type=int, default=1, help="0: no progress is shown")
    options = parser.parse_args(argv)
    options.out.mkdir(parents=True, exist_ok=True)

    x, t = make_spiral(300, random_state=1984)
    x_new, t_new = make_spiral(300, random_state=7)  # points it has never seen
    scaler = StandardScaler().fit(x)
    model = network(options.seed)
    history = train(model, scaler.transform(x), t, options)

    loss = nn.CrossEntropyLoss()
    found = tj.evaluate(model, (scaler.transform(x_new), t_new), loss, metrics=[accuracy])
    epoch, best = history.best("val_loss")
    print(f"{len(history)} エポック epochs、最良 best: エポック epoch {epoch + 1}、検証の損失 "
          f"val_loss {best:.4f}")
    print(f"新しい点での正解率 accuracy on new points: {found['accuracy']:.3f}")

    pictures = [options.out / "spiral_boundary.png", options.out / "spiral_loss.png"]
    with picture(pictures[0], size=(4.2, 4.0)) as ax:
        def classes(p: np.ndarray) -> np.ndarray:
            return tj.predict(model, scaler.transform(p)).numpy().argmax(1)

        boundary(ax, classes, x, t, "3 本の腕 three arms")
    with picture(pictures[1]) as ax:
        curves(ax, [e + 1 for e in history.epoch],
               {"訓練": history["loss"], "検証": history["val_loss"]},
               "損失の減り方", "エポック", "損失", log=True)
    for path in pictures:
        print(f"絵 picture: {path}")
    return {"history": history, "found": found, "model": model, "pictures": pictures}


if __name__ == "__main__":
    main()
