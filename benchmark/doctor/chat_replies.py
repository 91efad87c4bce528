"""Sends requests to an OpenAI-compatible server, and reads the replies without a client library.

A client library changes replies: it parses arguments, drops fields and raises its own errors. This module reads every
field as the server sent it. Because a server can send anything, every field can be missing or can have a wrong type.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from toolmark.benchmark.core.bounded_http import Reply, json_object, json_objects
from toolmark.benchmark.engine.json_server import BadReply, JsonServer

__all__ = ["BadReply", "ChatReply", "Endpoint", "RawCall"]


@dataclass(frozen=True, slots=True)
class RawCall:
    """A call in `tool_calls`. `arguments` should be a string, but can have any type that the server sent."""

    name: str
    arguments: Any


@dataclass(frozen=True, slots=True)
class ChatReply:
    """The parts of a reply that a run uses.

    Attributes:
        text: The text of the message.
        calls: The entries of `tool_calls`.
        reasoning: The text of the thoughts, if the server sends thoughts in a field of their own. Otherwise empty.
        stop_reason: The field `finish_reason`.
        input_tokens: Tokens of the prompt. None if the server does not tell this number.
        output_tokens: Tokens of the reply. None if the server does not tell this number.
        written: The text that the model wrote, before the server separated the calls from it. None if this text is not
            known.
    """

    text: str = ""
    calls: tuple[RawCall, ...] = ()
    reasoning: str = ""
    stop_reason: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    written: str | None = None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The address of an OpenAI-compatible server.

    Attributes:
        url: The address without the end `/chat/completions`.
        headers: The headers of a request, which contain the API key.
        model: The name of the model in requests.
        seconds: The limit on the time of a request.
    """

    url: str
    headers: Mapping[str, str] = field(repr=False)
    model: str
    seconds: float

    def ask(self, body: Mapping[str, Any]) -> ChatReply:
        """Send one request, and read its reply.

        Args:
            body: The fields of the request, without the name of the model.

        Raises:
            BadReply: There is no reply, the server refuses the request, or the reply is not a completion.
        """
        reply = self._send(body)
        fields = self.server.object_in(reply)
        choices = fields.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else None
        if not isinstance(choice, dict) or not isinstance(choice.get("message"), dict):
            raise BadReply("the reply has no choice with a message", reply.status)
        return _chat_reply(choice["message"], choice, fields)

    def stream(self, body: Mapping[str, Any]) -> ChatReply:
        """Send one request for a stream, and put the parts of the reply together.

        Raises:
            BadReply: The errors of `ask`, or the server does not stream, or the stream does not end.
        """
        reply = self._send({**body, "stream": True, "stream_options": {"include_usage": True}})
        if not reply.unfinished and reply.kind == "application/json":
            raise BadReply("the server ignores `stream` and sends one reply", reply.status)
        if reply.unfinished:
            raise BadReply(reply.unfinished.replace("reply", "stream"), reply.status)
        message: dict[str, Any] = {"content": "", "tool_calls": []}
        choice: dict[str, Any] = {}
        usage: Any = None
        events = list(_events(reply.body))
        if not events:
            raise BadReply("the stream has no event that is JSON", reply.status)
        for event in events:
            usage = event.get("usage") or usage
            choices = event.get("choices")
            part = choices[0] if isinstance(choices, list) and choices else None
            if isinstance(part, dict):
                choice["finish_reason"] = part.get("finish_reason") or choice.get("finish_reason")
                _add(message, part.get("delta"))
        return _chat_reply(message, choice, {"usage": usage})

    @property
    def server(self) -> JsonServer:
        """Return the server at this address."""
        return JsonServer(self.url, self.headers, self.seconds)

    def _send(self, body: Mapping[str, Any]) -> Reply:
        return self.server.send("POST", "/chat/completions", {"model": self.model, **body})


def _events(body: bytes) -> Iterator[dict[str, Any]]:
    for line in body.splitlines():
        if line.startswith(b"data:") and (event := json_object(line[5:])) is not None:
            yield event


def _add(message: dict[str, Any], delta: Any) -> None:
    """Add `delta`, a part of a stream, to `message`."""
    if not isinstance(delta, dict):
        return
    for name, value in delta.items():
        if isinstance(value, str) and name not in ("role", "tool_calls"):
            message[name] = str(message.get(name) or "") + value
    calls = delta.get("tool_calls")
    for part in calls if isinstance(calls, list) else ():
        if not isinstance(part, dict):
            continue
        index = part.get("index")
        position = index if isinstance(index, int) and 0 <= index < 100 else len(message["tool_calls"])
        while len(message["tool_calls"]) <= position:
            message["tool_calls"].append({"function": {"name": "", "arguments": ""}})
        whole = message["tool_calls"][position]["function"]
        function = part.get("function")
        for name, value in (function if isinstance(function, dict) else {}).items():
            both_text = isinstance(value, str) and isinstance(whole.get(name, ""), str)
            whole[name] = whole.get(name, "") + value if both_text else value if value is not None else whole.get(name)


def _chat_reply(message: Mapping[str, Any], choice: Mapping[str, Any], fields: Mapping[str, Any]) -> ChatReply:
    usage = fields.get("usage")
    counts = usage if isinstance(usage, dict) else {}
    functions = json_objects([call.get("function") for call in json_objects(message.get("tool_calls"))])
    reasoning = message.get("reasoning_content") or message.get("reasoning")
    reason = choice.get("finish_reason")
    return ChatReply(
        text=message["content"] if isinstance(message.get("content"), str) else "",
        calls=tuple(RawCall(str(one.get("name")), one.get("arguments")) for one in functions),
        reasoning=reasoning if isinstance(reasoning, str) else "",
        stop_reason=reason if isinstance(reason, str) else None,
        input_tokens=_whole(counts.get("prompt_tokens")),
        output_tokens=_whole(counts.get("completion_tokens")),
        written=_written(choice.get("logprobs")),
    )


def _whole(value: Any) -> int | None:
    return value if type(value) is int and value >= 0 else None


def _written(logprobs: Any) -> str | None:
    """Return the text that the model wrote, put together from the tokens in `logprobs`. Return None if tokens are
    missing.
    """
    tokens = logprobs.get("content") if isinstance(logprobs, dict) else None
    if not isinstance(tokens, list) or not all(isinstance(token, dict) for token in tokens):
        return None
    parts = []
    for token in tokens:
        raw, text = token.get("bytes"), token.get("token")
        if isinstance(raw, list) and all(type(byte) is int and 0 <= byte < 256 for byte in raw):
            parts.append(bytes(raw))
        elif isinstance(text, str):
            parts.append(text.encode())
        else:
            return None
    return b"".join(parts).decode(errors="replace") or None
