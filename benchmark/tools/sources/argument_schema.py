"""Makes the JSON Schema of a function's arguments."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from toolmark.benchmark.tools.implementations import argument_adapter

__all__ = ["argument_schema"]


class _ArgumentSchema(GenerateJsonSchema):
    """Makes the schemas of pydantic, but allows only a number for a Decimal.

    Pydantic also allows a text. But its schema does not say that the text must contain a number.
    """

    def decimal_schema(self, schema: core_schema.DecimalSchema) -> JsonSchemaValue:
        made = super().decimal_schema(schema)
        return next((one for one in made.get("anyOf", ()) if one.get("type") == "number"), made)

    def encode_default(self, dft: Any) -> Any:
        if isinstance(dft, Decimal):
            return int(dft) if dft == dft.to_integral_value() else float(dft)
        return super().encode_default(dft)


def argument_schema(function: Callable[..., Any]) -> dict[str, Any]:
    """Return the JSON Schema of a function's arguments.

    Raises:
        PydanticUserError: The type of an argument has no JSON Schema.
        NameError: An annotation uses a name that does not exist.
    """
    return argument_adapter(function).json_schema(schema_generator=_ArgumentSchema)
