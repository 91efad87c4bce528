"""BFCL's multi-turn categories: as scenarios, in the world of an installed `bfcl-eval`, and against its own checker."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from studies.multi_turn import KINDS, Official, Study, variants
from toolmark.benchmark.core.errors import EnvironmentFault
from toolmark.benchmark.data.scenarios import Scenario
from toolmark.benchmark.evaluation.evaluate import Evaluation
from toolmark.benchmark.evaluation.request import Request
from toolmark.benchmark.readers import BadRow
from toolmark.benchmark.readers.bfcl_conversations import BfclConversations, conversation_files
from toolmark.benchmark.scoring.gold_conversations import gold_script
from toolmark.benchmark.tools.bfcl.installed import CLASSES
from toolmark.benchmark.tools.worlds.world_session import world_sandbox

INSTALLED = importlib.util.find_spec("bfcl_eval")
SORT = {"name": "sort", "parameters": {"type": "dict", "properties": {"file_name": {"type": "string"}}}}


def folder(tmp_path: Path, answer: Any, **changes: Any) -> Path:
    """A folder of the format with one question, in which `sort` appears in the second turn."""
    question = {
        "id": "multi_turn_miss_func_7",
        "question": [[{"role": "user", "content": "Sort it."}], []],
        "initial_config": {"GorillaFileSystem": {}},
        "involved_classes": ["GorillaFileSystem"],
        "missed_function": {"1": ["sort"]},
    }
    for name in ("possible_answer", "multi_turn_func_doc"):
        (tmp_path / name).mkdir()
    for module in CLASSES.values():
        described = json.dumps(SORT) if module == "gorilla_file_system" else ""
        (tmp_path / "multi_turn_func_doc" / f"{module}.json").write_text(described)
    name = "BFCL_v4_multi_turn_miss_func.json"
    (tmp_path / name).write_text(json.dumps(question | changes))
    row = {"id": "multi_turn_miss_func_7", "ground_truth": answer}
    (tmp_path / "possible_answer" / name).write_text(json.dumps(row))
    return tmp_path


def read(path: Path) -> Scenario | BadRow:
    ((_, _, row),) = BfclConversations(conversation_files(path)).scenarios()
    return row


def test_a_question_becomes_a_scenario(tmp_path: Path) -> None:
    path = folder(tmp_path, [[], ["sort('a.txt')"]])
    scenario = read(path)
    assert isinstance(scenario, Scenario)
    assert scenario == read(path / "*multi_turn*")
    assert [scenario.offered(turn).names for turn in (1, 2)] == [(), ("sort",)]
    assert [turn.user for turn in scenario.turns] == [
        "Sort it.",
        "I have updated some more functions you can choose from. What about now?",
    ]
    assert [[call.arguments for call in turn.gold.calls] for turn in scenario.turns] == [[], [{"file_name": "a.txt"}]]
    assert (scenario.group, scenario.tags) == ("multi_turn_7", {"category": "multi_turn_miss_func"})


@pytest.mark.parametrize(
    ("answer", "changes", "said"),
    [
        ([[]], {}, "2 turns"),
        ([[], ["sort('a', 'b')"]], {}, "named arguments"),
        ([[], ["sort(__import__('os'))"]], {}, "not a Python literal"),
        ([[], []], {"involved_classes": ["Os"]}, "'Os' is not known"),
        ([[], []], {"missed_function": {}}, "turn 2 has no text"),
    ],
)
def test_a_question_that_cannot_be_read_says_why(tmp_path: Path, answer: Any, changes: Any, said: str) -> None:
    row = read(folder(tmp_path, answer, **changes))
    assert isinstance(row, BadRow)
    assert said in row.reason


def test_the_world_needs_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bfcl_eval", None)
    with pytest.raises(EnvironmentFault, match="pip install --no-deps bfcl-eval"):
        BfclConversations(conversation_files(folder(tmp_path, [[], []]))).world  # noqa: B018 - reading it raises


@pytest.mark.skipif(INSTALLED is None, reason="the package bfcl-eval is not installed")
class TestInstalled:
    @property
    def files(self) -> list[Path]:
        assert INSTALLED is not None
        assert INSTALLED.submodule_search_locations
        return conversation_files(Path(INSTALLED.submodule_search_locations[0]) / "data")

    def test_both_judges_decide_alike(self) -> None:
        conversations = BfclConversations(self.files)
        scenarios = [row for _, _, row in conversations.scenarios() if isinstance(row, Scenario)]
        assert len(scenarios) == 800
        with world_sandbox() as sandbox:
            study = Study(conversations, Official(self.files), sandbox)
            found = [study.judged("gold", one, gold_script(one)) for one in scenarios[::400]]
            assert all(one.ours for one in found)
            found += [study.judged(*one) for one in variants(scenarios, list(KINDS), 5)]
        assert [(one.ref, one.kind) for one in found if one.ours is not one.official] == []
        assert {one.ours for one in found} == {True, False}

    def test_policies_hold_its_conversations(self, tmp_path: Path) -> None:
        request = Request(("policy/oracle", "policy/never"), cases=f"bfcl:{self.files[0]}", limit=2, runs=tmp_path)
        perfect, silent = Evaluation(request).run(logs=False).contestants
        assert (perfect.figures["conversation.success"].score, perfect.figures["conversation.success"].n) == (1, 2)
        assert silent.figures["conversation.success"].score == 0
