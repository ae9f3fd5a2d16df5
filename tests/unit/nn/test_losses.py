"""Losses: what they refuse, warn of, and their fast and general ways agree."""

import warnings

import numpy as np
import pytest

import tinygrad_jp as tj
from tinygrad_jp import nn
from tinygrad_jp.errors import DTypeError, LabelError, OptionError, ShapeError, TinygradWarning

F = nn.functional
RNG = np.random.default_rng(0)
REGRESSION = [nn.MSELoss(), nn.L1Loss(), nn.HuberLoss(), nn.SmoothL1Loss(), nn.BCEWithLogitsLoss()]


def logits(*shape):
    return tj.tensor(RNG.normal(size=shape), requires_grad=True)


@pytest.mark.parametrize("loss", REGRESSION, ids=repr)
def test_column_against_row_is_refused(loss):
    with pytest.raises(ShapeError, match=r"\.squeeze\(-1\), or target.unsqueeze\(-1\)") as caught:
        loss(tj.zeros(4, 1), tj.zeros(4))
    assert "(4, 1)" in str(caught.value)
    assert "(4,)" in str(caught.value)
    with pytest.raises(ShapeError, match=r"\.unsqueeze\(-1\), or target.squeeze\(-1\)"):
        loss(tj.zeros(4), np.zeros((4, 1)))
    with pytest.raises(ShapeError):
        loss(tj.zeros(4, 3), tj.zeros(3))
    with pytest.raises(ShapeError):
        loss(tj.zeros(3), tj.zeros(4))
    with pytest.raises(ShapeError):
        loss(tj.zeros(1, 3), tj.zeros(4, 3))


@pytest.mark.parametrize("target", [2.0, [[2.0]], np.full((1, 3), 2.0), np.full((4, 1), 2), np.full((4, 3), 2)])
def test_targets_that_broadcast_harmlessly(target):
    x = tj.ones(4, 3, requires_grad=True)
    loss = nn.MSELoss()(x, target)
    assert loss.item() == 1.0
    loss.backward()
    np.testing.assert_allclose(x.grad, np.full((4, 3), -2 / 12), rtol=1e-6)


def test_integer_target_keeps_float32():
    x = tj.ones(4, requires_grad=True)
    for loss in (nn.MSELoss(), nn.L1Loss(), nn.HuberLoss()):
        assert loss(x, np.arange(4)).dtype == np.float32


@pytest.mark.parametrize("loss", [nn.MSELoss, nn.CrossEntropyLoss, nn.KLDivLoss, nn.BCELoss])
def test_unknown_reduction(loss):
    with pytest.raises(OptionError, match="'average'"):
        loss(reduction="average")


def test_unknown_reduction_of_functions():
    with pytest.raises(OptionError, match="'average'"):
        F.mse_loss(tj.zeros(2), tj.zeros(2), "average")
    with pytest.raises(OptionError, match="'average'"):
        F.cross_entropy(logits(2, 3), [0, 1], reduction="average")


# ── cross-entropy ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("options", [{}, {"weight": np.ones(3)}, {"label_smoothing": 0.1}, {"reduction": "sum"}])
@pytest.mark.parametrize("wrong", [3, -1])
def test_label_outside(options, wrong):
    with pytest.raises(LabelError) as caught:
        nn.CrossEntropyLoss(**options)(logits(4, 3), tj.tensor([0, 1, wrong, 2]))
    said = str(caught.value)
    assert f"label {wrong}" in said
    assert "2" in said
    assert "3 classes, which count from 0" in said
    assert caught.value.facts["place"] == 2


def test_label_outside_in_many_dimensions_says_where():
    t = np.zeros((2, 4), int)
    t[1, 3] = 9
    with pytest.raises(LabelError) as caught:
        F.cross_entropy(logits(2, 3, 4), t)
    assert caught.value.facts["place"] == (1, 3)


def test_labels_that_do_not_fit():
    z = logits(4, 3)
    with pytest.raises(ShapeError, match=r"labels.squeeze\(-1\)"):
        F.cross_entropy(z, np.zeros((4, 1), int))
    with pytest.raises(ShapeError, match="one-hot"):
        F.cross_entropy(z, np.zeros((4, 3), int))
    with pytest.raises(ShapeError, match=r"\(4,\)"):
        F.cross_entropy(z, np.zeros(5, int))
    with pytest.raises(DTypeError, match=r"\.long\(\)"):
        F.cross_entropy(z, tj.zeros(4))
    with pytest.raises(DTypeError, match="probabilities"):
        F.cross_entropy(z, tj.zeros(4, 2))
    with pytest.raises(ShapeError, match="one number per class"):
        F.cross_entropy(z, np.zeros(4, int), weight=np.ones(4))
    with pytest.raises(OptionError, match="label_smoothing"):
        nn.CrossEntropyLoss(label_smoothing=1.5)


