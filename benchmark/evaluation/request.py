"""What is asked of an evaluation, and whether its options fit together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

from toolmark.benchmark.candidates.spec import Candidate, resolve, with_adapter
from toolmark.benchmark.config.decoding import Decoding
from toolmark.benchmark.config.request_limits import RequestLimits
from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.registry import nearest
from toolmark.benchmark.readers.case_selection import Split
from toolmark.benchmark.runs.generation import RunOptions
from toolmark.benchmark.scoring.execution import Execute
from toolmark.benchmark.scoring.metrics import BALANCED, PRIMARY
from toolmark.benchmark.verdicts.verdict import MARGIN

__all__ = ["CHECKED", "Request", "check", "shipped_cases"]

CHECKED = (*(metric.id for metric in PRIMARY), BALANCED.id)
"""Metrics that a suite checks, and that can have a floor."""

_REQUESTS = RequestLimits()


def shipped_cases() -> str:
    """The folder of the shipped cases."""
    return str(files("toolmark.suites") / "cases")


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for. Each field is an option of `toolmark eval`; see `--help`."""

    models: tuple[str, ...] = ()
    adapters: tuple[str, ...] = ()
    baseline: str | None = None
    margin: float = MARGIN
    as_recorded: bool = False
    strict_identity: bool = False
    cases: str = field(default_factory=shipped_cases)
    tools: str | None = None
    split: Split = "test"
    dialect: str | None = None
    limit: int | None = None
    epochs: int = 1
    temperature: float = 0.0
    seed: int = 0
    threads: int | None = None
    connections: int = _REQUESTS.connections
    request_timeout: float = _REQUESTS.timeout
    request_retries: int = _REQUESTS.retries
    stop_at_call: bool = False
    floors: tuple[tuple[str, float], ...] = ()
    execute: Execute = "pure"
    fresh: bool = False
    skip_too_long: bool = False
    skip_bad: bool = False
    runs: Path = field(default=Path("runs"))

    @property
    def run_options(self) -> RunOptions:
        """How runs are made."""
        decoding = Decoding(temperature=self.temperature, seed=self.seed, stop_at_call=self.stop_at_call)
        return RunOptions(self.runs, decoding, self.epochs, self.fresh, self.skip_too_long)

    @property
    def served_requests(self) -> RequestLimits:
        """How served models are asked."""
        return RequestLimits(self.connections, self.request_timeout, self.request_retries)

    def candidates(self) -> list[tuple[Candidate, int | None]]:
        """All candidates in the order shown, each with the index of the one that it is compared with.

        A named baseline comes first. The base of adapters is their baseline where none is named; otherwise it is
        compared with the baseline, as the adapters are.

        Raises:
            InputError: A spec names nothing, or an adapter does not fit.
        """
        models = [resolve(spec) for spec in self.models]
        adapters = [with_adapter(models[0], adapter) for adapter in self.adapters]
        if self.baseline is not None:
            return [(resolve(self.baseline), None), *((judged, 0) for judged in (*models, *adapters))]
        return [*((model, None) for model in models), *((adapter, 0) for adapter in adapters)]


def check(request: Request) -> None:
    """Check the options that need nothing else to be read.

    Raises:
        InputError: An option is out of its bounds, or does not fit another one.
    """
    if request.adapters and len(request.models) != 1:
        raise InputError(
            f"--adapter needs exactly one --model, and {len(request.models)} are given",
            "Name the base once: --model BASE --adapter A --adapter B",
        )
    if not 0 < request.margin < 1:
        raise InputError(
            f"--margin {request.margin:g} is not between 0 and 1", "Write a share, for example --margin 0.05"
        )
    if request.as_recorded and request.baseline is None:
        raise InputError("--as-recorded needs a recorded baseline", "Name it: --baseline runs/NAME")
    if request.epochs < 1:
        raise InputError(f"--epochs {request.epochs} is below 1", "Write 1 or more.")
    if request.epochs > 1 and request.temperature == 0:
        raise InputError(
            f"--epochs {request.epochs} would repeat the same greedy answer", "Add a temperature: --temperature 0.7"
        )
    if request.temperature < 0:
        raise InputError(f"--temperature {request.temperature:g} is negative", "Write 0 (greedy) or more.")
    if request.threads is not None and request.threads < 1:
        raise InputError(f"--threads {request.threads} is below 1", "Write 1 or more.")
    if request.connections < 1:
        raise InputError(f"--connections {request.connections} is below 1", "Write 1 or more.")
    if not 0 < request.request_timeout < float("inf"):
        raise InputError(
            f"--request-timeout {request.request_timeout:g} is not a positive number of seconds",
            "Write seconds: --request-timeout 600",
        )
    if request.request_retries < 0:
        raise InputError(
            f"--request-retries {request.request_retries} is negative", "Write 0 (each request once) or more."
        )
    for metric, _ in request.floors:
        if metric not in CHECKED:
            raise InputError(f"--floor {metric}: no metric of that name can have a floor", nearest(metric, CHECKED))


def check_candidates(request: Request, candidates: Sequence[Candidate]) -> None:
    """Check the options against the candidates.

    Raises:
        InputError: An option cannot be kept for a candidate.
    """
    served = [candidate.name for candidate in candidates if candidate.kind == "inspect"]
    if request.stop_at_call and served:
        raise InputError(
            f"--stop-at-call: {served[0]} is a served model, and only local generation can stop at a call",
            "Leave --stop-at-call out.",
        )
