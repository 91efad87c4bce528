"""Evaluates arithmetic and conditions that a model wrote.

The package simpleeval evaluates the syntax tree, without Python's `eval`. The limits of simpleeval allow a power that
takes seconds to compute, so this module sets stricter limits. A result has fewer than 4,300 digits, because Python
refuses to print longer integers. Strings cannot be multiplied or formatted.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["ARITHMETIC", "COMPARISON", "evaluate"]

MAX_CHARACTERS = 1000
MAX_BITS = 14_000


def _numeric(operation: Callable[..., Any]) -> Callable[..., Any]:
    def guarded(*operands: Any) -> Any:
        if not all(isinstance(operand, int | float) and not isinstance(operand, bool) for operand in operands):
            raise ValueError("only numbers can be calculated with")
        result = operation(*operands)
        if isinstance(result, complex):
            raise ValueError("the result is not a real number")
        if isinstance(result, int) and result.bit_length() > MAX_BITS:
            raise ValueError("the result is too large")
        return result

    return guarded


def _power(base: float, exponent: float) -> Any:
    # For whole numbers, the size of the result is checked before the power is computed, because a large power takes
    # long. For floats, Python raises an error.
    if isinstance(base, int) and isinstance(exponent, int) and base.bit_length() * abs(exponent) > MAX_BITS:
        raise ValueError("the power is too large")
    return base**exponent


ARITHMETIC: Mapping[type[ast.AST], Callable[..., Any]] = {
    ast.Add: _numeric(operator.add),
    ast.Sub: _numeric(operator.sub),
    ast.Mult: _numeric(operator.mul),
    ast.Div: _numeric(operator.truediv),
    ast.FloorDiv: _numeric(operator.floordiv),
    ast.Mod: _numeric(operator.mod),
    ast.Pow: _numeric(_power),
    ast.UAdd: _numeric(operator.pos),
    ast.USub: _numeric(operator.neg),
}

COMPARISON: Mapping[type[ast.AST], Callable[..., Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda item, container: item in container,
    ast.NotIn: lambda item, container: item not in container,
    ast.Not: operator.not_,
}

_STRING_METHODS = frozenset({"startswith", "endswith", "lower", "upper"})


def evaluate(
    expression: str,
    operators: Mapping[type[ast.AST], Callable[..., Any]],
    functions: Mapping[str, Callable[..., Any]] | None = None,
) -> Callable[..., Any]:
    """Return a function that evaluates an expression.

    The returned function takes the values of the names in the expression as keyword arguments. It raises `ValueError`
    if the expression uses something that is not allowed, or if the result is not finite.

    Args:
        expression: The expression, in Python's syntax.
        operators: The operators that are allowed in the expression.
        functions: The functions that are allowed in the expression, by name.

    Raises:
        ValueError: The string `expression` is too long, is not an expression, or contains a comprehension.
    """
    from simpleeval import EvalWithCompoundTypes, InvalidExpression  # type: ignore[import-untyped,unused-ignore]

    if len(expression) > MAX_CHARACTERS:
        raise ValueError(f"the expression is longer than {MAX_CHARACTERS} characters")
    # If the expression is nested too deeply, the parser raises MemoryError or RecursionError.
    failures = (InvalidExpression, SyntaxError, TypeError, ArithmeticError, KeyError, MemoryError, RecursionError)
    evaluator = EvalWithCompoundTypes(
        operators=dict(operators),
        functions=dict(functions or {}),
        names={},
        allowed_attrs={str: set(_STRING_METHODS)},
    )
    try:
        parsed = evaluator.parse(expression.strip())
    except (*failures, ValueError) as error:
        raise ValueError(f"not an expression: {_reason(error)}") from None
    if any(isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) for node in ast.walk(parsed)):
        raise ValueError("comprehensions are not allowed")

    def run(**names: Any) -> Any:
        evaluator.names = names
        try:
            result = evaluator.eval(expression, previously_parsed=parsed)
        except failures as error:
            raise ValueError(f"cannot evaluate {expression[:100]!r}: {_reason(error)}") from None
        if isinstance(result, float) and not math.isfinite(result):
            raise ValueError("the result is not a finite number")
        return result

    return run


def _reason(error: BaseException) -> str:
    # The memory address of a syntax node is removed, because the same call must always give the same message.
    return re.sub(r"<ast\.(\w+) object at \w+>", r"\1", str(error) or type(error).__name__)[:200]
