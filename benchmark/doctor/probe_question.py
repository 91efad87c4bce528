"""The tool and the questions with which a model and a server are probed."""

from __future__ import annotations

from toolmark.benchmark.data.cases import Tool

__all__ = ["MAX_TOKENS", "QUESTION", "TOOL", "TWO_QUESTIONS"]

TOOL = Tool(
    name="parcel_price",
    description="Computes the price of a parcel.",
    parameters={
        "type": "object",
        "properties": {"weight": {"type": "number"}, "city": {"type": "string"}},
        "required": ["weight", "city"],
    },
)

# 2.50 and é show whether a server writes arguments anew, as 2.5 or as \u00e9.
QUESTION = "Use parcel_price with weight 2.50 and city Orléans."

TWO_QUESTIONS = "Use parcel_price twice: with weight 1 and city Rome, and with weight 2 and city Oslo."

MAX_TOKENS = 128
"""The limit on the tokens of an answer. A call of the tool has about 30 tokens."""
