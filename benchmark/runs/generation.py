"""The first phase of a run: generates a completion for every prompt, and writes the completions to the ledger.

Completions that are already in the ledger are reused. So a killed run continues where it stopped, and a run with a
larger `--limit` generates only the additional completions. The engine is opened only if a completion is missing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from toolmark.benchmark.candidates.fingerprint import environment, identity, run_key
from toolmark.benchmark.candidates.spec import Candidate
from toolmark.benchmark.candidates.weights import Weights
from toolmark.benchmark.config.decoding import Decoding
from toolmark.benchmark.config.template_args import TemplateArgs
from toolmark.benchmark.core.errors import EnvironmentFault, InputError
from toolmark.benchmark.core.hashing import digest
from toolmark.benchmark.core.progress import phase
from toolmark.benchmark.data.cases import Case
from toolmark.benchmark.data.completions import Completion, Prompt
from toolmark.benchmark.data.record import read_record
from toolmark.benchmark.data.scenarios import Scenario
from toolmark.benchmark.dialects import Dialect
from toolmark.benchmark.engine import Engine, NotAnswered, PromptTooLong
from toolmark.benchmark.engine.devices import (
    DeviceChoice,
    DtypeChoice,
    check_dtype_of_model,
    choose_device,
    choose_dtype,
)
from toolmark.benchmark.engine.engines import Engines
from toolmark.benchmark.engine.generation_progress import Forecast, GenerationProgress
from toolmark.benchmark.engine.model_folder import locate
from toolmark.benchmark.runs.ledger import Ledger
from toolmark.benchmark.runs.replay import read_replay
from toolmark.benchmark.runs.run_folders import run_folder
from toolmark.benchmark.scoring.conversations import Conversation
from toolmark.benchmark.scoring.grades import SCORER_VERSION

__all__ = ["Run", "RunOptions", "generate", "not_answered", "open_run", "session_line", "timed"]


@dataclass(frozen=True, slots=True)
class RunOptions:
    """The options of a run that are the same for all candidates.

    Attributes:
        runs: The folder in which runs are stored.
        decoding: The decoding options.
        epochs: Number of completions for each case.
        device: The device of local candidates, or `auto`.
        dtype: The data type of the weights of local candidates, or `auto`.
        fresh: Whether all completions are generated again.
        skip_too_long: Whether cases with a prompt that does not fit into the context are left out.
    """

    runs: Path
    decoding: Decoding = field(default_factory=Decoding)
    epochs: int = 1
    device: DeviceChoice = "auto"
    dtype: DtypeChoice = "auto"
    fresh: bool = False
    skip_too_long: bool = False


@dataclass(slots=True)
class Run:
    """The answers of one candidate to cases, with everything that describes how they were generated.

    Attributes:
        candidate: The candidate.
        dialect: The dialect of the candidate.
        folder: The directory of the run.
        identity: Everything that can change a completion, such as weights, dialect and decoding options.
        environment: Versions and machine of the last session.
        device: The device of a local candidate. Empty for other candidates.
        template_args: The arguments of the chat template.
        weights: Directories of the weights. None if the candidate is not local.
        training: The training record of the weights. None if there is no record.
        completions: The completions by (case id, epoch). Empty before generation. The completion of a scenario is the
            whole conversation in one text.
        conversations: The conversations by (scenario id, epoch). Empty if the run answers cases.
        reused: Number of completions that were already in the ledger.
        made: Number of completions that were generated in this session.
        missing: Ids of the cases without a completion. Either the prompt of the case does not fit into the context
            (with `skip_too_long`), or the recording of a baseline does not contain the case.
        notes: Lines about the run for the user.
    """

    candidate: Candidate
    dialect: Dialect
    folder: Path
    identity: Mapping[str, Any]
    environment: Mapping[str, Any]
    device: str = ""
    template_args: TemplateArgs = field(default_factory=dict)
    weights: Weights | None = None
    training: Mapping[str, Any] | None = None
    completions: Mapping[tuple[str, int], Completion] = field(default_factory=dict)
    conversations: Mapping[tuple[str, int], Conversation] = field(default_factory=dict)
    reused: int = 0
    made: int = 0
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def open_run(
    candidate: Candidate, dialect: Dialect, options: RunOptions, template_args: TemplateArgs | None = None
) -> Run:
    """Return a run that has an identity and a directory, but no completions yet. No model is loaded.

    Raises:
        InputError: There is no such candidate, or the files of the candidate cannot be used.
        EnvironmentFault: The weights cannot be downloaded, this machine does not have the device, or the server of a
            deployed model cannot be reached.
    """
    if candidate.kind == "replay":
        replay = read_replay(Path(candidate.base))
        # The identity in a ledger contains the dialect with its version.
        run_identity = {"dialect": f"{dialect.name}/{dialect.version}", **replay.identity}
        folder = run_folder(options.runs, f"replay-{candidate.name}", run_key(run_identity))
        return Run(candidate, dialect, folder, run_identity, replay.environment, training=replay.training)
    if candidate.kind in ("inspect", "policy", "deployed"):
        run_identity = identity(candidate, None, dialect, options.decoding, None, template_args)
        if candidate.kind == "deployed":
            from toolmark.benchmark.engine.runtimes.deployed_identity import deployed_identity

            run_identity |= deployed_identity(candidate.base)
        folder = run_folder(options.runs, candidate.name, run_key(run_identity))
        return Run(candidate, dialect, folder, run_identity, {}, template_args=template_args or {})

    device = choose_device(options.device)
    weights = locate(candidate)
    dtype = choose_dtype(options.dtype, device)
    check_dtype_of_model(weights.base, dtype)
    run_identity = identity(candidate, weights, dialect, options.decoding, dtype, template_args)
    folder = run_folder(options.runs, candidate.name, run_key(run_identity))
    training = read_record(weights.adapter or weights.base)
    return Run(candidate, dialect, folder, run_identity, {}, device, template_args or {}, weights, training)


def _keys(
    run: Run, prompts: Sequence[Prompt], cases: Sequence[Case], epochs: int, one_call: Collection[int]
) -> dict[tuple[int, int], str]:
    """Return the key of each completion, by (index of the case, epoch). The ledger stores each completion with its key.

    A key is a hash of these values:

    - the identity of the run, the prompt and the epoch
    - for a policy: the expected answer, because a policy can read it
    - a mark, if the completion ends after its first call (the case is in `one_call`)
    """
    identified = run_key(run.identity)
    questions: list[object] = []
    for index, (prompt, case) in enumerate(zip(prompts, cases, strict=True)):
        question: object = [prompt.digest(), case.gold_hash] if run.candidate.kind == "policy" else prompt.digest()
        questions.append([question, "to its call"] if index in one_call else question)
    return {
        (index, epoch): digest([identified, question, epoch])
        for epoch in range(1, epochs + 1)
        for index, question in enumerate(questions)
    }


def _one_call(case: Case) -> bool:
    """Return whether every right answer to the case is exactly one call.

    Only for such a case is a completion allowed to end after its first call. If abstaining is right, only the whole
    completion shows whether the answer is an abstention.
    """
    return case.expect.action == "call" and all(len(option.calls) == 1 for option in case.expect.any_of)


def _first_cases(answers: Sequence[tuple[str, int]], cases: Sequence[Case]) -> str:
    refs = {case.id: case.source.ref for case in cases}
    first = ", ".join(f"{case_id} ({refs[case_id]})" for case_id, _ in answers[:3])
    return f"{first}, …" if len(answers) > 3 else first


def _replayed(
    run: Run,
    cases: Sequence[Case],
    available: Sequence[Case],
    epochs: int,
    partial: bool,
    left_out: Collection[str],
) -> Run:
    replay = read_replay(Path(run.candidate.base))
    recorded = replay.answers(available, partial=partial, left_out=left_out)
    needed = [(case.id, epoch) for case in cases for epoch in range(1, epochs + 1)]
    missing = [answer for answer in needed if answer not in recorded]
    if missing and not partial:
        raise InputError(
            f"{run.candidate.base} does not contain {len(missing)} of {len(needed)} completions: "
            f"{_first_cases(missing, cases)}",
            "Use the same --cases, --split and --limit as the recorded run.",
        )
    incomplete = {case_id for case_id, _ in missing}
    run.completions = {answer: recorded[answer] for answer in needed if answer[0] not in incomplete}
    run.reused = len(run.completions)
    run.missing = tuple(case.id for case in cases if case.id in incomplete)
    return run


def generate(
    run: Run,
    cases: Sequence[Case],
    options: RunOptions,
    engines: Engines,
    forecast: Callable[[Forecast], None] = lambda _: None,
    *,
    partial: bool = False,
    available: Sequence[Case] = (),
    left_out: Collection[str] = (),
) -> Run:
    """Generate the completions of all cases and epochs that are not in the ledger. Store all in `run`.

    Args:
        run: The run.
        cases: The cases.
        options: The options of the run.
        engines: Opens the engine.
        forecast: A function that is called with the first estimate of the time for the missing completions.
        partial: Only for a recording. If True, cases are allowed to be missing, and answers to other cases are ignored.
            If False, both are errors.
        available: Only for a recording: all cases that the recording is allowed to answer. If empty, these are `cases`.
        left_out: Only for a recording: references of the rows that were left out when the case files were read.

    Returns:
        `run`.

    Raises:
        InputError: A prompt is too long. Or a recording has missing cases, other cases, or two answers to a case.
        EnvironmentFault: The directory of the run is locked or cannot be written, or the engine cannot be opened. Or a
            served model does not answer a case. The other answers of the model are then in the ledger.
    """
    if run.candidate.kind == "replay":
        return _replayed(run, cases, available or cases, options.epochs, partial, left_out)
    rendered = (run.dialect.render(case.messages, case.toolbox.tools) for case in cases)
    prompts = [replace(prompt, template_args=run.template_args) for prompt in rendered]
    with Ledger(run.folder, fresh=options.fresh) as ledger:
        run.notes = ledger.notes
        recorded = ledger.recorded.completions
        stop_at_call = options.decoding.stop_at_call
        one_call = frozenset(index for index, case in enumerate(cases) if stop_at_call and _one_call(case))
        keys = _keys(run, prompts, cases, options.epochs, one_call)
        completions = {answer: recorded[key] for answer, key in keys.items() if key in recorded}
        run.reused = len(completions)
        if ledger.recorded.runs:
            run.environment = ledger.recorded.runs[-1]["environment"]
        missing = [answer for answer in keys if answer not in completions]
        dropped: frozenset[int] = frozenset()
        if missing:
            engine = engines.open(run.candidate, run.weights, run.device, str(run.identity.get("dtype")), cases)
            dropped = _prepare(engine, prompts, run.dialect, cases, one_call, options.skip_too_long)
            missing = [answer for answer in missing if answer[0] not in dropped]
            run.environment = environment(**engine.environment())
            ledger.open_session(session_line(run, cases))
        elif not ledger.recorded.runs:
            # The line with the description of the run was broken. The keys prove that the completions belong to this
            # identity, but the machine is not known.
            ledger.open_session(session_line(run, cases))
        progress = GenerationProgress(len(missing), forecast)
        for epoch in range(1, options.epochs + 1):
            indices = [index for index, epoch_of_answer in missing if epoch_of_answer == epoch]
            if not indices:
                continue
            try:
                with phase(progress.line):
                    for index, completion in timed(engine, indices, epoch, progress):
                        ledger.append([(keys[index, epoch], cases[index].id, epoch, completion)])
                        completions[index, epoch] = completion
                        run.made += 1
            except NotAnswered as error:
                dropped |= not_answered(error, run, cases, engine.notes(), options.skip_too_long)
        if missing:
            run.notes += engine.notes()
    run.completions = {(cases[index].id, epoch): completion for (index, epoch), completion in completions.items()}
    run.missing = tuple(cases[index].id for index in sorted(dropped))
    return run


def not_answered(
    error: NotAnswered, run: Run, cases: Sequence[Case | Scenario], notes: Sequence[str], skip: bool
) -> frozenset[int]:
    """Return the indices of the cases that were too long for the server.

    If `skip` is false, such a case is an error. A case that has no answer for another reason is always an error.
    """
    if set(error.reasons) <= error.too_long and error.asked and skip:
        return frozenset(error.too_long)
    index, reason = next(item for item in error.reasons.items() if item[0] not in error.too_long or not skip)
    others = len(error.reasons) - 1
    case = cases[index]
    what = f"{run.candidate.name} did not answer case {case.id} ({case.source.ref}): {reason}"
    what += f"; {others} other cases have no answer either" if others else ""
    what += "" if error.asked else ". The server seems to be down, so the other cases were not sent"
    notes_text = "".join(f". {note}" for note in notes)
    if index in error.too_long:
        raise InputError(what + notes_text, "To leave out cases that are too long, add --skip-too-long")
    raise EnvironmentFault(
        what + notes_text,
        f"Run the same command again. {run.made + run.reused} completions are kept in {run.folder} and reused.",
    )


def timed(
    engine: Engine, indices: Sequence[int], epoch: int, progress: GenerationProgress
) -> Iterator[tuple[int, Completion]]:
    """Yield the completions of the engine, each with the seconds since the previous completion."""
    before = time.monotonic()
    for index, completion in engine.answer(indices, epoch, progress):
        now = time.monotonic()
        yield index, replace(completion, usage=replace(completion.usage, seconds=round(now - before, 6)))
        before = now


def session_line(run: Run, cases: Sequence[Case | Scenario]) -> Mapping[str, Any]:
    """Return the content of the run line of a session that adds completions for these cases."""
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
    """Encode all prompts, and return the indices of the prompts that do not fit into the context.

    If there are such prompts and `skip` is false, an error is raised.
    """
    try:
        engine.prepare(prompts, dialect, one_call)
    except PromptTooLong as error:
        if not skip:
            index, length = max(error.lengths.items(), key=lambda item: item[1])
            raise InputError(
                f"{len(error.lengths)} of {len(prompts)} prompts are too long: the longest has {length} tokens "
                f"(case {cases[index].source.ref}), but a prompt can have at most {error.room}",
                "To leave these cases out, add --skip-too-long. Or allow only shorter answers, with --max-tokens N",
            ) from None
        return frozenset(error.lengths)
    return frozenset()
