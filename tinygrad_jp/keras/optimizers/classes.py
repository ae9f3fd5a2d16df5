"""The optimizers: names and defaults of Keras 3, over the update rules of `optim.keras_formulas`.

Each takes, beside its own arguments, by name what `Optimizer` takes: weight_decay, clipnorm,
clipvalue, global_clipnorm, use_ema, ...
"""

from __future__ import annotations

from typing import Any

from ...errors import OptionError
from ...optim import keras_formulas as formulas
from .optimizer import Optimizer


class SGD(Optimizer):
    """Gradient descent, with momentum if wished; nesterov: look ahead along it.

    Source: Sutskever et al. 2013.

    >>> from tinygrad_jp import keras
    >>> w = keras.Variable([1.0, -2.0])
    >>> _ = keras.optimizers.SGD(0.5).apply_gradients([([2.0, 2.0], w)])
    >>> w.numpy()
    array([ 0., -3.], dtype=float32)
    """

    _engine = formulas.SGD

    def __init__(
        self, learning_rate: Any = 0.01, momentum: float = 0.0, nesterov: bool = False,
        **shared: Any,
    ) -> None:
        if not 0 <= momentum <= 1:
            raise OptionError(
                "keras_range", owner="SGD", name="momentum", wants="0 ≤ momentum ≤ 1",
                given=momentum,
            )
        super().__init__(learning_rate, **shared)
        self.momentum, self.nesterov = momentum, nesterov

    def _settings(self) -> dict[str, Any]:
        return self._arguments()

    def _arguments(self) -> dict[str, Any]:
        return {"momentum": self.momentum, "nesterov": self.nesterov}


