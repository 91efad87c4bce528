"""Encoding turns as token ids. Evaluation and training use the same encoding.

`encode(prompt, tokenizer)` returns the ids that a model reads before it answers. `encode(prompt, tokenizer, reply)`
returns the same ids followed by the reply and the stop token. A mask marks the tokens that the model must write. These
rules hold:

* The ids of the prompt are a prefix of the ids of prompt and reply.
* If the tokenizer has a BOS token, there is exactly one BOS token, at the start.
* Only the tokens of the reply and its stop token are supervised. If the prompt opens a thought, the reply first
  closes this thought.

The reply is tokenised separately from the prompt. This matches generation, because a model adds the tokens of its reply
to a finished prompt.

With the dialect `native`, the chat template shows the tools. Many templates ignore tools without an error. Then a model
would be judged on tools that the model never saw. So `encode` looks for every offered tool in the rendered prompt.
`check_readable` checks that the dialect can read a call that the template wrote.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, Any

from jinja2 import TemplateError

from toolmark.benchmark.config.template_clock import with_fixed_date
from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.data.cases import Call, Message
from toolmark.benchmark.data.completions import Completion, Prompt
from toolmark.benchmark.dialects import Dialect
from toolmark.benchmark.dialects.thinking import closing_of_open_thought, without_empty_thought

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from transformers import PreTrainedTokenizerBase

    from toolmark.benchmark.config.template_args import TemplateArgs

__all__ = ["Encoded", "check_readable", "conversation", "encode", "stop_ids"]

_REFUSALS = (TemplateError, TypeError)
"""The errors that a template raises for an unsupported turn. TypeError is raised if a template iterates over a missing
value."""

_USE_TAGGED = "Choose a dialect that shows the tools in plain turns, for example --dialect tagged"


@dataclass(frozen=True, slots=True)
class Encoded:
    """A sequence of token ids.

    Attributes:
        ids: The token ids.
        supervised: For each id, whether a model must learn to write this token.
    """

    ids: list[int]
    supervised: list[bool]

    def turns(self) -> Iterator[tuple[int, list[int]]]:
        """The supervised turns, each with the index of its first token and its ids."""
        for supervised, run in groupby(enumerate(self.ids), key=lambda item: self.supervised[item[0]]):
            if supervised:
                indices, ids = zip(*run, strict=True)
                yield indices[0], list(ids)


def conversation(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """Turns in OpenAI's form.

    Each call has an id and each result has the id of its call, because some templates need ids.
    """
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
    """Put the system turn into the first user turn, as Gemma's template does."""
    system, *rest = messages
    if not rest or rest[0].role != "user":
        return (Message(role="user", content=system.content), *rest)
    return (Message(role="user", content=f"{system.content}\n\n{rest[0].content}"), *rest[1:])


def _apply(turns: Sequence[Message], prompt: Prompt, tokenizer: PreTrainedTokenizerBase, reply: bool) -> str:
    shown: list[Any] = [tool.as_openai() for tool in prompt.tools]
    template = tokenizer.get_chat_template(tools=shown or None)
    return str(
        tokenizer.apply_chat_template(
            conversation(turns),
            tools=shown or None,
            chat_template=with_fixed_date(template),
            tokenize=False,
            add_generation_prompt=not reply,
            **prompt.template_args,
        )
    )


def _render(messages: tuple[Message, ...], prompt: Prompt, tokenizer: PreTrainedTokenizerBase, reply: bool) -> str:
    if not tokenizer.chat_template:
        raise InputError(
            f"the tokenizer of {tokenizer.name_or_path!r} has no chat template",
            "Use the instruction-tuned variant of the model, or put a chat_template.jinja into the tokenizer's folder.",
        )
    try:
        if messages[0].role != "system":
            return _apply(messages, prompt, tokenizer, reply)
        try:
            text = _apply(messages, prompt, tokenizer, reply)
        except _REFUSALS:
            text = ""
        shows_system = text and messages[0].content.strip() in text
        return text if shows_system else _apply(_without_system(messages), prompt, tokenizer, reply)
    except _REFUSALS as error:
        raise InputError(
            f"the chat template of {tokenizer.name_or_path!r} refuses the conversation: {error}", _USE_TAGGED
        ) from None


def _check_shown(text: str, prompt: Prompt, tokenizer: PreTrainedTokenizerBase) -> None:
    """Refuse a rendered prompt that lacks an offered tool. Tool names that occur in the conversation do not count."""
    without_tools = _render(prompt.messages, replace(prompt, tools=()), tokenizer, reply=False)
    for tool in prompt.tools:
        if text.count(tool.name) <= without_tools.count(tool.name):
            raise InputError(
                f"the chat template of {tokenizer.name_or_path!r} does not show the offered tool {tool.name!r}",
                _USE_TAGGED,
            )


def _special(tokenizer: PreTrainedTokenizerBase) -> set[int]:
    return set(tokenizer.all_special_ids) | set(tokenizer.added_tokens_decoder)


