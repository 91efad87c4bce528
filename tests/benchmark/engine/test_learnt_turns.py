"""What a model learns of a conversation in each dialect: each turn of the assistant, as the template writes it.

The golden file shows the supervised tokens between « and », and the text just before them.

    python -m tests.benchmark.engine.test_learnt_turns    writes the golden file anew
"""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from transformers import AutoTokenizer

from toolmark.benchmark.core.registry import load, names
from toolmark.benchmark.data.cases import Call, Message, Tool
from toolmark.benchmark.engine.conversation_ids import conversation_sequences

GOLDEN = Path(__file__).with_name("golden") / "learnt_turns.txt"
TEMPLATE = Path(__file__).parents[2] / "templates" / "qwen3.jinja"
NUMBERS = {"type": "object", "properties": {"a": {"type": "number"}, "b": {"type": "string"}}}
TOOLS = (Tool(name="add", description="Adds.", parameters=NUMBERS),)
TURNS = (
    Message(role="user", content="Add 2 and 3."),
    Message(role="assistant", content="I add them.", tool_calls=(Call(name="add", arguments={"a": 2, "b": "3"}),)),
    Message(role="tool", name="add", content="5"),
    Message(role="assistant", content="It is 5."),
    Message(role="user", content="And twice?"),
    Message(
        role="assistant",
        content="<think>Two calls.</think>",
        tool_calls=(Call(name="add", arguments={"a": 5, "b": "drei – 3"}), Call(name="add")),
    ),
)


def shown(tokenizer, dialect) -> str:
    """The training examples of the conversation as text, with the supervised tokens between « and »."""
    parts = [f"=== {dialect.name}"]
    for encoded in conversation_sequences(TURNS, TOOLS, dialect, tokenizer, {}):
        text = ""
        for mine, group in groupby(zip(encoded.ids, encoded.supervised, strict=True), key=lambda pair: pair[1]):
            piece = tokenizer.decode([token for token, _ in group])
            text += f"«{piece}»" if mine else piece[-len("<start_of_turn>assistant\n") :]
        parts.append(text)
    return "\n---\n".join(parts)


def all_shown(model: Path) -> str:
    tokenizer = AutoTokenizer.from_pretrained(model)
    tokenizer.chat_template = TEMPLATE.read_text(encoding="utf-8")
    dialects = [load("toolmark.dialects", name)() for name in names("toolmark.dialects")]
    return "\n".join(shown(tokenizer, dialect) for dialect in dialects) + "\n"


def test_the_learnt_turns_of_every_dialect(pocket: Path) -> None:
    assert all_shown(pocket) == GOLDEN.read_text(encoding="utf-8")


if __name__ == "__main__":
    from toolmark.benchmark.candidates.spec import table

    shipped = Path(__file__).parents[3] / "benchmark" / table()["models"]["pocket"]["shipped"]
    GOLDEN.write_text(all_shown(shipped), encoding="utf-8")