class _Moments(Optimizer):
    """An optimizer with the decays beta_1 and beta_2 of two running averages, and epsilon."""

    def __init__(
        self, learning_rate: Any = 0.001, beta_1: float = 0.9, beta_2: float = 0.999,
        epsilon: float = 1e-7, **shared: Any,
    ) -> None:
        super().__init__(learning_rate, **shared)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon

    def _settings(self) -> dict[str, Any]:
        return {"betas": (self.beta_1, self.beta_2), "eps": self.epsilon}

    def _arguments(self) -> dict[str, Any]:
        return {"beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon}


class Adam(_Moments):
    """Scale each step by running averages of the gradient and of its square.

    beta_1, beta_2: their decays.  epsilon: keeps the divisor from zero.  amsgrad: divide by the
    largest second moment so far.  Source: Kingma and Ba 2015.
    """

    _engine = formulas.Adam

    def __init__(
        self, learning_rate: Any = 0.001, beta_1: float = 0.9, beta_2: float = 0.999,
        epsilon: float = 1e-7, amsgrad: bool = False, **shared: Any,
    ) -> None:
        super().__init__(learning_rate, beta_1, beta_2, epsilon, **shared)
        self.amsgrad = amsgrad

    def _settings(self) -> dict[str, Any]:
        return {**super()._settings(), "amsgrad": self.amsgrad}

    def _arguments(self) -> dict[str, Any]:
        return {**super()._arguments(), "amsgrad": self.amsgrad}


class AdamW(Adam):
    """Adam that shrinks the weights by learning_rate · weight_decay, 0.004 unless given.

    Source: Loshchilov and Hutter 2019.
    """

    def __init__(
        self, learning_rate: Any = 0.001, weight_decay: float = 0.004, beta_1: float = 0.9,
        beta_2: float = 0.999, epsilon: float = 1e-7, amsgrad: bool = False, **shared: Any,
    ) -> None:
        if weight_decay is None:
            raise OptionError(
                "keras_range", owner="AdamW", name="weight_decay", wants="≥ 0", given=None
            )
        super().__init__(
            learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay=weight_decay, **shared
        )


class Adamax(_Moments):
    """Adam with the infinity norm in place of the second moment. Kingma and Ba 2015, section 7."""

    _engine = formulas.Adamax


class Nadam(_Moments):
    """Adam with Nesterov's momentum. Dozat 2016."""

    _engine = formulas.Nadam


class RMSprop(Optimizer):
    """Divide each step by a running root mean square of the gradient.

    rho: decay of the average of squares.  momentum: share of the last step that is kept.
    centered: divide by the standard deviation instead.  Source: Tieleman and Hinton 2012.
    """

    _engine = formulas.RMSprop

    def __init__(
        self, learning_rate: Any = 0.001, rho: float = 0.9, momentum: float = 0.0,
        epsilon: float = 1e-7, centered: bool = False, **shared: Any,
    ) -> None:
        super().__init__(learning_rate, **shared)
        self.rho, self.momentum, self.epsilon, self.centered = rho, momentum, epsilon, centered

    def _settings(self) -> dict[str, Any]:
        return {
            "rho": self.rho, "momentum": self.momentum, "eps": self.epsilon,
            "centered": self.centered,
        }

    def _arguments(self) -> dict[str, Any]:
        return {
            "rho": self.rho, "momentum": self.momentum, "epsilon": self.epsilon,
            "centered": self.centered,
        }


class Adagrad(Optimizer):
    """Divide each step by the root of the sum of all squared gradients so far.

    initial_accumulator_value: what the sums start from.  Source: Duchi et al. 2011.
    """

    _engine = formulas.Adagrad

    def __init__(
        self, learning_rate: Any = 0.001, initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7, **shared: Any,
    ) -> None:
        super().__init__(learning_rate, **shared)
        self.initial_accumulator_value, self.epsilon = initial_accumulator_value, epsilon

    def _settings(self) -> dict[str, Any]:
        return {
            "initial_accumulator_value": self.initial_accumulator_value, "eps": self.epsilon
        }

    def _arguments(self) -> dict[str, Any]:
        return {
            "initial_accumulator_value": self.initial_accumulator_value, "epsilon": self.epsilon
        }


class Adadelta(Optimizer):
    """Take steps in proportion to the root mean square of the steps before. Zeiler 2012."""

    _engine = formulas.Adadelta

    def __init__(
        self, learning_rate: Any = 0.001, rho: float = 0.95, epsilon: float = 1e-7, **shared: Any
    ) -> None:
        super().__init__(learning_rate, **shared)
        self.rho, self.epsilon = rho, epsilon

    def _settings(self) -> dict[str, Any]:
        return {"rho": self.rho, "eps": self.epsilon}

    def _arguments(self) -> dict[str, Any]:
        return {"rho": self.rho, "epsilon": self.epsilon}


class Lion(Optimizer):
    """Take steps of one size, in the direction of the momentum's sign. Chen et al. 2023."""

    _engine = formulas.Lion

    def __init__(
        self, learning_rate: Any = 0.001, beta_1: float = 0.9, beta_2: float = 0.99, **shared: Any
    ) -> None:
        super().__init__(learning_rate, **shared)
        self.beta_1, self.beta_2 = beta_1, beta_2

    def _settings(self) -> dict[str, Any]:
        return {"betas": (self.beta_1, self.beta_2)}

    def _arguments(self) -> dict[str, Any]:
        return {"beta_1": self.beta_1, "beta_2": self.beta_2}


class Ftrl(Optimizer):
    """Follow the regularized leader: sparse weights by L1 in online learning.

    learning_rate_power: of the accumulated squares.  l1_, l2_regularization_strength: penalties;
    l2_shrinkage_regularization_strength: one more, on the gradient alone.  beta: added to the
    root.  Source: McMahan et al. 2013.
    """

    _engine = formulas.Ftrl
    _NAMES = {
        "power": "learning_rate_power", "initial_accumulator_value": "initial_accumulator_value",
        "l1": "l1_regularization_strength", "l2": "l2_regularization_strength",
        "l2_shrinkage": "l2_shrinkage_regularization_strength", "beta": "beta",
    }

    def __init__(
        self, learning_rate: Any = 0.001, learning_rate_power: float = -0.5,
        initial_accumulator_value: float = 0.1, l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        l2_shrinkage_regularization_strength: float = 0.0, beta: float = 0.0, **shared: Any,
    ) -> None:
        super().__init__(learning_rate, **shared)
        self.learning_rate_power = learning_rate_power
        self.initial_accumulator_value = initial_accumulator_value
        self.l1_regularization_strength = l1_regularization_strength
        self.l2_regularization_strength = l2_regularization_strength
        self.l2_shrinkage_regularization_strength = l2_shrinkage_regularization_strength
        self.beta = beta

    def _settings(self) -> dict[str, Any]:
        return {ours: getattr(self, theirs) for ours, theirs in self._NAMES.items()}

    def _arguments(self) -> dict[str, Any]:
        return {theirs: getattr(self, theirs) for theirs in self._NAMES.values()}
