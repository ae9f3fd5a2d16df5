"""Each illness is found where it is, and not where something only looks like it."""

from __future__ import annotations

import importlib.util
import io
import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import tinygrad_jp as tj
from tinygrad_jp import data, nn
from tinygrad_jp.errors import (
    ArgumentError,
    GradientError,
    OptionError,
    ShapeError,
    set_language,
)
from tinygrad_jp.nn.functional import cross_entropy, log_softmax

RNG = np.random.default_rng(0)
X = RNG.standard_normal((64, 4)).astype(np.float32)
LABELS = RNG.integers(0, 3, 64)
Y = RNG.standard_normal((64, 1)).astype(np.float32)


@pytest.fixture(autouse=True)
def _seed():
    tj.manual_seed(0)


def kinds(report):
    return sorted({f.kind for f in report.findings})


def found(report, kind):
    return next(f for f in report.findings if f.kind == kind)


def mlp(*widths, act=nn.ReLU):
    layers = []
    for a, b in pairwise(widths[:-1]):
        layers += [nn.Linear(a, b), act()]
    return nn.Sequential(*layers, nn.Linear(*widths[-2:]))


def classify(model, x=X, t=LABELS):
    return tj.diagnose(model, x, t, nn.CrossEntropyLoss(), lang="en")


# ── healthy ─────────────────────────────────────────────────────────────────────────────────────


def example(name):
    path = Path(__file__).resolve().parents[3] / "examples" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"healthy_{name}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("hidden", [1, 3, 20])
@pytest.mark.parametrize("passes", [0, 300, 1500])
def test_moons_is_healthy(hidden, passes):
    moons = example("moons")
    x, t = data.make_moons(200, noise=0.2, random_state=0)
    model = moons.build_model(x, t, hidden, passes) if passes else moons.first_weights(hidden)
    report = tj.diagnose(moons.total_loss(model, x, t), names=model)
    assert report.findings == []
    assert report.healthy
    assert [row.place.partition(" ")[0] for row in report.layers] == ["W1", "W2"]


def digits(std, passes):
    (x, t), _ = data.load_mnist_5k(one_hot_label=True)
    net = example("two_layer_net").TwoLayerNet(784, 50, 10, weight_init_std=std)
    rng = np.random.default_rng(0)
    for _ in range(passes):
        chosen = rng.choice(len(x), 100)
        net.gradient(x[chosen], t[chosen])
        with tj.no_grad():
            for p in net.params.values():
                p -= 0.1 * p.grad
    return tj.diagnose(net.loss(x[:100], t[:100]), names=net.params)


@pytest.mark.parametrize("passes", [0, 300])
def test_two_layer_net_is_healthy(passes):
    report = digits(0.01, passes)
    assert report.findings == []
    assert [row.shape for row in report.layers] == [(100, 50), (100, 10)]


@pytest.mark.parametrize("epochs", [0, 10])
@pytest.mark.parametrize("hidden", [(), (8,), (64, 64), (64, 64, 64, 64)])
def test_housing_is_healthy(hidden, epochs):
    housing = example("housing")
    (x, t), (x_test, _) = data.load_boston_housing()
    x = housing.scaled(x, x_test)[0]
    model = housing.network(13, hidden)
    housing.fit(model, x, t, epochs)
    assert tj.diagnose(model, x[:64], t[:64, None], nn.MSELoss()).findings == []


def test_housing_as_it_comes_is_not():
    (x, t), _ = data.load_boston_housing()
    report = tj.diagnose(example("housing").network(13), x[:64], t[:64, None], nn.MSELoss())
    assert found(report, "raw_inputs").numbers["high"] == x[:64].max()


@pytest.mark.parametrize("model", [
    nn.Sequential(nn.Linear(4, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 3)),
    nn.Sequential(nn.Linear(4, 16), nn.LayerNorm(16), nn.GELU(), nn.Linear(16, 3)),
    mlp(4, 32, 32, 32, 3, act=nn.Tanh), mlp(4, 32, 32, 32, 32, 3, act=nn.ReLU),
    mlp(4, 16, 3, act=nn.Sigmoid),
], ids=["batchnorm", "layernorm", "tanh", "relu", "sigmoid"])
def test_ordinary_networks_are_healthy(model):
    assert classify(model).findings == []


