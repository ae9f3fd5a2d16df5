"""Einstein's sums: einsum in terms of one primitive that contracts pairs by matrix products.

`np.einsum` first takes diagonals (labels repeated within an operand) and sums (labels that occur
nowhere else); then every label of an operand is in the result or in another operand, and the
gradient of an operand is again such a contraction, of g with the others.
"""

from __future__ import annotations

import math
import string
from functools import lru_cache
from typing import Any

import numpy as np

from ..errors import OptionError, ShapeError
from ..vocabulary.domain import call
from ..vocabulary.primitive import primitive
from ..vocabulary.primitives import sum_to
from ..vocabulary.rule import composite, constant, rule

Array = Any
Shape = tuple[int, ...]


@primitive
def contract(xs: list[Array], subscripts: str) -> Array:
    """Multiply arrays and sum: "ij,jk->ik". No label repeats within an operand.

    Pairs are contracted by matrix products, in the order that np.einsum_path advises.
    """
    left, result = subscripts.split("->")
    terms = left.split(",")
    arrays = list(xs)
    if len(arrays) > 2:
        shapes = tuple(map(np.shape, arrays))
        for i, j in _path(subscripts, shapes):
            rest = [t for k, t in enumerate(terms) if k not in (i, j)]
            used = set("".join(rest)) | set(result)
            to = "".join(c for c in dict.fromkeys(terms[i] + terms[j]) if c in used)
            y = _two(arrays[i], arrays[j], terms[i], terms[j], to)
            arrays = [a for k, a in enumerate(arrays) if k not in (i, j)] + [y]
            terms = [*rest, to]
    if len(arrays) == 2:
        return _two(arrays[0], arrays[1], terms[0], terms[1], result)
    if terms[0] == result:
        return arrays[0]
    summed = tuple(k for k, c in enumerate(terms[0]) if c not in result)
    y = np.sum(arrays[0], axis=summed)
    kept = [c for c in terms[0] if c in result]
    return np.transpose(y, [kept.index(c) for c in result])


@lru_cache(maxsize=512)
def _path(subscripts: str, shapes: tuple[Shape, ...]) -> list[tuple[int, int]]:
    """Ask NumPy for a good order of pairs."""
    models = [np.broadcast_to(np.float64(0), shape) for shape in shapes]
    path = np.einsum_path(subscripts, *models, optimize="greedy")[0][1:]
    return [(p[0], p[1]) for p in path if len(p) == 2] if all(len(p) == 2 for p in path) else [
        (0, 1) for _ in shapes[1:]
    ]


@lru_cache(maxsize=1024)
def _plan(p: str, q: str, to: str) -> Any:
    """Sort the labels of two operands: batch, free left, summed, free right."""
    batch = [c for c in p if c in q and c in to]
    summed = [c for c in p if c in q and c not in to]
    free_p = [c for c in p if c not in q]
    free_q = [c for c in q if c not in p]
    order_p = [p.index(c) for c in batch + free_p + summed]
    order_q = [q.index(c) for c in batch + summed + free_q]
    made = batch + free_p + free_q
    order = [made.index(c) for c in to]
    plain = [None if o == list(range(len(o))) else o for o in (order_p, order_q, order)]
    return len(batch), len(free_p), len(summed), *plain


