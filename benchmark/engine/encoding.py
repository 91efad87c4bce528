"""Encodes turns as token ids. Evaluation and training use the same encoding.

`encode(prompt, tokenizer)` returns the ids that a model reads before it answers. `encode(prompt, tokenizer, reply)`
returns the ids of the prompt, followed by the ids of the reply and of the stop token. A mask marks the supervised
tokens: those that the model must learn to write. These rules are always true:

- The ids with a reply begin with the ids of the prompt alone.
- If the tokenizer puts a BOS token at the start of a text, there is exactly one BOS token, at the start.
- Only the tokens of the reply and its stop token are supervised. If the prompt ends inside a thought, the reply begins
  with the end of the thought.

The reply is tokenised separately from the prompt. The reason is that in generation, the model reads a prompt that is
already tokenised, and adds the tokens of its reply.

Chat templates can leave out turns, tools and answers without an error. So `encode` checks the text of the prompt
(`check_shown` of `rendered_prompts.py`), and `stop_ids` checks that the template shows an answer. With the dialect
`native`, the template also writes the calls. So `check_readable` checks that the dialect can read a call that the
template wrote.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import groupby
from typing import TYPE_CHECKING

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.data.cases import Call, Message
from toolmark.benchmark.data.completions import Completion, Prompt
from toolmark.benchmark.dialects import Dialect
from toolmark.benchmark.dialects.thinking import closing_of_open_thought
from toolmark.benchmark.engine.rendered_prompts import PROBE, USE_TAGGED, check_shown, not_shown, rendered
from toolmark.benchmark.engine.tokenizer import token_ids

if TYPE_CHECKING:
    from collections.abc import Iterator

    from transformers import PreTrainedTokenizerBase

    from toolmark.benchmark.config.template_args import TemplateArgs

__all__ = ["Encoded", "check_readable", "encode", "stop_ids"]


@dataclass(frozen=True, slots=True)
class Encoded:
    """A sequence of token ids.

    Attributes:
        ids: The token ids.
        supervised: A boolean for each id: whether the model must learn to write this token.
    """

    ids: list[int]
    supervised: list[bool]

    @property
    def prompt(self) -> list[int]:
        """Return the ids before the first token that the model must learn to write."""
        return self.ids[: self.supervised.index(True)]

    def turns(self) -> Iterator[tuple[int, list[int]]]:
        """Yield a pair for each supervised turn: the index of its first token, and its ids."""
        for supervised, run in groupby(enumerate(self.ids), key=lambda item: self.supervised[item[0]]):
            if supervised:
                indices, ids = zip(*run, strict=True)
                yield indices[0], list(ids)


@lru_cache(maxsize=4)  # transformers builds the added tokens on each access, and Gemma 3 has 6,415 of them
def _special(tokenizer: PreTrainedTokenizerBase) -> set[int]:
    return set(tokenizer.all_special_ids) | set(tokenizer.added_tokens_decoder)


def _turn_end(tokenizer: PreTrainedTokenizerBase, template_args: TemplateArgs) -> int:
    """Return the token with which the template ends a turn of the assistant."""
    asked, probe = f"{PROBE}1", f"{PROBE}2"
    turns = (Message(role="user", content=asked), Message(role="assistant", content=probe))
    text = rendered(Prompt(turns[:1], template_args=template_args), tokenizer, turns[1])
    for turn in turns:
        if turn.content not in text:
            raise not_shown(turn.role, tokenizer)
    tail = token_ids(tokenizer, text.rpartition(probe)[2])
    special = _special(tokenizer)
    for token in tail:
        if token in special:
            return token
    if tokenizer.eos_token_id is not None:
        return int(tokenizer.eos_token_id)
    raise InputError(
        f"the chat template of {tokenizer.name_or_path!r} ends an answer without a special token",
        "Set an eos_token in the tokenizer, or use a chat template that ends each turn with a special token.",
    )


def _turn(prompt: Prompt, tokenizer: PreTrainedTokenizerBase, reply: Message, before: str) -> tuple[str, int]:
    """Return the text of the last turn as the template writes it, and the token that ends the turn.

    - Some templates write an empty thought before the last turn. This thought is part of the returned text, whether the
      turn is an answer or contains calls. If only one of the two kinds of turns had the thought, the first token would
      show whether a call follows.
    - In some templates, the token that ends a turn with calls is not the token that ends other turns. For example,
      FunctionGemma ends a turn with calls with `<start_function_response>`, because a result must follow.

    Args:
        prompt: The turns before the last turn.
        tokenizer: The tokenizer, with its chat template.
        reply: The last turn.
        before: The rendered text of the prompt.
    """
    whole = rendered(prompt, tokenizer, reply)
    if not whole.startswith(before):
        if reply.tool_calls:
            raise InputError(
                f"the chat template of {tokenizer.name_or_path!r} changes the text before a turn with calls",
                USE_TAGGED,
            )
        closing = closing_of_open_thought(before)
        thought = f"\n{closing}\n\n" if closing is not None else ""
        return thought + reply.content, _turn_end(tokenizer, prompt.template_args)
    text = whole[len(before) :]
    ids = token_ids(tokenizer, text)
    end, special = _turn_end(tokenizer, prompt.template_args), _special(tokenizer)
    stop = end if end in ids else next((token for token in reversed(ids) if token in special), end)
    turn, _, rest = text.rpartition(str(tokenizer.convert_ids_to_tokens(stop)))
    return (turn, int(stop)) if stop in ids and not rest.strip() else (text.rstrip(), end)


def check_readable(prompt: Prompt, tokenizer: PreTrainedTokenizerBase, dialect: Dialect) -> int | None:
    """Check that the dialect can read the calls that the template writes.

    The check is made only if the template shows the tools. If it does not, the dialect itself writes the calls.

    Returns:
        The token with which the template ends a turn with calls, or None if the template does not show the tools.

    Raises:
        InputError: The dialect cannot read a call that the template wrote, or reads another call.
    """
    if not prompt.tools:
        return None
    call = Call(name=prompt.tools[0].name, arguments={"probe": "text"})
    question = replace(prompt, messages=(Message(role="user", content="probe"),))
    before = rendered(question, tokenizer)
    text, stop = _turn(question, tokenizer, Message(role="assistant", tool_calls=(call,)), before)
    if dialect.parse(Completion(text), strict=False).calls != (call,):
        raise InputError(
            f"the chat template of {tokenizer.name_or_path!r} writes calls as {text[:80]!r}, which the dialect "
            f"{dialect.name} cannot read",
            USE_TAGGED,
        )
    return stop


def encode(prompt: Prompt, tokenizer: PreTrainedTokenizerBase, reply: str | Message | None = None) -> Encoded:
    """Return the token ids of a prompt. If there is a reply, the ids of the reply follow.

    Args:
        prompt: The turns, and the tools that the template shows.
        tokenizer: The tokenizer, with its chat template.
        reply: The reply that a model must learn to write, as text or as an assistant turn. None if only the ids of the
            prompt are needed.

    Raises:
        InputError: The tokenizer has no chat template, or the template refuses the conversation, does not show the
            text of a turn or an offered tool, or ends an answer without a special token.
    """
    text = rendered(prompt, tokenizer)
    check_shown(text, prompt, tokenizer)
    ids = token_ids(tokenizer, text)
    bos = tokenizer.bos_token_id
    if bos is not None:
        if ids[:1] != [bos] and tokenizer("")["input_ids"][:1] == [bos]:
            ids.insert(0, bos)
        while ids[:2] == [bos, bos]:
            del ids[0]
    supervised = [False] * len(ids)
    if reply is not None:
        turn = reply if isinstance(reply, Message) else Message(role="assistant", content=reply)
        text, stop = _turn(prompt, tokenizer, turn, text)
        reply_ids = token_ids(tokenizer, text)
        ids += [*reply_ids, stop]
        supervised += [True] * (len(reply_ids) + 1)
    return Encoded(ids, supervised)


def stop_ids(
    tokenizer: PreTrainedTokenizerBase, configured: int | list[int] | None, template_args: TemplateArgs | None = None
) -> tuple[int, ...]:
    """Return all tokens that end an answer.

    These are the tokens in `configured`, the tokenizer's end-of-sequence token, and the token with which the chat
    template ends a turn of the assistant.

    Args:
        tokenizer: The tokenizer, with its chat template.
        configured: The stop tokens in the model's generation configuration.
        template_args: The arguments of the chat template.

    Raises:
        InputError: The template does not show a question or an answer, or ends an answer without a special token.
    """
    listed = configured if isinstance(configured, list) else [configured]
    ends = (*listed, tokenizer.eos_token_id, _turn_end(tokenizer, template_args or {}))
    return tuple(sorted({token for token in ends if token is not None}))
