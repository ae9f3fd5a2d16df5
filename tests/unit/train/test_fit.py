"""tj.fit: the same bits as the loop written by hand, whatever the data comes in."""

from __future__ import annotations

import numpy as np
import pytest
from nets import accuracy, adam, assert_equal, data, net

import tinygrad_jp as tj
from tinygrad_jp import errors, nn, optim
from tinygrad_jp.compiled import worth
from tinygrad_jp.data import DataLoader, Subset, TensorDataset, random_split


def by_hand(model, optimizer, x, t, *, epochs, batch_size, seed, loss=None, clip=None, w=None):
    """The loop that a user would write."""
    loss = loss or nn.CrossEntropyLoss()
    for epoch in range(epochs):
        order = np.random.default_rng([seed, epoch]).permutation(len(x))
        for i in range(0, len(x), batch_size):
            chosen = order[i : i + batch_size]
            optimizer.zero_grad()
            y = model(tj.tensor(x[chosen]))
            parts = (y, tj.tensor(t[chosen])) + ((tj.tensor(w[chosen]),) if w is not None else ())
            value = loss(*parts)
            value.backward()
            if clip:
                clip(model.parameters())
            optimizer.step()
    return model


@pytest.mark.parametrize("make", [
    lambda p: optim.SGD(p, lr=0.1, momentum=0.9), lambda p: optim.Adam(p, lr=0.02),
    lambda p: optim.RMSprop(p), lambda p: optim.AdamW(p),
], ids=["sgd", "adam", "rmsprop", "adamw"])
@pytest.mark.parametrize("batch_size", [1, 7, 50, 64])
def test_fit_gives_the_bits_of_the_loop_by_hand(make, batch_size):
    x, t = data()
    model, twin = net(), net()
    by_hand(twin, make(twin.parameters()), x, t, epochs=3, batch_size=batch_size, seed=5)
    history = tj.fit(
        model, (x, t), nn.CrossEntropyLoss(), make(model.parameters()), epochs=3,
        batch_size=batch_size, seed=5, verbose=0,
    )
    assert_equal(model, twin)
    assert len(history) == 3
    assert history.ended == "done"


def test_metrics_validation_and_display_change_no_bit(capsys):
    x, t = data()
    model, twin = net(), net()
    by_hand(twin, adam(twin), x, t, epochs=4, batch_size=8, seed=1)
    history = tj.fit(
        model, (x, t), nn.CrossEntropyLoss(), adam(model), epochs=4, batch_size=8, seed=1,
        metrics=[accuracy], validation=data(seed=9), verbose=2,
    )
    assert_equal(model, twin)
    assert list(history) == ["loss", "accuracy", "val_loss", "val_accuracy"]
    assert capsys.readouterr().out.count("val_accuracy") == 4


@pytest.mark.parametrize("kind", ["norm", "value"])
def test_gradients_are_clipped(kind):
    x, t = data()
    model, twin, free = net(), net(), net()
    clip = {
        "norm": lambda p: nn.utils.clip_grad_norm_(p, 0.01),
        "value": lambda p: nn.utils.clip_grad_value_(p, 0.01),
    }[kind]
    sgd = lambda m: optim.SGD(m.parameters(), lr=0.5)
    by_hand(twin, sgd(twin), x, t, epochs=2, batch_size=8, seed=1, clip=clip)
    by_hand(free, sgd(free), x, t, epochs=2, batch_size=8, seed=1)
    tj.fit(model, (x, t), nn.CrossEntropyLoss(), sgd(model), epochs=2, batch_size=8, seed=1,
           verbose=0, **{f"clip_{kind}": 0.01})
    assert_equal(model, twin)
    assert not np.array_equal(free[0].weight.numpy(), twin[0].weight.numpy())