def _two(a: Array, b: Array, p: str, q: str, to: str) -> Array:
    """Contract two arrays, labels p and q, to the labels `to`, by one batched matrix product."""
    for k, c in enumerate(p):  # a label of length 1 spreads, as it does in np.einsum
        at = q.find(c)
        if at >= 0 and a.shape[k] != b.shape[at]:
            if a.shape[k] == 1:
                a = np.broadcast_to(a, (*a.shape[:k], b.shape[at], *a.shape[k + 1 :]))
            elif b.shape[at] == 1:
                b = np.broadcast_to(b, (*b.shape[:at], a.shape[k], *b.shape[at + 1 :]))
            else:
                raise ShapeError("einsum_length", label=c, a=a.shape[k], b=b.shape[at])
    batch, free, summed, order_a, order_b, order = _plan(p, q, to)
    a = a if order_a is None else a.transpose(order_a)
    b = b if order_b is None else b.transpose(order_b)
    if summed == 0 and not free and a.ndim == b.ndim:
        y = a * b  # elementwise: a matrix product of single numbers would be slow
    else:
        left, right = a.shape[: batch + free], b.shape[batch + summed :]
        if free == summed == len(right) == 1:
            y = np.matmul(a, b)  # already stacks of matrices
        else:
            head, size = a.shape[:batch], math.prod(b.shape[batch : batch + summed])
            rows, columns = math.prod(a.shape[batch : batch + free]), math.prod(right)
            a = a.reshape((*head, rows, size))
            y = np.matmul(a, b.reshape((*head, size, columns))).reshape(left + right)
    return y if order is None else y.transpose(order)


def _contract_pull(g: Array, i: int, xs: Any, subscripts: str) -> Array:
    left, result = subscripts.split("->")
    terms = left.split(",")
    own = terms[i]
    others = [x for k, x in enumerate(xs) if k != i]
    names = [t for k, t in enumerate(terms) if k != i]
    h = contract([g, *others], ",".join([result, *names]) + "->" + own)
    shape = xs[i].shape
    if h.shape == shape:
        return h
    # a label had length 1 in one array, and spread to that of another
    return sum_to(np.broadcast_to(h, np.broadcast_shapes(h.shape, shape)), shape)


rule(
    contract,
    _contract_pull,
    about="Einstein's sum",
    samples=lambda s: [
        call([s(2, 3), s(3, 4)], "ij,jk->ik"), call([s(2, 3)], "ij->ji"),
        call([s(2, 3), s(2, 3)], "ij,ij->"), call([s(2), s(3), s(3, 2)], "i,j,ji->j"),
        call([s(1, 3), s(2, 3)], "ij,ij->i"), call([s(1, 3), s(2, 3)], "ij,ij->"),
        call([s(2, 4, 3), s(2, 5, 3)], "bqd,bkd->bqk"),
    ],
)

# ── reading subscripts ──────────────────────────────────────────────────────────────────────────


