"""Sends requests to a served model. Failed requests are sent again.

These are failures: too many requests (429), an error of the server (5xx), a time-out, a broken connection, and a reply
that is not a completion. A wrong answer of the model is not a failure.

Each failure is counted. After a pause, the request is sent again. The pause doubles each time, up to a minute, or has
the length that the server requests. If the server requests a pause that is longer than the time limit of a request, the
request is not sent again.

Inspect and its clients can also send failed requests again. But they do not report these requests, and some clients
never stop. So Toolmark switches this off. Then every failure is counted, and a request that always fails is an error.
The number of requests at the same time adapts to the server (`request_window.py`).
"""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import UTC
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolmark.benchmark.config.request_limits import RequestLimits
from toolmark.benchmark.core.bounded_bodies import BodyTooLong, BodyUnreadable, limit_bodies
from toolmark.benchmark.core.errors import EnvironmentFault
from toolmark.benchmark.core.printing import printable
from toolmark.benchmark.core.secrets import redacted
from toolmark.benchmark.data.completions import Completion, Prompt, RawCall
from toolmark.benchmark.engine.call_beginning import CallBeginning
from toolmark.benchmark.engine.chat_address import ChatAddress, chat_address
from toolmark.benchmark.engine.inspect_dotenv import mention_dotenv
from toolmark.benchmark.engine.inspect_messages import completion_of, messages_of, tools_of
from toolmark.benchmark.engine.request_window import Window
from toolmark.benchmark.engine.served_logprobs import served_call_probability
from toolmark.benchmark.engine.started_servers import guard_started_servers

if TYPE_CHECKING:
    from inspect_ai.model import Model, ModelOutput

__all__ = ["Refused", "ServedModel", "Unanswered", "fault_notes"]

_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 60.0
_REFUSES_ALL = (401, 402, 403, 404)
_REFUSES_REQUEST = (400, 413, 422)
_TOO_MANY = 429
_MAX_REASON = 300
_MAX_ERROR = 100_000
_MAX_CAUSES = 8
_BROKEN = "broken reply"
_MAX_BYTES = 16 * 2**20
"""The largest size of a reply after decompression, in bytes."""
_OPENAI = ("openai/", "openai-api/")


