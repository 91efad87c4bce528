"""`TeacherGenerator`: the plug-in. Batches of questions go through the roles side by side and come out in their order.

What is asked follows from the options and the seed alone, and a reply once given is kept; so a run that was killed and
continued, any number of times, proposes what it would have proposed without that.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, NamedTuple

from pydantic import BaseModel

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.progress import ProgressLine, progress_line
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
from toolmark.benchmark.dialects.json import Json
from toolmark.benchmark.engine.prices import register_prices
from toolmark.benchmark.engine.served_requests import Refused
from toolmark.benchmark.plugins.protocols import Generation
from toolmark.generators.judging import Stage
from toolmark.generators.teacher.asking import Asker, Item
from toolmark.generators.teacher.estimate import estimate
from toolmark.generators.teacher.limits import Stopped
from toolmark.generators.teacher.options import ROLES, TeacherOptions
from toolmark.generators.teacher.roles import Roles, Unusable
from toolmark.generators.teacher.wording import read_wording

__all__ = ["TeacherGenerator"]

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


class _Batch(NamedTuple):
    """Questions that are asked for at once: of a tool, or of none."""

    number: int
    tool: Tool | None
    query_type: QueryType
    size: int


class _Dropped(NamedTuple):
    stage: Stage
    reason: str
    query: str
    query_type: QueryType
    tool_name: str | None


_Outcome = Trace | _Dropped


class TeacherGenerator:
    """Conversations by other models: one writes the questions, one makes the calls, one says the answers."""

    name = "teacher"
    Options: type[BaseModel] = TeacherOptions

    def facts(self, options: TeacherOptions) -> Mapping[str, Any]:
        """What the manifest tells of this generation: models, dialect, and the prompts by hash."""
        return {
            "teacher": {role: options.model_of(role) for role in ROLES},
            "dialect": Json.name,
            "prompts": read_wording(options.prompts).hashes(),
        }

    def lasting(self, options: TeacherOptions) -> Mapping[str, Any]:
        """The options that the manifest tells."""
        return options.lasting()

    def propose(self, toolbox: Toolbox, options: TeacherOptions, ctx: Generation) -> Iterator[Trace]:
        """Traces in the order of their batches; with `dry_run` only the estimate is printed.

        Raises:
            InputError: There is nothing to ask for, or nowhere to keep the replies.
        """
        batches = _planned(toolbox, options)
        if not batches:
            raise InputError("the teacher has nothing to ask for", "Raise --queries or --no-tool, or offer a tool.")
        wording = read_wording(options.prompts)
        register_prices()
        if options.dry_run:
            for line in estimate(options, wording, [(batch.tool, batch.size) for batch in batches], toolbox):
                ctx.note(line)
            sys.exit(0)
        if ctx.folder is None:
            raise InputError("the teacher needs a folder for its replies", "Run it with: toolmark generate teacher")
        with Asker(options, ctx.folder) as asker:
            if asker.known:
                ctx.note(f"{len(asker.known):,} replies are in {ctx.folder} already and are not asked for again")
            roles = Roles(asker, wording, Json(), ctx.execute)
            with progress_line("teacher") as shown:
                progress = _Progress(shown, asker, sum(batch.size for batch in batches))
                yield from _driven(_Maker(toolbox, options, ctx, roles, progress.add), progress, batches, options, ctx)
            for line in (progress.used, *asker.faults()):
                ctx.note(f"teacher: {line}")


def _planned(toolbox: Toolbox, options: TeacherOptions) -> list[_Batch]:
    wanted: list[tuple[Tool | None, QueryType, int]] = [
        (tool, kind, options.queries) for tool in toolbox.tools for kind in ("easy", "hard")
    ]
    wanted.append((None, "no_tool", options.no_tool))
    batches: list[_Batch] = []
    for tool, kind, count in wanted:
        for start in range(0, count, options.batch):
            batches.append(_Batch(len(batches), tool, kind, min(options.batch, count - start)))
    return batches


@dataclass
class _Progress:
    """How many questions are through, and what that took."""

    line: ProgressLine
    asker: Asker
    total: int
    done: int = 0

    def add(self, count: int) -> None:
        """`count` more are through."""
        self.done += count
        self.line.update(self.done, self.total, self.used)

    @property
    def used(self) -> str:
        """Requests, tokens and, where the prices are known, dollars."""
        budget = self.asker.budget
        tokens = f"{budget.input_tokens:,} + {budget.output_tokens:,} tokens"
        cost = f", {budget.cost:.4f} dollars" if all(self.asker.price(role) for role in ROLES) else ""
        return f"{budget.requests:,} requests, {tokens}{cost}"


def _driven(
    maker: _Maker, progress: _Progress, batches: list[_Batch], options: TeacherOptions, ctx: Generation
) -> Iterator[Trace]:
    """Run the batches side by side, some ahead of the one that is waited for, and yield in order."""
    ahead = max(4, 2 * options.max_connections)
    waiting = iter(batches)
    running: deque[tuple[_Batch, asyncio.Task[list[_Outcome]]]] = deque()
    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        try:
            while True:
                while len(running) < ahead and (batch := next(waiting, None)) is not None:
                    running.append((batch, loop.create_task(maker.outcomes(batch))))
                if not running:
                    break
                _, task = running.popleft()
                outcomes = runner.run(_awaited(task))
                for outcome in outcomes:
                    if isinstance(outcome, Trace):
                        yield outcome
                    else:
                        ctx.drop(outcome.stage, outcome.reason, outcome.query, outcome.query_type, outcome.tool_name)
        except Stopped as stopped:
            ctx.note(
                f"Stopped: {stopped}. {progress.done:,} of {progress.total:,} questions are through. To go on, remove "
                "the dataset and give the same command with a higher limit: what was answered is kept"
            )
        finally:
            for _, task in running:
                task.cancel()
            runner.run(_settled([task for _, task in running]))


async def _awaited(task: asyncio.Task[list[_Outcome]]) -> list[_Outcome]:
    return await task


async def _settled(tasks: list[asyncio.Task[list[_Outcome]]]) -> None:
    await asyncio.gather(*tasks, return_exceptions=True)


@dataclass(frozen=True, slots=True)
class _Maker:
    """Takes a batch through the roles."""

    toolbox: Toolbox
    options: TeacherOptions
    ctx: Generation
    roles: Roles
    finished: Callable[[int], None]

    async def outcomes(self, batch: _Batch) -> list[_Outcome]:
        """A trace or a drop for each question of the batch."""
        name = batch.tool.name if batch.tool else None
        item = Item(batch.number, f"{self.ctx.seed}/{batch.query_type}/{name or ''}/{batch.number}")
        try:
            queries = await self._queries(batch, item)
        except (Unusable, Refused) as error:
            stage, reason = _failure(error)
            self.finished(batch.size)
            return [_Dropped(stage, reason, "", batch.query_type, name)] * batch.size
        asked = (
            self._finished(batch, query, Item(batch.number, f"{item.name}/{index}"))
            for index, query in enumerate(queries)
        )
        return list(await _together([asyncio.ensure_future(one) for one in asked]))

    async def _finished(self, batch: _Batch, query: str, item: Item) -> _Outcome:
        outcome = await self._outcome(batch, query, item)
        self.finished(1)
        return outcome

    async def _queries(self, batch: _Batch, item: Item) -> list[str]:
        if batch.tool is not None:
            hard = batch.query_type == "hard"
            return await self.roles.queries(batch.tool, hard, batch.number + 1, batch.size, item)
        rng = Random(item.name)  # noqa: S311 - repeatable, not secret
        category, style = rng.choice(_CATEGORIES), rng.choice(_STYLES)
        about = (self.toolbox.tools, category, style, batch.number + 1)
        return await self.roles.queries_without_tool(*about, batch.size, item)

    async def _outcome(self, batch: _Batch, query: str, item: Item) -> _Outcome:
        tool = batch.tool
        offered = self._offered(Random(item.name), tool)  # noqa: S311 - repeatable, not secret
        question = Message(role="user", content=query)
        try:
            called = await self.roles.call(query, offered, tool, batch.query_type == "hard", item)
            if called.call is None or tool is None:
                after: tuple[Message, ...] = (Message(role="assistant", content=called.text),)
                gold: Expectation = Abstain(action="abstain", reason="no_tool_needed")
                return self._trace(batch, question, after, offered, gold, item)
            calling = Message(role="assistant", tool_calls=(called.call,))
            accepted = {name: [value] for name, value in called.call.arguments.items()}
            spec = CallSpec.model_validate({"name": tool.name, "arguments": accepted})
            gold = ExpectCall(action="call", any_of=(CallOption(calls=(spec,)),))
            if called.result is None:
                return self._trace(batch, question, (calling,), offered, gold, item)
            content = json.dumps(called.result.value, ensure_ascii=False)
            said = await self.roles.answer(query, called.call, content, item)
        except (Unusable, Refused) as error:
            stage, reason = _failure(error)
            return _Dropped(stage, reason, query, batch.query_type, tool.name if tool else None)
        returned = Message(role="tool", name=tool.name, content=content)
        after = (calling, returned, Message(role="assistant", content=said))
        return self._trace(batch, question, after, offered, gold, item)

    def _offered(self, rng: Random, wanted: Tool | None) -> tuple[Tool, ...]:
        others = [tool for tool in self.toolbox.tools if tool != wanted]
        count = min(rng.randint(self.options.min_distractors, self.options.max_distractors), len(others))
        chosen = rng.sample(others, count) + ([wanted] if wanted else [])
        rng.shuffle(chosen)
        return tuple(chosen)

    def _trace(
        self,
        batch: _Batch,
        question: Message,
        after: tuple[Message, ...],
        offered: tuple[Tool, ...],
        gold: Expectation,
        item: Item,
    ) -> Trace:
        box = Toolbox(name="", tools=offered)
        kind, name = batch.query_type, batch.tool.name if batch.tool else None
        case = Case(
            messages=(question,),
            toolbox=box,
            expect=gold,
            split="dev",
            # Questions of one request resemble each other: they stay on one side of the split.
            group=f"teacher/{kind}/{name or ''}/{batch.number}",
            tags={"difficulty": kind if name else "abstain", **({"tool": name} if name else {})},
            source=Source(name="generated/teacher", ref=item.name),
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


def _failure(error: Unusable | Refused) -> tuple[Stage, str]:
    if isinstance(error, Unusable):
        return error.stage, error.reason
    return "format", f"the provider refuses the request: {error}"


async def _together(tasks: list[asyncio.Future[_Outcome]]) -> list[_Outcome]:
    """All results; where one fails, the others are ended before the failure is raised."""
    try:
        return list(await asyncio.gather(*tasks))
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
