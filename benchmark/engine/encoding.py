"""From turns to token ids, once, for evaluation and training alike.

`encode(prompt, tokenizer)` is what a model reads before it answers. `encode(prompt, tokenizer, reply)` is the same ids
followed by the reply and the stop token, with a mask of what the model itself must write. Hence, by construction:

* the prompt's ids are a prefix of prompt + reply;
* there is exactly one BOS, at the start, where the tokenizer has one;
* the reply and its stop token are supervised, and nothing else is.

The reply is tokenised apart from the prompt, as it is when it is generated token by token.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jinja2 import TemplateError

from benchmark.cases import Message
from benchmark.completions import Prompt
from benchmark.errors import InputError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

__all__ = ["Encoded", "encode", "stop_ids"]


@dataclass(frozen=True, slots=True)
class Encoded:
    """Token ids, and for each whether it is supervised (`len(supervised) == len(ids)`)."""

    ids: list[int]
    supervised: list[bool]


def _conversation(messages: tuple[Message, ...], native: bool) -> list[dict[str, Any]]:
    if native:
        return [message.as_openai() for message in messages]
    return [{"role": message.role, "content": message.content} for message in messages]


def _without_system(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """Fold the system turn into the first user turn, as Gemma's template does."""
    system, *rest = messages
    if not rest or rest[0].role != "user":
        return (Message(role="user", content=system.content), *rest)
    return (Message(role="user", content=f"{system.content}\n\n{rest[0].content}"), *rest[1:])


def _render(messages: tuple[Message, ...], prompt: Prompt, tokenizer: PreTrainedTokenizerBase, reply: bool) -> str:
    if not tokenizer.chat_template:
        raise InputError(
            f"the tokenizer of {tokenizer.name_or_path!r} has no chat template",
            "Use the instruction-tuned variant of the model, or save a chat_template.jinja beside its tokenizer.",
        )
    shown: list[Any] = [{"type": "function", "function": tool.shown()} for tool in prompt.tools]

    def apply(turns: tuple[Message, ...]) -> str:
        text = tokenizer.apply_chat_template(
            _conversation(turns, bool(prompt.tools)),
            tools=shown or None,
            tokenize=False,
            add_generation_prompt=not reply,
        )
        return str(text)

    if messages[0].role != "system":
        return apply(messages)
    try:
        text = apply(messages)
    except TemplateError:
        return apply(_without_system(messages))
    return text if messages[0].content.strip() in text else apply(_without_system(messages))


def _stop_after(prompt: Prompt, tokenizer: PreTrainedTokenizerBase) -> int:
    """The token with which the template ends an assistant's turn."""
    probe = "probe of the turn's end"
    text = _render((*prompt.messages, Message(role="assistant", content=probe)), prompt, tokenizer, reply=True)
    tail = tokenizer(text.rpartition(probe)[2], add_special_tokens=False)["input_ids"]
    special = set(tokenizer.all_special_ids) | set(tokenizer.added_tokens_decoder)
    for token in tail:
        if token in special:
            return int(token)
    if tokenizer.eos_token_id is not None:
        return int(tokenizer.eos_token_id)
    raise InputError(
        f"the chat template of {tokenizer.name_or_path!r} ends an answer with no special token",
        "Give the tokenizer an eos_token, or a template that ends each turn with one.",
    )


def encode(prompt: Prompt, tokenizer: PreTrainedTokenizerBase, reply: str | None = None) -> Encoded:
    """Encode a prompt, alone or with the reply that a model should learn.

    Raises:
        InputError: The tokenizer has no chat template, or its template ends an answer with no special token.
    """
    text = _render(prompt.messages, prompt, tokenizer, reply=False)
    ids = [int(token) for token in tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]]
    bos = tokenizer.bos_token_id
    if bos is not None:
        if ids[:1] != [bos] and tokenizer("")["input_ids"][:1] == [bos]:
            ids.insert(0, bos)
        while ids[:2] == [bos, bos]:
            del ids[0]
    supervised = [False] * len(ids)
    if reply is not None:
        written = [int(token) for token in tokenizer(reply, add_special_tokens=False)["input_ids"]]
        written.append(_stop_after(prompt, tokenizer))
        ids += written
        supervised += [True] * len(written)
    return Encoded(ids, supervised)


def stop_ids(tokenizer: PreTrainedTokenizerBase, configured: int | list[int] | None) -> tuple[int, ...]:
    """Every token that ends an answer: the generation configuration's, the tokenizer's, the template's turn end."""
    listed = configured if isinstance(configured, list) else [configured]
    turn_end = _stop_after(Prompt((Message(role="user", content="probe"),)), tokenizer)
    return tuple(sorted({token for token in (*listed, tokenizer.eos_token_id, turn_end) if token is not None}))
