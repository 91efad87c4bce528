"""What a scenario demands, and which conversations count as right: also those that go another way than the gold."""

from __future__ import annotations

from typing import Any

import pytest

from toolmark.benchmark.data.cases import Call, Tool, Toolbox
from toolmark.benchmark.data.scenarios import Demands, Scenario
from toolmark.benchmark.data.state_paths import values_at, without
from toolmark.benchmark.scoring.gold_conversations import ScriptedTurn, gold_script, play, succeeds
from toolmark.benchmark.scoring.scenario_proof import ScenarioProof
from toolmark.benchmark.scoring.turn_demands import PlayedCall, PlayedTurn, unmet_by_turn, unmet_demands
from toolmark.benchmark.scoring.world_states import Change, changes, same_state
from toolmark.benchmark.tools.sandbox import Result
from toolmark.benchmark.tools.worlds.world_names import WorldNames
from toolmark.benchmark.tools.worlds.world_session import world_sandbox

STATE = {"pets": [{"id": "p1", "name": "Rex"}, {"id": "p2", "name": "Mo"}], "tags": ["a"], "o/x": {"~": 1}}


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("", [STATE]),
        ("/pets/p2/name", ["Mo"]),
        ("/pets/1/name", []),
        ("/pets/*/name", ["Rex", "Mo"]),
        ("/tags/0", ["a"]),
        ("/tags/1", []),
        ("/tags/x", []),
        ("/o~1x/~0", [1]),
        ("/none/x", []),
    ],
)
def test_paths(path, values):
    assert values_at(STATE, path) == values


def test_values_are_left_out_of_a_copy():
    assert without(STATE, ["/pets/*/name", "/tags", "/pets/p2", "/none"]) == {"pets": [{"id": "p1"}], "o/x": {"~": 1}}
    assert STATE["tags"] == ["a"]


def pets(*named: tuple[str, str]) -> dict[str, Any]:
    return {"pets": [{"id": number, "name": name} for number, name in named]}


@pytest.mark.parametrize(
    ("reached", "free", "same"),
    [
        (pets(("p1", "Rex"), ("p2", "Mo"), ("p3", "Ada")), [], True),
        (pets(("p1", "Rex"), ("p2", "Ada"), ("p3", "Mo")), [], True),
        (pets(("p2", "Mo"), ("p3", "Ada")), [], False),
        (pets(("p1", "Rex"), ("p2", "Mo"), ("p3", "Mo")), [], False),
        (pets(("p1", "Rex"), ("p2", "Mo")), [], False),
        (pets(("p1", "Ada"), ("p2", "Mo"), ("p3", "Rex")), [], False),
        (pets(("p1", "Rex"), ("p2", "?"), ("p3", "!")), ["/pets/*/name"], True),
    ],
)
def test_new_records_can_have_other_ids_and_another_order(reached, free, same):
    gold = pets(("p1", "Rex"), ("p2", "Mo"), ("p3", "Ada"))
    assert same_state([pets(("p1", "Rex")), gold], reached, free) is same


OLD = pets(("p1", "Rex"), ("p2", "Mo"))


@pytest.mark.parametrize(
    ("gold", "reached", "same"),
    [
        # The gold removes p2, and a new pet gets the same id. Another right way makes the new pet first.
        ([pets(("p1", "Rex")), pets(("p1", "Rex"), ("p2", "Ada"))], pets(("p1", "Rex"), ("p3", "Ada")), True),
        ([pets(("p1", "Rex")), pets(("p1", "Rex"), ("p2", "Ada"))], pets(("p1", "Rex"), ("p2", "Bo")), False),
        ([pets(("p1", "Rex")), pets(("p1", "Rex"), ("p2", "Ada"))], pets(("p1", "Ada"), ("p2", "Rex")), False),
        # Two new pets share the known ids in either order.
        ([pets(), pets(("p1", "Ada"), ("p2", "Bo"))], pets(("p1", "Bo"), ("p2", "Ada")), True),
        ([pets(("p2", "Mo"), ("p1", "Rex"))], pets(("p1", "Rex"), ("p2", "Mo")), False),
        ([pets(("p2", "Rex"), ("p1", "Mo"))], pets(("p1", "Mo"), ("p2", "Rex")), False),
        ([pets(("p1", "Mo\nRex\n"))], pets(("p1", "Mo\r\nRex")), True),
        ([pets(("p1", "Mo\nRex"))], pets(("p1", "Mo Rex")), False),
        ([pets(("p1", "Mo  Rex"))], pets(("p1", "Mo Rex")), False),
    ],
)
def test_records_that_the_gold_keeps_have_their_ids_their_order_and_their_text(gold, reached, same):
    assert same_state([OLD, *gold], reached) is same
    assert same_state([OLD, *gold], gold[-1])


