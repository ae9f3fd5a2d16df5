"""compile, fit, evaluate, predict: every form of data, the numbers and their names, mistakes."""

from __future__ import annotations

import signal

import numpy as np
import pytest

import tinygrad_jp as tj
from tinygrad_jp import keras
from tinygrad_jp.data import DataLoader, TensorDataset
from tinygrad_jp.errors import ArgumentError, OptionError, ShapeError
from tinygrad_jp.keras import layers

RNG = np.random.default_rng(1)
X = RNG.normal(size=(40, 3)).astype("float32")
Y = (X @ [[1.0], [-2.0], [0.5]]).astype("float32")


def line(rate=0.1, **more):
    model = keras.Sequential([keras.Input((3,)), layers.Dense(1, kernel_initializer="zeros")])
    model.compile(keras.optimizers.SGD(rate), "mse", **more)
    return model


def two_heads(**more):
    inputs = keras.Input((3,))
    a, b = layers.Dense(1, name="a")(inputs), layers.Dense(1, name="b")(inputs)
    model = keras.Model(inputs, [a, b])
    model.compile("sgd", **more)
    return model


def test_fit_learns_and_tells_every_epoch():
    model = line(metrics=["mae"])
    history = model.fit(X, Y, epochs=30, verbose=0, validation_split=0.25)
    assert list(history.history) == ["loss", "mae", "val_loss", "val_mae"]
    assert history.epoch == list(range(30))
    assert history.history["loss"][-1] < 0.05 < history.history["loss"][0]
    np.testing.assert_allclose(model.get_weights()[0].ravel(), [1, -2, 0.5], atol=0.2)
    assert model.history is history
    assert not model.training


def test_one_step_is_gradient_descent():
    model = line(rate=0.1)
    model.fit(X, Y, batch_size=40, verbose=0)
    want = 0.1 * 2 * X.T @ Y / 40
    np.testing.assert_allclose(model.get_weights()[0], want, rtol=1e-5)


def as_pairs():
    return [(X[i : i + 10], Y[i : i + 10]) for i in range(0, 40, 10)]


class Batches(keras.utils.PyDataset):
    def __len__(self):
        return 4

    def __getitem__(self, i):
        return as_pairs()[i]


@pytest.mark.parametrize(
    "data",
    [
        lambda: (X, Y), lambda: (X.tolist(), Y.tolist()), lambda: (tj.tensor(X), tj.tensor(Y)),
        lambda: (X.astype("float64"), Y.astype("float64")),
        lambda: (TensorDataset(X, Y),), lambda: (DataLoader(TensorDataset(X, Y), 10),),
        lambda: (Batches(),), lambda: (iter(as_pairs()),),
    ],
    ids=["arrays", "lists", "tensors", "float64", "dataset", "loader", "pydataset", "generator"],
)
def test_every_form_of_data_gives_the_same(data):
    model, want = line(), line()
    want.fit(X, Y, batch_size=10, shuffle=False, verbose=0)
    model.fit(*data(), batch_size=10, shuffle=False, verbose=0)
    np.testing.assert_allclose(model.get_weights()[0], want.get_weights()[0], rtol=1e-5)


def test_a_generator_without_end():
    def endless():
        while True:
            yield from as_pairs()

    model = line()
    model.fit(endless(), steps_per_epoch=3, epochs=4, verbose=0)
    assert int(model.optimizer.iterations) == 12
    once = line()
    with pytest.raises(OptionError, match="steps_per_epoch"):
        once.fit(iter(as_pairs()), epochs=2, verbose=0)
    arrays = line()
    arrays.fit(X, Y, batch_size=10, steps_per_epoch=3, epochs=2, verbose=0)
    assert int(arrays.optimizer.iterations) == 6


def test_a_generator_builds_a_model_and_loses_no_batch():
    drawn = []

    def counted():
        while True:
            for batch in as_pairs():
                drawn.append(1)
                yield batch

    model = keras.Sequential([layers.Dense(1, kernel_initializer="zeros")])
    model.compile(keras.optimizers.SGD(0.1), "mse")
    model.fit(counted(), steps_per_epoch=2, epochs=2, verbose=0)
    want = line()
    want.fit(X, Y, batch_size=10, shuffle=False, verbose=0)
    np.testing.assert_allclose(model.get_weights()[0], want.get_weights()[0], rtol=1e-5)
    assert len(drawn) == 4
    with pytest.raises(ArgumentError, match="fit"):
        _compiled(layers.Dense(1)).fit(iter([]))


