"""Lets a candidate hold conversations in scenarios, and writes each step to the ledger.

The conversations are held side by side. In each round, the engine gets the next prompts of all conversations at once.
As soon as an answer is there, its calls are made in the world of the scenario, and the step is written to the ledger.
So if a run is killed, at most the unfinished answers of one round are lost.

A step is recorded with the results of its calls and the state of the world. So a continued run makes no call twice,
and a replay makes no call at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from random import Random
from typing import Any

from pydantic import JsonValue

from toolmark.benchmark.candidates.fingerprint import environment, run_key
from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.hashing import digest
from toolmark.benchmark.core.progress import phase
from toolmark.benchmark.data.completions import Completion, Prompt, Usage
from toolmark.benchmark.data.scenarios import Scenario
from toolmark.benchmark.engine import Engine, NotAnswered, PromptTooLong
from toolmark.benchmark.engine.engines import Engines
from toolmark.benchmark.engine.generation_progress import GenerationProgress
from toolmark.benchmark.engine.timed_answers import timed
from toolmark.benchmark.policies.conversational import next_answer
from toolmark.benchmark.runs.generation import not_answered
from toolmark.benchmark.runs.ledger import Ledger
from toolmark.benchmark.runs.replayed_conversations import replayed_conversations
from toolmark.benchmark.runs.run import Run, RunOptions
from toolmark.benchmark.runs.session_lines import names_other_cases, session_line
from toolmark.benchmark.scoring.conversations import Conversation, Step
from toolmark.benchmark.scoring.turn_demands import PlayedCall, TurnEnd
from toolmark.benchmark.tools.sandbox import Sandbox
from toolmark.benchmark.tools.worlds.world_names import NamedWorld
from toolmark.benchmark.tools.worlds.world_session import WorldSession

__all__ = ["converse"]

Worlds = Callable[[str], NamedWorld]
Replies = Iterator[tuple[int, Completion | TurnEnd]]
"""Pairs of an index and an answer. If the model could not be asked, a pair has the reason in place of the answer."""


def converse(
    run: Run,
    scenarios: Sequence[Scenario],
    starts: Mapping[str, JsonValue],
    worlds: Worlds,
    sandbox: Sandbox,
    options: RunOptions,
    engines: Engines,
    *,
    partial: bool = False,
) -> Run:
    """Hold the conversations of all scenarios and epochs that are not in the ledger. Store all in `run`.

    Args:
        run: The run.
        scenarios: The scenarios.
        starts: The state of the world at the start of each scenario, by the id of the scenario.
        worlds: Function that returns the world for a name.
        sandbox: A sandbox of `world_sandbox`.
        options: The options of the run.
        engines: Opens the engine.
        partial: Only for a recording: whether scenarios are allowed to be missing.

    Returns:
        `run`.

    Raises:
        InputError: The first prompt of a scenario is too long, or a recording has missing conversations.
        EnvironmentFault: As in `generate`. The steps until then are in the ledger.
    """
    if run.candidate.kind == "replay":
        skip = options.skip_too_long
        run.conversations = replayed_conversations(run, scenarios, starts, worlds, partial=partial, skip_too_long=skip)
    else:
        conversations = [
            Conversation(scenario, run.dialect, starts[scenario.id], epoch)
            for epoch in range(1, options.epochs + 1)
            for scenario in scenarios
        ]
        with Ledger(run.folder, fresh=options.fresh) as ledger:
            _Loop(run, ledger, options, worlds, sandbox).hold(conversations, scenarios, engines)
        left_out = set(run.too_long)
        run.missing = run.too_long
        run.conversations = {
            (one.scenario.id, one.epoch): one for one in conversations if one.scenario.id not in left_out
        }
    run.completions = {key: one.as_completion() for key, one in run.conversations.items()}
    return run


class _Loop:
    """The rounds of a run.

    Args:
        run: The run.
        ledger: The ledger of the run, open.
        options: The options of the run.
        worlds: Function that returns the world for a name.
        sandbox: A sandbox of `world_sandbox`.
    """

    def __init__(self, run: Run, ledger: Ledger, options: RunOptions, worlds: Worlds, sandbox: Sandbox) -> None:
        self._run, self._ledger, self._options = run, ledger, options
        self._worlds, self._sandbox = worlds, sandbox
        self._run_key = run_key(run.identity)
        self._sessions: dict[int, WorldSession] = {}
        self._left_out: set[str] = set()
        self._last_line: Mapping[str, Any] = ledger.recorded.runs[-1] if ledger.recorded.runs else {}

    def hold(self, conversations: Sequence[Conversation], scenarios: Sequence[Scenario], engines: Engines) -> None:
        """Hold the conversations to their end, from their last recorded step."""
        run = self._run
        run.notes = self._ledger.notes
        for conversation in conversations:
            self._resume(conversation)
        run.environment = self._last_line.get("environment", run.environment)
        waiting = [one for one in conversations if not one.ended]
        if waiting:
            self._hold(waiting, scenarios, engines)
        run.too_long = tuple(scenario.id for scenario in scenarios if scenario.id in self._left_out)
        if names_other_cases(self._last_line, session_line(run, scenarios)):
            self._open_session(scenarios)

    def _hold(self, waiting: Sequence[Conversation], scenarios: Sequence[Scenario], engines: Engines) -> None:
        run = self._run
        engine = None
        if run.candidate.kind != "policy":
            engine = engines.open(run.candidate, run.weights, run.device, str(run.identity.get("dtype")), ())
            run.environment = environment(**engine.environment())
        else:
            run.environment = environment(engine="policy")
        self._open_session(scenarios)
        progress = GenerationProgress(sum(one.scenario.gold_steps for one in waiting))
        with phase(progress.line):
            while waiting:
                self._round(waiting, engine, progress)
                waiting = [one for one in waiting if not one.ended and one.scenario.id not in self._left_out]
        if engine is not None:
            run.notes += engine.notes()

    def _open_session(self, scenarios: Sequence[Scenario]) -> None:
        self._last_line = session_line(self._run, scenarios)
        self._ledger.open_session(self._last_line)

    def _resume(self, conversation: Conversation) -> None:
        recorded = self._ledger.recorded.steps
        while not conversation.ended:
            step = recorded.get(self._key(conversation, self._prompt(conversation)))
            if step is None:
                return
            conversation.take(step)
            self._run.reused += 1

    def _prompt(self, conversation: Conversation) -> Prompt | None:
        """Return the next prompt. Return None if the dialect cannot write what the model called."""
        try:
            return replace(conversation.prompt(), template_args=self._run.template_args)
        except InputError:
            if not conversation.steps:
                raise
            return None

    def _key(self, conversation: Conversation, prompt: Prompt | None) -> str:
        """Return the key of the next step.

        The scenario and the code of its world are parts of the key, because the results of calls depend on them.
        """
        shown = "unwritable" if prompt is None else prompt.digest()
        scenario = conversation.scenario
        known = [scenario.id, self._worlds(scenario.world).code]
        known += [scenario.gold_hash] if self._run.candidate.kind == "policy" else []
        step = len(conversation.steps) + 1
        return digest([self._run_key, known, shown, conversation.epoch, "step", step])

    def _round(self, waiting: Sequence[Conversation], engine: Engine | None, progress: GenerationProgress) -> None:
        """Take one step in each conversation."""
        prompts = [self._prompt(one) for one in waiting]
        for epoch in sorted({one.epoch for one in waiting}):
            indices = [index for index, one in enumerate(waiting) if one.epoch == epoch]
            asked = [index for index in indices if prompts[index] is not None]
            for index in set(indices) - set(asked):
                self._step(waiting[index], None, "unwritable")
            conversations = [waiting[index] for index in asked]
            if engine is None:
                replies: Replies = ((i, self._of_policy(one)) for i, one in enumerate(conversations))
            else:
                shown = [prompt for index in asked if (prompt := prompts[index]) is not None]
                replies = self._of_engine(engine, conversations, shown, epoch, progress)
            for index, reply in replies:
                self._step(conversations[index], prompts[asked[index]], reply)

    def _of_policy(self, conversation: Conversation) -> Completion:
        seed = self._options.decoding.seed
        place = f"{seed}/{conversation.scenario.id}/{conversation.epoch}/{len(conversation.steps)}"
        return next_answer(self._run.candidate.base, conversation, Random(place))  # noqa: S311 - repeatable, not secret

    def _of_engine(
        self,
        engine: Engine,
        conversations: Sequence[Conversation],
        prompts: Sequence[Prompt],
        epoch: int,
        progress: GenerationProgress,
    ) -> Replies:
        too_long: frozenset[int] = frozenset()
        if not prompts:
            return
        try:
            engine.prepare(prompts, self._run.dialect, goes_on=True)
        except PromptTooLong as error:
            too_long = frozenset(error.lengths)
            self._check_room(conversations, error)
        indices = [index for index in range(len(prompts)) if index not in too_long]
        if indices:
            try:
                yield from timed(engine, indices, epoch, progress)
            except NotAnswered as error:
                skip = self._options.skip_too_long or all(conversations[index].steps for index in error.too_long)
                scenarios = [one.scenario for one in conversations]
                too_long |= not_answered(error, self._run, scenarios, engine.notes(), skip)
        for index in sorted(too_long):
            if conversations[index].steps:
                yield index, "too_long"
            else:
                self._left_out.add(conversations[index].scenario.id)

    def _check_room(self, conversations: Sequence[Conversation], error: PromptTooLong) -> None:
        """Raise an error if the first prompt of a conversation is too long, unless such scenarios are left out."""
        first = {index: length for index, length in error.lengths.items() if not conversations[index].steps}
        if first and not self._options.skip_too_long:
            index, length = max(first.items(), key=lambda item: item[1])
            raise InputError(
                f"the first prompts of {len(first)} scenarios are too long: the longest has {length} tokens (scenario "
                f"{conversations[index].scenario.source.ref}), but a prompt can have at most {error.room}",
                "To leave these scenarios out, add --skip-too-long. Or allow only shorter answers, with --max-tokens N",
            )

    def _step(self, conversation: Conversation, prompt: Prompt | None, reply: Completion | TurnEnd) -> None:
        """Make the calls of an answer, write the step to the ledger, and take it."""
        if isinstance(reply, Completion):
            step = self._played(conversation, reply)
        else:
            step = Step(Completion("", stop_reason="unknown", usage=Usage(seconds=0.0)), ended=reply)
        key, number = self._key(conversation, prompt), len(conversation.steps) + 1
        scenario, code = conversation.scenario, self._worlds(conversation.scenario.world).code
        self._ledger.append_step(key, scenario.id, conversation.epoch, number, step, code)
        conversation.take(step)
        self._run.made += 1
        if conversation.ended:
            self._sessions.pop(id(conversation), None)

    def _played(self, conversation: Conversation, completion: Completion) -> Step:
        calls = conversation.calls_of(completion)
        if not calls:
            return Step(completion)
        session, offered = self._session(conversation), conversation.scenario.offered(conversation.turn).names
        made: list[PlayedCall] = []
        before = session.state
        for call in calls:
            made.append(PlayedCall(call, session.call(call, offered)))
            if made[-1].result.is_fault:
                break
        return Step(completion, tuple(made), None if session.state == before else session.state)

    def _session(self, conversation: Conversation) -> WorldSession:
        if id(conversation) not in self._sessions:
            world = self._worlds(conversation.scenario.world)
            self._sessions[id(conversation)] = WorldSession(world, conversation.state, self._sandbox)
        return self._sessions[id(conversation)]
