"""In every dialect the marked tokens are those of the choice: call or answer, and the name of the tool."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch

from toolmark.benchmark.core.registry import load
from toolmark.benchmark.data.cases import Call, Message, Tool
from toolmark.benchmark.engine.encoding import encode
from toolmark.trainers.finetuning.batch_layout import packed_rows, padded_rows
from toolmark.trainers.finetuning.decision_tokens import DecisionTokens

NAMES = ("get_weather", "get_time", "find_boat", "find_boat_again", "find", "name")
TOOLS = [Tool(name=name, description="It does.") for name in NAMES]
ASKED = Message(role="user", content="What now?")
SAID = Message(role="assistant", content="Nothing that I know of: get_weather is no answer.")
ARGUMENTS = {"get_time": "find_boat", "n": [1, 2]}
DIALECTS = ["tagged", "hermes", "json", "pythonic", "llama3", "mistral"]


def called(name: str, arguments: Mapping[str, Any] | None = None) -> Message:
    return Message(role="assistant", tool_calls=(Call(name=name, arguments=arguments or {}),))


def learnt(dialect, tokenizer, reply: Message):
    """A conversation of one turn to learn, and the ids of that turn with whether each decides."""
    prompt = dialect.render((ASKED,), TOOLS)
    encoded = encode(prompt, tokenizer, dialect.render((ASKED, reply), TOOLS).messages[-1])
    found = DecisionTokens(dialect, tokenizer).of(encoded, TOOLS)
    ((start, ids),) = encoded.turns()
    assert all(start <= place < start + len(ids) for place in found)
    return ids, [place - start for place in sorted(found)]


def parting(ids: list[int], others: list[int]) -> int:
    return next(at for at, pair in enumerate(zip(ids, others, strict=False)) if pair[0] != pair[1])


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize("arguments", [{}, ARGUMENTS])
def test_a_call_decides_where_it_is_no_answer_and_by_the_name(name, arguments, tokenizer):
    dialect = load("toolmark.dialects", name)()
    answer, _ = learnt(dialect, tokenizer, SAID)
    calls = {tool: learnt(dialect, tokenizer, called(tool, arguments)) for tool in NAMES}
    for tool, (ids, (first, *named)) in calls.items():
        assert first == parting(ids, answer)
        assert named == list(range(named[0], named[-1] + 1))
        assert tool in tokenizer.decode(ids[named[0] : named[-1]])
        assert tool not in tokenizer.decode(ids[named[0] : named[-1] - 1])
        assert all(parting(ids, written) in named for other, (written, _) in calls.items() if other != tool)


@pytest.mark.parametrize("name", DIALECTS)
def test_an_answer_decides_once(name, tokenizer):
    dialect = load("toolmark.dialects", name)()
    ids, decided = learnt(dialect, tokenizer, SAID)
    call, _ = learnt(dialect, tokenizer, called(*NAMES[:1]))
    assert decided == [parting(ids, call)]


def test_where_no_tool_is_offered_nothing_is_decided(tokenizer):
    dialect = load("toolmark.dialects", "tagged")()
    encoded = encode(dialect.render((ASKED,), ()), tokenizer, SAID)
    assert DecisionTokens(dialect, tokenizer).of(encoded, ()) == frozenset()


@pytest.mark.parametrize("layout", [packed_rows, padded_rows])
def test_each_token_to_predict_has_its_weight(layout, tokenizer):
    dialect = load("toolmark.dialects", "tagged")()
    replies = [SAID, called("get_weather", ARGUMENTS)]
    prompt = dialect.render((ASKED,), TOOLS)
    examples = [encode(prompt, tokenizer, dialect.render((ASKED, reply), TOOLS).messages[-1]) for reply in replies]
    places = [DecisionTokens(dialect, tokenizer).of(example, TOOLS) for example in examples]
    batch = layout(examples, [dict.fromkeys(some, 4.0) for some in places])
    decided = sorted(example.ids[place] for example, some in zip(examples, places, strict=True) for place in some)
    assert sorted(batch["targets"][batch["weights"] == 4].tolist()) == decided
    supervised = sum(sum(example.supervised) for example in examples)
    assert batch["weights"].sum() == supervised + 3 * len(decided)
    assert torch.equal(layout(examples)["targets"], batch["targets"])
    assert layout(examples)["weights"].sum() == supervised