class Residual(nn.Module):
    """Twenty blocks; 2²⁰ paths."""

    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(4, 16), nn.Linear(16, 3)
        for i in range(20):
            block = nn.Sequential(nn.LayerNorm(16), nn.Linear(16, 32), nn.GELU(), nn.Linear(32, 16))
            self.add_module(f"block{i}", block)

    def forward(self, x):
        x = self.first(x)
        for i in range(20):
            x = x + self.get_submodule(f"block{i}")(x)
        return self.last(x)


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.q, self.k, self.v, self.o = (nn.Linear(4, 4) for _ in range(4))
        self.out = nn.Linear(4, 3)

    def forward(self, x):
        x = x[:, None] * np.linspace(-1, 1, 5, dtype="f")[:, None]
        weights = tj.softmax(self.q(x) @ np.swapaxes(self.k(x), -1, -2) / 2, -1)
        return self.out((x + self.o(weights @ self.v(x))).mean(1))


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.x, self.h, self.out = nn.Linear(1, 8), nn.Linear(8, 8), nn.Linear(8, 3)

    def forward(self, x):
        h = tj.zeros(len(x), 8)
        for i in range(4):
            h = np.tanh(self.x(x[:, i : i + 1]) + self.h(h))
        return self.out(h)


@pytest.mark.parametrize("kind", [Residual, Attention, Recurrent])
def test_networks_of_other_kinds_are_healthy(kind):
    assert classify(kind()).findings == []


def test_an_autoencoder_with_one_weight_is_healthy():
    w = tj.tensor(0.5 * RNG.standard_normal((4, 2)).astype("f"), requires_grad=True)
    assert tj.diagnose(((np.tanh(X @ w) @ w.T - X) ** 2).mean()).findings == []
    assert tj.diagnose(((X @ w @ w.T - X) ** 2).mean()).findings == []  # principal components


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("ill", [
    lambda: mlp(*[4] * 10, 3, act=nn.Sigmoid), lambda: nn.Sequential(nn.Linear(4, 16), nn.Linear(16, 3)),
    lambda: mlp(4, 8, 3),
], ids=["vanishing", "linear", "healthy"])
def test_what_is_found_does_not_hang_on_the_losss_scale(ill, scale):
    model = ill()
    plain, scaled = (
        tj.diagnose(s * cross_entropy(model(tj.tensor(X)), LABELS), names=model) for s in (1.0, scale)
    )
    assert [(f.kind, f.place) for f in plain.findings] == [(f.kind, f.place) for f in scaled.findings]


# ── signals ─────────────────────────────────────────────────────────────────────────────────────


def test_vanishing_gradients():
    report = classify(mlp(*[4] * 10, 3, act=nn.Sigmoid))
    finding = found(report, "vanishing")
    assert finding.severity == "error"
    assert finding.place == "0.weight (n0)"
    assert finding.numbers["layers"] == 10
    rows = {row.place: row for row in report.layers}
    assert finding.numbers["first"] == rows["0.weight (n0)"].norm
    assert finding.numbers["ratio"] == pytest.approx(rows["0.weight (n0)"].ratio)
    assert finding.numbers["factor"] ** 9 == pytest.approx(finding.numbers["ratio"])


def test_norms_are_those_of_the_layers_outputs():
    model = mlp(4, 8, 3)
    report = classify(model)
    kept = []
    model[0].register_full_backward_hook(lambda m, gi, go: kept.append(go[0]))
    nn.CrossEntropyLoss()(model(tj.tensor(X)), LABELS).backward()
    assert report.layers[0].norm == pytest.approx(float(np.linalg.norm(kept[0].numpy())), rel=1e-5)


def test_exploding_gradients():
    model = mlp(*[16] * 8, 3, act=nn.ReLU)
    for p in model.parameters():
        p.data[...] *= 20
    report = classify(model, RNG.standard_normal((64, 16)).astype("f"))
    assert found(report, "exploding").numbers["ratio"] > 1e3
    assert "vanishing" not in kinds(report)


