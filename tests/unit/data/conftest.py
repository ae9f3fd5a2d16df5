"""Texts are matched in English, whatever the locale."""

import pytest


@pytest.fixture(autouse=True)
def english(monkeypatch):
    monkeypatch.setenv("TINYGRAD_JP_LANG", "en")
