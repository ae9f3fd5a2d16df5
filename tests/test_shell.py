"""python -m tinygrad_jp draw, as a user calls it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tinygrad_jp import __main__ as program
from tinygrad_jp import errors

ROOT = Path(__file__).resolve().parent.parent

SCRIPT = '''
import sys
import numpy as np
import tinygrad_jp as tj
from tinygrad_jp import nn
from neighbour import SIZE

assert len(sys.argv) == 1 and "script" in sys.argv[0]
w = tj.Tensor([1.0, 2.0], requires_grad=True)
x = tj.Tensor([3.0, 4.0])
loss = (w * x).sum()
net = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, SIZE))

def f(a, b):
    return tj.sin(a) * b

def bad():
    return w @ tj.Tensor(np.ones((3, 2)), requires_grad=True)

def boom():
    raise ValueError("boom")

used = (w * w).sum()
used.backward()

if __name__ == "__main__":
    hidden = loss
'''


@pytest.fixture
def script(tmp_path):
    (tmp_path / "neighbour.py").write_text("SIZE = 2\n")
    (tmp_path / "script.py").write_text(SCRIPT)
    (tmp_path / "broken.py").write_text("x = 1\ny = (\n")
    (tmp_path / "raises.py").write_text("def g():\n    return 1 / 0\ng()\n")
    errors.set_language("en")
    yield tmp_path / "script.py"
    errors.set_language(None)
    sys.modules.pop("neighbour", None)


def run(*arguments: object) -> int:
    return program.main(["draw", *map(str, arguments)])


def test_a_tensor_is_printed_as_a_tree(script, capsys):
    assert run(f"{script}:loss") == 0
    printed = capsys.readouterr().out
    assert printed.splitlines()[0] == "n3 loss  np.sum  () float32  value 11  gradient 1"
    assert "n0 w  (2,) float32  value [1, 2]  gradient [3, 4]" in printed


def test_it_is_saved_in_every_form(script, tmp_path, capsys):
    paths = [tmp_path / f"graph{s}" for s in (".html", ".svg", ".png", ".pdf", ".dot", ".mmd", ".txt")]
    options = [x for path in paths for x in ("-o", path)]
    assert run(f"{script}:loss", *options) == 0
    assert all(path.stat().st_size > 100 for path in paths)
    assert capsys.readouterr().out.splitlines() == [str(path) for path in paths]


def test_options_are_those_of_draw(script, tmp_path):
    path = tmp_path / "x.dot"
    assert run(f"{script}:net", "5,4", "-o", path, "--depth", 1, "--theme", "dark", "--lang", "ja",
               "--direction", "TB", "--no-values") == 0
    dot = path.read_text("utf-8")
    assert "rankdir=TB" in dot
    assert "#16191D" in dot
    assert "0: Linear" in dot
    assert "パラメータ 15" in dot
    assert "値" not in dot
    assert run(f"{script}:f", "1", "2", "-o", path, "--slopes", "--formulas", "--order", 1,
               "--highlight", "a") == 0
    assert "cos a" in path.read_text("utf-8") or "cos x" in path.read_text("utf-8")


def test_inputs_are_numbers_shapes_and_names(script, capsys):
    assert run(f"{script}:f", "1.5", "w") == 0
    printed = capsys.readouterr().out
    assert "a  () float32  value 1.5" in printed
    assert "w  (2,) float32" in printed
    assert run(f"{script}:net.0", "(3,4)") == 0
    assert "(3, 3) float32" in capsys.readouterr().out


def test_a_module_by_its_name(script, capsys, monkeypatch):
    monkeypatch.chdir(script.parent)
    assert run("script:loss") == 0
    sys.modules.pop("script", None)
    assert "value 11" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("{folder}/none.py:loss", "no such file"),
        ("{folder}/script.py:nobody", "What could be drawn: w, x, loss, net, f, bad, boom, used"),
        ("{folder}/script.py:hidden", "__main__"),
        ("{folder}/script.py:x", "no graph"),
        ("{folder}/script.py:used", "retain_graph=True"),
        ("{folder}/script.py:SIZE", "not int"),
        ("{folder}/script.py:net", "give it an input"),
        ("{folder}/script.py", "script.py:loss"),
        ("nomodule:loss", "no module nomodule"),
        ("{folder}/broken.py:x", "SyntaxError"),
        ("{folder}/raises.py:x", "ZeroDivisionError"),
        ("{folder}/script.py:boom", "ValueError: boom"),
    ],
)
def test_what_goes_wrong_is_said(script, target, said, capsys):
    assert run(target.format(folder=script.parent)) == 1
    caught = capsys.readouterr()
    assert said in caught.err
    assert caught.out == ""
    assert "tinygrad_jp/graph" not in caught.err, "frames of ours are of no use"


def test_a_script_s_traceback_is_its_own(script, capsys):
    run(f"{script.parent}/raises.py:x")
    err = capsys.readouterr().err
    assert 'raises.py", line 2, in g' in err
    assert err.count("File ") == 2


def test_an_operation_that_fails_is_drawn_and_said(script, tmp_path, capsys):
    path = tmp_path / "bad.dot"
    assert run(f"{script}:bad", "-o", path) == 1
    caught = capsys.readouterr()
    assert "ShapeError" in caught.err
    assert caught.out.strip() == str(path)
    dot = path.read_text("utf-8")
    assert "failed here" in dot
    assert "a (2,) b (3, 2)" in dot
    assert "<B>w</B>" in dot


def test_a_place_that_cannot_be_written(script, tmp_path, capsys):
    assert run(f"{script}:loss", "-o", tmp_path / "no" / "x.dot") == 1
    assert "x.dot" in capsys.readouterr().err
    assert run(f"{script}:loss", "-o", tmp_path / "x.gif") == 1
    assert ".mmd" in capsys.readouterr().err


def test_a_command_line_that_makes_no_sense(script, capsys):
    for arguments in (["--theme", "pink"], ["--depth", "-1"], ["--nonsense"]):
        with pytest.raises(SystemExit) as stopped:
            run(f"{script}:loss", *arguments)
        assert stopped.value.code == 2
    with pytest.raises(SystemExit) as stopped:
        run("--help")
    assert stopped.value.code == 0
    assert "script.py:loss" in capsys.readouterr().out


def test_the_program_is_as_it_was(script, capsys):
    path, arguments = list(sys.path), list(sys.argv)
    run(f"{script}:loss")
    run(f"{script}:boom")
    assert sys.path == path
    assert sys.argv == arguments


def test_without_click_the_remedy_is_said(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "click", None)
    monkeypatch.delitem(sys.modules, "tinygrad_jp.cli", raising=False)
    monkeypatch.delattr("tinygrad_jp.cli", raising=False)
    assert program.main(["draw", "x.py:y"]) == 1
    assert '".[graph]"' in capsys.readouterr().err
    assert program.main(["version"]) == 0


def test_as_a_module(script):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tinygrad_jp", "draw", f"{script}:loss", "--lang", "ja"],
        cwd=ROOT, capture_output=True, text=True, encoding="utf-8",
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "勾配 [3, 4]" in done.stdout
