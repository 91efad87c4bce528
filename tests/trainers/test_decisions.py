"""In every dialect those tokens are marked at which another choice would have gone on differently, and no others."""

from __future__ import annotations

import pytest
import torch

from benchmark.cases import Call, Message, Tool
from benchmark.engine.encoding import encode
from benchmark.registry import load
from trainers.decisions import Decisions
from trainers.loop import packed_rows, padded_rows

NAMES = ("get_weather", "get_time", "find_boat", "find_boat_again", "find")
TOOLS = [Tool(name=name, description="It does.") for name in NAMES]
ASKED = Message(role="user", content="What now?")
SAID = Message(role="assistant", content="Nothing that I know of: get_weather is no answer.")
WHOLE = Call(name="get_weather", arguments={"get_time": "find_boat", "n": [1, 2]})
DIALECTS = ["tagged", "hermes", "json", "pythonic", "llama3", "mistral"]


def learnt(dialect, tokenizer, reply: Message):
    """A conversation of one turn to learn, and the ids of that turn with whether each decides."""
    prompt = dialect.render((ASKED,), TOOLS)
    encoded = encode(prompt, tokenizer, dialect.render((ASKED, reply), TOOLS).messages[-1])
    found = Decisions(dialect, tokenizer).of(encoded, TOOLS)
    ((start, ids),) = encoded.turns()
    assert all(start <= place < start + len(ids) for place in found)
    return ids, [place - start for place in sorted(found)]


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize("arguments", [{}, WHOLE.arguments])
def test_a_call_decides_where_an_answer_and_where_other_tools_part_from_it(name, arguments, tokenizer):
    dialect = load("toolmark.dialects", name)()
    for tool in NAMES:
        call = Message(role="assistant", tool_calls=(Call(name=tool, arguments=arguments),))
        ids, decided = learnt(dialect, tokenizer, call)
        parted = set()
        for other in (SAID, *(Message(role="assistant", tool_calls=(Call(name=one),)) for one in NAMES if one != tool)):
            written, _ = learnt(dialect, tokenizer, other)
            parted.add(next(at for at, pair in enumerate(zip(ids, written, strict=False)) if pair[0] != pair[1]))
        assert decided == sorted(parted)


@pytest.mark.parametrize("name", DIALECTS)
def test_an_answer_decides_once(name, tokenizer):
    dialect = load("toolmark.dialects", name)()
    ids, decided = learnt(dialect, tokenizer, SAID)
    call, _ = learnt(dialect, tokenizer, Message(role="assistant", tool_calls=(WHOLE,)))
    assert decided == [next(at for at, pair in enumerate(zip(ids, call, strict=False)) if pair[0] != pair[1])]


@pytest.mark.parametrize("layout", [packed_rows, padded_rows])
def test_each_token_to_predict_has_its_weight(layout, tokenizer):
    dialect = load("toolmark.dialects", "tagged")()
    replies = [SAID, Message(role="assistant", tool_calls=(WHOLE,))]
    prompt = dialect.render((ASKED,), TOOLS)
    examples = [encode(prompt, tokenizer, dialect.render((ASKED, reply), TOOLS).messages[-1]) for reply in replies]
    places = [Decisions(dialect, tokenizer).of(example, TOOLS) for example in examples]
    batch = layout(examples, [dict.fromkeys(some, 4.0) for some in places])
    decided = sorted(example.ids[place] for example, some in zip(examples, places, strict=True) for place in some)
    assert sorted(batch["targets"][batch["weights"] == 4].tolist()) == decided
    supervised = sum(sum(example.supervised) for example in examples)
    assert batch["weights"].sum() == supervised + 3 * len(decided)
    assert torch.equal(layout(examples)["targets"], batch["targets"])
    assert layout(examples)["weights"].sum() == supervised