def test_a_small_loss_does_not_make_gradients_vanish():
    model = mlp(*[16] * 6, 3, act=nn.Tanh)
    x = RNG.standard_normal((64, 16)).astype("f")
    loss = 1e-6 * nn.CrossEntropyLoss()(model(tj.tensor(x)), LABELS)
    assert tj.diagnose(loss, names=model).findings == []


def test_dead_relus():
    model = mlp(4, 20, 3)
    model[0].bias.data[:15] = -100
    finding = found(classify(model), "dead_relu")
    assert (finding.numbers["dead"], finding.numbers["units"]) == (15, 20)
    assert finding.numbers["percent"] == 75
    assert finding.severity == "warning"
    model[0].bias.data[:] = -100
    report = classify(model)
    assert found(report, "dead_relu").severity == "error"
    assert "zero_gradient" in kinds(report)  # of the weights before it


def test_dead_relus_however_written():
    w = tj.tensor(RNG.standard_normal((4, 8)).astype("f"), requires_grad=True)
    v = tj.tensor(RNG.standard_normal((8, 3)).astype("f"), requires_grad=True)
    loss = cross_entropy(np.maximum(X @ w - 100, 0) @ v + 0.1, LABELS)
    assert "dead_relu" in kinds(tj.diagnose(loss))


def test_a_relu_that_is_zero_half_of_the_time_is_alive():
    model = mlp(4, 20, 3)
    model[0].bias.data[:] = -1.0  # most are 0 on most samples, but not on all
    assert "dead_relu" not in kinds(classify(model))


def test_a_batch_of_two_says_nothing_of_a_unit():
    assert "dead_relu" not in kinds(classify(mlp(4, 50, 3), X[:2], LABELS[:2]))


@pytest.mark.parametrize("act", [nn.Sigmoid, nn.Tanh])
def test_saturated_units(act):
    model = mlp(4, 20, 3, act=act)
    model[0].weight.data[...] *= 1000
    finding = found(classify(model), "saturated")
    assert finding.numbers["units"] == 20
    assert finding.numbers["slope"] < 0.01


def test_saturation_of_the_books_own_sigmoid():
    assert found(digits(5.0, 0), "saturated").numbers["name"] == "sigmoid"


def test_a_sure_output_is_not_saturated():
    model = nn.Sequential(nn.Linear(4, 1), nn.Sigmoid())
    model[0].weight.data[...] *= 1000
    t = (X @ model[0].weight.numpy().T > 0).astype("f")
    assert "saturated" not in kinds(tj.diagnose(model, X, t, nn.BCELoss()))


def test_where_nan_arose():
    w = tj.tensor(np.ones(4, "f"), requires_grad=True)
    h = X @ w
    with np.errstate(invalid="ignore"):
        loss = (np.log(h) * 2).sum()
    finding = found(tj.diagnose(loss, lang="en"), "non_finite_arose")
    assert finding.place.startswith("np.log")
    assert finding.numbers["what"] == "NaN"
    assert finding.numbers["count"] == int((h.numpy() < 0).sum())
    assert len([f for f in tj.diagnose(loss).findings if f.kind.startswith("non_finite")]) == 1


def test_nan_in_the_data():
    x = X.copy()
    x[3, 1] = np.nan
    finding = found(classify(mlp(4, 8, 3), x), "non_finite_given")
    assert finding.numbers["count"] == 1


def test_nan_only_on_the_way_back():
    w = tj.tensor([0.0, 4.0], requires_grad=True)
    with np.errstate(divide="ignore"):
        report = tj.diagnose(np.sqrt(w).sum())
    assert found(report, "non_finite_pulled").place.startswith("np.sqrt")


def test_a_mask_of_minus_infinity_is_meant():
    w = tj.tensor(RNG.standard_normal((4, 3)).astype("f"), requires_grad=True)
    mask = np.where(RNG.random((64, 3)) < 0.2, -np.inf, 0.0).astype("f")
    mask[:, 0] = 0
    loss = -(log_softmax(tj.tensor(X) @ w + mask, 1)[:, 0]).mean()
    assert not [k for k in kinds(tj.diagnose(loss)) if k.startswith("non_finite")]


