"""Makes questions from the conversations of a dataset. A question is a prompt whose right answer is known.

A conversation gives one question: the turns before its first learnt call, or before its first learnt answer if it has
no call. The answer of the conversation is the gold answer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from toolmark.benchmark.core.progress import counting
from toolmark.benchmark.data.cases import Case, Source
from toolmark.benchmark.data.completions import Prompt
from toolmark.benchmark.engine.encoding import encode
from toolmark.benchmark.readers.conversations import conversation

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from toolmark.benchmark.config.template_args import TemplateArgs
    from toolmark.benchmark.data.dataset import TraceDataset
    from toolmark.benchmark.data.traces import Trace
    from toolmark.benchmark.dialects import Dialect

__all__ = ["Question", "read_questions"]


@dataclass(frozen=True, slots=True)
class Question:
    """A prompt whose right answer is known.

    Attributes:
        case: The question as a case, which is used for grading.
        query_type: Kind of the question.
        prompt: The turns and tools that the model sees.
        ids: The token ids of the prompt.
        gold: The token ids of the gold answer. The last one is the stop token.
    """

    case: Case
    query_type: str
    prompt: Prompt
    ids: list[int]
    gold: list[int]


def read_questions(
    data: TraceDataset,
    dialect: Dialect,
    tokenizer: PreTrainedTokenizerBase,
    template_args: TemplateArgs,
    room: int | None,
) -> list[Question]:
    """Return a question for each conversation of the split `train`.

    A conversation is left out if it has no answer that can be graded, or if its prompt is too long.

    Args:
        data: The trace dataset.
        dialect: The dialect in which tools are shown and calls are written.
        tokenizer: The tokenizer, with its chat template.
        template_args: Arguments of the chat template.
        room: Highest number of tokens of a prompt. None means that there is no limit.
    """
    traces = counting(data.traces(), "questions encoded", len(data.rows()), "conversation")
    found = [_question(trace, number, dialect, tokenizer, template_args) for number, trace in enumerate(traces)]
    return [one for one in found if one is not None and (room is None or len(one.ids) <= room)]


def _question(
    trace: Trace, number: int, dialect: Dialect, tokenizer: PreTrainedTokenizerBase, template_args: TemplateArgs
) -> Question | None:
    try:
        read = conversation(trace.messages, trace.toolbox, Source(name=trace.source, ref=str(number)), "unknown")
    except ValueError:  # for example a call of a tool that is not offered
        return None
    case = read.case
    if case is None or case.waiver is not None:
        return None
    turns = read.messages[: len(case.messages) + 1]
    prompt = replace(dialect.render(case.messages, trace.tools), template_args=template_args)
    encoded = encode(prompt, tokenizer, dialect.render(turns, trace.tools).messages[-1])
    begin = encoded.supervised.index(True)
    return Question(case, trace.query_type, prompt, encoded.ids[:begin], encoded.ids[begin:])