def test_the_loss_of_an_epoch_is_the_mean_over_samples():
    x, t = data(50)
    model = net()
    history = tj.fit(
        model, (x, t), nn.CrossEntropyLoss(), optim.SGD(model.parameters(), lr=0.0), epochs=1,
        batch_size=16, metrics=[accuracy], verbose=0,
    )
    y = model(tj.tensor(x))
    assert history["loss"][0] == pytest.approx(nn.CrossEntropyLoss()(y, tj.tensor(t)).item(), 1e-6)
    assert history["accuracy"][0] == pytest.approx(accuracy(y, tj.tensor(t)).mean())
    judged = tj.evaluate(model, (x, t), nn.CrossEntropyLoss(), metrics=[accuracy], batch_size=16)
    assert judged == pytest.approx(history.last, 1e-6)


def fitted(seed, **options):
    model = net(dropout=0.3, norm=True)
    tj.fit(model, data(), nn.CrossEntropyLoss(), adam(model), epochs=3, batch_size=8, seed=seed,
           verbose=0, **options)
    return model


def test_a_seed_gives_the_same_bits_whatever_was_drawn_before():
    first = fitted(3)
    tj.manual_seed(99)
    tj.rand(7)
    np.random.rand(3)
    second = fitted(3)
    assert_equal(first, second)
    other = fitted(4)
    assert not np.array_equal(first[0].weight.numpy(), other[0].weight.numpy())


def test_a_seed_leaves_the_global_generator_alone():
    tj.manual_seed(7)
    expected = tj.rand(3)
    model = net(dropout=0.5)
    tj.manual_seed(7)
    tj.fit(model, data(), nn.CrossEntropyLoss(), adam(model), seed=1, verbose=0)
    assert tj.equal(tj.rand(3), expected)


def test_without_a_seed_manual_seed_decides():
    models = []
    for global_seed in (5, 5, 6):
        model = net(dropout=0.3)
        tj.manual_seed(global_seed)
        tj.fit(model, data(), nn.CrossEntropyLoss(), adam(model), epochs=2, verbose=0)
        models.append(model)
    assert_equal(models[0], models[1])
    assert not np.array_equal(models[0][0].weight.numpy(), models[2][0].weight.numpy())


# ── what data may come in ───────────────────────────────────────────────────────────────────────


class Items:
    """A data set without the class."""

    def __init__(self, x, t):
        self.x, self.t = x, t

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        return self.x[i], self.t[i]


def batches(x, t, seed, size=8):
    for epoch in range(3):
        order = np.random.default_rng([seed, epoch]).permutation(len(x))
        for i in range(0, len(x), size):
            yield tj.tensor(x[order[i : i + size]]), tj.tensor(t[order[i : i + size]])


@pytest.mark.parametrize("form", [
    "arrays", "tensors", "dataset", "subset", "items", "loader", "threads", "generator", "lists",
])
def test_every_form_of_data_gives_the_same_bits(form):
    x, t = data()
    made = {
        "arrays": lambda: (x, t),
        "tensors": lambda: (tj.tensor(x), tj.tensor(t)),
        "dataset": lambda: TensorDataset(x, t),
        "subset": lambda: Subset(TensorDataset(np.repeat(x, 2, 0), np.repeat(t, 2, 0)),
                                 np.arange(0, 100, 2)),
        "items": lambda: Items(x, t),
        "loader": lambda: DataLoader(TensorDataset(x, t), 8, shuffle=True, seed=5),
        "threads": lambda: DataLoader(Items(x, t), 8, shuffle=True, seed=5, num_workers=3),
        "generator": lambda: batches(x, t, 5),
        "lists": lambda: (x.tolist(), t.tolist()),
    }[form]()
    options = {"steps_per_epoch": 7} if form == "generator" else {}
    model, twin = net(), net()
    by_hand(twin, adam(twin), x, t, epochs=3, batch_size=8, seed=5)
    tj.fit(model, made, nn.CrossEntropyLoss(), adam(model), epochs=3, batch_size=8, seed=5,
           verbose=0, **options)
    assert_equal(model, twin)


def test_float64_arrays_are_taken_in_the_models_dtype():
    x, t = data()
    model, twin = net(), net()
    for m, given in ((model, x.astype(np.float64)), (twin, x)):
        tj.fit(m, (given, t), nn.CrossEntropyLoss(), adam(m), seed=0, verbose=0)
    assert model[0].weight.dtype == np.float32
    assert_equal(model, twin)


