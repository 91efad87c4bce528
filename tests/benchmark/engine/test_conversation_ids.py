"""Which turns of a conversation are learnt."""

from __future__ import annotations

from toolmark.benchmark.data.cases import Message, Toolbox
from toolmark.benchmark.data.dataset import TraceDataset
from toolmark.benchmark.data.traces import Trace
from toolmark.benchmark.dialects.json import Json
from toolmark.benchmark.engine.conversation_ids import conversation_sequences
from toolmark.benchmark.engine.tokenizer import open_tokenizer
from toolmark.generators.trace_dataset.writer import trace_row


def test_a_turn_of_weight_0_is_read_but_not_learnt(tmp_path, pocket):
    turns = (
        Message(role="user", content="One?"),
        Message(role="assistant", content="first", weight=0),
        Message(role="user", content="Two?"),
        Message(role="assistant", content="second"),
    )
    trace = Trace(messages=turns, toolbox=Toolbox(name="", tools=()), query="One?", query_type="no_tool", source="s")
    (tmp_path / "traces").mkdir()
    stored = TraceDataset(tmp_path).trace(trace_row(trace))
    assert stored.messages == turns
    tokenizer = open_tokenizer(pocket)
    (encoded,) = conversation_sequences(stored.messages, (), Json(), tokenizer)
    assert "first" in tokenizer.decode(encoded.ids)
    assert [tokenizer.decode(ids[:-1]) for _, ids in encoded.turns()] == ["second"]
