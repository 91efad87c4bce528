"""What a model will learn, as token ids, with the proof that it learns what it writes itself and nothing else.

Every conversation is encoded by the code that encodes prompts for judging, and then looked at from the other side: the
supervised ids, decoded, must be the assistant's own words, each turn must end in a token that ends a turn, and there
must be one BOS. A mask that is off by one trains a model that never stops, and its loss looks healthy all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.registry import load, names
from toolmark.benchmark.data.completions import Completion
from toolmark.benchmark.data.dataset import TraceDataset
from toolmark.benchmark.engine.conversation_ids import conversation_sequences
from toolmark.benchmark.engine.encoding import Encoded, stop_ids
from toolmark.benchmark.engine.tokenizer import context_length, open_tokenizer
from toolmark.trainers.finetuning.decision_tokens import Decisions

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from toolmark.benchmark.data.cases import Tool
    from toolmark.benchmark.data.traces import Trace
    from toolmark.benchmark.dialects import Dialect

__all__ = ["Examples", "check_mask"]


@dataclass(frozen=True, slots=True)
class _Split:
    """Of each example its ids, its query type and what was offered."""

    examples: list[Encoded] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    tools: list[Sequence[Tool]] = field(default_factory=list)


class Examples:
    """The encoded conversations of a dataset.

    Args:
        data: Where they come from.
        dialect: In which tools are shown and calls written.
        weights: The base's directory: tokenizer, chat template, context.
        say: Told how many conversations were left out.
        skip_too_long: Leave out what does not fit the context, instead of refusing the data.
    """

    def __init__(
        self,
        data: TraceDataset,
        dialect: Dialect,
        weights: Path,
        say: Callable[[str], None],
        *,
        skip_too_long: bool = False,
    ) -> None:
        self._data, self._dialect, self._say, self._skip = data, dialect, say, skip_too_long
        self._tokenizer = open_tokenizer(weights)
        self._room = context_length(weights)
        self._read: dict[str, _Split] = {}

    def of(self, split: str) -> Sequence[Encoded]:
        """The examples of a split, in its order; none where there is no such split beside `train`.

        Raises:
            InputError: The data is written in another dialect, a mask is wrong, or a conversation does not fit.
        """
        return self._split(split).examples

    def kinds(self, split: str) -> Sequence[str]:
        """The query type of each example of a split."""
        return self._split(split).kinds

    def decisions(self, split: str) -> Sequence[frozenset[int]]:
        """Places of the tokens by which each example of a split decides (`toolmark.trainers.finetuning.decision_tokens`)."""
        known, found = self._split(split), Decisions(self._dialect, self._tokenizer)
        return [found.of(example, tools) for example, tools in zip(known.examples, known.tools, strict=True)]

    def _split(self, split: str) -> _Split:
        if split not in self._read:
            known = split == "train" or split in self._data.splits
            self._read[split] = self._encoded(split) if known else _Split()
        return self._read[split]

    def _encoded(self, split: str) -> _Split:
        found = _Split()
        too_long: list[int] = []
        stops = stop_ids(self._tokenizer, None)
        for number, trace in enumerate(self._data.traces(split)):
            where = f"conversation {number} of {split} in {str(self._data.path)!r}"
            _check_dialect(trace, self._dialect, where)
            for encoded in conversation_sequences(trace.messages, trace.tools, self._dialect, self._tokenizer):
                check_mask(encoded, trace, self._dialect, self._tokenizer, stops, where)
                if self._room is not None and len(encoded.ids) > self._room:
                    too_long.append(len(encoded.ids))
                    continue
                found.examples.append(encoded)
                found.kinds.append(trace.query_type)
                found.tools.append(trace.tools)
        if too_long and not self._skip:
            everything = len(found.examples) + len(too_long)
            raise InputError(
                f"{len(too_long)} of {everything} conversations of {split} do not fit: the longest has "
                f"{max(too_long)} tokens, and the context {self._room}",
                "Nothing is ever cut; leave such conversations out, and have them counted, with --skip-too-long.",
            )
        if too_long:
            self._say(f"Left out of {split}: {len(too_long)} conversations longer than {self._room} tokens.")
        if split == "train" and not found.examples:
            raise InputError(
                f"no conversation of {str(self._data.path)!r} is left to train on", "Generate shorter ones."
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
    """Prove the mask of one sequence.

    Raises:
        InputError: It has not exactly one BOS, or what is supervised is not turns of the assistant, each with its stop.
    """
    bos = tokenizer.bos_token_id
    if (
        bos is not None
        and tokenizer("")["input_ids"][:1] == [bos]
        and (encoded.ids[0] != bos or bos in encoded.ids[1:])
    ):
        raise _wrong(where, f"it has {encoded.ids.count(bos)} BOS tokens, or one in a wrong place")
    written = {_written(turn) for turn in _replies(trace, dialect)}
    for _, turn in encoded.turns():
        if turn[-1] not in stops:
            raise _wrong(
                where, f"a turn to learn ends in {tokenizer.convert_ids_to_tokens(turn[-1])!r}, which ends no turn"
            )
        text: Any = tokenizer.decode(turn[:-1], skip_special_tokens=False, clean_up_tokenization_spaces=False)
        if _written(text) not in written:
            raise _wrong(where, f"{text[:80]!r} would be learnt, and is no turn of the assistant")


def _wrong(where: str, what: str) -> InputError:
    return InputError(
        f"{where} cannot be supervised exactly: {what}",
        "Its text may hold special tokens of this tokenizer, or the template rewrites turns: try another --dialect.",
    )


def _written(text: str) -> str:
    return " ".join(text.split())


def _replies(trace: Trace, dialect: Dialect) -> Iterator[str]:
    for before, _ in trace.turns_to_learn():
        yield dialect.render(trace.messages[: len(before) + 1], trace.tools).messages[-1].content


def _check_dialect(trace: Trace, dialect: Dialect, where: str) -> None:
    """Refuse calls that stand in the text of a turn: they would be learnt as words, in whatever dialect they are."""
    for message in trace.messages:
        if message.role != "assistant" or message.tool_calls:
            continue
        offered = set(trace.toolbox.names)
        for name in (dialect.name, *names("toolmark.dialects")):
            reading = load("toolmark.dialects", name)().parse(Completion(message.content), strict=False)
            if any(call.name in offered for call in reading.calls):
                raise InputError(
                    f"{where} has a call in the dialect {name} as text: {message.content[:80]!r}",
                    "Import it, so that calls are calls: toolmark generate import --source READER:PATH --out DIR",
                )
