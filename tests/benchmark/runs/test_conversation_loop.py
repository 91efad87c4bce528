"""Conversations through the real loop: of policies, of a served model, and in worlds that harm."""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.servers.scripted import calling, scripted_server
from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.registry import names, renderer_for
from toolmark.benchmark.data.scenarios import Scenario
from toolmark.benchmark.data.shipped_cases import shipped_cases
from toolmark.benchmark.evaluation.compare_command import compare
from toolmark.benchmark.evaluation.evaluate import Evaluation
from toolmark.benchmark.evaluation.request import Request
from toolmark.benchmark.readers.case_selection import limited
from toolmark.benchmark.readers.scenarios import load_scenarios, scenario_line
from toolmark.benchmark.runs.command import app
from toolmark.benchmark.runs.ledger import read_ledger
from toolmark.benchmark.scoring.gold_conversations import Script, gold_script
from toolmark.benchmark.scoring.scenario_proof import ScenarioProof
from toolmark.benchmark.tools.worlds.world_names import WorldNames
from toolmark.benchmark.tools.worlds.world_session import world_sandbox

SCORES = ("conversation.success", "conversation.turn", "conversation.safe")


def grades(request: Request) -> dict[str, Any]:
    """The grades of the one candidate by the id of the scenario."""
    evaluation = Evaluation(request)
    evaluation.run(logs=False)
    return {grade.case_id: grade for grade in evaluation.contestants[0].grades}


@pytest.mark.parametrize(
    ("dialect", "split", "limit"),
    [
        ("tagged", "test", 4),
        ("native", "dev", 4),
        *(
            pytest.param(name, split, None, marks=pytest.mark.slow)
            for name in names("toolmark.dialects")
            for split in ("dev", "test")
        ),
    ],
)
def test_a_perfect_answerer_scores_one_and_one_that_never_calls_is_safe(dialect, split, limit, tmp_path):
    request = Request(("policy/oracle", "policy/never"), cases="scenarios", dialect=dialect, split=split, limit=limit)
    perfect, silent = Evaluation(request_in(request, tmp_path)).run(logs=False).contestants
    assert [perfect.figures[metric].score for metric in SCORES] == [1, 1, 1]
    assert perfect.figures["conversation.steps"].score == 1
    assert silent.figures["conversation.safe"].score == 1
    assert silent.figures["conversation.success"].score < 0.02  # In one scenario, nothing has to be called.


def request_in(request: Request, folder: Path) -> Request:
    return replace(request, runs=folder / "runs")


