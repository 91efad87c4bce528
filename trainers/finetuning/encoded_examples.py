"""Encodes the conversations of a dataset as token ids, and checks that only the assistant's turns are supervised.

The mask of a conversation marks the supervised tokens, which the model learns to write. Training and judging encode
conversations with the same code. Then each mask is checked:

- The text of the supervised ids must be a turn of the assistant.
- Each supervised turn must end with a token that ends a turn.
- There must be exactly one BOS.

These checks are needed, because the loss does not show such errors. For example, if the last token of a turn is not
supervised, the model never learns to stop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.progress import counting
from toolmark.benchmark.core.registry import load, names
from toolmark.benchmark.data.completions import Completion
from toolmark.benchmark.data.dataset import TraceDataset
from toolmark.benchmark.dialects.thinking import without_thinking
from toolmark.benchmark.dialects.typed_arguments import typed
from toolmark.benchmark.engine.conversation_ids import conversation_sequences
from toolmark.benchmark.engine.encoding import Encoded, stop_ids
from toolmark.benchmark.engine.model_config import context_length
from toolmark.benchmark.engine.tokenizer import open_tokenizer
from toolmark.trainers.finetuning.decision_tokens import DecisionTokens

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from toolmark.benchmark.config.template_args import TemplateArgs
    from toolmark.benchmark.data.cases import Message, Tool
    from toolmark.benchmark.data.traces import Trace
    from toolmark.benchmark.dialects import Dialect

__all__ = ["EncodedExamples", "check_mask"]


@dataclass(frozen=True, slots=True)
class _Split:
    """The examples of a split, with the query type and the offered tools of every example."""

    examples: list[Encoded] = field(default_factory=list)
    query_types: list[str] = field(default_factory=list)
    tools: list[Sequence[Tool]] = field(default_factory=list)


class EncodedExamples:
    """The encoded conversations of a dataset. Each split is encoded and checked when it is used for the first time.

    Args:
        data: The trace dataset.
        dialect: The dialect in which tools are shown and calls are written.
        weights: Directory of the base, with tokenizer, chat template and context length.
        say: A function that is called with a line about the conversations that were left out.
        template_args: Arguments of the chat template.
        skip_too_long: If true, conversations that do not fit the context are left out. If false, an error is raised.
    """

    def __init__(
        self,
        data: TraceDataset,
        dialect: Dialect,
        weights: Path,
        say: Callable[[str], None],
        *,
        template_args: TemplateArgs | None = None,
        skip_too_long: bool = False,
    ) -> None:
        self._data, self._dialect, self._say, self._skip = data, dialect, say, skip_too_long
        self._template_args: TemplateArgs = template_args or {}
        self._tokenizer = open_tokenizer(weights)
        self._context = context_length(weights)
        self._read: dict[str, _Split] = {}

    def of(self, split: str) -> Sequence[Encoded]:
        """Return the examples of a split, in the order of the data. Empty if the data has no such split.

        Raises:
            InputError: A call is written as text, a mask is wrong, or a conversation does not fit the context.
        """
        return self._split(split).examples

    def query_types(self, split: str) -> Sequence[str]:
        """Return the query type of each example of a split."""
        return self._split(split).query_types

    def decisions(self, split: str) -> Sequence[frozenset[int]]:
        """Return the indices of the deciding tokens of each example of a split. See `decision_tokens.py`."""
        known, found = self._split(split), DecisionTokens(self._dialect, self._tokenizer, self._template_args)
        return [found.of(example, tools) for example, tools in zip(known.examples, known.tools, strict=True)]

    def _split(self, split: str) -> _Split:
        if split not in self._read:
            known = split == "train" or split in self._data.splits
            self._read[split] = self._encoded(split) if known else _Split()
        return self._read[split]

    def _encoded(self, split: str) -> _Split:
        found = _Split()
        too_long: list[int] = []
        stops = stop_ids(self._tokenizer, None, self._template_args)
        rows = self._data.rows(split)
        traces = counting(self._data.traces(split), f"conversations of {split} encoded", len(rows), "conversation")
        for number, trace in enumerate(traces):
            where = f"conversation {number} of {split} in {str(self._data.path)!r}"
            _check_dialect(trace, self._dialect, where)
            for encoded in conversation_sequences(
                trace.messages, trace.tools, self._dialect, self._tokenizer, self._template_args
            ):
                check_mask(encoded, trace, self._dialect, self._tokenizer, stops, where)
                if self._context is not None and len(encoded.ids) > self._context:
                    too_long.append(len(encoded.ids))
                    continue
                found.examples.append(encoded)
                found.query_types.append(trace.query_type)
                found.tools.append(trace.tools)
        if too_long and not self._skip:
            everything = len(found.examples) + len(too_long)
            raise InputError(
                f"{len(too_long)} of {everything} conversations of {split} are too long: the longest has "
                f"{max(too_long)} tokens, but the context of the model has {self._context}",
                "To leave these conversations out, add --skip-too-long",
            )
        if too_long:
            self._say(f"Left out of {split}: {len(too_long)} conversations longer than {self._context} tokens.")
        if split == "train" and not found.examples:
            raise InputError(
                f"{str(self._data.path)!r} contains no conversation that can be used for training",
                "Generate shorter conversations, for example with fewer offered tools: --max-distractors 4",
            )
        return found


def check_mask(
    encoded: Encoded,
    trace: Trace,
    dialect: Dialect,
    tokenizer: PreTrainedTokenizerBase,
    stops: Sequence[int],
    where: str,
) -> None:
    """Check that only turns of the assistant are supervised in one sequence.

    Args:
        encoded: The sequence and its mask.
        trace: The conversation from which the sequence was encoded.
        dialect: The dialect of the sequence.
        tokenizer: The tokenizer that encoded the sequence.
        stops: Ids that end a turn.
        where: Description of the conversation for error messages.

    Raises:
        InputError: A supervised turn is not a turn of the assistant, or does not end with an id of `stops`. Or the
            sequence has no BOS at the start, or more than one BOS.
    """
    bos = tokenizer.bos_token_id
    if (
        bos is not None
        and tokenizer("")["input_ids"][:1] == [bos]
        and (encoded.ids[0] != bos or bos in encoded.ids[1:])
    ):
        raise _wrong(
            where,
            f"it has {encoded.ids.count(bos)} BOS tokens and begins with "
            f"{tokenizer.convert_ids_to_tokens(encoded.ids[0])!r}, but must have one BOS token at the start",
        )
    replies = list(_replies(trace, dialect))
    for _, turn in encoded.turns():
        if turn[-1] not in stops:
            raise _wrong(
                where,
                f"a supervised turn ends with {tokenizer.convert_ids_to_tokens(turn[-1])!r}, which does not end a turn",
            )
        text: Any = tokenizer.decode(turn[:-1], skip_special_tokens=False, clean_up_tokenization_spaces=False)
        if not any(_is_reply(text, reply, dialect, trace) for reply in replies):
            raise _wrong(where, f"the model would learn {text[:80]!r}, which is not a turn of the assistant")


def _wrong(where: str, what: str) -> InputError:
    return InputError(
        f"{where} cannot be used for training: {what}",
        "Possible causes: the text contains special tokens of the tokenizer, or the chat template changes the text. "
        "Try another --dialect.",
    )


def _written(text: str) -> str:
    return " ".join(text.split())


def _is_reply(text: str, reply: Message, dialect: Dialect, trace: Trace) -> bool:
    """Return whether `text` is the text of `reply`.

    If `reply` has calls, the calls that the dialect reads from `text` must equal the calls of `reply`. White space
    does not matter.
    """
    if not reply.tool_calls:
        return _written(without_thinking(text)) == _written(without_thinking(reply.content))
    reading = typed(dialect.parse(Completion(text), strict=True), trace.tools)
    return reading.error is None and (reading.calls, _written(reading.answer)) == (
        reply.tool_calls,
        _written(without_thinking(reply.content)),
    )


def _replies(trace: Trace, dialect: Dialect) -> Iterator[Message]:
    for before, _ in trace.turns_to_learn():
        yield dialect.render(trace.messages[: len(before) + 1], trace.tools).messages[-1]


def _check_dialect(trace: Trace, dialect: Dialect, where: str) -> None:
    """Raise an error if the text of a turn contains a call, because the model would learn the call as plain text."""
    for message in trace.messages:
        if message.role != "assistant" or message.tool_calls:
            continue
        offered = set(trace.toolbox.names)
        for name in (dialect.name, *names("toolmark.dialects")):
            reading = load("toolmark.dialects", name)().parse(Completion(message.content), strict=False)
            if any(call.name in offered for call in reading.calls):
                raise InputError(
                    f"{where} contains a call of the dialect {name} as plain text: {message.content[:80]!r}",
                    "To convert the text into calls: toolmark generate import --source READER:PATH --out DIR",
                )
