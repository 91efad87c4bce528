"""A run survives what happens to it: every line here is about a real `pytest suites/` in a process of its own."""

from __future__ import annotations

import itertools
import json
import os
import random
import re
import shutil
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.forked.commands import Ended
from toolmark.benchmark.readers.case_selection import load_cases
from toolmark.benchmark.runs.command import app
from toolmark.benchmark.runs.ledger import read_ledger

ROOT = Path(__file__).parents[3]
SHIPPED = ROOT / "suites" / "cases"
KILLS = 30
FEW = ("--model", "pocket", "--max-tokens", "64", "--limit", "4", "-k", "not gold")


def table(output: str) -> list[str]:
    """The rows of the summary; a candidate's longer name makes wider columns."""
    return [
        " ".join(line.split()) for line in output.splitlines() if re.match(r"(timing|selection|validity|guard)\.", line)
    ]


def kept(runs: Path) -> dict[str, object]:
    return {
        key: answer for path in runs.glob("*/ledger.jsonl") for key, answer in read_ledger(path).completions.items()
    }


@pytest.fixture(scope="module")
def whole(warm, few_cases, tmp_path_factory) -> tuple[Ended, Path]:
    """A run that nothing disturbs, and its ledger."""
    runs = tmp_path_factory.mktemp("undisturbed")
    arguments = ("suites", *FEW, "-p", "no:cacheprovider", "--runs", str(runs))
    environment = {**os.environ, "COLUMNS": "200", "TOOLMARK_CASES": str(few_cases)}
    run = warm.start("pytest", *arguments, environment=environment).wait()
    assert run.returncode == 0, run.said
    (ledger,) = runs.glob("*/ledger.jsonl")
    return run, ledger


def test_kills_at_named_points_resume_to_the_same_table(suites, whole, tmp_path):
    """Each run is killed, then the next one goes on, until one is left to end."""
    undisturbed, ledger = whole
    lines = ledger.read_bytes().splitlines(keepends=True)
    first = len(lines[0])
    points = {
        "the lock is taken": {"kill_at": "*/ledger.jsonl"},
        "in the middle of the run line": {"room": first - 40, "torn": True},
        "in the middle of a batch": {"room": first + len(lines[1]) + 40, "torn": True},
        "the log is about to be written": {"kill_at": "*.eval"},
        "in the middle of the log": {"room": 2 * sum(map(len, lines)) + 500, "torn": True},
    }
    runs, before = tmp_path / "runs", 0
    for point, interruption in points.items():
        run = suites(*FEW, runs=runs, **interruption)
        assert run.returncode in (-signal.SIGKILL, -signal.SIGXFSZ), (point, run.said)
        answers = kept(runs)
        assert answers.items() <= read_ledger(ledger).completions.items(), point
        assert len(answers) >= before, point
        before = len(answers)
    assert before == 4
    last = suites(*FEW, runs=runs)
    assert "0 generated, 4 reused" in last.stdout, last.said
    assert table(last.stdout) == table(undisturbed.stdout)


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, *(pytest.param(one, marks=pytest.mark.slow) for one in (signal.SIGINT, signal.SIGHUP))]
)
def test_an_interruption_while_answers_are_judged_is_no_error(number, suites, whole, tmp_path):
    undisturbed, ledger = whole
    (tmp_path / "runs" / ledger.parent.name).mkdir(parents=True)
    shutil.copy(ledger, tmp_path / "runs" / ledger.parent.name)
    ended = suites(*FEW, kill_at="*.eval", kill_by=number)
    assert ended.returncode == 2, ended.said
    assert "Traceback" not in ended.said
    assert "Every answer until now is kept. To continue, run: pytest" in ended.said
    last = suites(*FEW)
    assert "0 generated, 4 reused" in last.stdout, last.said
    assert table(last.stdout) == table(undisturbed.stdout)


def test_a_kill_between_batches_loses_no_answer(suites, whole, tmp_path):
    undisturbed, _ = whole
    killed = suites.start(*FEW, runs=tmp_path / "runs")
    while not kept(tmp_path / "runs") and killed.poll() is None:
        time.sleep(0.01)
    killed.kill()
    killed.wait()
    before = len(kept(tmp_path / "runs"))
    assert before >= 1
    resumed = suites(*FEW, runs=tmp_path / "runs")
    assert f"{4 - before} generated, {before} reused" in resumed.stdout
    assert table(resumed.stdout) == table(undisturbed.stdout)


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


