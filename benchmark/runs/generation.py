"""Phase one: every prompt of a run answered once, into the ledger.

What the ledger holds is not asked again, so a killed run goes on where it stopped, and a larger `--limit` extends a
smaller one. The engine is opened only where something is missing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from toolmark.benchmark.candidates.fingerprint import environment, identity, run_key
from toolmark.benchmark.candidates.spec import Candidate
from toolmark.benchmark.candidates.weights import Weights, locate
from toolmark.benchmark.config.decoding import Decoding
from toolmark.benchmark.core.errors import EnvironmentFault, InputError
from toolmark.benchmark.data.cases import Case, digest
from toolmark.benchmark.data.completions import Completion, Prompt
from toolmark.benchmark.data.training import read_record
from toolmark.benchmark.dialects import Dialect
from toolmark.benchmark.engine import Engine, NotAnswered, PromptTooLong
from toolmark.benchmark.engine.engines import Engines
from toolmark.benchmark.runs.ledger import Ledger
from toolmark.benchmark.runs.replay import read_replay
from toolmark.benchmark.runs.run_folders import run_folder
from toolmark.benchmark.scoring.grades import SCORER_VERSION

__all__ = ["Progress", "Run", "RunOptions", "generate", "open_run"]

Progress = Callable[[int, int], None]
"""Called with (done, total) after every batch."""


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How a run is made; everything that is not the candidate's own."""

    runs: Path
    decoding: Decoding = field(default_factory=Decoding)
    epochs: int = 1
    fresh: bool = False
    skip_too_long: bool = False


@dataclass(slots=True)
class Run:
    """One candidate over cases.

    Attributes:
        candidate: Who answers.
        dialect: In which dialect.
        folder: Where the run lies.
        identity: What may change a completion.
        environment: Where it was made; of the last session.
        training: The trainer's record of its weights, where there is one.
        weights: Directories, for a local candidate.
        completions: By (case id, epoch), once generated.
        reused: Completions that were there before.
        made: Completions of this session.
        missing: Cases without a completion: their prompt does not fit the context (with `skip_too_long`), or the
            recording of a baseline lacks them.
        notes: What the user should know of the run, a line each.
    """

    candidate: Candidate
    dialect: Dialect
    folder: Path
    identity: Mapping[str, Any]
    environment: Mapping[str, Any]
    weights: Weights | None = None
    training: Mapping[str, Any] | None = None
    completions: Mapping[tuple[str, int], Completion] = field(default_factory=dict)
    reused: int = 0
    made: int = 0
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def open_run(candidate: Candidate, dialect: Dialect, options: RunOptions) -> Run:
    """Identify a candidate and find its run's directory; loads no model.

    Raises:
        InputError: The candidate cannot be what its spec says.
        EnvironmentFault: Its weights cannot be had.
    """
    if candidate.kind == "replay":
        replay = read_replay(Path(candidate.base))
        # A ledger says itself in which version of its dialect it was written.
        known = {"dialect": f"{dialect.name}/{dialect.version}", **replay.identity}
        folder = run_folder(options.runs, f"replay-{candidate.name}", run_key(known))
        return Run(candidate, dialect, folder, known, replay.environment, training=replay.training)
    if candidate.kind in ("inspect", "policy"):
        known = identity(candidate, None, dialect, options.decoding, None)
        return Run(candidate, dialect, run_folder(options.runs, candidate.name, run_key(known)), known, {})

    weights = locate(candidate)
    from toolmark.benchmark.engine.local_engine import (  # torch, so only for a local candidate
        default_device,
        default_dtype,
    )

    dtype = default_dtype(default_device())
    known = identity(candidate, weights, dialect, options.decoding, dtype)
    folder = run_folder(options.runs, candidate.name, run_key(known))
    training = read_record(weights.adapter or weights.base)
    return Run(candidate, dialect, folder, known, {}, weights, training)


def _key(run: Run, prompt: Prompt, case: Case, epoch: int, one_call: bool) -> str:
    """A model sees the prompt alone; a policy may look at the gold, so that mended gold is a new question.

    So does what ends at its call: it becomes another question where a second call becomes right.
    """
    asked: object = [prompt.digest(), case.gold_hash] if run.candidate.kind == "policy" else prompt.digest()
    asked = [asked, "to its call"] if one_call else asked
    return digest([run_key(run.identity), asked, epoch])


def _one_call(case: Case) -> bool:
    """Whether one call is right, and never several; what it takes to abstain is known from the whole answer alone."""
    return case.expect.action == "call" and all(len(option.calls) == 1 for option in case.expect.any_of)


def _named(places: Sequence[tuple[str, int]], cases: Sequence[Case]) -> str:
    refs = {case.id: case.source.ref for case in cases}
    named = ", ".join(f"{case_id} ({refs[case_id]})" for case_id, _ in places[:3])
    return f"{named}, …" if len(places) > 3 else named


def _replayed(run: Run, cases: Sequence[Case], available: Sequence[Case], epochs: int, partial: bool) -> Run:
    recorded = read_replay(Path(run.candidate.base)).answers(available, partial=partial)
    wanted = [(case.id, epoch) for case in cases for epoch in range(1, epochs + 1)]
    missing = [key for key in wanted if key not in recorded]
    if missing and not partial:
        raise InputError(
            f"{run.candidate.base} lacks {len(missing)} of {len(wanted)} completions: {_named(missing, cases)}",
            "Replay it on the cases that it was made for: --cases, --split and --limit as then.",
        )
    lacking = {case_id for case_id, _ in missing}
    run.completions = {key: recorded[key] for key in wanted if key[0] not in lacking}
    run.reused = len(run.completions)
    run.missing = tuple(case.id for case in cases if case.id in lacking)
    return run


