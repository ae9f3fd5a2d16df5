"""Every layer, loss and function of nn gives PyTorch's values and gradients.

A case is one function of a library (`tj` or `torch`, whose names are the same) that makes a module
or a function, and the arrays to call it on. Compared: the output, the gradients of all floating
inputs and all parameters, for a weighted sum of the output, and the buffers afterwards.
"""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_jp as tj
from tinygrad_jp import nn as tj_nn

from .golden import expected

RNG = np.random.default_rng(20240501)


def normal(*shape):
    return RNG.normal(size=shape)


def apart(*shape):
    """Draw values away from the kinks of activations, and from one another."""
    size = int(np.prod(shape))
    return (RNG.permutation(size) - size / 2).reshape(shape) * 0.37 + 0.11


def distribution(*shape):
    return RNG.dirichlet(np.ones(shape[-1]), shape[:-1])


def inside(*shape):
    return RNG.uniform(0.05, 0.95, shape)


def ints(high, *shape):
    return RNG.integers(0, high, shape)


def signs(*shape):
    return RNG.choice([-1, 1], shape).astype(float)


Z, T = normal(5, 4), np.array([0, 3, 1, 1, 2])
ZD, TD = normal(2, 4, 3, 2), ints(4, 2, 3, 2)
TI = np.array([0, -100, 1, 3, -100])
W4 = np.array([0.2, 1.0, 0.5, 2.0])
A, B = normal(4, 3), normal(4, 3)
X2, X3, X4 = normal(6, 4), normal(3, 4, 5), normal(2, 4, 3, 2)
ACT = apart(3, 8)
SPREAD = np.array([-30.0, -6.5, -2.9, -1.4, -0.7, -0.3, 0.2, 0.6, 1.7, 2.8, 5.5, 6.7, 30.0])

