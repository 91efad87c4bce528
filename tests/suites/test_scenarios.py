"""The shipped scenarios are sound: the gold of each succeeds, and planted wrong conversations fail."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.data.cases import Abstain, query_hash
from toolmark.benchmark.data.held_out import held_out, shipped_manifest
from toolmark.benchmark.data.shipped_cases import shipped_scenarios
from toolmark.benchmark.readers.scenarios import load_scenarios, scenario_line
from toolmark.benchmark.tools.worlds.world_names import SHIPPED_WORLDS
from toolmark.suites.lint import lint_files

FOLDER = shipped_scenarios()


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


FAULTS = [
    ("turns.0.expect.say", [[11]], "gold: turn 1: the gold does not meet the demand say: 11"),
    ("turns.1.expect.reach", {"/accounts/b/balance": [5]}, "gold: turn 2: the gold does not meet the demand reach"),
    ("turns.1.expect.reach", {"/accounts/b/limit": [5000]}, "gold: turn 2: the demands on the state are already met"),
    ("turns.1.expect", {"keep": ["/accounts/a"]}, "gold: turn 2: the gold does not meet the demand keep"),
    ("turns.1.expect", {"action": "abstain", "reason": "no_tool_needed"}, "demand abstain: transfer"),
    ("turns.1.gold.calls.0.arguments.amount", 40, "gold: turn 2: transfer gives no result: The balance of 'a' is"),
    ("turns.1.gold.calls.0.fails", True, "gold: turn 2: transfer gives no error"),
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