def _turn_end(tokenizer: PreTrainedTokenizerBase, template_args: TemplateArgs) -> int:
    """The token with which the template ends an assistant's turn."""
    question, probe = Message(role="user", content="probe"), "probe of the turn's end"
    asked = Prompt((question,), template_args=template_args)
    text = _render((question, Message(role="assistant", content=probe)), asked, tokenizer, reply=True)
    tail = tokenizer(text.rpartition(probe)[2], add_special_tokens=False)["input_ids"]
    special = _special(tokenizer)
    for token in tail:
        if token in special:
            return int(token)
    if tokenizer.eos_token_id is not None:
        return int(tokenizer.eos_token_id)
    raise InputError(
        f"the chat template of {tokenizer.name_or_path!r} ends an answer with no special token",
        "Give the tokenizer an eos_token, or a template that ends each turn with a special token.",
    )


def _turn_with_calls(prompt: Prompt, tokenizer: PreTrainedTokenizerBase, reply: Message) -> tuple[str, int]:
    """Render a turn with calls after the prompt. Return the text of the turn, and the token that ends the turn.

    This token is usually the same for all turns. Some templates use a different token after calls, because a result
    must follow (FunctionGemma's `<start_function_response>`).

    Some templates write an empty thought before the calls of the last turn, but not before an answer. The empty thought
    is left out. Otherwise a model would learn that a thought leads to a call.
    """
    before = _render(prompt.messages, prompt, tokenizer, reply=False)
    whole = _render((*prompt.messages, reply), prompt, tokenizer, reply=True)
    if not whole.startswith(before):
        raise InputError(
            f"the chat template of {tokenizer.name_or_path!r} changes the text before a turn with calls", _USE_TAGGED
        )
    text = without_empty_thought(whole[len(before) :])
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    end, special = _turn_end(tokenizer, prompt.template_args), _special(tokenizer)
    stop = end if end in ids else next((token for token in reversed(ids) if token in special), end)
    turn, _, rest = text.rpartition(str(tokenizer.convert_ids_to_tokens(stop)))
    return (turn, int(stop)) if stop in ids and not rest.strip() else (text.rstrip(), end)


def check_readable(prompt: Prompt, tokenizer: PreTrainedTokenizerBase, dialect: Dialect) -> int | None:
    """Check that the dialect can read the calls that the template writes.

    Nothing is checked if the template does not show the tools.

    Returns:
        The token with which the template ends a turn with calls. None if the template does not write calls.

    Raises:
        InputError: The dialect does not read a call of the template as the same call.
    """
    if not prompt.tools:
        return None
    call = Call(name=prompt.tools[0].name, arguments={"probe": "text"})
    question = replace(prompt, messages=(Message(role="user", content="probe"),))
    text, stop = _turn_with_calls(question, tokenizer, Message(role="assistant", tool_calls=(call,)))
    if dialect.parse(Completion(text), strict=False).calls != (call,):
        raise InputError(
            f"the chat template of {tokenizer.name_or_path!r} writes calls as {text[:80]!r}, which the dialect "
            f"{dialect.name} cannot read",
            _USE_TAGGED,
        )
    return stop


def encode(prompt: Prompt, tokenizer: PreTrainedTokenizerBase, reply: str | Message | None = None) -> Encoded:
    """Encode a prompt, alone or with the reply that a model should learn.

    Args:
        prompt: The turns, and the tools that the template shows.
        tokenizer: The tokenizer, with its chat template.
        reply: A text or an assistant turn. The template writes the calls of an assistant turn.

    Raises:
        InputError: The tokenizer has no chat template. Or the template ends an answer without a special token, refuses
            the conversation, or does not show an offered tool.
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
            text, stop = _turn_with_calls(prompt, tokenizer, reply)
        else:
            closing = closing_of_open_thought(text)
            thought = f"\n{closing}\n\n" if closing is not None else ""
            text = thought + (reply.content if isinstance(reply, Message) else reply)
            stop = _turn_end(tokenizer, prompt.template_args)
        reply_ids = [int(token) for token in tokenizer(text, add_special_tokens=False)["input_ids"]]
        ids += [*reply_ids, stop]
        supervised += [True] * (len(reply_ids) + 1)
    return Encoded(ids, supervised)


def stop_ids(
    tokenizer: PreTrainedTokenizerBase, configured: int | list[int] | None, template_args: TemplateArgs | None = None
) -> tuple[int, ...]:
    """All tokens that end an answer.

    Args:
        tokenizer: The tokenizer. Its end-of-sequence token and the token that ends a turn in its template are included.
        configured: The stop tokens of the model's generation configuration.
        template_args: The arguments of the chat template.
    """
    listed = configured if isinstance(configured, list) else [configured]
    ends = (*listed, tokenizer.eos_token_id, _turn_end(tokenizer, template_args or {}))
    return tuple(sorted({token for token in ends if token is not None}))
