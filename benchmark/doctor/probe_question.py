"""Contains the tool and the questions of the checks of models and servers."""

from __future__ import annotations

from toolmark.benchmark.data.cases import Tool

__all__ = ["LITERAL", "MAX_TOKENS", "QUESTION", "TOOL", "TWO_QUESTIONS"]

TOOL = Tool(
    name="parcel_price",
    description="Computes the price of a parcel.",
    parameters={
        "type": "object",
        "properties": {"weight": {"type": "number"}, "city": {"type": "string"}},
        "required": ["weight", "city"],
    },
)

LITERAL = "2.50"
"""A number in the question. If a server parses the arguments and writes them again, the number becomes 2.5."""

QUESTION = f"Use parcel_price with weight {LITERAL} and city Orléans."

TWO_QUESTIONS = "Use parcel_price twice: with weight 1 and city Rome, and with weight 2 and city Oslo."

MAX_TOKENS = 64
"""The limit on the tokens of an answer. A call of the tool has about 30 tokens."""
