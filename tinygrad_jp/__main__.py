"""python -m tinygrad_jp demo: train a network before your eyes, and draw what happened.

The other commands are in cli.py.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from . import __version__, nn, optim
from .autograd.creation import manual_seed, tensor
from .autograd.mode import no_grad
from .autograd.tensor import Tensor
from .data import make_moons
from .errors import language, missing

Array = Any
PASSES = 20_000


def either(ja: str, en: str) -> str:
    """Choose the words in the language in force."""
    return ja if language() == "ja" else en


def say(ja: str, en: str) -> None:
    """Print in the language in force."""
    print(either(ja, en), flush=True)


def network() -> nn.Sequential:
    """Make the network 2-3-2: two coordinates in, three hidden nodes, a score for each class."""
    return nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 2))


def train(
    model: nn.Sequential, x: Tensor, t: Tensor, passes: int, report: Callable[[int, float], None]
) -> None:
    """Descend along the gradient of the loss over all points.

    report: called with the pass and the loss: at first each time, then ever more rarely.
    """
    measure = nn.CrossEntropyLoss()
    optimizer = optim.SGD(model.parameters(), lr=0.5, weight_decay=1e-4)
    tenth = max(passes // 10, 1)
    due = 0
    for i in range(passes):
        loss = measure(model(x), t)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if i == due or i % tenth == 0 or i == passes - 1:
            report(i, loss.item())
        if i == due:
            due += 1 + i // 40


@contextmanager
def progress(passes: int) -> Iterator[Callable[[int, float], None]]:
    """Show a bar that fills while the loss falls; on anything but a terminal, only lines."""
    tenth = max(passes // 10, 1)

    def line(i: int, loss: float) -> None:
        if i % tenth == 0 or i == passes - 1:
            say(f"{i:7,} 回目  損失 {loss:.6f}", f"pass {i:7,}  loss {loss:.6f}")

    if not sys.stdout.isatty():
        yield line
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    word = either("損失", "loss")
    columns = (TextColumn(f"{word} {{task.fields[loss]}}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns) as bar:
        task = bar.add_task("", total=passes, loss="…")

        def both(i: int, loss: float) -> None:
            bar.update(task, completed=i + 1, loss=f"{loss:.6f}")
            line(i, loss)

        yield both


def demo(out: Path, passes: int) -> dict[str, Any]:
    """Train the moons network, and write pictures and the drawn graph of one step into `out`.

    Raises MissingExtraError, before any work, if a package of the extra `demo` is not there.
    """
    for package in ("rich", "matplotlib", "matplotlib_fontja", "graphviz"):
        if find_spec(package) is None:
            raise missing(package, "demo")
    from .graph import draw  # so that `version` needs no extras
    from .plot import boundary, curves, picture

    points, classes = make_moons(200, noise=0.20, random_state=0)
    x, t = tensor(points.astype(np.float32)), tensor(classes)
    manual_seed(0)
    model = network()
    say(f"2 つの半月(200 点)を分ける 2-3-2 のネットワークを {passes:,} 回訓練します。",
        f"training a 2-3-2 network for {passes:,} passes to tell two half moons (200 points) apart")
    history: list[tuple[int, float]] = []
    began = perf_counter()
    with progress(passes) as show:

        def report(i: int, loss: float) -> None:
            history.append((i, loss))
            show(i, loss)

        train(model, x, t, passes, report)
    seconds = perf_counter() - began

    def predict(p: Array) -> Array:
        with no_grad():
            return model(tensor(p)).numpy().argmax(1)

    accuracy = float((predict(x.numpy()) == classes).mean())
    say(f"{seconds:.1f} 秒、正解率 {accuracy:.3f}", f"{seconds:.1f} s, accuracy {accuracy:.3f}")

    paths = [out / name for name in ("boundary.png", "loss.png", "graph.svg", "graph.png")]
    with picture(paths[0]) as axes:
        title = either("決定境界(正解率 {:.3f})", "decision boundary (accuracy {:.3f})")
        boundary(axes, predict, x.numpy(), classes, title.format(accuracy))
    with picture(paths[1]) as axes:
        loss = either("損失", "loss")
        title = either("損失の減り方", "how the loss falls")
        curves(axes, [i + 1 for i, _ in history], {loss: [v for _, v in history]},
               title, either("回数", "passes"), loss, log=True)
        axes.set_xscale("log")
    step = nn.CrossEntropyLoss()(model(x), t)
    step.name = "loss"
    drawn = draw(step, names={"x": x, "t": t, **dict(model.named_parameters())})
    drawn.save(paths[2])
    drawn.save(paths[3])
    for path, (ja, en) in zip(paths, WHAT, strict=True):
        say(f"{ja}: {path.resolve()}", f"{en}: {path.resolve()}")
    return {"history": history, "accuracy": accuracy, "paths": paths}


WHAT = (
    ("決定境界", "decision boundary"), ("損失の減り方", "loss curve"),
    ("1 回分の計算グラフ", "graph of one step"), ("同じ絵の PNG", "the same as a PNG"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line and do what it says; give the exit code.

    Raises SystemExit with 0 after --help, with 2 for a command line that makes no sense.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given == ["version"]:  # which needs no extras
        python = sys.version.split()[0]
        print(f"tinygrad_jp {__version__} (Python {python}, NumPy {np.__version__})")
        return 0
    try:
        from .cli import run
    except ImportError:
        print(missing("click", "graph"), file=sys.stderr)
        return 1
    return run(given)


if __name__ == "__main__":
    sys.exit(main())
