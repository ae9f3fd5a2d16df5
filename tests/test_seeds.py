"""What the five seed documents claim, as the programs of examples/seeds/ show it.

The long runs of the same networks (20,000 passes of the moons, 784-50-10 on 4,000 digits, the
whole of the exercises) are held to their numbers in test_examples.py.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tinygrad_jp as tj
from tinygrad_jp import errors
from tinygrad_jp.data import make_moons

ROOT = Path(__file__).resolve().parent.parent
SEEDS = ROOT / "examples" / "seeds"
NAMES = sorted(p.stem for p in SEEDS.glob("seed_*.py"))


def load(name):
    """Import a program as Python does that runs it: its folder comes first on the path."""
    sys.path.insert(0, str(SEEDS))
    try:
        spec = importlib.util.spec_from_file_location(name, SEEDS / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(SEEDS))
    return module


@pytest.fixture
def in_english():
    errors.set_language("en")
    yield
    errors.set_language(None)


def run(name, *arguments):
    """Import a program and run it; give both."""
    module = load(name)
    return module, module.main(list(arguments)) if arguments else module.main()


# ── 000: the basics, and Health ─────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def health():
    return run("seed_000_health")


def test_000_a_perceptron_steps(health):
    module, result = health
    np.testing.assert_array_equal(module.step(np.array([-1.0, 0.0, 1e-9, 2.0])), [0, 0, 1, 1])
    assert {k: v.tolist() for k, v in result["gates"].items()} == {
        "AND": [0, 0, 0, 1], "NAND": [1, 1, 1, 0], "OR": [0, 1, 1, 1],
    }


def test_000_the_four_steps_are_weighted_sums_and_activations(health):
    module, result = health
    assert list(result["forward"]) == ["hidden_sum", "hidden", "output_sum", "output"]
    got = module.forward(*(np.array(v, float) for v in ([1, 2], [[1, 0], [0, 1]], [0, -2], [3, 4], 1)))
    sigmoid = 1 / (1 + np.exp(-np.array([1.0, 0.0])))
    np.testing.assert_allclose(got["hidden_sum"], [1, 0])
    np.testing.assert_allclose(got["hidden"], sigmoid)
    np.testing.assert_allclose(got["output_sum"], sigmoid @ [3, 4] + 1)
    np.testing.assert_allclose(got["output"], 1 / (1 + np.exp(-(sigmoid @ [3, 4] + 1))))


def test_000_linear_layers_collapse_into_one(health):
    assert health[1]["collapse"] < 1e-5


def test_000_data_are_brought_to_0_and_1_by_the_training_rows(health):
    scaled, test = health[1]["scaled"], health[1]["scaled_test"]
    np.testing.assert_allclose(scaled.min(0), 0, atol=1e-6)
    np.testing.assert_allclose(scaled.max(0), 1, atol=1e-6)
    assert test.max() > 1 or test.min() < 0  # new rows lie where they lie
    assert abs(test.max() - 1) < 0.5


def test_000_the_people_follow_the_formula(health):
    x, bmi, life = health[0].people(500)
    height, weight, age, exercise, smoking = x.T
    np.testing.assert_allclose(bmi[:, 0], weight / (height / 100) ** 2, rtol=1e-5)
    mean = 84 - 0.06 * (bmi[:, 0] - 22) ** 2 + 0.5 * exercise - 7 * smoking + 0.02 * age
    assert np.abs(life[:, 0] - mean).mean() == pytest.approx(np.sqrt(2 / np.pi), abs=0.1)  # N(0, 1)


def test_000_health_is_the_model_of_the_text(health):
    model = health[1]["model"]
    assert model.name == "Health"
    assert model.output_names == ["bmi", "life_expectancy"]
    kinds = [(type(layer).__name__, getattr(layer, "units", None)) for layer in model.layers]
    assert kinds == [("InputLayer", None), ("Dense", 64), ("Dense", 256), ("Dropout", None),
                     ("Dense", 64), ("Dense", 1), ("Dense", 1)]
    assert [layer.activation.__name__ for layer in model.layers if hasattr(layer, "units")] == [
        "relu", "sigmoid", "relu", "linear", "linear",
    ]
    assert model.count_params() == 33_602
    assert model.layers[3].rate == 0.2
    assert float(model.optimizer.learning_rate) == pytest.approx(0.001)


def test_000_health_learns_stops_and_is_tested(health):
    result = health[1]
    history, judged = result["history"], result["judged"]
    assert set(judged) == {"loss", "bmi_loss", "life_expectancy_loss", "bmi_mae", "life_expectancy_mse"}
    assert judged["loss"] == pytest.approx(judged["bmi_loss"] + 0.8 * judged["life_expectancy_loss"], rel=1e-5)
    bmi, life = result["predicted"]["bmi"], result["predicted"]["life_expectancy"]
    answers = result["answers"]
    assert judged["bmi_loss"] == pytest.approx(np.mean((bmi - answers[0]) ** 2), rel=1e-4)
    away = np.abs(life - answers[1])
    huber = np.where(away <= 1, away**2 / 2, away - 0.5).mean()
    assert judged["life_expectancy_loss"] == pytest.approx(huber, rel=1e-4)
    assert len(history["loss"]) < 60  # it stagnated before the last epoch
    assert history["loss"][-1] < history["loss"][0] / 20
    assert result["mae"][0] < result["mean_alone"][0] / 4
    assert result["mae"][1] < result["mean_alone"][1] / 2


def test_000_dropout_works_in_training_only(health):
    model, rows = health[1]["model"], health[1]["scaled"][:8]
    still = [model(rows)[0].numpy() for _ in range(2)]
    moving = [model(rows, training=True)[0].numpy() for _ in range(2)]
    np.testing.assert_array_equal(*still)
    assert not np.array_equal(*moving)


def test_000_a_quasi_newton_method_needs_fewer_gradients(health):
    asked = health[1]["asked"]
    assert asked["L-BFGS"] < asked["gradient descent"] / 2
    assert asked["gradient descent"] < 200  # it arrived


# ── 001: learning ───────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def learning():
    return run("seed_001_two_layer_net")


def test_001_losses(learning):
    assert learning[1]["squared"] == pytest.approx(0.0975)  # the book's figures for this answer
    assert learning[1]["entropy"] == pytest.approx(0.510825457, abs=1e-8)


def test_001_a_difference_has_an_error_and_the_derivative_has_none(learning):
    module, result = learning
    forward, central = result["differences"]
    assert result["exact"] == 6
    assert forward - 6 == pytest.approx(1e-4, rel=1e-3)  # (2xh + h²)/h − 2x = h
    assert abs(central - 6) < 1e-9
    table = result["table"]
    h, first, second = (np.array(column) for column in table)
    # halving h halves the one and quarters the other, until rounding takes over
    large = (h > 1e-4) & (h < 0.05)
    np.testing.assert_allclose(np.diff(np.log10(first[large])) / np.diff(np.log10(h[large])), 1, atol=0.05)
    np.testing.assert_allclose(np.diff(np.log10(second[large])) / np.diff(np.log10(h[large])), 2, atol=0.05)
    assert first[h.argmin()] > first.min() * 10
    assert module.forward_difference(np.sin, 0.0, 1e-3) == pytest.approx(1, abs=1e-6)


def test_001_the_gradient_points_up_and_the_method_goes_down(learning):
    module, result = learning
    np.testing.assert_allclose(result["partial"], [6, 8], atol=1e-6)
    np.testing.assert_array_equal(result["gradient"], [6, 8])
    at = np.array([3.0, 4.0])
    up, down = (module.bowl(at + s * 0.01 * result["gradient"]) for s in (1, -1))
    assert down < module.bowl(at) < up  # the page has it the other way round
    heights = (result["path"] ** 2).sum(1)
    assert (np.diff(heights) < 0).all()
    np.testing.assert_allclose(result["path"][-1], 0.8**100 * np.array([-3, 4]), rtol=1e-9)


def test_001_gradient_is_numerical_gradient_and_fast(learning):
    _, result = learning
    assert result["parameters"] == 39_760
    assert set(result["means"]) == set(result["network"].params) == {"W1", "b1", "W2", "b2"}
    assert all(0 < mean < 1e-8 for mean in result["means"].values())
    assert set(result["network"].gradient(np.zeros((1, 784), "f4"), np.eye(10)[:1])) == {"W1", "b1", "W2", "b2"}


def test_001_the_loop_learns_to_read_digits(learning):
    result = learning[1]
    assert len(result["losses"]) == 1000
    assert result["losses"][0] == pytest.approx(np.log(10), abs=0.1)
    assert min(result["history"][-1]) > 0.82


# ── 002: one hidden layer ───────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def moons():
    return run("seed_002_moons", "--passes", "2001", "--sizes", "1", "4", "--size-passes", "1500")


def test_002_the_perceptron_of_part_one(moons):
    assert moons[1]["answers"]["[0, 1, 0]"] == pytest.approx(0.96175, abs=5e-6)
    assert moons[1]["answers"]["[1, 0, 0]"] == pytest.approx(0.05930, abs=5e-6)


def test_002_a_line_cannot_and_three_nodes_can(moons):
    result = moons[1]
    assert (result["weights"], result["parameters"]) == (12, 17)
    assert result["logistic"] < 0.9
    assert result["losses"][0] == pytest.approx(0.432387, abs=5e-7)
    assert result["losses"][1000] == pytest.approx(0.068947, abs=5e-7)
    assert result["accuracy"] > 0.97


def test_002_backward_finds_the_rules_of_the_article(moons):
    assert 0 < moons[1]["variant"]["largest_difference"] < 1e-13
    assert moons[1]["variant"]["last_error"] < moons[1]["variant"]["first_error"]


def test_002_one_node_is_a_line_and_four_are_not(moons):
    sizes = moons[1]["sizes"]
    assert sizes[1] == pytest.approx((0.865, 0.840))
    assert min(sizes[4]) > 0.95
    x, _ = make_moons(200, noise=0.20, random_state=0)
    assert x.shape == (200, 2)


# ── 003: the glossary ───────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def glossary():
    return run("seed_003_glossary")


def test_003_activations(glossary):
    g = glossary[0]
    x = np.array([-1000.0, -1.0, 0.0, 1.0, 1000.0])
    np.testing.assert_array_equal(g.step_function(x), [0, 0, 0, 1, 1])
    np.testing.assert_array_equal(g.relu(x), [0, 0, 0, 1, 1000])
    np.testing.assert_allclose(g.sigmoid(x), [0, 1 / (1 + np.e), 0.5, np.e / (1 + np.e), 1])
    assert (np.diff(g.sigmoid(np.linspace(-5, 5, 50))) > 0).all()  # S-shaped, and not the reverse
    assert g.identity_function(x) is x
    np.testing.assert_array_equal(glossary[1]["relu_grad"], [0, 0, 1])


def test_003_sigmoid_and_relu_have_the_right_derivatives(glossary):
    g = glossary[0]
    x = tj.tensor([-800.0, -2.0, -0.5, 0.5, 2.0, 800.0], dtype=tj.float64, requires_grad=True)
    y = g.sigmoid(x)
    y.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), (y * (1 - y)).detach().numpy(), atol=1e-15)
    near = tj.tensor([-2.0, -0.5, 0.5, 2.0], dtype=tj.float64, requires_grad=True)
    assert tj.gradcheck(g.sigmoid, near)
    assert tj.gradcheck(g.relu, near)
    assert tj.gradcheck(g.softmax, near)


def test_003_softmax(glossary):
    g, result = glossary
    np.testing.assert_allclose(result["softmax"], [0.01821127, 0.24519181, 0.73659691], atol=1e-8)
    scores = np.array([1010.0, 1000.0, 990.0])
    np.testing.assert_allclose(g.softmax(scores), g.softmax(scores - 1000))
    assert g.softmax(scores).sum() == pytest.approx(1)


def test_003_losses(glossary):
    g, result = glossary
    y, t = np.array([0.1, 0.05, 0.6, 0.0, 0.05, 0.1, 0.0, 0.1, 0.0, 0.0]), np.eye(10)[2]
    assert g.mean_squared_error(y, t) == pytest.approx(0.0975)
    assert g.cross_entropy_error(y, t) == pytest.approx(0.510825457, abs=1e-8)
    assert result["at_zero"] == pytest.approx(-np.log(1e-7))
    assert result["batch"] == pytest.approx(result["losses"][1])  # a mean: rows alike give the same


def test_003_descent_ascent_and_checks(glossary):
    result = glossary[1]
    np.testing.assert_allclose(result["low"], [3, 3], atol=1e-6)
    np.testing.assert_allclose(result["high"], [3, 3], atol=1e-6)
    assert result["check"]["difference"] < 1e-7
    assert result["check"]["times"] > 10
    still, moved = result["slopes"]
    assert still == 0
    assert moved != 0


# ── 004: with Keras's names ─────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def tensorflow():
    return run("seed_004_tensorflow", "--exercise-epochs", "25")


def test_004_weights_set_by_hand(tensorflow):
    result = tensorflow[1]
    np.testing.assert_array_equal(result["one"], [[1], [3], [5]])
    np.testing.assert_array_equal(result["two"], [[4], [7], [10]])
    np.testing.assert_array_equal(result["matrix"], [[8, 9], [16, 21]])
    ratio = result["random"] / result["random"][0]  # no bias at first
    np.testing.assert_allclose(ratio, [[1], [2], [3]], rtol=1e-5)


def test_004_the_forward_networks(tensorflow):
    assert tensorflow[1]["shapes"] == ((1, 2), (100, 10))
    assert tensorflow[1]["counts"] == (42, 551_610)


def test_004_losses_and_the_chain_rule(tensorflow):
    losses = tensorflow[1]["losses"]
    assert losses["mse"] == pytest.approx((0.01 + 0.04 + 0.16) / 3)
    assert losses["bce"] == pytest.approx(-np.log([0.9, 0.8, 0.6]).mean(), rel=1e-5)
    assert tensorflow[1]["chain"] == {"local": 42.0, "backward": 42.0}


def test_004_boston_housing(tensorflow):
    module, result = tensorflow
    assert result["rows"] == (404, 13)
    assert module.housing(module.ALL)[2].shape == (102, 13)
    assert list(result["correlated"]) == ["RM", "AGE", "LSTAT"]
    strength = {name: abs(r) for name, r in result["correlated"].items()}
    assert min(strength["RM"], strength["LSTAT"]) > 0.6 > strength["AGE"]
    assert result["parameters"] == 4481
    loss, mae = result["history"]["loss"], result["history"]["mae"]
    assert len(loss) == len(mae) == 100
    assert loss[-1] < loss[0] / 20
    assert mae[-1] < mae[0] / 5
    assert result["mse"] < result["mean_alone"] / 2
    assert result["mae"] == pytest.approx(np.abs(result["predicted"] - result["answers"]).mean(), rel=1e-4)


def test_004_exercises(tensorflow):
    result = tensorflow[1]
    assert {n: r["parameters"] for n, r in result["more"].items()} == {3: 4481, 13: 5121}
    assert result["more"][13]["mse"] < result["more"][3]["mse"]
    ends = {w: r["history"]["loss"][-1] for w, r in result["hidden"].items()}
    assert ends[64, 64, 64, 64] < ends[64, 64] < ends[8,]
    rates = {lr: r["history"]["loss"][-1] for lr, r in result["rates"].items()}
    assert rates[1e-5] > 10 * rates[1e-3]  # too small: it does not finish
    assert rates[3.0] > 2 * rates[1e-2]  # too large: it jumps past


# ── as a reader runs them ───────────────────────────────────────────────────────────────────────


def test_there_is_a_program_for_each_seed():
    assert [name[:8] for name in NAMES] == [f"seed_00{k}" for k in range(5)]


@pytest.mark.parametrize(("language", "word"), [("ja", "活性化関数"), ("en", "Activations")])
def test_a_program_speaks_the_readers_language(language, word, tmp_path):
    done = subprocess.run(
        [sys.executable, "-W", "error", SEEDS / "seed_003_glossary.py"], cwd=tmp_path, text=True,
        capture_output=True, check=True, encoding="utf-8",
        env={**os.environ, "TINYGRAD_JP_LANG": language, "PYTHONPATH": str(ROOT)},
    )
    assert word in done.stdout
    assert not done.stderr


def test_what_is_printed_holds_the_numbers(in_english, capsys):
    run("seed_004_tensorflow", "--epochs", "1", "--exercise-epochs", "1")
    printed = capsys.readouterr().out
    for part in ("[1.0, 3.0, 5.0]", "[4.0, 7.0, 10.0]", "42 parameters", "551,610", "(404, 13)"):
        assert part in printed
