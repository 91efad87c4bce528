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

Templates can leave out the text of a turn without an error. For example, templates of models for images show nothing if
the content of a turn is a text instead of a list of parts. So `encode` also looks for the text of every turn that the
model did not write, and `stop_ids` checks that the template shows an answer.

With the dialect `native`, the chat template writes the tools into the prompt. Many templates ignore tools without an
error. A model would then be judged on tools that it never saw. So `encode` looks for every offered tool in the rendered
prompt, and `check_readable` checks that the dialect can read a call that the template wrote.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, Any

from toolmark.benchmark.config.template_clock import with_fixed_date
from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.data.cases import Call, Message
from toolmark.benchmark.data.completions import Completion, Prompt
from toolmark.benchmark.dialects import Dialect
from toolmark.benchmark.dialects.thinking import closing_of_open_thought
from toolmark.benchmark.engine.loading_errors import cause
from toolmark.benchmark.engine.template_rendering import TemplateRefusal, render_template
from toolmark.benchmark.engine.tokenizer import token_ids

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from transformers import PreTrainedTokenizerBase

    from toolmark.benchmark.config.template_args import TemplateArgs

__all__ = ["Encoded", "check_readable", "encode", "openai_turns", "rendered", "stop_ids"]

_PROBE = "70441352"
"""A text that templates do not change, because it has neither letters nor signs."""

_USE_TAGGED = "Choose a dialect that shows the tools in plain turns, for example --dialect tagged"


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


def openai_turns(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """Return the turns in OpenAI's form.

    Some templates need ids. So each call gets an id, and each result gets the id of its call.
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
    """Return the turns without a system turn. Its text is put before the text of the first user turn.

    Gemma's chat template does the same.
    """
    system, *rest = messages
    if not rest or rest[0].role != "user":
        return (Message(role="user", content=system.content), *rest)
    return (Message(role="user", content=f"{system.content}\n\n{rest[0].content}"), *rest[1:])


def _apply(turns: Sequence[Message], prompt: Prompt, tokenizer: PreTrainedTokenizerBase, reply: bool) -> str:
    shown: list[Any] | None = [tool.as_openai() for tool in prompt.tools] or None
    variables = {
        **tokenizer.special_tokens_map,
        **prompt.template_args,
        "messages": openai_turns(turns),
        "tools": shown,
        "documents": None,
        "add_generation_prompt": not reply,
    }
    try:
        template = tokenizer.get_chat_template(tools=shown)
    except ValueError as error:  # The tokenizer has several templates, and none of them is the default.
        raise InputError(
            f"the tokenizer of {tokenizer.name_or_path!r} has no chat template for this prompt: {cause(error)}",
            "Put one chat_template.jinja into the tokenizer's folder.",
        ) from None
    return render_template(with_fixed_date(template), variables, tokenizer.name_or_path)


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
        except TemplateRefusal:
            text = ""
        shows_system = text and messages[0].content.strip() in text
        return text if shows_system else _apply(_without_system(messages), prompt, tokenizer, reply)
    except TemplateRefusal as error:
        raise InputError(
            f"the chat template of {tokenizer.name_or_path!r} refuses the conversation: {error}",
            _USE_TAGGED if prompt.tools else "Use the chat template that was published with the model.",
        ) from None


def rendered(prompt: Prompt, tokenizer: PreTrainedTokenizerBase) -> str:
    """Return the text of a prompt, from which `encode` makes token ids.

    Raises:
        InputError: The tokenizer has no chat template, or the template refuses the conversation.
    """
    return _render(prompt.messages, prompt, tokenizer, reply=False)


def _check_shown(text: str, prompt: Prompt, tokenizer: PreTrainedTokenizerBase) -> None:
    """Check that a rendered prompt contains the name of every offered tool.

    The conversation itself can contain the name of a tool. So the check counts the name in the prompt with tools and in
    the prompt without tools. The prompt with tools must contain it more often.
    """
    without_tools = _render(prompt.messages, replace(prompt, tools=()), tokenizer, reply=False)
    for tool in prompt.tools:
        if text.count(tool.name) <= without_tools.count(tool.name):
            raise InputError(
                f"the chat template of {tokenizer.name_or_path!r} does not show the offered tool {tool.name!r}",
                _USE_TAGGED,
            )


def _check_turns(text: str, prompt: Prompt, tokenizer: PreTrainedTokenizerBase) -> None:
    """Check that a rendered prompt contains the text of every turn, except those of the assistant.

    Some templates leave out texts of the assistant on purpose, for example thoughts. Other templates write a text in
    another way, for example as JSON or in capital letters. So a text that is not found is replaced by digits, which
    must be found.
    """
    hidden = {
        index: f"{_PROBE}{index:03}"
        for index, message in enumerate(prompt.messages)
        if message.role != "assistant" and message.content.strip() not in text
    }
    if not hidden:
        return
    probes = tuple(
        message.model_copy(update={"content": hidden.get(index, message.content)})
        for index, message in enumerate(prompt.messages)
    )
    shown = _render(probes, prompt, tokenizer, reply=False)
    roles = [prompt.messages[index].role for index, probe in hidden.items() if probe not in shown]
    if roles:
        raise _not_shown("user" if "user" in roles else roles[0], tokenizer)


def _not_shown(role: str, tokenizer: PreTrainedTokenizerBase) -> InputError:
    return InputError(
        f"the chat template of {tokenizer.name_or_path!r} does not show the text of a turn of the role {role!r}",
        "Use a template for turns whose content is a text. Templates of models for images often expect a list of "
        "parts: then write {{ message.content }} into chat_template.jinja, in place of the loop over the parts.",
    )


def _special(tokenizer: PreTrainedTokenizerBase) -> set[int]:
    return set(tokenizer.all_special_ids) | set(tokenizer.added_tokens_decoder)


def _turn_end(tokenizer: PreTrainedTokenizerBase, template_args: TemplateArgs) -> int:
    """Return the token with which the template ends a turn of the assistant."""
    asked, probe = f"{_PROBE}1", f"{_PROBE}2"
    turns = (Message(role="user", content=asked), Message(role="assistant", content=probe))
    text = _render(turns, Prompt(turns[:1], template_args=template_args), tokenizer, reply=True)
    for turn in turns:
        if turn.content not in text:
            raise _not_shown(turn.role, tokenizer)
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
    whole = _render((*prompt.messages, reply), prompt, tokenizer, reply=True)
    if not whole.startswith(before):
        if reply.tool_calls:
            raise InputError(
                f"the chat template of {tokenizer.name_or_path!r} changes the text before a turn with calls",
                _USE_TAGGED,
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
    before = _render(question.messages, question, tokenizer, reply=False)
    text, stop = _turn(question, tokenizer, Message(role="assistant", tool_calls=(call,)), before)
    if dialect.parse(Completion(text), strict=False).calls != (call,):
        raise InputError(
            f"the chat template of {tokenizer.name_or_path!r} writes calls as {text[:80]!r}, which the dialect "
            f"{dialect.name} cannot read",
            _USE_TAGGED,
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
    text = _render(prompt.messages, prompt, tokenizer, reply=False)
    _check_turns(text, prompt, tokenizer)
    if prompt.tools:
        _check_shown(text, prompt, tokenizer)
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
