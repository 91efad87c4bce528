"""The shipped scenarios are sound: the gold of each succeeds, and planted wrong conversations fail."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.data.cases import Abstain, query_hash
from toolmark.benchmark.data.held_out import held_out, shipped_manifest
from toolmark.benchmark.data.shipped_cases import shipped_cases
from toolmark.benchmark.readers.scenarios import load_scenarios, scenario_line
from toolmark.benchmark.tools.worlds.world_names import SHIPPED_WORLDS
from toolmark.suites.lint import lint_files

FOLDER = Path(shipped_cases("scenarios"))


@pytest.mark.parametrize("pattern", ["bank.dev.jsonl", pytest.param("*.jsonl", marks=pytest.mark.slow)])
def test_every_gold_succeeds_and_every_planted_conversation_fails(pattern):
    files = sorted(FOLDER.glob(pattern))
    findings, count, _ = lint_files(files)
    assert (findings, count) == ([], sum(len(load_scenarios(file)) for file in files))


def test_the_shipped_scenarios_have_the_promised_kinds():
    scenarios = [*load_scenarios(FOLDER, "dev"), *load_scenarios(FOLDER, "test")]
    kinds = Counter(kind for scenario in scenarios for kind in scenario.tags["kinds"])
    assert len(scenarios) >= 200
    assert {(scenario.world, scenario.split) for scenario in scenarios} == {
        (world, split) for world in SHIPPED_WORLDS for split in ("dev", "test")
    }
    assert kinds["recover"] >= 40
    assert kinds["nothing"] >= 40
    assert kinds.keys() == {"recover", "nothing", "missing", "later"}
    for scenario in scenarios:
        calls = [call for turn in scenario.turns for call in turn.gold.calls]
        still = [
            isinstance(turn.expect, Abstain) or "" in turn.expect.keep or not turn.gold.calls for turn in scenario.turns
        ]
        assert 2 <= len(scenario.turns) <= 5, scenario.source.ref
        assert max(len(turn.gold.calls) for turn in scenario.turns) <= 6, scenario.source.ref
        assert any(call.fails for call in calls) == ("recover" in scenario.tags["kinds"]), scenario.source.ref
        assert bool(scenario.tools_from_turn) == ("later" in scenario.tags["kinds"]), scenario.source.ref
        assert any(still) or "nothing" not in scenario.tags["kinds"], scenario.source.ref


def test_no_trainer_may_use_the_first_turn_of_a_test_scenario():
    manifest = held_out(shipped_manifest())
    assert {query_hash(scenario.turns[0].user) for scenario in load_scenarios(FOLDER, "test")} <= manifest.queries


SCENARIO = {
    "world": "bank",
    "state": {"accounts": {"a": {"balance": 10}, "b": {"balance": 0}}},
    "turns": [
        {
            "user": "Is a empty?",
            "expect": {"say": [[10]], "keep": [""]},
            "gold": {"calls": [{"name": "list_accounts"}], "answer": "No, it holds 10 euros."},
        },
        {
            "user": "Put 4 into b.",
            "expect": {"reach": {"/accounts/b/balance": [4]}},
            "gold": {
                "calls": [{"name": "transfer", "arguments": {"from_account": "a", "to": "b", "amount": 4}}],
                "answer": "Done.",
            },
        },
    ],
    "source": {"name": "toolmark", "ref": "x"},
    "licence": "Apache-2.0",
}


def changed(path: str, value: Any) -> dict:
    """Return the scenario with another value at a path like `turns.1.user`. None removes the value.

    The empty path changes the fields of the scenario itself.
    """
    scenario = json.loads(json.dumps(SCENARIO))
    if not path:
        return scenario | value
    *steps, last = (int(step) if step.isdigit() else step for step in path.split("."))
    place = scenario
    for step in steps:
        place = place[step]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return scenario


def test_a_scenario_is_shown_with_its_turns_demands_and_gold(tmp_path, toolmark):
    file = tmp_path / "some.test.jsonl"
    turns = [
        *SCENARIO["turns"],
        {"user": "Stop \x1b[2J", "expect": {"action": "abstain", "reason": "no_tool_needed"}, "gold": {"answer": "Ok"}},
    ]
    rows = [SCENARIO | {"turns": turns, "free": ["/transfers/*/note"], "tools_from_turn": {"transfer": 2}}]
    file.write_text("\n".join(map(json.dumps, rows)))
    run = toolmark("show", str(file))
    assert run.returncode == 0, run.stderr
    shown = [" ".join(line.strip("│ ").split()) for line in run.stdout.splitlines()]
    assert f"{file}:1" in run.stdout
    offered = next(line for line in shown if line.startswith("offered "))
    assert "transfer" not in offered.removeprefix("offered ").split(", ")
    for line in (
        "user 1 Is a empty?",
        "right if the answer says 10",
        "right if the whole state does not change",
        "gold calls list_accounts({})",
        "gold answer No, it holds 10 euros.",
        "also offered transfer",
        "right if /accounts/b/balance is 4",
        'gold calls transfer({"from_account": "a", "to": "b", "amount": 4})',
        "user 3 Stop \\x1b[2J",
        "right if the model only reads, no tool needed",
        "not compared /transfers/*/note",
    ):
        assert line in shown
    assert toolmark("show", str(file), "--tool", "transfer", "--reason", "no_tool_needed").stdout == run.stdout
    wrong = toolmark("show", str(file), "--tool", "transfr")
    assert wrong.returncode == 4
    assert "--tool transfr: no scenario has this value" in wrong.stderr


def test_scenarios_that_cannot_be_shown_are_named(tmp_path, toolmark):
    file, cases = tmp_path / "some.test.jsonl", tmp_path / "other.test.jsonl"
    file.write_text(json.dumps(SCENARIO | {"world": "Kiosk"}))
    run = toolmark("stats", str(file))
    assert run.returncode == 4
    assert f"List all faults: toolmark cases lint {file}" in run.stderr
    cases.write_text('{"messages": []}')
    run = toolmark("show", str(tmp_path))
    assert run.returncode == 4
    assert f"{cases} has cases, but {file} has scenarios. Give files of one kind" in run.stderr


FAULTS = [
    ("turns.0.expect.say", [[11]], "gold: turn 1: the gold does not meet the demand say: 11"),
    ("turns.1.expect.reach", {"/accounts/b/balance": [5]}, "gold: turn 2: the gold does not meet the demand reach"),
    ("turns.1.expect.reach", {"/accounts/b/limit": [5000]}, "gold: turn 2: the demands on the state are already met"),
    ("turns.1.expect", {"keep": ["/accounts/a"]}, "gold: turn 2: the gold does not meet the demand keep"),
    ("turns.1.expect", {"action": "abstain", "reason": "no_tool_needed"}, "demand abstain: transfer"),
    ("turns.1.gold.calls.0.arguments.amount", 40, "gold: turn 2: transfer gives no result: The balance of 'a' is"),
    ("turns.1.gold.calls.0.fails", True, "gold: turn 2: transfer gives no error"),
    ("turns.0.expect.keep", ["/account"], "gold: turn 1: keep: /account leads to nothing before the turn"),
    ("turns.0.expect.keep", ["/acc/*/balance"], "gold: turn 1: keep: /acc leads to nothing before the turn"),
    ("turns.1.expect.gone", ["/cards/x"], "gold: turn 2: gone: /cards/x leads to nothing before the turn"),
    ("free", ["/transfer/*/note"], "gold: free: /transfer/*/note leads to nothing in every state of the gold"),
    ("turns.1.expect.reach", {"/transfers/t1/amount": [4]}, "gold: turn 2: /transfers/t1/amount: /transfers/t1 is a"),
    ("turns.0.wrong", [{"name": "list_accounts"}], "gold: the planted conversation 'wrong in turn 1' succeeds"),
    (
        "tools_from_turn",
        {"transfer": 3},
        '"tools_from_turn" offers transfer from turn 3, but must name a turn from',
    ),
    ("tools_from_turn", {"fly": 2}, "\"tools_from_turn\" names 'fly', which is not a tool of the world 'bank'"),
    (
        "",
        {"turns": SCENARIO["turns"][:1], "tools_from_turn": {"transfer": 2}},
        '"tools_from_turn" offers transfer in a later turn, but the scenario has only one turn',
    ),
    (
        "turns.1.expect",
        {"action": "call"},
        'must be "abstain" or "reach_gold". To demand something, leave "action" out',
    ),
    ("world", "Kiosk", "If this is your own world, name its code: --tools my_world.py:Kiosk."),
    ("turns.1.expect", {}, "nothing is demanded. Write calls, reach, gone, say or keep"),
    ("turns.1.expect.reach", {"accounts": [1]}, "the path 'accounts' does not begin with /"),
    ("turns.1.gold", None, "schema: turns.1.gold"),
    ("world", "/tmp/evil.py:World", "schema: There is no world '/tmp/evil.py:World'. If you trust the code"),
    ("state.accounts.a.balance", "ten", "gold: The state does not fit the world 'bank': accounts.a.balance: Input"),
    ("split", "dev", "split: the split is dev, but the file is of the other split"),
]
"""A change of the scenario, and the finding that it causes."""


def test_each_fault_is_found(tmp_path):
    file = tmp_path / "some.test.jsonl"
    rows = [SCENARIO, *(changed(path, value) | {"system": f"{place}"} for place, (path, value, _) in enumerate(FAULTS))]
    file.write_text("\n".join(map(json.dumps, rows)))
    findings, _, _ = lint_files([file])
    assert {found.line for found in findings} == set(range(2, len(rows) + 1))
    for line, (_, _, finding) in enumerate(FAULTS, start=2):
        assert any(finding in str(found) for found in findings if found.line == line), (line, findings)


COUNTER = """
from toolmark.benchmark.tools.effects import effects
from toolmark.benchmark.tools.worlds.world import World