def test_a_free_state_is_not_compared():
    assert same_state([OLD, pets()], OLD, ["/pets"])
    assert same_state([OLD, {"n": 1}], OLD, [""])


def test_changes_of_a_state():
    after = {"pets": [{"id": "p1", "name": "Max"}, {"id": "p3", "name": "Ada"}], "tags": ["a", "b"], "o/x": {"~": 1}}
    assert list(changes(STATE, after)) == [
        Change("/pets/p1/name", "Rex", "Max", "changed"),
        Change("/pets/p2", {"id": "p2", "name": "Mo"}, None, "removed"),
        Change("/pets/p3", None, {"id": "p3", "name": "Ada"}, "added"),
        Change("/tags", ["a"], ["a", "b"], "changed"),
    ]


def called(name: str, **arguments: Any) -> dict[str, Any]:
    return {"name": name, "arguments": arguments}


EVENT = {"title": "Tea", "start": "2026-03-02T10:00"}
OTHER = {"title": "Talk", "start": "2026-03-02T14:00"}
SCENARIO = Scenario.model_validate(
    {
        "world": "calendar",
        "toolbox": WorldNames().resolve("calendar").toolbox,
        "state": {"events": [{"id": "e1", "title": "Old", "start": "2026-03-02T08:00", "minutes": 30}]},
        "turns": [
            {
                "user": "Tea at ten and a talk at two, please.",
                "expect": {"reach": {"/events/*/title": {"match": "contains", "of": ["tea"]}}, "say": [["both", 2]]},
                "gold": {
                    "calls": [called("create_event", **EVENT), called("create_event", **OTHER)],
                    "answer": "Both are in.",
                },
            },
            {
                "user": "Remind me.",
                "expect": {"action": "abstain", "reason": "missing_argument"},
                "gold": {"answer": "When?"},
            },
            {
                "user": "Drop the old one.",
                "expect": {"gone": ["/events/e1"], "keep": ["/people"]},
                "gold": {"calls": [called("cancel_event", event_id="e1")], "answer": "Done."},
            },
        ],
        "source": {"name": "toolmark", "ref": "x"},
        "licence": "Apache-2.0",
    }
)
READ = called("list_events", first_day="2026-03-02")
FAILING = called("create_event", title="Tea", start="2026-03-02T08:15")


@pytest.fixture(scope="module")
def sandbox():
    with world_sandbox() as opened:
        yield opened


LIST = {"name": "list_people", "arguments": {}}


@pytest.mark.parametrize(
    ("turns", "unmet"),
    [
        ({}, []),
        ({0: ([called("create_event", **OTHER), READ, FAILING, called("create_event", **EVENT)], "2 events.")}, []),
        ({1: ([READ, LIST], "When?")}, []),
        ({1: ([called("set_reminder", event_id="e9", minutes_before=5)], "Done.")}, ["abstain"]),
        ({1: ([called("fly")], "When?")}, ["abstain"]),
        ({1: ([], " ")}, ["answer"]),
        ({0: ([called("create_event", **EVENT)], "Both are in.")}, []),
        ({0: ([], "Both are in.")}, ["reach"]),
        ({0: ([called("create_event", **EVENT), called("create_event", **OTHER)], "Done.")}, ["say"]),
        ({2: ([], "Done.")}, ["gone"]),
    ],
)
def test_conversations_that_differ_from_the_gold(turns, unmet, sandbox):
    script = gold_script(SCENARIO)
    for number, (calls, answer) in turns.items():
        script[number] = ScriptedTurn(tuple(map(Call.model_validate, calls)), answer)
    world = WorldNames().resolve("calendar")
    gold = play(SCENARIO, gold_script(SCENARIO), world, sandbox)
    played = play(SCENARIO, script, world, sandbox)
    assert [one.demand for found in unmet_by_turn(SCENARIO, played, gold) for one in found] == unmet
    complete = same_state([gold[0].before, gold[-1].after], played[-1].after)
    assert succeeds(SCENARIO, played, gold) is (not unmet and complete)
    assert succeeds(SCENARIO, played[:2], gold) is False