# ── structure ───────────────────────────────────────────────────────────────────────────────────


def test_linear_after_linear():
    report = classify(nn.Sequential(nn.Linear(4, 16), nn.Linear(16, 3)))
    assert kinds(report) == ["linear_linear"]
    assert found(report, "linear_linear").place == "0.weight (n0) → 1.weight (n2)"


def test_linear_after_linear_by_hand():
    w, v = (tj.tensor(RNG.standard_normal(s).astype("f"), requires_grad=True) for s in [(4, 8), (8, 3)])
    b = tj.tensor(np.zeros(8, "f"), requires_grad=True)
    assert "linear_linear" in kinds(tj.diagnose(cross_entropy((X @ w + b) @ v, LABELS)))
    assert "linear_linear" not in kinds(tj.diagnose(cross_entropy(np.tanh(X @ w + b) @ v, LABELS)))


def test_a_factored_matrix_is_meant():
    model = nn.Sequential(nn.Linear(4, 2), nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 3))
    assert "linear_linear" not in kinds(classify(model))


def test_two_heads_are_no_stack():
    a, b = nn.Linear(4, 8), nn.Linear(8, 3)
    h = a(tj.tensor(X))
    loss = cross_entropy(b(h), LABELS) + (h * h).mean()
    assert "linear_linear" not in kinds(tj.diagnose(loss))


@pytest.mark.filterwarnings("ignore::tinygrad_jp.errors.TinygradWarning")
def test_softmax_before_cross_entropy():
    model = nn.Sequential(nn.Linear(4, 3), nn.Softmax(1))
    assert kinds(classify(model)) == ["softmax_twice"]
    w = tj.tensor(RNG.standard_normal((4, 3)).astype("f"), requires_grad=True)
    e = np.exp(X @ w)
    loss = cross_entropy(e / np.sum(e, axis=1, keepdims=True), LABELS)
    assert "softmax_twice" in kinds(tj.diagnose(loss))


def test_softmax_with_its_own_log_is_right():
    w = tj.tensor(RNG.standard_normal((4, 3)).astype("f"), requires_grad=True)
    loss = -np.log(tj.softmax(X @ w, 1))[np.arange(64), LABELS].mean()
    assert tj.diagnose(loss).findings == []


@pytest.mark.filterwarnings("ignore::tinygrad_jp.errors.TinygradWarning")
def test_sigmoid_before_a_loss_with_logits():
    model = nn.Sequential(nn.Linear(4, 1), nn.Sigmoid())
    t = (Y > 0).astype("f")
    assert "sigmoid_twice" in kinds(tj.diagnose(model, X, t, nn.BCEWithLogitsLoss()))
    assert tj.diagnose(model, X, t, nn.BCELoss()).findings == []


@pytest.mark.parametrize("loss", [
    lambda y, t: ((y - t) ** 2).mean(), lambda y, t: np.mean(np.abs(t - y)),
    lambda y, t: np.square(y - t).sum() / 2,
])
def test_a_column_against_a_row(loss):
    model = mlp(4, 8, 1)
    assert "broadcast_loss" in kinds(tj.diagnose(model, X, Y[:, 0], loss))
    assert "broadcast_loss" not in kinds(tj.diagnose(model, X, Y, loss))


def test_all_pairs_are_no_mistake():
    w = tj.tensor(RNG.standard_normal((4,)).astype("f"), requires_grad=True)
    y = X @ w
    assert "broadcast_loss" not in kinds(tj.diagnose(((y[:, None] - y) ** 2).mean()))


# ── weights and data ────────────────────────────────────────────────────────────────────────────


