"""Read a rule's pulls as expressions, where they are written as plain lambdas.

So a user's own rule has its formula shown with nothing more to write: the text of the program is
the formula. What is more than one expression of known functions is not read.
"""

from __future__ import annotations

import ast
import inspect
from textwrap import dedent
from typing import Any

from ..vocabulary.rule import Function, Rule, parameters


def pulls_of(rule: Rule) -> dict[str, str]:
    """Give the expression of each pull that can be read, by argument, in g, y and the arguments."""
    found = {}
    for argument, pull in zip(rule.arguments, rule.pulls, strict=True):
        text = expression_of(pull) if pull is not None else None
        if text is not None:
            found[argument] = text
    return found


def expression_of(pull: Function) -> str | None:
    """Give a lambda's expression without its `np.`; None where that cannot be had."""
    try:
        lines, _ = inspect.getsourcelines(pull)
    except (OSError, TypeError):
        return None
    body = _body(dedent("".join(lines)), parameters(pull))
    if body is None:
        return None
    plain = ast.fix_missing_locations(_Plain().visit(body))
    return None if _Plain.knows_not(plain, set(parameters(pull))) else ast.unparse(plain)


def _body(source: str, names: tuple[str, ...]) -> ast.expr | None:
    """Find the lambda with these parameters in a few lines of a program."""
    tree = None
    for text in (source, f"({source.strip().rstrip(',')})", f"f({source}", source.split("\n")[0]):
        try:
            tree = ast.parse(text)
            break
        except SyntaxError:
            continue
    if tree is None:
        return None
    bodies = {
        ast.unparse(node.body): node.body for node in ast.walk(tree)
        if isinstance(node, ast.Lambda) and tuple(a.arg for a in node.args.args) == names
    }
    return next(iter(bodies.values())) if len(bodies) == 1 else None


class _Plain(ast.NodeTransformer):
    """Take `np.` off functions, and write np.square(x) as x**2."""

    def visit_Call(self, node: ast.Call) -> Any:
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id == "square" and len(node.args) == 1:
            return ast.BinOp(node.args[0], ast.Pow(), ast.Constant(2))
        return node

    def visit_Attribute(self, node: ast.Attribute) -> Any:
        if isinstance(node.value, ast.Name) and node.value.id in ("np", "numpy", "math"):
            return ast.Name(node.attr, ast.Load())
        return self.generic_visit(node)

    @staticmethod
    def knows_not(tree: ast.expr, names: set[str]) -> bool:
        """Tell whether an expression names what is neither an argument nor a function."""
        called = {n.func.id for n in ast.walk(tree)
                  if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
        used = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
        return bool(used - called - names - {"pi"})
