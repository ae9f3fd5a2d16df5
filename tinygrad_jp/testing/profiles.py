"""How long hypothesis looks: in CI, on a desk, overnight."""

from __future__ import annotations

from hypothesis import settings

from ..errors import OptionError

NAMES = ("tj-ci", "tj-dev", "tj-thorough")
settings.register_profile(
    "tj-ci", max_examples=30, derandomize=True, deadline=None, database=None, print_blob=True
)
settings.register_profile("tj-dev", max_examples=100, deadline=None, print_blob=True)
settings.register_profile("tj-thorough", max_examples=1000, deadline=None, print_blob=True)


def load_profile(name: str) -> None:
    """Choose how long hypothesis looks: tj-ci, tj-dev or tj-thorough.

    They try 30 examples (the same each time), 100, and 1000. None has a deadline for a single
    example, since a first call compiles. Any other profile that is registered with hypothesis will
    do. Raises OptionError for an unknown one.
    """
    try:
        settings.load_profile(name)
    except Exception as reason:
        raise OptionError("testing_profile", given=name, known=", ".join(NAMES)) from reason