CASES = {
    # linear maps, tables, shapes
    "linear": (lambda l: l.nn.Linear(4, 3), X2),
    "linear_no_bias": (lambda l: l.nn.Linear(4, 3, bias=False), X2),
    "linear_3d": (lambda l: l.nn.Linear(5, 3), X3),
    "linear_1d": (lambda l: l.nn.Linear(4, 3), normal(4)),
    "bilinear": (lambda l: l.nn.Bilinear(4, 3, 2), X2, normal(6, 3)),
    "bilinear_no_bias": (lambda l: l.nn.Bilinear(4, 3, 2, bias=False), X2, normal(6, 3)),
    "embedding": (lambda l: l.nn.Embedding(7, 3), ints(7, 4, 2)),
    "embedding_padding": (lambda l: l.nn.Embedding(7, 3, padding_idx=-6), np.array([1, 2, 1, 6])),
    "flatten": (lambda l: l.nn.Flatten(), X3),
    "flatten_from_to": (lambda l: l.nn.Flatten(0, 1), X3),
    "unflatten": (lambda l: l.nn.Unflatten(1, (2, 2)), X3),
    "identity": (lambda l: l.nn.Identity(3, a=1), X2),
    "mlp": (
        lambda l: l.nn.Sequential(l.nn.Linear(4, 6), l.nn.Tanh(), l.nn.BatchNorm1d(6), l.nn.Linear(6, 2)),
        X2,
    ),
    # activations
    "relu": (lambda l: l.nn.ReLU(), ACT),
    "relu6": (lambda l: l.nn.ReLU6(), SPREAD),
    "leaky_relu": (lambda l: l.nn.LeakyReLU(0.2), ACT),
    "prelu": (lambda l: l.nn.PReLU(), ACT),
    "prelu_channels": (lambda l: l.nn.PReLU(4), X3),
    "rrelu_eval": (lambda l: l.nn.RReLU().eval(), ACT),
    "elu": (lambda l: l.nn.ELU(0.7), SPREAD),
    "celu": (lambda l: l.nn.CELU(0.7), SPREAD),
    "selu": (lambda l: l.nn.SELU(), SPREAD),
    "gelu": (lambda l: l.nn.GELU(), SPREAD),
    "gelu_tanh": (lambda l: l.nn.GELU("tanh"), SPREAD),
    "silu": (lambda l: l.nn.SiLU(), SPREAD),
    "mish": (lambda l: l.nn.Mish(), SPREAD),
    "sigmoid": (lambda l: l.nn.Sigmoid(), SPREAD),
    "logsigmoid": (lambda l: l.nn.LogSigmoid(), SPREAD),
    "tanh": (lambda l: l.nn.Tanh(), SPREAD),
    "softplus": (lambda l: l.nn.Softplus(), SPREAD),
    "softplus_options": (lambda l: l.nn.Softplus(2.0, 5.0), SPREAD),
    "softsign": (lambda l: l.nn.Softsign(), SPREAD),
    "softmax": (lambda l: l.nn.Softmax(dim=1), X3),
    "softmax_last": (lambda l: l.nn.Softmax(dim=-1), X3),
    "log_softmax": (lambda l: l.nn.LogSoftmax(dim=0), X2),
    "softmin": (lambda l: l.nn.Softmin(dim=1), X2),
    "hardtanh": (lambda l: l.nn.Hardtanh(-2.0, 0.5), SPREAD),
    "hardsigmoid": (lambda l: l.nn.Hardsigmoid(), SPREAD),
    "hardswish": (lambda l: l.nn.Hardswish(), SPREAD),
    "threshold": (lambda l: l.nn.Threshold(0.1, 20.0), ACT),
    "hardshrink": (lambda l: l.nn.Hardshrink(0.4), SPREAD),
    "softshrink": (lambda l: l.nn.Softshrink(0.4), SPREAD),
    "tanhshrink": (lambda l: l.nn.Tanhshrink(), SPREAD),
    "glu": (lambda l: l.nn.GLU(1), X3),
    "dropout_eval": (lambda l: l.nn.Dropout(0.5).eval(), X2),
    "alpha_dropout_eval": (lambda l: l.nn.AlphaDropout(0.5).eval(), X2),
    # normalisation
    "batch_norm1d": (lambda l: l.nn.BatchNorm1d(4), X2),
    "batch_norm1d_long": (lambda l: l.nn.BatchNorm1d(4, eps=1e-3, momentum=0.3), X3),
    "batch_norm2d": (lambda l: l.nn.BatchNorm2d(4), X4),
    "batch_norm_cumulative": (lambda l: l.nn.BatchNorm1d(4, momentum=None), X2),
    "batch_norm_plain": (lambda l: l.nn.BatchNorm1d(4, affine=False), X2),
    "batch_norm_untracked": (lambda l: l.nn.BatchNorm1d(4, track_running_stats=False).eval(), X2),
    "batch_norm_eval": (lambda l: l.nn.BatchNorm2d(4).eval(), X4),
    "batch_norm_momentum0": (lambda l: l.nn.BatchNorm1d(4, momentum=0.0), X2),
    "layer_norm": (lambda l: l.nn.LayerNorm(4), X2),
    "layer_norm_2": (lambda l: l.nn.LayerNorm((4, 5), eps=1e-2), X3),
    "layer_norm_no_bias": (lambda l: l.nn.LayerNorm(5, bias=False), X3),
    "layer_norm_plain": (lambda l: l.nn.LayerNorm(5, elementwise_affine=False), X3),
    "rms_norm": (lambda l: l.nn.RMSNorm(4), X2),
    "rms_norm_2": (lambda l: l.nn.RMSNorm((4, 5), eps=1e-2), X3),
    "rms_norm_plain": (lambda l: l.nn.RMSNorm(5, elementwise_affine=False), X3),
    "group_norm": (lambda l: l.nn.GroupNorm(2, 4), X4),
    "group_norm_one": (lambda l: l.nn.GroupNorm(1, 4, affine=False), X3),
    "instance_norm1d": (lambda l: l.nn.InstanceNorm1d(4), X3),
    "instance_norm1d_alone": (lambda l: l.nn.InstanceNorm1d(4, affine=True), normal(4, 5)),
    "instance_norm2d": (lambda l: l.nn.InstanceNorm2d(4, affine=True, track_running_stats=True), X4),
    "instance_norm_eval": (lambda l: l.nn.InstanceNorm2d(4, track_running_stats=True).eval(), X4),
    # losses of class indices
    "cross_entropy_1d": (lambda l: l.nn.CrossEntropyLoss(), normal(4), np.array(2)),
    "cross_entropy_1d_none": (lambda l: l.nn.CrossEntropyLoss(reduction="none"), normal(4), np.array(2)),
    "cross_entropy_1d_soft": (lambda l: l.nn.CrossEntropyLoss(), normal(4), distribution(4)),
    "cross_entropy_soft": (lambda l: l.nn.CrossEntropyLoss(), Z, distribution(5, 4)),
    "cross_entropy_soft_options": (
        lambda l: l.nn.CrossEntropyLoss(weight=l.tensor(W4), label_smoothing=0.1), Z, distribution(5, 4),
    ),
    "cross_entropy_soft_none": (
        lambda l: l.nn.CrossEntropyLoss(reduction="none", label_smoothing=0.1), ZD,
        np.moveaxis(distribution(2, 3, 2, 4), -1, 1).copy(),
    ),
    "cross_entropy_soft_sum": (lambda l: l.nn.CrossEntropyLoss(reduction="sum"), Z, distribution(5, 4)),
    "kl_div": (lambda l: l.nn.KLDivLoss(), np.log(distribution(4, 3)), distribution(4, 3)),
    "kl_div_batchmean": (
        lambda l: l.nn.KLDivLoss(reduction="batchmean"), np.log(distribution(4, 3)), distribution(4, 3),
    ),
    "kl_div_log_target": (
        lambda l: l.nn.KLDivLoss(reduction="sum", log_target=True), np.log(distribution(4, 3)),
        np.log(distribution(4, 3)),
    ),
    "bce": (lambda l: l.nn.BCELoss(), inside(4, 3), inside(4, 3)),
    "bce_weight": (lambda l: l.nn.BCELoss(weight=l.tensor(inside3)), inside(4, 3), inside(4, 3)),
    "bce_none": (lambda l: l.nn.BCELoss(reduction="none"), inside(4, 3), inside(4, 3)),
    "bce_ends": (
        lambda l: lambda p: l.nn.BCELoss(reduction="none")(p, l.tensor(np.array([0.0, 1.0, 0.0, 1.0]))),
        np.array([0.0, 0.0, 1.0, 1.0]),
    ),
    "bce_logits": (lambda l: l.nn.BCEWithLogitsLoss(), A, inside(4, 3)),
    "bce_logits_extremes": (
        lambda l: l.nn.BCEWithLogitsLoss(reduction="none"), np.array([-200.0, 200.0, 0.0]), np.array([1.0, 0.0, 0.5]),
    ),
    "bce_logits_options": (
        lambda l: l.nn.BCEWithLogitsLoss(
            weight=l.tensor(inside3), reduction="sum", pos_weight=l.tensor(np.array([1.0, 3.0, 0.5]))
        ),
        A, inside(4, 3),
    ),
    # regression and rankings
    "huber": (lambda l: l.nn.HuberLoss(delta=0.7), A, B),
    "huber_none": (lambda l: l.nn.HuberLoss("none"), A, B),
    "smooth_l1": (lambda l: l.nn.SmoothL1Loss(beta=0.7), A, B),
    "smooth_l1_zero": (lambda l: l.nn.SmoothL1Loss(beta=0.0), A, B),
    "smooth_l1_sum": (lambda l: l.nn.SmoothL1Loss(reduction="sum"), A, B),
    "poisson": (lambda l: l.nn.PoissonNLLLoss(), A, ints(6, 4, 3).astype(float)),
    "poisson_full": (lambda l: lambda x: l.nn.PoissonNLLLoss(full=True)(x, l.tensor(COUNTS)), A),
    "poisson_full_target": (lambda l: l.nn.PoissonNLLLoss(full=True), A, inside(4, 3) + 1),
    "poisson_plain": (
        lambda l: l.nn.PoissonNLLLoss(log_input=False, reduction="none"), inside(4, 3), ints(6, 4, 3).astype(float),
    ),
    "gaussian": (lambda l: l.nn.GaussianNLLLoss(), A, B, inside(4, 3)),
    "gaussian_full": (lambda l: l.nn.GaussianNLLLoss(full=True, reduction="none"), A, B, inside(4, 1)),
    "gaussian_rows": (lambda l: l.nn.GaussianNLLLoss(reduction="sum"), A, B, inside(4)),
    "gaussian_floor": (lambda l: l.nn.GaussianNLLLoss(eps=0.5), A, B, inside(4, 3)),
    "cosine_embedding": (lambda l: l.nn.CosineEmbeddingLoss(0.1), A, B, np.array([1, -1, -1, 1])),
    "cosine_embedding_1d": (lambda l: l.nn.CosineEmbeddingLoss(), A[0], B[0], np.array(1)),
    "margin_ranking": (lambda l: l.nn.MarginRankingLoss(0.2), normal(5), normal(5), signs(5)),
    "hinge_embedding": (lambda l: l.nn.HingeEmbeddingLoss(0.8), normal(5), signs(5).astype(int)),
    "soft_margin": (lambda l: l.nn.SoftMarginLoss(), A, signs(4, 3).astype(int)),
    "triplet_margin": (lambda l: l.nn.TripletMarginLoss(), A, B, normal(4, 3)),
    "triplet_margin_swap": (
        lambda l: l.nn.TripletMarginLoss(2.0, p=1.0, swap=True, reduction="none"), A, B, normal(4, 3),
    ),
    # functions with options of their own
    "f_linear": (lambda l: l.nn.functional.linear, X2, normal(3, 4), normal(3)),
    "f_bilinear": (lambda l: l.nn.functional.bilinear, X2, normal(6, 3), normal(2, 4, 3), normal(2)),
    "f_embedding": (lambda l: lambda i, w: l.nn.functional.embedding(i, w, padding_idx=1), np.array([[1, 2], [0, 1]]), normal(4, 2)),
    "f_layer_norm": (lambda l: lambda x, w: l.nn.functional.layer_norm(x, (5,), w), X3, normal(5)),
    "f_rms_norm": (lambda l: lambda x, w: l.nn.functional.rms_norm(x, (5,), w), X3, normal(5)),
    "f_group_norm": (lambda l: lambda x, w, b: l.nn.functional.group_norm(x, 2, w, b), X3, normal(4), normal(4)),
    "f_instance_norm": (lambda l: l.nn.functional.instance_norm, X3),
    "f_batch_norm": (
        lambda l: lambda x, w, b: l.nn.functional.batch_norm(x, l.tensor(W4), l.tensor(W4), w, b), X3, normal(4), normal(4),
    ),
    "f_mse_weight": (lambda l: lambda a, b: l.nn.functional.mse_loss(a, b, weight=l.tensor(inside3)), A, B),
    "f_l1_weight": (lambda l: lambda a, b: l.nn.functional.l1_loss(a, b, weight=l.tensor(inside3)), A, B),
    "f_huber_weight": (
        lambda l: lambda a, b: l.nn.functional.huber_loss(a, b, weight=l.tensor(inside3), reduction="none"), A, B,
    ),
    "f_normalize": (lambda l: l.nn.functional.normalize, A),
    "f_normalize_1": (lambda l: lambda x: l.nn.functional.normalize(x, p=1.0, dim=0), A),
    "f_normalize_3": (lambda l: lambda x: l.nn.functional.normalize(x, p=3.0, dim=-1), A),
    "f_normalize_inf": (lambda l: lambda x: l.nn.functional.normalize(x, p=float("inf")), A),
    "f_normalize_zero": (lambda l: l.nn.functional.normalize, np.array([[0.0, 0.0], [3.0, 4.0]])),
    "f_cosine_similarity": (lambda l: l.nn.functional.cosine_similarity, A, B),
    "f_cosine_similarity_dim": (lambda l: lambda a, b: l.nn.functional.cosine_similarity(a, b, dim=0), A, B),
    "f_pairwise_distance": (lambda l: l.nn.functional.pairwise_distance, A, B),
    "f_pairwise_distance_options": (
        lambda l: lambda a, b: l.nn.functional.pairwise_distance(a, b, p=1.0, keepdim=True), A, B,
    ),
    "f_pad": (lambda l: lambda x: l.nn.functional.pad(x, (1, 2)), X3),
    "f_pad_value": (lambda l: lambda x: l.nn.functional.pad(x, (1, 0, 2, 1), value=0.5), X3),
    "f_pad_negative": (lambda l: lambda x: l.nn.functional.pad(x, (-1, 2, 1, -2)), X3),
    "f_pad_reflect": (lambda l: lambda x: l.nn.functional.pad(x, (2, 1), mode="reflect"), X3),
    "f_pad_replicate": (lambda l: lambda x: l.nn.functional.pad(x, (2, 3, 1, 1), mode="replicate"), X4),
    "f_pad_circular": (lambda l: lambda x: l.nn.functional.pad(x, (2, 1), mode="circular"), X3),
    "f_dropout_eval": (lambda l: lambda x: l.nn.functional.dropout(x, training=False), X2),
    "f_glu": (lambda l: l.nn.functional.glu, X2),
    "f_softmin": (lambda l: lambda x: l.nn.functional.softmin(x, dim=0), X2),
}
inside3 = inside(4, 3)
COUNTS = ints(6, 4, 3).astype(float)

