"""`toolmark runs`: list, show, export and prune."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.data.completions import Completion, RawCall, Usage
from toolmark.benchmark.evaluation.evaluate import evaluate
from toolmark.benchmark.evaluation.request import Request
from toolmark.benchmark.runs.command import app
from toolmark.benchmark.runs.ledger import Ledger, read_ledger

ROOT = Path(__file__).parents[3]
IDENTITY = {"model": "tiny", "weights": "0123456789abcdef", "adapter": "fedcba9876543210", "dialect": "tagged/1"}
ENVIRONMENT = {"platform": "Linux-of-mine", "processors": 64, "versions": {"torch": "2"}, "device": "cpu", "threads": 2}


def record(folder: Path, completions: dict[str, Completion], asked: int | None = None) -> Path:
    """A run of all these cases, and of `asked` in all."""
    cases = {case: f"gold-{case}" for case in completions}
    cases |= {f"unanswered-{n}": "gold" for n in range((asked or len(cases)) - len(cases))}
    run = {"candidate": "tiny+mine", "identity": IDENTITY, "environment": ENVIRONMENT, "scorer": "1", "cases": cases}
    with Ledger(folder) as ledger:
        ledger.open_session(run)
        ledger.append((f"key-{case}", case, 1, completion) for case, completion in completions.items())
    return ledger.path


def runs(*arguments: str) -> None:
    app(list(arguments), exit_on_error=False, result_action="return_value")


@pytest.fixture
def stored(tmp_path):
    """Three runs: a whole one, an unfinished one with a broken line, and one of which only the log is left."""
    root = tmp_path / "runs"
    answers = {"c1": Completion("Hello.", usage=Usage(10, 2)), "c2": Completion("…", stop_reason="length")}
    record(root / "tiny+mine-00000001", answers)
    ledger = record(root / "tiny-0000000a", {"c3": Completion("")}, asked=5)
    ledger.write_bytes(ledger.read_bytes().replace(b"\n", b"\nnot json\n", 1))
    (root / "replay-tiny-0000000b").mkdir()
    (root / "replay-tiny-0000000b" / "2026-11-01.eval").write_bytes(b"z" * 700)
    return root


def test_list_tells_runs_apart(stored, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")
    runs("list", "--runs", str(stored))
    header, *rows = (" ".join(line.split()) for line in capsys.readouterr().out.splitlines())
    assert header == "name candidate model dialect completions cases last written size"
    assert [row.split(" 20")[0] for row in rows] == [
        "replay-tiny-0000000b 0",
        "tiny+mine-00000001 tiny+mine 01234567+fedcba98 tagged/1 2 2 of 2",
        "tiny-0000000a tiny+mine 01234567+fedcba98 tagged/1 1 + 1 broken 1 of 5",
    ]


def test_show_counts_and_names_broken_lines(stored, capsys):
    runs("show", "tiny+", "--runs", str(stored))
    shown = capsys.readouterr().out
    for line in ("  weights: 0123456789abcdef", "stop reasons stop 1, length 1", "tokens       10 read, 2 written"):
        assert line in shown.splitlines()
    runs("show", str(stored / "tiny-0000000a"))
    assert "broken       line 2: JSONDecodeError" in capsys.readouterr().out


def test_show_case_cannot_steer_the_terminal(tmp_path, capsys):
    text = "\x1b[2J[red]two\nlines\u202e \ud800"
    record(tmp_path / "x-00000001", {"c1": Completion(text, (RawCall("add\x07", '{"a": 1'),))})
    runs("show", "x", "--case", "c", "--runs", str(tmp_path))
    shown = capsys.readouterr().out
    assert "key key-c1" in shown
    assert 'native call add\\x07: {"a": 1' in shown
    assert "\\x1b[2J[red]two\nlines\\u202e \\ud800" in shown


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["show", "tiny"], "2 runs begin with 'tiny'.*tiny[+]mine-00000001, tiny-0000000a"),
        (["show", "tiny-0000000b"], "no run in .* has the name 'tiny-0000000b'. Did you mean .*tiny-0000000a"),
        (["show", "replay"], "has no ledger.jsonl, so it contains no completions"),
        (["show", "tiny+", "--case", "c9"], "has no completion of the case 'c9'"),
        (["show", "tiny+", "--case", "c"], "the ids of 2 cases begin with 'c'. Write one of them: c1, c2"),
        (["export", "tiny+", "--out", "baseline.json"], "Write --out baseline.jsonl.gz"),
        (["export", "tiny-", "--out", "b.jsonl.gz"], "ledger.jsonl:2 is not a completion"),
        (["prune", "--keep=-1"], "--keep -1 is negative"),
    ],
)
def test_mistakes_name_their_fix(stored, arguments, said):
    with pytest.raises(InputError, match=said):
        runs(*arguments, "--runs", str(stored))


def test_runs_that_are_nowhere(tmp_path):
    with pytest.raises(
        InputError, match=r"cannot be read: No such file or directory. Give the folder of the runs: --runs"
    ):
        runs("list", "--runs", str(tmp_path / "none"))


def test_the_same_completions_export_to_the_same_bytes(tmp_path, capsys):
    answers = {f"c{n}": Completion(f"answer {n}", usage=Usage(n, 1)) for n in range(9)}
    slowly = {case: replace(said, usage=replace(said.usage, seconds=2.5)) for case, said in answers.items()}
    record(tmp_path / "one-00000001", answers)
    record(tmp_path / "two-00000001", dict(reversed(slowly.items())))
    # An earlier session asked something else: it stays in the run and out of the export.
    record(tmp_path / "two-00000001", {"other": Completion("")})
    record(tmp_path / "two-00000001", dict(reversed(answers.items())), asked=10)
    for name in ("one", "two"):
        runs("export", name, "--out", str(tmp_path / f"{name}.jsonl.gz"), "--runs", str(tmp_path))
    said = capsys.readouterr().out
    assert "1 of 10 cases have no completion and are not in the file" in said
    one, two = (tmp_path / "one.jsonl.gz", tmp_path / "two.jsonl.gz")
    assert one.read_bytes() == two.read_bytes()
    read = read_ledger(one)
    assert {case: completion for (case, _), completion in read.by_case.items()} == answers
    assert set(read.keys.values()) == {f"key-c{n}" for n in range(9)}
    assert read.runs[0]["environment"] == {"versions": {"torch": "2"}, "device": "cpu", "threads": 2}


def test_1300_cases_export_to_less_than_half_a_megabyte(tmp_path, capsys):
    draw = random.Random(0)
    words = (ROOT / "LICENSE").read_text().split()

    def answer() -> Completion:
        """A thought, then a call or a sentence: some 600 characters, mostly words."""
        said = " ".join(draw.choices(words, k=70))
        call = {"tool_name": draw.choice(words), "args": {draw.choice(words): draw.random(), "to": draw.choice(words)}}
        return Completion(f"<think>{said}</think>\n<tool_call>{json.dumps(call)}</tool_call>", usage=Usage(900, 160))

    cases = {f"{draw.getrandbits(64):016x}": answer() for _ in range(1300)}
    record(tmp_path / "long-00000001", cases)
    out = tmp_path / "long.jsonl.gz"
    runs("export", "long", "--out", str(out), "--runs", str(tmp_path))
    assert out.stat().st_size <= 500_000
    assert f"1300 cases, {out.stat().st_size / 1000:,.0f} KB" in capsys.readouterr().out


def test_prune_frees_the_dead_and_old_logs_and_leaves_the_rest(stored, capsys):
    whole, unfinished, dead = (
        stored / name for name in ("tiny+mine-00000001", "tiny-0000000a", "replay-tiny-0000000b")
    )
    for day in (1, 2, 3):
        log = whole / f"2026-11-0{day}.eval"
        log.write_bytes(b"z" * 100)
        os.utime(log, (day, day))
    locked = stored / "locked-0000000c"
    notes = stored / "notes-0000000d"  # named like a run, and somebody keeps something there
    notes.mkdir()
    (notes / "read.me").write_text("mine")
    before = sorted(stored.rglob("*"))
    runs("prune", "--keep", "1", "--dry-run", "--runs", str(stored))
    assert sorted(stored.rglob("*")) == before
    assert f"{dead} (no completion, only logs): 700 B" in capsys.readouterr().out

    with Ledger(locked) as held:
        runs("prune", "--keep", "1", "--runs", str(stored))
        assert held.path.exists()
    said = capsys.readouterr().out
    assert said.splitlines()[-1] == "freed 900 B"
    assert not dead.exists()
    assert [log.name for log in whole.glob("*.eval")] == ["2026-11-03.eval"]
    assert (unfinished / "ledger.jsonl").exists()
    assert (notes / "read.me").exists()
    runs("prune", "--runs", str(stored))
    assert not locked.exists()


def test_prune_keeps_conversations(tmp_path, capsys):
    request = Request(models=("policy/never",), cases="scenarios", limit=1, runs=tmp_path)
    evaluate(request, logs=False)
    runs("prune", "--runs", str(tmp_path))
    assert capsys.readouterr().out.splitlines()[-1].startswith("freed 0")
    (kept,) = tmp_path.glob("policy-never-*")
    assert read_ledger(kept / "ledger.jsonl").conversations


def test_neither_torch_nor_inspect_is_imported(stored):
    code = "import sys; from toolmark.benchmark.runs.command import app;"
    code += "app(['list', '--runs', sys.argv[1]], exit_on_error=False,"
    code += "result_action='return_value'); print(sorted({'torch', 'transformers', 'inspect_ai'} & set(sys.modules)))"
    run = subprocess.run(
        [sys.executable, "-c", code, str(stored)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert run.stdout.splitlines()[-1] == "[]"
