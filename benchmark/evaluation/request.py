"""The request for an evaluation, and the checks of its options."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from toolmark.benchmark.candidates.deployed import deployed_candidate
from toolmark.benchmark.candidates.recipe_trainings import refuse_repeated_trainings
from toolmark.benchmark.candidates.spec import Candidate, resolve, with_adapter, with_each_seed
from toolmark.benchmark.config.decoding import Decoding
from toolmark.benchmark.config.engine_options import EngineChoice, EngineOptions
from toolmark.benchmark.config.request_limits import RequestLimits
from toolmark.benchmark.config.template_args import TemplateArgs, check_template_args
from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.registry import nearest
from toolmark.benchmark.data.completions import MAX_EPOCH
from toolmark.benchmark.data.shipped_cases import shipped_cases
from toolmark.benchmark.engine.devices import DeviceChoice, DtypeChoice
from toolmark.benchmark.engine.served_template_args import check_takes_template_args
from toolmark.benchmark.engine.workers.ray_connection import check_address, check_installed
from toolmark.benchmark.readers.case_selection import Split
from toolmark.benchmark.runs.run import RunOptions
from toolmark.benchmark.scoring.execution import Execute
from toolmark.benchmark.scoring.metric_sets import every_checked_metric
from toolmark.benchmark.scoring.metrics import metrics_on_request
from toolmark.benchmark.verdicts.verdict import MARGIN

__all__ = ["Request", "check"]

_REQUESTS = RequestLimits()
_DECODING = Decoding()
_ENGINE = EngineOptions()


@dataclass(frozen=True, slots=True)
class Request:
    """A request for an evaluation. `toolmark eval --help` describes the fields, which are options of this command."""

    models: tuple[str, ...] = ()
    adapters: tuple[str, ...] = ()
    deployed: tuple[str, ...] = ()
    baseline: str | None = None
    margin: float = MARGIN
    as_recorded: bool = False
    strict_identity: bool = False
    cases: str = field(default_factory=shipped_cases)
    tools: str | None = None
    split: Split = "test"
    dialect: str | None = None
    template_args: TemplateArgs | None = field(default=None, hash=False)
    limit: int | None = None
    epochs: int = 1
    temperature: float = 0.0
    seed: int = 0
    max_tokens: int = _DECODING.max_tokens
    thinking_tokens: int = _DECODING.thinking_tokens
    device: DeviceChoice = "auto"
    dtype: DtypeChoice = "auto"
    threads: int | None = None
    workers: int | None = None
    ray: str | None = None
    engine: EngineChoice = _ENGINE.name
    tensor_parallel: int = _ENGINE.tensor_parallel
    engine_probe: int = _ENGINE.probe
    connections: int = _REQUESTS.connections
    request_timeout: float = _REQUESTS.timeout
    request_retries: int = _REQUESTS.retries
    logprobs: bool = _REQUESTS.logprobs
    stop_at_call: bool = False
    floors: tuple[tuple[str, float], ...] = ()
    gates: tuple[str, ...] = ()
    execute: Execute = "pure"
    trust_data_tools: bool = False
    fresh: bool = False
    skip_too_long: bool = False
    skip_bad: bool = False
    runs: Path = field(default=Path("runs"))

    @property
    def run_options(self) -> RunOptions:
        """Return the options of a run."""
        decoding = Decoding(self.max_tokens, self.temperature, self.seed, self.stop_at_call, self.thinking_tokens)
        return RunOptions(
            self.runs,
            decoding=decoding,
            epochs=self.epochs,
            device=self.device,
            dtype=self.dtype,
            fresh=self.fresh,
            skip_too_long=self.skip_too_long,
            engine=self.engine,
            logprobs=self.logprobs,
        )

    @property
    def engine_options(self) -> EngineOptions:
        """Return the options of the engine that generates on this machine."""
        return EngineOptions(self.engine, self.tensor_parallel, self.engine_probe)

    @property
    def served_requests(self) -> RequestLimits:
        """Return the limits of requests to served models."""
        return RequestLimits(self.connections, self.request_timeout, self.request_retries, self.logprobs)

    def candidates(self) -> list[tuple[Candidate, int | None]]:
        """Return the candidates of the request, and for each candidate its baseline.

            request               candidates                  compared with
            models                the models                  nothing
            adapters              the base, the adapters      the base
            models, baseline      the baseline, the models    the baseline
            adapters, baseline    the baseline, the adapters  the baseline

        A recipe with several seeds stands for one adapter for each seed.

        Deployed models come last. They are compared with the adapter if there is one, otherwise with the model, and
        otherwise with the baseline.

        Returns:
            Pairs of a candidate and the index of its baseline, in the order in which candidates are shown. The index is
            None if the candidate has no baseline.

        Raises:
            InputError: A spec cannot be resolved, an adapter does not fit its base, a training of a recipe is given
                twice, or there are several models beside a deployed model.
        """
        named = [resolve(spec, threshold=True) for spec in self.models]
        models = [one for model in named for one in with_each_seed(model)]
        adapters = [one for given in self.adapters for one in with_each_seed(with_adapter(models[0], given))]
        refuse_repeated_trainings([*models, *adapters])
        if self.deployed and len(adapters or models) > 1:
            raise InputError(
                f"--deployed is compared with one model, but {len(adapters or models)} are given",
                "Give the model that was deployed: --model BASE --adapter A --deployed SPEC",
            )
        found: list[tuple[Candidate, int | None]]
        if self.baseline is not None:
            found = [(resolve(self.baseline, threshold=True), None), *((judged, 0) for judged in adapters or models)]
        else:
            found = [*((model, None) for model in models), *((adapter, 0) for adapter in adapters)]
        float_model = len(found) - 1 if found else None
        return [*found, *((deployed_candidate(spec), float_model) for spec in self.deployed)]


def check(request: Request) -> None:
    """Check the options that can be checked without cases and candidates.

    Raises:
        InputError: The value of an option is not allowed, or two options cannot be used together.
    """
    if request.adapters and len(request.models) != 1:
        raise InputError(
            f"--adapter needs exactly one --model, but {len(request.models)} models are given",
            "Give one base: --model BASE --adapter A --adapter B",
        )
    if not 0 < request.margin < 1:
        raise InputError(
            f"--margin {request.margin:g} is not between 0 and 1", "Write a share, for example --margin 0.05"
        )
    if request.as_recorded and request.baseline is None:
        raise InputError("--as-recorded needs a recorded baseline", "Give a recorded run: --baseline runs/NAME")
    if request.epochs < 1:
        raise InputError(f"--epochs {request.epochs} is below 1", "Write 1 or more: --epochs 1")
    if request.epochs > MAX_EPOCH:
        raise InputError(f"--epochs {request.epochs} is above {MAX_EPOCH}", f"Write {MAX_EPOCH} or less.")
    if request.epochs > 1 and request.temperature == 0:
        raise InputError(
            f"--epochs {request.epochs} needs a temperature, because all answers would be equal with --temperature 0",
            "Add a temperature: --temperature 0.7",
        )
    if request.temperature < 0:
        raise InputError(
            f"--temperature {request.temperature:g} is negative", "Write 0 (greedy) or more: --temperature 0"
        )
    check_template_args(request.template_args or {})
    if request.max_tokens < 1:
        raise InputError(
            f"--max-tokens {request.max_tokens} is below 1", f"Write 1 or more: --max-tokens {_DECODING.max_tokens}"
        )
    if request.thinking_tokens < 0:
        raise InputError(
            f"--thinking-tokens {request.thinking_tokens} is negative",
            "Write 0 (no room for thoughts) or more: --thinking-tokens 2048",
        )
    if request.threads is not None and request.threads < 1:
        raise InputError(f"--threads {request.threads} is below 1", "Write 1 or more: --threads 1")
    if request.workers is not None and request.workers < 1:
        raise InputError(f"--workers {request.workers} is below 1", "Write 1 or more: --workers 2")
    if request.ray is not None:
        check_address(request.ray)
        check_installed(f"--ray {request.ray}")
    elif (request.workers or 1) > 1:
        check_installed(f"--workers {request.workers}")
    if request.tensor_parallel < 1:
        raise InputError(
            f"--tensor-parallel {request.tensor_parallel} is below 1", "Write 1 or more: --tensor-parallel 1"
        )
    if request.tensor_parallel > 1 and request.engine == "transformers":
        raise InputError(
            f"--tensor-parallel {request.tensor_parallel} is only possible with --engine vllm",
            f"Write --engine vllm --tensor-parallel {request.tensor_parallel}",
        )
    if request.engine_probe < 0:
        raise InputError(
            f"--engine-probe {request.engine_probe} is negative",
            f"Write 0 (no probe) or more: --engine-probe {_ENGINE.probe}",
        )
    if request.connections < 1:
        raise InputError(f"--connections {request.connections} is below 1", "Write 1 or more: --connections 1")
    if not 0 < request.request_timeout < float("inf"):
        raise InputError(
            f"--request-timeout {request.request_timeout:g} is not a positive number of seconds",
            "Write seconds: --request-timeout 600",
        )
    if request.request_retries < 0:
        raise InputError(
            f"--request-retries {request.request_retries} is negative",
            "Write 0 (each request is sent once) or more: --request-retries 0",
        )
    for gate in request.gates:
        if gate not in metrics_on_request():
            raise InputError(
                f"--gate: {gate!r} is not one of the metrics that --gate can check",
                f"Write one of these: --gate {', '.join(metrics_on_request())}",
            )
    with_floor = (*every_checked_metric(), *request.gates)
    for metric, floor in request.floors:
        if not 0 <= floor <= 1:
            raise InputError(
                f"--floor {metric}={floor:g} is not between 0 and 1", f"Write a share, for example --floor {metric}=0.8"
            )
        if metric not in with_floor:
            if metric in metrics_on_request():
                what = f"--floor: {metric} is checked only on request"
                raise InputError(what, f"Add --gate {metric}")
            known = nearest(metric, with_floor)
            raise InputError(f"--floor: {metric!r} is not a metric that can have a floor", known)


def check_candidates(request: Request, candidates: Sequence[Candidate]) -> None:
    """Check the options that depend on the candidates.

    Raises:
        InputError: An option is not possible for a candidate.
    """
    if request.as_recorded and candidates[0].kind != "replay":
        raise InputError(
            f"--as-recorded needs a recorded baseline, but {request.baseline} is not a recording",
            "Give a recorded run: --baseline runs/NAME. Or leave --as-recorded out.",
        )
    forced = [candidate.name for candidate in candidates if candidate.call_threshold is not None]
    if forced and request.temperature > 0:
        raise InputError(
            f"{forced[0]} has a threshold for calls, which needs --temperature 0",
            "Leave --temperature out. Or leave the threshold out.",
        )
    served = [candidate for candidate in candidates if candidate.kind in ("inspect", "deployed")]
    if request.stop_at_call and served:
        raise InputError(
            f"--stop-at-call is only possible for local models, but {served[0].name} is a served model",
            "Leave --stop-at-call out.",
        )
    for candidate in served:
        if candidate.kind == "inspect":
            check_takes_template_args(candidate.name, request.template_args or {})