for how in ("mean", "sum", "none"):
    for name, make in {
        "mse": lambda l, how: l.nn.MSELoss(reduction=how), "l1": lambda l, how: l.nn.L1Loss(reduction=how),
    }.items():
        CASES[f"{name}_{how}"] = (lambda l, make=make, how=how: make(l, how), A, B)
    for kind, z, t in (("rows", Z, T), ("space", ZD, TD), ("ignored", Z, TI)):
        for weighted in (False, True):
            for smoothing in (0.0, 0.15):
                CASES[f"cross_entropy_{kind}_{how}_{weighted}_{smoothing}"] = (
                    lambda l, how=how, weighted=weighted, smoothing=smoothing: l.nn.CrossEntropyLoss(
                        weight=l.tensor(W4) if weighted else None, reduction=how, label_smoothing=smoothing
                    ),
                    z, t,
                )
            CASES[f"nll_{kind}_{how}_{weighted}"] = (
                lambda l, how=how, weighted=weighted: l.nn.NLLLoss(
                    weight=l.tensor(W4) if weighted else None, reduction=how
                ),
                z, t,
            )
CASES["cross_entropy_ignore_class"] = (lambda l: l.nn.CrossEntropyLoss(ignore_index=1), Z, T)
CASES["nll_ignore_class"] = (lambda l: l.nn.NLLLoss(ignore_index=3, weight=l.tensor(W4)), Z, T)

