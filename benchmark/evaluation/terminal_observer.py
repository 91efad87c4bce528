"""Shows the progress of an evaluation in the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from toolmark.benchmark.core.progress import progress_line
from toolmark.benchmark.evaluation.contestant import Contestant
from toolmark.benchmark.evaluation.evaluate import Observer, Progress

__all__ = ["TerminalObserver"]


class TerminalObserver(Observer):
    """Shows the progress of each run. A terminal shows one line that changes. Other outputs get plain lines."""

    def say(self, line: str) -> None:
        """Print the line."""
        print(line, flush=True)  # noqa: T201

    @contextmanager
    def generating(self, contestant: Contestant, *, alone: bool) -> Iterator[Progress]:
        """Show the number of finished answers. At the end, show how many of them were generated and reused."""
        with progress_line(contestant.name, live=alone) as line:
            yield line.update
            run = contestant.run
            for note in run.notes:
                line.note(note)
            line.finish(f"{run.made} generated, {run.reused} reused from {run.folder}")
            if run.missing:
                recorded = contestant.candidate.kind == "replay"
                reason = "are not in the recording" if recorded else "are too long for the model"
                line.note(f"{len(run.missing)} cases were left out, because they {reason}")
