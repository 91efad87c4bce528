"""Turns a batch of questions into traces. The roles write questions, calls and answers, one role after the other."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from toolmark.benchmark.data.cases import (
    Abstain,
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
from toolmark.benchmark.engine.served_requests import Refused
from toolmark.benchmark.plugins.protocols import Generation
from toolmark.generators.stages import Stage
from toolmark.generators.teacher.options import TeacherOptions
from toolmark.generators.teacher.recorded_requests import RequestLabel
from toolmark.generators.teacher.roles import Roles, UnusableReply

__all__ = ["BatchMaker", "DroppedQuestion", "QuestionBatch"]

_CATEGORIES = (
    *("everyday life", "cooking", "health and exercise", "history", "science", "nature", "language", "work"),
    *("travel", "music and film", "books", "sport", "hobbies", "relationships", "money in general", "small talk"),
)
_STYLES = (
    "They are easy: one short question each.",
    "They are hard: long, with a situation around them.",
    "They are easy, and typed in haste: lower case and typing errors.",
    "They are hard, chatty, and have a few typing errors.",
)


class QuestionBatch(NamedTuple):
    """The questions of one request to the writer.

    Attributes:
        number: Position of the batch in the generation, from 0.
        tool: The tool that the questions need. None if no tool is needed.
        query_type: Query type of the questions.
        size: Number of questions.
    """

    number: int
    tool: Tool | None
    query_type: QueryType
    size: int


class DroppedQuestion(NamedTuple):
    """A question for which no trace could be made, with the stage and the reason of the failure.

    `query` is empty if the writer wrote no question.
    """

    stage: Stage
    reason: str
    query: str
    query_type: QueryType
    tool_name: str | None


@dataclass(frozen=True, slots=True)
class BatchMaker:
    """Makes the traces of a batch.

    Attributes:
        toolbox: All tools.
        options: The options of the generation.
        ctx: The context that the pipeline passes to a generator.
        roles: The three roles.
        finished: A function that is called with the number of newly finished questions.
    """

    toolbox: Toolbox
    options: TeacherOptions
    ctx: Generation
    roles: Roles
    finished: Callable[[int], None]

    async def outcomes(self, batch: QuestionBatch) -> list[Trace | DroppedQuestion]:
        """Return one entry for each question of the batch: a trace, or a `DroppedQuestion` with the reason."""
        name = batch.tool.name if batch.tool else None
        label = RequestLabel(batch.number, f"{self.ctx.seed}/{batch.query_type}/{name or ''}/{batch.number}")
        try:
            queries = await self._queries(batch, label)
        except (UnusableReply, Refused) as error:
            stage, reason = _stage_and_reason(error)
            self.finished(batch.size)
            return [DroppedQuestion(stage, reason, "", batch.query_type, name)] * batch.size
        asked = (
            self._counted_outcome(batch, query, RequestLabel(batch.number, f"{label.name}/{index}"))
            for index, query in enumerate(queries)
        )
        return list(await _gathered([asyncio.ensure_future(one) for one in asked]))

    async def _counted_outcome(self, batch: QuestionBatch, query: str, label: RequestLabel) -> Trace | DroppedQuestion:
        outcome = await self._outcome(batch, query, label)
        self.finished(1)
        return outcome

    async def _queries(self, batch: QuestionBatch, label: RequestLabel) -> list[str]:
        if batch.tool is not None:
            hard = batch.query_type == "hard"
            return await self.roles.queries(batch.tool, hard, batch.number + 1, batch.size, label)
        rng = Random(label.name)  # noqa: S311 - repeatable, not secret
        category, style = rng.choice(_CATEGORIES), rng.choice(_STYLES)
        about = (self.toolbox.tools, category, style, batch.number + 1)
        return await self.roles.queries_without_tool(*about, batch.size, label)

    async def _outcome(self, batch: QuestionBatch, query: str, label: RequestLabel) -> Trace | DroppedQuestion:
        tool = batch.tool
        offered = self._offered(Random(label.name), tool)  # noqa: S311 - repeatable, not secret
        question = Message(role="user", content=query)
        try:
            called = await self.roles.call(query, offered, tool, batch.query_type == "hard", label)
            if called.call is None or tool is None:
                after: tuple[Message, ...] = (Message(role="assistant", content=called.text),)
                gold: Expectation = Abstain(action="abstain", reason="no_tool_needed")
                return self._trace(batch, question, after, offered, gold, label)
            calling = Message(role="assistant", tool_calls=(called.call,))
            accepted = {name: [value] for name, value in called.call.arguments.items()}
            spec = CallSpec.model_validate({"name": tool.name, "arguments": accepted})
            gold = ExpectCall(action="call", any_of=(CallOption(calls=(spec,)),))
            if called.result is None:
                return self._trace(batch, question, (calling,), offered, gold, label)
            content = json.dumps(called.result.value, ensure_ascii=False)
            said = await self.roles.answer(query, called.call, content, label)
        except (UnusableReply, Refused) as error:
            stage, reason = _stage_and_reason(error)
            return DroppedQuestion(stage, reason, query, batch.query_type, tool.name if tool else None)
        returned = Message(role="tool", name=tool.name, content=content)
        after = (calling, returned, Message(role="assistant", content=said))
        return self._trace(batch, question, after, offered, gold, label)

    def _offered(self, rng: Random, wanted: Tool | None) -> tuple[Tool, ...]:
        others = [tool for tool in self.toolbox.tools if tool != wanted]
        count = min(rng.randint(self.options.min_distractors, self.options.max_distractors), len(others))
        chosen = rng.sample(others, count) + ([wanted] if wanted else [])
        rng.shuffle(chosen)
        return tuple(chosen)

    def _trace(
        self,
        batch: QuestionBatch,
        question: Message,
        after: tuple[Message, ...],
        offered: tuple[Tool, ...],
        gold: Expectation,
        label: RequestLabel,
    ) -> Trace:
        box = Toolbox(name="", tools=offered)
        kind, name = batch.query_type, batch.tool.name if batch.tool else None
        case = Case(
            messages=(question,),
            toolbox=box,
            expect=gold,
            split="dev",
            # Because the questions of one request are similar, they must be in the same split.
            group=f"teacher/{kind}/{name or ''}/{batch.number}",
            tags={"difficulty": kind if name else "abstain", **({"tool": name} if name else {})},
            source=Source(name="generated/teacher", ref=label.name),
            licence="unknown",
        )
        return Trace(
            messages=(question, *after),
            toolbox=box,
            query=question.content,
            query_type=kind,
            tool_name=name,
            source=f"teacher/{kind}",
            case=case,
        )


def _stage_and_reason(error: UnusableReply | Refused) -> tuple[Stage, str]:
    if isinstance(error, UnusableReply):
        return error.stage, error.reason
    return "format", f"the provider refuses the request: {error}"


async def _gathered(tasks: list[asyncio.Future[Trace | DroppedQuestion]]) -> list[Trace | DroppedQuestion]:
    """Return the results of all tasks. If a task fails, all other tasks are cancelled before the error is raised."""
    try:
        return list(await asyncio.gather(*tasks))
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