# PyTorch keeps 1/6, 1/α and 1e-12 in single precision here
SINGLE = {"celu", "hardsigmoid", "bce_ends"}
UNEVEN = np.random.default_rng(1).uniform(0.5, 1.5, 10000)  # weights of the summed output


def outcome(library, make, arrays):
    """Call what `make` gives, go back, and list all that should agree."""
    model = make(library)
    parameters, buffers = [], []
    if hasattr(model, "named_parameters"):
        model.double()
        rng = np.random.default_rng(3)
        parameters = [p for _, p in model.named_parameters()]
        for p in parameters:
            value = rng.uniform(0.2, 1.2, tuple(p.shape))
            if library is tj:
                p.data[...] = value
            else:
                p.data.copy_(library.tensor(value))
    inputs = []
    for array in arrays:
        x = library.tensor(array.copy())
        inputs.append(x.requires_grad_() if array.dtype.kind == "f" else x)
    output = model(*inputs)
    shape = tuple(output.shape)
    weights = library.tensor(UNEVEN[: int(np.prod(shape))].reshape(shape))
    (output * weights).sum().backward()
    if hasattr(model, "named_buffers"):
        buffers = [b for _, b in model.named_buffers()]
    return [output, *(x.grad for x in (*inputs, *parameters) if x.requires_grad), *buffers]


