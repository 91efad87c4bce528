"""Conversations over a toolbox, one maker for each query type, each with its case and gold."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any

from toolmark.benchmark.data.cases import (
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
from toolmark.benchmark.data.traces import QueryType, Trace
from toolmark.generators.template import values
from toolmark.generators.template.default.draws import Draw
from toolmark.generators.template.default.phrasings import knowledge_questions, unserved_requests, writing_requests
from toolmark.generators.template.default.question_makers import QuestionMaker, described
from toolmark.generators.template.default.typing_style import aside, casually, mistyped
from toolmark.generators.template.schema.intents import content_words
from toolmark.generators.template.schema.mentions import is_or_are
from toolmark.generators.template.smalltalk import small_talk
from toolmark.generators.template.words import words

if TYPE_CHECKING:
    from toolmark.benchmark.tools.sandbox import Result

__all__ = ["ConversationMaker"]

_TRIES = 20
"""How many requests that a tool at hand might serve are passed over."""


@dataclass(frozen=True, slots=True)
class _Question:
    """A question as asked, the family of its phrasing, and what it was filled with."""

    text: str
    group: str
    draw: Draw


@dataclass(frozen=True, slots=True)
class ConversationMaker:
    """Makes conversations over `toolbox`.

    Attributes:
        toolbox: The tools that may be offered.
        asked: Those of them that can be asked for; only these are ever the right one.
        execute: Runs a tool.
        distractors: Fewest and most tools that are offered and not wanted.
        typos: Share of questions with a slip of the finger.
        casual: Share of questions in chat style.
        answered: Share of calls that their result and an answer follow; the other conversations end with the call.
        borrowed: Distractors for when the toolbox has too few.
        shared: Lists that are offered wherever one of them will do, before one is drawn.
    """

    toolbox: Toolbox
    asked: Mapping[str, QuestionMaker]
    execute: Callable[[Tool, Mapping[str, Any]], Result]
    distractors: tuple[int, int]
    typos: float
    casual: float
    answered: float = 1.0
    borrowed: tuple[Tool, ...] = ()
    shared: tuple[Toolbox, ...] = ()

    def wanted(self) -> list[str]:
        """The tools that can be asked for, in the toolbox's order."""
        return list(self.asked)

    def _served(self, request: str) -> bool:
        """Whether one of the tools that are known by definition alone might serve a request that needs none."""
        words = content_words(request)
        return any(own.words & words for asked in self.asked.values() if (own := described(asked)))

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

    def _ask(self, rng: Random, known: QuestionMaker, kind: str) -> _Question:
        phrase = known.phrase(rng, kind)
        text = self._styled(rng, phrase.text).format(**phrase.draw.slots)
        if kind == "hard" and rng.random() < 0.5:
            text = aside(rng, text)
        return _Question(text, phrase.group, phrase.draw)

    def _styled(self, rng: Random, phrasing: str) -> str:
        if rng.random() < self.casual:
            phrasing = casually(rng, phrasing)
        return mistyped(rng, phrasing) if rng.random() < self.typos else phrasing

    def _offer(self, rng: Random, wanted: str | None, without: Sequence[str] = ()) -> Toolbox:
        """`wanted` among distractors, in random order; never a tool of `without`."""
        if fitting := [
            box for box in self.shared if (not wanted or wanted in box.names) and box.by_name.keys().isdisjoint(without)
        ]:
            return rng.choice(fitting)
        others = [tool for tool in self.toolbox.tools if tool.name != wanted and tool.name not in without]
        fewest, most = self.distractors
        count = rng.randint(fewest, most)
        if count > len(others) and self.borrowed:
            avoided = {name for name in (*without, wanted) if name}
            free = [tool for tool in self.borrowed if tool.name not in avoided]
            others += rng.sample(free, min(count - len(others), len(free)))
        offered = rng.sample(others, min(count, len(others))) + ([self.toolbox[wanted]] if wanted else [])
        rng.shuffle(offered)
        return Toolbox(name="", tools=tuple(offered))

    def _answered(self, rng: Random, known: QuestionMaker, kind: str) -> tuple[_Question, tuple[Message, ...]]:
        """A question with the turns that follow it; drawn anew where the tool refuses what was drawn."""
        for _ in range(known.tries):
            asked = self._ask(rng, known, kind)
            call = Call(name=known.name, arguments=dict(asked.draw.arguments))
            result = self.execute(self.toolbox[known.name], call.arguments)
            if result.kind in ("ok", "no_implementation"):
                break
        return asked, self._turns(rng, known, asked.draw, call, result)

    def _turns(self, rng: Random, known: QuestionMaker, draw: Draw, call: Call, result: Result) -> tuple[Message, ...]:
        """The call, its result and the answer; the call alone where the tool may not run, for then nothing is known."""
        calling = Message(role="assistant", tool_calls=(call,))
        if result.kind == "no_implementation":
            return (calling,)
        content: Any = result.value if result.kind == "ok" else {"error": result.error}
        returned = Message(role="tool", name=known.name, content=json.dumps(content, ensure_ascii=False))
        said = known.answer(rng, draw.slots, result.value) if result.kind == "ok" else "That failed."
        return calling, returned, Message(role="assistant", content=said)

    def _called(self, rng: Random, query_type: QueryType, ref: str) -> Trace:
        known = self.asked[rng.choice(self.wanted())]
        asked, after = self._answered(rng, known, query_type)
        if self.answered < 1 and rng.random() >= self.answered:
            after = after[:1]
        accepted = {name: asked.draw.accept.get(name, [value]) for name, value in asked.draw.arguments.items()}
        spec = CallSpec.model_validate({"name": known.name, "arguments": accepted})
        gold = ExpectCall(action="call", any_of=(CallOption(calls=(spec,)),))
        question = Message(role="user", content=asked.text)
        return self._trace((question,), after, self._offer(rng, known.name), gold, query_type, asked.group, ref, known)

    def _no_tool(self, rng: Random, ref: str) -> Trace:
        for _ in range(_TRIES):
            roll = rng.random()
            if roll < 0.25:
                index = rng.randrange(len(knowledge_questions()))
                unstyled, reply = knowledge_questions()[index]
                question, group = self._styled(rng, unstyled), f"knowledge/{index}"
            elif roll < 0.8:
                unstyled, reply, group = _own_words(rng)
                question = self._styled(rng, unstyled)
            else:
                unstyled, reply, family = small_talk(rng)
                question, group = unstyled, f"small_talk/{family}"
            if not self._served(unstyled):
                break
        gold = Abstain(action="abstain", reason="no_tool_needed")
        return self._plain(question, reply, self._offer(rng, None), gold, "no_tool", group, ref)

    def _no_tool_fits(self, rng: Random, ref: str) -> Trace:
        gold = Abstain(action="abstain", reason="no_tool_fits")
        known = self.asked[rng.choice(self.wanted())]
        alone = len(self.asked) == 1 + len(known.rivals) and not self.borrowed
        beyond = [
            index for index, request in enumerate(unserved_requests()) if not any(map(self._served, request.asks))
        ]
        if beyond and (alone or rng.random() < 0.45):
            index = rng.choice(beyond)
            request = unserved_requests()[index]
            question = self._styled(rng, rng.choice(request.asks)).format(**_outside_slots(rng))
            reply = rng.choice(request.answers)
            return self._plain(
                question, reply, self._offer(rng, None), gold, "no_tool_fits", f"no_tool_fits/{index}", ref
            )
        asked = self._ask(rng, known, rng.choice(("easy", "hard")))
        reply = rng.choice(
            (
                "None of the tools I have can do that.",
                "I have no tool for this, sorry.",
                "Sorry, I cannot do that with the tools I am given.",
                "That needs a tool that I do not have.",
            )
        )
        box = self._offer(rng, None, without=(known.name, *known.rivals))
        # The phrasing is that of a call, so it stays with its family: a test phrasing is never trained on as a refusal.
        return self._plain(asked.text, reply, box, gold, "no_tool_fits", asked.group, ref, known)

    def _missing_argument(self, rng: Random, ref: str) -> Trace:
        able = [name for name, asked in self.asked.items() if asked.missing]
        if not able:
            return self._called(rng, "easy", ref)
        known = self.asked[rng.choice(able)]
        missing = rng.choice(known.missing)
        asked = self._ask(rng, known, f"missing/{missing}")
        label = known.label(missing)
        reply = rng.choice(
            (
                f"Please tell me the {label}.",
                f"I can do that. What {is_or_are(label)} the {label}?",
                f"I still need the {label}.",
                f"For that I need the {label}. Which should I use?",
            )
        )
        gold = Abstain(action="abstain", reason="missing_argument", tool=known.name, missing=missing)
        box = self._offer(rng, known.name, without=known.rivals)
        return self._plain(asked.text, reply, box, gold, "missing_argument", asked.group, ref, known)

    def _already_answered(self, rng: Random, ref: str) -> Trace:
        known = self.asked[rng.choice(self.wanted())]
        asked, turns = self._answered(rng, known, "easy")
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
        box = self._offer(rng, known.name)
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
        known: QuestionMaker | None = None,
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
        known: QuestionMaker | None,
    ) -> Trace:
        difficulty = query_type if query_type in ("easy", "hard") else "abstain"
        about = {"tool": known.name, "topic": known.topic} if known else {}
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
            tool_name=known.name if isinstance(gold, ExpectCall) and known else None,
            source=f"template/{query_type}",
            case=case,
        )


def _own_words(rng: Random) -> tuple[str, str, str]:
    """A wish for some words, an answer, and the family: what it is about, however it is worded."""
    index = rng.randrange(len(writing_requests()))
    wish = writing_requests()[index]
    slots = {"it": rng.choice(wish.about), "form": rng.choice(wish.forms or ("",))}
    reply = rng.choice(wish.answers).format(**slots)
    return rng.choice(wish.asks).format(**slots), reply[0].upper() + reply[1:], f"plain/{index}/{slots['it']}"


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
