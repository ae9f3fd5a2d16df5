"""Trains in a process of its own, which is killed (SIGKILL) again and again, and goes on.

python killed.py FOLDER KILLS SEED: prints JSON with the kills survived and the runs that ended,
each of them with the very bits of a run that nobody killed; exits with 1 otherwise.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

import numpy as np

import tinygrad_jp as tj
from tinygrad_jp import nn, optim
from tinygrad_jp.data import DataLoader, Dataset


class Noisy(Dataset):
    """Points with noise drawn anew each time, so that random numbers matter."""

    def __len__(self):
        return 24

    def __getitem__(self, i):
        return tj.randn(3).numpy() + i / 24, i % 2


def train(checkpoint, workers):
    """Train 4 epochs of 6 batches; give every number that must be the same."""
    tj.manual_seed(int.from_bytes(os.urandom(4), "big") if os.path.exists(checkpoint or "") else 0)
    model = nn.Sequential(
        nn.Linear(3, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 2)
    )
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    history = tj.fit(
        model, DataLoader(Noisy(), 4, shuffle=True, seed=1, num_workers=workers),
        nn.CrossEntropyLoss(), optimizer, epochs=4, seed=2, verbose=0, clip_norm=1.0,
        scheduler=optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=30),
        schedule_by="batch", callbacks=[tj.train.EarlyStopping("loss", patience=99)],
        checkpoint=tj.train.Checkpoint(checkpoint, batches=1) if checkpoint else None,
        resume=bool(checkpoint),
    )
    arrays = {k: v.numpy() for k, v in model.state_dict().items()}
    arrays["loss"] = np.array(history["loss"])
    return arrays


def child(work):
    """Run work in a copy of this process; give the number of the copy."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return pid


def main(folder, kills, seed):
    """Kill, and go on, until so many kills are survived."""
    chance = random.Random(seed)
    import safetensors.numpy  # noqa: F401 - here, so that no child spends its short life on it

    train(str(folder / "warm.safetensors"), 0)
    survived, ended, between = 0, 0, 0
    path, result = folder / "run.safetensors", folder / "result.npz"
    while survived < kills or ended < 3:
        workers = chance.choice([0, 0, 2])
        expected = folder / f"expected{workers}.npz"
        if not expected.exists():
            pid = child(lambda: np.savez(expected, **train(None, workers)))  # noqa: B023
            assert os.waitpid(pid, 0)[1] == 0
        path.unlink(missing_ok=True)
        longest = 0.05
        while True:
            pid = child(lambda: np.savez(result, **train(str(path), workers)))  # noqa: B023
            time.sleep(chance.uniform(0.002, longest))
            os.kill(pid, signal.SIGKILL)
            status = os.waitpid(pid, 0)[1]
            if os.WIFSIGNALED(status):
                survived += 1
                longest *= 1.03  # on a slow machine it must get somewhere, too
                between += path.exists()
                continue
            assert status == 0, "the training failed to go on"
            break
        whole, found = (dict(np.load(p)) for p in (expected, result))
        for name in whole:
            np.testing.assert_array_equal(found[name], whole[name], err_msg=name)
        ended += 1
    parts = sum(p.name.endswith(".part") for p in folder.iterdir())
    print(json.dumps({"kills": survived, "with_a_file": between, "ended": ended, "parts": parts}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
