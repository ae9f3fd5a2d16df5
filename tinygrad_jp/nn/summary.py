"""A model as a table: each module's output shape, its parameters, and what they weigh."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from html import escape
from typing import Any, NamedTuple

import numpy as np

from ..autograd.apply import default_dtype
from ..autograd.mode import no_grad
from ..autograd.tensor import Tensor
from ..errors import text
from .module import Module


class Row(NamedTuple):
    """One module of the table."""

    name: str  # dotted; "" is the model itself
    kind: str
    depth: int
    output: str  # its shape, or what stands for one
    parameters: int  # of this module itself, less those that an earlier row has counted
    parameter_bytes: int
    output_bytes: int  # 0 for a module that is made of others


class Summary:
    """What `summary` gives: prints as a table, shows as one in notebooks.

    rows: one per module. total_parameters, trainable_parameters; parameter_bytes, buffer_bytes,
    activation_bytes. failed: the dotted name of the layer that could not run, or None, with its
    `error`.
    """

    def __init__(
        self, model: Module, rows: list[Row], failed: str | None, error: Exception | None
    ) -> None:
        self.rows = rows
        self.failed = failed
        self.error = error
        self.failed_layer = "" if failed is None else repr(model.get_submodule(failed))
        parameters = list(model.parameters())
        self.total_parameters = sum(p._data.size for p in parameters)
        self.trainable_parameters = sum(p._data.size for p in parameters if p.requires_grad)
        self.parameter_bytes = sum(p._data.nbytes for p in parameters)
        self.buffer_bytes = sum(b._data.nbytes for b in model.buffers())
        self.activation_bytes = sum(row.output_bytes for row in rows)

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Give the head and the lines of the table as texts."""
        head = [
            text("summary_layer"), text("summary_output"), text("summary_params"),
            text("summary_weight"), text("summary_memory"),
        ]
        lines = []
        for row in self.rows:
            label = "  " * row.depth + (row.name.rpartition(".")[2] + ": " if row.name else "")
            lines.append([
                label + row.kind, row.output, f"{row.parameters:,}" if row.parameters else "-",
                size(row.parameter_bytes), size(row.output_bytes),
            ])
        return head, lines

    def totals(self) -> list[str]:
        """Give the lines below the table."""
        frozen = self.total_parameters - self.trainable_parameters
        lines = [
            text(
                "summary_parameters", total=f"{self.total_parameters:,}",
                trainable=f"{self.trainable_parameters:,}", frozen=f"{frozen:,}",
            ),
            text(
                "summary_bytes", parameters=size(self.parameter_bytes),
                buffers=size(self.buffer_bytes), activations=size(self.activation_bytes),
                total=size(self.parameter_bytes + self.buffer_bytes + self.activation_bytes),
            ),
        ]
        if self.failed is not None:
            lines.append(
                text(
                    "summary_failed", name=self.failed or "-", layer=self.failed_layer,
                    reason=str(self.error),
                )
            )
        return lines

    def __str__(self) -> str:
        head, lines = self.table()
        widths = [max(map(width, column)) for column in zip(head, *lines, strict=True)]
        bar = "─" * (sum(widths) + 2 * (len(widths) - 1))
        shown = [_aligned(line, widths) for line in (head, *lines)]
        return "\n".join([shown[0], bar, *shown[1:], bar, *self.totals()])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        head, lines = self.table()
        top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
        body = ""
        for line in lines:
            indent = (len(line[0]) - len(line[0].lstrip())) / 2
            style = f"text-align:left;padding-left:{indent:.1f}em"
            cells = [f'<td style="{style}">{escape(line[0])}</td>']
            cells += [f"<td>{escape(cell)}</td>" for cell in line[1:]]
            body += f"<tr>{''.join(cells)}</tr>"
        below = "<br>".join(map(escape, self.totals()))
        return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table><p>{below}</p>"


def summary(model: Module, input_shape: Any, dtype: Any = None) -> Summary:
    """Run a model once on zeros, and tabulate its modules.

    input_shape: the whole shape, the batch included, as (32, 784); a list of shapes for a model
        with several inputs; or Tensors themselves.
    dtype: of the zeros; by default that of the model's first parameter, and integers where an
        Embedding comes first.
    Nothing is recorded; the model runs in evaluation mode and goes back to the one it was in. If a
    layer fails, the table ends there and names it (`.failed`, `.error`).

    >>> from tinygrad_jp import nn
    >>> from tinygrad_jp.nn.summary import summary
    >>> summary(nn.Sequential(nn.Linear(2, 3), nn.ReLU()), (5, 2)).total_parameters
    9
    """
    modes = {module: module.training for module in model.modules()}
    watch = _Watch(model)
    failed: str | None = None
    error: Exception | None = None
    model.eval()
    try:
        with no_grad():
            model(*_inputs(model, input_shape, dtype))
    except Exception as reason:
        error = reason
        failed = watch.names[watch.open[-1]] if watch.open else ""
    finally:
        watch.close()
        for module, mode in modes.items():
            module.training = mode
    return Summary(model, watch.rows(), failed, error)