def generate(
    run: Run,
    cases: Sequence[Case],
    options: RunOptions,
    engines: Engines,
    progress: Progress,
    *,
    partial: bool = False,
    available: Sequence[Case] = (),
) -> Run:
    """Fill `run.completions` for all cases and epochs, from the ledger and then from the engine.

    With `partial`, a recording may lack cases, or answer others: a baseline is paired on what both sides have. A sample
    of the cases that are `available` may be asked of a recording of all of them.

    Raises:
        InputError: A prompt leaves no room for an answer, or a recording lacks cases, answers others or some twice.
        EnvironmentFault: The run's directory is locked or cannot be written; the engine cannot be opened; a served
            model does not answer a case. What it answered is in the ledger.
    """
    if run.candidate.kind == "replay":
        return _replayed(run, cases, available or cases, options.epochs, partial)
    prompts = [run.dialect.render(case.messages, case.toolbox.tools) for case in cases]
    if options.fresh and (run.folder / "ledger.jsonl").exists():
        with Ledger(run.folder) as ledger:
            ledger.path.replace(run.folder / "ledger.previous.jsonl")
    with Ledger(run.folder) as ledger:
        run.notes = ledger.notes
        known = ledger.recorded.completions
        at_call = options.decoding.stop_at_call
        one_call = frozenset(index for index, case in enumerate(cases) if at_call and _one_call(case))
        wanted = {
            (index, epoch): _key(run, prompt, case, epoch, index in one_call)
            for epoch in range(1, options.epochs + 1)
            for index, (prompt, case) in enumerate(zip(prompts, cases, strict=True))
        }
        found = {place: known[key] for place, key in wanted.items() if key in known}
        run.reused = len(found)
        if ledger.recorded.runs:
            run.environment = ledger.recorded.runs[-1]["environment"]
        missing = [place for place in wanted if place not in found]
        dropped: frozenset[int] = frozenset()
        if missing:
            engine = engines.open(run.candidate, run.weights, str(run.identity.get("dtype")), cases)
            dropped = _prepare(engine, prompts, run.dialect, cases, one_call, options.skip_too_long)
            missing = [place for place in missing if place[0] not in dropped]
            run.environment = environment(**engine.environment())
            ledger.open_session(_session_line(run, cases))
        elif not ledger.recorded.runs:
            # The line was broken: the keys still prove whose completions these are, nothing proves on which machine.
            ledger.open_session(_session_line(run, cases))
        for epoch in range(1, options.epochs + 1):
            indices = [index for index, its_epoch in missing if its_epoch == epoch]
            if not indices:
                continue
            try:
                for index, completion in _timed(engine, indices, epoch):
                    ledger.append([(wanted[index, epoch], cases[index].id, epoch, completion)])
                    found[index, epoch] = completion
                    run.made += 1
                    progress(run.made, len(missing))
            except NotAnswered as error:
                dropped |= _dropped(error, run, cases, engine.notes(), options.skip_too_long)
        if missing:
            run.notes += engine.notes()
    run.completions = {(cases[index].id, epoch): completion for (index, epoch), completion in found.items()}
    run.missing = tuple(cases[index].id for index in sorted(dropped))
    return run


def _dropped(error: NotAnswered, run: Run, cases: Sequence[Case], notes: Sequence[str], skip: bool) -> frozenset[int]:
    """The cases that a server found too long, where they may be left out; otherwise the error that names them."""
    if set(error.reasons) <= error.too_long and error.asked and skip:
        return frozenset(error.too_long)
    index, reason = next(item for item in error.reasons.items() if item[0] not in error.too_long or not skip)
    others = len(error.reasons) - 1
    case = cases[index]
    what = f"{run.candidate.name} did not answer case {case.id} ({case.source.ref}): {reason}"
    what += f"; nor {others} others" if others else ""
    what += "" if error.asked else "; the server seems to be down, and no more were asked"
    told = "".join(f". {note}" for note in notes)
    if index in error.too_long:
        raise InputError(what + told, "Leave such cases out, and have them counted, with --skip-too-long.")
    raise EnvironmentFault(
        what + told, f"Give the same command again: the {run.made + run.reused} answered ones are kept in {run.folder}."
    )


def _timed(engine: Engine, indices: Sequence[int], epoch: int) -> Iterator[tuple[int, Completion]]:
    """What the engine answers, with the seconds that each took beyond the one before it."""
    before = time.monotonic()
    for index, completion in engine.answer(indices, epoch):
        now = time.monotonic()
        yield index, replace(completion, usage=replace(completion.usage, seconds=round(now - before, 6)))
        before = now


def _session_line(run: Run, cases: Sequence[Case]) -> Mapping[str, Any]:
    return {
        "candidate": run.candidate.name,
        "identity": run.identity,
        "environment": run.environment,
        "scorer": SCORER_VERSION,
        **({} if run.training is None else {"training": run.training}),
        "cases": {case.id: case.gold_hash for case in cases},
    }


def _prepare(
    engine: Engine,
    prompts: Sequence[Prompt],
    dialect: Dialect,
    cases: Sequence[Case],
    one_call: Collection[int],
    skip: bool,
) -> frozenset[int]:
    """Encode all prompts; the indices of those that do not fit, or an error."""
    try:
        engine.prepare(prompts, dialect, one_call)
    except PromptTooLong as error:
        if not skip:
            index, length = max(error.lengths.items(), key=lambda item: item[1])
            raise InputError(
                f"{len(error.lengths)} of {len(prompts)} prompts do not fit: the longest, of case "
                f"{cases[index].source.ref}, has {length} tokens, and the context leaves {error.room}",
                "Leave such cases out, and have them counted, with --skip-too-long.",
            ) from None
        return frozenset(error.lengths)
    return frozenset()