def _compiled(layer):
    model = keras.Sequential([layer])
    model.compile("sgd", "mse")
    return model


def test_shuffling_follows_the_seed():
    found = []
    for seed in (0, 0, 1):
        keras.utils.set_random_seed(seed)
        model = line()
        model.fit(X, Y, batch_size=3, epochs=2, verbose=0)
        found.append(model.get_weights()[0])
    np.testing.assert_array_equal(found[0], found[1])
    assert not np.array_equal(found[0], found[2])


def test_names_of_several_outputs():
    model = two_heads(loss=["mse", "mae"], metrics=[["mae"], "mse"], loss_weights=[1.0, 0.5])
    history = model.fit(X, [Y, Y], verbose=0)
    assert list(history.history) == ["a_loss", "a_mae", "b_loss", "b_mse", "loss"]
    told = model.evaluate(X, {"a": Y, "b": Y}, return_dict=True, verbose=0)
    assert told["loss"] == pytest.approx(told["a_loss"] + 0.5 * told["b_loss"])
    listed = model.evaluate(X, [Y, Y], verbose=0)
    assert dict(zip(model.metrics_names, listed, strict=True)) == pytest.approx(told)


def test_an_output_without_a_loss():
    model = two_heads(loss={"b": "mse"})
    before = model.get_layer("a").get_weights()[0]
    with pytest.warns(tj.errors.TinygradWarning, match="a/kernel"):
        model.fit(X, {"b": Y}, verbose=0)
    np.testing.assert_array_equal(model.get_layer("a").get_weights()[0], before)


