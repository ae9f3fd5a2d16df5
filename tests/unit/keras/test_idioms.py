"""What tutorials and Keras's own guides type, as they type it; the numbers are Keras 3.15's."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_jp as tj
from tinygrad_jp import keras
from tinygrad_jp.errors import (
    AbsentNameError,
    ArgumentError,
    LabelError,
    OptionError,
    ShapeError,
)
from tinygrad_jp.keras import layers, ops
from tinygrad_jp.keras.layers.operation import Operation

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 4)).astype("float32")
Y = X[:, :1] * 2 - X[:, 1:2]


def line(**more):
    """Make a linear model with known weights."""
    model = keras.Sequential([keras.Input((4,)), layers.Dense(1)], **more)
    model.set_weights([np.array([[0.5], [-0.5], [0.25], [0.0]]), np.zeros(1)])
    return model


def two_heads(names=("priority", "department")):
    inputs = keras.Input((4,))
    heads = {name: layers.Dense(n, name=name)(inputs) for name, n in zip(names, (1, 3))}
    return keras.Model(inputs, heads)


# ── several outputs ─────────────────────────────────────────────────────────────────────────────


def test_metrics_of_outputs_in_a_dict_find_their_output_in_any_order():
    model = two_heads()
    targets = {"priority": np.abs(Y) > 1, "department": np.eye(3)[RNG.integers(0, 3, 40)]}
    model.compile(
        "sgd", {"priority": "binary_crossentropy", "department": "categorical_crossentropy"},
        metrics={"department": ["mae"], "priority": [keras.metrics.BinaryAccuracy(name="right")]},
    )
    history = model.fit(X, targets, epochs=2, batch_size=8, verbose=0).history
    outputs = model.predict(X, verbose=0)
    found = model.evaluate(X, targets, verbose=0, return_dict=True)
    right = np.mean((outputs["priority"] > 0.5) == targets["priority"])
    assert found["priority_right"] == pytest.approx(right)
    mae = np.abs(outputs["department"] - targets["department"]).mean()
    assert found["department_mae"] == pytest.approx(mae, rel=1e-5)
    assert {"priority_right", "department_mae"} <= set(history)


def test_outputs_in_a_dict_come_in_the_order_of_their_names():
    model = two_heads()
    assert model.output_names == ["department", "priority"]
    assert [w.shape for w in model.get_weights()] == [(4, 3), (3,), (4, 1), (1,)]
    assert list(model.predict(X, verbose=0)) == ["department", "priority"]
    model.compile("sgd", {"priority": "mse", "department": "mae"})
    targets = {"department": np.tile(Y, 3), "priority": Y}
    loss, priority, department = model.evaluate(X, targets, verbose=0)  # in the order of the losses
    assert loss == pytest.approx(priority + department)
    error = model.predict(X, verbose=0)["priority"] - Y
    assert priority == pytest.approx(np.mean(error**2), rel=1e-5)


def test_inputs_that_no_output_needs_come_before_the_last_layer():
    a, b, c = (keras.Input((2,), name=name) for name in "abc")
    model = keras.Model([a, b, c], layers.Dense(1, name="last")(layers.Dense(2, name="first")(b)))
    assert [layer.name for layer in model.layers] == ["b", "first", "a", "c", "last"]


def test_evaluate_lists_the_metrics_of_several_outputs_by_name():
    inputs = keras.Input((4,))
    model = keras.Model(inputs, [layers.Dense(1, name=n)(inputs) for n in "ab"])
    model.compile("sgd", ["mse", "mae"], metrics=[["mae"], ["mse", "mae"]])
    listed = model.evaluate(X, [Y, Y], verbose=0)
    named = model.evaluate(X, [Y, Y], verbose=0, return_dict=True)
    order = ["loss", "a_loss", "b_loss", "a_mae", "b_mae", "b_mse"]
    assert listed == [named[name] for name in order]
    assert model.metrics_names == order


# ── fit and its kin ─────────────────────────────────────────────────────────────────────────────


def test_a_batch_by_itself_is_told_by_itself():
    model = line()
    model.compile("sgd", "mse", metrics=["mae"])
    for rows in (slice(0, 8), slice(8, 16)):
        error = model.predict(X[rows], verbose=0) - Y[rows]
        loss, mae = model.train_on_batch(X[rows], Y[rows])
        assert loss == pytest.approx(np.mean(error**2), rel=1e-5)
        assert mae == pytest.approx(np.abs(error).mean(), rel=1e-5)
    for rows in (slice(0, 8), slice(8, 16)):
        error = model.predict(X[rows], verbose=0) - Y[rows]
        found = model.test_on_batch(X[rows], Y[rows], return_dict=True)
        assert found["loss"] == pytest.approx(np.mean(error**2), rel=1e-5)
        assert found["mae"] == pytest.approx(np.abs(error).mean(), rel=1e-5)


def test_validation_steps_judge_by_the_same_first_batches_after_every_epoch():
    model = line()
    model.compile(keras.optimizers.SGD(0.0), "mse")
    options = {"epochs": 3, "verbose": 0, "validation_steps": 2}
    history = model.fit(X, Y, validation_data=(X, Y), validation_batch_size=8, **options).history
    expected = np.mean((model.predict(X[:16], verbose=0) - Y[:16]) ** 2)
    assert history["val_loss"] == pytest.approx([expected] * 3, rel=1e-5)
    batches = keras.utils.split_dataset((X, Y), left_size=32)[0]
    batches = tj.data.DataLoader(batches, 8)
    assert model.fit(X, Y, validation_data=batches, **options).history["val_loss"] == pytest.approx(
        [expected] * 3, rel=1e-5
    )


def test_validation_after_the_epochs_that_are_named():
    model = line()
    model.compile("sgd", "mse")
    options = {"epochs": 4, "verbose": 0, "validation_data": (X, Y)}
    history = model.fit(X, Y, validation_freq=[1, 3], **options)
    assert (len(history.history["loss"]), len(history.history["val_loss"])) == (4, 2)
    for wrong in (0, "often", None):
        with pytest.raises(OptionError, match="validation_freq"):
            model.fit(X, Y, validation_freq=wrong, **options)
    module = tj.nn.Linear(4, 1)
    with pytest.raises(OptionError, match="validation_every"):
        tj.fit(
            module, (X, Y), tj.nn.MSELoss(), tj.optim.SGD(module.parameters(), lr=0.1),
            validation=0.5, validation_every=0,
        )


def test_callbacks_know_what_verbose_was():
    seen = []

    class Look(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            seen.append(self.params["verbose"])

    model = line()
    model.compile("sgd", "mse")
    model.fit(X, Y, verbose=2, callbacks=[Look()])
    model.fit(X, Y, verbose=0, callbacks=[Look()])
    assert seen == [2, 0]


def test_metrics_given_as_compile_s_third_argument_are_refused_with_the_repair():
    with pytest.raises(ArgumentError, match=r"metrics=\["):
        line().compile("rmsprop", "mse", ["mae"])


class Guided(keras.Model):
    """The train_step and test_step of the guide "Customizing what happens in fit"."""

    def train_step(self, data):
        x, y = data
        self.zero_grad()
        y_pred = self(x, training=True)
        loss = self.compute_loss(y=y, y_pred=y_pred)
        loss.backward()
        weights = list(self.trainable_weights)
        gradients = [v.value.grad for v in weights]
        with tj.no_grad():
            self.optimizer.apply(gradients, weights)
        return self.told(loss, y, y_pred)

    def test_step(self, data):
        x, y = data
        y_pred = self(x, training=False)
        return self.told(self.compute_loss(y=y, y_pred=y_pred), y, y_pred)

    def told(self, loss, y, y_pred):
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss)
            else:
                metric.update_state(y, y_pred)
        return {m.name: m.result() for m in self.metrics}


def test_the_steps_of_the_guide_give_what_fit_gives():
    found = []
    for kind in (keras.Model, Guided):
        inputs = keras.Input((4,))
        model = kind(inputs, layers.Dense(1, kernel_initializer="ones")(inputs))
        model.compile("adam", "mse", metrics=["mae"])
        history = model.fit(X, Y, epochs=3, batch_size=8, shuffle=False, verbose=0).history
        found.append((history, model.evaluate(X, Y, batch_size=8, verbose=0)))
    (plain, judged), (guided, judged_by_guide) = found
    assert guided["loss"] == pytest.approx(plain["loss"], rel=1e-5)
    assert guided["mae"] == pytest.approx(plain["mae"], rel=1e-5)
    assert judged_by_guide == pytest.approx(judged, rel=1e-5)


# ── layers and metrics ──────────────────────────────────────────────────────────────────────────


def test_the_number_of_best_classes_comes_first():
    scores = np.array([[0.1, 0.5, 0.4], [0.6, 0.3, 0.1]])
    one_hot = np.eye(3)[[2, 2]]
    assert float(keras.metrics.TopKCategoricalAccuracy(2)(one_hot, scores)) == 0.5
    assert float(keras.metrics.SparseTopKCategoricalAccuracy(1)([1, 2], scores)) == 0.5


def test_embedding_takes_the_length_of_its_input():
    model = keras.Sequential([layers.Embedding(10, 4, input_length=3), layers.Flatten()])
    assert model.output_shape == (None, 12)
    assert model.predict(np.array([[1, 2, 3]]), verbose=0).shape == (1, 12)


def test_normalization_tells_mean_and_variance_as_keras_does():
    layer = layers.Normalization(axis=-1)
    layer.adapt(X)
    assert layer.mean.shape == layer.variance.shape == (1, 4)
    assert layer.mean.numpy()[0] == pytest.approx(X.mean(0), abs=1e-6)
    assert [w.shape for w in layer.get_weights()] == [(4,), (4,), ()]


def test_normalization_of_one_column_as_in_the_fuel_tutorial():
    column = X[:, 0]
    layer = layers.Normalization(input_shape=[1], axis=None)
    layer.adapt(column)
    assert layer(column[:3]).shape == (3,)
    assert layer(column[:3]).numpy() == pytest.approx(
        (column[:3] - column.mean()) / column.std(), rel=1e-5
    )
    model = keras.Sequential([layer, layers.Dense(1)])
    assert model.predict(column, verbose=0).shape == (40, 1)


# ── files ───────────────────────────────────────────────────────────────────────────────────────


def steep(x):
    return ops.tanh(x) * 2


def test_functions_inside_layers_are_found_among_custom_objects(tmp_path):
    model = keras.Sequential([keras.Input((4,)), layers.Dense(2, activation=steep)])
    path = tmp_path / "own.keras"
    model.save(path)
    loaded = keras.models.load_model(path, custom_objects={"steep": steep})
    assert np.array_equal(loaded.predict(X, verbose=0), model.predict(X, verbose=0))
    with keras.utils.custom_object_scope({"steep": steep}):
        again = keras.models.load_model(path)
        assert keras.activations.get("steep") is steep
    assert np.array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))
    assert keras.models.clone_model(model).layers[0].activation is steep


# ── sequences ───────────────────────────────────────────────────────────────────────────────────


def test_sequences_are_filled_and_cut_as_keras_does():
    pad = keras.utils.pad_sequences
    sequences = [[1], [2, 3], [], [4, 5, 6]]
    assert pad(sequences).tolist() == [[0, 0, 1], [0, 2, 3], [0, 0, 0], [4, 5, 6]]
    assert pad(sequences, 2, truncating="post").tolist() == [[0, 1], [2, 3], [0, 0], [4, 5]]
    assert pad(sequences, padding="post", value=-1, dtype="float32").tolist() == [
        [1, -1, -1], [2, 3, -1], [-1, -1, -1], [4, 5, 6]
    ]
    assert pad([np.array([1, 2]), np.array([3])], maxlen=2).dtype == np.int32
    assert pad([[[1, 2]], [[3, 4], [5, 6]]]).shape == (2, 2, 2)
    assert keras.preprocessing.sequence.pad_sequences is pad
    with pytest.raises(OptionError, match="middle"):
        pad(sequences, padding="middle")
    with pytest.raises(ArgumentError, match="int"):
        pad([1, 2])


def test_sentences_as_in_the_text_tutorial():
    model = keras.Sequential([
        layers.Embedding(50, 8), layers.Dropout(0.2), layers.GlobalAveragePooling1D(),
        layers.Dense(1, activation="sigmoid"),
    ])
    words = keras.utils.pad_sequences([RNG.integers(1, 50, n) for n in range(3, 23)], maxlen=12)
    labels = (words.mean(1) > 20).astype("float32")
    model.compile("adam", "binary_crossentropy", metrics=["binary_accuracy"])
    model.fit(words, labels, epochs=2, verbose=0)
    assert model.output_shape[-1] == 1
    cube = RNG.normal(size=(2, 3, 4)).astype("float32")
    assert layers.GlobalAveragePooling1D()(cube).numpy() == pytest.approx(cube.mean(1), rel=1e-5)
    assert np.array_equal(layers.GlobalMaxPooling1D()(cube).numpy(), cube.max(1))
    first = {"data_format": "channels_first", "keepdims": True}
    assert np.array_equal(
        layers.GlobalMaxPooling1D(**first)(cube).numpy(), cube.max(2, keepdims=True)
    )
    inputs = keras.Input((None, 4))
    assert layers.GlobalMaxPooling1D()(inputs).shape == (None, 4)
    assert layers.GlobalAveragePooling1D(**first)(keras.Input((3, 4))).shape == (None, 3, 1)
    with pytest.raises(ShapeError, match="GlobalMaxPooling1D"):
        layers.GlobalMaxPooling1D()(X)
    with pytest.raises(OptionError, match="sideways"):
        layers.GlobalMaxPooling1D(data_format="sideways")


@pytest.mark.parametrize(("module", "name", "word"), [
    (keras.layers, "Conv2D", "Flatten"), (keras.layers, "LSTM", "GlobalAveragePooling1D"),
    (keras.layers, "RandomFlip", "NumPy"), (keras.utils, "get_file", "pooch"),
    (keras, "mixed_precision", "float32"), (keras.preprocessing, "image", "NumPy"),
])
def test_absent_names_say_what_is_there_instead(module, name, word):
    with pytest.raises(AbsentNameError, match=word):
        getattr(module, name)


# ── keras.ops ───────────────────────────────────────────────────────────────────────────────────


def test_arguments_of_ops_have_keras_s_names():
    a, b = np.array([[1.0, 4.0]]), np.array([[2.0, 3.0]])
    assert ops.add(x1=a, x2=b).numpy().tolist() == [[3, 7]]
    assert ops.subtract(a, x2=b).numpy().tolist() == [[-1, 1]]
    assert ops.maximum(x1=a, x2=b).numpy().tolist() == [[2, 4]]
    assert ops.matmul(x1=a, x2=ops.transpose(b)).numpy().tolist() == [[14]]
    assert ops.floor(x=a).numpy().tolist() == [[1, 4]]
    assert ops.where(condition=a > b, x1=a, x2=b).numpy().tolist() == [[2, 4]]
    assert ops.swapaxes(a, axis1=0, axis2=1).shape == (2, 1)
    assert ops.ones_like(a, "int32").dtype == np.int32
    assert ops.full_like(x=a, fill_value=2.0, dtype="float32").numpy().tolist() == [[2, 2]]
    values, step = ops.linspace(0, 1, 3, retstep=True)
    assert values.numpy().tolist() == [0, 0.5, 1]
    assert step == 0.5
    assert ops.linspace([0, 0], [1, 2], 3, axis=-1).shape == (2, 3)
    x = keras.Input((2,))
    model = keras.Model(x, ops.add(x1=x, x2=x))
    assert model.predict(a, verbose=0).tolist() == [[2, 8]]


def test_numpy_s_functions_of_the_same_name_stand_for_keras_ops():
    x = keras.Input((4,))
    weights = np.arange(4, dtype="float32")
    y = np.sum(np.exp(x) * weights + np.float32(2) * x, axis=1, keepdims=True)
    model = keras.Model(x, y)
    expected = (np.exp(X) * weights + 2 * X).sum(1, keepdims=True)
    assert model.predict(X, verbose=0) == pytest.approx(expected, rel=1e-5)
    assert keras.Model.from_config(model.get_config())(X).numpy() == pytest.approx(
        expected, rel=1e-5
    )
    for other in (lambda: np.fft.fft(x), lambda: np.add.reduce(x), lambda: np.exp(x, out=weights)):
        with pytest.raises(ArgumentError, match=r"keras\.ops"):
            other()


def test_every_function_in_a_model_is_found_again_by_its_name():
    for module in (ops, ops.nn, ops.linalg, keras.activations):
        for name, fn in vars(module).items():
            if callable(fn) and hasattr(fn, "__wrapped__") and name[0] != "_":
                node = Operation(fn.__name__, fn)
                assert Operation.from_config(node.get_config()).fn is fn, name
    x = keras.Input((4,))
    y = ops.multiply(ops.subtract(x, 1.0), keras.activations.relu(x, negative_slope=0.5))
    model = keras.Model(x, ops.mod(y, 3.0))
    twin = keras.Model.from_config(model.get_config())
    assert np.array_equal(twin(X).numpy(), model(X).numpy())
    lines = []
    twin.summary(print_fn=lines.append)
    assert all(word in lines[0] for word in ("(Subtract)", "(Relu)", "(Multiply)", "(Mod)"))


# ── mistakes ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize(("make", "word"), [
    (lambda: layers.Dense(3, activtion="relu"), "activation"),
    (lambda: layers.BatchNormalization(moment=0.9), "momentum"),
    (lambda: line().predict(X[0], verbose=0), "x[None]"),
    (lambda: line().predict(X[:, :3], verbose=0), "Input"),
    (lambda: line().predict(np.array([["a"] * 4]), verbose=0), "np.unique"),
    (lambda: line().predict([[1, 2], [3]], verbose=0), "pad_sequences"),
    (lambda: layers.Embedding(3, 2)(np.array([[5]])), "input_dim"),
])
def test_mistakes_are_told_with_their_repair(make, word, language):
    tj.set_language(language)
    try:
        with pytest.raises((ArgumentError, ShapeError, LabelError)) as caught:
            make()
    finally:
        tj.set_language(None)
    assert word in str(caught.value)


@pytest.mark.parametrize(("name", "instead"), [
    ("random", "set_random_seed"), ("reduce_mean", "keras.ops.mean"), ("constant", "tj.tensor"),
    ("GradientTape", "backward"), ("convert_to_tensor", "keras.ops.convert_to_tensor"),
])
def test_names_of_tensorflow_itself_say_what_they_are_here(name, instead):
    import tinygrad_jp as tf

    with pytest.raises(AttributeError, match=instead):
        getattr(tf, name)
    assert not hasattr(tf, name)
    with pytest.raises(AttributeError, match=r"no attribute 'nonsense'$"):
        tf.nonsense  # noqa: B018


def test_functions_are_in_functional():
    with pytest.raises(AttributeError, match=r"nn\.functional\.relu"):
        tj.nn.relu  # noqa: B018
    assert not hasattr(tj.nn, "nonsense")


def test_functions_of_the_old_backend_say_where_they_are_now():
    with pytest.raises(AttributeError, match=r"keras\.ops\.mean"):
        keras.backend.mean  # noqa: B018
    with pytest.raises(AbsentNameError):
        keras.backend.result_type  # noqa: B018
    assert not hasattr(keras.backend, "nonsense")
