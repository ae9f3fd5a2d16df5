"""What a Model keeps count of while it trains: its loss, and its metrics by name."""

from __future__ import annotations

from typing import Any

from ...autograd.mode import without_grad
from ...autograd.structure import leaves
from ...errors import ArgumentError
from ...train.task import detached
from ..layer import Layer
from ..metrics import Metric
from .compiling import CompiledLoss, CompiledMetrics
from .task import plain


class Measured:
    """The part of a Model that has metrics and gives the loss."""

    _compiled_loss: CompiledLoss | None
    _compiled_metrics: CompiledMetrics | None
    _loss_tracker: Metric | None
    _regularized: bool | None

    @property
    def metrics(self) -> list[Any]:
        """The metrics that are reset before each epoch: the loss, compiled ones, and attributes.

        An own train_step updates them, "loss" with the loss, the others with (y, y_pred).
        """
        found: list[Any] = [] if self._loss_tracker is None else [self._loss_tracker]
        if self._compiled_loss is not None:
            found += self._compiled_loss.fold()
        if self._compiled_metrics is not None:
            found += self._compiled_metrics.metrics
        return found + self._own_metrics()

    def _own_metrics(self) -> list[Metric]:
        found: list[Metric] = []
        for name, value in self.__dict__.items():
            if name[0] != "_":
                found += [m for m in leaves(value) if isinstance(m, Metric)]
        return found

    @property
    def metrics_names(self) -> list[str]:
        """The names of what evaluate gives, in its order."""
        return ["loss", *self._results()]

    def reset_metrics(self) -> None:
        """Forget what the metrics have added up."""
        if self._compiled_loss is not None:
            self._compiled_loss.reset_state()
        if self._compiled_metrics is not None:
            self._compiled_metrics.aside.clear()
        for metric in self.metrics:
            (getattr(metric, "reset_state", None) or metric.reset)()

    def _results(self) -> dict[str, Any]:
        """Give each metric's value by name: those of the outputs' losses first."""
        found: dict[str, Any] = {}
        if self._compiled_loss is not None:
            found = {mean.name: mean.result() for mean in self._compiled_loss.fold()}
        if self._compiled_metrics is not None:
            found |= self._compiled_metrics.result()
        return found | {m.name: m.result() for m in self._own_metrics()}

    def get_metrics_result(self) -> dict[str, Any]:
        """Give each metric's value by name; what an own train_step returns."""
        return {name: plain(value) for name, value in self._results().items()}

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Give the loss that compile was told, and what the layers have added to it."""
        terms = list(self.losses) if self._adds_losses() else []  # type: ignore[attr-defined]
        if self._compiled_loss is not None:
            if y is None:
                raise ArgumentError("keras_no_targets")
            terms.insert(0, self._compiled_loss(y, y_pred, sample_weight))
        if not terms:
            raise ArgumentError("keras_no_loss")
        total = terms[0]
        for term in terms[1:]:
            total = total + term
        return total

    def compute_metrics(
        self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None
    ) -> dict[str, Any]:
        """Take a batch into the metrics that compile was told, and give all numbers."""
        if self._compiled_metrics is not None and y is not None:
            update = self._compiled_metrics.update_state
            without_grad(update, y, detached(y_pred), sample_weight)
        return self.get_metrics_result()

    def _adds_losses(self) -> bool:
        """Tell whether some layer can add to the loss, which costs a walk over all of them."""
        if self._adding:  # type: ignore[attr-defined]
            return True
        if self._regularized is None:
            found = any(v.regularizer is not None for v in self._moved())
            object.__setattr__(self, "_regularized", found)
        return bool(self._regularized)

    def _layer_list(self) -> list[Any]:
        return [m for m in self.modules() if isinstance(m, Layer)]  # type: ignore[attr-defined]

    def _moved(self) -> list[Any]:
        """List the variables that the optimizer moves."""
        return self.trainable_variables  # type: ignore[attr-defined, no-any-return]
