"""A Recorder's numbers are those of the training, and it leaves no trace."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

import tinygrad_jp as tj
from tinygrad_jp import nn, optim
from tinygrad_jp.errors import ArgumentError, GradientError, OptionError, set_language

RNG = np.random.default_rng(0)
X = RNG.standard_normal((32, 4)).astype("f")
T = RNG.integers(0, 3, 32)
LOSS = nn.CrossEntropyLoss()


def network():
    tj.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))


def train(model, steps, record=None, lr=0.1):
    sgd = optim.SGD(model.parameters(), lr=lr)
    losses = []
    for _ in range(steps):
        sgd.zero_grad()
        loss = LOSS(model(tj.tensor(X)), T)
        loss.backward()
        sgd.step()
        losses.append(loss.item())
        if record is not None:
            record.step(loss)
    return losses


def norm(x):
    return float(np.linalg.norm(x))


def test_numbers_of_one_step():
    model, twin = network(), network()
    before = {name: p.numpy().copy() for name, p in model.named_parameters()}
    with tj.Recorder(model) as record:
        losses = train(model, 1, record)
    h = twin[0](tj.tensor(X))
    r = twin[1](h)
    z = twin[2](r)
    for t in (h, r, z):
        t.retain_grad()
    LOSS(z, T).backward()
    for path, t in (("0", h), ("1", r), ("2", z)):
        found, y = record.modules[path], t.detach().numpy()
        assert found["norm"] == [pytest.approx(norm(y), rel=1e-5)]
        assert found["mean"] == [pytest.approx(float(y.mean()), abs=1e-6)]
        assert found["std"] == [pytest.approx(float(y.std()), rel=1e-5)]
        assert found["gradient"] == [pytest.approx(norm(t.grad.numpy()), rel=1e-5)]
    dead = float((r.detach().numpy() <= 0).all(0).mean())
    assert record.modules["1"]["dead"] == [dead]
    assert "dead" not in record.modules["0"]
    for name, p in twin.named_parameters():
        found = record.parameters[name]
        assert found["gradient"] == [pytest.approx(norm(p.grad.numpy()), rel=1e-5)]
        assert found["update"] == [pytest.approx(0.1 * norm(p.grad.numpy()), rel=1e-4)]
        after = dict(model.named_parameters())[name].numpy()
        assert found["norm"] == [pytest.approx(norm(after), rel=1e-5)]
        assert not np.array_equal(after, before[name])
    assert record.losses == losses


def test_training_is_the_same_and_leaves_no_hooks():
    model, twin = network(), network()
    with tj.Recorder(model) as record:
        recorded = train(model, 20, record)
    assert recorded == train(twin, 20)
    assert all(m._hooks is None for m in model.modules())
    for (_, a), (_, b) in zip(model.named_parameters(), twin.named_parameters(), strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


def test_hooks_of_the_users_own_stay():
    model = network()
    seen = []
    model[0].register_forward_hook(lambda m, a, y: seen.append(1))
    with tj.Recorder(model) as record:
        train(model, 2, record)
    train(model, 1)
    assert len(seen) == 3


def test_memory_is_bounded():
    model = network()
    with tj.Recorder(model, most=16) as record:
        losses = train(model, 200, record)
    assert 8 <= len(record) <= 16
    assert record.every == 16 or record.every == 32
    assert record.steps == list(range(1, 201, record.every))[: len(record)]
    assert record.losses == [losses[s - 1] for s in record.steps]
    for columns in (*record.modules.values(), *record.parameters.values()):
        assert {len(column) for column in columns.values()} == {len(record)}
        assert all(math.isfinite(v) for column in columns.values() for v in column)


def test_updates_are_of_one_step_when_thinned():
    model = network()
    with tj.Recorder(model, most=4) as record:
        train(model, 50, record)
    for columns in record.parameters.values():
        np.testing.assert_allclose(columns["update"], np.multiply(0.1, columns["gradient"]), rtol=1e-3)


def test_only_training_is_recorded():
    model = network()
    with tj.Recorder(model) as record:
        sgd = optim.SGD(model.parameters(), lr=0.1)
        loss = LOSS(model(tj.tensor(X)), T)
        loss.backward()
        sgd.step()
        model.eval()
        model(tj.tensor(X * 100))
        model.train()
        model(tj.tensor(X * 100))
        with tj.no_grad():
            model(tj.tensor(X * 100))
        record.step(loss)
    assert record.modules["0"]["norm"][0] < 100


def test_a_module_that_comes_later():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(4, 3), nn.Linear(4, 3)
            self.use_b = False

        def forward(self, x):
            return self.a(x) + self.b(x) if self.use_b else self.a(x)

    model = Two()
    with tj.Recorder(model) as record:
        train(model, 2, record)
        model.use_b = True
        train(model, 2, record)
    assert [math.isnan(v) for v in record.modules["b"]["norm"]] == [True, True, False, False]
    assert [math.isnan(v) for v in record.parameters["b.weight"]["gradient"]] == [True, True, False, False]
    assert record.to_dict()["modules"]["b"]["norm"][:2] == [None, None]


def test_layers_that_do_not_learn():
    model = network()
    model[0].requires_grad_(False)
    with tj.Recorder(model) as record:
        loss = LOSS(model(tj.tensor(X)), T)
        loss.backward()
        record.step(loss)
    assert math.isnan(record.modules["0"]["gradient"][0])
    assert record.modules["0"]["norm"][0] > 0
    assert math.isnan(record.parameters["0.weight"]["gradient"][0])
    assert record.parameters["0.weight"]["update"] == [0.0]


def test_half_precision_does_not_overflow():
    model = network().to(tj.float16)
    with tj.Recorder(model) as record:
        y = model(tj.tensor((X * 100).astype(np.float16)))
        (y.float() * 1e-3).sum().backward()
        record.step()
    assert math.isfinite(record.modules["0"]["norm"][0])
    assert math.isnan(record.losses[0])


def test_a_compiled_step_runs_and_says_that_it_cannot_be_recorded():
    model = network()
    sgd = optim.SGD(model.parameters(), lr=0.1)

    def step(x):
        sgd.zero_grad()
        loss = LOSS(model(x), T)
        loss.backward()
        sgd.step()
        return loss

    compiled = tj.compile(step)
    with tj.Recorder(model) as record:
        losses = [compiled(tj.tensor(X)).item() for _ in range(3)]
        with pytest.raises(GradientError, match="compile"):
            record.step()
    assert losses == pytest.approx(train(network(), 3), rel=1e-5)


def test_a_layer_by_itself():
    model = nn.Linear(4, 3)
    with tj.Recorder(model) as record:
        train(model, 2, record)
    assert list(record.modules) == [""]


def test_as_a_callback():
    model = network()
    record = tj.Recorder(model)
    tj.fit(model, (tj.tensor(X), tj.tensor(T)), LOSS, optim.SGD(model.parameters(), lr=0.1), epochs=3,
           batch_size=8, callbacks=[record], verbose=0)
    assert len(record) == 12
    assert all(math.isfinite(v) for v in record.losses)
    assert all(math.isfinite(v) for v in record.parameters["0.weight"]["gradient"])
    assert all(m._hooks is None for m in model.modules())


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_plots(tmp_path, lang):
    pytest.importorskip("matplotlib_fontja")
    model = network()
    with tj.Recorder(model) as record:
        train(model, 5, record)
    if lang == "en":
        assert "<svg" in record.plot(tmp_path / "a.svg", lang=lang).read_text()
    else:
        set_language("ja")
        assert record._repr_png_().startswith(b"\x89PNG")
        set_language(None)


def test_plot_of_zeros_and_of_many_layers(tmp_path):
    pytest.importorskip("matplotlib_fontja")
    model = nn.Sequential(*[nn.Linear(4, 4, bias=False) for _ in range(30)])
    for p in model.parameters():
        p.data[...] = 0
    with tj.Recorder(model) as record:
        model(tj.tensor(X)).sum().backward()
        record.step(0.5)
    assert record.plot(tmp_path / "a.png").exists()


def test_to_dict_is_json():
    model = network()
    with tj.Recorder(model) as record:
        train(model, 3, record)
    data = json.loads(json.dumps(record.to_dict(), allow_nan=False))
    assert data["steps"] == [1, 2, 3]
    assert data["modules"]["1"]["kind"] == "ReLU"
    assert list(data["modules"]) == ["0", "1", "2"]
    assert len(data["parameters"]["0.weight"]["update"]) == 3


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_pages(tmp_path, lang):
    pytest.importorskip("latex2mathml")
    model = network()
    with tj.Recorder(model) as record:
        train(model, 3, record)
    before = [p.numpy().copy() for p in model.parameters()]
    text = record.save(tmp_path / "training.html", lang=lang).read_text(encoding="utf-8")
    assert f'lang="{lang}"' in text
    assert '"history":' in text
    assert "0.weight" in text
    loss = LOSS(model(tj.tensor(X)), T)
    assert "cross_entropy" in record.save(tmp_path / "loss.html", loss).read_text(encoding="utf-8")
    assert json.loads(record.save(tmp_path / "a.json").read_text("utf-8")) == record.to_dict()
    with pytest.raises(OptionError, match=r"\.html"):
        record.save(tmp_path / "a.png")
    for p, old in zip(model.parameters(), before, strict=True):
        np.testing.assert_array_equal(p.numpy(), old)
        assert p.grad is not None


def test_errors(tmp_path):
    with pytest.raises(ArgumentError):
        tj.Recorder(3)
    for most in (1, 2.5):
        with pytest.raises(OptionError):
            tj.Recorder(network(), most=most)
    record = tj.Recorder(network())
    with pytest.raises(GradientError, match="with"):
        record.step()
    with pytest.raises(GradientError):
        record.plot(tmp_path / "a.png")
    assert record._repr_png_() is None
    with pytest.raises(GradientError):
        record.save(tmp_path / "a.html")
    with record:
        with tj.no_grad():
            record.model(tj.tensor(X))
        with pytest.raises(GradientError, match="Sequential"):
            record.step()