def test_general_way_agrees_with_the_fused_one():
    t = np.array([0, 2, 1, 2])
    z = logits(4, 3)
    fast = F.cross_entropy(z, t)
    fast.backward()
    want = z.grad.numpy().copy()
    for slow in (
        lambda z: F.cross_entropy(z, t, weight=np.ones(3)),
        lambda z: F.cross_entropy(z, np.eye(3)[t]),
        lambda z: F.cross_entropy(z, t, reduction="none").mean(),
        lambda z: F.nll_loss(F.log_softmax(z, 1), t),
        lambda z: F.cross_entropy(z.T.reshape(1, 3, 4), t[None]),
        lambda z: sum(F.cross_entropy(z[i], t[i]) for i in range(4)) / 4,
    ):
        z.grad = None
        other = slow(z)
        np.testing.assert_allclose(other.item(), fast.item(), rtol=1e-12)
        other.backward()
        np.testing.assert_allclose(z.grad, want, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_the_sum_is_that_of_the_rows(dtype):
    rng = np.random.default_rng(3)
    z = tj.Tensor(rng.normal(size=(7, 3)).astype(dtype), requires_grad=True)
    t = rng.integers(0, 3, 7)
    total = F.cross_entropy(z, t, reduction="sum")
    assert total.dtype == dtype
    total.backward()
    found, z.grad = z.grad.numpy().copy(), None
    F.cross_entropy(z, t, reduction="none").sum().backward()
    close = {"rtol": 8 * np.finfo(dtype).eps, "atol": 4 * np.finfo(dtype).eps}
    each = F.cross_entropy(z, t, reduction="none").detach().numpy()
    np.testing.assert_allclose(total.item(), each.sum(dtype=np.float64), **close)
    np.testing.assert_allclose(found, z.grad.numpy(), **close)


def test_the_sum_over_many_rows_in_half_precision_loses_no_gradient():
    n = 20000
    z = tj.Tensor(np.zeros((n, 4), np.float16), requires_grad=True)
    values = F.cross_entropy(z, np.zeros(n, int), reduction="sum")
    values.backward(np.float16(1))
    np.testing.assert_allclose(z.grad[0].numpy(), [-0.75, 0.25, 0.25, 0.25], rtol=6e-4)


def test_the_sum_of_no_rows_is_zero():
    assert F.cross_entropy(tj.zeros(0, 3), np.zeros(0, int), reduction="sum").item() == 0.0


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_an_ignored_label_that_does_not_occur_changes_nothing(reduction):
    z, t = logits(4, 3), np.array([0, 2, 0, 2])
    plain = F.cross_entropy(z, t, reduction=reduction)
    for ignore in (-100, 1, 7):
        other = F.cross_entropy(z, t, ignore_index=ignore, reduction=reduction)
        assert other.item() == plain.item()
        assert other._node.plan.rule is plain._node.plan.rule
    with pytest.raises(LabelError, match="5"):
        F.cross_entropy(z, np.array([0, 5, 0, 2]), ignore_index=1, reduction=reduction)
    ignored = F.cross_entropy(z, t, ignore_index=2, reduction=reduction)
    kept = F.cross_entropy(z[[0, 2]], t[[0, 2]], reduction=reduction)
    np.testing.assert_allclose(ignored.item(), kept.item(), rtol=1e-12)


@pytest.mark.parametrize("ignore", [-100, -1, 1])
def test_ignored_labels_do_not_count(ignore):
    z = logits(4, 3)
    t = np.array([0, ignore, 2, 2])
    loss = nn.CrossEntropyLoss(ignore_index=ignore)(z, t)
    kept = [0, 2, 3]
    want = F.cross_entropy(z[kept], t[kept])
    np.testing.assert_allclose(loss.item(), want.item(), rtol=1e-12)
    loss.backward()
    assert not z.grad.numpy()[1].any()


def test_all_ignored_warns_and_is_nan():
    with pytest.warns(TinygradWarning, match="every label is ignored"):
        loss = F.cross_entropy(logits(2, 3), np.array([-100, -100]))
    assert np.isnan(loss.item())


@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.uint8])
def test_label_dtypes(dtype):
    z = logits(4, 3)
    assert F.cross_entropy(z, np.array([0, 1, 2, 0], dtype)).item() == pytest.approx(
        F.cross_entropy(z, [0, 1, 2, 0]).item()
    )


def test_softmax_before_warns_once_for_each_place():
    z = logits(4, 3)
    loss = nn.CrossEntropyLoss()

    def train(steps):
        for _ in range(steps):
            loss(F.softmax(z, 1), np.zeros(4, int))

    with pytest.warns(TinygradWarning, match="softmax already") as caught:
        train(3)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    with pytest.warns(TinygradWarning, match="softmax already"):
        F.cross_entropy(nn.Softmax(1)(z), np.zeros(4, int))


def test_probabilities_made_otherwise_warn_on_the_first_call():
    with tj.no_grad():
        p = F.softmax(logits(4, 3), 1)
    with pytest.warns(TinygradWarning, match="softmax already"):
        nn.CrossEntropyLoss()(p, np.zeros(4, int))


def test_no_warning_without_reason():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nn.CrossEntropyLoss()(np.eye(3), [0, 1, 2])
        nn.CrossEntropyLoss()(F.log_softmax(logits(4, 3), 1), np.zeros(4, int))
        nn.CrossEntropyLoss()(logits(4, 3), np.zeros(4, int))
        nn.BCEWithLogitsLoss()(logits(4), tj.zeros(4))


