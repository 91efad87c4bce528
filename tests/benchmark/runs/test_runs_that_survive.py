"""A run survives what happens to it: every line here is about a real `pytest suites/` in a process of its own."""

from __future__ import annotations

import itertools
import json
import multiprocessing
import random
import re
import resource
import runpy
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from toolmark.benchmark.readers.case_selection import load_cases
from toolmark.benchmark.runs.command import app
from toolmark.benchmark.runs.ledger import read_ledger

ROOT = Path(__file__).parents[3]
SHIPPED = ROOT / "suites" / "cases"
KILLS = 30

# What takes seconds to import and writes nothing, so that a kill falls into work and seldom into an import.
HEAVY = [
    *("torch", "transformers.models.gemma3.modeling_gemma3", "peft", "scipy.stats", "inspect_ai._eval.eval"),
    *("openai.resources.chat", "aiohttp", "hypothesis", "ruamel.yaml", "pebble", "markdown_it"),
]

DRIVER = """
import os, pytest
os.chdir(ROOT)
os.environ["COLUMNS"] = "200"  # so that no cell of the summary is broken
for stream in (1, 2):
    os.dup2(os.open(OUT, os.O_CREAT | os.O_WRONLY | os.O_APPEND), stream)
code = pytest.main(ARGUMENTS)
with open(OUT + ".code", "w") as stream:
    stream.write(str(int(code)))
"""


def table(output: str) -> list[str]:
    """The rows of the summary; a candidate's longer name makes wider columns."""
    return [
        " ".join(line.split()) for line in output.splitlines() if re.match(r"(timing|selection|validity|guard)\.", line)
    ]


@dataclass
class Ended:
    """How a run ended: its exit code, None where it was killed, what it printed, and the seconds that it lived."""

    code: int | None
    output: str
    life: float


