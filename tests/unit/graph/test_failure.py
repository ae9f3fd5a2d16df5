"""The error of an operation is drawn up to there, with the shapes that did not fit."""

from __future__ import annotations

import gc
import pickle
from weakref import ref

import numpy as np
import pytest

import tinygrad_jp as tj
from tinygrad_jp import draw, nn
from tinygrad_jp.errors import ArgumentError, LabelError, ShapeError, TinygradError

from .programs import leaf


def failing(run) -> TinygradError:
    with pytest.raises(TinygradError) as caught:
        run()
    return caught.value


def test_a_shape_error_is_drawn():
    x, w = leaf(np.ones((2, 3)), "x"), leaf(np.ones((4, 5)), "w")
    h = np.tanh(x)
    error = failing(lambda: h @ w)
    assert isinstance(error, ShapeError)
    drawing = draw(error, lang="en")
    assert [n.label for n in drawing.graph.nodes] == ["", "", "np.tanh", "np.matmul"]
    (bad,) = drawing.graph.outputs
    assert bad.label == "np.matmul"
    assert [(e.source, e.argument) for e in drawing.graph.edges if e.target == bad.id] == [
        ("n2", "a"), ("n1", "b"),
    ]
    assert set(drawing.look.marks) == {"n1", "n2", "n3"}
    assert "failed here" in drawing.dot
    assert "a (2, 3) b (4, 5)" in drawing.text
    assert drawing.dot.count('color="#D55E00" penwidth=2.5 fillcolor="#FEF1E9"') == 3
    assert "not computed" not in drawing.text, "there is no gradient to speak of"
    assert "ここで失敗" in draw(error, lang="ja").dot
    assert "<svg" in drawing.svg()
    assert "class n1,n2,n3 alarm" in drawing.mermaid


def test_data_numbers_and_names():
    data = tj.Tensor(np.ones((2, 3)))
    error = failing(lambda: np.add(data, np.ones(4)))
    drawing = draw(error, names={"data": data}, lang="en")
    assert [(n.kind, n.name, n.shape) for n in drawing.graph.nodes] == [
        ("constant", "data", (2, 3)), ("constant", None, (4,)), ("operation", None, None),
    ]
    assert [n.dtype for n in drawing.graph.nodes] == ["float64", "float64", None]


def test_a_number_that_does_not_fit_is_marked_and_arrays_have_their_names():
    data = np.ones((3, 3))
    drawing = draw(failing(lambda: leaf(2.0, "a") @ data), names={"data": data})
    assert [n.name for n in drawing.graph.nodes] == ["a", "data", None]
    assert set(drawing.look.marks) == {"n0", "n1", "n2"}
    fitting = failing(lambda: leaf(np.ones(3)) + leaf(np.ones(4)) * leaf(2.0))
    assert {n.shape for n in draw(fitting).graph.nodes if n.id in draw(fitting).look.marks} == {
        (3,), (4,), None,
    }


def test_a_list_that_does_not_fit():
    parts = [leaf(np.ones((2, 3))), leaf(np.ones((3, 2)))]
    drawing = draw(failing(lambda: tj.concatenate(parts)))
    assert [e.argument for e in drawing.graph.edges] == ["xs[0]", "xs[1]"]


def test_a_failing_layer():
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(9, 3))
    error = failing(lambda: model(tj.Tensor(np.ones((2, 4), "f"))))
    drawing = draw(error, names=model, lang="en")
    assert drawing.graph.outputs[0].label == "linear"
    assert {g.path for g in drawing.graph.groups} == {"0", "2"}
    assert {n.name for n in drawing.graph.nodes if n.name} >= {"0.weight", "2.weight"}


def test_labels_outside_the_classes_are_drawn_too():
    z = leaf(np.zeros((2, 3)), "z")
    error = failing(lambda: nn.functional.cross_entropy(z, np.array([0, 7])))
    assert isinstance(error, LabelError)
    if error.failure is not None:
        assert draw(error).graph.outputs[0].label == "cross_entropy"


def test_arguments_that_a_function_refused_are_drawn():
    a, b = leaf(np.ones((4, 1)), "予測"), tj.Tensor(np.ones(4))
    drawing = draw(failing(lambda: nn.functional.mse_loss(a * 2, b)), names={"t": b})
    bad = drawing.graph.outputs[0]
    assert bad.label
    assert {n.name for n in drawing.graph.nodes} >= {"予測", "t"}
    assert "(4, 1)" in drawing.look.marks[bad.id]
    assert "(4,)" in drawing.look.marks[bad.id]


def test_where_a_nan_arose_is_drawn():
    x = leaf([1.0, -1.0], "x")

    def run():
        with tj.detect_anomaly():
            return np.log(x * 2).sum()

    drawing = draw(failing(run))
    assert [n.label for n in drawing.graph.nodes] == ["", "b", "np.multiply", "np.log"]
    assert drawing.graph.outputs[0].label == "np.log"
    assert "test_failure.py" in drawing.graph.nodes[2].line


@pytest.mark.parametrize("error", [ValueError("mine"), ShapeError("item_not_one", shape=(2,))])
def test_an_error_of_something_else(error):
    with pytest.raises(ArgumentError) as caught:
        draw(error)
    assert caught.value.key == "draw_no_failure"


def test_an_error_keeps_no_graph_alive():
    x = leaf(np.ones((2, 3)))
    results = [np.exp(x)]
    error = failing(lambda: results[0] @ x)
    alive = ref(results[0])
    draw(error)
    error.__traceback__ = error.__cause__ = error.__context__ = None
    results.clear()
    gc.collect()
    assert alive() is None
    with pytest.raises(ArgumentError) as caught:
        draw(error)
    assert caught.value.key == "draw_failure_gone"


def test_an_error_survives_pickling_without_its_operation():
    x = leaf(np.ones((2, 3)))
    twin = pickle.loads(pickle.dumps(failing(lambda: x @ x)))
    assert twin.failure is None
    assert "np.matmul" in str(twin)