def test_sigmoid_before_warns_once():
    loss = nn.BCEWithLogitsLoss()

    def train(steps):
        for _ in range(steps):
            loss(F.sigmoid(logits(4)), tj.zeros(4))

    with pytest.warns(TinygradWarning, match="sigmoid already") as caught:
        train(2)
    assert len(caught) == 1


# ── probabilities ───────────────────────────────────────────────────────────────────────────────


def test_bce_refuses_what_is_no_probability():
    with pytest.raises(OptionError, match=r"1.5 \(at \(1,\)\)") as caught:
        nn.BCELoss()(tj.tensor([0.5, 1.5]), tj.tensor([0.0, 1.0]))
    assert "BCEWithLogitsLoss" in str(caught.value)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_bce_is_finite_at_the_ends(dtype):
    p = tj.tensor(np.array([0.0, 1.0, 0.0, 1.0], dtype), requires_grad=True)
    loss = F.binary_cross_entropy(p, np.array([0, 1, 1, 0], dtype), reduction="none")
    np.testing.assert_allclose(loss.detach(), [0, 0, 100, 100])
    assert loss.dtype == dtype
    loss.sum().backward()
    assert np.isfinite(p.grad.numpy()[:2]).all()
    assert not p.grad.numpy()[:2].any()


def test_bce_with_logits_is_safe_and_equals_bce():
    x = tj.tensor(np.array([-800.0, 800.0, 0.3]), requires_grad=True)
    t = np.array([0.0, 1.0, 0.25])
    loss = F.binary_cross_entropy_with_logits(x, t, reduction="none")
    np.testing.assert_allclose(loss.detach()[:2], 0, atol=1e-12)
    np.testing.assert_allclose(
        loss[2].item(), F.binary_cross_entropy(F.sigmoid(x[2]), t[2]).item(), rtol=1e-12
    )
    loss.sum().backward()
    np.testing.assert_allclose(x.grad, 1 / (1 + np.exp(-x.numpy().clip(-700, 700))) - t, atol=1e-12)


def test_kl_of_zero_probability():
    logs = tj.tensor(np.log([0.5, 0.5]), requires_grad=True)
    loss = F.kl_div(logs, np.array([1.0, 0.0]), reduction="sum")
    np.testing.assert_allclose(loss.item(), np.log(2))
    loss.backward()
    np.testing.assert_allclose(logs.grad, [-1, 0])


def test_options_out_of_range():
    with pytest.raises(OptionError, match="delta"):
        F.huber_loss(tj.zeros(2), tj.zeros(2), delta=0)
    with pytest.raises(OptionError, match="beta"):
        F.smooth_l1_loss(tj.zeros(2), tj.zeros(2), beta=-1)
    with pytest.raises(OptionError, match="variance"):
        F.gaussian_nll_loss(tj.zeros(2), tj.zeros(2), -1.0)


SECOND = {
    "cross_entropy": lambda x: F.cross_entropy(x, [0, 2, 1]),
    "cross_entropy_options": lambda x: F.cross_entropy(
        x, [0, 2, 1], weight=[1.0, 2.0, 3.0], label_smoothing=0.1
    ),
    "mse": lambda x: F.mse_loss(x, np.full((3, 3), 0.3)),
    "huber": lambda x: F.huber_loss(x, np.full((3, 3), 0.3), delta=0.5),
    "bce": lambda x: F.binary_cross_entropy(x.sigmoid(), np.full((3, 3), 0.3)),
    "bce_logits": lambda x: F.binary_cross_entropy_with_logits(x, np.full((3, 3), 0.3), pos_weight=2.0),
    "kl": lambda x: F.kl_div(F.log_softmax(x, 1), np.full((3, 3), 1 / 3), "batchmean"),
    "normalize": lambda x: (F.normalize(x) ** 3).sum(),
    "cosine": lambda x: F.cosine_similarity(x, np.full((3, 3), 0.3)).sum(),
}


@pytest.mark.parametrize("name", SECOND)
def test_second_order(name):
    x = tj.tensor(RNG.normal(size=(3, 3)), requires_grad=True)
    assert tj.gradcheck(SECOND[name], [x])
    assert tj.gradgradcheck(SECOND[name], [x])


def test_gradient_of_soft_targets():
    x = tj.tensor(RNG.normal(size=(3, 4)), requires_grad=True)
    t = tj.tensor(RNG.dirichlet(np.ones(4), 3), requires_grad=True)
    assert tj.gradcheck(lambda x, t: F.cross_entropy(x, t, label_smoothing=0.2), [x, t])
    assert tj.gradcheck(lambda t: F.mse_loss(x.detach(), t), [t])


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_mse_of_nothing_has_an_empty_gradient():
    x = tj.zeros(0, 3, requires_grad=True)
    loss = F.mse_loss(x, tj.zeros(0, 3))
    loss.backward()
    assert np.isnan(loss.item())
    assert x.grad.shape == (0, 3)