@pytest.mark.slow
def test_thirty_kills_at_random_moments_resume_to_the_same_table(suites, tmp_path):
    """The moments are spread over the whole life of a run that nobody disturbs.

    A killed run is started again and killed again, at a later moment; where it is done before that, its table must be
    that of the undisturbed run, and the kill falls on a new one. Six such chains, two at a time.
    """
    numbers = itertools.count()

    def fresh() -> Path:
        return tmp_path / f"runs{next(numbers)}"

    def start(runs: Path, *options: str, kill_after: float | None = None) -> tuple[Ended, float]:
        began = time.monotonic()
        run = suites.start(*options, "-k", "not gold", runs=runs)
        while kill_after is not None and run.poll() is None:
            if time.monotonic() - began > kill_after:
                run.kill()
            time.sleep(0.002)
        return run.wait(), time.monotonic() - began

    first = fresh()
    assert start(first, "--model", "pocket", "--limit", "16")[0].code == 0
    options = ("--model", "pocket", "--cases", str(soon_answered(first, tmp_path)), "--threads", "1")
    undisturbed = [fresh(), fresh()]
    with ThreadPoolExecutor(2) as pool:
        (whole, life), _ = pool.map(lambda runs: start(runs, *options), undisturbed)
    assert whole.code == 0, whole.said
    answers = kept(undisturbed[0])
    assert (len(answers), len(table(whole.stdout)) > 10) == (6, True)

    def done(before: int, run: Ended) -> None:
        assert run.code == 0, run.said
        assert f"{6 - before} generated, {before} reused" in run.stdout
        assert table(run.stdout) == table(whole.stdout)

    def chain(moments: list[float]) -> int:
        kills, runs = 0, fresh()
        for moment in moments:
            before = len(kept(runs))
            while (run := start(runs, *options, kill_after=moment)[0]).code is not None:
                done(before, run)
                moment *= 1 if before else 0.7  # a new run that was faster than the first one is killed earlier
                before, runs = 0, fresh()
            assert kept(runs).items() <= answers.items()
            kills += 1
        done(len(kept(runs)), start(runs, *options)[0])
        return kills

    draw = random.Random(3)
    moments = [life * (step + draw.random()) / KILLS for step in range(KILLS)]
    with ThreadPoolExecutor(2) as pool:
        assert sum(pool.map(chain, [moments[first::6] for first in range(6)])) == KILLS


def test_broken_lines_and_logs_cost_one_answer_and_no_figure(suites, whole, tmp_path):
    undisturbed, recorded = whole
    runs = tmp_path / "runs"
    ledger = shutil.copytree(recorded.parent, runs / recorded.parent.name) / "ledger.jsonl"
    replay = FEW[4:]
    lines = ledger.read_bytes().splitlines(keepends=True)
    ledger.write_bytes(b"".join([*lines[:2], lines[2][:40] + b"\n", *lines[3:]]))
    for log in ledger.parent.glob("*.eval"):
        log.write_bytes(log.read_bytes()[:100])

    replayed = suites("--model", f"replay/{ledger}", *replay)
    assert replayed.returncode == 4
    assert f"{ledger}:3 is not a completion" in replayed.said

    mended = suites(*FEW)
    assert mended.said.count(f"{ledger}:3 is not a completion") == 1
    assert "1 generated, 3 reused" in mended.said
    assert table(mended.stdout) == table(undisturbed.stdout)

    # The line that says who answered: the answers are known by their keys, and the line is written anew.
    ledger.write_bytes(b"".join([b'{"run": {}}\n', *lines[1:]]))
    again = suites(*FEW)
    assert "0 generated, 4 reused" in again.stdout
    assert table(again.stdout) == table(undisturbed.stdout)
    assert len(read_ledger(ledger).runs) == 1

    packed = tmp_path / "baseline.jsonl.gz"
    app(["export", str(ledger.parent), "--out", str(packed)], exit_on_error=False, result_action="return_value")
    from_packed = suites("--model", f"replay/{packed}", *replay)
    assert table(from_packed.stdout) == table(undisturbed.stdout)


def test_a_disk_that_fills_up_while_it_answers_or_judges(suites, whole, tmp_path):
    """No file may grow beyond a limit: first the ledger does, then the log, and then there is room."""
    runs, everything = tmp_path / "runs", whole[1].read_bytes()
    run_line, first, *_ = everything.splitlines(keepends=True)
    stopped = suites(*FEW, room=len(run_line) + len(first) + 20)
    (ledger,) = runs.glob("*/ledger.jsonl")
    answers = len(read_ledger(ledger).completions)
    assert stopped.returncode == 69, stopped.said
    assert f"{ledger.parent} cannot be written" in stopped.stderr
    assert 0 < answers < 4

    unlogged = suites(*FEW, room=len(everything) + len(run_line) + 500)
    assert unlogged.returncode == 69, unlogged.said
    assert f"the .eval log in {ledger.parent} cannot be written" in unlogged.stderr
    assert len(read_ledger(ledger).completions) == 4

    ended = suites(*FEW)
    assert "0 generated, 4 reused" in ended.stdout, ended.said
    for run in (stopped, unlogged):
        assert len(run.stderr.splitlines()) == 1
