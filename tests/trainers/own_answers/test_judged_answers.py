"""Sampled answers differ from draw to draw, can be repeated, and carry their grades."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

pytest.importorskip("trl", reason="the extra `train` is not installed")

from toolmark.benchmark.data.dataset import TraceDataset
from toolmark.benchmark.dialects.tagged import Tagged
from toolmark.benchmark.engine.adapters import AdaptedModel
from toolmark.benchmark.engine.base_model import load_base
from toolmark.benchmark.engine.tokenizer import open_tokenizer
from toolmark.trainers.own_answers.judged_answers import AnswerSampler
from toolmark.trainers.own_answers.questions import Question, read_questions


@pytest.fixture(scope="module")
def questions(base: Path, data: Path) -> list[Question]:
    return read_questions(TraceDataset(data), Tagged(), open_tokenizer(base), {}, None)


def sampler(base: Path, questions: list[Question], temperature: float, tokens: int = 6) -> AnswerSampler:
    model = AdaptedModel(load_base(base, torch.float32), base)
    given = {"temperature": temperature, "tokens": tokens, "seed": 3, "device": "cpu"}
    return AnswerSampler(model, base, Tagged(), questions, **given)


def test_draws_and_epochs_differ_and_can_be_repeated(base, questions):
    made = sampler(base, questions, 1.0)
    first, other = made.sample([4, 2], 3, 1)
    assert len({tuple(answer.ids) for answer in (*first, *other)}) == 6
    assert made.sample([4, 2], 3, 1) == [first, other]
    assert sampler(base, questions, 1.0).sample([2], 3, 1) == [other], "an answer depends on the other questions"
    assert made.sample([4], 3, 2) != [first]


def test_a_question_ends_before_the_call_and_gold_is_the_call(base, questions):
    tokenizer = open_tokenizer(base)
    called = next(question for question in questions if question.case.expect.action == "call")
    assert called.case.messages[-1].role == "user"
    assert tokenizer.decode(called.gold).startswith('<tool_call>{"tool_name": "find_')
    assert "please." in tokenizer.decode(called.ids[-20:])


def test_an_answer_that_is_cut_is_wrong(base, questions):
    refused = next(number for number, question in enumerate(questions) if question.case.expect.action == "abstain")
    ((answer,),) = sampler(base, questions, 1e-3, tokens=1).sample([refused], 1, 1)
    assert (len(answer.ids), answer.right, answer.result) == (1, False, "truncated")