class Forgetful(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = nn.Linear(4, 8), nn.Linear(8, 3), nn.Linear(8, 3)
        self.cut = nn.Linear(4, 3)
        self.scale = nn.Parameter(np.ones(3, "f"))

    def forward(self, x):
        return self.b(self.a(x).relu()) + self.cut(x).detach() * self.scale.data[:1]


def test_parameters_without_part():
    report = classify(Forgetful())
    assert found(report, "unused_parameter").place == "c.weight, c.bias"
    assert found(report, "no_path").place == "scale, cut.weight, cut.bias"


def test_parameters_without_a_path_from_a_loss():
    model = Forgetful()
    loss = cross_entropy(model(tj.tensor(X)), LABELS)
    report = tj.diagnose(loss, names=model)
    assert found(report, "unreached_parameter").numbers["count"] == 5


def test_other_models_beside_it_are_not_blamed():
    model, other = mlp(4, 8, 3), mlp(4, 8, 3)
    loss = cross_entropy(model(tj.tensor(X)), LABELS)
    assert tj.diagnose(loss, names={"model": model, "other": other}).findings == []


def test_a_variable_beside_it_is_only_noted():
    w, other = (tj.tensor(1.0, requires_grad=True) for _ in range(2))
    report = tj.diagnose((w * 2 - 1) ** 2, names={"w": w, "other": other})
    assert kinds(report) == ["unreached_tensor"]
    assert report.healthy


def test_a_graph_whose_arrays_were_changed():
    w = tj.tensor([1.0, 2.0], requires_grad=True)
    h = w * 3
    loss = (h * h).sum()
    h.data[0] = 100.0
    report = tj.diagnose(loss, lang="en")
    assert found(report, "gradient_unknown").severity == "error"
    assert "backward()" in str(tj.explain(loss, w, lang="en"))
    assert "backward()" in tj.explain(loss, w, lang="en").markdown()
    with pytest.raises(GradientError):
        loss.backward()


def test_frozen_parameters_are_meant():
    model = mlp(4, 8, 3)
    model[0].requires_grad_(False)
    assert tj.diagnose(model, X, LABELS, nn.CrossEntropyLoss()).findings == []


def test_units_that_are_all_alike():
    model = mlp(4, 8, 3)
    for p in model.parameters():
        p.data[...] = 0.5
    assert found(classify(model), "symmetric_units").place == "0.weight (n0)"
    for p in model.parameters():
        p.data[...] = 0
    assert found(classify(model), "zero_weights").numbers["units"] == 8


def test_zero_at_the_end_is_a_way_to_begin():
    model = mlp(4, 8, 8, 3)
    model[4].weight.data[...] = 0
    assert not {"symmetric_units", "zero_weights"} & set(kinds(classify(model)))
    assert "zero_weights" not in kinds(classify(nn.Sequential(_zeroed(nn.Linear(4, 3)))))


def _zeroed(layer):
    layer.weight.data[...] = 0
    return layer


def test_two_units_alike_are_no_symmetry():
    model = mlp(4, 8, 3)
    model[0].weight.data[1] = model[0].weight.numpy()[0]
    assert "symmetric_units" not in kinds(classify(model))


def test_inputs_that_are_not_normalised():
    assert "raw_inputs" in kinds(classify(mlp(4, 8, 3), X * 50 + 100))
    pixels = RNG.integers(0, 256, (64, 4)).astype("f")
    finding = found(classify(mlp(4, 8, 3), pixels), "raw_inputs")
    assert finding.numbers["high"] == pixels.max()
    uneven = X * np.array([1, 1, 1, 1e-3], "f") * 5
    assert "raw_inputs" in kinds(classify(mlp(4, 8, 3), uneven))
    for fine in (pixels / 255, (X > 0).astype("f"), X * 3 + 1):
        assert "raw_inputs" not in kinds(classify(mlp(4, 8, 3), fine.astype("f")))


# ── what it is like to use ──────────────────────────────────────────────────────────────────────


def test_nothing_is_touched():
    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 3))
    before = {k: v.numpy().copy() for k, v in model.state_dict().items()}
    state = tj.rand(1)
    tj.manual_seed(5)
    classify(model)
    after = tj.rand(1)
    tj.manual_seed(5)
    assert after.item() == tj.rand(1).item() != state.item()
    assert all(np.array_equal(before[k], v.numpy()) for k, v in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())
    loss = cross_entropy(model(tj.tensor(X)), LABELS)
    tj.diagnose(loss)
    loss.backward()  # the graph is still there


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_every_window_says_it(lang):
    model = nn.Sequential(nn.Linear(4, 8), nn.Linear(8, 3))
    report = tj.diagnose(model, X * 100, LABELS, nn.CrossEntropyLoss(), lang=lang)
    word = {"ja": "正規化", "en": "normalised"}[lang]
    for text in (str(report), repr(report), report.markdown(), report.html(), report._repr_html_()):
        assert word in text
        assert "0.weight" in text
    assert json.loads(json.dumps(report.to_dict()))["findings"][0]["kind"]
    rich = pytest.importorskip("rich.console")
    console = rich.Console(width=200, record=True, file=io.StringIO())
    console.print(report)
    assert word in console.export_text()


