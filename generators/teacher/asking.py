"""Requests to the teacher's models: each once, recorded when it is answered, tried again when it fails.

A reply is data, right or wrong, and is never asked for again. A failure (429, 5xx, a time-out, a body that is no JSON)
is nothing: it is not recorded, and the request is sent again after a while.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from benchmark.cases import Message, digest
from benchmark.completions import Completion, Prompt
from benchmark.engine.inspect_chat import completion_of, messages_of
from benchmark.errors import EnvironmentFault, InputError
from benchmark.runs.ledger import Ledger
from generators.teacher.limits import Budget, Price, Window
from generators.teacher.options import ROLES, Role, TeacherOptions

if TYPE_CHECKING:
    from inspect_ai.model import Model

__all__ = ["Asker", "Item", "Refused", "price_of"]

_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 60.0
_FATAL = (401, 403, 404)
_REFUSED = (400, 413, 422)
_MAX_REASON = 300
_OPENAI = ("openai/", "openai-api/")


class Item(NamedTuple):
    """What a request is for: the number of its batch, the lowest of which goes first, and a name.

    The name tells equal requests apart that are meant to be answered each.
    """

    batch: int
    name: str


class Refused(Exception):
    """The provider will not answer this request, however often it is sent."""


class Asker:
    """Asks the models of the three roles; a context manager.

    Args:
        options: Models and limits.
        folder: Where the ledger is.

    Attributes:
        budget: What this run has used.
        known: Replies in the ledger, by key.
    """

    def __init__(self, options: TeacherOptions, folder: Path) -> None:
        self._options = options
        self._models: dict[Role, Model] = {role: _opened(options, role) for role in ROLES}
        self._prices = {role: price_of(options, role) for role in ROLES}
        if options.max_cost is not None and None in self._prices.values():
            unknown = next(options.model_of(role) for role in ROLES if self._prices[role] is None)
            fix = "Give --input-price and --output-price, in dollars per million tokens."
            raise InputError(f"--max-cost {options.max_cost:g}: the price of {unknown} is not known", fix)
        self.budget = Budget(options.max_requests, options.max_cost)
        self._window = Window(options.max_connections)
        self._stack = ExitStack()
        try:
            self._ledger = self._stack.enter_context(Ledger(folder))
        except EnvironmentFault as error:
            raise EnvironmentFault(error.what, "Wait for it to end, or choose another --out.") from None
        self.known: dict[str, Completion] = dict(self._ledger.recorded.completions)
        self._opened_session = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def price(self, role: Role) -> Price | None:
        """The price of a role's model, where it is known."""
        return self._prices[role]

    async def ask(self, role: Role, messages: Sequence[Message], item: Item) -> Completion:
        """The reply to `messages`, asked for on behalf of `item`.

        Raises:
            Stopped: A limit is reached.
            Refused: The provider refuses this request.
            EnvironmentFault: The provider refuses all requests, or failed too often.
        """
        config = self._config(role)
        turns = [[message.role, message.content] for message in messages]
        key = digest([role, self._options.model_of(role), config, turns, item.name], 32)
        if key in self.known:
            return self.known[key]
        completion = await self._answered(role, messages, config, key, item.batch)
        if not self._opened_session:
            self._opened_session = True
            self._ledger.open_session(
                {"identity": {"teacher": self._options.lasting()}, "environment": {}, "cases": {}}
            )
        self._ledger.append([(key, f"{role} {item.name}", 1, completion)])
        self.known[key] = completion
        return completion

    def _config(self, role: Role) -> dict[str, Any]:
        options = self._options
        return {"max_tokens": options.max_tokens, "temperature": options.temperature if role == "writer" else 0.0}

    async def _answered(
        self, role: Role, messages: Sequence[Message], config: Mapping[str, Any], key: str, order: int
    ) -> Completion:
        from inspect_ai.model import GenerateConfig

        wanted = GenerateConfig(**config, max_retries=0)
        turns = messages_of(Prompt(tuple(messages)))
        reason = ""
        for attempt in range(self._options.retries + 1):
            async with self._window.place(order):
                self.budget.take()
                try:
                    async with asyncio.timeout(self._options.timeout):
                        completion = completion_of(await self._models[role].generate(list(turns), config=wanted))
                except Exception as error:
                    reason, pause = self._failed(role, error, attempt, key)
                else:
                    self._window.answered()
                    price = self._prices[role]
                    self.budget.add(completion.usage, price.of(completion.usage) if price else 0.0)
                    return completion
                finally:
                    self.budget.close()
            await asyncio.sleep(pause)
        raise EnvironmentFault(
            f"{self._options.model_of(role)} did not answer in {self._options.retries + 1} tries: {reason}",
            "Give the same command again: what was answered is kept.",
        )

    def _failed(self, role: Role, error: Exception, attempt: int, key: str) -> tuple[str, float]:
        """Why a request failed, and how long to wait before it is sent again.

        Raises:
            Refused, EnvironmentFault: It need not be sent again.
        """
        status, after = _status(error)
        reason = _reason(error)
        if status in _FATAL or "insufficient_quota" in reason:
            raise EnvironmentFault(
                f"{self._options.model_of(role)} refuses: {reason}",
                "Check the model's name, the API key and the quota.",
            ) from error
        if status in _REFUSED:
            raise Refused(reason) from error
        if status == 429:
            self._window.refused()
        # Not all at once: the key spreads requests that failed together.
        pause = _FIRST_PAUSE * 2**attempt * (0.5 + int(key[:4], 16) / 0xFFFF)
        return reason, min(_LONGEST_PAUSE, pause if after is None else max(after, pause / 4))


def _opened(options: TeacherOptions, role: Role) -> Model:
    from inspect_ai.model import get_model

    name = options.model_of(role)
    # The client's own tries would be counted in no limit, and would hide a 429.
    arguments: dict[str, Any] = {"max_retries": 0} if name.startswith(_OPENAI) else {}
    try:
        return get_model(name, memoize=False, **arguments)
    except Exception as error:  # Inspect raises a different type for each provider's missing package or key
        raise EnvironmentFault(
            f"{name} cannot be opened: {_reason(error)}", "Install the provider's package and set its API key."
        ) from error


def price_of(options: TeacherOptions, role: Role) -> Price | None:
    """The price that the options give, else the one that Inspect knows of the role's model."""
    if options.input_price is not None and options.output_price is not None:
        return Price(options.input_price, options.output_price)
    from inspect_ai.model import get_model_info

    info = get_model_info(options.model_of(role))
    cost = info.cost if info is not None else None
    return Price(cost.input, cost.output) if cost is not None else None


def _status(error: BaseException) -> tuple[int | None, float | None]:
    """The HTTP status of a failure and the seconds that the server asks to wait, where there are any."""
    seen: BaseException | None = error
    for _ in range(8):
        if seen is None:
            break
        status = getattr(seen, "status_code", None)
        if isinstance(status, int):
            headers = getattr(getattr(seen, "response", None), "headers", {})
            try:
                return status, float(headers["retry-after"])
            except (KeyError, TypeError, ValueError):
                return status, None
        seen = seen.__cause__ or seen.__context__
    return None, None


def _reason(error: BaseException) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text[:_MAX_REASON]
