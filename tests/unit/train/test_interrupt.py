"""Ctrl-C, as a real signal: the training ends between two batches, and can go on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest
from nets import adam, assert_equal, data, net

import tinygrad_jp as tj
from tinygrad_jp import nn

SCRIPT = """
import sys, time
sys.path.insert(0, {here!r})
from nets import adam, data, net
import tinygrad_jp as tj
from tinygrad_jp import nn

def pause(run):
    print("at", run.epoch, run.batch, flush=True)
    time.sleep(0.02)

model = net(dropout=0.2)
history = tj.fit(
    model, data(40), nn.CrossEntropyLoss(), adam(model), epochs=50, batch_size=8, seed=0,
    callbacks=[tj.train.On(batch_end=pause)], checkpoint={path!r}, verbose=2,
)
print("ended", history.ended, history.interrupted, len(history), history.partial["batches"])
"""


@pytest.fixture
def running(tmp_path):
    """Start the script; give it, and the path of its checkpoint."""
    path = str(tmp_path / "run.safetensors")
    here = os.path.dirname(__file__)
    child = subprocess.Popen(
        [sys.executable, "-c", SCRIPT.format(here=here, path=path)], stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, env={**os.environ, "TINYGRAD_JP_LANG": "en"},
    )
    yield child, path
    child.kill()
    child.communicate()


def wait_for(child, epoch):
    for line in child.stdout:
        if line.startswith(f"at {epoch} 2"):
            return


def test_a_real_ctrl_c_keeps_history_and_checkpoint(running):
    child, path = running
    wait_for(child, 2)
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=30)
    assert child.returncode == 0, err
    assert "Ctrl-C" in out
    ended = out.splitlines()[-1].split()
    assert ended[:3] == ["ended", "interrupted", "True"]
    assert int(ended[3]) >= 2
    assert 0 < int(ended[4]) <= 5

    # and it goes on from there, bit for bit
    whole, model = net(dropout=0.2), net(dropout=0.2, seed=9)
    for m, resume in ((whole, False), (model, path)):
        history = tj.fit(m, data(40), nn.CrossEntropyLoss(), adam(m), epochs=6, batch_size=8, seed=0,
                         resume=resume, verbose=0)
        assert history.ended == "done"
        assert history.partial == {}
    assert_equal(model, whole)


def test_the_second_ctrl_c_goes_through():
    model = net()

    def press(run):
        if run.step == 3:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        tj.fit(model, data(), nn.CrossEntropyLoss(), adam(model), epochs=9, verbose=0, batch_size=8,
               callbacks=[tj.train.On(batch_end=press)])
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize("moment", ["batch_end", "validation_begin", "epoch_end"])
def test_the_batch_under_way_is_finished_and_best_weights_stay_away(moment, capsys):
    model, twin = net(), net()
    seen = []
    early = tj.train.EarlyStopping("loss", patience=5)

    def press(run):
        if run.step == 9 or (moment != "batch_end" and run.epoch == 1):
            signal.raise_signal(signal.SIGINT)
            seen.append(run.step)

    history = tj.fit(
        model, data(), nn.CrossEntropyLoss(), adam(model), epochs=9, batch_size=8, seed=1,
        callbacks=[early, tj.train.On(**{moment: press})], validation=data(seed=3),
    )
    assert history.interrupted
    expected = {"batch_end": (9, 1), "validation_begin": (14, 1), "epoch_end": (14, 2)}[moment]
    assert (seen, len(history)) == ([expected[0]], expected[1])
    assert all(len(column) == len(history) for column in history.history.values())
    tj.fit(twin, data(), nn.CrossEntropyLoss(), adam(twin), epochs=9, batch_size=8, seed=1, verbose=0,
           callbacks=[tj.train.On(batch_end=lambda run: run.step == expected[0] and run.stop())])
    assert_equal(model, twin)
    assert "Ctrl-C" in capsys.readouterr().out


def test_someone_elses_handler_and_other_threads_are_left_alone():
    pressed = []
    before = signal.signal(signal.SIGINT, lambda *_: pressed.append(1))
    try:
        model = net()
        history = tj.fit(model, data(), nn.CrossEntropyLoss(), adam(model), verbose=0, callbacks=[
            tj.train.On(batch_begin=lambda run: signal.raise_signal(signal.SIGINT))])
        assert history.ended == "done"
        assert pressed
    finally:
        signal.signal(signal.SIGINT, before)
    ended = []
    thread = threading.Thread(target=lambda: ended.append(
        tj.fit(model, data(), nn.CrossEntropyLoss(), adam(model), verbose=0).ended))
    thread.start()
    thread.join()
    assert ended == ["done"]


def test_eight_threads_get_the_numbers_of_one():
    models = {seed: net(dropout=0.3) for seed in range(8)}
    start = threading.Barrier(8)

    def train(seed, model):
        tj.fit(model, data(), nn.CrossEntropyLoss(), adam(model), epochs=5, batch_size=4, seed=seed,
               verbose=0)

    def train_together(seed):
        start.wait()
        train(seed, models[seed])

    threads = [threading.Thread(target=train_together, args=(seed,)) for seed in models]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed, model in models.items():
        alone = net(dropout=0.3)
        train(seed, alone)
        assert_equal(model, alone)
