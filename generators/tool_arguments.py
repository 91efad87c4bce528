"""Compare the arguments of two tools."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from toolmark.benchmark.data.cases import Tool

__all__ = ["same_arguments"]


def same_arguments(one: Tool, other: Tool) -> bool:
    """Return whether the arguments of two tools have the same names. Types are not compared."""
    return _argument_names(one) == _argument_names(other)


def _argument_names(tool: Tool) -> list[str]:
    properties = tool.parameters.get("properties")
    return sorted(properties) if isinstance(properties, dict) else []
