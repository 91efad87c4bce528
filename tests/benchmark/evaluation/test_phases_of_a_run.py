"""What a run of the real model tells the person who waits, and the estimate before a long run."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from toolmark.benchmark.core import progress
from toolmark.benchmark.core.progress import Phase, PhaseLines
from toolmark.benchmark.engine.generation_progress import Forecast
from toolmark.benchmark.evaluation.evaluate import Evaluation
from toolmark.benchmark.evaluation.observer import Observer
from toolmark.benchmark.evaluation.request import Request
from toolmark.benchmark.evaluation.terminal_observer import TerminalObserver


class Recorded(PhaseLines):
    """Phases whose lines are kept at their end, however short they are."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    @contextmanager
    def phase(self, text: str | Callable[[], str], name: str = "") -> Iterator[Phase]:
        """As in `PhaseLines`."""
        with super().phase(text, name) as entered:
            yield entered
            self.said += self.current()


@dataclass
class Seen(Observer):
    """Keeps the forecasts."""

    forecasts: list[Forecast]

    def forecast(self, contestant, forecast):  # noqa: ARG002
        """As in `Observer`."""
        self.forecasts.append(forecast)


def test_every_part_of_a_run_is_told(tmp_path, monkeypatch):
    phases, seen = Recorded(), Seen([])
    monkeypatch.setattr(progress, "_shown", phases)
    Evaluation(Request(models=("pocket",), limit=4, runs=tmp_path)).run(seen, report=True)
    said = iter(phases.said)
    for words in (
        r"pocket: reading the files of the model \(\d+ s\)",
        r"pocket: 4 of 4 prompts encoded, .*",
        r"pocket: loading 6 MB \(\d+ s\)",
        r"pocket: checking that prompts can share their beginnings \(\d+ s\)",
        r"pocket: 100%, about 0 s left, 4 of 4 answered, .* per (answer|second), ([\d,]+) of \2 prompt tokens read",
        r"pocket: 4 of 4 answers judged",
        r"gathering the data of the report \(\d+ s\)",
        r"computing intervals and verdicts \(\d+ s\)",
    ):
        assert any(re.fullmatch(words, line) for line in said), f"{words} is missing, or too early, in {phases.said}"
    (forecast,) = seen.forecasts
    assert forecast.cases == 4
    assert forecast.seconds > 0
    assert forecast.seconds_of(2) > 0


@pytest.mark.parametrize(
    ("seconds", "cases", "reused", "said"),
    [
        (119, 1125, 0, ""),
        (2400, 1125, 0, "pocket: about 40 minutes on this machine; --limit 100 about 4 minutes\n"),
        (2400, 150, 0, "pocket: about 40 minutes on this machine\n"),
        (2400, 1125, 3, "pocket: about 40 minutes on this machine\n"),
    ],
)
def test_a_long_run_is_estimated_before_it_and_a_sample_is_proposed(seconds, cases, reused, said, capsys):
    evaluation = Evaluation(Request(models=("policy/never",), runs=Path("runs"), limit=1))
    (contestant,) = evaluation.contestants
    contestant.name = "pocket"
    contestant.run = made_run(contestant, reused)
    TerminalObserver().forecast(contestant, Forecast(seconds, cases, lambda count: 2.4 * count))
    assert capsys.readouterr().out == said


def made_run(contestant, reused):
    from toolmark.benchmark.runs.run import Run

    return Run(contestant.candidate, contestant.dialect, Path("runs"), {}, {}, reused=reused)
