"""Makes conversations for a toolbox, with one method for each query type. Each conversation has a case."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
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
from toolmark.generators.template.default.draws import Draw
from toolmark.generators.template.default.no_tool_slots import unserved_slots, writing_question
from toolmark.generators.template.default.offered_toolboxes import OfferedToolboxes
from toolmark.generators.template.default.phrasings import knowledge_questions, unserved_requests
from toolmark.generators.template.default.question_makers import QuestionMaker, from_definition
from toolmark.generators.template.default.typing_style import aside, casually, mistyped
from toolmark.generators.template.schema.intents import content_words
from toolmark.generators.template.schema.mentions import is_or_are
from toolmark.generators.template.smalltalk import small_talk

if TYPE_CHECKING:
    from toolmark.benchmark.tools.sandbox import Result

__all__ = ["ConversationMaker"]

_TRIES = 20
"""Highest number of draws to find a question that no tool of the toolbox can serve."""


@dataclass(frozen=True, slots=True)
class _Question:
    """A question, with the arguments of the right call.

    Attributes:
        text: The user's message.
        group: The group of the question's case. All questions with the same phrasing are in one group.
        draw: The arguments of the right call.
    """

    text: str
    group: str
    draw: Draw


@dataclass(frozen=True, slots=True)
class ConversationMaker:
    """Makes conversations for a toolbox.

    Attributes:
        makers: The question makers, by tool name. A tool without a question maker is never the right tool.
        execute: Runs a tool.
        offered: Draws the toolbox for a conversation.
        typos: Share of questions with a typing error.
        casual: Share of questions in chat style.
        answered: Share of calls after which the conversation continues with the result and an answer. Other
            conversations end with the call.
    """

    makers: Mapping[str, QuestionMaker]
    execute: Callable[[Tool, Mapping[str, Any]], Result]
    offered: OfferedToolboxes
    typos: float
    casual: float
    answered: float = 1.0

    def names(self) -> list[str]:
        """Return the names of the tools that can be the right tool, in the order of the toolbox."""
        return list(self.makers)

    def _might_serve(self, request: str) -> bool:
        """Return whether a tool without phrasings has a word in common with `request`, so it perhaps fits."""
        words = content_words(request)
        return any(own.words & words for maker in self.makers.values() if (own := from_definition(maker)))

    def make(self, rng: Random, query_type: QueryType, ref: str) -> Trace:
        """Return one conversation of `query_type`.

        `ref` becomes the `source.ref` of the case.
        """
        match query_type:
            case "easy" | "hard":
                return self._call(rng, query_type, ref)
            case "no_tool":
                return self._no_tool(rng, ref)
            case "no_tool_fits":
                return self._no_tool_fits(rng, ref)
            case "missing_argument":
                return self._missing_argument(rng, ref)
            case "already_answered":
                return self._already_answered(rng, ref)

    def _ask(self, rng: Random, maker: QuestionMaker, kind: str) -> _Question:
        phrase = maker.question(rng, kind)
        text = self._styled(rng, phrase.text).format(**phrase.draw.slots)
        if kind == "hard" and rng.random() < 0.5:
            text = aside(rng, text)
        return _Question(text, phrase.group, phrase.draw)

    def _styled(self, rng: Random, phrasing: str) -> str:
        if rng.random() < self.casual:
            phrasing = casually(rng, phrasing)
        return mistyped(rng, phrasing) if rng.random() < self.typos else phrasing

    def _answered(self, rng: Random, maker: QuestionMaker, kind: str) -> tuple[_Question, tuple[Message, ...]]:
        """Return a question and the turns after the question.

        If the tool fails with the arguments of a question, another question is drawn.
        """
        for _ in range(maker.tries):
            asked = self._ask(rng, maker, kind)
            call = Call(name=maker.name, arguments=dict(asked.draw.arguments))
            result = self.execute(self.offered.toolbox[maker.name], call.arguments)
            if result.kind in ("ok", "no_implementation"):
                break
        return asked, self._turns(rng, maker, asked.draw, call, result)

    def _turns(self, rng: Random, maker: QuestionMaker, draw: Draw, call: Call, result: Result) -> tuple[Message, ...]:
        """Return the call, its result and the answer. If the tool is not allowed to run, return only the call."""
        calling = Message(role="assistant", tool_calls=(call,))
        if result.kind == "no_implementation":
            return (calling,)
        content: Any = result.value if result.kind == "ok" else {"error": result.error}
        returned = Message(role="tool", name=maker.name, content=json.dumps(content, ensure_ascii=False))
        said = maker.answer(rng, draw.slots, result.value) if result.kind == "ok" else "That failed."
        return calling, returned, Message(role="assistant", content=said)

    def _call(self, rng: Random, query_type: QueryType, ref: str) -> Trace:
        maker = self.makers[rng.choice(self.names())]
        asked, after = self._answered(rng, maker, query_type)
        if self.answered < 1 and rng.random() >= self.answered:
            after = after[:1]
        accepted = {name: asked.draw.accept.get(name, [value]) for name, value in asked.draw.arguments.items()}
        spec = CallSpec.model_validate({"name": maker.name, "arguments": accepted})
        gold = ExpectCall(action="call", any_of=(CallOption(calls=(spec,)),))
        question = Message(role="user", content=asked.text)
        return self._trace(
            (question,), after, self.offered.draw(rng, maker.name), gold, query_type, asked.group, ref, maker
        )

    def _no_tool(self, rng: Random, ref: str) -> Trace:
        for _ in range(_TRIES):
            roll = rng.random()
            if roll < 0.25:
                index = rng.randrange(len(knowledge_questions()))
                unstyled, reply = knowledge_questions()[index]
                question, group = self._styled(rng, unstyled), f"knowledge/{index}"
            elif roll < 0.8:
                unstyled, reply, group = writing_question(rng)
                question = self._styled(rng, unstyled)
            else:
                unstyled, reply, subject = small_talk(rng)
                question, group = unstyled, f"small_talk/{subject}"
            if not self._might_serve(unstyled):
                break
        gold = Abstain(action="abstain", reason="no_tool_needed")
        return self._without_call(question, reply, self.offered.draw(rng, None), gold, "no_tool", group, ref)

    def _no_tool_fits(self, rng: Random, ref: str) -> Trace:
        gold = Abstain(action="abstain", reason="no_tool_fits")
        maker = self.makers[rng.choice(self.names())]
        alone = len(self.makers) == 1 + len(maker.rivals) and not self.offered.borrowed
        beyond = [
            index for index, request in enumerate(unserved_requests()) if not any(map(self._might_serve, request.asks))
        ]
        if beyond and (alone or rng.random() < 0.45):
            index = rng.choice(beyond)
            request = unserved_requests()[index]
            question = self._styled(rng, rng.choice(request.asks)).format(**unserved_slots(rng))
            reply = rng.choice(request.answers)
            return self._without_call(
                question, reply, self.offered.draw(rng, None), gold, "no_tool_fits", f"no_tool_fits/{index}", ref
            )
        asked = self._ask(rng, maker, rng.choice(("easy", "hard")))
        reply = rng.choice(
            (
                "None of the tools I have can do that.",
                "I have no tool for this, sorry.",
                "Sorry, I cannot do that with the tools I am given.",
                "That needs a tool that I do not have.",
            )
        )
        box = self.offered.draw(rng, None, without=(maker.name, *maker.rivals))
        # This phrasing is used in questions that need a call, too. All cases with the phrasing are in one group, and
        # therefore in one split.
        return self._without_call(asked.text, reply, box, gold, "no_tool_fits", asked.group, ref, maker)

    def _missing_argument(self, rng: Random, ref: str) -> Trace:
        able = [name for name, one in self.makers.items() if one.missing]
        if not able:
            return self._call(rng, "easy", ref)
        maker = self.makers[rng.choice(able)]
        missing = rng.choice(maker.missing)
        asked = self._ask(rng, maker, f"missing/{missing}")
        label = maker.label(missing)
        reply = rng.choice(
            (
                f"Please tell me the {label}.",
                f"I can do that. What {is_or_are(label)} the {label}?",
                f"I still need the {label}.",
                f"For that I need the {label}. Which should I use?",
            )
        )
        gold = Abstain(action="abstain", reason="missing_argument", tool=maker.name, missing=missing)
        box = self.offered.draw(rng, maker.name, without=maker.rivals)
        return self._without_call(asked.text, reply, box, gold, "missing_argument", asked.group, ref, maker)

    def _already_answered(self, rng: Random, ref: str) -> Trace:
        maker = self.makers[rng.choice(self.names())]
        asked, turns = self._answered(rng, maker, "easy")
        if len(turns) == 1:
            return self._call(rng, "easy", ref)
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
        box = self.offered.draw(rng, maker.name)
        return self._trace(earlier, closing, box, gold, "already_answered", asked.group, ref, maker)

    def _without_call(
        self,
        question: str,
        reply: str,
        box: Toolbox,
        gold: Expectation,
        query_type: QueryType,
        group: str,
        ref: str,
        maker: QuestionMaker | None = None,
    ) -> Trace:
        asked, answered = Message(role="user", content=question), Message(role="assistant", content=reply)
        return self._trace((asked,), (answered,), box, gold, query_type, group, ref, maker)

    def _trace(
        self,
        asked: tuple[Message, ...],
        after: tuple[Message, ...],
        box: Toolbox,
        gold: Expectation,
        query_type: QueryType,
        group: str,
        ref: str,
        maker: QuestionMaker | None,
    ) -> Trace:
        difficulty = query_type if query_type in ("easy", "hard") else "abstain"
        about = {"tool": maker.name, "topic": maker.topic} if maker else {}
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
            tool_name=maker.name if isinstance(gold, ExpectCall) and maker else None,
            source=f"template/{query_type}",
            case=case,
        )
