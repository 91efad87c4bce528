"""The comparison as one JSON document, with a published schema: docs/report.schema.json."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, TypeAdapter

from toolmark.benchmark.verdicts.comparison import Comparison
from toolmark.reports.writing import write

__all__ = ["Json", "document", "schema"]

VERSION: Literal[2] = 2


class Document(BaseModel):
    """A comparison with everything that stands behind it. `null` is an interval without an end."""

    version: Literal[2]
    comparison: Comparison


@cache
def _adapter() -> TypeAdapter[Document]:
    return TypeAdapter(Document)


def document(comparison: Comparison) -> str:
    """The document's text."""
    made = Document.model_construct(version=VERSION, comparison=comparison)
    # Python's own writer: ASCII, so that no character of a model's reaches a terminal or a log as it is.
    return json.dumps(json.loads(_adapter().dump_json(made)), indent=1)


def schema() -> dict[str, Any]:
    """Its JSON Schema."""
    found = _adapter().json_schema(mode="serialization")
    for end in ("low", "high"):  # infinity has no word in JSON
        found["$defs"]["Interval"]["properties"][end]["type"] = ["number", "null"]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **found}


class Json:
    """Draws everything, for programs."""

    name = "json"
    suffixes: Sequence[str] = (".json",)

    def render(self, comparison: Comparison, out: Path | None) -> None:
        """Write to `out`, or print."""
        text = document(comparison)
        if out is None:
            print(text)  # noqa: T201
        else:
            write(out, text + "\n")
