"""The table of a model."""

import numpy as np
import pytest

import tinygrad_jp as tj
from tinygrad_jp import nn
from tinygrad_jp.errors import set_language
from tinygrad_jp.nn.summary import summary, width


def net():
    return nn.Sequential(nn.Linear(10, 20), nn.ReLU(), nn.Sequential(nn.Linear(20, 5), nn.BatchNorm1d(5)))


def test_table():
    model = net()
    model[0].requires_grad_(False)
    table = summary(model, (32, 10))
    assert [(r.name, r.kind, r.depth, r.output, r.parameters) for r in table.rows] == [
        ("", "Sequential", 0, "(32, 5)", 0),
        ("0", "Linear", 1, "(32, 20)", 220),
        ("1", "ReLU", 1, "(32, 20)", 0),
        ("2", "Sequential", 1, "(32, 5)", 0),
        ("2.0", "Linear", 2, "(32, 5)", 105),
        ("2.1", "BatchNorm1d", 2, "(32, 5)", 10),
    ]
    assert table.total_parameters == 335
    assert table.trainable_parameters == 115
    assert table.parameter_bytes == 335 * 4
    assert table.buffer_bytes == 2 * 5 * 4 + 8
    assert table.activation_bytes == 4 * 32 * (20 + 20 + 5 + 5)
    assert table.failed is None


def test_text_is_aligned_in_both_languages():
    for language in ("en", "ja"):
        set_language(language)
        try:
            shown = str(summary(net(), (32, 10)))
        finally:
            set_language(None)
        lines = shown.split("\n")
        bar = width(lines[1])
        assert set(lines[1]) == {"─"}
        assert all(width(line) <= bar for line in lines[:9])
        column = lines[0].index("Output shape") if language == "en" else None
        if column:
            assert lines[3][column:].startswith("(32, 20)")
            assert "parameters: 335 (trainable 335, frozen 0)" in shown
        else:
            assert "出力の形" in lines[0]


def test_width_counts_full_width_signs_twice():
    assert width("層 a") == 4
    assert width("が") == 2
    assert width("か\u3099") == 2


def test_nothing_is_left_behind():
    model = net()
    model[1].eval()
    before = {k: v.numpy().copy() for k, v in model.state_dict().items()}
    tj.manual_seed(0)
    first = tj.rand(1).item()
    tj.manual_seed(0)
    summary(model, (32, 10))
    assert tj.rand(1).item() == first
    assert model.training
    assert not model[1].training
    for key, value in before.items():
        np.testing.assert_array_equal(model.state_dict()[key].numpy(), value)
    calls = []
    model.register_forward_hook(lambda *a: calls.append(1))
    model(tj.ones(4, 10))
    assert calls == [1]


def test_failing_layer_is_named():
    model = nn.Sequential(nn.Linear(10, 20), nn.Sequential(nn.ReLU(), nn.Linear(7, 5)), nn.ReLU())
    table = summary(model, (32, 10))
    assert table.failed == "1.1"
    assert [r.name for r in table.rows] == ["", "0", "1", "1.0", "1.1"]
    assert table.rows[-1].output == "✗"
    shown = str(table)
    assert "failed here: 1.1 Linear(in_features=7, out_features=5, bias=True)" in shown
    assert "must be 7" in shown
    assert model.training


class Pair(nn.Module):
    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(10, 4)
        self.out = nn.Linear(4, 2)

    def forward(self, a, b):
        return {"y": self.out(self.words(a).mean(1)), "b": (b, b)}


def test_several_inputs_and_outputs():
    table = summary(Pair(), [np.zeros((3, 6), int), tj.ones(3)])
    assert table.rows[0].output == "{y: (3, 2), b: [(3,), (3,)]}"
    assert summary(nn.Sequential(nn.Embedding(10, 4)), (3, 6)).rows[0].output == "(3, 6, 4)"
    assert summary(nn.Identity(), [(3, 6)]).rows[0].output == "(3, 6)"
    assert summary(nn.Linear(2, 2), 2).rows[0].output == "(2,)"


def test_shared_layers_are_counted_once():
    layer = nn.Linear(2, 2)
    assert summary(nn.Sequential(layer, layer), (1, 2)).total_parameters == 6
    tied = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    tied[1].weight = tied[0].weight
    assert sum(r.parameters for r in summary(tied, (1, 2)).rows) == 8


def test_html():
    html = summary(net(), (32, 10))._repr_html_()
    assert html.startswith("<table>")
    assert "<td>(32, 20)</td>" in html
    assert html.count("<tr>") == 7


@pytest.mark.parametrize("dtype", [np.float64, None])
def test_dtype(dtype):
    table = summary(nn.Linear(4, 4).double(), (2, 4), dtype)
    assert table.activation_bytes == 8 * 8