def _listed(operands: tuple[Any, ...]) -> tuple[str, list[Array]]:
    """Read einsum(a, [0, 1], b, [1, 2], [0, 2]) as einsum("ab,bc->ac", a, b)."""
    arrays, terms = list(operands[0 : len(operands) // 2 * 2 : 2]), operands[1::2]

    def term(labels: Any) -> str:
        return "".join("..." if k is Ellipsis else string.ascii_letters[k] for k in labels)

    subscripts = ",".join(map(term, terms))
    if len(operands) % 2:
        subscripts += "->" + term(operands[-1])
    return subscripts, arrays


def spelled_out(subscripts: str, ndims: list[int]) -> tuple[list[str], str]:
    """Write subscripts without ellipses and with their result: (terms, result)."""
    left, arrow, result = subscripts.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(ndims):
        facts = {"terms": len(terms), "arrays": len(ndims)}
        raise ShapeError("einsum_operands", subscripts=subscripts, **facts)
    free = iter([c for c in string.ascii_letters if c not in subscripts])
    wide = [n - len(t) + 3 for t, n in zip(terms, ndims, strict=True) if "..." in t]
    dots = "".join(next(free) for _ in range(max(wide, default=0)))
    for i, (term, ndim) in enumerate(zip(terms, ndims, strict=True)):
        extra = ndim - len(term.replace("...", ""))
        if extra < 0 or (extra and "..." not in term):
            raise ShapeError("einsum_axes", subscripts=subscripts, term=term, ndim=ndim)
        terms[i] = term.replace("...", dots[len(dots) - extra :] if extra else "")
    if arrow:
        result = result.replace("...", dots)
    else:
        joined = "".join(terms)
        result = dots + "".join(
            sorted(c for c in set(joined) if joined.count(c) == 1 and c not in dots)
        )
    if len(set(result)) != len(result) or not set(result) <= set("".join(terms)):
        raise OptionError("einsum_result", subscripts=subscripts, result=result)
    return terms, result


@lru_cache(maxsize=1024)
def _as_contraction(subscripts: str, ndims: tuple[int, ...]) -> str | None:
    """Spell subscripts out; None where a diagonal or a sum is to be taken of one operand first."""
    terms, result = spelled_out(subscripts, list(ndims))
    for i, term in enumerate(terms):
        others = set("".join(terms[:i] + terms[i + 1 :])) | set(result)
        if len(set(term)) < len(term) or not set(term) <= others:
            return None
    return ",".join(terms) + "->" + result


def _without_repeats(x: Array, term: str) -> tuple[Array, str]:
    for c in dict.fromkeys(term):
        while term.count(c) > 1:
            first = term.index(c)
            second = term.index(c, first + 1)
            if x.shape[first] != x.shape[second]:
                raise ShapeError("einsum_length", label=c, a=x.shape[first], b=x.shape[second])
            x = np.diagonal(x, 0, first, second)
            term = term[:first] + term[first + 1 : second] + term[second + 1 :] + c
    return x, term


@composite(
    np.einsum, about="Einstein's sum",
    samples=lambda s: [
        call("ij,jk->ik", s(2, 3), s(3, 4)), call("ij,jk", s(2, 3), s(3, 4)),
        call("ii->i", s(3, 3)), call("ii", s(3, 3)), call("ij->j", s(2, 3)), call("ij->", s(2, 3)),
        call("ij->ji", s(2, 3)), call("ba", s(2, 3)), call("i,j->ij", s(2), s(3)),
        call("...ij,...jk->...ik", s(2, 2, 3), s(3, 2)), call("b...i,i->...b", s(2, 3, 4), s(4)),
        call("bqd,bkd->bqk", s(2, 3, 4), s(2, 5, 4)), call("ij,ij->ij", s(2, 3), s(2, 3)),
        call("ij,jk,kl->il", s(2, 3), s(3, 2), s(2, 4)), call("ijj,k->ki", s(2, 3, 3), s(2)),
        call("ij,kj->", s(2, 3), s(4, 3)), call("iij,jk,k->", s(2, 2, 3), s(3, 2), s(2)),
        call("i,i->i", s(1), s(3)), call(s(2, 3), [0, 1], s(3, 2), [1, 2], [0, 2]),
        call("iii->i", s(2, 2, 2)), call("i->i", s(3)), call("...->...", s(2, 2)),
        call(",", s(), s()),
    ],
)
def einsum(*operands: Any, optimize: Any = False) -> Array:
    """Sum products as subscripts say; `optimize` is accepted and always on."""
    if isinstance(operands[0], str):
        subscripts, arrays = operands[0], list(operands[1:])
    else:
        subscripts, arrays = _listed(operands)
    arrays = [a if hasattr(a, "shape") else np.asarray(a) for a in arrays]
    ready = _as_contraction(subscripts, tuple([a.ndim for a in arrays]))
    if ready is not None:
        return contract(arrays, ready)
    terms, result = spelled_out(subscripts, [a.ndim for a in arrays])
    for i, term in enumerate(terms):
        x, term = _without_repeats(arrays[i], term)
        others = set("".join(terms[:i] + terms[i + 1 :])) | set(result)
        lone = tuple(k for k, c in enumerate(term) if c not in others)
        if lone:
            x = np.sum(x, axis=lone)
        arrays[i], terms[i] = x, "".join(c for c in term if c in others)
    return contract(arrays, ",".join(terms) + "->" + result)


constant(np.einsum_path, about="an order of contractions")