@pytest.mark.parametrize("order", ["any", "given"])
def test_expected_calls_are_paired_as_well_as_possible(order):
    wide, narrow = ({"name": "sell", "arguments": {"count": counts}} for counts in ([1, 2], [1]))
    demands = Demands.model_validate({"calls": [{"order": order, "calls": [wide, narrow]}]})
    sell = Tool(name="sell", parameters={"type": "object", "properties": {"count": {"type": "integer"}}})
    toolbox = Toolbox(name="kiosk", tools=(sell,))

    def unmet(*counts: int) -> list[str]:
        calls = (Call(name="sell", arguments={"count": count}) for count in counts)
        played = tuple(PlayedCall(call, Result("sold", None, "ok")) for call in calls)
        return [one.demand for one in unmet_demands(demands, PlayedTurn(played, "Sold.", {}, {}), toolbox)]

    assert unmet(1, 2) == ([] if order == "any" else ["calls"])
    assert unmet(2, 3, 1) == unmet(3, 1, 1) == []
    assert unmet(2, 3) == unmet(1) == unmet(2, 2) == ["calls"]


def test_white_space_of_a_kept_value_is_kept():
    kept = Demands.model_validate({"keep": ["/text"]})
    for text, unmet in (("a\n  b", []), ("a b", ["keep"]), ("a\n  b\n", ["keep"])):
        played = PlayedTurn((), "Done.", {"text": "a\n  b"}, {"text": text})
        assert [one.demand for one in unmet_demands(kept, played, Toolbox(name="none", tools=()))] == unmet


def followed(calls: list[dict[str, Any]]) -> dict[str, Any]:
    return {"user": "Go on.", "expect": {"action": "reach_gold"}, "gold": {"calls": calls, "answer": "Done."}}


CREATE, CANCEL = called("create_event", **EVENT), called("cancel_event", event_id="e1")
FOLLOWED = Scenario.model_validate(
    SCENARIO.model_dump(exclude={"turns"}) | {"turns": [followed([CREATE]), followed([]), followed([READ, CANCEL])]}
)


@pytest.mark.parametrize(
    ("turns", "unmet"),
    [
        ({}, []),
        ({0: [READ, CREATE, FAILING, READ]}, []),
        ({0: []}, ["no call", "the state", "of create_event", "the state", "of list_events"]),
        ({1: [READ], 2: [CANCEL]}, []),
        ({1: [CANCEL]}, ["of list_events"]),
        ({2: [READ]}, ["the state", "of cancel_event"]),
        ({2: [READ, CANCEL, called("create_event", **OTHER)]}, ["the state"]),
    ],
)
def test_a_turn_that_must_reach_what_the_gold_reaches(turns, unmet, sandbox):
    script = [ScriptedTurn(turn.calls, "") for turn in gold_script(FOLLOWED)]
    for number, calls in turns.items():
        script[number] = ScriptedTurn(tuple(map(Call.model_validate, calls)), "")
    world = WorldNames().resolve("calendar")
    proof = ScenarioProof(FOLLOWED, world, sandbox)
    played = play(FOLLOWED, script, world, sandbox)
    found = [one for lacks in unmet_by_turn(FOLLOWED, played, proof.gold) for one in lacks]
    assert {one.demand for one in found} <= {"gold"}
    assert [said for said, one in zip(unmet, found, strict=True) if said not in one.detail] == []
    assert succeeds(FOLLOWED, played, proof.gold) is (not unmet)
    assert not [*proof.faults()]
