"""Bad input to optimizers and schedules: typed errors that say what, where and how to repair it."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_jp as tj
from tinygrad_jp import errors, optim
from tinygrad_jp.errors import (
    ArgumentError,
    GradientError,
    NonFiniteError,
    OptionError,
    StateDictError,
    TinygradWarning,
)
from tinygrad_jp.optim import lr_scheduler


@pytest.fixture(autouse=True)
def in_english():
    before = errors._chosen[0]
    errors.set_language("en")
    yield
    errors._chosen[0] = before


@pytest.fixture
def w():
    return tj.Tensor(np.ones(2, np.float32), requires_grad=True)


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("learning_rate", "lr"), ("weigth_decay", "weight_decay"), ("epsilon", "eps"),
        ("beta1", "betas"), ("amsgrat", "amsgrad"), ("colour", None),
    ],
)
def test_unknown_argument(w, name, near):
    with pytest.raises(ArgumentError) as error:
        optim.Adam([w], **{name: 0.1})
    assert error.value.facts["near"] == near
    message = str(error.value)
    assert f"Adam has no argument {name}." in message
    assert "lr, betas, eps, weight_decay, amsgrad, maximize" in message
    assert (f"Did you mean {near}?" in message) == (near is not None)
    errors.set_language("ja")
    assert f"Adam に引数 {name} はありません" in str(error.value)
    with pytest.raises(TypeError):
        optim.Adam([w], **{name: 0.1})


@pytest.mark.parametrize("name", ["foreach", "fused", "capturable", "differentiable"])
def test_arguments_that_choose_an_implementation(w, name):
    with pytest.raises(ArgumentError, match="leave it out"):
        optim.SGD([w], **{name: True})


@pytest.mark.parametrize("name", ["AdamW", "RMSprop", "Adagrad", "Adadelta", "NAdam", "Adamax", "RAdam", "LBFGS"])
def test_every_optimizer_refuses_what_it_does_not_know(w, name):
    with pytest.raises(ArgumentError, match=f"{name} has no argument learning_rate"):
        getattr(optim, name)([w], learning_rate=0.1)


def test_misspelt_option_of_a_group(w):
    with pytest.raises(ArgumentError, match="Did you mean weight_decay"):
        optim.SGD([{"params": [w], "weight_deacy": 0.1}])
    group = {"params": [w], "layer": "first"}
    assert optim.SGD([group]).param_groups[0]["layer"] == "first"
    assert group == {"params": [w], "layer": "first"}


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("SGD", {"lr": -0.1}), ("SGD", {"lr": float("nan")}), ("SGD", {"lr": "0.1"}),
        ("SGD", {"momentum": -1}), ("SGD", {"weight_decay": -1}), ("Adam", {"betas": (0.9, 1.0)}),
        ("Adam", {"betas": 0.9}), ("Adam", {"betas": (0.9,)}), ("Adam", {"eps": -1}),
        ("RMSprop", {"alpha": -1}), ("Adadelta", {"rho": 1.5}), ("Adagrad", {"lr_decay": -1}),
        ("Adagrad", {"initial_accumulator_value": -1}), ("NAdam", {"momentum_decay": -1}),
        ("LBFGS", {"max_iter": 0}), ("LBFGS", {"line_search_fn": "armijo"}),
        ("LBFGS", {"history_size": 0}),
    ],
)
def test_options_that_make_no_sense(w, name, options):
    with pytest.raises(OptionError) as error:
        getattr(optim, name)([w], **options)
    ((option, value),) = options.items()
    assert error.value.facts["name"] == option
    assert f"{name}: {option}={value!r} makes no sense" in str(error.value)


def test_nesterov_needs_momentum(w):
    with pytest.raises(OptionError, match="momentum above 0"):
        optim.SGD([w], nesterov=True)
    with pytest.raises(OptionError, match="dampening=0"):
        optim.SGD([w], nesterov=True, momentum=0.9, dampening=0.1)


def test_a_lone_number_in_a_tensor_is_taken(w):
    assert optim.SGD([w], lr=tj.tensor(0.5)).param_groups[0]["lr"] == 0.5


@pytest.mark.parametrize("params", [[], iter([]), [{"params": []}], {}])
def test_no_parameters(params):
    with pytest.raises(OptionError, match=r"model\.parameters\(\)"):
        optim.SGD(params)


def test_what_is_no_list_of_parameters(w):
    class Model:
        def parameters(self):
            return [w]

    for params in (w, Model(), {w}, 3, np.ones(2), "w"):
        with pytest.raises(ArgumentError, match=f"cannot take a {type(params).__name__}"):
            optim.SGD(params)
    with pytest.raises(ArgumentError, match="parameter group is a dict"):
        optim.SGD([w]).add_param_group([w])


def test_parameters_that_are_no_tensors(w):
    with pytest.raises(ArgumentError, match=r"params\[1\] is a ndarray"):
        optim.SGD([w, np.ones(2)])
    with pytest.raises(ArgumentError, match="bias is a float"):
        optim.SGD([("weight", w), ("bias", 1.0)])


def test_named_parameters(w):
    for given in ([("weight", w)], {"weight": w}):
        assert optim.SGD(given).param_groups[0]["param_names"] == ["weight"]


def test_the_same_parameter_twice(w):
    b = tj.Tensor([1.0], requires_grad=True)
    with pytest.raises(OptionError, match=r"params\[2\].*number 1 too"):
        optim.SGD([b, w, w])
    optimizer = optim.SGD([w])
    with pytest.raises(OptionError, match="number 0 too"):
        optimizer.add_param_group({"params": [w]})
    assert len(optimizer.param_groups) == 1


def test_a_result_cannot_be_optimised(w):
    y = w * 2
    y.name = "doubled"
    with pytest.raises(GradientError, match=r"'doubled' was computed.*detach"):
        optim.SGD([y])


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_parameter_that_is_not_finite(bad):
    w = tj.Tensor(np.array([[1.0, 2.0], [bad, bad]]), requires_grad=True)
    w.name = "layer.weight"
    with pytest.raises(NonFiniteError) as error:
        optim.Adam([w])
    assert f"'layer.weight' has 2 values that are not finite (the first: {bad} at (1, 0))" in str(
        error.value
    )


def test_lbfgs_wants_a_closure_and_one_group(w):
    with pytest.raises(ArgumentError, match=r"step\(closure\)"):
        optim.LBFGS([w]).step()
    with pytest.raises(OptionError, match="one parameter group"):
        optim.LBFGS([{"params": [w]}, {"params": [tj.Tensor([1.0], requires_grad=True)]}])


def test_state_dicts_that_do_not_fit(w):
    optimizer = optim.Adam([w], lr=0.3)
    w.grad = [1.0, 1.0]
    optimizer.step()
    saved = optimizer.state_dict()
    with pytest.raises(StateDictError, match="'state' and 'param_groups'"):
        optimizer.load_state_dict({"weight": 1})
    two = optim.Adam([w, tj.Tensor([1.0], requires_grad=True)])
    with pytest.raises(StateDictError, match=r"groups of \[1\] parameters, this optimizer has \[2\]"):
        two.load_state_dict(saved)
    other = optim.Adam([tj.Tensor([1.0, 2.0, 3.0], requires_grad=True)], lr=0.1)
    with pytest.raises(StateDictError, match=r"exp_avg of parameter 0 has shape \(2,\)"):
        other.load_state_dict(saved)
    assert other.param_groups[0]["lr"] == 0.1
    saved["param_groups"][0]["betas"] = [0.9, 2.0]
    with pytest.raises(OptionError, match="betas"):
        optimizer.load_state_dict(saved)
    assert optimizer.param_groups[0]["betas"] == (0.9, 0.999)


# ── schedules ───────────────────────────────────────────────────────────────────────────────────


def test_a_schedule_of_no_optimizer(w):
    for make in (
        lambda o: lr_scheduler.StepLR(o, 3), lambda o: lr_scheduler.LambdaLR(o, float),
        lambda o: lr_scheduler.OneCycleLR(o, 0.1, 10), lambda o: lr_scheduler.CyclicLR(o, 0.1, 1),
        lambda o: lr_scheduler.ReduceLROnPlateau(o),
    ):
        with pytest.raises(ArgumentError, match="first argument is the optimizer"):
            make([w])


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda s, o: s.StepLR(o, 0), "step_size"),
        (lambda s, o: s.LambdaLR(o, [float, float]), "lr_lambda"),
        (lambda s, o: s.ConstantLR(o, factor=2), "factor"),
        (lambda s, o: s.LinearLR(o, start_factor=0), "start_factor"),
        (lambda s, o: s.LinearLR(o, end_factor=2), "end_factor"),
        (lambda s, o: s.PolynomialLR(o, total_iters=0), "total_iters"),
        (lambda s, o: s.CosineAnnealingLR(o, 0), "T_max"),
        (lambda s, o: s.CosineAnnealingWarmRestarts(o, 0), "T_0"),
        (lambda s, o: s.CosineAnnealingWarmRestarts(o, 3, T_mult=1.5), "T_mult"),
        (lambda s, o: s.OneCycleLR(o, 0.1, 0), "total_steps"),
        (lambda s, o: s.OneCycleLR(o, [0.1, 0.2], 5), "max_lr"),
        (lambda s, o: s.OneCycleLR(o, 0.1, 5, pct_start=2), "pct_start"),
        (lambda s, o: s.OneCycleLR(o, 0.1, 5, anneal_strategy="sin"), "anneal_strategy"),
        (lambda s, o: s.CyclicLR(o, 0.1, 1, mode="square"), "mode"),
        (lambda s, o: s.CyclicLR(o, 0.1, 1, scale_mode="epoch"), "scale_mode"),
        (lambda s, o: s.SequentialLR(o, [], []), "schedulers"),
        (lambda s, o: s.SequentialLR(o, [s.StepLR(o, 3)], [5]), "milestones"),
        (lambda s, o: s.ChainedScheduler([s.ReduceLROnPlateau(o)]), "schedulers[0]"),
        (lambda s, o: s.ReduceLROnPlateau(o, mode="low"), "mode"),
        (lambda s, o: s.ReduceLROnPlateau(o, factor=1.0), "factor"),
        (lambda s, o: s.ReduceLROnPlateau(o, threshold_mode="x"), "threshold_mode"),
        (lambda s, o: s.ReduceLROnPlateau(o, min_lr=[0, 0]), "min_lr"),
    ],
)
def test_options_of_schedules(w, make, name):
    with pytest.raises(OptionError) as error:
        make(lr_scheduler, optim.SGD([w], momentum=0.9))
    assert error.value.facts["name"] == name
    assert f"{name}=" in str(error.value)


def test_schedules_of_another_optimizer(w):
    one, other = optim.SGD([w]), optim.SGD([w])
    with pytest.raises(OptionError, match=r"schedulers\[1\]"):
        lr_scheduler.SequentialLR(
            one, [lr_scheduler.StepLR(one, 3), lr_scheduler.StepLR(other, 3)], [5]
        )


def test_momentum_that_is_not_there(w):
    with pytest.raises(OptionError, match="Adagrad has neither momentum nor betas"):
        lr_scheduler.OneCycleLR(optim.Adagrad([w]), 0.1, 10)


def test_one_cycle_needs_to_know_its_end(w):
    optimizer = optim.SGD([w], momentum=0.9)
    with pytest.raises(ArgumentError, match="total_steps"):
        lr_scheduler.OneCycleLR(optimizer, 0.1, epochs=3)
    scheduler = lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=3)
    optimizer.step()
    for _ in range(3):
        scheduler.step()
    with pytest.raises(OptionError, match="step number 4, but 3 were planned"):
        scheduler.step()


def test_resuming_needs_the_first_rate(w):
    with pytest.raises(StateDictError, match="needs initial_lr"):
        lr_scheduler.StepLR(optim.SGD([w]), 3, last_epoch=4)


def test_the_schedule_before_the_optimizer(w):
    scheduler = lr_scheduler.StepLR(optim.SGD([w]), 3)
    with pytest.warns(TinygradWarning, match=r"before optimizer\.step"):
        scheduler.step()
    scheduler.step()
