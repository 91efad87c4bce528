"""Arguments for schemas that refer to themselves."""

from __future__ import annotations

from random import Random

import pytest

from toolmark.benchmark.data.cases import Tool
from toolmark.benchmark.tools.schemas import problems, validator_of
from toolmark.generators.template.schema.described_tool import DescribedTool
from toolmark.generators.template.schema.samples import CannotSample

QUERY = {"$ref": "#/$defs/Query"}
TEXT = {"type": "object", "required": ["words"], "properties": {"words": {"type": "string"}}}
BOTH = {"type": "object", "required": ["left", "right"], "properties": {"left": QUERY, "right": QUERY}}


def every(items):
    return {
        "type": "object",
        "required": ["of"],
        "properties": {"of": {"type": "array", "minItems": 1, "items": items}},
    }


def tool(query):
    parameters = {"type": "object", "required": ["query"], "properties": {"query": QUERY}, "$defs": {"Query": query}}
    return Tool(name="search_docs", description="Search the documents.", parameters=parameters)


@pytest.mark.parametrize(
    "query",
    [
        {"oneOf": [TEXT, every(QUERY)]},
        {"oneOf": [every(QUERY), BOTH, TEXT]},
        {"anyOf": [{"allOf": [every(QUERY)]}, {"allOf": [TEXT]}]},
        {
            **TEXT,
            "required": ["words", "parent"],
            "properties": {"words": {}, "parent": {"anyOf": [QUERY, {"type": "null"}]}},
        },
        {"type": ["object", "null"], "required": ["parent"], "properties": {"parent": QUERY}},
        {"type": "array", "items": QUERY},
        {"type": "object", "properties": {"child": QUERY, "name": {"type": "string"}}},
        {"type": "object", "additionalProperties": QUERY},
    ],
    ids=range(8),
)
def test_arguments_of_a_recursive_schema_are_valid_and_end(query):
    made = tool(query)
    described, validator = DescribedTool(made), validator_of(made)
    for seed in range(20):
        drawn = described.question(Random(seed), "easy").draw.arguments
        assert not problems(drawn, validator)
        assert len(str(drawn)) < 4_000


def test_references_may_have_indices_and_percent_encoding():
    properties = {"a b": {"anyOf": [{"type": "string", "enum": ["x"]}]}, "c": {"$ref": "#/properties/a%20b/anyOf/0"}}
    made = Tool(
        name="f", description="Find.", parameters={"type": "object", "required": ["c"], "properties": properties}
    )
    assert DescribedTool(made).question(Random(1), "easy").draw.arguments["c"] == "x"


@pytest.mark.parametrize("query", [BOTH, every(QUERY), {"$ref": "#/$defs/Query"}, {"oneOf": [BOTH, every(QUERY)]}])
def test_a_schema_without_an_end_is_refused(query):
    with pytest.raises(CannotSample):
        DescribedTool(tool(query))