def test_weights_of_samples_and_classes():
    labels = (X[:, 0] > 0).astype(int)
    weights = np.where(labels, 3.0, 1.0)

    def classifier():
        model = keras.Sequential([keras.Input((3,)), layers.Dense(1, "sigmoid", True, "zeros")])
        model.compile("sgd", "binary_crossentropy", metrics=["acc"], weighted_metrics=["acc"])
        return model

    by_sample, by_class, by_loader = classifier(), classifier(), classifier()
    by_sample.fit(X, labels, sample_weight=weights, shuffle=False, verbose=0)
    history = by_class.fit(X, labels, class_weight={0: 1.0, 1: 3.0}, shuffle=False, verbose=0)
    loader = DataLoader(TensorDataset(X, np.eye(2)[labels]), 32)
    with pytest.raises(ShapeError):
        by_loader.fit(loader, class_weight={1: 3.0}, verbose=0)
    assert "weighted_acc" in history.history
    for a, b in zip(by_sample.get_weights(), by_class.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert classifier().fit(X, labels, verbose=0, validation_data=(X, labels, weights))


def test_validation_data_and_how_often():
    history = line().fit(
        X, Y, epochs=4, validation_data=(X, Y), validation_freq=2, validation_batch_size=7,
        verbose=0,
    )
    assert [len(v) for v in history.history.values()] == [4, 2]
    loader = DataLoader(TensorDataset(X, Y), 8)
    assert "val_loss" in line().fit(X, Y, validation_data=loader, verbose=0).history


def test_one_batch_at_a_time():
    model = line(metrics=["mae"])
    first = model.train_on_batch(X, Y)
    assert len(first) == 2
    told = model.test_on_batch(X, Y, return_dict=True)
    assert list(told) == ["loss", "mae"]
    assert model.predict_on_batch(X).shape == (40, 1)
    model.reset_metrics()
    for _ in range(100):
        model.train_on_batch(X, Y)
    assert model.evaluate(X, Y, verbose=0)[0] < 1e-3


def test_predict_gives_arrays_batch_by_batch():
    model = two_heads(loss="mse")
    a, b = model.predict(X, batch_size=7, verbose=0)
    assert type(a) is np.ndarray
    assert a.shape == b.shape == (40, 1)
    np.testing.assert_allclose(a, model(X)[0].numpy(), rtol=1e-5, atol=1e-7)
    assert model.predict(DataLoader(TensorDataset(X, Y), 9), verbose=0)[0].shape == (40, 1)


def test_losses_of_layers_and_regularizers_count():
    class Term(layers.Layer):
        def call(self, x):
            self.add_loss((x * x).mean())
            return x

    model = keras.Sequential([
        keras.Input((3,)), Term(),
        layers.Dense(1, kernel_initializer="ones", kernel_regularizer=keras.regularizers.L2(0.5)),
    ])
    model.compile("sgd", "mse")
    alone = keras.Sequential([keras.Input((3,)), layers.Dense(1, kernel_initializer="ones")])
    alone.compile("sgd", "mse")
    extra = model.evaluate(X, Y, 40, verbose=0) - alone.evaluate(X, Y, 40, verbose=0)
    assert extra == pytest.approx((X * X).mean() + 0.5 * 3, rel=1e-5)
    before = model.get_weights()[0]
    model.fit(X, 0 * Y, batch_size=40, verbose=0)
    alone.fit(X, 0 * Y, batch_size=40, verbose=0)
    moved = alone.get_weights()[0] - model.get_weights()[0]
    np.testing.assert_allclose(moved, 0.01 * before, rtol=1e-4)  # rate · 2 · 0.5 · kernel


def test_a_model_with_losses_of_its_own_needs_no_other():
    class Auto(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(3)

        def call(self, x):
            y = self.dense(x)
            self.add_loss(((y - x) ** 2).mean())
            return y

    model = Auto()
    model.compile("adam")
    history = model.fit(X, epochs=3, verbose=0).history["loss"]
    assert history[-1] < history[0]


def test_ones_own_train_step():
    class Custom(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(1)
            self.seen = keras.metrics.Mean(name="seen")

        def call(self, x):
            return self.dense(x)

        def train_step(self, data):
            x, y = data
            loss = self.compute_loss(y=y, y_pred=self(x, training=True))
            self.zero_grad()
            loss.backward()
            weights = self.trainable_weights
            self.optimizer.apply([w.grad for w in weights], weights)
            self.seen.update_state(loss)
            return {"loss": self.seen.result(), "mine": 7.0}

    model = Custom()
    model.compile("adam", "mse")
    history = model.fit(X, Y, epochs=2, verbose=0)
    assert list(history.history) == ["loss", "mine"]
    assert history.history["mine"] == [7.0, 7.0]
    assert model.seen in model.metrics


def test_functions_of_ones_own_as_loss_and_metric():
    def cubed(y_true, y_pred):
        return abs(y_true - y_pred) ** 3

    model = line()
    model.compile("sgd", cubed, metrics=[cubed, keras.metrics.R2Score()])
    history = model.fit(X, Y, verbose=0).history
    assert list(history) == ["cubed", "loss", "r2_score"]


def test_freezing_and_training_again():
    model = keras.Sequential([keras.Input((3,)), layers.Dense(4, name="f"), layers.Dense(1)])
    model.layers[0].trainable = False
    model.compile("sgd", "mse")
    before = model.get_weights()
    model.fit(X, Y, verbose=0)
    np.testing.assert_array_equal(model.get_weights()[0], before[0])
    assert not np.array_equal(model.get_weights()[2], before[2])
    model.layers[0].trainable = True
    with pytest.raises(OptionError, match="f/kernel"):
        model.fit(X, Y, verbose=0)
    model.compile("sgd", "mse")
    model.fit(X, Y, verbose=0)
    assert not np.array_equal(model.get_weights()[0], before[0])


def test_lines_and_bars(capsys):
    model = line(metrics=["mae"])
    model.fit(X, Y, epochs=2, verbose=2)
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "Epoch 1/2"
    assert out[1].startswith("2/2 - 0s - ")
    assert " - loss: " in out[1]
    assert " - mae: " in out[1]
    assert "step - loss" in out[1]
    model.fit(X, Y)
    out = capsys.readouterr().out
    assert out.startswith("2/2 ━━━━━━━━━━━━━━━━━━━━ 0s")
    assert "\x1b" not in out  # no terminal
    model.evaluate(X, Y)
    model.predict(X)
    assert len(capsys.readouterr().out.splitlines()) == 2
    model.fit(X, Y, verbose=0)
    assert capsys.readouterr().out == ""


def test_a_bar_that_moves(monkeypatch):
    import io

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    from tinygrad_jp.keras.progress import KerasProgress

    shown = Terminal()
    display = KerasProgress(1, shown)
    line().fit(X, Y, batch_size=4, epochs=2, verbose=display)
    text = shown.getvalue()
    assert "\r\x1b[K" in text
    assert " 1/10 ━━╺" in text
    assert "10/10 ━━━━━━━━━━━━━━━━━━━━ 0s" in text


def uncompiled():
    return keras.Sequential([keras.Input((3,)), layers.Dense(1)])


@pytest.mark.parametrize(
    ("make", "error", "word"),
    [
        (lambda: uncompiled().fit(X, Y), ArgumentError, "compile"),
        (lambda: uncompiled().evaluate(X, Y), ArgumentError, "compile"),
        (lambda: uncompiled().compile("atom"), OptionError, "adam"),
        (lambda: uncompiled().compile("adam", "mze"), OptionError, "mse"),
        (lambda: line(metrics=["mea"]), OptionError, "mae"),
        (lambda: line().fit(X), ArgumentError, "y"),
        (lambda: line().fit(X, Y[:5]), ShapeError, "40"),
        (lambda: line().fit(X[:, :2], Y), ShapeError, "(32, 2)"),
        (lambda: line().fit(X, Y, verbose=3), OptionError, "auto"),
        (lambda: line().fit(X, Y, validation_split=1.5), OptionError, "1.5"),
        (lambda: line().fit(X, Y, validation_data=X), ArgumentError, "(x, y)"),
        (lambda: line().fit(as_pairs(), Y), ArgumentError, "x"),
        (lambda: line().fit(Batches(), validation_split=0.5), ArgumentError, "validation_data"),
        (lambda: line().fit(X, Y, callbacks=[keras.callbacks.EarlyStopping]),
         ArgumentError, "EarlyStopping"),
        (lambda: line().fit(np.array(["a", "b"]), Y[:2]), ArgumentError, "dtype"),
        (lambda: line().fit(3, Y), ArgumentError, "int"),
        (lambda: line(steps_per_execution=4), OptionError, "4"),
        (lambda: line(metrics="mae"), ArgumentError, '["mae"]'),
        (lambda: two_heads(loss=["mse"]), ShapeError, "2"),
        (lambda: two_heads(loss={"a": "mse", "c": "mse"}), OptionError, "c"),
        (lambda: two_heads(loss="mse", metrics=["mae"]), OptionError, '[["mae"], ["mse"]]'),
        (lambda: two_heads(loss="mse", metrics={"z": "mae"}), OptionError, "a, b"),
        (lambda: two_heads(loss="mse").fit(X, Y, verbose=0), ShapeError, "2"),
        (lambda: two_heads(loss="mse").fit(X, {"a": Y, "z": Y}, verbose=0), OptionError, "z"),
        (lambda: two_heads(loss="mse", loss_weights=[1, 2, 3]), ShapeError, "3"),
        (lambda: two_heads().fit(X, [Y, Y], verbose=0), ArgumentError, "loss"),
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


def test_a_compiled_step_gives_the_same_numbers():
    def trained(jit_compile):
        keras.utils.set_random_seed(0)
        model = keras.Sequential([
            keras.Input((3,)), layers.Dense(8, "relu", activity_regularizer="l2"),
            layers.BatchNormalization(), layers.Dropout(0.2), layers.Dense(1),
        ])
        rate = keras.optimizers.schedules.ExponentialDecay(0.05, 4, 0.8)
        model.compile(
            keras.optimizers.Adam(rate), "mse", metrics=["mae"], jit_compile=jit_compile
        )
        histories = [model.fit(X, Y, batch_size=12, epochs=3, verbose=0).history for _ in "ab"]
        return model, histories

    (eager, want), (compiled, got) = trained(False), trained(True)
    for a, b in zip(eager.get_weights(), compiled.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
    for a, b in zip(want, got, strict=True):
        assert a == {k: pytest.approx(v, rel=1e-5) for k, v in b.items()}
    assert int(compiled.optimizer.iterations) == 24
    assert len(compiled._programs) == 1  # one for both trainings
    compiled.layers[0].trainable = False
    before = compiled.get_weights()[0]
    compiled.fit(X, Y, verbose=0)
    np.testing.assert_array_equal(compiled.get_weights()[0], before)


def test_auto_compiles_long_trainings_of_known_layers_alone(monkeypatch):
    from tinygrad_jp.compiled import worth

    monkeypatch.setattr(worth, "MANY", 10)
    known, short = line(), line()
    known.fit(X, Y, epochs=6, verbose=0)
    short.fit(X, Y, epochs=2, verbose=0)
    assert (len(known._programs), len(short._programs)) == (1, 0)
    own = keras.Sequential([keras.Input((3,)), layers.Lambda(lambda x: x), layers.Dense(1)])
    mean = keras.Sequential([keras.Input((3,)), layers.Dense(1)])
    own.compile("sgd", "mse")
    mean.compile("sgd", lambda y_true, y_pred: (y_true - y_pred) ** 2)
    average = line()
    average.compile(keras.optimizers.Adam(use_ema=True), "mse")
    for model in (own, mean, average):
        model.fit(X, Y, epochs=6, verbose=0)
        assert model._programs == {}
    with pytest.raises(OptionError):
        line(jit_compile="perhaps")


def test_predict_needs_no_compile():
    assert uncompiled().predict(X, verbose=0).shape == (40, 1)


def test_ctrl_c_keeps_what_was_learned(capsys):
    class Interrupt(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 1 and self.model.history.epoch == [0, 1]:
                signal.raise_signal(signal.SIGINT)

    model = line()
    history = model.fit(X, Y, batch_size=10, epochs=9, verbose=2, callbacks=[Interrupt()])
    assert history.epoch == [0, 1]
    assert int(model.optimizer.iterations) == 10
    assert "Ctrl-C" in capsys.readouterr().out


def test_metrics_that_wait_are_there_for_who_looks():
    """A batch's callback, and the object that was given to compile, see each batch."""
    found = []
    mae = keras.metrics.MeanAbsoluteError()
    model = keras.Sequential([keras.Input((3,)), layers.Dense(1, kernel_initializer="ones")])
    model.compile(keras.optimizers.SGD(0.0), "mse", metrics=[mae])

    class Look(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            found.append((logs["mean_absolute_error"], float(mae.result())))

    class Count(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            found.append(float(mae.result()))

    model.fit(X, Y, batch_size=10, shuffle=False, verbose=0, callbacks=[Look()])
    errors = np.abs(model.predict(X, verbose=0) - Y.reshape(-1, 1)).mean(1)
    wanted = [errors[: 10 * (i + 1)].mean() for i in range(4)]
    np.testing.assert_allclose([a for a, _ in found], wanted, rtol=1e-5)
    assert all(a == b for a, b in found)
    found.clear()
    model.fit(X, Y, batch_size=10, shuffle=False, verbose=0, callbacks=[Count()])
    np.testing.assert_allclose(found, [0, *wanted[:3]], rtol=1e-5)
    model.evaluate(X, Y, verbose=0)
    np.testing.assert_allclose(float(mae.result()), wanted[3], rtol=1e-5)


def test_validation_is_compiled_with_the_training():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 3)).astype("float32")
    ys = [x @ rng.normal(size=(3, 1)), x[:, :1] ** 2]
    weights = rng.random(10)

    def trained(jit):
        keras.utils.set_random_seed(3)
        inputs = keras.Input((3,))
        h = layers.Dense(8, "tanh", kernel_regularizer=keras.regularizers.L2(0.1))(inputs)
        h = layers.Dropout(0.3)(h)
        model = keras.Model(inputs, [layers.Dense(1, name="a")(h), layers.Dense(1, name="b")(h)])
        model.compile("adam", ["mse", "huber"], loss_weights=[1.0, 0.5], metrics=["mae", "mse"],
                      jit_compile=jit)
        val = (x[:10], [y[:10] for y in ys], weights)
        return model, model.fit(x, ys, batch_size=16, epochs=4, verbose=0, validation_data=val,
                                validation_batch_size=4)

    (_, eager), (model, compiled) = trained(False), trained(True)
    assert eager.history.keys() == compiled.history.keys()
    for name, values in eager.history.items():
        np.testing.assert_allclose(values, compiled.history[name], rtol=2e-5, err_msg=name)
    (learning, judging), = model._programs.values()
    assert (len(learning._replays), len(judging._replays)) == (2, 2)  # full batches and the rest
    judged = model.evaluate(x, ys, verbose=0)
    model.layers[1].kernel.assign(model.layers[1].kernel * 0)
    again = model.fit(x, ys, epochs=1, verbose=0, validation_data=(x[:10], [y[:10] for y in ys]))
    assert judged[0] != again.history["val_loss"][0]
    np.testing.assert_allclose(
        model.evaluate(x[:10], [y[:10] for y in ys], verbose=0)[0], again.history["val_loss"][0],
        rtol=1e-5,
    )


def test_auto_goes_on_with_what_is_compiled(monkeypatch):
    from tinygrad_jp.compiled import worth
    from tinygrad_jp.keras.models import task

    monkeypatch.setattr(worth, "MANY", 10)
    model = line()
    model.fit(X, Y, epochs=6, verbose=0)
    pair = next(iter(model._programs.values()))
    assert task.compiled_pair(model, None, None, 2) == pair  # though two steps are not worth it
    assert task.compiled_pair(line(), len, max, 2) == (len, max)
    assert task.compiled_pair(model, None, max, None)[1] is max  # a single evaluation
