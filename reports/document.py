"""Writes a comparison as one JSON document. The schema of the document is docs/report.schema.json."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, TypeAdapter
from pydantic_core import to_jsonable_python

from toolmark.benchmark.verdicts.comparison import Comparison
from toolmark.reports.writing import write

__all__ = ["Json", "document", "schema"]

VERSION: Literal[2] = 2


class Document(BaseModel):
    """A comparison with all its data. An infinite end of an interval is written as `null`."""

    version: Literal[2]
    comparison: Comparison


@cache
def _adapter() -> TypeAdapter[Document]:
    return TypeAdapter(Document)


def document(comparison: Comparison) -> str:
    """Return the JSON document of a comparison, as text."""
    made = Document.model_construct(version=VERSION, comparison=comparison)
    # A ledger can contain half of a surrogate pair. pydantic cannot write it as JSON, so json.dumps writes the text.
    # It writes ASCII only, so no control character from a model reaches a terminal or a log.
    text = json.dumps(_adapter().dump_python(made), default=to_jsonable_python)
    return json.dumps(json.loads(text, parse_constant=lambda _: None), indent=1)


def schema() -> dict[str, Any]:
    """Return the JSON Schema of the document."""
    made = _adapter().json_schema(mode="serialization")
    for end in ("low", "high"):  # an infinite end is written as null
        made["$defs"]["Interval"]["properties"][end]["type"] = ["number", "null"]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}


class Json:
    """Writes all data of a comparison as JSON, for programs."""

    name = "json"
    suffixes: Sequence[str] = (".json",)

    def render(self, comparison: Comparison, out: Path | None) -> None:
        """Write the document to `out`, or print it."""
        write(out, document(comparison) + "\n")


if __name__ == "__main__":
    print(json.dumps(schema(), indent=1))  # noqa: T201