def test_a_share_is_set_aside_at_random_and_never_trained_on():
    x = np.arange(40, dtype=np.float32).reshape(40, 1)
    seen, judged = set(), set()

    class Spy(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(1, 1)

        def forward(self, x):
            (seen if self.training else judged).update(x.detach().numpy().ravel().tolist())
            return self.linear(x * 0)

    model = Spy()
    tj.fit(model, (x, x), nn.MSELoss(), adam(model), epochs=3, validation=0.25, seed=2, verbose=0)
    assert len(judged) == 10
    assert not seen & judged
    assert seen | judged == set(range(40))
    assert judged != set(range(30, 40))


def test_several_inputs_and_outputs_by_name():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(3, 1), nn.Linear(2, 4)

        def forward(self, left, right):
            return {"price": self.a(left), "kind": self.b(right)}

    rng = np.random.default_rng(0)
    x = {"left": rng.random((20, 3)), "right": rng.random((20, 2))}
    t = {"price": rng.random((20, 1)), "kind": rng.integers(0, 4, 20)}
    model = Two()
    history = tj.fit(
        model, (x, t), {"price": nn.MSELoss(), "kind": nn.CrossEntropyLoss()},
        optim.SGD(model.parameters(), lr=0.0), loss_weights={"kind": 0.5}, batch_size=6,
        metrics={"kind": accuracy}, verbose=0,
    )
    last = history.last
    assert list(last) == ["loss", "price_loss", "kind_loss", "kind_accuracy"]
    assert last["loss"] == pytest.approx(last["price_loss"] + 0.5 * last["kind_loss"], 1e-5)
    y = tj.predict(model, x, batch_size=7)
    assert {k: v.shape for k, v in y.items()} == {"price": (20, 1), "kind": (20, 4)}
    mse = ((y["price"].numpy() - t["price"]) ** 2).mean()
    assert last["price_loss"] == pytest.approx(mse, 1e-5)
    assert last["kind_accuracy"] == (y["kind"].numpy().argmax(1) == t["kind"]).mean()


def test_several_outputs_in_a_tuple_and_one_function_over_all():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(2, 1), nn.Linear(2, 1)

        def forward(self, x, y):
            return self.a(x), self.b(y)

    rng = np.random.default_rng(0)
    x, t = (rng.random((10, 2)), rng.random((10, 2))), (rng.random((10, 1)), rng.random((10, 1)))
    runs = []
    for loss in ([nn.MSELoss(), nn.L1Loss()],
                 lambda y, t: nn.MSELoss()(y[0], t[0]) + nn.L1Loss()(y[1], t[1])):
        tj.manual_seed(0)
        model = Two()
        runs.append((tj.fit(model, (x, t), loss, adam(model), epochs=2, seed=0, verbose=0), model))
    assert runs[0][0]["loss"] == runs[1][0]["loss"]
    assert list(runs[0][0]) == ["loss", "0_loss", "1_loss"]
    assert_equal(runs[0][1], runs[1][1])


def test_sample_weights_weigh_each_samples_loss():
    x, t = data(30)
    w = np.random.default_rng(0).random(30).astype(np.float32)

    def weighted(y, t, w):
        return (nn.CrossEntropyLoss(reduction="none")(y, t) * w).sum() / len(w)

    model, twin, own = net(), net(), net()
    by_hand(twin, adam(twin), x, t, epochs=2, batch_size=8, seed=0, loss=weighted, w=w)
    tj.fit(model, (x, t, w), nn.CrossEntropyLoss(), adam(model), epochs=2, batch_size=8, seed=0,
           verbose=0)
    tj.fit(own, (x, t, w), weighted, adam(own), epochs=2, batch_size=8, seed=0, verbose=0)
    assert_equal(model, twin)
    assert_equal(own, twin)
    alone = net()
    tj.fit(alone, (x, t, np.ones(30, np.float32)), nn.CrossEntropyLoss(), adam(alone), epochs=2,
           batch_size=8, seed=0, verbose=0)
    plain = net()
    tj.fit(plain, (x, t), nn.CrossEntropyLoss(), adam(plain), epochs=2, batch_size=8, seed=0,
           verbose=0)
    np.testing.assert_allclose(alone[0].weight.numpy(), plain[0].weight.numpy(), rtol=1e-4)


def test_lbfgs_is_given_the_closure_it_needs():
    x = np.linspace(-1, 1, 20, dtype=np.float32).reshape(20, 1)
    model = nn.Linear(1, 1)
    history = tj.fit(
        model, (x, 3 * x - 2), nn.MSELoss(), optim.LBFGS(model.parameters(), line_search_fn="strong_wolfe"),
        epochs=3, batch_size=20, metrics=[lambda y, t: abs(y - t).detach()], verbose=0,
    )
    assert history["loss"][-1] < 1e-8
    np.testing.assert_allclose(model.weight.numpy(), [[3.0]], atol=1e-4)


def test_the_modes_are_as_before_and_frozen_parts_stay_frozen():
    model = net(norm=True, dropout=0.5)
    norm = model[2]
    norm.eval()
    modes = []
    tj.fit(model, data(), nn.CrossEntropyLoss(), adam(model), epochs=2, validation=0.2, verbose=0,
           callbacks=[tj.train.On(
               batch_end=lambda run: modes.append((model.training, norm.training)),
               validation_begin=lambda run: modes.append("v"))])
    assert set(modes) == {(True, False), "v"}
    assert model.training
    assert not norm.training
    model.eval()
    tj.fit(model, data(), nn.CrossEntropyLoss(), adam(model), verbose=0,
           callbacks=[tj.train.On(batch_end=lambda run: modes.append(model[0].training))])
    assert modes[-1] is True
    assert not model[0].training
    before = norm.running_mean.numpy().copy()
    tj.predict(model.train(), data()[0])
    assert model.training
    np.testing.assert_array_equal(norm.running_mean.numpy(), before)


def test_predict_and_evaluate_are_in_evaluation_mode_and_record_nothing():
    model = net(dropout=0.5)
    x, t = data()
    y = tj.predict(model, x, batch_size=8)
    assert y.shape == (50, 3)
    assert not y.requires_grad
    assert tj.equal(y, tj.predict(model, tj.tensor(x), batch_size=50).detach()) or np.allclose(
        y.numpy(), tj.predict(model, x, batch_size=50).numpy(), atol=1e-6
    )
    assert tj.evaluate(model, (x, t), nn.CrossEntropyLoss()) == tj.evaluate(
        model, TensorDataset(x, t), nn.CrossEntropyLoss()
    )


# ── what goes wrong is said ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("change", "kind", "words"), [
    ({"loss": nn.MSELoss}, errors.ArgumentError, "MSELoss"),
    ({"loss": "mse"}, errors.ArgumentError, "str"),
    ({"data": 3}, errors.ArgumentError, "int"),
    ({"data": (1, 2, 3, 4)}, errors.ArgumentError, "4"),
    ({"data": (np.ones((3, 3), np.float32), np.ones(4))}, errors.ShapeError, "3.*4"),
    ({"epochs": -1}, errors.OptionError, "epochs"),
    ({"batch_size": 0}, errors.OptionError, "batch_size"),
    ({"validation": 1.5}, errors.OptionError, "1.5"),
    ({"verbose": 7}, errors.OptionError, "7"),
    ({"metrics": [3]}, errors.ArgumentError, "int"),
    ({"loss_weights": [1.0]}, errors.OptionError, "loss_weights"),
    ({"data": iter([])}, errors.OptionError, "steps_per_epoch"),
    ({"data": [np.ones(3)]}, errors.ArgumentError, "ndarray"),
    ({"resume": True}, errors.OptionError, "checkpoint"),
    ({"schedule_by": "week", "scheduler": 1}, errors.OptionError, "week"),
])
def test_what_makes_no_sense_is_refused(change, kind, words):
    model = net()
    given = {"data": data(), "loss": nn.CrossEntropyLoss(), "optimizer": adam(model), "verbose": 0}
    before = net()
    with pytest.raises(kind, match=words):
        tj.fit(model, **{**given, **change})
    assert_equal(model, before)


