"""What is seen: lines where nobody draws, a display on a terminal, in both languages."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys

import pytest
from nets import accuracy, adam, data, net
from rich.console import Console

import tinygrad_jp as tj
from tinygrad_jp import errors, nn
from tinygrad_jp.train import progress


@pytest.fixture(params=["ja", "en"])
def language(request):
    errors.set_language(request.param)
    yield request.param
    errors.set_language(None)


def fit(verbose, epochs=3, **options):
    model = net()
    return tj.fit(model, data(40), nn.CrossEntropyLoss(), adam(model), epochs=epochs, batch_size=8,
                  seed=0, verbose=verbose, metrics=[accuracy], validation=data(16), **options)


def test_a_line_for_every_epoch(language, capsys):
    history = fit(2)
    lines = capsys.readouterr().out.splitlines()
    word, left = {"ja": ("エポック", "残り"), "en": ("epoch", "left")}[language]
    assert [line.split()[:2] for line in lines] == [[word, f"{i}/3"] for i in (1, 2, 3)]
    assert f"loss {history['loss'][1]:.4f}" in lines[1]
    assert "val_accuracy" in lines[1]
    assert left in lines[1]
    assert left not in lines[2]


def test_short_epochs_show_the_first_and_the_last_alone(capsys):
    fit("auto", epochs=50)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines] == ["1/50", "50/50"]


def test_nothing_is_nothing(capsys):
    fit(0)
    made = capsys.readouterr()
    assert made.out == made.err == ""


def test_why_it_stopped_is_said(language, capsys):
    fit(1, epochs=9, callbacks=[tj.train.On(epoch_end=lambda run: run.epoch == 1 and run.stop("理由 why"))])
    last = capsys.readouterr().out.splitlines()[-1]
    assert "理由 why" in last
    assert "2" in last


def drawn(**options):
    """Train with a display, and give all that it drew as text."""
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=80, color_system=None)
    display = progress.Live(console)
    pictures = []

    class Every(progress.Live):
        def tick(self, run):
            with console.capture() as text:
                console.print(self.picture(run))
            pictures.append(text.get())
            display.due = 0.0

    every = Every(console)
    every.due = 0.0
    fit(every, **options)
    return pictures, out.getvalue()


def test_a_display_shows_where_it_is(language, monkeypatch):
    pictures, end = drawn()
    epoch, batch, trains, validates = {
        "ja": ("エポック 2/3", "バッチ 3/5", "訓練中", "検証中"),
        "en": ("epoch 2/3", "batch 3/5", "training", "validating"),
    }[language]
    middle = [p for p in pictures if epoch in p and batch in p]
    assert middle
    assert all("━" in p for p in pictures[2:])
    assert "nan" not in "".join(pictures)
    assert all("loss" in p for p in pictures[2:])
    assert any(trains in p for p in pictures)
    assert any(validates in p for p in pictures)
    assert all(len(line) <= 80 for p in pictures for line in p.splitlines())
    assert "val_accuracy" in end
    assert {"ja": "エポック 3/3", "en": "epoch 3/3"}[language] in end


def test_a_display_is_seldom_drawn_where_drawing_is_slow(monkeypatch):
    shown = progress.Live(Console(file=io.StringIO(), width=80))
    now = [0.0]
    monkeypatch.setattr(progress, "perf_counter", lambda: now[0])

    class Slow:
        def update(self, *_, **__):
            now[0] += 0.5

        stop = start = update

    shown._display = Slow()
    monkeypatch.setattr(shown, "picture", lambda run: "")
    shown.tick(object())
    assert shown.due == pytest.approx(0.5 + 30 * 0.5)


def test_on_a_real_terminal_it_draws_and_elsewhere_it_does_not():
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from test_progress import fit\n"
        "fit('auto')\n"
    )
    here = os.path.dirname(__file__)
    env = {**os.environ, "TINYGRAD_JP_LANG": "en", "TERM": "xterm", "COLUMNS": "80"}
    master, slave = pty.openpty()
    child = subprocess.Popen([sys.executable, "-c", script, here], stdout=slave, stderr=slave, env=env)
    os.close(slave)
    seen = b""
    while True:
        try:
            part = os.read(master, 4096)
        except OSError:
            break
        if not part:
            break
        seen += part
    os.close(master)
    assert child.wait(30) == 0, seen
    assert "━".encode() in seen
    assert b"\x1b[" in seen
    piped = subprocess.run([sys.executable, "-c", script, here], capture_output=True, env=env, check=True)
    assert "━".encode() not in piped.stdout
    assert b"epoch 3/3" in piped.stdout


def test_without_rich(monkeypatch):
    monkeypatch.setitem(sys.modules, "rich.console", None)
    with pytest.raises(errors.MissingExtraError, match=r"\[progress\]"):
        progress.Live()
    monkeypatch.setattr(progress, "find_spec", lambda name: None)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert type(progress.as_progress("auto")) is progress.Lines


def test_any_progress_of_ones_own():
    class Mine(progress.Progress):
        def __init__(self):
            self.told = []
            self.due = 0.0

        def begin(self, run):
            self.told.append("begin")

        def tick(self, run):
            self.told.append(run.step)

        def epoch_end(self, run):
            self.told.append("epoch")

        def end(self, run):
            self.told.append("end")

    mine = Mine()
    fit(mine, epochs=1)
    assert mine.told == ["begin", 1, 2, 3, 4, 5, 5, 5, "epoch", "end"]


@pytest.mark.parametrize(("value", "text"), [
    (0.0, "0.0000"), (0.12345, "0.1235"), (99.99999, "100.0000"), (1234.5, "1234.50"),
    (1e-5, "1.000e-05"), (1e6, "1.000e+06"), (float("nan"), "nan"), (float("inf"), "inf"),
])
def test_numbers_are_short(value, text):
    assert progress.short(value) == text
