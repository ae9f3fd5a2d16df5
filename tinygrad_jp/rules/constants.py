"""What has no derivative: questions about arrays, sets, texts; and what a Tensor refuses.

With the rules and composites this covers every function that NumPy lets a library override
(`tests/laws/test_completeness.py`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy._core import umath

from ..vocabulary.domain import call
from ..vocabulary.rule import composite, constant, refused_modules, unsupported


def present(*names: str) -> list[Any]:
    """Take functions by name, leaving out those that this version of NumPy lacks."""
    return [getattr(np, name) for name in names if hasattr(np, name)]


constant(
    np.shape, np.ndim, np.size, np.result_type, np.can_cast, np.common_type, np.min_scalar_type,
    np.iscomplexobj, np.isrealobj, np.shares_memory, np.may_share_memory,
    about="a fact about an array, as a plain Python value",
)
constant(np.array_equal, np.array_equiv, np.allclose, about="true or false for whole arrays")
constant(
    np.unique, np.unique_all, np.unique_counts, np.unique_inverse, np.unique_values,
    np.intersect1d, np.union1d, np.setdiff1d, np.setxor1d, np.isin, *present("in1d"),
    about="sets of values",
)
constant(
    np.array2string, np.array_repr, np.array_str, np.save, np.savez, np.savez_compressed,
    np.savetxt,
    about="the values as text or in a file",
)
constant(np.packbits, np.unpackbits, about="on bits")
constant(np.angle, np.imag, about="of a real number: constant wherever it is defined")
constant(vars(umath)["_ones_like"], about="ones")


@composite(
    vars(umath)["clip"], about="x kept between a minimum and a maximum",
    samples=lambda s: [call(s.distinct(2, 4), -0.5, 0.9)],
)
def clip(a: Any, low: Any, high: Any, /) -> Any:
    """Do as np.clip, whose ufunc this is."""
    return np.clip(a, low, high)


unsupported(
    "like= は使えません。tj.tensor、tj.zeros、tj.arange などで作ってください。",
    "like= is not supported. Make Tensors with tj.tensor, tj.zeros, tj.arange and their kin.",
    np.array, np.asarray, np.asanyarray, np.ascontiguousarray, np.asfortranarray, np.require,
    np.arange, np.empty, np.ones, np.zeros, np.full, np.eye, np.identity, np.tri, np.fromfunction,
    np.frombuffer, np.fromfile, np.fromiter, np.fromstring, np.loadtxt, np.genfromtxt,
)
unsupported(
    "その場の書き換えです。x[...] = v と書いてください(勾配も正しく流れます)。",
    "it writes in place. Write x[...] = v instead; gradients then flow rightly.",
    np.copyto, np.put, np.place, np.putmask, np.fill_diagonal, np.put_along_axis,
)
unsupported(
    "複素数の並べ替えです。実数なら np.sort を使ってください。",
    "it sorts complex numbers. Use np.sort for real ones.",
    np.sort_complex,
)
unsupported(
    "微分に要る 1 次の変形ベッセル関数 I₁ が NumPy にありません。値だけなら .detach().numpy() に"
    "使ってください。",
    "its derivative, the Bessel function I₁, is not in NumPy. For values only, call it on "
    ".detach().numpy().",
    np.i0,
)
unsupported(
    "日付の関数です。Tensor は数だけを持ちます。",
    "it works on dates, and a Tensor holds numbers only.",
    np.busday_count, np.busday_offset, np.is_busday, np.datetime_as_string,
)
unsupported(
    "結果が複素数になりえます。同じ名前の np.sqrt、np.log などを使ってください。",
    "its result may be complex. Use the function of the same name in np: np.sqrt, np.log, ...",
    *(getattr(np.emath, name) for name in np.emath.__all__),
)
refused_modules(
    "複素数を扱うため微分の規則がありません。実数の畳み込みは np.convolve で書けます。",
    "it works on complex numbers, for which there is no derivative rule. Real convolutions can be "
    "written with np.convolve.",
    "numpy.fft",
)
refused_modules(
    "文字列の関数です。Tensor は数だけを持ちます。",
    "it works on strings, and a Tensor holds numbers only.",
    "numpy.strings", "numpy.char",
)
refused_modules(
    "構造化配列の関数です。Tensor は数だけを持ちます。",
    "it works on structured arrays, and a Tensor holds numbers only.",
    "numpy.lib.recfunctions", "numpy.rec",
)
