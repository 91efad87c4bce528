"""Conversations over a toolbox, one maker for each query type, each with its case and gold."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any

from benchmark.cases import (
    Abstain,
    Call,
    CallOption,
    CallSpec,
    Case,
    Expectation,
    ExpectCall,
    Message,
    Source,
    Tool,
    Toolbox,
)
from benchmark.traces import QueryType, Trace
from generators.template import values
from generators.template.default.answers import final_answer
from generators.template.default.draws import DRAWERS, Draw
from generators.template.default.phrasings import Phrasings, knowledge, outside, phrasings
from generators.template.default.wording import aside, casually, mistyped
from generators.template.smalltalk import small_talk
from generators.template.words import words

if TYPE_CHECKING:
    from benchmark.tools.sandbox import Result

__all__ = ["Maker"]

_MISSING = {
    "datetime_str": "date and time",
    "to": "recipient's address",
    "query": "search words",
    "items": "list",
    "numbers": "numbers",
    "symbol": "symbol",
    "to_unit": "unit to convert to",
    "to_timezone": "time zone to convert to",
    "to_currency": "currency to convert to",
}
"""Arguments whose name does not say in plain words what is missing."""


@dataclass(frozen=True, slots=True)
class _Question:
    """A question as asked, the family of its phrasing, and what it was filled with."""

    text: str
    group: str
    draw: Draw


@dataclass(frozen=True, slots=True)
class Maker:
    """Makes conversations over `toolbox`.

    Attributes:
        toolbox: The tools that may be offered; only those with phrasings are ever the right one.
        execute: Runs a tool.
        distractors: Fewest and most tools that are offered and not wanted.
        typos: Share of questions with a slip of the finger.
        casual: Share of questions in chat style.
    """

    toolbox: Toolbox
    execute: Callable[[Tool, Mapping[str, Any]], Result]
    distractors: tuple[int, int]
    typos: float
    casual: float

    def wanted(self) -> list[str]:
        """The tools that can be asked for, in the toolbox's order."""
        return [name for name in self.toolbox.names if name in phrasings()]

    def make(self, rng: Random, query_type: QueryType, ref: str) -> Trace:
        """One conversation of `query_type`; `ref` names it in its case's source."""
        match query_type:
            case "easy" | "hard":
                return self._called(rng, query_type, ref)
            case "no_tool":
                return self._no_tool(rng, ref)
            case "no_tool_fits":
                return self._no_tool_fits(rng, ref)
            case "missing_argument":
                return self._missing_argument(rng, ref)
            case "already_answered":
                return self._already_answered(rng, ref)

    def _ask(self, rng: Random, known: Phrasings, kind: str, texts: Sequence[str]) -> _Question:
        index = rng.randrange(len(texts))
        draw = DRAWERS[known.tool](rng)
        text = self._styled(rng, texts[index]).format(**draw.slots)
        if kind == "hard" and rng.random() < 0.5:
            text = aside(rng, text)
        return _Question(text, f"{known.tool}/{kind}/{index}", draw)

    def _styled(self, rng: Random, phrasing: str) -> str:
        if rng.random() < self.casual:
            phrasing = casually(rng, phrasing)
        return mistyped(rng, phrasing) if rng.random() < self.typos else phrasing

    def _offer(self, rng: Random, wanted: str | None, without: Sequence[str] = ()) -> Toolbox:
        """`wanted` among distractors, in random order; never a tool of `without`."""
        others = [tool for tool in self.toolbox.tools if tool.name != wanted and tool.name not in without]
        fewest, most = self.distractors
        count = min(rng.randint(fewest, most), len(others))
        offered = rng.sample(others, count) + ([self.toolbox[wanted]] if wanted else [])
        rng.shuffle(offered)
        return Toolbox(name="offered", tools=tuple(offered))

    def _executed(self, rng: Random, known: Phrasings, draw: Draw) -> tuple[Message, ...]:
        """The call, its result and the answer; the call alone where the tool may not run, for then nothing is known."""
        call = Call(name=known.tool, arguments=dict(draw.arguments))
        calling = Message(role="assistant", tool_calls=(call,))
        result = self.execute(self.toolbox[known.tool], call.arguments)
        if result.kind == "no_implementation":
            return (calling,)
        content: Any = result.value if result.kind == "ok" else {"error": result.error}
        returned = Message(role="tool", name=known.tool, content=json.dumps(content, ensure_ascii=False))
        said = final_answer(rng, known, draw.slots, result.value) if result.kind == "ok" else "That failed."
        return calling, returned, Message(role="assistant", content=said)

    def _called(self, rng: Random, query_type: QueryType, ref: str) -> Trace:
        known = phrasings()[rng.choice(self.wanted())]
        asked = self._ask(rng, known, query_type, known.easy if query_type == "easy" else known.hard)
        after = self._executed(rng, known, asked.draw)
        accepted = {name: asked.draw.accept.get(name, [value]) for name, value in asked.draw.arguments.items()}
        spec = CallSpec.model_validate({"name": known.tool, "arguments": accepted})
        gold = ExpectCall(action="call", any_of=(CallOption(calls=(spec,)),))
        question = Message(role="user", content=asked.text)
        return self._trace((question,), after, self._offer(rng, known.tool), gold, query_type, asked.group, ref, known)

    def _no_tool(self, rng: Random, ref: str) -> Trace:
        if rng.random() < 0.35:
            index = rng.randrange(len(knowledge()))
            question, reply = knowledge()[index]
            question, group = self._styled(rng, question), f"knowledge/{index}"
        else:
            question, reply, family = small_talk(rng)
            group = f"small_talk/{family}"
        gold = Abstain(action="abstain", reason="no_tool_needed")
        return self._plain(question, reply, self._offer(rng, None), gold, "no_tool", group, ref)

    def _no_tool_fits(self, rng: Random, ref: str) -> Trace:
        gold = Abstain(action="abstain", reason="no_tool_fits")
        if rng.random() < 0.45:
            index = rng.randrange(len(outside()))
            request = outside()[index]
            question = self._styled(rng, rng.choice(request.asks)).format(**_outside_slots(rng))
            reply = rng.choice(request.answers)
            return self._plain(
                question, reply, self._offer(rng, None), gold, "no_tool_fits", f"no_tool_fits/{index}", ref
            )
        known = phrasings()[rng.choice(self.wanted())]
        kind = rng.choice(("easy", "hard"))
        asked = self._ask(rng, known, kind, known.easy if kind == "easy" else known.hard)
        reply = rng.choice(
            (
                "None of the tools I have can do that.",
                "I have no tool for this, sorry.",
                "Sorry, I cannot do that with the tools I am given.",
                "That needs a tool that I do not have.",
            )
        )
        box = self._offer(rng, None, without=(known.tool, *known.rivals))
        # The phrasing is that of a call, so it stays with its family: a test phrasing is never trained on as a refusal.
        return self._plain(asked.text, reply, box, gold, "no_tool_fits", asked.group, ref, known)

    def _missing_argument(self, rng: Random, ref: str) -> Trace:
        known = phrasings()[rng.choice([name for name in self.wanted() if phrasings()[name].missing])]
        missing = rng.choice(list(known.missing))
        asked = self._ask(rng, known, f"missing/{missing}", known.missing[missing])
        label = _MISSING.get(missing, missing.replace("_", " "))
        reply = rng.choice(
            (
                f"Please tell me the {label}.",
                f"I can do that. What is the {label}?",
                f"I still need the {label}.",
                f"For that I need the {label}. Which should I use?",
            )
        )
        gold = Abstain(action="abstain", reason="missing_argument", tool=known.tool, missing=missing)
        box = self._offer(rng, known.tool, without=known.rivals)
        return self._plain(asked.text, reply, box, gold, "missing_argument", asked.group, ref, known)

    def _already_answered(self, rng: Random, ref: str) -> Trace:
        known = phrasings()[rng.choice(self.wanted())]
        asked = self._ask(rng, known, "easy", known.easy)
        turns = self._executed(rng, known, asked.draw)
        if len(turns) == 1:
            return self._called(rng, "easy", ref)
        again = rng.choice(
            (
                "What was the result again?",
                "Sorry, I missed that. Can you repeat it?",
                "Could you say that once more?",
                "Please repeat your last answer.",
                "I was distracted, what did you say?",
                "Can you tell me that again in other words?",
                "Thanks! Just to be sure, what was it?",
                "So what did you find?",
            )
        )
        earlier = (
            Message(role="user", content=asked.text),
            *turns,
            Message(role="user", content=f"{again} I mean this: {asked.text}" if rng.random() < 0.3 else again),
        )
        gold = Abstain(action="abstain", reason="already_answered")
        closing = turns[-1:]
        box = self._offer(rng, known.tool)
        return self._trace(earlier, closing, box, gold, "already_answered", asked.group, ref, known)

    def _plain(
        self,
        question: str,
        reply: str,
        box: Toolbox,
        gold: Expectation,
        query_type: QueryType,
        group: str,
        ref: str,
        known: Phrasings | None = None,
    ) -> Trace:
        asked, answered = Message(role="user", content=question), Message(role="assistant", content=reply)
        return self._trace((asked,), (answered,), box, gold, query_type, group, ref, known)

    def _trace(
        self,
        asked: tuple[Message, ...],
        after: tuple[Message, ...],
        box: Toolbox,
        gold: Expectation,
        query_type: QueryType,
        group: str,
        ref: str,
        known: Phrasings | None,
    ) -> Trace:
        difficulty = query_type if query_type in ("easy", "hard") else "abstain"
        about = {"tool": known.tool, "topic": known.topic} if known else {}
        case = Case(
            messages=asked,
            toolbox=box,
            expect=gold,
            split="dev",
            group=group,
            tags={"difficulty": difficulty, **about},
            source=Source(name="generated/template", ref=ref),
            licence="Apache-2.0",
        )
        return Trace(
            messages=(*asked, *after),
            toolbox=box,
            query=asked[-1].content,
            query_type=query_type,
            tool_name=known.tool if isinstance(gold, ExpectCall) and known else None,
            source=f"template/{query_type}",
            case=case,
        )


def _outside_slots(rng: Random) -> dict[str, object]:
    known = words()
    place, other = rng.sample(known.cities, 2)
    return {
        "place": place,
        "other": other,
        "person": values.person(rng),
        "thing": rng.choice(known.things),
        "adjective": rng.choice(known.adjectives),
        "phrase": values.phrase(rng, 3),
        "street": f"{rng.randint(1, 99)} {rng.choice(known.streets)}",
        "code": values.code(rng),
        "count": rng.randint(2, 24),
    }
