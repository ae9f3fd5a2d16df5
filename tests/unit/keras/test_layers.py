"""Layers of the Keras front: built at their first call, modules of nn, kind about mistakes."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import tinygrad_jp as tj
from tinygrad_jp import keras, nn
from tinygrad_jp.errors import ArgumentError, LabelError, OptionError, ShapeError
from tinygrad_jp.keras import layers

X = np.random.default_rng(0).normal(size=(5, 3)).astype("float32")


class Scale(layers.Layer):
    def __init__(self, units=2, **more):
        super().__init__(**more)
        self.units = units

    def build(self, input_shape):
        self.w = self.add_weight(shape=(input_shape[-1], self.units), initializer="ones")
        self.steps = self.add_weight((), "zeros", "int64", trainable=False, name="steps")

    def call(self, inputs, training=None):
        if training:
            self.steps.assign_add(1)
        self.add_loss((inputs * inputs).sum() * 0.5)
        return inputs @ self.w


def test_dense_gives_activation_of_x_kernel_plus_bias():
    layer = layers.Dense(4, activation="relu")
    y = layer(X)
    want = np.maximum(X @ layer.kernel.numpy() + layer.bias.numpy(), 0)
    np.testing.assert_allclose(y.numpy(), want, rtol=1e-6)
    assert layer.kernel.shape == (3, 4)
    assert [w.name for w in layer.weights] == ["kernel", "bias"]
    assert layer.kernel.path == f"{layer.name}/kernel"


def test_a_layer_is_a_module_of_nn():
    net = nn.Sequential(nn.Linear(3, 4), layers.Dense(2, name="last"))
    net(tj.tensor(X)).sum().backward()
    names = dict(net.named_parameters())
    assert list(names) == ["0.weight", "0.bias", "1.kernel", "1.bias"]
    assert names["1.kernel"].grad.shape == (4, 2)
    twin = nn.Sequential(nn.Linear(3, 4), layers.Dense(2))
    twin(tj.tensor(X))
    twin.load_state_dict(net.state_dict())
    assert tj.equal(twin(tj.tensor(X)), net(tj.tensor(X)))
    assert "kernel" in tj.draw(net(tj.tensor(X)), names=net).text
    assert tj.summary(net, (5, 3)).total_parameters == 26


def test_a_layer_of_ones_own():
    layer = Scale(2)
    assert not layer.built
    y = layer(X)
    np.testing.assert_allclose(y.numpy(), X @ np.ones((3, 2)), rtol=1e-5)
    assert layer.built
    assert layer.count_params() == 7
    assert [len(v) for v in (layer.weights, layer.trainable_weights)] == [2, 1]
    assert layer.non_trainable_weights == [layer.steps]
    layer(X, training=True)
    assert int(layer.steps) == 1
    assert len(layer.losses) == 1  # of the last call, not of both
    np.testing.assert_allclose(float(layer.losses[0]), (X * X).sum() / 2, rtol=1e-5)


def test_a_layers_config_makes_it_again():
    layer = Scale(5, name="mine")
    assert layer.get_config() == {
        "name": "mine", "trainable": True, "dtype": "float32", "units": 5,
    }
    twin = Scale.from_config(layer.get_config())
    assert (twin.units, twin.name) == (5, "mine")
    made = layers.Dense(3, "tanh", kernel_regularizer=keras.regularizers.L2(0.1))
    twin = layers.Dense.from_config(made.get_config())
    assert twin.get_config() == made.get_config()
    assert twin.kernel_regularizer.l2 == pytest.approx(0.1)


def test_a_config_with_a_function_in_it_is_refused():
    class Wrapped(layers.Layer):
        def __init__(self, fn):
            super().__init__()
            self.fn = fn

    with pytest.raises(ArgumentError, match="get_config"):
        Wrapped(np.sin).get_config()


def test_layers_in_lists_and_dicts_are_found():
    class Net(layers.Layer):
        def __init__(self):
            super().__init__()
            self.blocks = []
            for _ in range(2):
                self.blocks.append(layers.Dense(3))
            self.heads = {"a": layers.Dense(1), "more": [layers.Dense(2)]}

        def call(self, x):
            for block in self.blocks:
                x = block(x)
            return self.heads["a"](x), self.heads["more"][0](x)

    net = Net()
    net(X)
    assert len(net.weights) == 8
    names = [name for name, _ in net.named_parameters()]
    assert names[:2] == ["blocks.0.kernel", "blocks.0.bias"]
    assert "heads.more.0.kernel" in names
    assert net.get_submodule("heads.a") is net.heads["a"]
    with pytest.raises(OptionError):
        net.get_submodule("heads.z")
    net.trainable = False
    assert net.trainable_weights == []
    net.trainable = True
    assert len(net.trainable_weights) == 8


def test_weights_in_lists_and_attributes_count_once():
    class Several(layers.Layer):
        def build(self, shape):
            self.ws = [self.add_weight((2,), name="w") for _ in range(3)]
            self.other = self.add_weight((2,), name="w")
            self.given = keras.Variable([1.0], name="given")

        def call(self, x):
            return x * sum(w.sum() for w in self.ws) + self.other.sum() + self.given

    layer = Several()
    layer(X)
    assert len(layer.weights) == 5
    assert len(list(layer.parameters())) == 5
    assert len(layer.state_dict()) == 5


def test_training_is_told_to_all_layers_below():
    seen = []

    class Watch(layers.Layer):
        def call(self, x, training=None):
            seen.append(training)
            return x

    class Outer(layers.Layer):
        def __init__(self):
            super().__init__()
            self.inner = Watch()

        def call(self, x):
            return self.inner(x)

    outer = Outer()
    outer(X)
    outer(X, training=True)
    outer.train()
    outer(X)
    outer(X, training=False)
    assert seen == [False, True, True, False]


def test_a_layer_in_a_module_of_nn_trains_with_it():
    net = nn.Sequential(layers.BatchNormalization(), nn.Linear(3, 1))
    net(tj.tensor(X))
    assert not net[0].moving_mean.numpy().any()  # a call alone is no training, as in Keras
    tj.fit(net, (X, X[:, :1]), nn.MSELoss(), tj.optim.SGD(net.parameters(), lr=0.1), verbose=0)
    assert net[0].moving_mean.numpy().all()
    frozen = net[0].moving_mean.numpy().copy()
    net[0].eval()
    tj.fit(net, (X, X[:, :1]), nn.MSELoss(), tj.optim.SGD(net.parameters(), lr=0.1), verbose=0)
    np.testing.assert_array_equal(net[0].moving_mean.numpy(), frozen)


def test_dropout_drops_in_training_only():
    layer = layers.Dropout(0.5, seed=1)
    assert tj.equal(layer(X), tj.tensor(X))
    y = layer(np.ones((200, 50), "float32"), training=True).numpy()
    assert set(np.unique(y)) == {0.0, 2.0}
    assert abs((y == 0).mean() - 0.5) < 0.02
    again = layers.Dropout(0.5, seed=1)(np.ones((200, 50), "float32"), training=True)
    np.testing.assert_array_equal(again.numpy(), y)
    rows = layers.Dropout(0.5, noise_shape=(None, 1))(np.ones((50, 8)), training=True).numpy()
    assert all(len(set(row)) == 1 for row in rows)


@pytest.mark.parametrize("layer", [layers.GaussianNoise(0.3), layers.GaussianDropout(0.1)])
def test_noise_is_there_in_training_only(layer):
    x = np.ones((300, 40), "float32")
    np.testing.assert_array_equal(layer(x).numpy(), x)
    y = layer(x, training=True).numpy()
    assert abs(y.mean() - 1) < 0.02
    assert 0.25 < y.std() < 0.4


def test_batch_normalization_that_is_frozen_uses_its_statistics():
    layer = layers.BatchNormalization()
    layer(X, training=True)
    moved = layer.moving_mean.numpy()
    assert np.abs(moved).max() > 0
    layer.trainable = False
    layer(X, training=True)
    np.testing.assert_array_equal(layer.moving_mean.numpy(), moved)
    assert len(layer.trainable_weights) == 0
    assert len(layer.non_trainable_weights) == 4


def test_embedding_looks_rows_up_and_refuses_others():
    table = np.arange(6.0).reshape(3, 2)
    layer = layers.Embedding(3, 2, weights=[table])
    np.testing.assert_array_equal(layer(np.array([[2, 0]])).numpy(), table[[[2, 0]]])
    with pytest.raises(LabelError):
        layer(np.array([3]))
    with pytest.raises(OptionError):
        layers.Embedding(3, 2, mask_zero=True)


def test_normalization_wants_data_first():
    layer = layers.Normalization()
    with pytest.raises(ArgumentError, match="adapt"):
        layer(X)
    layer.adapt(X)
    y = layer(X).numpy()
    np.testing.assert_allclose(y.mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(y.std(0), 1, rtol=1e-5)
    layer.adapt([X[:2], X[2:]] and (batch for batch in (X[:2], X[2:])))
    np.testing.assert_allclose(layer(X).numpy(), y, rtol=1e-5)
    with pytest.raises(ArgumentError):
        layers.Normalization(mean=1.0)
    with pytest.raises(ArgumentError):
        layers.Normalization(mean=1.0, variance=2.0).adapt(X)


def test_float64_inputs_take_the_layers_dtype_and_integers_stay():
    assert layers.Dense(2)(X.astype("float64")).dtype == np.float32
    assert layers.Dense(2, dtype="float64")(X).dtype == np.float64
    assert layers.Flatten()(np.array([[[1], [2]]])).dtype == np.int64
    assert layers.Dense(2)([[1.0, 2.0]]).shape == (1, 2)


def test_a_layer_with_several_inputs_builds_by_their_names():
    class Mix(layers.Layer):
        def build(self, a_shape, b_shape):
            self.k = self.add_weight((a_shape[-1], b_shape[-1]))

        def call(self, a, b):
            return a @ self.k * b

    assert Mix()(X, np.ones((5, 2), "float32")).shape == (5, 2)

    class Wrong(layers.Layer):
        def build(self, left, right):
            self.k = self.add_weight(())

        def call(self, a, b):
            return a

    with pytest.raises(ArgumentError, match="a_shape"):
        Wrong()(X, X)


def test_deepcopy_makes_a_layer_of_its_own():
    layer = layers.Dense(2)
    layer(X)
    twin = copy.deepcopy(layer)
    twin.kernel.assign(np.zeros((3, 2)))
    assert np.abs(layer.kernel.numpy()).max() > 0
    assert twin.weights[0] is twin.kernel


@pytest.mark.parametrize(
    ("make", "error", "word"),
    [
        (lambda: layers.Dense(0), OptionError, "units"),
        (lambda: layers.Dense(2.5), OptionError, "units"),
        (lambda: layers.Dense(2, color="red"), ArgumentError, "color"),
        (lambda: layers.Dense(2)(X[0]), ShapeError, "reshape"),
        (lambda: layers.Dropout(20), OptionError, "0.2"),
        (lambda: layers.ReLU(negative_slope=-1), OptionError, "negative_slope"),
        (lambda: layers.Reshape((2, 2))(X), ShapeError, "(2, 2)"),
        (lambda: layers.Permute((0, 1)), ShapeError, "(2, 1)"),
        (lambda: layers.Add()(X), ShapeError, "Add()"),
        (lambda: layers.Add()([X, X[:, :2]]), ShapeError, "(5, 2)"),
        (lambda: layers.Subtract()([X, X, X]), ShapeError, "2"),
        (lambda: layers.Concatenate(axis=1)([X, X[:2]]), ShapeError, "(2, 3)"),
        (lambda: layers.Lambda(3), ArgumentError, "Lambda"),
        (lambda: layers.Input(13), ArgumentError, "(13,)"),
        (lambda: layers.Layer()(X), ArgumentError, "call"),
        (lambda: layers.Dense(2).count_params(), ArgumentError, "Input"),
        (lambda: layers.Dense(2, name=""), ArgumentError, "name"),
        (lambda: layers.Dense(2).set_weights([X]), ShapeError, "get_weights"),
        (lambda: layers.Dense(2)(layers.Input((None,))), ShapeError, "Input"),
        (lambda: layers.Dense(2).output, ArgumentError, "output"),
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


def test_a_built_dense_refuses_another_number_of_features():
    layer = layers.Dense(2)
    layer(X)
    with pytest.raises(ShapeError, match="3"):
        layer(np.ones((2, 4)))


@pytest.mark.parametrize("name", ["Conv2D", "LSTM", "MultiHeadAttention", "MaxPooling2D"])
def test_a_layer_that_keras_has_and_we_do_not_says_what_to_use(name):
    from tinygrad_jp.errors import AbsentNameError

    with pytest.raises(AbsentNameError, match=name):
        getattr(layers, name)
    with pytest.raises(AttributeError):
        layers.Nonsense  # noqa: B018
