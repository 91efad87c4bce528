"""Thoughts have room of their own: what counts as a thought, token by token, and in real completions."""

from __future__ import annotations

from pathlib import Path

import pytest
from transformers import AutoTokenizer

from toolmark.benchmark.config.decoding import Decoding
from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.data.cases import Message
from toolmark.benchmark.dialects.tagged import Tagged
from toolmark.benchmark.engine.local_engine import LocalEngine
from toolmark.benchmark.engine.thinking_room import ThinkingRoom
from toolmark.benchmark.evaluation.evaluate import Evaluation
from toolmark.benchmark.evaluation.request import Request

CASES = str(Path(__file__).parents[3] / "suites" / "cases")


@pytest.fixture
def tokenizer(pocket):
    """Its marks of thoughts are several tokens, unlike those of Qwen."""
    return AutoTokenizer.from_pretrained(pocket)


@pytest.fixture
def qwen(tokenizer):
    """The marks of thoughts are one token each."""
    tokenizer.add_tokens(["<think>", "</think>"])
    return tokenizer


def ended_at(tokenizer, text: str, answer: int, thinking: int, prompt: str = "Hi") -> int | None:
    """The number of tokens of `text` after which a completion ends."""
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    asked = {3: tokenizer(prompt, add_special_tokens=False)["input_ids"]}
    room = ThinkingRoom(Decoding(answer, thinking_tokens=thinking), asked, tokenizer.decode)
    return next((end for end in range(1, len(ids) + 1) if room.used_up(3, ids[:end])), None)


@pytest.mark.parametrize("kind", ["tokenizer", "qwen"])
@pytest.mark.parametrize(("opening", "closing"), [("<think>", "</think>"), ("[THINK]", "[/THINK]")])
def test_thoughts_and_answers_are_counted_apart(request, kind, opening, closing):
    tokenizer = request.getfixturevalue(kind)
    thought, answer = f"{opening}one two three four{closing}", "alpha beta gamma delta"
    counts = [len(tokenizer(text, add_special_tokens=False)["input_ids"]) for text in (thought, answer)]
    assert min(counts) >= 5
    assert ended_at(tokenizer, thought + answer, counts[1] + 20, counts[0] + 20) is None
    in_answer = ended_at(tokenizer, thought + answer, 9, counts[0] + 20)
    assert in_answer is not None
    assert counts[0] < in_answer < sum(counts)
    in_thought = ended_at(tokenizer, thought + answer, sum(counts), 4)
    assert in_thought is not None
    assert in_thought < counts[0]


def test_a_thought_may_begin_in_the_prompt(tokenizer):
    inside = "one two three four five six"
    assert ended_at(tokenizer, inside, 3, 99) == 3
    assert ended_at(tokenizer, inside, 3, 99, prompt="Hi\n<think>\n") is None
    assert ended_at(tokenizer, inside, 99, 4, prompt="Hi\n[THINK]") == 4
    assert ended_at(tokenizer, inside, 3, 99, prompt="<think>\n\n</think>\n\n") == 3


def test_drafts_that_are_read_at_once_count_alike(tokenizer):
    ids = tokenizer("<think>one two</think>three four five six", add_special_tokens=False)["input_ids"]
    limits = Decoding(4, thinking_tokens=50)
    one, many = (ThinkingRoom(limits, {0: [5]}, tokenizer.decode) for _ in range(2))
    slowly = [one.used_up(0, ids[:end]) for end in range(1, len(ids) + 1)]
    assert slowly.index(True) < len(ids)
    assert many.used_up(0, ids) is True
    assert many.used_up(0, ids[:2]) is False, "a sequence that begins again is read again"


@pytest.mark.parametrize("packed", [True, False], ids=["packed", "padded"])
def test_a_thought_gets_its_room_in_a_real_completion(pocket, packed):
    """Without a mark in the prompt, pocket's text is an answer. With a mark, the same text is a thought."""

    def written(text: str, **limits: int) -> tuple[str, int]:
        engine = LocalEngine(pocket, Decoding(**limits), device="cpu", dtype="float32", threads=1)
        if not packed:
            engine.__dict__["_forward"] = None  # as for a model whose attention cannot be replaced
        engine._prompts.tokenizer.chat_template += text
        engine.prepare(
            [
                Tagged().render(
                    [Message(role="user", content="What is the capital of France, and why do you think so?")], []
                )
            ],
            Tagged(),
        )
        ((_, completion),) = engine.answer([0])
        # A thought that the prompt opens belongs to the text: a thought that is cut is no answer.
        assert completion.text.startswith("<think>") == bool(text)
        return completion.stop_reason, completion.usage.output_tokens

    assert written("", max_tokens=6) == ("length", 6)
    assert written("", max_tokens=6, thinking_tokens=9) == ("length", 6)
    assert written("{{ '<think>' }}", max_tokens=6) == ("length", 6)
    assert written("{{ '<think>' }}", max_tokens=6, thinking_tokens=9) == ("length", 9)


def test_the_limit_is_part_of_the_identity(tmp_path):
    assert Decoding(thinking_tokens=7).identity() == {"max_tokens": 512, "temperature": 0.0, "thinking_tokens": 7}
    assert "thinking_tokens" not in Decoding().identity()
    with pytest.raises(InputError, match=r"--thinking-tokens -1 is negative"):
        Evaluation(Request(models=("pocket",), cases=CASES, thinking_tokens=-1))
    full = Request(models=("pocket",), cases=CASES, limit=1, thinking_tokens=8000, runs=tmp_path)
    with pytest.raises(InputError, match=r"--max-tokens 512 and --thinking-tokens 8000 leave no room for a prompt"):
        Evaluation(full).run(logs=False)
