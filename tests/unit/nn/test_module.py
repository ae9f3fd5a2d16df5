"""What a Module finds in itself, how it shows itself, and what it refuses."""

import copy
import pickle

import numpy as np
import pytest

import tinygrad_jp as tj
from tinygrad_jp import nn
from tinygrad_jp.errors import ArgumentError, OptionError, ShapeError, TinygradWarning


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(2, 3)
        self.scale = nn.Parameter(np.ones(2, np.float32))
        self.second = nn.Sequential(nn.ReLU(), nn.Linear(3, 1, bias=False))
        self.register_buffer("count", np.zeros(1, np.float32))
        self.register_buffer("scratch", None)
        self.nothing = None

    def forward(self, x):
        return self.second(self.first(x * self.scale))


def test_parameters_come_in_pytorchs_order():
    names = [name for name, _ in Net().named_parameters()]
    assert names == ["scale", "first.weight", "first.bias", "second.1.weight"]
    assert [n for n, _ in Net().named_parameters(prefix="net", recurse=False)] == ["net.scale"]


def test_modules_children_buffers():
    net = Net()
    assert [n for n, _ in net.named_modules()] == ["", "first", "second", "second.0", "second.1"]
    assert [n for n, _ in net.named_children()] == ["first", "second"]
    assert list(net.children()) == [net.first, net.second]
    assert [n for n, _ in net.named_buffers()] == ["count"]
    assert list(net.state_dict()) == [
        "scale", "count", "first.weight", "first.bias", "second.1.weight"
    ]


def test_shared_parameter_comes_once_and_is_saved_under_both_names():
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    net[1].weight = net[0].weight
    assert [n for n, _ in net.named_parameters()] == ["0.weight", "0.bias", "1.bias"]
    assert len(list(net.named_parameters(remove_duplicate=False))) == 4
    assert len(net.state_dict()) == 4
    net(tj.ones(3, 2)).sum().backward()
    assert net[0].weight.grad is net[1].weight.grad


def test_shared_module_comes_once():
    layer = nn.Linear(2, 2)
    net = nn.Sequential(layer, nn.Tanh(), layer)
    assert [n for n, _ in net.named_modules()] == ["", "0", "1"]
    assert len(list(net.parameters())) == 2
    assert net(tj.ones(1, 2)).shape == (1, 2)


def test_repr_is_pytorchs():
    assert repr(Net()) == (
        "Net(\n"
        "  (first): Linear(in_features=2, out_features=3, bias=True)\n"
        "  (second): Sequential(\n"
        "    (0): ReLU()\n"
        "    (1): Linear(in_features=3, out_features=1, bias=False)\n"
        "  )\n"
        ")"
    )


def test_repr_of_parameter():
    assert repr(nn.Parameter([0.0, 0.0])) == (
        "Parameter containing:\ntensor([0., 0.], requires_grad=True)"
    )


def test_forgotten_init_says_so():
    class Bad(nn.Module):
        def __init__(self):
            self.layer = nn.Linear(2, 2)

    with pytest.raises(ArgumentError, match=r"super\(\).__init__\(\) before setting layer"):
        Bad()


def test_forgotten_init_of_a_module_without_parts_is_harmless():
    class Fine(nn.Module):
        def __init__(self):
            self.power = 2

        def forward(self, x):
            return x**self.power

    net = Fine()
    assert net(tj.tensor(3.0)).item() == 9
    assert net.training
    assert list(net.parameters()) == []


def test_no_forward():
    class Empty(nn.Module):
        pass

    with pytest.raises(ArgumentError, match="Empty has no forward"):
        Empty()(1)


def test_parameter_is_not_silently_replaced():
    layer = nn.Linear(2, 2)
    with pytest.raises(ArgumentError, match=r"Linear.weight is a Parameter.*a Tensor"):
        layer.weight = tj.ones(2, 2)
    layer.bias = None
    assert layer(tj.ones(1, 2)).shape == (1, 2)
    layer.bias = nn.Parameter(np.zeros(2, np.float32))
    assert [n for n, _ in layer.named_parameters()] == ["weight", "bias"]


def test_buffer_takes_tensors_only():
    net = Net()
    with pytest.raises(ArgumentError, match="buffer"):
        net.count = 3
    net.count = tj.ones(1)
    assert net.state_dict()["count"].item() == 1
    del net.count
    assert "count" not in net.state_dict()


def test_buffer_that_is_not_persistent_moves_but_is_not_saved():
    net = Net()
    net.register_buffer("temporary", tj.ones(2), persistent=False)
    assert "temporary" not in net.state_dict()
    assert net.double().temporary.dtype == np.float64


@pytest.mark.parametrize("name", ["", "a.b", "first", "forward"])
def test_names_that_cannot_be_taken(name):
    with pytest.raises(ArgumentError, match="cannot take the name"):
        Net().register_buffer(name, tj.ones(1))