class Runs:
    """Starts `pytest suites/` as forks of a process that has the heavy packages imported."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = itertools.count()
        (folder / "driver.py").write_text(DRIVER)
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(HEAVY)

    def fresh(self) -> Path:
        """A directory for runs that is not there yet."""
        return self._folder / f"runs{next(self._numbers)}"

    def __call__(self, runs: Path, *options: str, kill_after: float | None = None) -> Ended:
        out = self._folder / f"out{next(self._numbers)}"
        arguments = ["suites/", *options, "-k", "not gold", "-p", "no:cacheprovider", "--runs", str(runs)]
        values = {"ROOT": str(ROOT), "OUT": str(out), "ARGUMENTS": arguments}
        started = time.monotonic()
        process = self._context.Process(target=runpy.run_path, args=(str(self._folder / "driver.py"), values))
        process.start()
        process.join(kill_after)
        process.kill()
        process.join()
        life, code = time.monotonic() - started, out.with_suffix(".code")
        return Ended(int(code.read_text()) if code.exists() else None, out.read_text() if out.exists() else "", life)


@pytest.fixture(scope="module")
def start(tmp_path_factory) -> Runs:
    return Runs(tmp_path_factory.mktemp("runs"))


def soon_answered(runs: Path, folder: Path) -> Path:
    """Of the shipped cases that were answered in `runs`: the five of fewest tokens, and one whose length sets it apart.

    So that there are two batches, and thirty lives of such a run are short.
    """
    (ledger,) = runs.glob("*/ledger.jsonl")
    answers = {case_id: answer.usage for (case_id, _), answer in read_ledger(ledger).by_case.items()}
    soon = sorted(answers, key=lambda case_id: answers[case_id].output_tokens)[:5]
    long = max(answers, key=lambda case_id: answers[case_id].input_tokens)
    wanted = {case.source.ref for case in load_cases(str(SHIPPED), "test")[0] if case.id in (*soon, long)}
    lines = [line for file in sorted(SHIPPED.glob("*.test.jsonl")) for line in file.read_text().splitlines()]
    (folder / "tools.yaml").write_text((SHIPPED / "tools.yaml").read_text())
    (folder / "soon.jsonl").write_text("\n".join(line for line in lines if json.loads(line)["source"]["ref"] in wanted))
    return folder / "soon.jsonl"


def kept(runs: Path) -> dict[str, object]:
    return {
        key: answer for path in runs.glob("*/ledger.jsonl") for key, answer in read_ledger(path).completions.items()
    }


def test_thirty_kills_at_random_moments_resume_to_the_same_table(start, tmp_path):
    """The moments are spread over the whole life of a run that nobody disturbs.

    A killed run is started again and killed again, at a later moment; where it is done before that, its table must be
    that of the undisturbed run, and the kill falls on a new one. Six such chains, two at a time.
    """
    first = start.fresh()
    assert start(first, "--model", "pocket", "--limit", "16").code == 0
    options = ("--model", "pocket", "--cases", str(soon_answered(first, tmp_path)), "--threads", "1")
    undisturbed = [start.fresh(), start.fresh()]
    with ThreadPoolExecutor(2) as pool:
        whole, _ = pool.map(lambda runs: start(runs, *options), undisturbed)
    assert whole.code == 0, whole.output
    answers = kept(undisturbed[0])
    assert (len(answers), len(table(whole.output)) > 10) == (6, True)

    def done(before: int, run: Ended) -> None:
        assert run.code == 0, run.output
        assert f"{6 - before} generated, {before} reused" in run.output
        assert table(run.output) == table(whole.output)

    def chain(moments: list[float]) -> int:
        kills, runs = 0, start.fresh()
        for moment in moments:
            before = len(kept(runs))
            while (run := start(runs, *options, kill_after=moment)).code is not None:
                done(before, run)
                moment *= 1 if before else 0.7  # a new run that was faster than the first one is killed earlier
                before, runs = 0, start.fresh()
            assert kept(runs).items() <= answers.items()
            kills += 1
        done(len(kept(runs)), start(runs, *options))
        return kills

    draw = random.Random(3)
    moments = [whole.life * (step + draw.random()) / KILLS for step in range(KILLS)]
    with ThreadPoolExecutor(2) as pool:
        assert sum(pool.map(chain, [moments[first::6] for first in range(6)])) == KILLS


def test_broken_lines_and_logs_cost_one_answer_and_no_figure(start, tmp_path):
    runs = start.fresh()
    pocket = ("--model", "pocket", "--limit", "4")
    whole = start(runs, *pocket)
    (ledger,) = runs.glob("*/ledger.jsonl")
    lines = ledger.read_bytes().splitlines(keepends=True)
    ledger.write_bytes(b"".join([*lines[:2], lines[2][:40] + b"\n", *lines[3:]]))
    for log in ledger.parent.glob("*.eval"):
        log.write_bytes(log.read_bytes()[:100])

    replayed = start(runs, "--model", f"replay/{ledger}", "--limit", "4")
    assert replayed.code == 4
    assert f"{ledger}:3 is not a completion" in replayed.output

    mended = start(runs, *pocket)
    assert mended.output.count(f"{ledger}:3 is not a completion") == 1
    assert "1 generated, 3 reused" in mended.output
    assert table(mended.output) == table(whole.output)

    # The line that says who answered: the answers are known by their keys, and the line is written anew.
    ledger.write_bytes(b"".join([b'{"run": {}}\n', *lines[1:]]))
    again = start(runs, *pocket)
    assert "0 generated, 4 reused" in again.output
    assert table(again.output) == table(whole.output)
    assert len(read_ledger(ledger).runs) == 1

    packed = tmp_path / "baseline.jsonl.gz"
    app(["export", str(ledger.parent), "--out", str(packed)], exit_on_error=False, result_action="return_value")
    from_packed = start(runs, "--model", f"replay/{packed}", "--limit", "4")
    assert table(from_packed.output) == table(whole.output)


def test_a_disk_that_fills_up_while_it_answers_or_judges(tmp_path):
    """No file may grow beyond a limit: first the ledger does, then the log, and then there is room."""
    runs = tmp_path / "runs"
    command = [sys.executable, "-B", "-m", "pytest", "suites/", "--model", "pocket", "--limit", "4", "-k", "not gold"]
    command += ["-p", "no:cacheprovider", "--runs", str(runs)]

    def limited(size: int) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)),
        )

    subprocess.run([*command[:-1], str(tmp_path / "undisturbed")], cwd=ROOT, capture_output=True, check=True)
    (ledger,) = (tmp_path / "undisturbed").glob("*/ledger.jsonl")
    everything = ledger.stat().st_size
    run_line, first, *_ = ledger.read_bytes().splitlines(keepends=True)
    stopped = limited(len(run_line) + len(first) + 20)
    (ledger,) = runs.glob("*/ledger.jsonl")
    kept = len(read_ledger(ledger).completions)
    assert stopped.returncode == 69, stopped.stdout + stopped.stderr
    assert f"{ledger.parent} cannot be written" in stopped.stderr
    assert 0 < kept < 4

    unlogged = limited(everything + len(run_line) + 500)
    assert unlogged.returncode == 69, unlogged.stdout + unlogged.stderr
    assert f"the .eval log in {ledger.parent} cannot be written" in unlogged.stderr
    assert len(read_ledger(ledger).completions) == 4

    whole = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert "0 generated, 4 reused" in whole.stdout, whole.stdout + whole.stderr
    for run in (stopped, unlogged):
        assert len(run.stderr.splitlines()) == 1
