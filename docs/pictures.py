"""Draw the pictures of the documents into docs/images, with the project itself.

python docs/pictures.py

Takes a minute or two: the larger examples train. The photographs of the player, and the
picture of long runs, are made by tests/bench/player.py and tests/bench/soak.py; the operations'
graphs by operations.py.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np

import tinygrad_jp as tj
from tinygrad_jp import keras, nn
from tinygrad_jp.errors import Language, set_language
from tinygrad_jp.plot import COLOURS, curves, picture

DOCS = Path(__file__).resolve().parent
IMAGES = DOCS / "images"
sys.path[:0] = [str(DOCS.parent / "examples" / "seeds"), str(DOCS.parent / "examples")]


def two_apples(lang: Language) -> None:
    """Draw the shop: one multiplication; then two, in boxes, with the derivative on each edge."""
    from pictures import apples

    apple, count, tax, price = apples(lang == "ja")
    goods = apple * count
    goods.name = "代金" if lang == "ja" else "goods"
    tj.draw(goods, style="book").save(IMAGES / f"multiplication_{lang}.svg")
    tj.draw(price, slopes=True, formulas=True).save(IMAGES / f"apples_slopes_{lang}.svg")
    tj.draw(price, style="book").save(IMAGES / f"apples_{lang}.svg")
    del tax


def two_paths(lang: Language) -> None:
    """Draw y = x·x + 3x, where three paths lead to x."""
    x = tj.tensor(2.0, requires_grad=True)
    y = x * x + 3 * x
    tj.draw(y, names={"x": x, "y": y}, slopes=True).save(IMAGES / f"paths_{lang}.svg")


def steps_and_errors(lang: Language) -> None:
    """Plot the error of both differences of sin at 1 against h."""
    ja = lang == "ja"
    table = tj.gradient_error_by_step(np.sin, 1.0)
    with picture(IMAGES / f"steps_{lang}.png", size=(5.2, 3.4)) as ax:
        for error, name, colour in (
            (table.forward, "前進差分" if ja else "forward", COLOURS[0]),
            (table.central, "中心差分" if ja else "central", COLOURS[1]),
        ):
            ax.loglog(table.h, error, marker="o", markersize=4, color=colour, label=name)
        ax.legend()
        ax.set(xlabel="h", ylabel="誤差" if ja else "error",
               title="sin′(1) の数値微分の誤差" if ja else "error of numerical sin′(1)")


def activations(lang: Language) -> None:
    """Plot the step, sigmoid, tanh and ReLU, each with the derivative that backward gives."""
    ja = lang == "ja"
    values = np.linspace(-5, 5, 401)
    functions = {
        ("ステップ関数" if ja else "step function"): None,
        ("シグモイド" if ja else "sigmoid"): tj.sigmoid, "tanh": np.tanh, "ReLU": tj.relu,
    }
    with picture(IMAGES / f"activations_{lang}.png", 1, 4, (2.5, 2.5)) as axes:
        for ax, (name, function) in zip(axes, functions.items(), strict=True):
            x = tj.tensor(values, requires_grad=True)
            if function is None:
                y, slope = np.where(values > 0, 1.0, 0.0), np.zeros_like(values)
            else:
                result = function(x)
                result.sum().backward()
                y, slope = result.detach().numpy(), x.grad.numpy()
            ax.plot(values, y, color=COLOURS[0], label="値" if ja else "value")
            ax.plot(values, slope, color=COLOURS[1], linestyle="--",
                    label="微分" if ja else "derivative")
            ax.set(title=name, ylim=(-1.15, 1.6))
        axes[1].legend(loc="lower right")


def vanishing(lang: Language) -> None:
    """Plot the gradient's norm at each layer, for sigmoid and for ReLU."""
    ja = lang == "ja"
    x, t = np.random.default_rng(0).normal(size=(64, 2)), np.zeros((64, 1))
    lines = {}
    for name, kind in ((("シグモイド" if ja else "sigmoid"), nn.Sigmoid), ("ReLU", nn.ReLU)):
        tj.manual_seed(0)
        blocks = [m for _ in range(12) for m in (nn.Linear(32, 32), kind())]
        net = nn.Sequential(nn.Linear(2, 32), kind(), *blocks, nn.Linear(32, 1))
        for layer in net:
            if isinstance(layer, nn.Linear):
                nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu")
        loss = nn.functional.mse_loss(net(tj.tensor(x.astype("f4"))), tj.tensor(t.astype("f4")))
        loss.backward()
        lines[name] = [float(np.linalg.norm(m.weight.grad.numpy())) for m in net
                       if isinstance(m, nn.Linear)]
    with picture(IMAGES / f"vanishing_{lang}.png", size=(5.2, 3.2)) as ax:
        for (name, norms), colour in zip(lines.items(), COLOURS, strict=False):
            ax.semilogy(range(1, len(norms) + 1), norms, marker="o", markersize=4, color=colour,
                        label=name)
        ax.legend()
        ax.set(xlabel="層(入力から)" if ja else "layer, from the input",
               ylabel="勾配のノルム" if ja else "norm of the gradient")


