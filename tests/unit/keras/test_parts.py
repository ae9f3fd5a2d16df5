"""Variables, seeds, initializers, names that are missing, operations in functional models."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

import tinygrad_jp as tj
from tinygrad_jp import errors, keras
from tinygrad_jp.keras import absent, identifiers

# ── Variable ────────────────────────────────────────────────────────────────────────────────────


def test_variable():
    v = keras.Variable("glorot_uniform", shape=(3, 4), name="kernel")
    assert (v.shape, v.dtype, v.name, v.trainable) == ((3, 4), np.float32, "kernel", True)
    assert keras.Variable(2).dtype.kind == "i"
    assert keras.Variable(np.arange(3.0)).dtype == np.float64
    assert keras.Variable(np.arange(3.0), dtype="float32").dtype == np.float32
    assert keras.Variable([1.0], trainable=False).requires_grad is False
    (v * 2.0).sum().backward()
    np.testing.assert_array_equal(v.grad.numpy(), np.full((3, 4), 2.0))
    assert v.value is v
    v.assign(np.ones((3, 4))).assign_add(1.0 + np.zeros((3, 4))).assign_sub(v * 0.25)
    np.testing.assert_array_equal(v.numpy(), np.full((3, 4), 1.5))
    held = v.numpy()
    v.assign(np.zeros((3, 4)))
    assert held[0, 0] == 1.5
    v.trainable = False
    assert v.requires_grad is False
    for wrong in (lambda: v.assign([1.0]), lambda: keras.Variable("zeros"),
                  lambda: keras.Variable([1.0], shape=(2,)), lambda: keras.Variable([1.0], shap=1)):
        with pytest.raises(errors.TinygradError):
            wrong()


def test_names_are_counted_by_class():
    identifiers.forget_names()
    assert [identifiers.auto_name("LeakyReLU") for _ in range(3)] == [
        "leaky_re_lu", "leaky_re_lu_1", "leaky_re_lu_2"
    ]
    keras.backend.clear_session()
    assert identifiers.auto_name("LeakyReLU") == "leaky_re_lu"


# ── random numbers ──────────────────────────────────────────────────────────────────────────────

DRAWS = {
    "normal": lambda seed: keras.random.normal((400,), 1.0, 2.0, seed=seed),
    "uniform": lambda seed: keras.random.uniform((400,), -1.0, 3.0, seed=seed),
    "truncated_normal": lambda seed: keras.random.truncated_normal((400,), 1.0, 2.0, seed=seed),
    "randint": lambda seed: keras.random.randint((400,), 2, 7, seed=seed),
    "categorical": lambda seed: keras.random.categorical(np.log([[0.7, 0.1, 0.2]]), 400, seed=seed),
    "gamma": lambda seed: keras.random.gamma((400,), 2.0, seed=seed),
    "beta": lambda seed: keras.random.beta((400,), 2.0, 3.0, seed=seed),
    "binomial": lambda seed: keras.random.binomial((400,), 10, 0.3, seed=seed),
    "dropout": lambda seed: keras.random.dropout(np.ones((400,), "float32"), 0.25, seed=seed),
    "shuffle": lambda seed: keras.random.shuffle(np.arange(400.0), seed=seed),
}
MEANS = {"normal": 1, "uniform": 1, "truncated_normal": 1, "randint": 4, "categorical": 0.5,
         "gamma": 2, "beta": 0.4, "binomial": 3, "dropout": 1, "shuffle": 199.5}


@pytest.mark.parametrize("name", DRAWS)
def test_draws(name):
    draw = DRAWS[name]
    a = draw(3).numpy()
    np.testing.assert_array_equal(a, draw(3).numpy())
    assert (a != draw(4).numpy()).any()
    seeds = keras.random.SeedGenerator(3)
    assert (draw(seeds).numpy() != draw(seeds).numpy()).any()
    tj.manual_seed(1)
    b = draw(None).numpy()
    tj.manual_seed(1)
    np.testing.assert_array_equal(b, draw(None).numpy())
    assert abs(a.mean() - MEANS[name]) < 5 * a.std() / 20 + 1e-9


def test_bounds_of_draws():
    a = DRAWS["truncated_normal"](0).numpy()
    assert a.min() >= -3
    assert a.max() <= 5
    assert set(np.unique(DRAWS["randint"](0).numpy())) == {2, 3, 4, 5, 6}
    assert keras.random.randint((2,), 0, 5).dtype == np.int32
    assert set(np.unique(DRAWS["dropout"](0).numpy())) == {np.float32(0), np.float32(4 / 3)}
    x = tj.Tensor(np.ones((4, 5)), requires_grad=True)
    dropped = keras.random.dropout(x, 0.5, noise_shape=(4, None), seed=1)
    dropped.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), dropped.detach().numpy())
    rows = keras.random.dropout(np.ones((50, 3)), 0.5, noise_shape=(50, 1), seed=1).numpy()
    assert (rows == rows[:, :1]).all()
    for wrong in (lambda: keras.random.normal((2,), seed="a"), lambda: keras.random.SeedGenerator(1.5),
                  lambda: keras.random.dropout(np.ones(2), 1.5)):
        with pytest.raises(errors.OptionError):
            wrong()


# ── initializers ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", [
    "GlorotUniform", "he_normal", "lecun_uniform", "RandomNormal", "uniform", "truncated_normal",
    "Orthogonal", "variance_scaling",
])
def test_initializers_repeat_with_their_seed(name):
    get = keras.initializers.get
    kind = type(get(name))
    a, b = kind(seed=5)((4, 6)).numpy(), kind(seed=5)((4, 6)).numpy()
    np.testing.assert_array_equal(a, b)
    tj.manual_seed(2)
    c = get(name)((4, 6)).numpy()
    tj.manual_seed(2)
    np.testing.assert_array_equal(c, get(name)((4, 6)).numpy())
    assert (c != a).any()
    made = kind(seed=5)
    again = keras.initializers.deserialize(keras.initializers.serialize(made))
    assert again.get_config() == made.get_config()
    np.testing.assert_array_equal(again((4, 6)).numpy(), a)
    seeded = kind(seed=keras.random.SeedGenerator(1))
    assert (seeded((4, 6)).numpy() != seeded((4, 6)).numpy()).any()
    assert seeded.clone().seed.seed == 1


def test_orthogonal_and_dtype():
    q = keras.initializers.Orthogonal(gain=1.0, seed=0)((3, 5), dtype="float64")
    assert q.dtype == np.float64
    np.testing.assert_allclose((q @ q.T).numpy(), np.eye(3), atol=1e-12)
    array = np.ones((2, 3), "float32")
    np.testing.assert_array_equal(keras.initializers.get(array)((2, 3)).numpy(), array)
    for wrong in (lambda: keras.initializers.get(array)((3, 2)), lambda: keras.initializers.Identity()((3,)),
                  lambda: keras.initializers.Orthogonal()((3,)), lambda: keras.initializers.get("glorot"),
                  lambda: keras.initializers.VarianceScaling(mode="fan"),
                  lambda: keras.initializers.VarianceScaling(scale=0.0)):
        with pytest.raises(errors.TinygradError):
            wrong()


# ── regularizers, constraints, activations ──────────────────────────────────────────────────────


def test_by_name():
    assert keras.regularizers.get("l2").l2 == 0.01
    assert keras.regularizers.get("L1L2").l1 == 0.0
    assert keras.regularizers.get("l1_l2").l2 == 0.0
    assert keras.regularizers.get("orthogonal_regularizer").mode == "rows"
    assert keras.regularizers.get(None) is None
    assert type(keras.constraints.get("max_norm")).__name__ == "MaxNorm"
    assert keras.constraints.get({"class_name": "UnitNorm", "config": {"axis": 1}}).axis == 1
    assert keras.activations.get(None) is keras.activations.linear
    assert keras.activations.get("swish") is keras.activations.silu
    assert keras.activations.get(np.tanh) is np.tanh
    assert keras.activations.serialize(keras.activations.relu) == "relu"
    assert keras.activations.deserialize("gelu") is keras.activations.gelu
    for thing in (keras.regularizers.L1L2(0.1, 0.2), keras.constraints.MinMaxNorm(0.1, 0.5, 0.3, 1),
                  keras.constraints.MaxNorm(3), keras.regularizers.OrthogonalRegularizer(0.1, "columns")):
        table = keras.regularizers if "l1" in thing.get_config() or "mode" in thing.get_config() else keras.constraints
        assert table.deserialize(table.serialize(thing)).get_config() == thing.get_config()
    for wrong in (lambda: keras.regularizers.get("l3"), lambda: keras.regularizers.L2(-1.0),
                  lambda: keras.regularizers.L1(float("nan")), lambda: keras.constraints.get("norm_of_max"),
                  lambda: keras.activations.get("rleu"), lambda: keras.regularizers.OrthogonalRegularizer(mode="x"),
                  lambda: keras.regularizers.OrthogonalRegularizer()(np.ones(3)),
                  lambda: keras.activations.get(3)):
        with pytest.raises(errors.TinygradError):
            wrong()


def test_sparsemax_is_a_distribution():
    x = tj.Tensor(np.random.default_rng(0).normal(size=(4, 6)), requires_grad=True)
    y = keras.activations.sparsemax(x)
    np.testing.assert_allclose(y.detach().numpy().sum(-1), 1.0, rtol=1e-6)
    assert (y.detach().numpy() == 0).any()
    assert tj.gradcheck(keras.activations.sparsemax, [x])
    across = keras.activations.sparsemax(x, axis=0).detach().numpy()
    np.testing.assert_allclose(across.sum(0), 1.0, rtol=1e-6)


def test_own_subclasses():
    class Cube(keras.regularizers.Regularizer):
        def __call__(self, x):
            return keras.ops.sum(keras.ops.abs(x) ** 3)

    class Half(keras.constraints.Constraint):
        def __call__(self, w):
            return w * 0.5

    assert keras.regularizers.get(Cube)([2.0]).item() == 8.0
    np.testing.assert_array_equal(keras.constraints.get(Half())(tj.Tensor([2.0])).numpy(), [1.0])
    identifiers.REGISTERED["mine>Cube"] = Cube
    try:
        assert type(keras.regularizers.get("Cube")) is Cube
        assert keras.regularizers.serialize(Cube())["registered_name"] == "mine>Cube"
        assert type(keras.regularizers.deserialize(keras.regularizers.serialize(Cube()))) is Cube
    finally:
        del identifiers.REGISTERED["mine>Cube"]


# ── names ───────────────────────────────────────────────────────────────────────────────────────

MODULES = [m for m in absent.KNOWN if m not in ("keras", "keras.saving", "keras.models", "keras.backend",
                                                "keras.config", "keras.utils", "keras.datasets",
                                                "keras.layers", "keras.callbacks")]


@pytest.mark.parametrize("module", MODULES)
def test_every_name_of_keras_is_here_or_says_what_to_use(module):
    ours = importlib.import_module(f"tinygrad_jp.{module}")
    here = 0
    for name in absent.KNOWN[module].split():
        try:
            thing = getattr(ours, name)
        except errors.AbsentNameError as error:
            said = {language: told(error, language) for language in ("ja", "en")}
            if not all(f"{module}.{name}" in text and "{" not in text for text in said.values()):
                pytest.fail(f"{said}")
        else:
            here += 1
            if callable(thing):
                assert (thing.__doc__ or "").strip(), f"{module}.{name} has no docstring"
    assert here > (0 if "preprocessing" in module else 3)


def told(error, language):
    errors.set_language(language)
    try:
        return str(error)
    finally:
        errors.set_language(None)


def test_a_missing_name_says_so_in_an_import_too():
    with pytest.raises(errors.AbsentNameError, match=r"Layer|model"):
        from tinygrad_jp.keras import applications  # noqa: F401
    with pytest.raises(errors.AbsentNameError):
        from tinygrad_jp.keras.losses import CTC  # noqa: F401
    with pytest.raises(AttributeError, match="losses"):
        _ = keras.lossess
    with pytest.raises(ImportError):
        from tinygrad_jp.keras.losses import Nonsense  # noqa: F401
    assert not hasattr(keras.losses, "nonsense")


def test_settings():
    assert keras.config.floatx() == keras.backend.floatx() == "float32"
    assert keras.config.epsilon() == 1e-7
    try:
        keras.config.set_epsilon(1e-3)
        loss = keras.losses.binary_crossentropy([[1.0]], [[0.0]])
        np.testing.assert_allclose(loss.numpy(), -np.log(1e-3), rtol=1e-5)
        keras.config.set_floatx("float64")
        assert keras.ops.ones(2).dtype == np.float64
        assert keras.losses.MeanSquaredError()([1.0], [2.0]).dtype == np.float64
    finally:
        keras.config.set_epsilon(1e-7)
        keras.config.set_floatx("float32")
    with pytest.raises(errors.OptionError):
        keras.config.set_floatx("int8")


# ── operations ──────────────────────────────────────────────────────────────────────────────────


def test_operations_are_differentiated():
    x = np.random.default_rng(0).normal(size=(3, 4))
    o = keras.ops
    for f in (
        lambda a: o.divide_no_nan(1.0, a), lambda a: o.norm(a, axis=1), lambda a: o.median(a, axis=0),
        lambda a: o.average(a, axis=1, weights=np.arange(1.0, 5.0)), lambda a: o.top_k(a, 2)[0],
        lambda a: o.segment_sum(a, np.array([0, 1, 0])), lambda a: o.slice(a, (1, 0), (2, -1)),
        lambda a: o.normalize(a), lambda a: o.moments(a, [0])[1], lambda a: o.stack(o.unstack(a), 1),
        lambda a: o.concatenate(o.split(a, 2, 1), 0), lambda a: o.hstack([a, a]), lambda a: o.vstack([a, a]),
        lambda a: o.pad(a, ((1, 1), (0, 2))), lambda a: o.repeat(a, 2, 0), lambda a: o.trace(a),
        lambda a: o.map(lambda row: o.sum(row * row), a), lambda a: o.cumsum(a), lambda a: o.max(a, initial=0.1),
        lambda a: o.softmax(a, axis=(0, 1)), lambda a: o.get_item(a, (0, slice(1, 3))),
    ):
        assert tj.gradcheck(f, [tj.Tensor(x, requires_grad=True)])


def test_converting():
    o = keras.ops
    assert o.convert_to_tensor([1, 2]).dtype == np.int32
    assert o.convert_to_tensor([1.0]).dtype == np.float32
    assert o.convert_to_tensor(np.ones(2)).dtype == np.float64
    assert o.convert_to_tensor([1, 2], "float32").dtype == np.float32
    t = tj.Tensor([1.0, 2.0], requires_grad=True)
    assert o.convert_to_tensor(t) is t
    assert o.is_tensor(t)
    assert not o.is_tensor(np.ones(2))
    copied = o.convert_to_numpy(t)
    copied[0] = 9
    assert t[0].item() == 1.0
    assert o.stop_gradient(t).requires_grad is False
    assert o.shape(np.ones((2, 3))) == (2, 3)
    assert (o.ndim(t), o.size(t), o.dtype(t), o.dtype(1.0)) == (1, 2, "float32", "float64")
    with pytest.raises(errors.ShapeError):
        o.split(np.ones(5), 2)


def test_in_a_functional_model():
    inputs = keras.Input((4,))
    hidden = keras.ops.relu(keras.ops.expand_dims(inputs, 1)) * 2.0
    joined = keras.ops.concatenate([hidden, keras.ops.square(hidden)], axis=-1)
    outputs = keras.ops.mean(joined, axis=(1, 2))
    model = keras.Model(inputs, outputs)
    x = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")
    r = 2 * np.maximum(x, 0)
    np.testing.assert_allclose(
        model(x).detach().numpy(), np.concatenate([r, r**2], 1).mean(1), rtol=1e-5
    )
