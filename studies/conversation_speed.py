"""Measures how fast a local model holds conversations, and writes docs/measurements/conversation-speed.md.

The same conversations are held in three ways, in one process:

- as in every evaluation: side by side, and the engine keeps the beginning of each conversation
- side by side, but each step reads the whole conversation again
- one after the other, with one call of transformers' `generate` for each step

Only the time of the engine counts: encoding prompts, reading them and writing answers. It is processor time, so other
programs on the machine change it little. The program fails if a target is missed.
"""

from __future__ import annotations

import argparse
import platform
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from studies.page import Page
from toolmark.benchmark.candidates.spec import Candidate
from toolmark.benchmark.candidates.weights import Weights
from toolmark.benchmark.data.cases import Case
from toolmark.benchmark.data.completions import Completion, Prompt
from toolmark.benchmark.dialects import Dialect
from toolmark.benchmark.engine.engines import Engines
from toolmark.benchmark.engine.generation_progress import GenerationProgress
from toolmark.benchmark.engine.local_engine import LocalEngine
from toolmark.benchmark.evaluation.evaluate import Evaluation
from toolmark.benchmark.evaluation.request import Request
from toolmark.benchmark.runs.run import open_run

OUT = Path(__file__).parents[1] / "docs" / "measurements" / "conversation-speed.md"
FASTER = 3.0
"""Target: how many times as fast conversations must be as with one call of `generate` for each step."""


class KeepingEngine(LocalEngine):
    """The local engine, with a clock.

    Attributes:
        seconds: Processor time of the engine so far.
    """

    seconds = 0.0

    def prepare(
        self, prompts: Sequence[Prompt], dialect: Dialect, one_call: Collection[int] = (), *, goes_on: bool = False
    ) -> None:
        """Encode the prompts."""
        began = time.process_time()
        super().prepare(prompts, dialect, one_call, goes_on=goes_on)
        self.seconds += time.process_time() - began

    def answer(
        self, indices: Sequence[int], epoch: int = 1, progress: GenerationProgress | None = None
    ) -> Iterator[tuple[int, Completion]]:
        """Yield the completions."""
        completions = super().answer(indices, epoch, progress)
        while True:
            began = time.process_time()
            found = next(completions, None)
            self.seconds += time.process_time() - began
            if found is None:
                return
            yield found


class ForgettingEngine(KeepingEngine):
    """Reads the whole conversation again in each step."""

    def prepare(
        self,
        prompts: Sequence[Prompt],
        dialect: Dialect,
        one_call: Collection[int] = (),
        *,
        goes_on: bool = False,  # noqa: ARG002
    ) -> None:
        """Encode the prompts, as if the conversations ended after this step."""
        super().prepare(prompts, dialect, one_call)


class SingleEngine(KeepingEngine):
    """Answers one prompt after the other with transformers' `generate`."""

    def _tokens(
        self,
        prompts: Mapping[int, Sequence[int]],
        epoch: int,  # noqa: ARG002
        progress: GenerationProgress | None,  # noqa: ARG002
        seeded_by: Callable[[int], tuple[int, ...]] = lambda _: (),  # noqa: ARG002
    ) -> Iterator[tuple[int, list[int]]]:
        import torch

        self._stops = self._prompts.stops(self._model.ends)
        for index, ids in prompts.items():
            row = torch.tensor([list(ids)])
            options = self._generation_config()
            whole = self._model.plain.generate(row, attention_mask=torch.ones_like(row), generation_config=options)
            yield index, whole[0, len(ids) :].tolist()


WAYS: Mapping[str, type[KeepingEngine]] = {
    "Toolmark": KeepingEngine,
    "Toolmark, each step reads everything": ForgettingEngine,
    "one `generate` for each step": SingleEngine,
}


