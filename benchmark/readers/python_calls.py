"""Reads calls in Python's notation, for example `[f(a='b'), g()]`. No code is run."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

from toolmark.benchmark.core.strict_json import MAX_LITERAL, python_literal
from toolmark.benchmark.data.cases import Call

__all__ = ["python_calls"]


def python_calls(text: str, parameters: Mapping[str, Sequence[str]] | None = None) -> tuple[Call, ...]:
    """Return the calls in a text like `[f(a='b'), g()]`. The values are Python literals. No code is run.

    Args:
        text: The text.
        parameters: The names of the parameters of each function, in order. Without them, every argument must have a
            name.

    Raises:
        ValueError: The text is not a list of calls, or the text is too long.
    """
    if len(text) > MAX_LITERAL:
        raise ValueError(f"the calls have {len(text)} characters, but at most {MAX_LITERAL} are read")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, MemoryError, RecursionError) as error:
        raise ValueError(f"not a list of calls: {error}") from None
    nodes = tree.elts if isinstance(tree, ast.List) else [tree]
    return tuple(_call(node, parameters or {}) for node in nodes)


def _call(node: ast.expr, parameters: Mapping[str, Sequence[str]]) -> Call:
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
        raise ValueError(f"not a call: {ast.unparse(node)[:80]}")
    name = node.func.id
    known = parameters.get(name, ())
    if len(node.args) > len(known):
        raise ValueError(f"not a call with named arguments: {ast.unparse(node)[:80]}")
    given = [*zip(known, node.args, strict=False), *((str(one.arg), one.value) for one in node.keywords)]
    return Call(name=name, arguments={key: python_literal(ast.unparse(value)) for key, value in given})
