"""`TeacherGenerator`: the plug-in. Several batches of questions run at once, but their traces are yielded in order.

The requests depend only on the options and the seed, and every reply is stored. So interruptions do not change the
result: a continued run proposes the same traces as an uninterrupted run.
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.progress import Tally, phase
from toolmark.benchmark.data.cases import Tool, Toolbox
from toolmark.benchmark.data.traces import QueryType, Trace
from toolmark.benchmark.dialects.json import Json
from toolmark.benchmark.engine.prices import register_prices
from toolmark.benchmark.plugins.protocols import BaseGenerator, Generation
from toolmark.generators.teacher.budget import LimitReached
from toolmark.generators.teacher.conversations import BatchMaker, DroppedQuestion, QuestionBatch
from toolmark.generators.teacher.cost_estimate import estimated_requests
from toolmark.generators.teacher.options import ROLES, TeacherOptions
from toolmark.generators.teacher.prompt_files import read_role_prompts
from toolmark.generators.teacher.recorded_requests import RecordedRequests
from toolmark.generators.teacher.roles import Roles

__all__ = ["TeacherGenerator"]


class TeacherGenerator(BaseGenerator):
    """Conversations for which other models write the questions, the calls and the answers."""

    name = "teacher"
    Options: type[BaseModel] = TeacherOptions

    def facts(self, options: TeacherOptions) -> Mapping[str, Any]:
        """Return the generator's entries in the manifest: the models, the dialect, and the hashes of the prompts."""
        return {
            "teacher": {role: options.model_of(role) for role in ROLES},
            "dialect": Json.name,
            "prompts": read_role_prompts(options.prompts).hashes(),
        }

    def lasting(self, options: TeacherOptions) -> Mapping[str, Any]:
        """Return the options that are written to the manifest."""
        return options.lasting()

    def propose(self, toolbox: Toolbox, options: TeacherOptions, ctx: Generation) -> Iterator[Trace]:
        """Yield the traces in the order of their batches. With `dry_run`, only print an estimate of the cost and exit.

        Raises:
            InputError: There is no question to write, or there is no folder for the replies.
        """
        batches = _batches(toolbox, options)
        if not batches:
            raise InputError(
                "there is no question to write", "Write a larger number for --queries or --no-tool, or add a tool."
            )
        prompts = read_role_prompts(options.prompts)
        register_prices()
        if options.dry_run:
            for line in estimated_requests(options, prompts, [(batch.tool, batch.size) for batch in batches], toolbox):
                ctx.note(line)
            sys.exit(0)
        if ctx.folder is None:
            raise InputError(
                "the generator 'teacher' needs a folder for the replies of the models",
                "Run the command: toolmark generate teacher --out DIR",
            )
        with RecordedRequests(options, ctx.folder) as requests:
            if requests.known:
                ctx.note(f"{len(requests.known):,} replies from {ctx.folder} are used again")
            roles = Roles(requests, prompts, Json(), ctx.execute)
            questions = sum(batch.size for batch in batches)
            progress = _Progress(Tally("questions finished", questions, "question"), requests)
            with phase(progress.line, name="teacher"):
                yield from _run_batches(
                    BatchMaker(toolbox, options, ctx, roles, progress.questions.add), progress, batches, options, ctx
                )
            for line in (progress.used, *requests.faults()):
                ctx.note(f"teacher: {line}")


def _batches(toolbox: Toolbox, options: TeacherOptions) -> list[QuestionBatch]:
    wanted: list[tuple[Tool | None, QueryType, int]] = [
        (tool, kind, options.queries) for tool in toolbox.tools for kind in ("easy", "hard")
    ]
    wanted.append((None, "no_tool", options.no_tool))
    batches: list[QuestionBatch] = []
    for tool, kind, count in wanted:
        for start in range(0, count, options.batch):
            batches.append(QuestionBatch(len(batches), tool, kind, min(options.batch, count - start)))
    return batches


@dataclass
class _Progress:
    """How many questions are finished, and how many requests and tokens were used."""

    questions: Tally
    requests: RecordedRequests

    def line(self) -> str:
        """Return what was done and used so far."""
        return f"{self.questions()}; {self.used}"

    @property
    def used(self) -> str:
        """Return the number of requests and tokens so far, and the cost if the prices are known."""
        budget = self.requests.budget
        tokens = f"{budget.input_tokens:,} input and {budget.output_tokens:,} output tokens"
        cost = f", {budget.cost:.4f} dollars" if all(self.requests.price(role) for role in ROLES) else ""
        return f"{budget.requests:,} requests, {tokens}{cost}"


def _run_batches(
    maker: BatchMaker, progress: _Progress, batches: list[QuestionBatch], options: TeacherOptions, ctx: Generation
) -> Iterator[Trace]:
    """Run several batches at once, and yield their traces in the order of the batches."""
    ahead = max(4, 2 * options.max_connections)
    waiting = iter(batches)
    running: deque[tuple[QuestionBatch, asyncio.Task[list[Trace | DroppedQuestion]]]] = deque()
    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        try:
            while True:
                while len(running) < ahead and (batch := next(waiting, None)) is not None:
                    running.append((batch, loop.create_task(maker.outcomes(batch))))
                if not running:
                    break
                _, task = running.popleft()
                outcomes = runner.run(_result_of(task))
                for outcome in outcomes:
                    if isinstance(outcome, Trace):
                        yield outcome
                    else:
                        ctx.drop(outcome.stage, outcome.reason, outcome.query, outcome.query_type, outcome.tool_name)
        except LimitReached as stopped:
            questions = progress.questions
            ctx.note(
                f"Stopped: {stopped}. {questions.done:,} of {questions.total:,} questions are finished. To continue, "
                "remove the dataset and give the same command with a higher limit. All replies so far are kept"
            )
        finally:
            for _, task in running:
                task.cancel()
            runner.run(_all_ended([task for _, task in running]))


async def _result_of(task: asyncio.Task[list[Trace | DroppedQuestion]]) -> list[Trace | DroppedQuestion]:
    return await task


async def _all_ended(tasks: list[asyncio.Task[list[Trace | DroppedQuestion]]]) -> None:
    await asyncio.gather(*tasks, return_exceptions=True)
