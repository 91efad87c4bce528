"""A run survives what happens to it: every line here is about a real `pytest suites/` in a process of its own."""

from __future__ import annotations

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

from benchmark.runs.command import app
from benchmark.runs.ledger import read_ledger, scan_ledger

ROOT = Path(__file__).parents[3]
CASES = 16
KILLS = 30
SUITES = ("suites/", "--model", "pocket", "--limit", str(CASES), "-k", "not gold", "-p", "no:cacheprovider")

# What takes seconds to import and writes nothing, so that a kill falls into work and seldom into an import.
HEAVY = ("torch", "transformers.models.gemma3.modeling_gemma3", "peft", "scipy.stats", "inspect_ai._eval.eval")

DRIVER = """
import os, pytest
os.chdir(ROOT)
for stream in (1, 2):
    os.dup2(os.open(OUT, os.O_CREAT | os.O_WRONLY | os.O_APPEND), stream)
raise SystemExit(pytest.main(ARGUMENTS))
"""


def table(output: str) -> list[str]:
    """The rows of the summary."""
    return [line.rstrip() for line in output.splitlines() if re.match(r"(timing|selection|validity|guard)\.", line)]


@dataclass
class Runner:
    """Starts runs as forks of a process that has the heavy packages imported."""

    context: multiprocessing.context.ForkServerContext
    driver: Path

    def start(self, runs: Path, out: Path) -> multiprocessing.process.BaseProcess:
        arguments = [*SUITES, "--runs", str(runs), "--threads", "1"]
        values = {"ROOT": str(ROOT), "OUT": str(out), "ARGUMENTS": arguments}
        process = self.context.Process(target=runpy.run_path, args=(str(self.driver), values))
        process.start()
        return process

    def finish(self, runs: Path) -> tuple[str, float]:
        """An undisturbed run: what it printed, and how long it lived."""
        started, out = time.monotonic(), runs.with_suffix(".out")
        process = self.start(runs, out)
        process.join()
        assert process.exitcode == 0, out.read_text()
        return out.read_text(), time.monotonic() - started

    def kill(self, runs: Path, moment: float) -> bool:
        """Kill a run at `moment` seconds of its life; False where it was faster."""
        process = self.start(runs, runs.with_suffix(".killed"))
        process.join(moment)
        process.kill()
        process.join()
        return process.exitcode == -9


def test_thirty_kills_at_random_moments_each_resume_to_the_same_table(tmp_path, record_property):
    """The moments are spread over the whole life of an undisturbed run; two runs at a time."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(HEAVY))
    (tmp_path / "driver.py").write_text(DRIVER)
    runner = Runner(context, tmp_path / "driver.py")
    runner.finish(tmp_path / "warm")
    with ThreadPoolExecutor(2) as pool:
        whole, life = min(pool.map(runner.finish, [tmp_path / "whole", tmp_path / "other"]), key=lambda run: run[1])
    (complete,) = (tmp_path / "whole").glob("*/ledger.jsonl")
    answers = read_ledger(complete).completions

    draw = random.Random(3)
    moments = [life * (step + draw.random()) / KILLS for step in range(KILLS)]
    draw.shuffle(moments)

    def survive(number: int, moment: float) -> int:
        attempt = 0
        while not runner.kill(tmp_path / f"run{number}-{attempt}", moment):
            attempt, moment = attempt + 1, moment * 0.8
        runs = tmp_path / f"run{number}-{attempt}"
        kept = {key: scan_ledger(path).completions for path in runs.glob("*/ledger.jsonl") for key in [path]}
        for completions in kept.values():
            assert completions.items() <= answers.items()
        count = sum(map(len, kept.values()))
        resumed, _ = runner.finish(runs)
        assert f"{CASES - count} generated, {count} reused" in resumed
        assert table(resumed) == table(whole)
        return count

    with ThreadPoolExecutor(2) as pool:
        kept = list(pool.map(survive, range(KILLS), moments))
    record_property("completions kept by the kills", sorted(kept))
    assert len(kept) == KILLS
    assert len(table(whole)) > 10


def test_broken_lines_and_logs_cost_one_answer_and_no_figure(suites, tmp_path):
    few = ("--model", "pocket", "--limit", "4", "-k", "not gold")
    whole = suites(*few)
    (ledger,) = (tmp_path / "runs").glob("*/ledger.jsonl")
    lines = ledger.read_bytes().splitlines(keepends=True)
    ledger.write_bytes(b"".join([*lines[:2], lines[2][:40] + b"\n", *lines[3:]]))
    for log in ledger.parent.glob("*.eval"):
        log.write_bytes(log.read_bytes()[:100])

    replayed = suites("--model", f"replay/{ledger}", *few[2:])
    assert replayed.returncode == 4
    assert f"{ledger}:3 is no completion" in replayed.stderr

    mended = suites(*few)
    assert mended.stdout.count(f"{ledger}:3 is no completion") == 1
    assert "1 generated, 3 reused" in mended.stdout
    assert table(mended.stdout) == table(whole.stdout)

    # The line that says who answered: the answers are known by their keys, and the line is written anew.
    ledger.write_bytes(b"".join([b'{"run": {}}\n', *lines[1:]]))
    again = suites(*few)
    assert "0 generated, 4 reused" in again.stdout
    assert table(again.stdout) == table(whole.stdout)
    assert len(read_ledger(ledger).runs) == 1

    packed = tmp_path / "baseline.jsonl.gz"
    app(["export", str(ledger.parent), "--out", str(packed)], exit_on_error=False, result_action="return_value")
    from_packed = suites("--model", f"replay/{packed}", *few[2:])
    assert table(from_packed.stdout) == table(whole.stdout)


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

    stopped = limited(1700)
    (ledger,) = runs.glob("*/ledger.jsonl")
    kept = len(read_ledger(ledger).completions)
    assert stopped.returncode == 69, stopped.stdout + stopped.stderr
    assert f"{ledger.parent} cannot be written" in stopped.stderr
    assert 0 < kept < 4

    unlogged = limited(ledger.stat().st_size + 2500)
    assert unlogged.returncode == 69, unlogged.stdout + unlogged.stderr
    assert f"the .eval log in {ledger.parent} cannot be written" in unlogged.stderr
    assert len(read_ledger(ledger).completions) == 4

    whole = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert "0 generated, 4 reused" in whole.stdout, whole.stdout + whole.stderr
    for run in (stopped, unlogged):
        assert len(run.stderr.splitlines()) == 1
