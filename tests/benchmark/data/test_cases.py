"""Identity of cases and tools, and the shapes in which they are accepted."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolmark.benchmark.core.hashing import canonical_json, digest
from toolmark.benchmark.data.cases import Call, CallSpec, Case, Message, Tool, Toolbox, query_hash
from toolmark.benchmark.data.match_rules import Accept

BASE: dict[str, Any] = {
    "messages": [{"role": "user", "content": "?"}],
    "toolbox": {"name": "t", "tools": [{"name": "f", "description": "d"}]},
    "expect": {"action": "abstain", "reason": "no_tool_fits"},
    "source": {"name": "s", "ref": "1"},
    "licence": "none",
}


def made(**fields: Any) -> Case:
    return Case.model_validate({**BASE, **fields})


TOOL = {"name": "f", "description": "d"}


@pytest.mark.parametrize(
    ("fields", "same_id", "same_gold"),
    [
        ({"toolbox": {"name": "other", "tools": [TOOL]}}, True, True),
        ({"toolbox": {"name": "t", "tools": [{**TOOL, "run": "m:f", "effects": "pure"}]}}, True, True),
        ({"source": {"name": "s", "ref": "2"}, "group": "g", "split": "dev"}, True, True),
        ({"expect": {"action": "abstain", "reason": "no_tool_needed"}}, True, False),
        ({"waiver": "disputed"}, True, False),
        ({"tags": {"topic": "x"}}, True, False),
        ({"messages": [{"role": "user", "content": "? "}]}, False, True),
        ({"messages": [{"role": "system", "content": ""}, {"role": "user", "content": "?"}]}, False, True),
        ({"toolbox": {"name": "t", "tools": [{**TOOL, "description": "e"}]}}, False, True),
        ({"toolbox": {"name": "t", "tools": [TOOL, {"name": "g"}]}}, False, True),
        ({"seen_unknown": True}, False, True),
    ],
)
def test_the_id_hashes_what_the_model_sees_and_the_gold_hash_the_rest(
    fields: dict[str, Any], same_id: bool, same_gold: bool
) -> None:
    assert (made().id == made(**fields).id) is same_id
    assert (made().gold_hash == made(**fields).gold_hash) is same_gold


def test_a_changed_copy_has_its_own_hashes() -> None:
    case, tool = made(), Tool(name="f")
    before = case.id, case.gold_hash, tool.schema_hash
    other = case.model_copy(update={"messages": (Message(role="user", content="!"),), "waiver": "disputed"})
    assert other.id == made(messages=[{"role": "user", "content": "!"}]).id != case.id
    assert other.gold_hash == made(waiver="disputed").gold_hash != case.gold_hash
    assert tool.model_copy(update={"name": "g"}).schema_hash == Tool(name="g").schema_hash
    assert (case.id, case.gold_hash, tool.schema_hash) == before


def test_ids_do_not_drift() -> None:
    # Ledgers and baselines are keyed by this: a change orphans every stored completion.
    assert made().id == "268dcb95ce4f03dd"


def test_where_the_question_is_unknown_the_source_is_the_identity() -> None:
    first, second = made(seen_unknown=True), made(seen_unknown=True, source={"name": "s", "ref": "2"})
    assert first.id != second.id


def test_a_case_is_its_own_cluster_unless_it_has_paraphrases() -> None:
    assert made().cluster == made().id
    assert made(group="g").cluster == "g"


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.dictionaries(st.text(), inner, max_size=4)
)


@given(value=st.dictionaries(st.text(), JSON_VALUES, max_size=5))
def test_canonical_json_does_not_depend_on_order_and_is_ascii(value: dict[str, Any]) -> None:
    assert canonical_json(value) == canonical_json(dict(reversed(value.items())))
    assert canonical_json(value).isascii()
    assert len(digest(value)) == 16


def test_queries_are_compared_without_case_and_white_space() -> None:
    assert query_hash(" What's\nUP? ") == query_hash("what's up?")
    assert query_hash("what's up") != query_hash("what's up?")


@pytest.mark.parametrize(
    ("turn", "calls"),
    [
        ({"content": None, "tool_calls": [{"type": "function", "function": {"name": "f", "arguments": {"a": 1}}}]}, 1),
        ({"content": "x", "tool_calls": [{"name": "f"}, {"name": "g", "arguments": {}}]}, 2),
        ({"content": "x", "tool_calls": None}, 0),
        ({}, 0),
    ],
)
def test_openai_turns_are_accepted_and_written_back(turn: dict[str, Any], calls: int) -> None:
    message = Message.model_validate({"role": "assistant", **turn})
    assert len(message.tool_calls) == calls
    assert Message.model_validate(message.as_openai()) == message


@pytest.mark.parametrize("calls", [5, "f", {"name": "f"}, [5], [{"name": "f", "arguments": "{}"}]])
def test_other_calls_are_refused(calls: object) -> None:
    with pytest.raises(ValueError, match="tool_calls"):
        Message.model_validate({"role": "assistant", "tool_calls": calls})


def test_a_list_is_short_for_exact_at_any_depth() -> None:
    spec = CallSpec.model_validate(
        {
            "name": "f",
            "arguments": {"a": [1], "b": {"match": "object", "of": {"c": [2], "d": {"match": "list", "of": [[3]]}}}},
        }
    )
    assert spec.arguments["a"] == Accept(match="exact", of=[1])
    assert spec.arguments["b"].of["d"].of == (Accept(match="exact", of=[3]),)


def test_an_optional_argument_must_be_one_that_is_accepted() -> None:
    with pytest.raises(ValueError, match="optional"):
        CallSpec.model_validate({"name": "f", "arguments": {"a": [1]}, "optional": ["b"]})


def test_contract_objects_are_frozen_and_know_their_fields() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Call(name="f").name = "g"  # type: ignore[misc]
    with pytest.raises(ValueError, match="extra"):
        Tool.model_validate({"name": "f", "colour": "red"})


def test_a_toolbox_finds_its_tools() -> None:
    toolbox = Toolbox(name="t", tools=(Tool(name="f"), Tool(name="g")))
    assert toolbox.names == ("f", "g")
    assert toolbox["g"].name == "g"
    with pytest.raises(KeyError):
        toolbox["h"]
