"""The command line: python -m tinygrad_jp demo, draw, explain, diagnose, check, version."""

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


REPORT = click.option(
    "-o", "--out", "paths", multiple=True, type=click.Path(path_type=Path),
    help="保存先。.html .md .txt .svg .png .pdf(何度でも) / where to save.",
)
LANG = click.option("--lang", type=click.Choice(["ja", "en"]))


def tell(kind: str, target: str, inputs: Sequence[str], files: Any, lang: Any, **more: Any) -> Any:
    """Print what was found out, or save it wherever it is wanted; give it."""
    from .graph.shell import told

    if lang is not None:
        set_language(lang)
    report = told(kind, target, inputs, lang=lang, **more)
    for path in files:
        click.echo(str(report.save(path)))
    if not files:
        click.echo(str(report))
    return report


@commands.command()
@click.argument("target")
@click.argument("inputs", nargs=-1)
@click.argument("w")
@click.option("--index", help="1 つの要素だけ。0,1 / one element only.")
@click.option("--paths", "most", type=click.IntRange(min=1), default=8, show_default=True,
              help="書き出す経路の数 / how many paths to write out.")
@REPORT
@LANG
def explain(
    target: str, inputs: tuple[str, ...], w: str, index: str | None, most: int,
    paths: tuple[Path, ...], lang: Any,
) -> None:
    """勾配の理由を書き出す / write out why the gradient of TARGET with respect to W is what it is.

    \b
    TARGET: script.py:loss(損失か、損失を返す関数 / a loss, or a function that gives one)
    W: スクリプトの中の名前、パラメータのパス、絵の番号 n3
        a name in the script, a parameter's path, a node's id in the picture
    """
    at: Any = None
    if index is not None:
        try:
            at = tuple(int(i) for i in index.strip("()").split(",") if i.strip())
        except ValueError:
            raise click.BadParameter(index, param_hint="--index") from None
    tell("explain", target, (*inputs, w), paths, lang, index=at, paths=most)


@commands.command()
@click.argument("target")
@click.argument("inputs", nargs=-1)
@REPORT
@LANG
def diagnose(target: str, inputs: tuple[str, ...], paths: tuple[Path, ...], lang: Any) -> None:
    """学習を妨げるものを探す / look for what keeps a network from learning.

    \b
    TARGET: script.py:loss、または script.py:model
    INPUTS: model のとき、入力、正解、損失関数の名前 / for a model, names of x, t and loss_fn

    重大なものがあれば終了コードは 1 / the exit code is 1 if there is an error.
    """
    report = tell("diagnose", target, inputs, paths, lang)
    if any(finding.severity == "error" for finding in report.findings):
        raise click.exceptions.Exit(1)


@commands.command()
@click.argument("target")
@click.argument("inputs", nargs=-1)
@REPORT
@LANG
def check(target: str, inputs: tuple[str, ...], paths: tuple[Path, ...], lang: Any) -> None:
    """規則を数値微分と比べる / compare each operation's rule with differences.

    \b
    TARGET: script.py:loss(損失か、損失を返す関数 / a loss, or a function that gives one)

    誤りがあれば終了コードは 1 / the exit code is 1 if one is wrong.
    """
    if not tell("check", target, inputs, paths, lang).ok:
        raise click.exceptions.Exit(1)


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
    return code if isinstance(code, int) else 0