def test_a_used_up_iterator_is_noticed_in_the_second_epoch():
    model = net()
    x, t = data()
    with pytest.raises(errors.OptionError, match="steps_per_epoch"):
        tj.fit(model, iter([(tj.tensor(x), tj.tensor(t))]), nn.CrossEntropyLoss(), adam(model),
               epochs=2, verbose=0)


def test_a_share_of_a_loader_cannot_be_set_aside():
    model = net()
    with pytest.raises(errors.OptionError, match="random_split"):
        tj.fit(model, DataLoader(TensorDataset(*data())), nn.CrossEntropyLoss(), adam(model),
               validation=0.2, verbose=0)
    kept, aside = random_split(TensorDataset(*data()), [0.8, 0.2], seed=0)
    history = tj.fit(model, DataLoader(kept, 8), nn.CrossEntropyLoss(), adam(model),
                     validation=aside, verbose=0)
    assert "val_loss" in history


# ── compiled ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("metrics", [(), (accuracy,)])
@pytest.mark.parametrize("compile", [True, "auto"])
def test_a_compiled_step_learns_the_same(metrics, compile, monkeypatch):
    monkeypatch.setattr(worth, "MANY", 1)
    models = net(), net()
    histories = [
        tj.fit(model, data(), nn.CrossEntropyLoss(), adam(model), epochs=4, batch_size=8, seed=1,
               metrics=metrics, clip_norm=1.0, compile=how, verbose=0)
        for model, how in zip(models, (False, compile), strict=True)
    ]
    assert list(histories[0]) == list(histories[1])
    for name in histories[0]:
        np.testing.assert_allclose(histories[0][name], histories[1][name], rtol=1e-4)
    for a, b in zip(models[0].parameters(), models[1].parameters(), strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), atol=1e-5)