def test_the_language_in_force_is_asked_late():
    report = tj.diagnose(nn.Sequential(nn.Linear(4, 8), nn.Linear(8, 3)), X, LABELS, nn.CrossEntropyLoss())
    set_language("ja")
    assert "診断" in str(report)
    set_language("en")
    assert "Diagnosis" in str(report)
    set_language(None)


class Careless(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(4, 8)

    def forward(self, x):
        with np.errstate(invalid="ignore"):
            return np.log(self.a(x))


def test_the_source_line_is_told():
    report = tj.diagnose(Careless(), X, lang="en")
    finding = found(report, "non_finite_arose")
    assert "return np.log(self.a(x))" in finding.line
    for text in (str(report), report.markdown().replace("\\", ""), report.html()):
        assert "np.log(self.a(x))" in text


@pytest.mark.parametrize(("lang", "word"), [("ja", "死んだ ReLU"), ("en", "dead ReLU")])
def test_the_places_are_marked_on_the_drawing(lang, word):
    model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 3))
    model[0].bias.data[...] = -1000
    report = tj.diagnose(model, X, LABELS, nn.CrossEntropyLoss(), lang=lang)
    drawing = report.draw(direction="TB")
    nodes = {node for finding in report.findings for node in finding.nodes}
    assert set(drawing.look.marks) == nodes
    assert word in drawing.look.marks[found(report, "dead_relu").nodes[0]]
    assert word in drawing.dot
    assert word in report.draw(depth=0).dot  # on the box that stands for the model


def test_names_are_escaped():
    w = tj.tensor(np.zeros((4, 3), "f"), requires_grad=True)
    w.name = "</script><img onerror=alert(1)>|`"
    report = tj.diagnose(cross_entropy(X * 100 @ w, LABELS))
    assert report.findings or report.layers
    assert "<img" not in report.html()
    assert "<img" not in report.markdown().replace("\\<", "")


def test_the_worst_comes_first():
    model = nn.Sequential(nn.Linear(4, 16), nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 3))
    model[1].bias.data[...] = -1000
    severities = [f.severity for f in classify(model).findings]
    assert severities[0] == "error"
    assert severities == sorted(severities, key=["error", "warning", "note"].index)


def test_a_model_without_a_loss():
    report = tj.diagnose(mlp(4, 8, 3), X, lang="en")
    assert report.stands_in
    assert "No loss was given" in str(report)


def test_what_cannot_be_diagnosed():
    model = mlp(4, 8, 3)
    with pytest.raises(ArgumentError, match="Module"):
        tj.diagnose(3.0)
    with pytest.raises(OptionError):
        tj.diagnose(model, X, lang="fr")
    with pytest.raises(ArgumentError, match="loss_fn"):
        tj.diagnose(model, X, LABELS)
    with pytest.raises(ArgumentError, match="MSELoss"):
        tj.diagnose(model, X, Y, "mse")
    with pytest.raises(ArgumentError, match="Sequential"):
        tj.diagnose(model)
    y = model(tj.tensor(X))
    with pytest.raises(ShapeError, match="mean"):
        tj.diagnose(y)
    with pytest.raises(ArgumentError):
        tj.diagnose(y.mean(), X)
    loss = y.mean()
    loss.backward()
    with pytest.raises(GradientError):
        tj.diagnose(loss)
