"""Every function of Tensors in one place: each is reachable as tj.name, most as a method too.

They are written in functions_*.py, one file a family. A method is the function itself, so that
x.exp() costs no more than tj.exp(x).
"""

# ruff: noqa: F403 - each family lists its names in __all__

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import creation as make
from . import functions_activation as activation
from . import functions_convert as convert
from . import functions_elementwise as elementwise
from . import functions_index as index
from . import functions_linear as linear
from . import functions_reduce as reduce
from . import functions_shape as shape
from .functions_activation import *
from .functions_convert import *
from .functions_elementwise import *
from .functions_index import *
from .functions_linear import *
from .functions_reduce import *
from .functions_shape import *

if TYPE_CHECKING:
    from .tensor import Tensor

__all__: list[str] = []
__all__ += elementwise.__all__
__all__ += activation.__all__
__all__ += reduce.__all__
__all__ += shape.__all__
__all__ += index.__all__
__all__ += linear.__all__
__all__ += convert.__all__


def _chosen(x: Tensor, condition: Any, other: Any) -> Tensor:
    """Take this Tensor where the condition holds, else other."""
    return elementwise.where(condition, x, other)  # type: ignore[no-any-return]


class Methods:
    """The functions as methods; a base class of Tensor."""

    __slots__ = ()

    # of one element each

    abs = elementwise.abs
    absolute = elementwise.absolute
    acos = elementwise.acos
    acosh = elementwise.acosh
    add = elementwise.add
    addcdiv = elementwise.addcdiv
    addcmul = elementwise.addcmul
    allclose = elementwise.allclose
    arccos = elementwise.arccos
    arccosh = elementwise.arccosh
    arcsin = elementwise.arcsin
    arcsinh = elementwise.arcsinh
    arctan = elementwise.arctan
    arctan2 = elementwise.arctan2
    arctanh = elementwise.arctanh
    asin = elementwise.asin
    asinh = elementwise.asinh
    atan = elementwise.atan
    atan2 = elementwise.atan2
    atanh = elementwise.atanh
    bitwise_and = elementwise.bitwise_and
    bitwise_not = elementwise.bitwise_not
    bitwise_or = elementwise.bitwise_or
    bitwise_xor = elementwise.bitwise_xor
    cbrt = elementwise.cbrt
    ceil = elementwise.ceil
    clamp = elementwise.clamp
    clamp_max = elementwise.clamp_max
    clamp_min = elementwise.clamp_min
    clip = elementwise.clip
    copysign = elementwise.copysign
    cos = elementwise.cos
    cosh = elementwise.cosh
    deg2rad = elementwise.deg2rad
    degrees = elementwise.degrees
    div = elementwise.div
    divide = elementwise.divide
    eq = elementwise.eq
    equal = elementwise.equal
    erf = elementwise.erf
    erfc = elementwise.erfc
    exp = elementwise.exp
    exp2 = elementwise.exp2
    expm1 = elementwise.expm1
    fabs = elementwise.fabs
    fix = elementwise.fix
    float_power = elementwise.float_power
    floor = elementwise.floor
    floor_divide = elementwise.floor_divide
    fmax = elementwise.fmax
    fmin = elementwise.fmin
    fmod = elementwise.fmod
    frac = elementwise.frac
    ge = elementwise.ge
    greater = elementwise.greater
    greater_equal = elementwise.greater_equal
    gt = elementwise.gt
    heaviside = elementwise.heaviside
    hypot = elementwise.hypot
    isclose = elementwise.isclose
    isfinite = elementwise.isfinite
    isinf = elementwise.isinf
    isnan = elementwise.isnan
    isneginf = elementwise.isneginf
    isposinf = elementwise.isposinf
    le = elementwise.le
    lerp = elementwise.lerp
    less = elementwise.less
    less_equal = elementwise.less_equal
    log = elementwise.log
    log10 = elementwise.log10
    log1p = elementwise.log1p
    log2 = elementwise.log2
    logaddexp = elementwise.logaddexp
    logaddexp2 = elementwise.logaddexp2
    logical_and = elementwise.logical_and
    logical_not = elementwise.logical_not
    logical_or = elementwise.logical_or
    logical_xor = elementwise.logical_xor
    logit = elementwise.logit
    lt = elementwise.lt
    maximum = elementwise.maximum
    minimum = elementwise.minimum
    mul = elementwise.mul
    multiply = elementwise.multiply
    nan_to_num = elementwise.nan_to_num
    ne = elementwise.ne
    neg = elementwise.neg
    negative = elementwise.negative
    nextafter = elementwise.nextafter
    not_equal = elementwise.not_equal
    positive = elementwise.positive
    pow = elementwise.pow
    power = elementwise.power
    rad2deg = elementwise.rad2deg
    radians = elementwise.radians
    reciprocal = elementwise.reciprocal
    remainder = elementwise.remainder
    round = elementwise.round
    rsqrt = elementwise.rsqrt
    sgn = elementwise.sgn
    sign = elementwise.sign
    signbit = elementwise.signbit
    sin = elementwise.sin
    sinc = elementwise.sinc
    sinh = elementwise.sinh
    sqrt = elementwise.sqrt
    square = elementwise.square
    sub = elementwise.sub
    subtract = elementwise.subtract
    tan = elementwise.tan
    tanh = elementwise.tanh
    true_divide = elementwise.true_divide
    trunc = elementwise.trunc
    xlogy = elementwise.xlogy
    where = _chosen
    __round__ = elementwise.round

    # activations

    celu = activation.celu
    elu = activation.elu
    gelu = activation.gelu
    glu = activation.glu
    hardshrink = activation.hardshrink
    hardsigmoid = activation.hardsigmoid
    hardswish = activation.hardswish
    hardtanh = activation.hardtanh
    leaky_relu = activation.leaky_relu
    log_softmax = activation.log_softmax
    logsigmoid = activation.logsigmoid
    mish = activation.mish
    prelu = activation.prelu
    relu = activation.relu
    relu6 = activation.relu6
    selu = activation.selu
    sigmoid = activation.sigmoid
    silu = activation.silu
    softmax = activation.softmax
    softmin = activation.softmin
    softplus = activation.softplus
    softshrink = activation.softshrink
    softsign = activation.softsign
    swish = activation.swish
    tanhshrink = activation.tanhshrink

    # along axes

    all = reduce.all
    amax = reduce.amax
    amin = reduce.amin
    aminmax = reduce.aminmax
    any = reduce.any
    argmax = reduce.argmax
    argmin = reduce.argmin
    argsort = reduce.argsort
    count_nonzero = reduce.count_nonzero
    cummax = reduce.cummax
    cummin = reduce.cummin
    cumprod = reduce.cumprod
    cumsum = reduce.cumsum
    diff = reduce.diff
    kthvalue = reduce.kthvalue
    logsumexp = reduce.logsumexp
    max = reduce.max
    mean = reduce.mean
    median = reduce.median
    min = reduce.min
    mode = reduce.mode
    nanmean = reduce.nanmean
    nansum = reduce.nansum
    norm = reduce.norm
    prod = reduce.prod
    sort = reduce.sort
    std = reduce.std
    std_mean = reduce.std_mean
    sum = reduce.sum
    topk = reduce.topk
    var = reduce.var
    var_mean = reduce.var_mean

    # rearranged

    broadcast_to = shape.broadcast_to
    chunk = shape.chunk
    diag = shape.diag
    diagonal = shape.diagonal
    expand = shape.expand
    expand_as = shape.expand_as
    expand_dims = shape.expand_dims
    flatten = shape.flatten
    flip = shape.flip
    fliplr = shape.fliplr
    flipud = shape.flipud
    moveaxis = shape.moveaxis
    movedim = shape.movedim
    permute = shape.permute
    permute_dims = shape.permute_dims
    ravel = shape.ravel
    repeat = shape.repeat
    repeat_interleave = shape.repeat_interleave
    reshape = shape.reshape
    reshape_as = shape.reshape_as
    roll = shape.roll
    split = shape.split
    squeeze = shape.squeeze
    swapaxes = shape.swapaxes
    swapdims = shape.swapdims
    t = shape.t
    tensor_split = shape.tensor_split
    tile = shape.tile
    transpose = shape.transpose
    tril = shape.tril
    triu = shape.triu
    unbind = shape.unbind
    unflatten = shape.unflatten
    unfold = shape.unfold
    unsqueeze = shape.unsqueeze
    view = shape.view
    view_as = shape.view_as
    T = property(shape._transpose, doc="The axes in reverse order.")
    H = T
    mT = property(shape.matrix_transpose, doc="The last two axes swapped.")  # noqa: N815
    mH = mT  # noqa: N815
    matrix_transpose = shape.matrix_transpose

    # picked and put

    argwhere = index.argwhere
    bincount = index.bincount
    gather = index.gather
    index_add = index.index_add
    index_copy = index.index_copy
    index_fill = index.index_fill
    index_select = index.index_select
    masked_fill = index.masked_fill
    masked_select = index.masked_select
    narrow = index.narrow
    nonzero = index.nonzero
    scatter = index.scatter
    scatter_add = index.scatter_add
    select = index.select
    take = index.take
    take_along_axis = index.take_along_axis
    take_along_dim = index.take_along_dim
    unique = index.unique

    # products

    addmm = linear.addmm
    addmv = linear.addmv
    bmm = linear.bmm
    cross = linear.cross
    dot = linear.dot
    ger = linear.ger
    inner = linear.inner
    kron = linear.kron
    matmul = linear.matmul
    mm = linear.mm
    mv = linear.mv
    outer = linear.outer
    tensordot = linear.tensordot
    trace = linear.trace
    vdot = linear.vdot

    # converted, asked

    astype = convert.astype
    bool = convert.bool_
    clamp_ = convert.clamp_
    clone = convert.clone
    contiguous = convert.contiguous
    cpu = convert.cpu
    dim = convert.dim
    double = convert.double
    element_size = convert.element_size
    float = convert.float_
    half = convert.half
    int = convert.int_
    is_contiguous = convert.is_contiguous
    is_floating_point = convert.is_floating_point
    long = convert.long
    nbytes = property(convert.nbytes)
    new_empty = convert.new_empty
    new_full = convert.new_full
    new_ones = convert.new_ones
    new_tensor = convert.new_tensor
    new_zeros = convert.new_zeros
    numel = convert.numel
    short = convert.short
    to = convert.to
    type = convert.type_
    type_as = convert.type_as
    nelement = convert.numel
    ndimension = convert.dim
    itemsize = property(convert.element_size)

    # drawn anew, in place

    uniform_ = make.uniform_
    normal_ = make.normal_
