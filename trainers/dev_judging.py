"""Judges checkpoints on the dev cases, or on scenarios, while a model is trained."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from toolmark.benchmark.candidates.adapter_config import ADAPTER_CONFIG
from toolmark.benchmark.config.template_args import TemplateArgs
from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.progress import phase
from toolmark.benchmark.data.shipped_cases import shipped_cases
from toolmark.benchmark.engine.devices import DeviceName
from toolmark.benchmark.evaluation.evaluate import case_set_of, evaluate
from toolmark.benchmark.evaluation.request import Request, check
from toolmark.benchmark.evaluation.scenario_cases import ScenarioCases
from toolmark.benchmark.plugins.protocols import DevFigure
from toolmark.benchmark.scoring.conversation_metrics import CONVERSATION_PRIMARY
from toolmark.benchmark.scoring.metrics import PRIMARY
from toolmark.trainers.training_job import TrainingJob

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolmark.benchmark.evaluation.case_set import CaseSet
    from toolmark.benchmark.verdicts.comparison import Comparison

__all__ = ["DevJudging", "judged_metrics"]


@dataclass(frozen=True, slots=True)
class DevJudging:
    """Judges checkpoints on the dev cases, and compares them with the start of the training.

    The start is the base, or the base with the adapter from which the training starts. The answers of the start are
    stored, so the start answers each case only once for all checkpoints.

    Attributes:
        job: The shared options of the training.
        dialect: Name of the dialect of the training.
        template_args: Arguments of the chat template.
        device: The device of the training.
    """

    job: TrainingJob
    dialect: str
    template_args: TemplateArgs
    device: DeviceName

    def checked_cases(self) -> CaseSet:
        """Return the dev cases, and check the options, before the training. Otherwise, errors would be found only at
        the first checkpoint.

        Raises:
            InputError: The value of an option is not allowed, or the dev cases cannot be read.
            NothingToDo: There is no dev case.
        """
        if self.job.dev_limit < 1:
            raise InputError(
                f"--dev-limit {self.job.dev_limit} leaves no case on which checkpoints are judged",
                "Give at least --dev-limit 1.",
            )
        request = self._request(self.job.out, adapter=True)
        check(request)
        return case_set_of(request)

    def score(self, folder: Path) -> Mapping[str, DevFigure]:
        """Return the figures of the checkpoint in `folder` by metric. On a processor, the threads of the training are
        used.
        """
        import torch

        threads = torch.get_num_threads() if self.device == "cpu" else None
        request = self._request(folder, adapter=(folder / ADAPTER_CONFIG).exists(), threads=threads)
        with _torch_state_kept(), phase("judging", name="dev cases"):
            return _figures(evaluate(request, logs=False))

    def _request(self, folder: Path, *, adapter: bool, threads: int | None = None) -> Request:
        job = self.job
        return Request(
            models=(job.base if adapter else str(folder),),
            adapters=(str(folder),) if adapter else (),
            baseline=job.start,
            cases=job.dev or shipped_cases(),
            tools=job.tools or None,
            split="dev",
            limit=job.dev_limit,
            dialect=self.dialect,
            template_args=self.template_args,
            max_tokens=job.max_tokens,
            thinking_tokens=job.thinking_tokens,
            device=self.device,
            threads=threads,
            skip_too_long=job.skip_too_long,
            skip_bad=job.skip_bad,
            runs=job.out / "dev",
        )


def judged_metrics(cases: CaseSet) -> tuple[str, ...]:
    """Return the ids of the metrics on which checkpoints are judged with these dev cases."""
    primary = CONVERSATION_PRIMARY if isinstance(cases, ScenarioCases) else PRIMARY
    return tuple(metric.id for metric in primary)


def _figures(comparison: Comparison) -> dict[str, DevFigure]:
    base, judged = comparison.contestants
    return {
        metric.id: DevFigure(
            judged.figures[metric.id].score, base.figures[metric.id].score, judged.differences[metric.id].verdict
        )
        for metric in comparison.primary
    }


@contextmanager
def _torch_state_kept() -> Iterator[None]:
    """Restore the number of threads and the random state of torch after the `with` block.

    Judging a checkpoint must not change the training.
    """
    import torch

    threads = torch.get_num_threads()
    with torch.random.fork_rng():
        try:
            yield
        finally:
            torch.set_num_threads(threads)
