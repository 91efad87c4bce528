"""From turns to token ids, once, for evaluation and training alike.

`encode(prompt, tokenizer)` is what a model reads before it answers. `encode(prompt, tokenizer, reply)` is the same ids
followed by the reply and the stop token, with a mask of what the model itself must write. Hence, by construction:

* the prompt's ids are a prefix of prompt + reply;
* there is exactly one BOS, at the start, where the tokenizer has one;
* the reply and its stop token are supervised, and nothing else is.

The reply is tokenised apart from the prompt, as it is when it is generated token by token.

Tools may be left to the chat template (the dialect `native`). Many templates have no place for them and say nothing: a
model would be judged on tools that it never saw. So every offered tool is looked for in what the template made of it,
and `check_readable` sees that what the template makes of a call is read back as that call.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from jinja2 import TemplateError

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.data.cases import Call, Message
from toolmark.benchmark.data.completions import Completion, Prompt
from toolmark.benchmark.dialects import Dialect

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from transformers import PreTrainedTokenizerBase

__all__ = ["Encoded", "check_readable", "conversation", "encode", "stop_ids"]

_REFUSALS = (TemplateError, TypeError)
"""What a template raises where it has no place for a turn; the second where it takes what is not there for a list."""

_OTHERWISE = "Choose a dialect that tells the tools in plain turns: --dialect tagged"


@dataclass(frozen=True, slots=True)
class Encoded:
    """Token ids, and for each whether it is supervised (`len(supervised) == len(ids)`)."""

    ids: list[int]
    supervised: list[bool]

    def turns(self) -> Iterator[tuple[int, list[int]]]:
        """The supervised turns: place of the first token, and the ids."""
        for mine, run in groupby(enumerate(self.ids), key=lambda place: self.supervised[place[0]]):
            if mine:
                places, ids = zip(*run, strict=True)
                yield places[0], list(ids)


def conversation(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """Turns in OpenAI's form, each call with an id and each result with the id of its call: some templates insist."""
    turns = [message.as_openai() for message in messages]
    calls = results = 0
    for turn in turns:
        for call in turn.get("tool_calls", ()):
            call["id"] = f"call{calls:05d}"
            calls += 1
        if turn["role"] == "tool":
            turn.setdefault("tool_call_id", f"call{results:05d}")
            results += 1
    return turns