@pytest.mark.filterwarnings("ignore:reduction. .mean. divides:UserWarning")  # PyTorch's, of KLDivLoss
@pytest.mark.parametrize("name", CASES)
def test_equals_pytorch(name):
    make, *arrays = CASES[name]
    want = expected(f"nn/{name}", lambda torch: outcome(torch, make, arrays))
    got = outcome(tj, make, arrays)
    assert len(got) == len(want)
    for mine, theirs in zip(got, want, strict=True):
        if theirs is None:
            assert mine is None
            continue
        values = mine.detach().numpy()
        assert values.shape == theirs.shape
        assert values.dtype == theirs.dtype
        np.testing.assert_allclose(values, theirs, rtol=1e-6 if name in SINGLE else 1e-9, atol=1e-12)


def test_every_layer_and_loss_has_a_case():
    """A module that is exported and that PyTorch has must be compared, or named here."""
    compared = set()
    for make, *_ in CASES.values():
        model = make(tj)
        modules = model.modules() if hasattr(model, "modules") else ()
        compared.update(type(m).__name__ for m in modules)
    kept_apart = {
        "Module", "ModuleList", "ModuleDict", "Parameter", "ParameterList", "ParameterDict",
        "UninitializedParameter", "LazyLinear", "Dropout1d", "Dropout2d",
    }
    classes = {n for n in tj_nn.__all__ if n[0].isupper()}
    assert classes - compared - kept_apart == set()