class _Watch:
    """Hooks on every module that note the shapes of what comes out."""

    def __init__(self, model: Module) -> None:
        self.names = {module: name for name, module in model.named_modules()}
        self.outputs: dict[Module, Any] = {}
        self.open: list[Module] = []  # those that have begun and not come to an end
        self.begun: list[Module] = []
        self.hooks: list[Any] = []
        for module in self.names:
            self.hooks.append(module.register_forward_pre_hook(self._enter))
            self.hooks.append(module.register_forward_hook(self._leave))

    def _enter(self, module: Module, args: Any) -> None:
        self.open.append(module)
        if module not in self.begun:
            self.begun.append(module)

    def _leave(self, module: Module, args: Any, output: Any) -> None:
        self.open.pop()
        self.outputs[module] = output

    def close(self) -> None:
        """Take the hooks away."""
        for hook in self.hooks:
            hook.remove()

    def rows(self) -> list[Row]:
        """Make the rows of the modules that ran, in the order in which they began."""
        counted: set[int] = set()
        rows = []
        for module in self.begun:
            mine = [
                p for _, p in module.named_parameters(recurse=False) if id(p) not in counted
            ]
            counted.update(map(id, mine))
            name = self.names[module]
            inner = next(module.children(), None) is not None
            done = module in self.outputs
            rows.append(Row(
                name, type(module).__name__, name.count(".") + 1 if name else 0,
                shape_text(self.outputs[module]) if done else "✗",
                sum(p._data.size for p in mine), sum(p._data.nbytes for p in mine),
                _nbytes(self.outputs[module]) if done and not inner else 0,
            ))
        return rows


def _inputs(model: Module, given: Any, dtype: Any) -> list[Any]:
    if isinstance(given, (Tensor, np.ndarray)):
        return [given]
    if isinstance(given, int):
        given = (given,)
    if all(isinstance(n, (int, np.integer)) for n in given):
        return [Tensor(np.zeros(tuple(given), dtype or _dtype(model)))]
    kind = dtype or _dtype(model)
    return [
        one if isinstance(one, (Tensor, np.ndarray)) else Tensor(np.zeros(tuple(one), kind))
        for one in given
    ]


def _dtype(model: Module) -> Any:
    from .linear import Embedding

    for module in model.modules():
        for parameter in module.parameters(recurse=False):
            return np.int64 if isinstance(module, Embedding) else parameter.dtype
    return default_dtype[0]


def shape_text(output: Any) -> str:
    """Say the shape of a Tensor, or of each in a tuple, list or dict."""
    if isinstance(output, dict):
        return "{" + ", ".join(f"{k}: {shape_text(v)}" for k, v in output.items()) + "}"
    if isinstance(output, (tuple, list)):
        return "[" + ", ".join(map(shape_text, output)) + "]"
    return str(tuple(output.shape)) if hasattr(output, "shape") else type(output).__name__


def _nbytes(output: Any) -> int:
    if isinstance(output, dict):
        return sum(map(_nbytes, output.values()))
    if isinstance(output, (tuple, list)):
        return sum(map(_nbytes, output))
    return int(output._data.nbytes) if isinstance(output, Tensor) else 0


def size(count: float) -> str:
    """Write a number of bytes: 512 B, 1.5 KiB, 3.0 MiB."""
    if count == 0:
        return "-"
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024 or unit == "GiB":
            break
        count /= 1024
    return f"{count:,.0f} B" if unit == "B" else f"{count:,.1f} {unit}"


def width(line: str) -> int:
    """Count the columns that a text takes in a terminal: two for a full-width sign."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in line
    )


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    """Set the first two columns to the left, the numbers to the right."""
    parts = []
    for i, (cell, wide) in enumerate(zip(cells, widths, strict=True)):
        space = " " * (wide - width(cell))
        parts.append(cell + space if i < 2 else space + cell)
    return "  ".join(parts).rstrip()