class Counter(World):
    n: int = 0
    on: bool = True

    @effects("read")
    def bump(self) -> int:
        \"\"\"Add one.\"\"\"
        self.n += 1
        return self.n

    def add(self, k: int) -> int:
        \"\"\"Add a number.\"\"\"
        self.n += k
        return self.n

    def turn_on(self) -> str:
        \"\"\"Turn it on.\"\"\"
        self.on = True
        return "on"
"""


def test_a_removed_record_whose_id_is_given_again(tmp_path):
    file = tmp_path / "some.test.jsonl"
    event = {"title": "Yoga", "start": "2027-03-01T18:00", "minutes": 60}
    calls = [
        {"name": "create_event", "arguments": {"title": "Tea", "start": "2027-03-02T18:00"}},
        {"name": "cancel_event", "arguments": {"event_id": "e2"}},
    ]
    for others, found in ((["e1"], 1), (["e1", "e3"], 0)):
        start = [event | {"id": name, "start": f"2027-03-0{name[1]}T09:00"} for name in [*others, "e2"]]
        turn = {"user": "Go.", "expect": {"gone": ["/events/e2"]}, "gold": {"calls": calls, "answer": "Done."}}
        file.write_text(json.dumps(SCENARIO | {"world": "calendar", "state": {"events": start}, "turns": [turn]}))
        findings, _, _ = lint_files([file])
        assert sum("can get the same id" in str(one) for one in findings) == found


def test_each_call_of_the_gold_is_looked_at_alone(tmp_path):
    (tmp_path / "counter.py").write_text(COUNTER)
    add, bump, idle = {"name": "add", "arguments": {"k": 2}}, {"name": "bump"}, {"name": "turn_on"}
    abstain = {"action": "abstain", "reason": "no_tool_needed"}
    turns = [
        ([{"expect": {"reach": {"/n": [2]}}, "gold": {"calls": [add, idle], "answer": "2"}}], []),
        ([{"expect": {"reach": {"/n": [1]}}, "gold": {"calls": [bump], "answer": "1"}}], ["turn 1: bump has the"]),
        ([{"expect": abstain, "gold": {"calls": [bump], "answer": "1"}}], ["turn 1: bump has the effects read, but"]),
    ]
    file = tmp_path / "some.test.jsonl"
    for played, findings in turns:
        rows = [{"user": "Go.", **turn} for turn in played]
        source = {"name": "test", "ref": "x"}
        scenario = {"world": "Counter", "state": {}, "turns": rows, "source": source, "licence": "Apache-2.0"}
        file.write_text(json.dumps(scenario))
        found, _, _ = lint_files([file], f"{tmp_path / 'counter.py'}:Counter")
        assert len(found) == len(findings), found
        assert all(finding in str(one) for finding, one in zip(findings, found, strict=True))


def test_a_scenario_is_read_and_written(tmp_path):
    file = tmp_path / "some.test.jsonl"
    file.write_text(json.dumps(SCENARIO))
    (scenario,) = load_scenarios(tmp_path)
    assert [call.name for turn in scenario.turns for call in turn.gold.calls] == ["list_accounts", "transfer"]
    file.write_text(scenario_line(scenario))
    assert load_scenarios(tmp_path) == [scenario]
    file.write_text(scenario_line(scenario) * 2)
    with pytest.raises(InputError, match=r"some\.test\.jsonl:2: the same texts and state as in the scenario x"):
        load_scenarios(tmp_path)
