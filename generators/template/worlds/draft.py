"""A conversation that is being made: each call is made in the world, and each answer is written from real results."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from pydantic import JsonValue

from toolmark.benchmark.data.cases import Abstain, Call, Message
from toolmark.benchmark.data.scenarios import Gold, GoldCall, Turn
from toolmark.benchmark.tools.worlds.world_session import WorldSession
from toolmark.generators.template.default.typing_style import casually, mistyped
from toolmark.generators.template.worlds.choices import Choices
from toolmark.generators.template.worlds.demands import Told, demands_of

__all__ = ["Draft", "Kind", "Style", "Task", "Unsuitable"]

T = TypeVar("T")

Kind = Literal["nothing", "recover", "missing"]
"""What is special about a turn, as in the tag `kinds` of the shipped scenarios."""

Reason = Literal["no_tool_needed", "no_tool_fits", "missing_argument"]

_ORDERS = (
    "{}.",
    "Please {}.",
    "Can you {}?",
    "Kindly {}.",
    "Could you {}, please?",
    "I need you to {}.",
    "I would like you to {}.",
    "Would you {}?",
    "{}, please.",
    "{} for me.",
    "Next: {}.",
    "Now {}.",
)


class Unsuitable(Exception):
    """A task does not suit the state of the world, so another task is drawn."""


@dataclass(frozen=True, slots=True)
class Style:
    """Shares of questions with a typing error, and of questions in chat style."""

    typos: float
    casual: float


@dataclass(slots=True)
class Draft:
    """A conversation that is being made.

    A task adds one or more turns: `ask`, `order` or `write`, then `call` for each call, then `answer` or `decline`.

    Attributes:
        choices: The random choices.
        session: The world.
        style: How the user types.
        free: Paths of the state whose values can differ. See `Scenario`.
        turns: The turns so far.
        messages: The same turns as messages, with the results of the calls.
        kinds: What is special about the turns.
    """

    choices: Choices
    session: WorldSession
    style: Style
    free: tuple[str, ...] = ()
    turns: list[Turn] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    kinds: set[Kind] = field(default_factory=set)
    _user: str = ""
    _calls: list[GoldCall] = field(default_factory=list)
    _before: JsonValue = None

    @property
    def state(self) -> Any:
        """Return the state of the world now."""
        return self.session.state

    def attempt(self, task: Task) -> None:
        """Add the turns of a task. If the task does not suit the state, nothing changes."""
        turns, messages, kinds, state = len(self.turns), len(self.messages), set(self.kinds), self.session.state
        try:
            task(self)
        except Unsuitable:
            del self.turns[turns:], self.messages[messages:]
            self.kinds, self.session.state = kinds, state

    def pick(self, values: Iterable[T], such_as: Callable[[T], bool] = lambda _: True) -> T:
        """Draw one of the values that fit.

        Raises:
            Unsuitable: No value fits.
        """
        fitting = [value for value in values if such_as(value)]
        if not fitting:
            raise Unsuitable
        return self.choices.rng.choice(fitting)

    def new_name(self, listed: str, taken: Container[str]) -> str:
        """Draw a name that is not in `taken`, from a list of `names.toml`.

        Raises:
            Unsuitable: All names of the list are taken.
        """
        return self.pick(self.choices.all_names(listed), lambda name: name not in taken)

    def ask(self, *wordings: str, **slots: Any) -> None:
        """Begin a turn with one of the wordings. At least four wordings must be given, because test conversations use
        other wordings than training conversations.

        Args:
            wordings: What the user writes, with slots in braces.
            slots: The values of the slots.
        """
        self.write(self.choices.one(wordings), **slots)

    def order(self, *wordings: str, **slots: Any) -> None:
        """Begin a turn with an order: one of the wordings, inside a frame such as "{}, please."

        Args:
            wordings: At least four orders, each beginning with a verb in lower case.
            slots: The values of the slots.
        """
        order = self.choices.one(_ORDERS).replace("{}", self.choices.one(wordings))
        self.write(order[0].upper() + order[1:], **slots)

    def write(self, wording: str, /, **slots: Any) -> None:
        """Begin a turn with a wording, in which some words can be mistyped."""
        rng = self.choices.rng
        if rng.random() < self.style.casual:
            wording = casually(rng, wording)
        if rng.random() < self.style.typos:
            wording = mistyped(rng, wording)
        self._user, self._calls, self._before = wording.format(**_shown(slots)), [], self.session.state
        self.messages.append(Message(role="user", content=self._user))

    def call(self, name: str, /, *, fails: bool = False, **arguments: Any) -> Any:
        """Make a call of the gold, and return its result.

        Args:
            name: The name of the tool.
            fails: Whether the call must fail. The model then has to find another way.
            arguments: The arguments.

        Returns:
            The value of the result. For a call that fails, the message of its error.

        Raises:
            Unsuitable: The call fails, but must not fail. Or the call must fail, but succeeds.
        """
        written = {key: _written(value) for key, value in arguments.items()}
        call = GoldCall(name=name, arguments=written, fails=fails)
        result = self.session.call(Call(name=name, arguments=written))
        if result.kind != ("error" if fails else "ok"):
            raise Unsuitable
        self._calls.append(call)
        self.messages += [
            Message(role="assistant", tool_calls=(Call(name=name, arguments=written),)),
            Message(role="tool", name=name, content=result.text),
        ]
        return result.error if fails else result.value

    def answer(self, *wordings: str, say: Sequence[Told] = (), **slots: Any) -> None:
        """End the turn with an answer.

        The turn demands the changes of the calls, and everything that the answer must tell.

        Args:
            wordings: The answer, with slots in braces.
            say: What an answer must tell: for each thing, the different ways to tell it.
            slots: The values of the slots.
        """
        demands = demands_of(self._before, self.session.state, say, self.free)
        if any(call.fails for call in self._calls):
            self.kinds.add("nothing" if demands.keep else "recover")
        self._end(demands, wordings, slots)

    def decline(
        self, reason: Reason, *wordings: str, tool: str | None = None, missing: str | None = None, **slots: Any
    ) -> None:
        """End the turn with an answer, and demand that nothing is changed.

        Args:
            reason: Why nothing must be changed.
            wordings: The answer, with slots in braces.
            tool: If an argument is missing, the name of the tool that needs it.
            missing: The name of the missing argument.
            slots: The values of the slots.
        """
        self.kinds |= {"missing", "nothing"} if reason == "missing_argument" else {"nothing"}
        self._end(Abstain(action="abstain", reason=reason, tool=tool, missing=missing), wordings, slots)

    def _end(self, expect: Any, wordings: Sequence[str], slots: Mapping[str, Any]) -> None:
        answer = self.choices.rng.choice(wordings).format(**_shown(slots))
        answer = answer[0].upper() + answer[1:]
        self.turns.append(Turn(user=self._user, expect=expect, gold=Gold(calls=tuple(self._calls), answer=answer)))
        self.messages.append(Message(role="assistant", content=answer))


Task = Callable[[Draft], None]
"""Adds one or more turns to a draft.

Raises:
    Unsuitable: The state of the world does not suit the task.
"""


def _written(value: Any) -> Any:
    """Return the value of an argument as models usually write it: a whole number without decimals."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _shown(slots: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _in_words(value) for name, value in slots.items()}


def _in_words(value: Any) -> Any:
    """Return a value as people write it: whole numbers without decimals, other amounts with two, lists with commas."""
    if isinstance(value, float):
        return str(_written(value)) if value.is_integer() else f"{value:.2f}"
    if isinstance(value, list):
        return ", ".join(str(_in_words(inner)) for inner in value) or "nothing"
    return value
