"""A run: the answers of one candidate to cases, and everything that describes how they are generated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from toolmark.benchmark.candidates.fingerprint import identity, run_key
from toolmark.benchmark.candidates.spec import Candidate
from toolmark.benchmark.candidates.weights import Weights
from toolmark.benchmark.config.decoding import Decoding
from toolmark.benchmark.config.engine_options import EngineChoice
from toolmark.benchmark.config.template_args import TemplateArgs
from toolmark.benchmark.data.completions import Completions
from toolmark.benchmark.dialects import Dialect
from toolmark.benchmark.engine.devices import DeviceChoice, DtypeChoice
from toolmark.benchmark.engine.local_identity import Describe, describe
from toolmark.benchmark.runs.replay import read_replay
from toolmark.benchmark.runs.run_folders import run_folder
from toolmark.benchmark.scoring.conversations import Conversation

__all__ = ["Run", "RunOptions", "open_run"]


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
        engine: The engine of local candidates, or `auto`.
        logprobs: Whether served candidates are asked for log-probabilities.
    """

    runs: Path
    decoding: Decoding = field(default_factory=Decoding)
    epochs: int = 1
    device: DeviceChoice = "auto"
    dtype: DtypeChoice = "auto"
    fresh: bool = False
    skip_too_long: bool = False
    engine: EngineChoice = "transformers"
    logprobs: bool = False


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
        missing: Ids of the cases without a completion. Either the case is in `too_long`, or the recording of a baseline
            does not contain the case.
        too_long: Ids of the cases that `skip_too_long` leaves out, because they do not fit into the context of the
            model. Such a case is left out of all runs of a comparison.
        notes: Lines about the run for the user.
        epochs: Number of completions for each case. A recording can have another number than the other runs.
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
    completions: Completions = field(default_factory=dict)
    conversations: Mapping[tuple[str, int], Conversation] = field(default_factory=dict)
    reused: int = 0
    made: int = 0
    missing: tuple[str, ...] = ()
    too_long: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    epochs: int = 1


def open_run(
    candidate: Candidate,
    dialect: Dialect,
    options: RunOptions,
    template_args: TemplateArgs | None = None,
    describe: Describe = describe,
) -> Run:
    """Return a run that has an identity and a directory, but no completions yet. No model is loaded.

    Args:
        candidate: The candidate.
        dialect: The dialect of the candidate.
        options: The options of the run.
        template_args: The arguments of the chat template.
        describe: Describes a candidate with weights. The default looks for the weights on this machine.

    Raises:
        InputError: There is no such candidate, or the files of the candidate cannot be used.
        EnvironmentFault: The weights cannot be downloaded, this machine does not have the device, the engine is not
            installed, or the server of a deployed model cannot be reached.
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
        args = template_args or {}
        return Run(candidate, dialect, folder, run_identity, {}, template_args=args, epochs=options.epochs)

    how = (options.device, options.dtype, template_args, options.engine)
    model = describe(candidate, dialect, options.decoding, *how)
    return Run(
        candidate,
        dialect,
        run_folder(options.runs, candidate.name, run_key(model.identity)),
        model.identity,
        {},
        model.device,
        template_args or {},
        model.weights,
        model.training,
        epochs=options.epochs,
    )