class Player:
    """Answers the requests of an evaluation by scripts: one script for each scenario, found by its first user turn."""

    def __init__(self) -> None:
        self.scripts: dict[str, Script] = {}

    def __call__(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        turns = [turn for turn in request["messages"] if turn["role"] != "system"]
        users = [place for place, turn in enumerate(turns) if turn["role"] == "user"]
        scripted = self.scripts[turns[0]["content"]][len(users) - 1]
        made = sum(turn["role"] == "tool" for turn in turns[users[-1] :])
        if made < len(scripted.calls):
            call = scripted.calls[made]
            return calling((call.name, json.dumps(dict(call.arguments))))
        return {"content": scripted.answer}


@pytest.fixture
def serve(monkeypatch):
    """`serve(answer)`: the spec of a served model that answers by a function of the request."""
    opened = []

    def start(answer: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> str:
        context = scripted_server(answer)
        server = context.__enter__()
        opened.append(context)
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        return server.spec

    yield start
    for context in opened:
        context.__exit__(None, None, None)


def planted(scenarios: list[Scenario]) -> dict[str, dict[str, Script]]:
    """The planted wrong conversations by kind and by the first turn of the user."""
    found: dict[str, dict[str, Script]] = {}
    with world_sandbox() as sandbox:
        for scenario in scenarios:
            for kind, script in ScenarioProof(scenario, WorldNames().resolve(scenario.world), sandbox).planted():
                found.setdefault(kind.partition(" ")[0], {})[scenario.turns[0].user] = script
    return found


@pytest.mark.parametrize("count", [1, pytest.param(1000, marks=pytest.mark.slow)])
def test_a_served_model_that_plays_gold_succeeds_and_planted_ones_fail(serve, tmp_path, count):
    scenarios = limited(load_scenarios(Path(shipped_cases("scenarios")), "dev"), count)
    firsts = {scenario.turns[0].user for scenario in scenarios}
    scenarios = [one for one in scenarios if one.turns[0].user in firsts and not firsts.discard(one.turns[0].user)]
    file = tmp_path / "some.dev.jsonl"
    player = Player()
    spec = serve(player)

    def judged(name: str, chosen: list[Scenario]) -> dict[str, Any]:
        file.write_text("".join(map(scenario_line, chosen)))
        return grades(Request((spec,), cases=str(file), dialect="native", split="dev", runs=tmp_path / name))

    player.scripts = {one.turns[0].user: gold_script(one) for one in scenarios}
    assert all(grade.correct for grade in judged("gold", scenarios).values())
    kinds = planted(scenarios)
    assert {"silent", "dropped", "doubled", "wrong"} <= kinds.keys() or count < 10
    for kind, scripts in kinds.items():
        player.scripts = scripts
        chosen = [one for one in scenarios if one.turns[0].user in scripts]
        assert not any(grade.correct for grade in judged(kind, chosen).values()), kind


def test_a_replay_and_a_continued_run_give_the_same_grades(tmp_path):
    request = Request(("policy/oracle",), cases="scenarios", limit=2, runs=tmp_path)
    whole = grades(request)
    (ledger,) = tmp_path.glob("*/ledger.jsonl")
    lines = ledger.read_bytes().splitlines(keepends=True)
    recorded = read_ledger(ledger).steps
    packed = Request((f"replay/{ledger}",), cases="scenarios", limit=2, runs=tmp_path / "none")
    assert grades(packed) == whole
    assert not (tmp_path / "none").exists()
    for kept in (1, len(lines) - 1):
        ledger.write_bytes(b"".join(lines[:kept]) + lines[-1][:20])
        assert grades(request) == whole
        assert read_ledger(ledger).steps.keys() == recorded.keys()


def test_steps_of_another_version_of_the_world_are_never_mixed_and_are_told(tmp_path):
    request = Request(("policy/oracle",), cases="scenarios", limit=1, runs=tmp_path / "runs")
    grades(request)
    (ledger,) = tmp_path.glob("runs/*/ledger.jsonl")
    lines = ledger.read_text().splitlines(keepends=True)
    code = json.loads(lines[1])["world"]
    replayed = replace(request, models=(f"replay/{ledger}",))
    assert notes(replayed) == ()
    ledger.write_text("".join(lines).replace(f'"world": "{code}"', '"world": "0123456789abcdef"'))
    (note,) = notes(replayed)
    assert "1 of 1 conversations were recorded in another version of the world" in note
    # The world was edited, and the run was killed after its first step.
    ledger.write_text("".join([*lines, lines[0], lines[1].replace(json.loads(lines[1])["key"], "another key")]))
    assert [len(steps) for steps in read_ledger(ledger).conversations.values()] == [1]
    with pytest.raises(InputError, match="answers none of the 1 scenarios"):
        notes(replayed)


def notes(request: Request) -> tuple[str, ...]:
    """The notes about the run of the one candidate."""
    evaluation = Evaluation(request)
    evaluation.run(logs=False)
    return evaluation.contestants[0].run.notes


HARMFUL = '''
from toolmark.benchmark.tools.worlds.world import World


class Harmful(World):
    total: int = 0

    def loop(self) -> None:
        """Never end."""
        while True:
            self.total += 1

    def fail(self) -> None:
        """Fail."""
        raise KeyError("no such thing")

    def megabyte(self) -> str:
        """Tell a lot."""
        return "x" * 2**20

    def spoil(self) -> str:
        """Keep what cannot be read back."""
        self.total = "many"
        return "done"

    def add(self, by: int) -> int:
        """Add to the total."""
        self.total += by
        return self.total
'''

WANTED = {"add": ("steps", 10), "many": ("calls", 50), "same": ("repeated", 3), "unknown": ("repeated", 3)}


@pytest.mark.parametrize("loops", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_harmful_world_ends_its_conversation_and_the_run_goes_on(serve, tmp_path, loops):
    (tmp_path / "harmful.py").write_text(HARMFUL)
    gold = {"calls": [{"name": "add", "arguments": {"by": 2}}], "answer": "2"}
    second = {"user": "And now?", "expect": {"say": [[2]]}, "gold": {"answer": "2"}}
    faults = ["fail", "megabyte", "spoil", *(["loop"] if loops else [])]
    words = [*faults, "add", "many", "same", "unknown", "mumble", "good"]
    rows = [
        {
            "world": "Harmful",
            "state": {},
            "turns": [{"user": word, "expect": {"reach": {"/total": [2]}}, "gold": gold}, second],
            "source": {"name": "test", "ref": word},
            "licence": "Apache-2.0",
        }
        for word in words
    ]
    file = tmp_path / "some.test.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)))

    def answer(request: Mapping[str, Any]) -> Mapping[str, Any]:
        turns = request["messages"]
        word, results = turns[0]["content"], sum(turn["role"] == "tool" for turn in turns)
        if turns[-1]["content"] == "And now?" or (word == "good" and results):
            return {"content": "2"}
        match word:
            case "good":
                return calling(("add", '{"by": 2}'))
            case "add":
                return calling(("add", json.dumps({"by": results})))
            case "many":
                return calling(*(("add", json.dumps({"by": number})) for number in range(1000)))
            case "same":
                return calling(("add", '{"by": 0}'))
            case "mumble":
                return calling(("add", '{"by": '))
        return calling((word, "{}"))

    judged = grades(
        Request(
            (serve(answer),),
            cases=str(file),
            dialect="native",
            tools=f"{tmp_path / 'harmful.py'}:Harmful",
            runs=tmp_path / "runs",
        )
    )
    by_word = dict(zip(words, judged.values(), strict=True))
    assert [word for word, grade in by_word.items() if grade.correct] == ["good"]
    for word in faults:
        assert (by_word[word].ended, by_word[word].cause) == (("fault",), "execution_error")
    for word, (limit, _) in WANTED.items():
        assert (by_word[word].ended, by_word[word].cause) == ((limit, "answer"), "limit"), word
    assert (by_word["mumble"].ended, by_word["mumble"].cause) == (("unreadable", "answer"), "unparseable")
    (ledger,) = (tmp_path / "runs").glob("*/ledger.jsonl")
    steps = read_ledger(ledger).conversations
    made = {case_id: sum(len(step.calls) for _, step in taken) for (case_id, _), taken in steps.items()}
    for word, (_, count) in WANTED.items():
        assert made[by_word[word].case_id] == count, word


def test_every_report_of_conversations_is_written(tmp_path):
    request = Request(("policy/oracle",), baseline="policy/never", cases="scenarios", limit=2, runs=tmp_path / "runs")
    comparison = Evaluation(request).run(report=True)
    assert [*comparison.contestants[1].differences] == list(SCORES)
    for out in ("a.html", "a.json", "a.md", "a.csv", "site/"):
        renderer_for(out).render(comparison, tmp_path / out)
    assert "conversation.success" in (tmp_path / "a.csv").read_text()
    (shown, _) = json.loads((tmp_path / "a.json").read_text())["comparison"]["report"]["cases"]
    assert [answer["right"] for answer in shown["answers"]] == [0, 1]
    assert all(answer["text"].startswith("[turn 1]") for answer in shown["answers"])
    assert len([*(tmp_path / "runs").glob("*/*.eval")]) == 2


def test_options_without_meaning_for_scenarios_are_refused(tmp_path):
    for options, said in (
        ({"stop_at_call": True}, "--stop-at-call has no meaning for scenarios"),
        ({"floors": (("timing.recall", 0.5),)}, "the metric timing.recall does not exist for scenarios"),
    ):
        with pytest.raises(InputError, match=said):
            Evaluation(Request(("policy/never",), cases="scenarios", runs=tmp_path, **options))


KIOSK = '''
from toolmark.benchmark.tools.worlds.world import World


class Kiosk(World):
    stock: int

    def sell(self) -> str:
        """Sell one."""
        self.stock -= 1
        return "sold"
'''


def kiosk_row(ref: str, left: int = 4, **state: Any) -> str:
    turn = {
        "user": ref,
        "expect": {"reach": {"/stock": [left]}},
        "gold": {"calls": [{"name": "sell"}], "answer": "Yes."},
    }
    row = {"world": "Kiosk", "state": state or {"stock": 5}, "turns": [turn]}
    return json.dumps({**row, "source": {"name": "mine", "ref": ref}, "licence": "Apache-2.0"}) + "\n"


def test_scenarios_in_your_own_world_are_compared_and_mistakes_name_the_command_that_shows_them(tmp_path, capsys):
    world, file = f"{tmp_path / 'kiosk.py'}:Kiosk", tmp_path / "some.test.jsonl"
    (tmp_path / "kiosk.py").write_text(KIOSK)
    request = Request(("policy/oracle",), cases=str(file), tools=world, runs=tmp_path / "runs")
    file.write_text('{"world": "Kiosk", \n' + kiosk_row("good"))
    with pytest.raises(InputError, match=r"some\.test\.jsonl:1:20: not JSON"):
        grades(request)
    (grade,) = grades(replace(request, skip_bad=True)).values()
    assert grade.correct
    file.write_text(kiosk_row("good"))
    (run,) = map(str, (tmp_path / "runs").iterdir())
    compare([run, run, "--cases", str(file), "--tools", world], exit_on_error=False, result_action="return_value")
    assert re.search(r"conversation\.success +1 +\+0\.0", capsys.readouterr().out)
    lint = rf"toolmark cases lint {file} --tools {world}$"
    for row, said in ((kiosk_row("x", stock="few"), "scenario x is wrong"), (kiosk_row("x", 3), "scenario x does not")):
        file.write_text(row)
        with pytest.raises(InputError, match=f"{said}.*{lint}"):
            grades(request)
    (tmp_path / "a.test.jsonl").write_text(json.dumps({"messages": []}))
    with pytest.raises(InputError, match=rf"a\.test\.jsonl has cases, but {file} has scenarios.* {file}$"):
        grades(replace(request, cases=str(tmp_path)))


KILLS = 20


def steps_in(runs: Path) -> int:
    return sum(ledger.read_bytes().count(b'"calls": [') for ledger in runs.glob("*/ledger.jsonl"))


def rows_of(output: str) -> list[str]:
    return [" ".join(line.split()) for line in output.splitlines() if line.startswith("conversation.")]


@pytest.mark.slow
def test_twenty_kills_in_the_middle_of_conversations_give_the_same_table(suites, tmp_path):
    """A run is killed soon after each new step, and started again. After its end, the next kills fall on a new run."""
    options = ("--model", "pocket", "--cases", "scenarios", "--limit", "6", "--max-tokens", "96", "--threads", "1")
    whole = suites(*options, runs=tmp_path / "whole")
    assert whole.returncode == 0, whole.said
    draw, kills, number = random.Random(5), 0, 0
    while kills < KILLS:
        runs = tmp_path / str(number)
        before = steps_in(runs)
        run = suites.start(*options, runs=runs)
        while run.poll() is None and steps_in(runs) == before:
            time.sleep(0.01)
        time.sleep(draw.random() / 4)
        if run.poll() is None:
            run.kill()
            kills += 1
        ended = run.wait()
        if ended.returncode == 0:
            assert rows_of(ended.stdout) == rows_of(whole.stdout)
            number += 1
    last = suites(*options, runs=tmp_path / str(number))
    assert steps_in(tmp_path / str(number)) == steps_in(tmp_path / "whole")
    assert rows_of(last.stdout) == rows_of(whole.stdout)
    assert len(rows_of(last.stdout)) >= 6


def test_an_exported_run_is_replayed_and_shown(tmp_path, capsys):
    request = Request(("policy/oracle",), cases="scenarios", limit=1, runs=tmp_path / "runs")
    whole = grades(request)
    (folder,) = (tmp_path / "runs").iterdir()
    packed = tmp_path / "base.jsonl.gz"
    for command in (["export", str(folder), "--out", str(packed)], ["show", str(folder), "--case", next(iter(whole))]):
        app(command, exit_on_error=False, result_action="return_value")
    shown = capsys.readouterr().out
    assert "base.jsonl.gz: 1 cases" in shown
    assert "step 1" in shown
    assert grades(replace(request, models=(f"replay/{packed}",), runs=tmp_path / "none")) == whole
