"""The command line tells what explain, diagnose and check_graph find."""

from __future__ import annotations

from pathlib import Path

import pytest

from tinygrad_jp.errors import set_language

pytest.importorskip("click")
from tinygrad_jp.cli import run

SCRIPT = """
import numpy as np, tinygrad_jp as tj
from tinygrad_jp import nn
tj.manual_seed(0)
model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
x = np.random.default_rng(0).standard_normal((32, 4)).astype('f')
t = np.zeros(32, int)
loss_fn = nn.CrossEntropyLoss()
w = tj.tensor(2.0, requires_grad=True)
small = w * w * 3
def again():
    return loss_fn(model(x), t)
def of(batch):
    return loss_fn(model(batch), t)
dead = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
dead[0].bias.data[...] = -100
number = 3
@tj.primitive
def triple(x):
    return 3 * x
tj.rule(triple, lambda g: 2 * g)
wrong = triple(w)
"""


@pytest.fixture(autouse=True)
def _language():
    yield
    set_language(None)


@pytest.fixture
def script(tmp_path):
    from tinygrad_jp.vocabulary.rule import REGISTRY

    before = set(REGISTRY)
    path = tmp_path / "script.py"
    path.write_text(SCRIPT)
    yield str(path)
    for fn in set(REGISTRY) - before:
        if getattr(fn, "__name__", "") == "triple":
            del REGISTRY[fn]


def test_explain(script, capsys):
    assert run(["explain", f"{script}:small", "w", "--lang", "en"]) == 0
    assert "∂small/∂w = 12" in capsys.readouterr().out
    assert run(["explain", f"{script}:small", "w", "--lang", "en", "--paths", "1"]) == 0
    assert "1 more paths" in capsys.readouterr().out


def test_explain_runs_a_function(script, capsys):
    assert run(["explain", f"{script}:again", "model.0.weight", "--index", "1,2", "--lang", "en"]) == 0
    assert "∂loss/∂model.0.weight[1, 2]" in capsys.readouterr().out
    assert run(["explain", f"{script}:of", "x", "model.0.weight", "--lang", "ja"]) == 0
    assert "経路" in capsys.readouterr().out


def test_diagnose(script, capsys):
    assert run(["diagnose", f"{script}:again", "--lang", "en"]) == 0
    assert "note: 1" in capsys.readouterr().out  # w belongs to something else
    assert run(["diagnose", f"{script}:model", "x", "t", "loss_fn", "--lang", "en"]) == 0
    assert "nothing ill" in capsys.readouterr().out
    assert run(["diagnose", f"{script}:dead", "x", "t", "loss_fn", "--lang", "ja"]) == 1
    assert "死んだ ReLU" in capsys.readouterr().out


def test_check(script, capsys):
    assert run(["check", f"{script}:again", "--lang", "en"]) == 0
    assert run(["check", f"{script}:wrong", "--lang", "en"]) == 1
    assert "triple" in capsys.readouterr().out


def test_reports_are_saved(script, tmp_path, capsys):
    files = [tmp_path / f"report.{kind}" for kind in ("html", "md", "txt")]
    options = [part for file in files for part in ("-o", str(file))]
    for command in (["explain", f"{script}:small", "w"], ["diagnose", f"{script}:again"],
                    ["check", f"{script}:again"]):
        assert run([*command, *options, "--lang", "ja"]) == 0
        assert all(Path(line).stat().st_size for line in capsys.readouterr().out.split())


def test_what_cannot_be_told(script, capsys):
    for arguments, said in [
        (["explain", f"{script}:small", "zz"], "zz"),
        (["explain", f"{script}:number", "w"], "explain"),
        (["diagnose", f"{script}:model"], "model"),
        (["check", f"{script}:again", "-o", "a.doc"], ".html"),
        (["diagnose", f"{script}:nothing"], "nothing"),
        (["check", script], script),
    ]:
        assert run([*arguments, "--lang", "en"]) == 1
        captured = capsys.readouterr()
        assert said in captured.err
    with pytest.raises(SystemExit):
        run(["explain", f"{script}:small", "w", "--index", "a"])
