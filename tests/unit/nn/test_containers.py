"""Sequential, ModuleList, ModuleDict and their kin."""

from collections import OrderedDict

import numpy as np
import pytest

import tinygrad_jp as tj
from tinygrad_jp import nn
from tinygrad_jp.errors import ArgumentError, OptionError


@pytest.fixture
def net():
    return nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 4))


def test_sequential_runs_in_order(net):
    x = tj.randn(5, 2)
    want = net[2](net[1](net[0](x)))
    np.testing.assert_array_equal(net(x).detach(), want.detach())


def test_sequential_indexing(net):
    assert len(net) == 3
    assert net[-1] is net[2]
    assert [type(m).__name__ for m in net] == ["Linear", "ReLU", "Linear"]
    part = net[1:]
    assert isinstance(part, nn.Sequential)
    assert part[1] is net[2]
    assert net[1] in net
    with pytest.raises(OptionError, match="has 3 items, and none at 3"):
        net[3]


def test_sequential_changes(net):
    net.append(nn.Tanh())
    net[1] = nn.Sigmoid()
    assert [n for n, _ in net.named_children()] == ["0", "1", "2", "3"]
    assert [type(m).__name__ for m in net] == ["Linear", "Sigmoid", "Linear", "Tanh"]
    del net[0]
    assert [type(m).__name__ for m in net] == ["Sigmoid", "Linear", "Tanh"]
    assert [n for n, _ in net.named_children()] == ["0", "1", "2"]
    net.insert(0, nn.Flatten())
    net.extend([nn.ReLU()])
    assert type(net.pop(1)) is nn.Sigmoid
    assert [type(m).__name__ for m in net] == ["Flatten", "Linear", "Tanh", "ReLU"]
    net += [nn.GELU()]
    assert type(net[-1]) is nn.GELU
    assert len(net + nn.Sequential(nn.ReLU())) == len(net) + 1
    del net[1:]
    assert len(net) == 1


def test_sequential_with_names():
    net = nn.Sequential(OrderedDict(fc=nn.Linear(2, 3), act=nn.ReLU()))
    assert net.fc is net[0]
    assert list(net.state_dict()) == ["fc.weight", "fc.bias"]
    assert isinstance(net[:1].fc, nn.Linear)
    net.fc = nn.Linear(2, 5)
    assert net(tj.ones(1, 2)).shape == (1, 5)


def test_empty_sequential_is_identity_and_true():
    net = nn.Sequential()
    x = tj.ones(2)
    assert net(x) is x
    assert repr(net) == "Sequential()"
    assert bool(net)


def test_sequential_refuses_functions_and_classes():
    with pytest.raises(ArgumentError, match="relu is not a Module"):
        nn.Sequential(nn.Linear(2, 2), nn.functional.relu)
    with pytest.raises(ArgumentError, match="ReLU is not a Module"):
        nn.Sequential(nn.ReLU)


def test_module_list():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2)])

        def forward(self, x):
            for layer in self.layers:
                x = layer(x)
            return x

    net = Net()
    assert len(list(net.parameters())) == 6
    assert repr(net.layers) == (
        "ModuleList(\n"
        "  (0-1): 2 x Linear(in_features=2, out_features=2, bias=True)\n"
        "  (2): ReLU()\n"
        "  (3): Linear(in_features=2, out_features=2, bias=True)\n"
        ")"
    )
    assert net(tj.ones(1, 2)).shape == (1, 2)
    assert isinstance(net.layers[:2], nn.ModuleList)
    assert len(net.layers + [nn.ReLU()]) == 5
    assert "layers.3.bias" in net.state_dict()


def test_module_dict():
    table = nn.ModuleDict({"a": nn.ReLU(), "b": nn.Linear(2, 2)})
    assert list(table) == ["a", "b"]
    assert list(table.keys()) == ["a", "b"]
    assert table["b"] is table.b
    assert "a" in table
    assert "c" not in table
    assert len(table) == 2
    assert [k for k, _ in table.items()] == ["a", "b"]
    assert table.values()[0] is table["a"]
    table["a"] = nn.Tanh()
    table.update([("c", nn.ReLU())])
    assert type(table.pop("c")) is nn.ReLU
    del table["a"]
    assert [n for n, _ in table.named_parameters()] == ["b.weight", "b.bias"]
    with pytest.raises(OptionError, match="no 'zzz'"):
        table["zzz"]
    with pytest.raises(ArgumentError):
        table["keys"] = nn.ReLU()
    table.clear()
    assert len(table) == 0
    assert repr(nn.ModuleDict({"a": nn.ReLU()})) == "ModuleDict(\n  (a): ReLU()\n)"


def test_parameter_list():
    several = nn.ParameterList([np.ones(2, np.float32), nn.Parameter([1.0])])
    several.append(tj.ones(3))
    assert [p.shape for p in several] == [(2,), (1,), (3,)]
    assert [n for n, _ in several.named_parameters()] == ["0", "1", "2"]
    assert all(isinstance(p, nn.Parameter) for p in several)
    assert repr(nn.ParameterList([np.zeros((2, 3), np.float32)])) == (
        "ParameterList(\n  (0): Parameter containing: [float32 of size 2x3]\n)"
    )


def test_parameter_dict():
    table = nn.ParameterDict({"w": np.ones((2, 2), np.float32)})
    table["b"] = tj.zeros(2)
    assert [n for n, _ in table.named_parameters()] == ["w", "b"]
    assert table["b"].requires_grad
    assert "(w): Parameter containing: [float32 of size 2x2]" in repr(table)
