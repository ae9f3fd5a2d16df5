"""What is installed is what was looked at: the lock has all that pyproject.toml asks, with hashes."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import tinygrad_jp as tj

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
LOCK = (ROOT / "requirements" / "dev.lock").read_text("utf-8")
HOOKS = (ROOT / ".pre-commit-config.yaml").read_text("utf-8")

# one entry a package and environment: name==version ; marker, then its hashes
ENTRIES = re.findall(r"^([a-z0-9].*?)((?: \\\n    --hash=\S+)*)$", LOCK, re.MULTILINE)
LOCKED: dict[str, list[str]] = {}
for line, _ in ENTRIES:
    pinned = Requirement(line)
    LOCKED.setdefault(canonicalize_name(pinned.name), []).extend(
        s.version for s in pinned.specifier
    )

WANTED = {
    requirement
    for listed in (
        PROJECT["project"]["dependencies"],
        *PROJECT["project"]["optional-dependencies"].values(),
        *PROJECT["dependency-groups"].values(),
    )
    for requirement in listed
    if not requirement.startswith("tinygrad-jp")
}


@pytest.mark.parametrize("wanted", sorted(WANTED))
def test_the_lock_has_what_is_asked_for(wanted):
    requirement = Requirement(wanted)
    versions = LOCKED.get(canonicalize_name(requirement.name), [])
    assert versions, f"not in requirements/dev.lock: {wanted}; run nox -s lock"
    assert all(requirement.specifier.contains(v) for v in versions), (wanted, versions)


def test_every_package_of_the_lock_has_hashes():
    assert len(ENTRIES) > 50
    bare = [line for line, hashes in ENTRIES if not re.search(r"sha256:[0-9a-f]{64}", hashes)]
    assert bare == []
    assert not re.search(r"file:|https?:|^-", LOCK, re.MULTILINE), "an index or a path of a machine"


def test_hooks_are_of_the_locked_versions():
    pins = re.findall(r"([\w-]+)==([^,\]\s]+)", HOOKS)
    assert {name for name, _ in pins} >= {"ruff", "mypy", "numpy"}
    assert [(n, v) for n, v in pins if v not in LOCKED[n]] == []


def test_the_changelog_begins_with_what_comes_after_this_version():
    assert re.fullmatch(r"\d+\.\d+\.\d+((a|b|rc)\d+)?", tj.__version__)
    history = (ROOT / "CHANGELOG.md").read_text("utf-8")
    versions = re.findall(r"^## \[(.+?)\]", history, re.MULTILINE)
    assert versions[0] == "Unreleased"
    assert len(versions) == 1 or versions[1] == tj.__version__


COMMUNITY = ["CONTRIBUTING.md", "CONTRIBUTING.en.md", "SECURITY.md", "CHANGELOG.md"]


@pytest.mark.parametrize("page", COMMUNITY)
def test_links_lead_somewhere(page):
    text = (ROOT / page).read_text("utf-8")
    targets = re.findall(r"\]\(([^)\s]+)\)", text)
    assert targets
    for target in targets:
        if "://" not in target and not target.startswith("#"):
            assert (ROOT / target.split("#")[0]).exists(), target


def test_contributing_says_the_same_in_both_languages():
    ja, en = ((ROOT / page).read_text("utf-8") for page in COMMUNITY[:2])
    for part in ("\n## ", "\n| ", "\n- ", "\n1. ", "```console", "`nox -s "):
        assert ja.count(part) == en.count(part), part
    ja, en = (ROOT / "SECURITY.md").read_text("utf-8").split("\n## Security\n")
    assert ja.count("\n| ") == en.count("\n| ")
