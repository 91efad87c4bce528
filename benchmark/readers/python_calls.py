"""Reads calls in Python's notation, for example `[f(a='b'), g()]`. No code is run."""

from __future__ import annotations

import ast

from toolmark.benchmark.core.strict_json import MAX_LITERAL, python_literal
from toolmark.benchmark.data.cases import Call

__all__ = ["python_calls"]


def python_calls(text: str) -> tuple[Call, ...]:
    """Return the calls in a text like `[f(a='b'), g()]`. The values are Python literals. No code is run.

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
    calls: list[Call] = []
    for node in nodes:
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.args:
            raise ValueError(f"not a call with named arguments: {ast.unparse(node)[:80]}")
        values = {str(keyword.arg): python_literal(ast.unparse(keyword.value)) for keyword in node.keywords}
        calls.append(Call(name=node.func.id, arguments=values))
    return tuple(calls)
