"""Models: functional, sequential, subclassed; what they tell of themselves; mistakes."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_jp as tj
from tinygrad_jp import keras, nn
from tinygrad_jp.errors import ArgumentError, OptionError, ShapeError
from tinygrad_jp.keras import layers, ops
from tinygrad_jp.nn.summary import width

RNG = np.random.default_rng(0)
X = RNG.normal(size=(6, 4)).astype("float32")


def health():
    inputs = keras.Input((4,), name="check")
    x = layers.Dense(8, activation="relu", name="hidden")(inputs)
    bmi = layers.Dense(1, name="bmi")(x)
    life = layers.Dense(1, name="life")(layers.Dropout(0.5)(x))
    return keras.Model(inputs=inputs, outputs=[bmi, life], name="Health")


class Net(keras.Model):
    def __init__(self, units=3):
        super().__init__()
        self.hidden = layers.Dense(units, activation="relu")
        self.out = layers.Dense(2)

    def call(self, x, training=None):
        return self.out(self.hidden(x))


def test_a_functional_model_computes_what_its_layers_do():
    model = health()
    bmi, life = model(X)
    h = np.maximum(X @ model.get_layer("hidden").kernel.numpy(), 0)
    want = h @ model.get_layer("bmi").kernel.numpy()
    np.testing.assert_allclose(bmi.numpy(), want, rtol=1e-5, atol=1e-6)
    assert life.shape == (6, 1)
    assert model.input_names == ["check"]
    assert model.output_names == ["bmi", "life"]
    assert (model.input_shape, model.output_shape) == ((None, 4), [(None, 1), (None, 1)])
    assert [layer.name for layer in model.layers][1] == "hidden"
    assert [name for name, _ in model.named_parameters()][:2] == ["hidden.kernel", "hidden.bias"]


def test_dropout_in_a_model_follows_training():
    model = health()
    assert tj.equal(model(X)[1], model(X)[1])
    tj.manual_seed(0)
    assert not tj.equal(model(X, training=True)[1], model(X, training=True)[1])


def test_operators_and_functions_on_symbolic_tensors():
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    y = (2 * a - b / 4 + 1) ** 2
    y = ops.concatenate([ops.relu(y[:, :2]), -y[:, 2:]], axis=-1)
    model = keras.Model([a, b], y)
    other = X[::-1].copy()
    z = (2 * X - other / 4 + 1) ** 2
    want = np.concatenate([np.maximum(z[:, :2], 0), -z[:, 2:]], -1)
    np.testing.assert_allclose(model([X, other]).numpy(), want, rtol=1e-5)
    np.testing.assert_allclose(model({"b": other, "a": X}).numpy(), want, rtol=1e-5)
    assert [layer.name for layer in model.layers] == ["a", "b"]  # operations are no layers
    twin = keras.Model.from_config(model.get_config())
    np.testing.assert_allclose(twin([X, other]).numpy(), want, rtol=1e-5)


def test_symbolic_tensors_have_no_values():
    x = keras.Input((4,))
    for use in (bool, float, len, np.asarray, lambda t: t.numpy(), lambda t: list(t)):
        with pytest.raises(ArgumentError, match="Input"):
            use(x)


def test_shared_layers_and_nested_models():
    shared = layers.Dense(3, name="shared")
    a, b = keras.Input((4,)), keras.Input((4,))
    inner = keras.Sequential([keras.Input((3,)), layers.Dense(2, name="in")], name="inner")
    model = keras.Model([a, b], inner(layers.Add()([shared(a), shared(b)])))
    assert model.count_params() == 15 + 8
    assert len(model.weights) == 4
    y = model([X, X]).numpy()
    want = inner(2 * shared(tj.tensor(X))).numpy()
    np.testing.assert_allclose(y, want, rtol=1e-5)
    assert shared.input is a  # of the first call, as in Keras
    assert "inner.in.kernel" in dict(model.named_parameters())


def test_nested_inputs_and_outputs_in_dicts():
    a, b = keras.Input((4,), name="first"), keras.Input((4,), name="second")
    model = keras.Model({"first": a, "second": b}, {"sum": a + b, "dense": layers.Dense(2)(a)})
    y = model({"first": X, "second": X})
    np.testing.assert_allclose(y["sum"].numpy(), 2 * X)
    assert model.output_names == ["dense", "sum"]


def test_sequential_by_parts():
    model = keras.Sequential(name="steps")
    model.add(layers.Dense(3, activation="relu"))
    model.add(layers.Dense(2))
    assert not model.built
    assert model.weights == []
    model.build((None, 4))
    assert [w.shape for w in model.weights] == [(4, 3), (3,), (3, 2), (2,)]
    assert model.pop().units == 2
    model.add(layers.Dense(5))
    assert model(X).shape == (6, 5)
    halfway = keras.Model(model.inputs, model.layers[0].output)
    assert tj.equal(halfway(X), model.layers[0](X))
    assert model.output_shape == (None, 5)
    given = keras.Sequential([layers.Dense(2, input_shape=(4,)), layers.Dense(1, input_dim=9)])
    assert given.built
    assert given.count_params() == 13


def test_a_subclassed_model():
    model = Net(5)
    assert model(X).shape == (6, 2)
    assert model.count_params() == 4 * 5 + 5 + 12
    assert [layer.name for layer in model.layers] == [model.hidden.name, model.out.name]
    model.hidden.trainable = False
    assert len(model.trainable_weights) == 2
    twin = Net(5)
    twin.build((None, 4))
    twin.set_weights(model.get_weights())
    assert tj.equal(twin(X), model(X))
    assert twin.compute_output_shape((None, 4)) == (None, 2)


def test_a_subclassed_model_in_a_functional_one_and_in_nn():
    inputs = keras.Input((4,))
    model = keras.Model(inputs, Net()(inputs))
    assert model.output_shape == (None, 2)
    whole = nn.Sequential(model, nn.Linear(2, 1))
    whole(tj.tensor(X)).sum().backward()
    assert all(p.grad is not None for p in whole.parameters())


def test_a_model_called_with_training_always_on():
    inputs = keras.Input((4,))
    model = keras.Model(inputs, layers.Dropout(0.5)(inputs, training=True))
    tj.manual_seed(0)
    assert not tj.equal(model(X), model(X))


def test_inputs_of_one_feature_may_lack_the_last_axis():
    inputs = keras.Input((1,))
    model = keras.Model(inputs, layers.Dense(2)(inputs))
    assert model(X[:, 0]).shape == (6, 2)


def test_weights_come_in_kerass_order_and_are_all_or_nothing():
    model = health()
    before = model.get_weights()
    wrong = [w + 1 for w in before]
    wrong[-1] = np.ones((9,))
    with pytest.raises(ShapeError):
        model.set_weights(wrong)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_clone_model_has_weights_of_its_own():
    model = health()
    twin = keras.models.clone_model(model)
    assert [w.shape for w in twin.weights] == [w.shape for w in model.weights]
    assert not tj.equal(twin.weights[0], model.weights[0])
    relu = keras.models.clone_model(
        model,
        clone_function=lambda layer: layers.Dense(7, name=layer.name)
        if layer.name == "hidden" else type(layer).from_config(layer.get_config()),
    )
    assert relu.get_layer("hidden").units == 7
    stack = keras.models.clone_model(keras.Sequential([keras.Input((4,)), Net(2)]))
    assert stack.output_shape == (None, 2)


def test_json_and_back():
    model = health()
    twin = keras.models.model_from_json(model.to_json())
    twin.set_weights(model.get_weights())
    assert tj.equal(twin(X)[0], model(X)[0])


def test_summary(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    tj.set_language("en")
    try:
        health().summary()
        keras.Sequential([layers.Dense(2)], name="s").summary(show_trainable=True)
    finally:
        tj.set_language(None)
    text = capsys.readouterr().out
    assert 'Model: "Health"' in text
    assert "hidden (Dense)" in text
    assert "(None, 8)" in text
    assert "hidden[0][0]" in text
    assert "Total params: 58 (232.00 B)" in text
    assert "(unbuilt)" in text
    widths = {len(line) for line in text.splitlines() if line[:1] in "┃│┏└"}
    assert len(widths) == 2  # each table has lines of one width
    lines: list[str] = []
    tj.set_language("ja")
    try:
        health().summary(print_fn=lines.append)
    finally:
        tj.set_language(None)
    assert "層 (種類)" in lines[0]


@pytest.mark.parametrize("room", [100, 70, 48])
def test_summary_fits_into_the_terminal(room, monkeypatch):
    inputs = keras.Input((13,), name="入力")
    hidden = layers.Dense(16, name="とても長い名前の隠れ層その一")(inputs)
    joined = layers.Concatenate()([hidden, layers.Dense(3, name="出力")(hidden)])
    model = keras.Model(inputs, joined, name="ワイン")
    lines: list[str] = []
    model.summary(line_length=room, print_fn=lines.append)
    table = [line for line in lines[0].splitlines() if line[:1] in "┃│┏└├"]
    assert {width(line) for line in table} <= set(range(40, room + 1))
    assert len({width(line) for line in table}) == 1
    names = "".join(line.split("│")[1].strip() for line in table if line[0] == "│")
    assert "とても長い名前の隠れ層その一" in names  # nothing is left out
    monkeypatch.setenv("COLUMNS", str(room))
    model.summary(print_fn=lines.append)
    assert lines[1] == lines[0]


def test_plot_model(tmp_path):
    model = health()
    drawing = keras.utils.plot_model(
        model, tmp_path / "m.dot", show_shapes=True, show_layer_names=True, rankdir="LR",
        show_layer_activations=True, show_dtype=True, show_trainable=True,
    )
    text = (tmp_path / "m.dot").read_text("utf-8")
    assert "rankdir=LR" in text
    assert "Dense · relu" in text
    assert "(None, 8)" in text
    assert len(drawing.graph.edges) == 4
    nested = keras.Sequential([keras.Input((4,)), keras.Sequential([layers.Dense(2)], name="in")])
    assert keras.utils.plot_model(nested, None, expand_nested=True).graph.groups[0].label == "in"
    assert len(keras.utils.model_to_dot(nested).graph.nodes) == 2
    with pytest.raises(ArgumentError):
        keras.utils.plot_model(keras.Sequential([layers.Dense(1)]), None)
    with pytest.raises(ArgumentError, match="colour"):
        keras.utils.plot_model(model, None, colour="red")


def lonely():
    a, b = keras.Input((2,), name="a"), keras.Input((2,), name="b")
    return keras.Model(a, a + b)


def twice():
    a = keras.Input((2,))
    return keras.Model(a, layers.Dense(2, name="d")(layers.Dense(2, name="d")(a)))


def on_two_inputs():
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    return keras.Model([a, b], a + b)


@pytest.mark.parametrize(
    ("make", "error", "word"),
    [
        (lonely, ArgumentError, "'b'"),
        (twice, OptionError, "name="),
        (lambda: keras.Model(keras.Input((2,)), 3), ArgumentError, "int"),
        (lambda: keras.Model(inputs=keras.Input((2,))), ArgumentError, "outputs"),
        (lambda: keras.Model()(X), ArgumentError, "call"),
        (lambda: keras.Sequential([nn.ReLU()]), ArgumentError, "ReLU"),
        (lambda: keras.Sequential([layers.Dense]), ArgumentError, "Dense(64)"),
        (lambda: keras.Sequential([layers.Dense(1, name="x"), layers.Dense(1, name="x")]),
         OptionError, "'x'"),
        (lambda: keras.Sequential().pop(), ArgumentError, "Sequential"),
        (lambda: keras.Sequential()(X), ArgumentError, "build"),
        (lambda: health().get_layer("nose"), OptionError, "hidden"),
        (lambda: health().get_layer(index=9), OptionError, "9"),
        (lambda: health()(X[:, :3]), ShapeError, "(6, 3)"),
        (lambda: health()(X[0]), ShapeError, "x[None]"),
        (lambda: on_two_inputs()(X), ShapeError, "a, b"),
        (lambda: on_two_inputs()({"a": X, "c": X}), OptionError, "'b'"),
        (lambda: setattr(health(), "layers", []), ArgumentError, "self.blocks"),
        (lambda: keras.models.clone_model(health(), recursive=True), OptionError, "recursive"),
    ],
)
def test_mistakes_are_named_with_the_repair(make, error, word):
    for language in ("ja", "en"):
        tj.set_language(language)
        try:
            with pytest.raises(error) as caught:
                make()
            assert word in str(caught.value)
        finally:
            tj.set_language(None)


def test_names_count_up_until_the_session_is_cleared():
    keras.backend.clear_session()
    assert [layers.Dense(1).name for _ in range(3)] == ["dense", "dense_1", "dense_2"]
    assert keras.Sequential().name == "sequential"
    keras.utils.clear_session()
    assert layers.Dense(1).name == "dense"


def test_importing_the_package_does_not_import_keras():
    import subprocess
    import sys

    code = (
        "import sys, tinygrad_jp; assert 'tinygrad_jp.keras' not in sys.modules; "
        "from tinygrad_jp import keras; from tinygrad_jp.keras import layers; "
        "from tinygrad_jp.keras.layers import Dense; "
        "assert keras.layers.Dense is Dense and tinygrad_jp.keras is keras"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
