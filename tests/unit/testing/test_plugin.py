"""The pytest plugin, in a pytest run of its own."""

from __future__ import annotations

from importlib.metadata import entry_points

import pytest
from hypothesis import find, settings
from hypothesis import strategies as st

import tinygrad_jp as tj
import tinygrad_jp.rules  # here: an inner run forgets what it has imported when it ends
from tinygrad_jp.errors import set_language
from tinygrad_jp.testing import plugin, register

pytest_plugins = ["pytester"]
INSTALLED = any(e.value == "tinygrad_jp_pytest" for e in entry_points(group="pytest11"))


@pytest.fixture(autouse=True)
def in_english():
    """Read the errors in English, and undo what an inner run chooses for this process."""
    set_language("en")
    profile = settings.get_current_profile_name()
    yield
    settings.load_profile(profile)
    set_language(None)


def run(pytester, source, *options):
    pytester.makepyfile(source)
    if not INSTALLED:
        options = (*options, "-p", "tinygrad_jp.testing.plugin")
    return pytester.runpytest("-p", "no:cacheprovider", *options)


LEAKS = {
    "tj.set_grad_enabled(False)": "grad mode: True → False",
    "tj.detect_anomaly().__enter__()": "anomaly mode",
    "tj.set_language('ja')": "language",
    "tj.set_default_dtype('float64')": "default dtype",
}


@pytest.mark.parametrize("line", LEAKS)
def test_a_switch_left_turned_fails_the_test_and_no_other(pytester, line):
    result = run(pytester, f"""
        import numpy as np
        import tinygrad_jp as tj
        WARNS = np.geterr()
        def test_leaves():
            {line}
        def test_after():
            assert tj.is_grad_enabled()
            assert np.geterr() == WARNS
            assert tj.get_default_dtype() == "float32"
    """)
    result.assert_outcomes(passed=2, errors=1)
    assert LEAKS[line] in result.stdout.str()


def test_the_leak_check_can_be_turned_off(pytester):
    pytester.makeini("[pytest]\ntj_leak_check = false\n")
    result = run(pytester, """
        import tinygrad_jp as tj
        def test_leaves():
            tj.set_default_dtype("float64")
        def test_after():
            tj.set_default_dtype("float32")
    """)
    result.assert_outcomes(passed=2)


def test_a_seed_by_the_name_of_the_test(pytester):
    result = run(pytester, """
        import tinygrad_jp as tj
        seen = []
        def draw(tj_seed):
            seen.append((tj_seed, tj.rand(2).tolist()))
        def test_one(tj_seed):
            draw(tj_seed)
            tj.manual_seed(tj_seed)
            assert tj.rand(2).tolist() == seen[0][1]
        def test_two(tj_seed):
            draw(tj_seed)
            assert seen[0][0] != seen[1][0]
            assert seen[0][1] != seen[1][1]
    """)
    result.assert_outcomes(passed=2)


FAILING = """
    import numpy as np
    from hypothesis import given, settings
    import tinygrad_jp as tj
    from tinygrad_jp.testing import NONZERO, assert_gradients, tensors
    def wrong(x):
        return abs(x) * abs(x.detach())
    @settings(database=None)
    @given(tensors(elements=NONZERO))
    def test_drawn(x):
        assert_gradients(wrong, x, order=1)
    def test_other():
        assert 1 == 2
"""


def test_the_shrunk_failure_is_drawn(pytester):
    result = run(pytester, FAILING, "--tj-draw-failures", "pictures")
    result.assert_outcomes(failed=2)
    said = result.stdout.str()
    (picture,) = (pytester.path / "pictures").glob("*.svg")
    assert "the graph is drawn in" in said
    assert picture.read_text("utf-8").startswith("<")
    assert "np.absolute" in picture.with_suffix(".txt").read_text("utf-8")
    assert " x0 " in picture.with_suffix(".txt").read_text("utf-8"), "the input has no name"
    assert "x0 = tj.Tensor(np.array(1.0), requires_grad=True)" in said, "not the smallest"
    assert "by the derivative" in said
    assert "by differences" in said


def test_what_a_failing_test_has_computed_is_drawn(pytester):
    result = run(pytester, """
        from hypothesis import given, settings
        import tinygrad_jp as tj
        from tinygrad_jp import nn
        from tinygrad_jp.testing import tensors
        def helper(net, x):
            out = net(x).tanh()
            assert out.numpy().sum() < 0.5
        @settings(database=None)
        @given(tensors(shape=(1, 2), requires_grad=True))
        def test_mine(weight):
            tj.manual_seed(0)
            net = nn.Linear(2, 1)
            helper(net.to(weight.dtype), weight * 3)
        def test_plain():
            x = tj.ones(2)
            assert x is None
    """, "--tj-draw-failures", "pictures")
    result.assert_outcomes(failed=2)
    (picture,) = (pytester.path / "pictures").glob("*.svg")
    written = picture.with_suffix(".txt").read_text("utf-8")
    assert "test_mine" in picture.name
    assert "np.tanh" in written
    assert " net.weight " in written
    assert "np.multiply" in written


def test_without_the_option_nothing_is_drawn(pytester):
    result = run(pytester, FAILING)
    result.assert_outcomes(failed=2)
    assert not list(pytester.path.glob("**/*.svg"))


def test_the_frames_of_the_kit_are_hidden(pytester):
    said = run(pytester, FAILING).stdout.str()
    assert "assert_gradients(wrong, x, order=1)" in said
    assert "def compare(" not in said
    assert "def hold(" not in said


def test_profiles(pytester):
    result = run(pytester, """
        from hypothesis import settings
        def test_profile():
            assert settings().max_examples == 1000
            assert settings().deadline is None
    """, "--hypothesis-profile", "tj-thorough")
    result.assert_outcomes(passed=1)


def test_types_are_offered_to_hypothesis():
    st.register_type_strategy(tj.Tensor, st.just("nothing"))
    plugin.offer_strategies()
    try:
        assert find(st.from_type(tj.Tensor), lambda x: True).shape == ()
    finally:
        register()
