"""Saving and loading: whole or not at all."""

import numpy as np
import pytest

import tinygrad_jp as tj
from tinygrad_jp import nn
from tinygrad_jp.errors import NonFiniteError, StateDictError, set_language


@pytest.fixture
def net():
    tj.manual_seed(0)
    return nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Linear(3, 1))


def arrays(net):
    return {k: v.numpy().copy() for k, v in net.state_dict().items()}


def test_round_trip(net):
    other = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Linear(3, 1))
    other(tj.randn(5, 2))
    result = net.load_state_dict(other.state_dict())
    assert result.missing_keys == []
    assert result.unexpected_keys == []
    for key, value in arrays(other).items():
        np.testing.assert_array_equal(net.state_dict()[key].numpy(), value)


def test_state_dict_shares_memory_and_has_no_graph(net):
    state = net.state_dict()
    assert not state["0.weight"].requires_grad
    state["0.weight"].data[...] = 7
    assert (net[0].weight.numpy() == 7).all()
    assert net.state_dict(keep_vars=True)["0.weight"] is net[0].weight
    assert list(net[0].state_dict(prefix="layer.")) == ["layer.weight", "layer.bias"]


def test_load_copies(net):
    given = {k: np.ones_like(v) for k, v in arrays(net).items()}
    net.load_state_dict(given)
    given["0.weight"][...] = 5
    assert (net[0].weight.numpy() == 1).all()


def test_everything_wrong_is_listed_and_nothing_changes(net):
    before = arrays(net)
    given = {k: v + 1 for k, v in before.items()}
    given["0.weight"] = np.zeros((3, 5))
    given["extra.bias"] = np.zeros(3)
    del given["2.bias"]
    with pytest.raises(StateDictError) as caught:
        net.load_state_dict(given)
    said = str(caught.value)
    assert "missing keys: 2.bias" in said
    assert "unexpected keys: extra.bias" in said
    assert "0.weight is (3, 2), the value given is (3, 5)" in said
    assert caught.value.facts["missing"] == ["2.bias"]
    assert isinstance(caught.value, KeyError)
    assert isinstance(caught.value, RuntimeError)
    for key, value in before.items():
        np.testing.assert_array_equal(net.state_dict()[key].numpy(), value)


def test_error_speaks_japanese(net):
    set_language("ja")
    try:
        with pytest.raises(StateDictError, match="足りないキー"):
            net.load_state_dict({})
    finally:
        set_language(None)


def test_not_strict_takes_what_fits_but_no_misshapen(net):
    given = {"0.weight": np.ones((3, 2)), "other": np.ones(1)}
    result = net.load_state_dict(given, strict=False)
    assert result.unexpected_keys == ["other"]
    assert "0.bias" in result.missing_keys
    assert (net[0].weight.numpy() == 1).all()
    with pytest.raises(StateDictError):
        net.load_state_dict({"0.weight": np.ones((2, 3))}, strict=False)


def test_nan_is_refused_and_nothing_changes(net):
    before = arrays(net)
    given = {k: v + 1 for k, v in before.items()}
    given["2.weight"][0, 1] = np.nan
    with pytest.raises(NonFiniteError, match=r"2.weight has 1 NaN.*\(0, 1\)"):
        net.load_state_dict(given)
    for key, value in before.items():
        np.testing.assert_array_equal(net.state_dict()[key].numpy(), value)


def test_load_casts_to_the_parameters_dtype(net):
    net.load_state_dict({k: v.astype(np.float64) for k, v in arrays(net).items()})
    assert net[0].weight.dtype == np.float32


def test_load_keeps_identity_and_is_seen_by_graphs(net):
    weight = net[0].weight
    loss = (net[2](tj.ones(2, 3)) ** 2).sum()
    net.load_state_dict({k: v * 2 for k, v in arrays(net).items()})
    assert net[0].weight is weight
    loss.backward()  # linear on a constant keeps x, not the weight: still right
    x = tj.ones(2, 2, requires_grad=True)
    out = net[0](x).sum()
    net.load_state_dict(arrays(net))
    with pytest.raises(tj.errors.GradientError, match="changed in place"):
        out.backward()


class Foreign:
    """Another library's tensor: an array only once it is detached, as PyTorch's parameters."""

    def __init__(self, array, attached=True):
        self.array, self.attached = array, attached

    def detach(self):
        return Foreign(self.array, attached=False)

    def __array__(self, dtype=None, copy=None):
        if self.attached:
            raise RuntimeError("detach first")
        return np.asarray(self.array)


def test_other_libraries_tensors_load_as_they_are(net):
    net.load_state_dict({k: Foreign(v + 1) for k, v in arrays(net).items()})
    assert (net[1].weight.numpy() == 2).all()


def test_lazy_layer_takes_its_shape_from_a_state_dict():
    lazy = nn.Sequential(nn.LazyLinear(3), nn.ReLU())
    lazy.load_state_dict(nn.Sequential(nn.Linear(4, 3), nn.ReLU()).state_dict())
    assert type(lazy[0]) is nn.Linear
    assert lazy[0].in_features == 4
