r"""What each operation computes and what its derivative is, as formulas to be read.

One table for every reader: the pages and pictures, tj.explain, the reference of operations.

    from tinygrad_jp.graph.formulas import formula

    found = formula("np.divide")              a label, as GraphNode.label has it; or np.divide
    found.forward.latex                       y = \frac{a}{b}
    found.forward.text                        y = a / b
    found.of("b").local.text                  −a / b²           ∂y/∂b, element by element
    found.of("b").pull.text                   g·(−a / b²)       what is sent back to b
    formula("np.matmul").of("a").pull.text    g bᵀ              (there, local is None)

`g` is the gradient that arrives, ∂L/∂y; `y` the result; other letters the arguments. A product
with a local derivative is element by element, and an argument that was broadcast gets the sum
over what was repeated. An operation that is not in the table, as a user's own, is read off its
rule where that is a plain expression; else the general chain rule stands for it, and `is_general`
says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from ..vocabulary.rule import REGISTRY, Function, Rule, label
from .reading import pulls_of
from .typeset import Set, typeset

# label: (forward, {argument: ∂y/∂argument}); what the engine does, element by element
ELEMENTWISE: dict[str, tuple[str, dict[str, str]]] = {
    "np.add": ("a + b", {"a": "1", "b": "1"}),
    "np.subtract": ("a - b", {"a": "1", "b": "-1"}),
    "np.multiply": ("a * b", {"a": "b", "b": "a"}),
    "np.divide": ("a / b", {"a": "1 / b", "b": "-a / b**2"}),
    "np.negative": ("-x", {"x": "-1"}),
    "np.positive": ("x", {"x": "1"}),
    "np.remainder": ("a - b * floor(a / b)", {"a": "1", "b": "-floor(a / b)"}),
    "np.fmod": ("a - b * trunc(a / b)", {"a": "1", "b": "-trunc(a / b)"}),
    "np.power": ("a**b", {"a": "b * a**(b - 1)", "b": "y * log(a)"}),
    "np.float_power": ("a**b", {"a": "b * a**(b - 1)", "b": "y * log(a)"}),
    "np.square": ("x**2", {"x": "2 * x"}),
    "np.sqrt": ("sqrt(x)", {"x": "1 / (2 * y)"}),
    "np.cbrt": ("cbrt(x)", {"x": "1 / (3 * y**2)"}),
    "np.reciprocal": ("1 / x", {"x": "-(y**2)"}),
    "np.absolute": ("abs(x)", {"x": "sign(x)"}),
    "np.fabs": ("abs(x)", {"x": "sign(x)"}),
    "np.copysign": ("abs(a) * sign(b)", {"a": "sign(a) * sign(b)"}),
    "np.hypot": ("sqrt(a**2 + b**2)", {"a": "a / y", "b": "b / y"}),
    "np.maximum": ("max(a, b)", {"a": "one(a > b)", "b": "one(b > a)"}),
    "np.minimum": ("min(a, b)", {"a": "one(a < b)", "b": "one(b < a)"}),
    "np.fmax": ("max(a, b)", {"a": "one(a > b)", "b": "one(b > a)"}),
    "np.fmin": ("min(a, b)", {"a": "one(a < b)", "b": "one(b < a)"}),
    "np.clip": (
        "min(max(a, b), c)", {"a": "one(b < a) * one(a < c)", "b": "one(a < b)", "c": "one(a > c)"}
    ),
    "np.where": ("where(a, b, c)", {"b": "where(a, 1, 0)", "c": "where(a, 0, 1)"}),
    "np.exp": ("exp(x)", {"x": "y"}),
    "np.expm1": ("exp(x) - 1", {"x": "y + 1"}),
    "np.exp2": ("2**x", {"x": "y * log(2)"}),
    "np.log": ("log(x)", {"x": "1 / x"}),
    "np.log2": ("log2(x)", {"x": "1 / (x * log(2))"}),
    "np.log10": ("log10(x)", {"x": "1 / (x * log(10))"}),
    "np.log1p": ("log(1 + x)", {"x": "1 / (1 + x)"}),
    "np.logaddexp": ("log(exp(a) + exp(b))", {"a": "exp(a - y)", "b": "exp(b - y)"}),
    "np.logaddexp2": ("log2(2**a + 2**b)", {"a": "2**(a - y)", "b": "2**(b - y)"}),
    "log_or_zero": ("where(x > 0, log(x), 0)", {"x": "where(x > 0, 1 / x, 0)"}),
    "bounded_log": ("max(log(x), -100)", {"x": "1 / x"}),
    "np.sin": ("sin(x)", {"x": "cos(x)"}),
    "np.cos": ("cos(x)", {"x": "-sin(x)"}),
    "np.tan": ("tan(x)", {"x": "1 + y**2"}),
    "np.arcsin": ("arcsin(x)", {"x": "1 / sqrt(1 - x**2)"}),
    "np.arccos": ("arccos(x)", {"x": "-1 / sqrt(1 - x**2)"}),
    "np.arctan": ("arctan(x)", {"x": "1 / (1 + x**2)"}),
    "np.arctan2": ("arctan2(a, b)", {"a": "b / (a**2 + b**2)", "b": "-a / (a**2 + b**2)"}),
    "np.sinh": ("sinh(x)", {"x": "cosh(x)"}),
    "np.cosh": ("cosh(x)", {"x": "sinh(x)"}),
    "np.tanh": ("tanh(x)", {"x": "1 - y**2"}),
    "np.arcsinh": ("arsinh(x)", {"x": "1 / sqrt(x**2 + 1)"}),
    "np.arccosh": ("arcosh(x)", {"x": "1 / sqrt(x**2 - 1)"}),
    "np.arctanh": ("artanh(x)", {"x": "1 / (1 - x**2)"}),
    "np.deg2rad": ("x * pi / 180", {"x": "pi / 180"}),
    "np.rad2deg": ("x * 180 / pi", {"x": "180 / pi"}),
    "np.sinc": ("sin(pi * x) / (pi * x)", {"x": "(cos(pi * x) - y) / x"}),
    "erf": ("erf(x)", {"x": "2 / sqrt(pi) * exp(-(x**2))"}),
    "sigmoid": ("1 / (1 + exp(-x))", {"x": "y * (1 - y)"}),
    "log_sigmoid": ("log(sigma(x))", {"x": "sigma(-x)"}),
    "relu": ("max(x, 0)", {"x": "one(x > 0)"}),
    "leaky_relu": ("where(x > 0, x, slope * x)", {"x": "where(x > 0, 1, slope)"}),
    "elu": (
        "where(x > 0, x, alpha * (exp(x) - 1))", {"x": "where(x > 0, 1, alpha * exp(x))"}
    ),
    "softplus": ("log(1 + exp(beta * x)) / beta", {"x": "sigma(beta * x)"}),
    "silu": ("x * sigma(x)", {"x": "sigma(x) * (1 + x * (1 - sigma(x)))"}),
    "gelu": ("x * Phi(x)", {"x": "Phi(x) + x * phi(x)"}),
    "binary_entropy": (
        "-b * log(a) - (1 - b) * log(1 - a)",
        {"a": "(a - b) / (a * (1 - a))", "b": "log(1 - a) - log(a)"},
    ),
    "np.conjugate": ("x", {"x": "1"}),
    "np.real": ("x", {"x": "1"}),
    "np.real_if_close": ("x", {"x": "1"}),
    "np.copy": ("x", {"x": "1"}),
    "astype": ("x", {"x": "1"}),
    "convert": ("x", {"x": "1"}),
    "np.nan_to_num": ("where(finite(x), x, nan)", {"x": "one(finite(x))"}),
    "np.ldexp": ("a * 2**b", {"a": "2**b"}),
}

# label: (forward, {argument: what is sent back to it}); these mix elements or move them
MIXING: dict[str, tuple[str, dict[str, str]]] = {
    "np.matmul": ("a @ b", {"a": "g @ b.T", "b": "a.T @ g"}),
    "linear": ("x @ w.T + b", {"x": "g @ w", "w": "g.T @ x", "b": "sum_rows(g)"}),
    "contract": ("einsum(x_1, x_2)", {"xs": "einsum(g, others)"}),
    "sum_outer": ("a.T @ b", {"a": "b @ g.T", "b": "a @ g"}),
    "sum_rows": ("sum_rows(x)", {"x": "spread(g)"}),
    "sum_to": ("sum(x)", {"x": "spread(g)"}),
    "np.sum": ("sum(x)", {"x": "spread(g)"}),
    "np.mean": ("sum(x) / n", {"x": "spread(g / n)"}),
    "np.var": ("sum((x - mu)**2) / n", {"x": "2 * g * (x - mu) / n"}),
    "np.std": ("sqrt(sum((x - mu)**2) / n)", {"x": "g * (x - mu) / (n * y)"}),
    "logsumexp": ("log(sum(exp(x)))", {"x": "g * exp(x - y)"}),
    "np.max": ("max(x)", {"x": "g * one(x == y) / sum(one(x == y))"}),
    "np.min": ("min(x)", {"x": "g * one(x == y) / sum(one(x == y))"}),
    "np.prod": ("prod(x)", {"x": "g * y / x"}),
    "np.cumsum": ("cumsum(x)", {"x": "reverse_cumsum(g)"}),
    "np.cumprod": ("cumprod(x)", {"x": "reverse_cumsum(g * y) / x"}),
    "softmax": ("exp(x) / sum(exp(x))", {"x": "y * (g - sum(g * y))"}),
    "log_softmax": ("x - log(sum(exp(x)))", {"x": "g - exp(y) * sum(g)"}),
    "cross_entropy": (
        "-mean(log(softmax(z)[t]))", {"z": "g * (softmax(z) - one_hot(t)) / N"}
    ),
    "minus_one_hot": ("p - one_hot(t)", {"p": "g"}),
    "mse": ("sum((a - b)**2) / n", {"a": "2 * g * (a - b) / n", "b": "-2 * g * (a - b) / n"}),
    "center_and_scale": (
        "(x - mu) / sqrt(sigma**2 + epsilon)",
        {"x": "(g - mean(g) - y * mean(g * y)) / sqrt(sigma**2 + epsilon)"},
    ),
    "standardize": (
        "(x - mu) / sqrt(sigma**2 + epsilon)",
        {"x": "(g - mean(g) - y * mean(g * y)) / sqrt(sigma**2 + epsilon)"},
    ),
    "rms_standardize": (
        "x / sqrt(mean(x**2) + epsilon)",
        {"x": "(g - y * mean(g * y)) / sqrt(mean(x**2) + epsilon)"},
    ),
    "p_norm": ("sum(abs(x)**p)**(1 / p)", {"x": "g * sign(x) * (abs(x) / y)**(p - 1)"}),
    "np.reshape": ("reshape(x)", {"x": "reshape_back(g)"}),
    "np.squeeze": ("squeeze(x)", {"x": "reshape_back(g)"}),
    "np.expand_dims": ("expand_dims(x)", {"x": "reshape_back(g)"}),
    "np.transpose": ("x.T", {"x": "g.T"}),
    "np.swapaxes": ("swapaxes(x)", {"x": "swapaxes(g)"}),
    "np.moveaxis": ("moveaxis(x)", {"x": "move_back(g)"}),
    "np.broadcast_to": ("spread(x)", {"x": "sum(g)"}),
    "np.flip": ("flip(x)", {"x": "flip(g)"}),
    "np.roll": ("roll(x)", {"x": "roll_back(g)"}),
    "np.tril": ("tril(x)", {"x": "tril(g)"}),
    "np.triu": ("triu(x)", {"x": "triu(g)"}),
    "np.sort": ("sort(x)", {"x": "back_to_places(g)"}),
    "getitem": ("x[index]", {"x": "put_at(index, g)"}),
    "scatter_add": ("put_at(index, x)", {"x": "g[index]"}),
    "set_at": ("where(index, b, a)", {"a": "where(index, 0, g)", "b": "g[index]"}),
    "np.take_along_axis": ("a[b]", {"a": "put_at(b, g)"}),
    "put_along": ("put_at(b, a)", {"a": "g[b]"}),
    "np.concatenate": ("concat(x_1, x_2)", {"xs": "part(g)"}),
    "np.stack": ("stack(x_1, x_2)", {"xs": "part(g)"}),
    "pad_with": ("pad(x)", {"x": "middle(g)"}),
    "np.lib.stride_tricks.sliding_window_view": ("windows(x)", {"x": "fold(g)"}),
    "fold": ("fold(x)", {"x": "windows(g)"}),
    "convolve_full": ("convolve(a, b)", {"a": "correlate(g, b)", "b": "correlate(g, a)"}),
    "np.linalg.inv": ("x**(-1)", {"x": "-(y.T @ g @ y.T)"}),
    "np.linalg.solve": ("a**(-1) @ b", {"a": "-((a.T)**(-1) @ g @ y.T)", "b": "(a.T)**(-1) @ g"}),
    "np.linalg.det": ("det(x)", {"x": "g * y * (x.T)**(-1)"}),
    "np.linalg.slogdet": ("log(abs(det(x)))", {"x": "g * (x.T)**(-1)"}),
    "cofactor": ("det(x) * (x.T)**(-1)", {}),
}


@dataclass(frozen=True, slots=True)
class Derivative:
    """What one argument is sent.

    local  ∂y/∂argument, element by element; None where elements are mixed or moved
    pull   the contribution to ∂L/∂argument, in the gradient g that arrives
    """

    local: Set | None
    pull: Set


@dataclass(frozen=True, slots=True)
class Formula:
    """An operation in formulas.

    forward      y = ...; the rule's own words where there is no formula
    derivatives  argument -> Derivative
    is_general   whether nothing more is known than the chain rule
    """

    forward: Set
    derivatives: dict[str, Derivative]
    is_general: bool = False

    def of(self, argument: str) -> Derivative:
        """Give what an argument is sent; "xs[2]" is one of the list "xs"."""
        name = argument.partition("[")[0]
        return self.derivatives.get(name) or general(name)


def general(argument: str) -> Derivative:
    """Give the chain rule, which holds for every operation."""
    return Derivative(None, Set(
        rf"g \cdot \frac{{\partial y}}{{\partial {argument}}}", f"g·∂y/∂{argument}"
    ))


def formula(operation: str | Function | Rule) -> Formula:
    """Find the formulas of an operation: by its label, its function, or its rule.

    Give the function or the rule where there is one: a user's own may bear a built-in's name.

    >>> formula("np.divide").of("b").local.text
    '−a / b²'
    """
    if isinstance(operation, str):
        return _listed(operation) or Formula(_words(operation, operation), {}, is_general=True)
    rule = operation if isinstance(operation, Rule) else REGISTRY.get(operation)
    fn = operation.fn if isinstance(operation, Rule) else operation
    return _of_rule(fn, rule)


@cache
def _of_rule(fn: Any, rule: Any) -> Formula:
    name = label(fn)
    module = getattr(fn, "__module__", "") or "numpy"
    ours = module.partition(".")[0] in ("numpy", __name__.partition(".")[0])
    found = _listed(name) if ours else None
    if found is not None:
        return found
    if not isinstance(rule, Rule):
        return Formula(_words(name, ""), {}, is_general=True)
    derivatives = {}
    for argument, expression in pulls_of(rule).items():
        try:
            derivatives[argument] = Derivative(None, typeset(expression))
        except SyntaxError:
            continue  # more than a formula: the general rule stands for it
    return Formula(_words(name, rule.about), derivatives, is_general=not derivatives)


@cache
def _listed(name: str) -> Formula | None:
    if name in ELEMENTWISE:
        forward, locals_ = ELEMENTWISE[name]
        derivatives = {
            argument: Derivative(typeset(local), typeset(times_g(local)))
            for argument, local in locals_.items()
        }
    elif name in MIXING:
        forward, pulls = MIXING[name]
        derivatives = {a: Derivative(None, typeset(pull)) for a, pull in pulls.items()}
    else:
        return None
    return Formula(_equals(typeset(forward)), derivatives)


def times_g(local: str) -> str:
    """Write g times a local derivative, and simply g or -g for one that is 1 or -1."""
    if local in ("1", "-1"):
        return local.replace("1", "g")
    if local.startswith("1 / "):
        return "g / " + local.removeprefix("1 / ")
    return f"g * ({local})"


def _equals(right: Set) -> Set:
    return Set(f"y = {right.latex}", f"y = {right.text}")


def _words(name: str, about: str) -> Set:
    words = about or f"{name}(…)"
    plain = "".join(rf"\{c}" if c in "_&%$#{}" else " " if c in "\\^~" else c for c in words)
    return Set(rf"y = \text{{{plain}}}", f"y = {words}")