class _Given(Engines):
    """Opens an engine of the given class."""

    def __init__(self, request: Request, kind: type[KeepingEngine]) -> None:
        super().__init__(request.run_options.decoding, request.threads, request.served_requests)
        self._request, self._kind = request, kind
        self.engine: KeepingEngine | None = None

    def open(
        self,
        candidate: Candidate,  # noqa: ARG002
        weights: Weights | None,
        device: str,
        dtype: str,
        cases: Sequence[Case],  # noqa: ARG002
    ) -> KeepingEngine:
        """Return the engine."""
        if weights is None:
            raise ValueError("the model is not local")
        decoding = self._request.run_options.decoding
        self.engine = self._kind(weights.base, decoding, device=device, dtype=dtype, threads=self._request.threads)
        return self.engine


@dataclass(frozen=True, slots=True)
class Held:
    """The conversations that were held in one way.

    Attributes:
        seconds: Processor time of the engine.
        texts: The completions of each conversation, by the id of the scenario.
    """

    seconds: float
    texts: Mapping[str, Sequence[str]]


def held(request: Request, kind: type[KeepingEngine]) -> Held:
    """Hold the conversations of a request with an engine of the class `kind`."""
    evaluation = Evaluation(request)
    (contestant,) = evaluation.contestants
    args = contestant.template_args.args
    contestant.run = open_run(contestant.candidate, contestant.dialect, request.run_options, args)
    with _Given(request, kind) as engines:
        evaluation.case_set.generate(contestant, engines, lambda _: None, partial=False)
    engine = engines.engine
    if engine is None:
        raise RuntimeError("no engine was opened")
    held_in = contestant.run.conversations
    texts = {key[0]: [step.completion.text for step in one.steps] for key, one in held_in.items()}
    return Held(engine.seconds, texts)


def write_model(page: Page, spec: str, scenarios: int, tokens: int) -> None:
    """Measure a model, and add its section to the page."""
    found: dict[str, Held] = {}
    for name, kind in WAYS.items():
        with TemporaryDirectory() as folder:
            runs = Path(folder)
            request = Request((spec,), cases="scenarios", limit=scenarios, max_tokens=tokens, threads=1, runs=runs)
            found[name] = held(request, kind)
            sys.stdout.write(f"{spec}, {name}: {found[name].seconds:.1f} s\n")
    ours, single = found["Toolmark"], found["one `generate` for each step"]
    steps = sum(map(len, single.texts.values()))
    equal = sum(
        len(set(step)) == 1
        for key in single.texts
        for step in zip(*(one.texts[key] for one in found.values()), strict=False)
    )
    page.section(
        f"`{spec}`",
        f"The workload has {scenarios} scenarios with {steps} steps. An answer has at most {tokens} tokens.",
        ("way", "seconds of the engine", "steps per second", "faster than `generate`"),
        [
            (
                name,
                f"{one.seconds:.1f}",
                f"{sum(map(len, one.texts.values())) / one.seconds:.1f}",
                f"{single.seconds / one.seconds:.1f} times",
            )
            for name, one in found.items()
        ],
    )
    page.held(
        single.seconds / ours.seconds >= FASTER,
        f"Conversations must be at least {FASTER:g} times as fast as with one call of `generate` for each step",
        f"{single.seconds / ours.seconds:.1f} times",
    )
    page.held(
        equal == steps and len(single.texts) == scenarios,
        "The answers must be the same in all three ways",
        f"{equal} of {steps} answers",
    )


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--models", nargs="*", default=["pocket"], help="specs of local models")
    parser.add_argument("--scenarios", type=int, default=48)
    parser.add_argument("--tokens", type=int, default=96)
    arguments = parser.parse_args()
    page = Page(
        "# Speed of conversations\n\n"
        "Written by `python -m studies.conversation_speed`. The same conversations are held in three ways, in one\n"
        "process with one thread. The seconds are processor time of the engine: encoding prompts, reading prompts and\n"
        "writing answers.\n\n"
        f"Measured with Python {platform.python_version()}, torch {version('torch')} and transformers "
        f"{version('transformers')}.\n"
    )
    for spec in arguments.models:
        write_model(page, spec, arguments.scenarios, arguments.tokens)
    page.finish(arguments.out)


if __name__ == "__main__":
    main()