class Refused(Exception):
    """The server refuses this request. Sending the request again would not help.

    Attributes:
        reason: The reason, as the server wrote it.
        too_long: Whether the prompt is too long for the context of the model.
    """

    def __init__(self, reason: str, *, too_long: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.too_long = too_long


class Unanswered(Exception):
    """The request failed in every try, or the server asks for a pause that is too long. The message is the reason."""


def fault_notes(faults: Counter[str]) -> tuple[str, ...]:
    """Return a line with the number of failed requests of each kind. If no request failed, return no line."""
    if not faults:
        return ()
    kinds = ", ".join(f"{kind} ({count})" for kind, count in faults.most_common())
    return (f"{faults.total()} requests failed and were sent again if possible: {kinds}",)


class ServedModel:
    """Sends requests to a model behind an API, through any of Inspect's providers.

    Args:
        name: Inspect's name of the model, such as `openai/gpt-4.1`.
        requests: Limits on the requests.
        window: Limits the number of requests at the same time. Several models can share a window. With None, this model
            has its own window.

    Attributes:
        call_beginning: If it is set, completions get the probability of a call, from the log-probabilities of the
            server. None by default.
        faults: Number of failed requests by kind: an HTTP status, `time-out`, `no connection` or `broken reply`.

    Raises:
        EnvironmentFault: The package or the API key of the provider is missing.
    """

    def __init__(self, name: str, requests: RequestLimits, window: Window | None = None) -> None:
        from inspect_ai.model import GenerateConfig, get_model

        guard_started_servers()
        mention_dotenv(Path.cwd())
        config = GenerateConfig(max_connections=requests.connections, max_retries=0)
        # The client must not send requests again, because `faults` would not count this, and `window` would not see a
        # 429.
        client_options: dict[str, Any] = {"max_retries": 0, "client_timeout": requests.timeout}
        try:
            # Inspect's cache of models is not used, because it keeps the client of an earlier event loop.
            self._model: Model = get_model(
                name, config=config, memoize=False, **(client_options if name.startswith(_OPENAI) else {})
            )
        except Exception as error:  # Each provider raises other types of errors.
            raise EnvironmentFault(
                f"{name} cannot be used: {_message(error)}",
                "Install the package of the provider, and set the API key.",
            ) from error
        for client in _http_clients(self._model):
            limit_bodies(client, _MAX_BYTES)
        self.name = name
        self.faults: Counter[str] = Counter()
        self.call_beginning: CallBeginning | None = None
        self._requests = requests
        self._window = window or Window(requests.connections)

    @property
    def address(self) -> ChatAddress | None:
        """Return the address of the server. None if the provider does not use OpenAI's chat completions."""
        return chat_address(self._model)

    async def ask(
        self,
        prompt: Prompt,
        config: Mapping[str, Any],
        trying: Callable[[], AbstractContextManager[Any]] = nullcontext,
        order: int = 0,
    ) -> Completion:
        """Return the completion of a prompt.

        Args:
            prompt: Turns and tools.
            config: Fields of Inspect's `GenerateConfig`.
            trying: A function that returns a context manager. Each try is made inside `with trying():`. The context
                manager can count the tries, or raise an error to prevent a try.
            order: The order of the request. Of all waiting requests, the one with the lowest order is sent first.

        Raises:
            Refused: The server refuses this request.
            Unanswered: The request failed in every try, or the server asks for a pause that is too long.
            EnvironmentFault: The server refuses every request, because of the address, the name of the model, the API
                key or the quota.
        """
        failure = ""
        for attempt in range(self._requests.retries + 1):
            async with self._window.place(order):
                with trying():
                    try:
                        async with asyncio.timeout(self._requests.timeout):
                            completion = await self._once(prompt, config)
                    except Refused:
                        raise
                    except Exception as error:
                        failure, pause = self._failed(error, attempt)
                    else:
                        self._window.answered()
                        return completion
            if attempt < self._requests.retries:
                await asyncio.sleep(pause)
        raise Unanswered(failure)

    async def _once(self, prompt: Prompt, config: Mapping[str, Any]) -> Completion:
        from inspect_ai.event import Event, ModelEvent
        from inspect_ai.log._transcript import Transcript, init_transcript
        from inspect_ai.model import GenerateConfig, ModelCall

        whole: dict[str | None, ModelCall] = {}

        def record(event: Event) -> None:
            # Inspect reports the call several times. After the first report, it replaces long strings by references.
            if isinstance(event, ModelEvent) and event.call is not None and not event.pending:
                whole.setdefault(event.uuid, event.call)

        transcript = Transcript()
        transcript._subscribe(record)
        init_transcript(transcript)  # Each task has its own transcript, so that the response belongs to this request.
        generate_config = GenerateConfig(**{**config, "max_retries": 0})
        output = await self._model.generate(messages_of(prompt), tools=tools_of(prompt), config=generate_config)
        calls = list(whole.values())
        if calls and calls[-1].error:
            # For some refusals, Inspect returns a completion and raises no error. Its text is the error of the server.
            reason = _one_line(output.completion)
            raise Refused(reason, too_long=output.stop_reason == "model_length")
        completion = completion_of(output, calls[-1].response if calls else None)
        return replace(
            completion,
            call_probability=self._call_probability(output, completion),
            text=redacted(completion.text),
            tool_calls=tuple(RawCall(redacted(one.name), redacted(one.arguments)) for one in completion.tool_calls),
        )

    def _call_probability(self, output: ModelOutput, completion: Completion) -> float | None:
        logprobs = output.choices[0].logprobs
        if self.call_beginning is None or logprobs is None or completion.tool_calls:
            return None
        return served_call_probability(self.call_beginning, logprobs.content)

    def _failed(self, error: Exception, attempt: int) -> tuple[str, float]:
        """Count a failure. Return its reason, and the seconds to wait before the request is sent again.

        Raises:
            Refused: The server refuses this request.
            Unanswered: The server asks for a pause that is longer than the time limit of a request.
            EnvironmentFault: The server refuses every request.
        """
        reason, status = _message(error), _status(error)
        for cause in _causes(error):
            if isinstance(cause, BodyTooLong | BodyUnreadable):
                raise Refused(str(cause)) from error
        if status in _REFUSES_ALL or "insufficient_quota" in reason:
            raise EnvironmentFault(
                f"{self.name} refuses all requests: {reason}",
                "Check the address of the server, the name of the model, the API key and the quota.",
            ) from error
        if status in _REFUSES_REQUEST:
            raise Refused(reason, too_long="context_length_exceeded" in reason) from error
        kind = _kind(error, status)
        self.faults[kind] += 1
        if kind == _BROKEN:
            reason = f"the reply is not a completion ({reason})"
        if status == _TOO_MANY:
            self._window.refused()
        # The pause is random, so that requests that failed together are not sent again together.
        longest = min(_LONGEST_PAUSE, self._requests.timeout)
        pause = min(longest, _FIRST_PAUSE * 2**attempt * random.uniform(0.5, 1.5))  # noqa: S311
        retry_after = _retry_after(error)
        if retry_after is None:
            return reason, pause
        if retry_after > self._requests.timeout:
            raise Unanswered(
                f"the server asks for a pause of {retry_after:,.0f} s (Retry-After), which is longer than "
                f"--request-timeout {self._requests.timeout:g}: {reason}"
            ) from error
        return reason, max(retry_after, pause / 4)


def _http_clients(model: Model) -> Collection[Any]:
    """Return the HTTP clients of a model of OpenAI, Anthropic or Groq. For other providers, return none."""
    kept = (getattr(model.api, "http_client", None), getattr(getattr(model.api, "client", None), "_client", None))
    return {id(client): client for client in kept if hasattr(client, "event_hooks")}.values()


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, its cause, the cause of that cause, and so on. Inspect wraps the client's error in others."""
    cause: BaseException | None = error
    for _ in range(_MAX_CAUSES):
        if cause is None:
            return
        yield cause
        cause = cause.__cause__ or cause.__context__


def _status(error: BaseException) -> int | None:
    """Return the HTTP status of a failure, or None if the failure has no HTTP status."""
    statuses = (getattr(cause, "status_code", None) for cause in _causes(error))
    return next((status for status in statuses if isinstance(status, int)), None)


def _retry_after(error: BaseException) -> float | None:
    """Return the pause that the header `Retry-After` requests, in seconds, or None if there is no valid header."""
    for cause in _causes(error):
        headers = getattr(getattr(cause, "response", None), "headers", None)
        value = headers.get("retry-after") if headers is not None else None
        if value is not None:
            return _seconds(str(value).strip())
    return None


def _seconds(value: str) -> float | None:
    """Return the seconds that a value of `Retry-After` means. It is a number or a date (RFC 9110, 10.2.3)."""
    if re.fullmatch(r"\d{1,20}(\.\d{1,20})?", value, re.ASCII):
        return float(value)
    try:
        date = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return max(0.0, (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - time.time())


def _kind(error: BaseException, status: int | None) -> str:
    if status is not None and status >= _REFUSES_REQUEST[0]:
        return str(status)
    names = [type(cause).__name__ for cause in _causes(error)]
    if any("Timeout" in name for name in names):
        return "time-out"
    broken = any(isinstance(cause, OSError) for cause in _causes(error))
    return "no connection" if broken or any(re.search("Connect|Protocol|ReadError", n) for n in names) else _BROKEN


def _message(error: BaseException) -> str:
    """Return the message in an error of the server or of the client, on one line and without Inspect's markup."""
    causes = [cause for cause in _causes(error) if type(cause).__name__ != "RetryError"] or [error]
    source = next((cause for cause in reversed(causes) if hasattr(cause, "status_code")), causes[0])
    plain = re.sub(r"\[/?[a-z ]+\]", "", str(source)).strip().removeprefix("ERROR:")
    return _one_line(plain) or type(source).__name__


def _one_line(text: str) -> str:
    """Return the beginning of a server's text on one line, without secrets and control characters."""
    return " ".join(printable(text[:_MAX_ERROR]).split())[:_MAX_REASON]
