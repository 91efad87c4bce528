"""Encodes the prompts of a run, and decides where their completions end. All engines on this machine use this module.

So two engines read the same token ids, have the same stop tokens, and make the same text from the same tokens.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from toolmark.benchmark.config.decoding import Decoding
from toolmark.benchmark.config.template_args import TemplateArgs
from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.progress import counting
from toolmark.benchmark.data.completions import Completion, Prompt, Usage
from toolmark.benchmark.dialects import Dialect
from toolmark.benchmark.dialects.thinking import open_thought
from toolmark.benchmark.engine import PromptTooLong
from toolmark.benchmark.engine.call_opening import CallOpening
from toolmark.benchmark.engine.encoding import check_readable, encode, stop_ids
from toolmark.benchmark.engine.model_config import context_length
from toolmark.benchmark.engine.thinking_room import ThinkingRoom
from toolmark.benchmark.engine.thought_tokens import LAST_TOKENS
from toolmark.benchmark.engine.tokenizer import open_tokenizer, text_of
from toolmark.benchmark.engine.weight_files import stored_tensors

__all__ = ["PreparedPrompts"]

_NO_LIMIT = 1 << 20
"""The context length of a model that does not tell its own, in tokens."""


class PreparedPrompts:
    """The encoded prompts of a run, and the rules for the ends of their completions.

    Args:
        base: The directory of the base model.
        decoding: The decoding options.

    Attributes:
        tokenizer: The tokenizer of the base.
        ids: The token ids of each prompt.
        too_long: Number of tokens of each prompt that leaves no room for an answer. The key is the index of the prompt.
        opening: The tokens that open a call. None if the beginning of a reply does not show a call.

    Raises:
        InputError: The weights or the tokenizer in the directory are missing or cannot be read.
        EnvironmentFault: The tokenizer needs a package that is not installed.
    """

    def __init__(self, base: Path, decoding: Decoding) -> None:
        self._base, self._decoding = base, decoding
        stored_tensors(base)  # This raises an error early if weight files are missing.
        self.tokenizer = open_tokenizer(base)
        self._context = context_length(base) or _NO_LIMIT
        self.ids: list[list[int]] = []
        self.too_long: Mapping[int, int] = {}
        self.opening: CallOpening | None = None
        self._dialect: Dialect | None = None
        self._dialect_stops: tuple[str, ...] = ()
        self._template_args: TemplateArgs = {}
        self._call_ends: tuple[int, ...] = ()
        self._one_call: frozenset[int] = frozenset()
        self._thinking: ThinkingRoom | None = None

    def prepare(
        self, prompts: Sequence[Prompt], dialect: Dialect, one_call: Collection[int] = (), *, forced: bool = False
    ) -> None:
        """Encode all prompts. Completions of the prompts in `one_call` end after the first complete call.

        Args:
            prompts: All prompts of the run.
            dialect: The dialect.
            one_call: Indices of prompts.
            forced: Whether the candidate has a threshold for calls.

        Raises:
            PromptTooLong: A prompt leaves no room for an answer.
            InputError: The longest answer alone fills the context. Or a threshold is not possible in this dialect. Or
                one of the errors of `encode` and `check_readable`.
        """
        self._one_call = frozenset(one_call)
        room = self._room()
        template_args = prompts[0].template_args if prompts else {}
        if dialect is not self._dialect or template_args != self._template_args:
            self.opening = CallOpening.of(dialect, self.tokenizer, template_args)
            self._dialect, self._dialect_stops, self._template_args = dialect, tuple(dialect.stops), template_args
        if self.opening is None and forced:
            raise InputError(
                f"a threshold for calls is not possible, because calls in the dialect {dialect.name} have no common "
                "beginning",
                "Leave the threshold out, or use another dialect: --dialect tagged",
            )
        ends = {check_readable(prompt, self.tokenizer, dialect) for prompt in prompts[:1]}
        self._call_ends = tuple(end for end in ends if end is not None)
        encoding = counting(prompts, "prompts encoded", len(prompts), "prompt")
        self.ids = [encode(prompt, self.tokenizer).ids for prompt in encoding]
        self.too_long = {index: len(ids) for index, ids in enumerate(self.ids) if len(ids) > room}
        if self.too_long:
            raise PromptTooLong(self.too_long, room)

    def _room(self) -> int:
        """Return the highest number of tokens of a prompt."""
        room = self._context - self._decoding.all_tokens
        if room < 1:
            thinking = self._decoding.thinking_tokens
            given = f"--max-tokens {self._decoding.max_tokens}"
            given += f" and --thinking-tokens {thinking} leave" if thinking else " leaves"
            raise InputError(
                f"{given} no room for a prompt, because the context of {self._base} has {self._context} tokens",
                f"Allow shorter answers, for example --max-tokens {min(512, self._context // 2)}",
            )
        return room

    def check_vocabulary(self, prompts: Mapping[int, Sequence[int]], vocabulary: int) -> None:
        """Check that a model has an embedding for each token of the prompts.

        Args:
            prompts: Token ids by index.
            vocabulary: Number of tokens of the model.

        Raises:
            InputError: The tokenizer belongs to another model.
        """
        if (largest := max(max(ids) for ids in prompts.values())) >= vocabulary:
            raise InputError(
                f"the tokenizer of {self._base} uses the token {largest}, but the model has only {vocabulary:,} tokens",
                "Use the tokenizer that was saved with the model.",
            )

    def stops(self, configured: int | list[int] | None) -> tuple[int, ...]:
        """Return all tokens that end a completion.

        These are the model's stop tokens, the token with which the chat template ends a turn with calls, and those
        stops of the dialect that are single tokens.

        Args:
            configured: The stop tokens in the model's generation configuration.
        """
        vocabulary = self.tokenizer.get_added_vocab()
        marks = (vocabulary[mark] for mark in self._dialect_stops if mark in vocabulary)
        return (*stop_ids(self.tokenizer, configured, self._template_args), *self._call_ends, *marks)

    def begin(self, prompts: Mapping[int, Sequence[int]]) -> None:
        """Prepare `ended` for new completions.

        Args:
            prompts: Token ids by the index that `ended` gets.
        """
        limited = self._decoding.thinking_tokens
        self._thinking = ThinkingRoom(self._decoding, prompts, self.text) if limited else None

    @property
    def end_early(self) -> bool:
        """Return whether `ended` is needed: a completion can end without a stop token and before its last token."""
        return bool(self._one_call) or self._thinking is not None

    def ended(self, index: int, written: Sequence[int]) -> bool:
        """Return whether a completion must end, although it has no stop token and fewer tokens than allowed."""
        if self._thinking is not None and self._thinking.used_up(index, written):
            return True
        return self._has_called(index, written)

    def _has_called(self, index: int, written: Sequence[int]) -> bool:
        """Return whether a completion must end now, because its first call is complete.

        Only the completions of the prompts in `one_call` end after their first call. In every dialect, a call ends with
        a punctuation mark or a tag. So if the last token is a word, the text need not be parsed.
        """
        if index not in self._one_call or self._dialect is None or self.text(written[-1:]).strip().isalnum():
            return False
        reading = self._dialect.parse(Completion(self.text(written)), strict=True)
        return bool(reading.calls) and reading.error is None

    def completion(
        self, index: int, written: Sequence[int], stops: Collection[int], call_probability: float | None = None
    ) -> Completion:
        """Return the completion of a prompt.

        Args:
            index: The index of the prompt.
            written: The token ids of the completion, with its stop token if there is one.
            stops: The stop tokens.
            call_probability: The probability of a call.
        """
        stopped = written[-1] in stops
        text = self.text(written[:-1] if stopped else written)
        marks = [text.index(mark) for mark in self._dialect_stops if mark in text]
        # If the prompt ends with the opening mark of a thought, this mark becomes part of the completion. Without the
        # mark, a thought that was cut would be read as an answer.
        opened = open_thought(self.text(self.ids[index][-LAST_TOKENS:])) or ""
        return Completion(
            text=opened + (text[: min(marks)] if marks else text),
            # `unknown` means that the engine ended the completion after its first call. Perhaps the model wanted to go
            # on.
            stop_reason="stop" if stopped or marks else "unknown" if self._has_called(index, written) else "length",
            usage=Usage(len(self.ids[index]), len(written)),
            call_probability=call_probability,
        )

    def text(self, ids: Sequence[int]) -> str:
        """Return the text of token ids, with special tokens."""
        return text_of(self.tokenizer, ids)
