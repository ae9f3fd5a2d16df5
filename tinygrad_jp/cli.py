"""The command line: python -m tinygrad_jp demo, draw, version."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import click

from . import __main__ as program
from .errors import ScriptError, TinygradError, set_language

NAME = "python -m tinygrad_jp"


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def commands() -> None:
    """NumPy の上の小さな自動微分 / autograd on NumPy."""


@commands.command()
@click.option("--out", type=click.Path(path_type=Path), default=Path("out"), show_default=True,
              help="絵の置き場所 / the folder of the pictures.")
@click.option("--passes", type=click.IntRange(min=1), default=program.PASSES, show_default=True,
              help="訓練の回数 / number of passes.")
@click.option("--quick", is_flag=True, help="1,000 回だけ / only 1,000 passes.")
def demo(out: Path, passes: int, quick: bool) -> None:
    """訓練して絵を書く / train a network and write pictures."""
    program.demo(out, min(passes, 1000) if quick else passes)


@commands.command()
def version() -> None:
    """版 / print the version."""
    program.main(["version"])


@commands.command()
@click.argument("target")
@click.argument("inputs", nargs=-1)
@click.option("-o", "--out", "paths", multiple=True, type=click.Path(path_type=Path),
              help="保存先。.svg .png .pdf .html .dot .mmd .txt(何度でも) / where to save.")
@click.option("--values/--no-values", default=True, help="値 / values.")
@click.option("--gradients/--no-gradients", default=True, help="勾配 / gradients.")
@click.option("--gathered", is_flag=True,
              help="勾配は .grad にあるものだけ / only the gradients that are in .grad.")
@click.option("--shapes/--no-shapes", default=True, help="形と dtype / shapes and dtypes.")
@click.option("--formulas", is_flag=True, help="式 / formulas.")
@click.option("--slopes", is_flag=True, help="辺に局所微分 / local derivatives on the edges.")
@click.option("--statistics/--no-statistics", default=True,
              help="大きな配列は平均と範囲で / mean and range of big arrays.")
@click.option("--order", type=click.IntRange(min=0), default=0,
              help="1 で逆伝播、2 で 2 階微分も描く / draw the backward pass too.")
@click.option("--depth", type=click.IntRange(min=0),
              help="モジュールを開く深さ / how deep to look into modules.")
@click.option("--fold/--no-fold", default=None,
              help="同じブロックの繰り返しを 1 つに / fold repeated blocks.")
@click.option("--highlight", multiple=True, help="目立たせる道の始まり / where a path starts.")
@click.option("--direction", type=click.Choice(["LR", "TB", "RL", "BT"]), default="LR")
@click.option("--style", type=click.Choice(["boxes", "book"]), default="boxes")
@click.option("--theme", type=click.Choice(["light", "dark", "print"]), default="light")
@click.option("--lang", type=click.Choice(["ja", "en"]))
def draw(
    target: str, inputs: tuple[str, ...], paths: tuple[Path, ...], gradients: bool, gathered: bool,
    highlight: tuple[str, ...], lang: Literal["ja", "en"] | None, **options: Any,
) -> None:
    """計算グラフを描く / draw the graph of what TARGET names.

    \b
    TARGET: script.py:loss または package.module:model
        Tensor、または実行する関数や Module / a Tensor, a function or a Module to run
    INPUTS: スクリプトの中の名前、数、Module への入力の形 1,784
        names in the script, numbers, the shape of a Module's input

    保存先がなければ文字の木を表示する / without -o, print the graph as a tree.
    """
    from .graph.shell import drawn

    if lang is not None:
        set_language(lang)
    options["highlight"] = list(highlight) or None
    try:
        drawing = drawn(
            target, inputs, gradients="gathered" if gathered else gradients, lang=lang, **options
        )
    except ScriptError as error:
        failed(error, paths, lang, options)
        raise
    save(drawing, paths)


def save(drawing: Any, paths: Sequence[Path]) -> None:
    """Save a drawing wherever it is wanted, or print it."""
    for path in paths:
        click.echo(str(drawing.save(path)))
    if not paths:
        click.echo(str(drawing), nl=False)


def failed(error: Any, paths: Sequence[Path], lang: Any, options: dict[str, Any]) -> None:
    """Draw the operation at which a script failed, if an operation it was."""
    from .graph.drawing import draw as picture
    from .graph.failure import can_be_drawn

    cause = error.__cause__
    if paths and can_be_drawn(cause):
        shown = {k: options[k] for k in ("direction", "theme", "style", "shapes")}
        save(picture(cause, lang=lang, names=error.names, **shown), paths)


def run(arguments: Sequence[str]) -> int:
    """Do what a command line says; give the exit code."""
    try:
        code = commands.main(list(arguments), prog_name=NAME, standalone_mode=False)
    except click.ClickException as error:
        error.show()
        raise SystemExit(error.exit_code) from None
    except click.Abort:
        return 130
    except TinygradError as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        print(error, file=sys.stderr)
        return 1
    if code == 0:  # from --help: a command that has done its work gives nothing
        raise SystemExit(0)
    return 0
