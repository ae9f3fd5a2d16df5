"""python -m tinygrad_jp, and run.py, as a user calls them."""

from __future__ import annotations

import importlib.util
import io
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from tinygrad_jp import __main__ as program
from tinygrad_jp import errors

ROOT = Path(__file__).resolve().parent.parent


def test_demo_trains_and_writes_pictures(tmp_path, capsys):
    errors.set_language("en")
    try:
        assert program.main(["demo", "--out", str(tmp_path), "--passes", "5000"]) == 0
    finally:
        errors.set_language(None)
    printed = capsys.readouterr().out
    losses = [float(v) for v in re.findall(r"loss (\d+\.\d+)", printed)]
    assert len(losses) == 11
    assert losses[-1] < 0.12 < losses[0]
    assert float(re.search(r"accuracy (\d\.\d+)", printed)[1]) >= 0.96
    for name in ("boundary.png", "loss.png", "graph.svg", "graph.png"):
        assert str((tmp_path / name).resolve()) in printed
        assert (tmp_path / name).stat().st_size > 2000
    drawn = (tmp_path / "graph.svg").read_text("utf-8")
    assert "<svg" in drawn
    assert "tanh" in drawn.lower()


def test_demo_speaks_japanese(tmp_path, capsys):
    errors.set_language("ja")
    try:
        program.main(["demo", "--out", str(tmp_path), "--passes", "100"])
    finally:
        errors.set_language(None)
    printed = capsys.readouterr().out
    assert "正解率" in printed
    assert "決定境界" in printed


def test_the_bar_fills_on_a_terminal(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setenv("TERM", "xterm")
    with program.progress(200) as show:
        for i in range(200):
            show(i, 1.0 / (i + 1))
    assert "200/200" in screen.getvalue()
    assert "0.005000" in screen.getvalue()


@pytest.mark.parametrize("package", ["rich", "matplotlib", "matplotlib_fontja", "graphviz"])
def test_demo_says_what_to_install_before_it_trains(package, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(
        program, "find_spec", lambda name: None if name == package else importlib.util.find_spec(name)
    )
    assert program.main(["demo", "--out", str(tmp_path)]) == 1
    caught = capsys.readouterr()
    assert f"{package}" in caught.err
    assert 'pip install ".[demo]"' in caught.err
    assert caught.out == ""
    assert list(tmp_path.iterdir()) == []


def test_version_and_help_and_nonsense(capsys):
    assert program.main(["version"]) == 0
    assert re.match(r"tinygrad_jp \d", capsys.readouterr().out)
    for arguments, code in ((["--help"], 0), ([], 2), (["fly"], 2), (["demo", "--passes", "0"], 2)):
        with pytest.raises(SystemExit) as stopped:
            program.main(arguments)
        assert stopped.value.code == code


def test_as_a_module(tmp_path):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tinygrad_jp", "demo", "--quick", "--out", tmp_path],
        cwd=ROOT, capture_output=True, text=True, encoding="utf-8",
        env={**os.environ, "TINYGRAD_JP_LANG": "en", "PYTHONIOENCODING": "utf-8"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "pass     999" in done.stdout
    assert (tmp_path / "graph.png").exists()


@pytest.fixture
def run():
    """Load run.py."""
    return runpy.run_path(str(ROOT / "run.py"), run_name="run")


def test_run_lists_its_jobs(run, capsys):
    assert run["main"]([]) == 2
    assert run["main"](["fly"]) == 2
    assert run["main"](["--help"]) == 0
    printed = capsys.readouterr().out
    for job in ("demo", "test", "check", "docs", "bench"):
        assert f"\n  {job} " in printed


def test_run_needs_only_the_standard_library_and_is_short():
    text = (ROOT / "run.py").read_text("utf-8")
    imports = set(re.findall(r"^(?:import|from) (\w+)", text, re.MULTILINE))
    assert imports <= set(sys.stdlib_module_names)
    assert text.count("\n") <= 120


@pytest.fixture
def fake_run(run, monkeypatch, tmp_path):
    """Load run.py with a project elsewhere, and write down the commands instead of running them."""
    calls = []

    def call(command):
        calls.append([str(part) for part in command])
        return results.get(command[-1], 0)

    results = {}
    root = tmp_path / "project"
    venv = root / ".venv"
    (venv / "bin").mkdir(parents=True)
    (root / "pyproject.toml").write_text("[project]")
    (venv / "bin" / "python").write_text("")
    for name, value in (
        ("ROOT", root), ("VENV", venv), ("PYTHON", venv / "bin" / "python"), ("call", call),
        ("works", lambda *_: True), ("installer", lambda uv: ["install"]),
    ):
        monkeypatch.setitem(run["main"].__globals__, name, value)
    return run["main"], calls, results, root


def test_run_installs_once_and_again_when_pyproject_changes(fake_run):
    main, calls, _, root = fake_run
    assert main(["test", "-k", "moons"]) == 0
    assert [c[0] for c in calls] == ["install", str(root / ".venv" / "bin" / "python")]
    assert calls[0][-1] == ".[dev]"
    assert calls[1][1:] == ["-m", "pytest", "-n", "auto", "-k", "moons"]
    main(["demo"])  # dev has everything that demo needs
    assert [c[0] for c in calls].count("install") == 1
    main(["docs"])
    assert [c[-1] for c in calls if c[0] == "install"] == [".[dev]", ".[docs]"]
    (root / "pyproject.toml").write_text("[project]\nname = 'x'")
    main(["test"])
    assert [c[-1] for c in calls if c[0] == "install"] == [".[dev]", ".[docs]", ".[dev]"]


def test_run_gives_the_exit_code_of_what_failed(fake_run):
    main, calls, results, _ = fake_run
    results["."] = 3  # ruff check .
    assert main(["check"]) == 3
    assert calls[-1][-1] == "mypy"  # the types are checked all the same


def test_run_says_so_when_the_installation_fails(fake_run, capsys):
    main, calls, results, _ = fake_run
    results[".[demo]"] = 7
    with pytest.raises(SystemExit) as stopped:
        main(["demo"])
    assert stopped.value.code == 7
    assert "インストールに失敗" in capsys.readouterr().out
    results.clear()
    main(["demo"])  # it was not remembered as done
    assert [c[0] for c in calls].count("install") == 2


def test_run_says_what_is_missing(run, monkeypatch, tmp_path, capsys):
    scope = run["installer"].__globals__
    monkeypatch.setitem(scope, "VENV", tmp_path / ".venv")
    monkeypatch.setitem(scope, "PYTHON", tmp_path / ".venv/bin/python")
    monkeypatch.setitem(scope, "works", lambda *_: False)
    monkeypatch.setitem(scope, "call", lambda _: 1)
    with pytest.raises(SystemExit) as stopped:
        run["installer"](None)
    assert stopped.value.code == 1
    assert "sudo apt install python3-venv" in capsys.readouterr().out
