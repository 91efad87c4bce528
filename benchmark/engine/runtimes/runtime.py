"""Asks a runtime: a server that makes prompts of conversations, writes answers, and reads calls in them.

What can be asked depends on the server. A server that is not known answers only chats. Prompts and raw text of such a
server cannot be seen, so only the whole deployment can be judged.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from toolmark.benchmark.core.bounded_http import json_objects
from toolmark.benchmark.data.completions import Completion, Prompt, RawCall, StopReason, Usage
from toolmark.benchmark.engine.json_server import BadReply, JsonServer
from toolmark.benchmark.engine.rendered_prompts import openai_turns
from toolmark.benchmark.engine.server_facts import ServerFacts

__all__ = ["Question", "Runtime", "RuntimePrompt", "RuntimeReply", "Writing", "first_choice", "token_list"]


@dataclass(frozen=True, slots=True)
class Question:
    """A conversation with tools, as a client sends it.

    Attributes:
        prompt: The turns and the tools.
        max_tokens: The limit on the tokens of the answer.
        stops: Strings that end the answer.
        temperature: The temperature of sampling. With 0, the most likely token is always chosen.
        seed: The seed of the sampling. None if nothing is sampled.
    """

    prompt: Prompt
    max_tokens: int
    stops: Sequence[str] = ()
    temperature: float = 0.0
    seed: int | None = None

    def body(self) -> dict[str, Any]:
        """Return the fields of a request, in OpenAI's form."""
        messages = openai_turns(self.prompt.messages)
        for message in messages:
            for call in message.get("tool_calls", ()):
                call["function"]["arguments"] = json.dumps(call["function"]["arguments"], ensure_ascii=False)
        fields: dict[str, Any] = {"messages": messages, "max_tokens": self.max_tokens, "temperature": self.temperature}
        if self.seed is not None:
            fields["seed"] = self.seed
        if self.prompt.tools:
            fields["tools"] = [tool.as_openai() for tool in self.prompt.tools]
        if self.stops:
            fields["stop"] = list(self.stops)
        if self.prompt.template_args:
            fields["chat_template_kwargs"] = dict(self.prompt.template_args)
        return fields


@dataclass(frozen=True, slots=True)
class RuntimePrompt:
    """The prompt that a runtime makes of a question.

    Attributes:
        text: The rendered text. None if the runtime tells only token ids.
        ids: The token ids. None if the runtime tells only the text.
    """

    text: str | None
    ids: tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class Writing:
    """What a runtime wrote, before a parser read it.

    Attributes:
        text: The text as the runtime gives it. Special tokens can be missing.
        ids: The token ids, with the token that ended the answer. None if the runtime does not tell them.
        stop_reason: Why the answer ends.
    """

    text: str
    ids: tuple[int, ...] | None
    stop_reason: StopReason


@dataclass(frozen=True, slots=True)
class RuntimeReply:
    """The reply of a runtime to a question.

    Attributes:
        completion: The text and the calls that a client gets.
        written: The answer of the model before the parser of the runtime read it. None if the runtime does not tell it.
        read: Number of tokens of the prompt that the runtime read. None if the runtime does not tell this number.
    """

    completion: Completion
    written: Writing | None
    read: int | None


@dataclass(frozen=True)
class Runtime:
    """A server with OpenAI's chat completions. Nothing else is known about this server.

    Attributes:
        root: The server, with the address without `/v1`.
        model: The name of the model in requests.
        facts: What the server tells about itself.
        chat_path: The path of chat completions below `root`.
    """

    root: JsonServer = field(repr=False)
    model: str
    facts: ServerFacts
    chat_path: str = "/v1/chat/completions"

    def prompt(self, question: Question) -> RuntimePrompt | None:  # noqa: ARG002
        """Return the prompt that the runtime makes of a question. None if the runtime does not tell it.

        Raises:
            BadReply: The runtime refuses the question.
        """
        return None

    def template_text(self, question: Question) -> str | None:  # noqa: ARG002
        """Return the text that Toolmark makes of a question with the chat template of the server.

        None if the server does not tell its template, or if the template is not written in Jinja.

        Raises:
            TemplateRefusal: The template refuses the conversation.
            InputError: The template is too long, or exceeds a limit.
        """
        return None

    def go_on(self, ids: Sequence[int], question: Question) -> Writing | None:  # noqa: ARG002
        """Let the runtime continue exactly these token ids. Return None if the runtime does not accept token ids.

        Args:
            ids: The token ids of a prompt.
            question: The question, for the limits of the answer.

        Raises:
            BadReply: The runtime refuses the request.
        """
        return None

    def chat(self, question: Question) -> RuntimeReply:
        """Return the reply that a client gets to a question.

        Raises:
            BadReply: The runtime refuses the question, or the reply is not a completion.
        """
        fields = self.root.post(self.chat_path, {"model": self.model, **question.body(), **self._more()})
        choice = first_choice(fields)
        message = choice.get("message")
        if not isinstance(message, Mapping):
            raise BadReply("the reply has no choice with a message", 200)
        usage = fields.get("usage")
        read, made = (_count(usage, name) for name in ("prompt_tokens", "completion_tokens"))
        content = message.get("content")
        completion = Completion(
            text=content if isinstance(content, str) else "",
            tool_calls=tuple(_calls(message.get("tool_calls"))),
            stop_reason=_STOP_REASONS.get(str(choice.get("finish_reason")), "unknown"),
            usage=Usage(read or 0, made or 0),
        )
        return RuntimeReply(completion, self._written(fields, choice, completion), read)

    def _more(self) -> dict[str, Any]:
        """Return the fields of a chat with which this runtime also tells what it wrote."""
        return {}

    def _written(
        self,
        fields: Mapping[str, Any],  # noqa: ARG002
        choice: Mapping[str, Any],  # noqa: ARG002
        completion: Completion,  # noqa: ARG002
    ) -> Writing | None:
        """Return what the runtime wrote in a chat. None if it does not tell this."""
        return None


_MOST_TOKENS = 10**9
_STOP_REASONS: Mapping[str, StopReason] = {"stop": "stop", "tool_calls": "stop", "length": "length"}


def _count(usage: Any, name: str) -> int | None:
    """Return a number of tokens in a reply. None if the reply has no such number."""
    value = usage.get(name) if isinstance(usage, Mapping) else None
    return value if type(value) is int and 0 <= value < _MOST_TOKENS else None


def _calls(listed: Any) -> Iterator[RawCall]:
    for function in json_objects([call.get("function") for call in json_objects(listed)]):
        arguments = function.get("arguments")
        text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
        yield RawCall(str(function.get("name")), text)


def first_choice(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the first choice of a completion.

    Raises:
        BadReply: The reply has no choice.
    """
    choices = fields.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise BadReply("the reply has no choice", 200)
    return choices[0]


def token_list(value: Any) -> tuple[int, ...] | None:
    """Return a list of token ids that a server sent. None if the value is not such a list."""
    if isinstance(value, list) and all(type(token) is int and token >= 0 for token in value):
        return tuple(value)
    return None