def test_a_long_training_compiles_unasked(monkeypatch):
    asked = []
    monkeypatch.setattr(worth, "is_worth_it", lambda parts, steps: asked.append(steps))
    model = net()
    tj.fit(model, data(), nn.CrossEntropyLoss(), adam(model), epochs=5, batch_size=8, verbose=0)
    assert asked[-1] == 5 * -(-len(data()[0]) // 8)


def test_what_cannot_be_compiled_goes_on_without_or_says_so(monkeypatch):
    def loss(y, t):
        value = nn.CrossEntropyLoss()(y, t)
        return value * 2 if value.item() > 100 else value

    model, twin = net(), net()
    by_hand(twin, adam(twin), *data(), epochs=2, batch_size=8, seed=1, loss=loss)
    options = {"epochs": 2, "batch_size": 8, "seed": 1, "verbose": 0}
    monkeypatch.setattr(worth, "MANY", 1)
    tj.fit(model, data(), loss, adam(model), compile="auto", **options)  # a loss of the user's own
    assert_equal(model, twin)
    with pytest.raises(errors.CompileError):
        tj.fit(model, data(), loss, adam(model), compile=True, **options)
    with pytest.raises(errors.OptionError):
        tj.fit(model, data(), loss, adam(model), compile=3, **options)


# ── losses ──────────────────────────────────────────────────────────────────────────────────────


def test_weights_per_output_and_sums():
    from tinygrad_jp.train.criterion import as_criterion

    rng = np.random.default_rng(0)
    y = {"a": tj.tensor(rng.random((6, 2))), "b": tj.tensor(rng.random(6))}
    t = {"a": tj.tensor(rng.random((6, 2))), "b": tj.tensor(rng.random(6))}
    w = {"a": tj.tensor(rng.random(6)), "b": tj.tensor(rng.random(6))}
    both = as_criterion({"a": nn.MSELoss(), "b": nn.L1Loss(reduction="sum")}, {"b": 0.25})
    squares = (((y["a"] - t["a"]).numpy() ** 2).mean(1) * w["a"].numpy()).mean()
    distances = (abs((y["b"] - t["b"]).numpy()) * w["b"].numpy()).sum()
    assert both(y, t, w).item() == pytest.approx(squares + 0.25 * distances)
    total, parts = both.parts(y, t, w["b"])
    assert total.item() == pytest.approx(parts[0].item() + 0.25 * parts[1].item())
    assert as_criterion(both) is both
    for wrong in ([nn.MSELoss], [3], {"a": "mse"}):
        with pytest.raises(errors.ArgumentError):
            as_criterion(wrong)
    with pytest.raises(errors.OptionError, match="c"):
        as_criterion({"a": nn.MSELoss()}, {"c": 1.0})


def test_a_loss_is_not_changed_by_weighing():
    from tinygrad_jp.train.criterion import as_criterion

    loss = nn.CrossEntropyLoss(weight=[1.0, 2.0, 3.0])
    criterion = as_criterion(loss)
    y, t = tj.rand(4, 3), tj.tensor([0, 1, 2, 1])
    each = nn.CrossEntropyLoss(weight=[1.0, 2.0, 3.0], reduction="none")(y, t)
    assert criterion(y, t, tj.ones(4)).item() == pytest.approx(each.mean().item())
    assert loss.reduction == "mean"
    assert criterion(y, t).item() == loss(y, t).item()


def test_a_task_of_ones_own():
    class Median(tj.train.Task):
        """Move a number toward the median: no Tensor anywhere."""

        def __init__(self):
            self.value = 0.0

        def train_step(self, x):
            self.value += 0.1 * np.sign(x.numpy() - self.value).mean()
            return abs(x.numpy() - self.value).mean()

        def evaluate_step(self, x):
            return abs(x.numpy() - self.value).mean()

        def state_dict(self):
            return {"value": self.value}

        def load_state_dict(self, state):
            self.value = state["value"]

    x = np.array([1.0, 2.0, 3.0, 4.0, 100.0])
    task = Median()
    feed = tj.train.as_feed((x,), 5)
    history = tj.train.train(task, feed, epochs=300, validation=feed)
    assert task.value == pytest.approx(3.0, abs=0.15)
    assert history["val_loss"][-1] == pytest.approx(abs(x - 3).mean(), abs=0.1)


def test_a_task_that_lacks_a_step_says_which():
    feed = tj.train.as_feed((np.ones(3),), 3)
    with pytest.raises(errors.ArgumentError, match=r"Task has no train_step\(x, t\)"):
        tj.train.train(tj.train.Task(), feed)

    class Half(tj.train.Task):
        def train_step(self, x):
            return 0.0

    with pytest.raises(errors.ArgumentError, match=r"Half has no evaluate_step\(x, t\)"):
        tj.train.train(Half(), feed, validation=feed)


def test_an_optimizer_of_another_model_is_refused():
    with pytest.raises(errors.OptionError, match=r"model\.parameters"):
        tj.fit(net(), data(), nn.CrossEntropyLoss(), adam(net()), verbose=0)


def test_batches_of_arrays_and_of_another_librarys_tensors():
    class Foreign:
        def __init__(self, array):
            self.array = array

        def detach(self):
            return self.array

    x, t = data(16)
    runs = []
    for kind in (tj.tensor, np.asarray, Foreign):
        for form in (tuple, list):
            model = net()
            given = [form([kind(x[:8]), kind(t[:8])]), form([kind(x[8:]), kind(t[8:])])]
            tj.fit(model, given, nn.CrossEntropyLoss(), adam(model), epochs=2, verbose=0)
            runs.append(model)
    for model in runs[1:]:
        assert_equal(model, runs[0])


def test_a_generator_may_use_its_arrays_again():
    x, t = data(40)

    def reusing():
        xs, ts = np.empty((8, 3), np.float32), np.empty(8, np.int64)
        for i in range(0, 40, 8):
            xs[:], ts[:] = x[i : i + 8], t[i : i + 8]
            yield xs, ts

    model, twin = net(), net()
    tj.fit(model, reusing(), nn.CrossEntropyLoss(), adam(model), metrics=[accuracy], verbose=0)
    tj.fit(twin, DataLoader(TensorDataset(x, t), 8), nn.CrossEntropyLoss(), adam(twin), verbose=0)
    assert_equal(model, twin)
