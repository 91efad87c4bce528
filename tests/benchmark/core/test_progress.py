"""What is said to a person who waits, and when."""

from __future__ import annotations

import io
import threading
from itertools import pairwise

from rich.console import Console

from tests.forked.families import wait_until
from toolmark.benchmark.core import progress
from toolmark.benchmark.core.durations import duration, rate
from toolmark.benchmark.core.progress import PhaseLines, Tally, counting, phase, phases_shown


class Clock:
    """A clock that stands still until it is set."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def printed(lines: PhaseLines, clock: Clock, until: int) -> dict[int, list[str]]:
    """What is printed at each second."""
    found = {}
    for second in range(int(clock.now), until):
        clock.now = float(second)
        if due := lines.due():
            found[second] = due
    return found


def test_a_line_comes_within_ten_seconds_and_then_every_thirty():
    clock = Clock()
    lines = PhaseLines(clock)
    with lines.phase("starting", name="mine"):
        assert printed(lines, clock, 3) == {}
        with lines.phase("loading 270 MB"):
            first = printed(lines, clock, 70)
        assert next(iter(first.values())) == ["mine: loading 270 MB (3 s)"]
        with lines.phase("reading"):
            second = printed(lines, clock, 80)
    assert list(second.values()) == [["mine: reading (5 s)"]], "a new phase is said at once, if it lasts"
    times = [0, *first, *second]
    assert times[1] <= 10
    assert max(later - earlier for earlier, later in pairwise(times)) <= 30
    assert printed(lines, clock, 200) == {}, "nothing is said between two works"


def test_many_short_phases_are_told_too():
    clock = Clock()
    lines, found = PhaseLines(clock), {}
    with lines.phase("training"):
        for step in range(30):
            with lines.phase(lambda step=step: f"step {step}"):
                found |= printed(lines, clock, int(clock.now) + 3)
    assert min(found) <= 10
    assert max(later - earlier for earlier, later in pairwise(found)) <= 30


def test_each_thread_has_its_own_phases():
    clock = Clock()
    lines, entered, leave = PhaseLines(clock), threading.Event(), threading.Event()

    def other() -> None:
        with lines.phase("waiting for a lock"):
            entered.set()
            leave.wait(10)

    thread = threading.Thread(target=other)
    with lines.phase("generating"):
        thread.start()
        entered.wait(10)
        clock.now = 6
        assert sorted(lines.due()) == ["generating (6 s)", "waiting for a lock (6 s)"]
        leave.set()
        thread.join()
        assert lines.current() == ["generating (6 s)"]


def test_names_of_files_cannot_control_the_terminal():
    lines = PhaseLines(Clock())
    with lines.phase("loading \x1b[2J", name="a\rb"):
        assert lines.current() == [r"a\rb: loading \x1b[2J (0 s)"]


def test_a_tally_tells_rate_and_time_left():
    clock = Clock()
    tally = Tally("answers judged", 360, "answer", clock)
    clock.now = 3
    assert tally() == "0 of 360 answers judged (3 s)"
    tally.add(90)
    assert tally() == "90 of 360 answers judged, about 9 s left, 30 answers per second"
    clock.now = 1980
    assert tally() == "90 of 360 answers judged, about 99 minutes left, 22 s per answer"


def test_durations_and_rates_in_words():
    said = [duration(seconds) for seconds in (0.4, 99, 116, 118, 600, 3600, 7200, 16_697, 86_400, 200_000)]
    assert said[:5] == ["0 s", "99 s", "116 s", "2 minutes", "10 minutes"]
    assert said[5:] == ["60 minutes", "2.0 hours", "4.6 hours", "24 hours", "2.3 days"]
    assert rate(30, 10, "answer") == "3.0 answers per second"
    assert rate(5000, 2, "case") == "2,500 cases per second"
    assert rate(3, 10, "answer") == "3.3 s per answer"
    assert rate(1, 300, "answer") == "5 minutes per answer"


def test_without_a_command_nothing_is_said():
    with phase("loading"):
        assert list(counting("ab", "letters", 2, "letter")) == ["a", "b"]


def test_a_log_gets_lines_and_a_terminal_one_line_that_goes_away(monkeypatch):
    """The thread prints; here every phase is old enough at once."""
    for name in ("_SECONDS_TO_FIRST_LINE", "_SECONDS_BETWEEN_LINES", "_SECONDS_BETWEEN_LOOKS"):
        monkeypatch.setattr(progress, name, 0.01)
    for terminal in (False, True):
        out, said = io.StringIO(), threading.Event()

        def text(said: threading.Event = said) -> str:
            said.set()
            return "reading the files"

        with phases_shown(Console(file=out, force_terminal=terminal, width=60)), phase(text, name="mine"):
            assert said.wait(10)
            assert terminal or wait_until(lambda out=out: "\n" in out.getvalue(), 10)
        assert "mine: reading the files" in out.getvalue()
        assert ("\x1b[2K" in out.getvalue()) is terminal
    assert not [thread for thread in threading.enumerate() if thread.name == "progress"]