def test_register_parameter_and_add_module():
    net = Net()
    net.register_parameter("extra", nn.Parameter([1.0]))
    net.register_parameter("none", None)
    net.add_module("third", nn.ReLU())
    assert net.get_parameter("extra") is net.extra
    assert net.get_submodule("third") is net.third
    with pytest.raises(ArgumentError):
        net.register_parameter("wrong", tj.ones(1))
    with pytest.raises(ArgumentError, match="is not a Module"):
        net.add_module("wrong", nn.functional.relu)


def test_get_by_name():
    net = Net()
    assert net.get_submodule("second.1") is net.second[1]
    assert net.get_submodule("") is net
    assert net.get_parameter("second.1.weight") is net.second[1].weight
    assert net.get_buffer("count") is net.count
    for ask in (net.get_submodule, net.get_parameter, net.get_buffer):
        with pytest.raises(OptionError, match=r"'second\.7'"):
            ask("second.7")


def test_list_of_layers_warns():
    class Hidden(nn.Module):
        def __init__(self, name):
            super().__init__()
            setattr(self, name, [nn.Linear(2, 2)])

    with pytest.warns(TinygradWarning, match=r"plain list.*nn.ModuleList"):
        Hidden("layers")
    Hidden("_layers")  # a known way to keep a module out on purpose


def test_train_and_eval_reach_everything():
    net = Net()
    assert net.eval() is net
    assert not any(m.training for m in net.modules())
    net.train()
    assert all(m.training for m in net.modules())


def test_apply_goes_children_first():
    seen = []
    net = Net()
    assert net.apply(lambda m: seen.append(type(m).__name__)) is net
    assert seen == ["Linear", "ReLU", "Linear", "Sequential", "Net"]


def test_to_changes_dtype_in_place_and_gradients_too():
    net = Net()
    weight = net.first.weight
    net(tj.ones(2, 2)).sum().backward()
    assert net.double() is net
    assert net.first.weight is weight
    assert weight.dtype == np.float64
    assert weight.grad.dtype == np.float64
    assert net.count.dtype == np.float64
    net.zero_grad()
    net(tj.ones(2, 2, dtype=tj.float64)).sum().backward()
    assert weight.grad.dtype == np.float64
    assert net.half().first.weight.dtype == np.float16
    assert net.float().first.weight.dtype == np.float32
    assert net.to(tj.float64).first.weight.dtype == np.float64
    assert net.to("cpu") is net
    for wrong in ("cuda", int, tj.int64):
        with pytest.raises(OptionError, match="float16, float32"):
            net.to(wrong)


def test_zero_grad():
    net = Net()
    net(tj.ones(2, 2)).sum().backward()
    net.zero_grad(set_to_none=False)
    assert all(not p.grad.numpy().any() for p in net.parameters())
    net.zero_grad()
    assert all(p.grad is None for p in net.parameters())


def test_requires_grad_freezes():
    net = Net()
    net.first.requires_grad_(False)
    net(tj.ones(2, 2)).sum().backward()
    assert net.first.weight.grad is None
    assert net.second[1].weight.grad is not None
    assert isinstance(net.first.weight, nn.Parameter)
    assert "first.weight" in dict(net.named_parameters())


@pytest.mark.parametrize("twin_of", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_are_independent(twin_of):
    net = Net()
    twin = twin_of(net)
    assert repr(twin) == repr(net)
    x = tj.randn(4, 2)
    np.testing.assert_array_equal(twin(x).detach(), net(x).detach())
    twin.first.weight.data[...] = 0
    twin.second[1].weight.data[...] = 0
    assert net.first.weight.numpy().any()
    assert not twin(x).detach().numpy().any()
    assert all(isinstance(p, nn.Parameter) and p.requires_grad for p in twin.parameters())
    assert twin.second[1] is list(twin.second)[1]


def test_deepcopy_keeps_sharing():
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    net[1].weight = net[0].weight
    twin = copy.deepcopy(net)
    assert twin[0].weight is twin[1].weight


def test_parameter_of_integers_is_refused():
    with pytest.raises(tj.errors.DTypeError):
        nn.Parameter(np.arange(3))


def test_error_names_the_layer():
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(3, 4))

        def forward(self, x):
            return self.body(x)

    with pytest.raises(ShapeError) as caught:
        Model()(tj.ones(2, 4))
    said = str(caught.value)
    assert "'body.2' Linear(in_features=3, out_features=4, bias=True)" in said
    assert "(2, 4)" in said
    assert "(4, 3)" in said
    assert caught.value.__notes__ == []  # it is all in the text


def test_error_of_a_users_own_layer_gets_a_note():
    class Mine(nn.Module):
        def forward(self, x):
            return x + tj.ones(7)

    with pytest.raises(ShapeError) as caught:
        nn.Sequential(nn.ReLU(), Mine())(tj.ones(2, 4))
    assert caught.value.__notes__ == ["in layer '1' Mine() of Sequential"]


def test_forward_takes_keywords():
    class Mine(nn.Module):
        def forward(self, x, *, times=1):
            return x * times

    assert Mine()(tj.tensor(2.0), times=3).item() == 6


def test_html_escapes():
    assert "&lt;" not in Net()._repr_html_()
    assert Net()._repr_html_().startswith("<pre>Net(")
