"""Compares the prompt that training saw with the prompt that a runtime makes.

The prompts are compared in two layers:

- The *text*: `text_differences.py`.
- The *tokens*. The training's tokenizer encodes the text of the runtime. If the runtime has other tokens for this text,
  there are two possible reasons: the tokenizer of the runtime differs, or the runtime reads special tokens as plain
  text.

If the token ids are equal, there is no difference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from toolmark.benchmark.core.common_beginning import common_beginning
from toolmark.benchmark.data.cases import Tool
from toolmark.benchmark.deployment.prompt_classes import PromptDifference, first_of_each
from toolmark.benchmark.deployment.text_differences import compare_texts
from toolmark.benchmark.engine.runtimes.runtime import RuntimePrompt

__all__ = ["TrainedPrompt", "TrainedTokens", "compare_prompts"]


@dataclass(frozen=True, slots=True)
class TrainedTokens:
    """The tokenizer of the training.

    Attributes:
        encode: Returns the token ids of a text, without a BOS token.
        decode: Returns the text of token ids.
        bos: The BOS token. None if there is none.
        special: The special tokens, as text by id.
    """

    encode: Callable[[str], list[int]]
    decode: Callable[[Sequence[int]], str]
    bos: int | None
    special: dict[int, str]


@dataclass(frozen=True, slots=True)
class TrainedPrompt:
    """A prompt as the training saw it.

    Attributes:
        ids: The token ids.
        text: The rendered text.
        tools: The tools of the case.
        contents: The texts of the conversation's turns.
    """

    ids: tuple[int, ...]
    text: str
    tools: Sequence[Tool]
    contents: Sequence[str] = ()


def compare_prompts(
    trained: TrainedPrompt, deployed: RuntimePrompt, tokens: TrainedTokens, read: int | None = None
) -> list[PromptDifference]:
    """Return the differences between two prompts. Each class of difference is listed at most once.

    Args:
        trained: The prompt of the training.
        deployed: The prompt of the runtime.
        tokens: The tokenizer of the training.
        read: Number of tokens that the runtime read in a chat. None if it is not known.
    """
    return first_of_each(_all_differences(trained, deployed, tokens, read))


def _all_differences(
    trained: TrainedPrompt, deployed: RuntimePrompt, tokens: TrainedTokens, read: int | None
) -> Iterator[PromptDifference]:
    if deployed.ids is not None and read is not None and read < len(deployed.ids):
        yield PromptDifference("truncated", f"{len(deployed.ids)} tokens", f"{read} tokens")
    if deployed.ids == trained.ids:
        return
    ids = None if deployed.ids is None else list(deployed.ids)
    if ids is not None and tokens.bos is not None:
        ours, theirs = _leading(trained.ids, tokens.bos), _leading(ids, tokens.bos)
        if ours != theirs:
            begins = (tokens.decode(trained.ids[:4]), tokens.decode(ids[:4]))
            yield PromptDifference("bos_doubled" if theirs > ours else "bos_missing", *begins)
        ids = ids[theirs:]
    bos = "" if tokens.bos is None else tokens.special.get(tokens.bos, "")
    before = _without(trained.text, bos)
    after = _without(deployed.text if deployed.text is not None else tokens.decode(ids or []), bos)
    yield from compare_texts(before, after, trained.tools, trained.contents, list(tokens.special.values()))
    if ids is not None:
        yield from _token_differences(after, ids, tokens)


def _leading(ids: Sequence[int], token: int) -> int:
    return next((index for index, one in enumerate(ids) if one != token), len(ids))


def _without(text: str, bos: str) -> str:
    while bos and text.startswith(bos):
        text = text[len(bos) :]
    return text


def _token_differences(text: str, ids: Sequence[int], tokens: TrainedTokens) -> Iterator[PromptDifference]:
    ours = tokens.encode(text)
    if ours == list(ids):
        return
    at = common_beginning(ours, ids)
    places = tokens.decode(ours[at : at + 4]), " ".join(map(repr, (tokens.decode([one]) for one in ids[at : at + 4])))
    as_text = any(token in tokens.special for token in ours[at : at + 1])
    yield PromptDifference("special_as_text" if as_text else "tokenizer", *places)