def housing(lang: Language) -> None:
    """Plot loss, MAE and predictions of 3-64-64-1 on Boston housing."""
    import seed_004_tensorflow as seed

    ja = lang == "ja"
    result = seed.train()
    history = result["history"]
    with picture(IMAGES / f"housing_{lang}.png", 1, 3, (3.2, 3.0)) as axes:
        epochs = range(1, len(history["loss"]) + 1)
        across = "エポック" if ja else "epoch"
        curves(axes[0], epochs, {"loss": history["loss"]}, "Loss (MSE)", across, "", True)
        curves(axes[1], epochs, {"mae": history["mae"]}, "MAE", across, "", True)
        axes[2].scatter(result["answers"], result["predicted"], s=10, color=COLOURS[0])
        axes[2].plot([5, 50], [5, 50], color=COLOURS[1])
        axes[2].set(title="テスト(千ドル)" if ja else "test rows (1,000 dollars)",
                    xlabel="正解" if ja else "price", ylabel="予測" if ja else "predicted")


def health(lang: Language) -> None:
    """Draw the model Health, and plot its training."""
    import seed_000_health as seed

    ja = lang == "ja"
    result = seed.health()
    drawing = tj.draw(result["model"], result["scaled"][:4], depth=1, values=False)
    drawing.save(IMAGES / f"health_{lang}.svg")
    history = result["history"]
    with picture(IMAGES / f"health_training_{lang}.png", size=(5.2, 3.2)) as ax:
        curves(ax, range(1, len(history["loss"]) + 1),
               {("訓練" if ja else "training"): history["loss"],
                ("検証" if ja else "validation"): history["val_loss"]},
               "", "エポック" if ja else "epoch", "損失" if ja else "loss", log=True)


def examples(lang: Language) -> None:
    """Take over the pictures that the larger examples draw."""
    import housing as boston
    import moons
    import two_layer_net
    from pictures import pictures

    chosen = {moons: ([], "moons_boundaries"), boston: ([], "housing_exercises"),
              two_layer_net: (["--data", "5k"], "two_layer_net_accuracy")}
    ending = "" if lang == "ja" else "_en"
    for module, (arguments, name) in chosen.items():
        with tempfile.TemporaryDirectory() as folder:
            module.main(["--out", folder, *arguments])
            shutil.copy(Path(folder) / f"{name}.png", IMAGES / f"{name}{ending}.png")
    for name, drawing in pictures(lang == "ja"):
        if name in ("fifty_layers", "misfit"):
            drawing.save(IMAGES / f"{name}_{lang}.svg")


def main() -> None:
    """Draw every picture in both languages."""
    keras.utils.set_random_seed(0)
    languages: tuple[Language, ...] = ("ja", "en")
    for lang in languages:
        set_language(lang)
        for draw in (two_apples, two_paths, steps_and_errors, activations, vanishing, housing,
                     health, examples):
            draw(lang)
    set_language(None)


if __name__ == "__main__":
    main()
