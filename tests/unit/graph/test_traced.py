"""A Module or a function is run to be drawn: exact groups, names, lines, and no trace of the run."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import tinygrad_jp as tj
from tinygrad_jp import draw, nn
from tinygrad_jp.autograd import apply as engine
from tinygrad_jp.errors import ArgumentError, GradientError, OptionError, ShapeError


class TwoLayerNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.affine1 = nn.Linear(4, 8)
        self.relu = nn.ReLU()
        self.affine2 = nn.Linear(8, 3)

    def forward(self, pixels):
        return self.affine2(self.relu(self.affine1(pixels)))


def of(drawing, path):
    graph = drawing.graph
    (group,) = [g for g in graph.groups if g.path == path]
    nodes = {n.id: n for n in graph.nodes}
    return group, [nodes[i] for i in group.members]


X = np.arange(20.0, dtype="f").reshape(5, 4)


def test_a_module_is_run_and_its_modules_are_groups_activations_too():
    drawing = draw(TwoLayerNet(), X)
    assert [(g.label, g.kind, g.parent) for g in drawing.graph.groups] == [
        ("", "TwoLayerNet", None), ("affine1", "Linear", "g0"), ("relu", "ReLU", "g0"),
        ("affine2", "Linear", "g0"),
    ]
    _, members = of(drawing, "relu")
    assert [n.label for n in members] == ["relu"]
    _, members = of(drawing, "affine1")
    assert {n.name for n in members if n.kind == "leaf"} == {"affine1.weight", "affine1.bias"}
    outside = {n.id for n in drawing.graph.nodes} - {
        i for g in drawing.graph.groups for i in g.members
    }
    (name,) = [n.name for n in drawing.graph.nodes if n.id in outside]
    assert name == "pixels"  # as forward calls it


def test_a_shape_is_an_example_input():
    drawing = draw(TwoLayerNet(), (7, 4))
    assert drawing.graph.outputs[0].shape == (7, 3)
    assert_array_equal(
        drawing.graph.outputs[0].value.shape, draw(TwoLayerNet(), (7, 4)).graph.outputs[0].shape
    )
    tokens = nn.Sequential(nn.Embedding(10, 3), nn.Linear(3, 2))
    assert draw(tokens, np.array([1, 2])).graph.outputs[0].shape == (2, 2)


def test_a_module_called_twice_is_two_groups():
    shared = nn.Linear(3, 3)

    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = shared

        def forward(self, x):
            return self.layer(self.layer(x).tanh())

    drawing = draw(Twice(), np.ones((2, 3), "f"), lang="en")
    calls = [g for g in drawing.graph.groups if g.path == "layer"]
    assert [g.call for g in calls] == [1, 2]
    labels = {n.id: n.label for n in drawing.graph.nodes}
    inside = [[labels[i] for i in g.members if labels[i]] for g in calls]
    assert inside == [["linear"], ["linear"]]
    assert "layer: Linear (call 2)" in drawing.dot
    root = drawing.graph.groups[0]
    assert [labels[i] for i in root.members] == ["np.tanh"]


def test_nested_modules():
    model = nn.Sequential(nn.Sequential(nn.Linear(2, 2), nn.Tanh()), nn.Linear(2, 1))
    groups = draw(model, np.ones((1, 2), "f")).graph.groups
    assert [(g.path, g.parent) for g in groups] == [
        ("", None), ("0", "g0"), ("0.0", "g1"), ("0.1", "g1"), ("1", "g0"),
    ]
    assert [g.label for g in groups] == ["", "0", "0", "1", "1"]


def test_a_function_finds_the_model_that_it_uses():
    net = TwoLayerNet()
    measure = nn.MSELoss()
    target = tj.Tensor(np.zeros((5, 3), "f"))

    def loss(x):
        return measure(net(x), target)

    drawing = draw(loss, X)
    assert {g.path for g in drawing.graph.groups} >= {"net", "net.relu", "measure"}
    names = {n.name for n in drawing.graph.nodes}
    assert {"x", "target", "net.affine1.weight"} <= names
    (x,) = [n for n in drawing.graph.nodes if n.name == "x"]
    assert x.kind == "leaf"
    assert x.gradient.shape == (5, 4)


def test_a_method_of_a_module():
    class Model(TwoLayerNet):
        def loss(self, x):
            return self(x).sum()

    groups = draw(Model().loss, tj.Tensor(X)).graph.groups
    assert [g.path for g in groups][:2] == ["", "affine1"]


def test_arguments_of_a_function():
    drawing = draw(lambda a, n: a**n, 3.0, 2)
    assert [n.name for n in drawing.graph.nodes if n.kind == "leaf"] == ["a"]
    assert drawing.graph.nodes[0].gradient == 6
    assert draw(lambda a: a * 3, 2).graph.nodes[0].gradient == 3  # a whole number by itself
    drawing = draw(lambda a, b: (a * b).sum(), [1.0, 2.0], np.array([3, 4]))
    assert [n.kind for n in drawing.graph.nodes if n.name] == ["leaf"]
    assert draw(np.sin, 0.5).graph.nodes[0].name == "x"


def test_numbers_that_a_rule_does_not_need_are_known():
    drawing = draw(lambda x: (x + 3 - np.array([1.0, 2.0])).sum(), [1.0, 2.0])
    constants = [n for n in drawing.graph.nodes if n.kind == "constant"]
    assert constants[0].value == 3
    assert_array_equal(constants[1].value, [1, 2])
    assert drawing.graph.outputs[0].value == 6


def test_source_lines():
    def f(x):
        y = np.sin(x)
        return y * 2

    found = [n.line for n in draw(f, 1.0).graph.nodes if n.kind == "operation"]
    assert "y = np.sin(x)" in found[0]
    assert "return y * 2" in found[1]
    assert found[0].startswith("test_traced.py:"), "no folder of this machine"


def test_the_line_that_asks_for_a_drawing_made_no_operation():
    drawing = draw(nn.Sequential(nn.Linear(2, 2), nn.Tanh()), (3, 2))
    lines = [n.line for n in drawing.graph.nodes if n.kind == "operation"]
    assert [line.partition(":")[0] for line in lines] == ["linear.py", "activation.py"]
    assert draw(np.sin, 1.0).graph.outputs[0].line is None
    derived = [n.line for n in draw(np.sin, 1.0, order=2).graph.nodes]
    assert derived == [None] * len(derived), "nor did it the backward pass"
    in_a_line = draw(lambda x: np.sin(x), 1.0)
    assert "np.sin(x)" in in_a_line.graph.outputs[0].line


def test_a_dict_of_results_names_them():
    drawing = draw(lambda x: {"double": x * 2, "square": x * x}, 3.0)
    assert [n.name for n in drawing.graph.outputs] == ["double", "square"]


def test_the_run_leaves_no_trace():
    model = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.Dropout(0.5))
    before = {k: v.numpy().copy() for k, v in model.state_dict().items()}
    buffers = list(model.buffers())
    tj.manual_seed(3)
    first = tj.rand(2).numpy().copy()
    tj.manual_seed(3)
    draw(model, np.random.default_rng(0).normal(size=(4, 3)).astype("f"))
    assert_array_equal(tj.rand(2).numpy(), first)
    for key, value in model.state_dict().items():
        assert_array_equal(value.numpy(), before[key], err_msg=key)
    assert all(a is b for a, b in zip(model.buffers(), buffers, strict=True))
    assert all(p.grad is None for p in model.parameters())
    assert all(m._hooks is None for m in model.modules())
    assert engine.watchers == []


def test_a_run_that_fails_leaves_no_trace_either():
    net = TwoLayerNet()
    with pytest.raises(ShapeError):
        draw(net, np.ones((5, 9), "f"))
    assert all(m._hooks is None for m in net.modules())
    assert engine.watchers == []


def test_a_run_is_recorded_even_under_no_grad():
    with tj.no_grad():
        assert len(draw(lambda x: x * 2, 1.0).graph.nodes) == 3


@pytest.mark.parametrize(
    ("run", "kind", "key"),
    [
        (lambda: draw(TwoLayerNet()), ArgumentError, "draw_no_input"),
        (lambda: draw(lambda: 3), ArgumentError, "draw_no_result"),
        (lambda: draw(lambda: tj.Tensor(1.0)), GradientError, "draw_no_graph"),
        (lambda: draw(3), ArgumentError, "draw_not_a_tensor"),
        (lambda: draw(lambda x: x * 2, 1.0, depth=-1), OptionError, "draw_depth"),
        (lambda: draw(lambda x: x * 2, 1.0, depth=True), OptionError, "draw_depth"),
        (lambda: draw(lambda x: x * 2, 1.0, order=-1), OptionError, "draw_order_given"),
        (lambda: draw(lambda x: x * 2, 1.0, order="2"), OptionError, "draw_order_given"),
        (lambda: draw(lambda x: x * 2, 1.0, gradients="all"), OptionError, "draw_gradients"),
        (lambda: draw(lambda x: x * 2, 1.0, highlight="nobody"), OptionError, "draw_highlight"),
        (lambda: draw(lambda x, y: x * y, 1.0, 2.0, order=2), OptionError, "draw_order"),
    ],
)
def test_what_cannot_be_drawn(run, kind, key):
    with pytest.raises(kind) as caught:
        run()
    assert caught.value.key == key


# ── the backward pass ───────────────────────────────────────────────────────────────────────────


def test_the_second_derivative_of_sin():
    drawing = draw(np.sin, 0.5, order=2, lang="en")
    found = {n.name: float(n.value) for n in drawing.graph.nodes if n.name}
    assert found == pytest.approx(
        {"x": 0.5, "y": np.sin(0.5), "∂y/∂x": np.cos(0.5), "∂²y/∂x²": -np.sin(0.5)}
    )
    assert [g.path for g in drawing.graph.groups] == ["forward", "backward", "backward 2"]
    assert all(n.gradient is None for n in drawing.graph.nodes), "the values are the gradients"
    assert "gradient" not in drawing.dot


def test_the_backward_pass_of_a_loss():
    w, x = tj.Tensor([1.0, 2.0], requires_grad=True), tj.Tensor([3.0, 4.0], requires_grad=True)
    loss = (w * x).sum()
    drawing = draw(loss, order=1, names=locals(), lang="ja")
    found = {n.name: n.value for n in drawing.graph.nodes if n.name}
    assert_array_equal(found["∂loss/∂w"], [3, 4])
    assert_array_equal(found["∂loss/∂x"], [1, 2])
    assert [g.label for g in drawing.graph.groups] == ["順伝播", "逆伝播"]
    assert w.grad is None


def test_arrays_are_named_too():
    labels = np.array([0, 1, 2, 0, 1])
    net = TwoLayerNet()

    def loss(x, weight):
        return nn.functional.cross_entropy(net(x) * weight, labels)

    names = {n.name for n in draw(loss, X, np.ones((5, 3), "f")).graph.nodes}
    assert {"x", "weight", "labels"} <= names


def test_lists_of_tensors_go_in_as_they_are():
    a, b = tj.Tensor([1.0], requires_grad=True), tj.Tensor([2.0], requires_grad=True)
    graph = draw(lambda parts, scale: tj.concatenate(parts) * scale, [a, b], 2.0).graph
    assert [n.kind for n in graph.nodes].count("leaf") == 3


def test_a_module_with_backward_hooks_is_drawn_and_the_hooks_are_not_called():
    layer, seen = nn.Linear(3, 1), []
    layer.register_full_backward_hook(lambda *given: seen.append(given))
    x = tj.Tensor(np.ones((2, 3), "f"), requires_grad=True)
    drawing = draw(lambda x: layer(x).sum(), x)
    assert "hooked[0]" in {n.label for n in drawing.graph.nodes}
    (node,) = [n for n in drawing.graph.nodes if n.name == "x"]
    assert_array_equal(node.gradient, np.broadcast_to(layer.weight._data, (2, 3)))
    assert seen == []
    layer(x).sum().backward()
    assert len(seen) == 1
