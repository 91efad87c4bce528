"""Renders turns as text with the chat template of a tokenizer, and checks that the text shows everything.

Templates can leave out the text of a turn without an error. For example, templates of models for images show nothing if
the content of a turn is a text instead of a list of parts. With the dialect `native`, the chat template writes the
tools into the prompt, and many templates ignore tools without an error. A model would then be judged on turns or tools
that it never saw. So `check_shown` looks in a rendered prompt for the text of every turn that the model did not write,
and for every offered tool.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from toolmark.benchmark.config.template_clock import with_fixed_date
from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.data.cases import Message
from toolmark.benchmark.data.completions import Prompt
from toolmark.benchmark.engine.loading_errors import cause
from toolmark.benchmark.engine.template_rendering import TemplateRefusal, render_template

if TYPE_CHECKING:
    from collections.abc import Sequence

    from transformers import PreTrainedTokenizerBase

__all__ = ["PROBE", "USE_TAGGED", "check_shown", "not_shown", "openai_turns", "rendered"]

PROBE = "70441352"
"""A text that templates do not change, because it has neither letters nor signs."""

USE_TAGGED = "Choose a dialect that shows the tools in plain turns, for example --dialect tagged"
"""Second sentence of the errors about templates that do not show tools or calls as the dialect needs them."""


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


def rendered(prompt: Prompt, tokenizer: PreTrainedTokenizerBase, reply: Message | None = None) -> str:
    """Return the text of a prompt, as the chat template writes it. If there is a reply, it is the last turn.

    If the template refuses a system turn or does not show it, the text of the system turn is put before the text of the
    first user turn.

    Args:
        prompt: The turns, the tools that the template shows, and the arguments of the template.
        tokenizer: The tokenizer, with its chat template.
        reply: The turn of the assistant that follows the prompt. None if the assistant has still to answer.

    Raises:
        InputError: The tokenizer has no chat template, or the template refuses the conversation.
    """
    if not tokenizer.chat_template:
        raise InputError(
            f"the tokenizer of {tokenizer.name_or_path!r} has no chat template",
            "Use the instruction-tuned variant of the model, or put a chat_template.jinja into the tokenizer's folder.",
        )
    messages = prompt.messages if reply is None else (*prompt.messages, reply)
    ended = reply is not None
    try:
        if messages[0].role != "system":
            return _apply(messages, prompt, tokenizer, ended)
        try:
            text = _apply(messages, prompt, tokenizer, ended)
        except TemplateRefusal:
            text = ""
        shows_system = text and messages[0].content.strip() in text
        return text if shows_system else _apply(_without_system(messages), prompt, tokenizer, ended)
    except TemplateRefusal as error:
        raise InputError(
            f"the chat template of {tokenizer.name_or_path!r} refuses the conversation: {error}",
            USE_TAGGED if prompt.tools else "Use the chat template that was published with the model.",
        ) from None


def _apply(turns: Sequence[Message], prompt: Prompt, tokenizer: PreTrainedTokenizerBase, ended: bool) -> str:
    """Return the text of turns. If the last turn is not an answer (`ended`), the beginning of an answer follows."""
    shown: list[Any] | None = [tool.as_openai() for tool in prompt.tools] or None
    variables = {
        **tokenizer.special_tokens_map,
        **prompt.template_args,
        "messages": openai_turns(turns),
        "tools": shown,
        "documents": None,
        "add_generation_prompt": not ended,
    }
    try:
        template = tokenizer.get_chat_template(tools=shown)
    except ValueError as error:  # The tokenizer has several templates, and none of them is the default.
        raise InputError(
            f"the tokenizer of {tokenizer.name_or_path!r} has no chat template for this prompt: {cause(error)}",
            "Put one chat_template.jinja into the tokenizer's folder.",
        ) from None
    return render_template(with_fixed_date(template), variables, tokenizer.name_or_path)


def _without_system(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """Return the turns without a system turn. Its text is put before the text of the first user turn.

    Gemma's chat template does the same.
    """
    system, *rest = messages
    if not rest or rest[0].role != "user":
        return (Message(role="user", content=system.content), *rest)
    return (Message(role="user", content=f"{system.content}\n\n{rest[0].content}"), *rest[1:])


def check_shown(text: str, prompt: Prompt, tokenizer: PreTrainedTokenizerBase) -> None:
    """Check that a rendered prompt shows the text of every turn, except those of the assistant, and every offered tool.

    Args:
        text: The rendered prompt.
        prompt: The prompt.
        tokenizer: The tokenizer that rendered the prompt.

    Raises:
        InputError: The text of a turn or an offered tool is not shown.
    """
    _check_turns(text, prompt, tokenizer)
    if prompt.tools:
        _check_tools(text, prompt, tokenizer)


def _check_turns(text: str, prompt: Prompt, tokenizer: PreTrainedTokenizerBase) -> None:
    """Check that a rendered prompt contains the text of every turn, except those of the assistant.

    Some templates leave out texts of the assistant on purpose, for example thoughts. Other templates write a text in
    another way, for example as JSON or in capital letters. So a text that is not found is replaced by digits, which
    must be found.
    """
    hidden = {
        index: f"{PROBE}{index:03}"
        for index, message in enumerate(prompt.messages)
        if message.role != "assistant" and message.content.strip() not in text
    }
    if not hidden:
        return
    probes = tuple(
        message.model_copy(update={"content": hidden.get(index, message.content)})
        for index, message in enumerate(prompt.messages)
    )
    shown = rendered(replace(prompt, messages=probes), tokenizer)
    roles = [prompt.messages[index].role for index, probe in hidden.items() if probe not in shown]
    if roles:
        raise not_shown("user" if "user" in roles else roles[0], tokenizer)


def _check_tools(text: str, prompt: Prompt, tokenizer: PreTrainedTokenizerBase) -> None:
    """Check that a rendered prompt contains the name of every offered tool.

    The conversation itself can contain the name of a tool. So the check counts the name in the prompt with tools and in
    the prompt without tools. The prompt with tools must contain it more often.
    """
    without_tools = rendered(replace(prompt, tools=()), tokenizer)
    for tool in prompt.tools:
        if text.count(tool.name) <= without_tools.count(tool.name):
            raise InputError(
                f"the chat template of {tokenizer.name_or_path!r} does not show the offered tool {tool.name!r}",
                USE_TAGGED,
            )


def not_shown(role: str, tokenizer: PreTrainedTokenizerBase) -> InputError:
    """Return the error about a template that does not show the text of a turn.

    Args:
        role: The role of the turn.
        tokenizer: The tokenizer, with its chat template.
    """
    return InputError(
        f"the chat template of {tokenizer.name_or_path!r} does not show the text of a turn of the role {role!r}",
        "Use a template for turns whose content is a text. Templates of models for images often expect a list of "
        "parts: then write {{ message.content }} into chat_template.jinja, in place of the loop over the parts.",
    )
