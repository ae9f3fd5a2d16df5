"""A loss for training: one function of (output, target), or one per output, with weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from functools import reduce
from operator import add
from typing import Any

from ..errors import ArgumentError, OptionError
from .metric import Mean


class Criterion:
    """The loss of a batch: called with (output, target, sample weights or None).

    means: for several outputs, what each contributes before its weight, as metrics.
    """

    means: Sequence[Mean] = ()

    def __init__(self, loss: Callable[..., Any]) -> None:
        self.loss = loss
        self._weighted = weighted(loss)

    @property
    def losses(self) -> list[Any]:
        """The losses that it is made of, one per output."""
        return [self.loss]

    def __call__(self, y: Any, t: Any, w: Any = None) -> Any:
        """Give the loss, 0-d."""
        return self.loss(y, t) if w is None else self._weighted(y, t, w)

    def parts(self, y: Any, t: Any, w: Any = None) -> tuple[Any, Sequence[Any]]:
        """Give the loss, and what each output contributes to it, as many as there are means."""
        return self(y, t, w), ()


class SeveralCriteria(Criterion):
    """The sum of the losses of several outputs, each times its weight.

    losses: output (a number or a name) -> loss.  factors: output -> weight; 1 for those left out.
    """

    def __init__(
        self, losses: Mapping[Any, Callable[..., Any]], factors: Mapping[Any, float]
    ) -> None:
        self.criteria = {place: Criterion(loss) for place, loss in losses.items()}
        self.factors = [float(factors.get(place, 1.0)) for place in losses]
        self.means = [Mean(f"{place}_loss") for place in losses]

    @property
    def losses(self) -> list[Any]:
        """The losses that it is made of, one per output."""
        return [criterion.loss for criterion in self.criteria.values()]

    def __call__(self, y: Any, t: Any, w: Any = None) -> Any:
        """Give the loss, 0-d."""
        return self.parts(y, t, w)[0]

    def parts(self, y: Any, t: Any, w: Any = None) -> tuple[Any, Sequence[Any]]:
        """Give the loss, and each output's own."""
        values = [
            criterion(y[place], t[place], w[place] if isinstance(w, (Mapping, tuple, list)) else w)
            for place, criterion in self.criteria.items()
        ]
        terms = [v if f == 1.0 else f * v for f, v in zip(self.factors, values, strict=True)]
        return reduce(add, terms), values


def as_criterion(loss: Any, loss_weights: Any = None) -> Criterion:
    """Read a loss, or losses per output in a list or a dict, with their factors.

    Raises ArgumentError for what is no loss, OptionError for factors of outputs there are not.
    """
    if isinstance(loss, Criterion):
        return loss
    if isinstance(loss, (list, tuple, Mapping)):
        losses = dict(loss if isinstance(loss, Mapping) else enumerate(loss))
        given = loss_weights if loss_weights is not None else {}
        factors = dict(given if isinstance(given, Mapping) else enumerate(given))
        if set(factors) - set(losses):
            raise OptionError("loss_weights", given=list(factors), outputs=list(losses))
        for one in losses.values():
            check(one)
        return SeveralCriteria(losses, factors)
    check(loss)
    if loss_weights is not None:
        raise OptionError("loss_weights", given=loss_weights, outputs=[])
    return Criterion(loss)


def check(loss: Any) -> None:
    """Refuse what is no loss; a class of them too, which was not called."""
    if isinstance(loss, type) or not callable(loss):
        kind = loss if isinstance(loss, type) else type(loss)
        raise ArgumentError("loss_kind", kind=kind.__name__)


def weighted(loss: Any) -> Callable[[Any, Any, Any], Any]:
    """Make the function of (output, target, weights) that weighs each sample's loss.

    Σ wᵢ·lossᵢ / N, as in Keras, or Σ wᵢ·lossᵢ where the loss itself is a sum. Of a loss with a
    `reduction` a twin is asked for one value per element; any other is called with the weights as
    its third argument.
    """
    if not hasattr(loss, "reduction"):
        return lambda y, t, w: loss(y, t, w)

    single, is_sum = copy(loss), loss.reduction == "sum"
    single.reduction = "none"

    def weigh(y: Any, t: Any, w: Any) -> Any:
        each = single(y, t)
        if each.ndim > 1:
            rows = each.reshape(each.shape[0], -1)
            each = rows.sum(1) if is_sum else rows.mean(1)
        total = (each * w.reshape(each.shape)).sum()
        return total if is_sum else total / each.shape[0]

    return weigh