@pytest.mark.parametrize("seed", range(3))
def test_training_a_network_keeps_pace_with_pytorch(seed):
    """Ten steps of plain gradient descent through layers of every family give the same weights."""
    rng = np.random.default_rng(seed)
    x, t = rng.normal(size=(12, 5)), rng.integers(0, 3, 12)
    start = [rng.normal(size=s) * 0.4 for s in ((8, 5), (8,), (8,), (8,), (8,), (8,), (3, 8), (3,))]

    def train(library):
        nn = library.nn
        net = nn.Sequential(
            nn.Linear(5, 8), nn.BatchNorm1d(8), nn.GELU(), nn.LayerNorm(8), nn.Tanh(), nn.Linear(8, 3)
        ).double()
        for p, value in zip(net.parameters(), start, strict=True):
            if library is tj:
                p.data[...] = value
            else:
                p.data.copy_(library.tensor(value))
        loss_of = nn.CrossEntropyLoss(label_smoothing=0.05)
        losses = []
        for _ in range(10):
            loss = loss_of(net(library.tensor(x)), library.tensor(t))
            net.zero_grad()
            loss.backward()
            with library.no_grad():
                for p in net.parameters():
                    p -= p.grad * 0.1
            losses.append(loss.item())
        return [np.array(losses), *(v.detach().numpy() for v in net.state_dict().values())]

    want = expected(f"nn/training_{seed}", train)
    for mine, theirs in zip(train(tj), want, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-7, atol=1e-10)
    assert want[0][-1] < want[0][0]


def test_pytorchs_state_dict_loads_as_it_is():
    x = np.random.default_rng(0).normal(size=(4, 2))

    def make(nn):
        return nn.Sequential(
            nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Sequential(nn.PReLU(), nn.LayerNorm(3)), nn.Linear(3, 1)
        ).double()

    def theirs(torch):
        torch.manual_seed(0)
        net = make(torch.nn)
        net(torch.tensor(x))  # moves the running statistics
        return dict(net.state_dict()), net.eval()(torch.tensor(x))

    state, want = expected("nn/state_dict", theirs)
    net = make(tj_nn).eval()
    assert list(net.state_dict()) == list(state)
    net.load_state_dict(state)
    np.testing.assert_allclose(net(tj.tensor(x)).detach().numpy(), want, rtol=1e-12)
