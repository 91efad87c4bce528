"""The trained side of a deployment check: the prompts that training saw, and the stop tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from toolmark.benchmark.config.template_args import TemplateArgs
from toolmark.benchmark.data.cases import Case
from toolmark.benchmark.data.completions import Completion, Prompt
from toolmark.benchmark.deployment.prompt_differences import TrainedPrompt, TrainedTokens
from toolmark.benchmark.dialects import Dialect
from toolmark.benchmark.dialects.native import Native
from toolmark.benchmark.engine.encoding import encode, stop_ids
from toolmark.benchmark.engine.model_config import read_object
from toolmark.benchmark.engine.rendered_prompts import rendered
from toolmark.benchmark.engine.runtimes.runtime import Writing
from toolmark.benchmark.engine.tokenizer import hash_of_template, open_tokenizer, text_of, token_ids

__all__ = ["TrainedSide"]


@dataclass(frozen=True)
class TrainedSide:
    """The trained model, without its weights.

    Attributes:
        base: The directory of the base model, with its tokenizer.
        dialect: The dialect of the training.
        template_args: The arguments of the chat template.
    """

    base: Path
    dialect: Dialect
    template_args: TemplateArgs

    @cached_property
    def _tokenizer(self) -> Any:
        return open_tokenizer(self.base)

    @cached_property
    def tokens(self) -> TrainedTokens:
        """Return the tokenizer."""
        tokenizer = self._tokenizer
        special = {int(i): str(tokenizer.convert_ids_to_tokens(int(i))) for i in tokenizer.all_special_ids}
        special |= {int(i): str(token) for i, token in tokenizer.added_tokens_decoder.items()}
        return TrainedTokens(
            encode=lambda text: token_ids(tokenizer, text),
            decode=lambda ids: text_of(tokenizer, self._known(ids)),
            bos=tokenizer.bos_token_id,
            special=special,
        )

    def _known(self, ids: Sequence[int]) -> list[int]:
        """Return the ids that the vocabulary contains, because a runtime can send any numbers."""
        size = len(self._tokenizer)
        return [token for token in ids if token < size]

    @cached_property
    def template(self) -> str | None:
        """Return the hash of the text of the chat template. None if there is no template."""
        return hash_of_template(self._tokenizer)

    def rendered(self, case: Case) -> Prompt:
        """Return the prompt of a case, as the dialect writes it."""
        prompt = self.dialect.render(case.messages, case.toolbox.tools)
        return replace(prompt, template_args=self.template_args)

    @property
    def native(self) -> bool:
        """Return whether the template shows the tools."""
        return self.dialect.name == Native.name

    def sent(self, case: Case, *, tools: bool) -> Prompt:
        """Return what a client sends.

        Args:
            case: The case.
            tools: If True, the client sends the tools. If False, the client sends the turns of the dialect.
        """
        if tools:
            return Prompt(case.messages, case.toolbox.tools, self.template_args)
        return self.rendered(case)

    @property
    def vocabulary(self) -> list[str]:
        """Return the token of each id."""
        return [str(token) for token in self._tokenizer.convert_ids_to_tokens(range(len(self._tokenizer)))]

    def prompt(self, case: Case) -> TrainedPrompt:
        """Return the prompt of a case, as the training saw it."""
        prompt = self.rendered(case)
        contents = tuple(message.content for message in case.messages if message.role != "assistant")
        ids = tuple(encode(prompt, self._tokenizer).ids)
        return TrainedPrompt(ids, rendered(prompt, self._tokenizer), case.toolbox.tools, contents)

    @cached_property
    def stops(self) -> frozenset[int]:
        """Return the tokens that end an answer."""
        configured = read_object(self.base / "generation_config.json").get("eos_token_id")
        return frozenset(stop_ids(self._tokenizer, configured, self.template_args))

    def passes_stop(self, writing: Writing) -> bool:
        """Return whether an answer goes on after a stop token of the model."""
        return any(token in self.stops for token in (writing.ids or ())[:-1])

    def completion(self, writing: Writing) -> Completion:
        """Return what a runtime wrote, in the form in which Toolmark's own engine returns an answer."""
        text = writing.text
        if writing.ids is not None:
            ended = writing.ids[-1:] and writing.ids[-1] in self.stops
            text = self.tokens.decode(writing.ids[:-1] if ended else writing.ids)
        marks = [text.index(mark) for mark in self.dialect.stops if mark in text]
        return Completion(text[: min(marks)] if marks else text, stop_reason=writing.stop_reason)

    def pieces(self, text: str) -> list[str]:
        """Return the tokens of a text, as text."""
        return [self.tokens.decode([token]) for token in self.tokens.encode(text)]
