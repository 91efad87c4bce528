"""Measures runs with several workers, and writes docs/measurements/workers.md.

1. Two workers and one process answer the same cases. The rows of both ledgers must be equal.
2. A worker, the raylet (Ray's process that starts workers) and the driver are killed at five moments of a run. The rows
   must be equal, too, and no process may stay.
3. Ten candidates with the same base are answered by two workers. Each worker must load the base once.

The cases of the first part share no beginnings, and each worker has one thread. The program fails if a target is
missed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from shutil import copytree
from tempfile import TemporaryDirectory
from typing import Any

import psutil

from studies.page import Page, score
from toolmark.benchmark.core.errors import ToolmarkError
from toolmark.benchmark.data.cases import Case, Message
from toolmark.benchmark.evaluation.contestant import Contestant
from toolmark.benchmark.evaluation.evaluate import evaluate
from toolmark.benchmark.evaluation.observer import Observer
from toolmark.benchmark.evaluation.request import Request
from toolmark.benchmark.readers.case_selection import limited, load_cases
from toolmark.benchmark.readers.toolmark import case_line
from toolmark.benchmark.runs.ledger import read_ledger

ROOT = Path(__file__).parents[1]
OUT = ROOT / "docs" / "measurements" / "workers.md"
LORA = ROOT / "benchmark" / "engine" / "pocket-lora"
FASTER = 1.6
"""Target: how many times as fast two workers must be as one process."""

MOMENTS = (0.0, 0.2, 0.4, 0.6, 0.8)
"""The moments of the kills, as shares of the answers."""

VICTIMS = {"worker": "ray::EngineWorker", "raylet": "raylet", "driver": ""}
"""The beginnings of the names of the processes that are killed."""

SECONDS_TO_END = 120.0
"""After this time, all processes of Ray must have ended. Its agents end last."""

Rows = dict[str, Any]


def rows(runs: Path) -> Rows:
    """Return the completions of all ledgers in a folder, by key. A key must not occur twice.

    Completions are equal if their text, tokens and reason to stop are equal. Times and rounding errors do not count.
    """
    found: Rows = {}
    for path in sorted(runs.glob("*/ledger.jsonl")):
        recorded = read_ledger(path)
        assert not recorded.doubled, recorded.doubled
        found |= recorded.completions
    return found


class Lines(Observer):
    """Keeps the lines for the user, and the time of the last run."""

    def __init__(self) -> None:
        self.lines: list[str] = []

        self.seconds = 0.0

    def say(self, line: str) -> None:
        """Keep a line."""
        self.lines.append(line)

    def generated(self, contestant: Contestant, seconds: float) -> None:  # noqa: ARG002 - the signature of an observer
        """Keep the time of the last run."""
        self.seconds = seconds


@dataclass(frozen=True)
class Driver:
    """A command that evaluates a request, in a process of its own. Its folder is the one above the runs.

    Attributes:
        request: The request, as keyword arguments.
        runs: The folder of the runs.
    """

    request: dict[str, Any]
    runs: Path

    def start(self) -> psutil.Popen:
        """Start the command."""
        given = json.dumps({**self.request, "runs": str(self.runs)})
        command = [sys.executable, "-P", "-m", "studies.workers", "--evaluate", given]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        return psutil.Popen(
            command, cwd=self.runs.parent, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def answers(self) -> int:
        """Return the number of answers in the ledgers."""
        return sum(max(0, path.read_bytes().count(b"\n") - 1) for path in self.runs.glob("*/ledger.jsonl"))


def evaluated(given: str) -> None:
    """Evaluate a request, and print the lines for the user and every figure. This is the command of `Driver`.

    Figures are printed with one digit, because the rounding errors of probabilities depend on the batch.
    """
    fields = json.loads(given)
    lists = {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}
    lines = Lines()
    try:
        comparison = evaluate(Request(**{**lists, "runs": Path(fields["runs"])}), lines, logs=False)
    except ToolmarkError as error:
        sys.exit(str(error))
    figures = {
        one.name: {name: f"{figure.n}: {score(figure)}" for name, figure in one.figures.items()}
        for one in comparison.contestants
    }
    sys.stdout.write(json.dumps({"figures": figures, "lines": lines.lines, "seconds": lines.seconds}) + "\n")


def result(driver: psutil.Popen, seconds: float = 1_800.0) -> dict[str, Any]:
    """Wait for the end of a command, and return what it printed."""
    out, errors = driver.communicate(timeout=seconds)
    if driver.returncode:
        raise RuntimeError(f"exit code {driver.returncode}: {(out + errors).decode()[-2_000:]}")
    said: dict[str, Any] = json.loads(out.decode().splitlines()[-1])
    return said


def processor_seconds(process: psutil.Popen) -> float:
    """Wait for the end of a command. Return the processor time of its workers, or else of the command itself."""
    own, workers = 0.0, dict[int, float]()
    while process.poll() is None:
        for one in (process, *process.children(recursive=True)):
            with suppress(psutil.Error):
                taken = sum(one.cpu_times()[:2])
                if one.pid == process.pid:
                    own = taken
                elif _name(one).startswith(VICTIMS["worker"]):
                    workers[one.pid] = taken
        time.sleep(0.2)
    return sum(workers.values()) or own


@dataclass(frozen=True)
class Killed:
    """A run in which a process was killed.

    Attributes:
        victim: The killed process.
        moment: The moment, as a share of the answers.
        before: Number of answers at the kill.
        commands: Number of commands until the run was complete.
        same: Whether rows and figures are those of the undisturbed run.
        left: Number of processes that stayed.
    """

    victim: str
    moment: float
    before: int
    commands: int
    same: bool
    left: int


def killed(driver: Driver, victim: str, moment: float, whole: tuple[Rows, dict[str, Any]]) -> Killed:
    """Kill a process of a run, and complete the run.

    Args:
        driver: The command.
        victim: A name in `VICTIMS`.
        moment: The moment, as a share of the answers.
        whole: The rows and the figures of the undisturbed run.
    """
    process = driver.start()
    family: dict[int, psutil.Process] = {}
    while True:
        if process.poll() is not None:
            said = process.communicate()
            sys.exit(f"The run ended before the kill. Use more cases: --kills N. The run said: {said}")
        family |= {child.pid: child for child in process.children(recursive=True)}
        found = [one for one in family.values() if victim != "driver" and _name(one).startswith(VICTIMS[victim])]
        workers = [one for one in family.values() if _name(one).startswith(VICTIMS["worker"])]
        if workers and (found or victim == "driver") and driver.answers() >= moment * len(whole[0]):
            break
        time.sleep(0.1)
    before = driver.answers()
    (process if victim == "driver" else found[-1]).kill()
    if victim == "driver":
        process.wait()
    else:
        said = result(process)
    _, alive = psutil.wait_procs(family.values(), timeout=SECONDS_TO_END)
    if victim == "driver":
        said = result(driver.start())
    same = (rows(driver.runs), said["figures"]) == whole
    return Killed(victim, moment, before, 2 if victim == "driver" else 1, same, len(alive))


def _name(process: psutil.Process) -> str:
    """Return the name of the program. A worker of Ray has the name of its class."""
    try:
        return Path(process.cmdline()[0]).name
    except (psutil.Error, IndexError):
        return ""


def different(cases: Sequence[Case]) -> Iterator[Case]:
    """Yield the cases with a different first turn each, so that no two prompts begin alike."""
    for number, case in enumerate(cases):
        words = " ".join(f"{number * 7919 % 10_007 + word}" for word in range(12))
        yield replace_messages(case, (Message(role="system", content=words), *case.messages))


def replace_messages(case: Case, messages: tuple[Message, ...]) -> Case:
    """Return the case with other turns."""
    return case.model_copy(update={"messages": messages})


def main(cases: int, tokens: int, kills: int, out: Path) -> None:
    """Measure, and write the page.

    Args:
        cases: Number of cases of the speed-up.
        tokens: Highest number of tokens of an answer.
        kills: Number of cases of the runs with kills, and of the ten candidates.
        out: The page.
    """
    page = Page(
        "# Several workers\n\nWritten by `python -m studies.workers`. Each worker is a process with its own model and "
        f"one thread.\n\nMeasured with Python {sys.version.split()[0]}, torch {version('torch')} and Ray "
        f"{version('ray')}.\n"
    )
    with TemporaryDirectory(prefix="workers-") as folder:
        place = Path(folder)
        speed(page, place, cases, tokens)
        deaths(page, place, kills)
        candidates(page, place, kills)
    page.finish(out)


def speed(page: Page, place: Path, count: int, tokens: int) -> None:
    """Compare two workers with one process."""
    file = place / "different.test.jsonl"
    chosen = different(limited(load_cases("authored")[0], count))
    file.write_text("".join(case_line(case) + "\n" for case in chosen), encoding="utf-8")
    request = {"models": ["pocket"], "cases": str(file), "max_tokens": tokens, "threads": 1}
    seconds, processor = {}, {}
    load = os.getloadavg()[1]
    for workers in (1, 2):
        process = Driver({**request, "workers": workers}, place / f"speed-{workers}").start()
        processor[workers] = processor_seconds(process)
        seconds[workers] = result(process)["seconds"]
    one, two = rows(place / "speed-1"), rows(place / "speed-2")
    ratio = seconds[1] / seconds[2]
    page.section(
        "Speed",
        f"`pocket` answers {len(one)} cases. No two prompts begin alike. An answer has at most {tokens} tokens. The "
        "seconds include loading the model, but not the start of Python and of Ray. The processor time is that of all "
        "processes that compute, from their start.",
        ("processes", "seconds", "answers per second", "processor time in seconds"),
        [
            (str(number), f"{taken:.0f}", f"{len(one) / taken:.2f}", f"{processor[number]:.0f}")
            for number, taken in seconds.items()
        ],
    )
    page.paragraph(
        f"Before the measurement, the load average of the machine was {load:.1f} on {os.cpu_count()} processors. If "
        "other programs use the processors, the seconds show little, and the processor time shows more."
    )
    page.held(
        ratio >= FASTER, f"Two workers must be at least {FASTER} times as fast as one process", f"{ratio:.2f} times"
    )
    equal = sum(one[key] == two.get(key) for key in one)
    page.held(one == two, "The rows of both ledgers must be equal", f"{equal} of {len(one)} rows")


def deaths(page: Page, place: Path, count: int) -> None:
    """Kill processes at several moments."""
    request = {
        "models": ["pocket"],
        "adapters": ["pocket-lora"],
        "limit": count,
        "max_tokens": 48,
        "threads": 1,
        "workers": 2,
    }
    alone = Driver({**request, "workers": 1}, place / "alone")
    figures = result(alone.start())["figures"]
    whole = rows(alone.runs), figures
    found = []
    for victim in VICTIMS:
        for moment in MOMENTS:
            driver = Driver(request, place / f"{victim}-{moment}")
            found.append(killed(driver, victim, moment, whole))
            sys.stderr.write(f"{found[-1]}\n")
    page.section(
        "Killed processes",
        f"`pocket` and `pocket-lora` give {len(whole[0])} answers with two workers. One process is killed with "
        "SIGKILL. Ray starts a killed worker again. If the raylet is killed, Toolmark starts Ray again. If the driver "
        "is killed, the same command is run again.",
        ("killed", "answers before", "commands", "rows and figures", "processes left"),
        [
            (one.victim, str(one.before), str(one.commands), "equal" if one.same else "different", str(one.left))
            for one in found
        ],
    )
    good = sum(one.same and not one.left for one in found)
    page.held(
        good == len(found),
        "After every kill, rows and figures must be equal, and no process may stay",
        f"{good} of {len(found)}",
    )


def candidates(page: Page, place: Path, count: int) -> None:
    """Let two workers answer ten candidates with the same base."""
    adapters = [str(copytree(LORA, place / f"adapter-{number}")) for number in range(1, 10)]
    request = {"models": ["pocket"], "adapters": adapters, "limit": count, "max_tokens": 16, "threads": 1, "workers": 2}
    said = result(Driver(request, place / "ten").start())
    (line,) = (line for line in said["lines"] if line.startswith("workers:"))
    page.paragraph(f"## Ten candidates\n\nTwo workers answer `pocket` and nine adapters. Toolmark says: `{line}`.")
    loaded = int(line.rpartition(": ")[2])
    page.held(loaded == 2, "Two workers must load the base twice", f"{loaded} times")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=160)
    parser.add_argument("--tokens", type=int, default=96)
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--evaluate", help="the request of one command, as JSON")
    given = parser.parse_args()
    if given.evaluate:
        evaluated(given.evaluate)
    else:
        main(given.cases, given.tokens, given.kills, given.out)