def _without_system(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """Fold the system turn into the first user turn, as Gemma's template does."""
    system, *rest = messages
    if not rest or rest[0].role != "user":
        return (Message(role="user", content=system.content), *rest)
    return (Message(role="user", content=f"{system.content}\n\n{rest[0].content}"), *rest[1:])


def _apply(turns: Sequence[Message], prompt: Prompt, tokenizer: PreTrainedTokenizerBase, reply: bool) -> str:
    shown: list[Any] = [tool.as_openai() for tool in prompt.tools]
    return str(
        tokenizer.apply_chat_template(
            conversation(turns), tools=shown or None, tokenize=False, add_generation_prompt=not reply
        )
    )


def _render(messages: tuple[Message, ...], prompt: Prompt, tokenizer: PreTrainedTokenizerBase, reply: bool) -> str:
    if not tokenizer.chat_template:
        raise InputError(
            f"the tokenizer of {tokenizer.name_or_path!r} has no chat template",
            "Use the instruction-tuned variant of the model, or save a chat_template.jinja beside its tokenizer.",
        )
    try:
        if messages[0].role != "system":
            return _apply(messages, prompt, tokenizer, reply)
        try:
            text = _apply(messages, prompt, tokenizer, reply)
        except _REFUSALS:
            text = ""
        told = text and messages[0].content.strip() in text
        return text if told else _apply(_without_system(messages), prompt, tokenizer, reply)
    except _REFUSALS as error:
        raise InputError(
            f"the chat template of {tokenizer.name_or_path!r} refuses the conversation: {error}", _OTHERWISE
        ) from None


def _check_shown(text: str, prompt: Prompt, tokenizer: PreTrainedTokenizerBase) -> None:
    """Refuse a rendered prompt in which a tool is missing; a name that the conversation holds anyway does not count."""
    without = _render(prompt.messages, Prompt(prompt.messages), tokenizer, reply=False)
    for tool in prompt.tools:
        if text.count(tool.name) <= without.count(tool.name):
            raise InputError(
                f"the chat template of {tokenizer.name_or_path!r} does not show the offered tool {tool.name!r}",
                _OTHERWISE,
            )


def _special(tokenizer: PreTrainedTokenizerBase) -> set[int]:
    return set(tokenizer.all_special_ids) | set(tokenizer.added_tokens_decoder)


def _turn_end(tokenizer: PreTrainedTokenizerBase) -> int:
    """The token with which the template ends an assistant's turn."""
    asked, probe = Message(role="user", content="probe"), "probe of the turn's end"
    text = _render((asked, Message(role="assistant", content=probe)), Prompt((asked,)), tokenizer, reply=True)
    tail = tokenizer(text.rpartition(probe)[2], add_special_tokens=False)["input_ids"]
    special = _special(tokenizer)
    for token in tail:
        if token in special:
            return int(token)
    if tokenizer.eos_token_id is not None:
        return int(tokenizer.eos_token_id)
    raise InputError(
        f"the chat template of {tokenizer.name_or_path!r} ends an answer with no special token",
        "Give the tokenizer an eos_token, or a template that ends each turn with one.",
    )


def _written(prompt: Prompt, tokenizer: PreTrainedTokenizerBase, reply: Message) -> tuple[str, int]:
    """What the template writes of a turn with calls behind the prompt, and the token that ends it.

    That is the end of any other turn, where it stands there; some templates end a turn with calls otherwise, because a
    result must follow (FunctionGemma's `<start_function_response>`).
    """
    before = _render(prompt.messages, prompt, tokenizer, reply=False)
    whole = _render((*prompt.messages, reply), prompt, tokenizer, reply=True)
    if not whole.startswith(before):
        raise InputError(
            f"the chat template of {tokenizer.name_or_path!r} rewrites what stands before a turn with calls", _OTHERWISE
        )
    text = whole[len(before) :]
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    end, special = _turn_end(tokenizer), _special(tokenizer)
    stop = end if end in ids else next((token for token in reversed(ids) if token in special), end)
    turn, _, behind = text.rpartition(str(tokenizer.convert_ids_to_tokens(stop)))
    return (turn, int(stop)) if stop in ids and not behind.strip() else (text.rstrip(), end)


def check_readable(prompt: Prompt, tokenizer: PreTrainedTokenizerBase, dialect: Dialect) -> int | None:
    """Refuse a template whose calls the dialect cannot read, where the tools are left to the template.

    Returns:
        The token with which the template ends a turn with calls; None where it does not write them.

    Raises:
        InputError: What the template makes of a call is not read back as that call.
    """
    if not prompt.tools:
        return None
    call = Call(name=prompt.tools[0].name, arguments={"probe": "text"})
    question = Prompt((Message(role="user", content="probe"),), prompt.tools)
    text, stop = _written(question, tokenizer, Message(role="assistant", tool_calls=(call,)))
    if dialect.parse(Completion(text), strict=False).calls != (call,):
        raise InputError(
            f"the chat template of {tokenizer.name_or_path!r} writes calls as {text[:80]!r}, which the dialect "
            f"{dialect.name} does not read",
            _OTHERWISE,
        )
    return stop


def encode(prompt: Prompt, tokenizer: PreTrainedTokenizerBase, reply: str | Message | None = None) -> Encoded:
    """Encode a prompt, alone or with the reply that a model should learn.

    Args:
        prompt: Turns, and the tools that are left to the template.
        tokenizer: With its chat template.
        reply: A text, or an assistant's turn; calls in it are written by the template.

    Raises:
        InputError: The tokenizer has no chat template; its template ends an answer with no special token, refuses the
            conversation, or does not show an offered tool.
    """
    text = _render(prompt.messages, prompt, tokenizer, reply=False)
    if prompt.tools:
        _check_shown(text, prompt, tokenizer)
    ids = [int(token) for token in tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]]
    bos = tokenizer.bos_token_id
    if bos is not None:
        if ids[:1] != [bos] and tokenizer("")["input_ids"][:1] == [bos]:
            ids.insert(0, bos)
        while ids[:2] == [bos, bos]:
            del ids[0]
    supervised = [False] * len(ids)
    if reply is not None:
        if isinstance(reply, Message) and reply.tool_calls:
            said, stop = _written(prompt, tokenizer, reply)
        else:
            said = reply.content if isinstance(reply, Message) else reply
            stop = _turn_end(tokenizer)
        written = [int(token) for token in tokenizer(said, add_special_tokens=False)["input_ids"]]
        ids += [*written, stop]
        supervised += [True] * (len(written) + 1)
    return Encoded(ids, supervised)


def stop_ids(tokenizer: PreTrainedTokenizerBase, configured: int | list[int] | None) -> tuple[int, ...]:
    """Every token that ends an answer: the generation configuration's, the tokenizer's, the template's turn end."""
    listed = configured if isinstance(configured, list) else [configured]
    ends = (*listed, tokenizer.eos_token_id, _turn_end(tokenizer))
    return tuple(sorted({token for token in ends if token is not None}))
