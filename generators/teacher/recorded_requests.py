"""Sends requests to the models of the roles. Each reply is recorded, so no request is paid for twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from toolmark.benchmark.config.request_limits import RequestLimits
from toolmark.benchmark.core.errors import EnvironmentFault, InputError
from toolmark.benchmark.core.hashing import digest
from toolmark.benchmark.data.cases import Message
from toolmark.benchmark.data.completions import Completion, Prompt
from toolmark.benchmark.engine.request_window import Window
from toolmark.benchmark.engine.served_requests import ServedModel, Unanswered, fault_notes
from toolmark.benchmark.runs.ledger import Ledger
from toolmark.generators.teacher.budget import Budget, Price
from toolmark.generators.teacher.options import ROLES, Role, TeacherOptions

__all__ = ["RecordedRequests", "RequestLabel", "price_of"]


class RequestLabel(NamedTuple):
    """The purpose of a request.

    Attributes:
        batch: Number of the batch to which the request belongs. Requests of batches with lower numbers are sent first.
        name: Name of the request. Two requests with the same text but different names are both sent.
    """

    batch: int
    name: str


class RecordedRequests:
    """Sends requests to the models of the three roles. The ledger is open until the end of the `with` block.

    Args:
        options: Models and limits.
        folder: Folder of the ledger.

    Attributes:
        budget: The requests, tokens and dollars that this run has used, and the limits of this run.
        known: The replies in the ledger, by key.

    Raises:
        InputError: `max_cost` is set, and the price of a model is not known.
        EnvironmentFault: Another process has locked the ledger.
    """

    def __init__(self, options: TeacherOptions, folder: Path) -> None:
        self._options = options
        requests = RequestLimits(options.max_connections, options.timeout, options.retries)
        window = Window(options.max_connections)
        names = {options.model_of(role) for role in ROLES}
        self._models = {name: ServedModel(name, requests, window) for name in sorted(names)}
        self._prices = {role: price_of(options, role) for role in ROLES}
        if options.max_cost is not None and None in self._prices.values():
            unknown = next(options.model_of(role) for role in ROLES if self._prices[role] is None)
            fix = "Give --input-price and --output-price, in dollars per million tokens."
            raise InputError(f"--max-cost {options.max_cost:g}: the price of {unknown} is not known", fix)
        self.budget = Budget(options.max_requests, options.max_cost)
        self._stack = ExitStack()
        try:
            self._ledger = self._stack.enter_context(Ledger(folder))
        except EnvironmentFault as error:
            raise EnvironmentFault(error.what, "Wait until the other run ends, or choose another --out.") from None
        self.known: dict[str, Completion] = dict(self._ledger.recorded.completions)
        self._opened_session = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def price(self, role: Role) -> Price | None:
        """Return the price of the role's model. None if the price is not known."""
        return self._prices[role]

    async def ask(self, role: Role, messages: Sequence[Message], label: RequestLabel) -> Completion:
        """Return the reply of the role's model to `messages`. If the ledger contains the reply, no request is sent.

        Raises:
            LimitReached: A limit of the user is reached.
            Refused: The provider refuses this request.
            EnvironmentFault: The provider refuses all requests, or every try failed.
        """
        config = self._config(role)
        turns = [[message.role, message.content] for message in messages]
        key = digest([role, self._options.model_of(role), config, turns, label.name], 32)
        if key in self.known:
            return self.known[key]
        model, price = self._models[self._options.model_of(role)], self._prices[role]
        try:
            completion = await model.ask(Prompt(tuple(messages)), config, self.budget.request, label.batch)
        except Unanswered as error:
            raise EnvironmentFault(
                f"{model.name} did not answer (at most {self._options.retries + 1} tries): {error}",
                "Give the same command again. All replies so far are kept.",
            ) from None
        priced = price.of(completion.usage) if price else 0.0
        self.budget.add(completion.usage, priced if completion.usage.cost is None else completion.usage.cost)
        if not self._opened_session:
            self._opened_session = True
            self._ledger.open_session(
                {"identity": {"teacher": self._options.lasting()}, "environment": {}, "cases": {}}
            )
        self._ledger.append([(key, f"{role} {label.name}", 1, completion)])
        self.known[key] = completion
        return completion

    def _config(self, role: Role) -> dict[str, Any]:
        options = self._options
        return {"max_tokens": options.max_tokens, "temperature": options.temperature if role == "writer" else 0.0}

    def faults(self) -> tuple[str, ...]:
        """Return one line of text for each kind of failure, with the number of failed requests."""
        return fault_notes(sum((model.faults for model in self._models.values()), Counter()))


def price_of(options: TeacherOptions, role: Role) -> Price | None:
    """Return the price of the role's model, from the options or else from Inspect's list. None if it is in neither."""
    if options.input_price is not None and options.output_price is not None:
        return Price(options.input_price, options.output_price)
    from inspect_ai.model import get_model_info

    info = get_model_info(options.model_of(role))
    cost = info.cost if info is not None else None
    return Price(cost.input, cost.output) if cost is not None else None
