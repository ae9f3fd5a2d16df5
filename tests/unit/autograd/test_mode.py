"""Modes: what a recording is asked when something may be wrong with values it does not have yet."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_jp.autograd.mode import any_of, recording


class Later:
    """Values of a recording: there are none to look at."""

    traced = True

    def any(self) -> bool:
        raise AssertionError("looked at")


class Recorder:
    """A recorder that takes for granted that nothing is wrong."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def assume_none(self, wrong: Any) -> bool:
        self.told.append(wrong)
        return False


def test_what_may_be_wrong_later_is_told_to_the_recorder_alone() -> None:
    recorder, later = Recorder(), Later()
    assert any_of(np.array([False, True])) is True
    token = recording.set(recorder)
    try:
        assert any_of(later) is False
        assert any_of(np.array([False, True])) is True
        assert any_of(np.array([False])) is False
    finally:
        recording.reset(token)
    assert recorder.told == [later]
