"""What cases are made of is counted from the cases, and a shown case tells everything without steering the terminal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from toolmark.benchmark.core.errors import InputError, NothingToDo
from toolmark.benchmark.data.cases import Case, query_hash
from toolmark.benchmark.data.held_out import held_out
from toolmark.benchmark.readers.case_selection import load_cases
from toolmark.benchmark.readers.scenarios import load_scenarios
from toolmark.benchmark.verdicts.power import mcnemar_power, minimum_detectable_effect
from toolmark.suites import CASES
from toolmark.suites.case_panel import selected_cases
from toolmark.suites.case_statistics import CountTable, case_tables
from toolmark.suites.lint import located_cases
from toolmark.suites.lint.findings import stratum
from toolmark.suites.manifest import manifest_text


def shipped() -> list[Case]:
    return [case for split in ("dev", "test") for case in load_cases(str(CASES), split)[0]]


def cells(table: CountTable) -> dict[str, tuple[str, ...]]:
    return {row[0]: row[1:] for row in table.rows}


def test_tables_add_up_to_the_cases():
    cases = shipped()
    strata, sizes, tools, topics, _ = map(cells, case_tables(cases))
    called = [case for case in cases if stratum(case) == "call"]
    words = sorted(len(case.messages[0].content.split()) for case in called)
    assert strata["call"][0] == str(len(called))
    assert strata["call"][-1].startswith(f"{words[0]} / ")
    assert strata["call"][-1].endswith(f" / {words[-1]}")
    for column in (0, 2, 3, 4, 5):
        assert sum(int(row[column]) for name, row in strata.items() if name != "all") == int(strata["all"][column])
    assert sum(int(row[0]) for row in sizes.values()) == sum(int(row[0]) for row in topics.values()) == len(cases)
    offering = [case for case in cases if "calculator" in case.toolbox.names]
    assert tools["calculator"][-1] == str(len(offering))
    assert set(tools) == {name for case in cases for name in case.toolbox.names}
    assert len(tools) >= 40


def test_the_smallest_effect_is_of_the_test_splits_population():
    test = [case for case in shipped() if case.split == "test"]
    waived = [test[0].model_copy(update={"waiver": "disputed"}), *test[1:]]
    effects = cells(case_tables([*waived, *(case for case in shipped() if case.split == "dev")])[-1])
    restraint = [case for case in waived if case.expect.action == "abstain" and case.waiver is None]
    n = len(restraint)
    effect = minimum_detectable_effect(n, 0.1)
    assert effect is not None
    assert effects["timing.restraint"] == (str(n), str(n), f"{effect * 100:.1f}")
    assert mcnemar_power(n, effect, 0.1) == pytest.approx(0.8, abs=1e-3)
    assert effects["guard.stops"][0] == str(len(test) - 1)


def test_a_family_counts_once():
    test = [case for case in shipped() if case.split == "test"]
    pairs = [case.model_copy(update={"group": f"g{index // 2}"}) for index, case in enumerate(test)]
    alone, paired = cells(case_tables(test)[-1])["guard.stops"], cells(case_tables(pairs)[-1])["guard.stops"]
    assert (alone[0], alone[1]) == (str(len(test)), str(len(test)))
    assert (paired[0], paired[1]) == (str(len(test)), str((len(test) + 1) // 2))
    assert float(paired[2]) > float(alone[2])


def test_too_few_cases_show_no_effect():
    few = [case for case in shipped() if case.split == "test"][:5]
    assert cells(case_tables(few)[-1])["guard.stops"] == ("5", "5", "none")


def test_cases_are_chosen_by_id_tool_and_reason():
    rows, _ = located_cases([CASES])
    assert [row.case.id for row in selected_cases(rows, rows[7].case.id[:8], None, None)] == [rows[7].case.id]
    mail = selected_cases(rows, None, "send_email", None)
    assert {row.case.expect.action for row in mail} == {"call", "abstain"}
    missing = selected_cases(rows, None, "send_email", "missing_argument")
    assert missing
    assert all(
        row.file.name.startswith("missing_argument.") and row.case.expect.tool == "send_email" for row in missing
    )
    with pytest.raises(InputError, match="send_email"):
        selected_cases(rows, None, "send_mail", None)
    with pytest.raises(InputError, match="no_tool_fits"):
        selected_cases(rows, None, None, "no_tool_fit")
    with pytest.raises(NothingToDo):
        selected_cases(rows, "zz", None, None)


def test_a_case_is_shown_whole_and_cannot_steer_the_terminal(written, toolmark):
    row = json.loads((CASES / "calls.dev.jsonl").read_text().splitlines()[1])
    row["messages"][0]["content"] += " \x1b[2J[bold]done[/bold]"
    row["waiver"] = "two readings"
    row["expect"]["any_of"].append({"calls": [{"name": "sort_list", "arguments": {"items": {"match": "nonempty"}}}]})
    run = toolmark("show", str(written([row])), "--reason", "call, several tools right")
    assert run.returncode == 0, run.stderr
    for text in (
        "\\x1b[2J[bold]done[/bold]",
        "compute_median(numbers: set [640, ",
        "two readings",
        "planted.test.jsonl:1",
    ):
        assert text in run.stdout
    assert "\x1b" not in run.stdout
    assert "sort_list(items: anything that is not empty)" in run.stdout


def test_the_commands_want_files_that_can_be_read(written, toolmark, tmp_path: Path):
    for command in ("show", "stats"):
        assert toolmark(command).returncode == 4
        run = toolmark(command, str(written(["{broken"])))
        assert run.returncode == 4
        assert "planted.test.jsonl:1: not JSON" in run.stderr
        (tmp_path / "empty.jsonl").write_text("")
        assert toolmark(command, str(tmp_path / "empty.jsonl")).returncode == 5


def test_stats_draws_every_table(toolmark):
    run = toolmark("stats", str(CASES))
    assert run.returncode == 0, run.stderr
    for text in (
        "no_tool_needed",
        "tools offered",
        "query_database",
        "arithmetic",
        "minimum detectable effect",
        "validity.call",
    ):
        assert text in run.stdout


@pytest.mark.parametrize("command", ["show", "stats", "lint"])
def test_a_path_without_cases_is_named_with_the_shipped_sets(toolmark, command):
    run = toolmark(command, "nowhere")
    assert run.returncode == 4
    assert "there are no cases at 'nowhere'" in run.stderr
    assert "a shipped set: authored, generated, scenarios" in run.stderr


def test_shipped_sets_are_shown_by_name(toolmark):
    run = toolmark("show", "generated", "--reason", "already_answered")
    assert run.returncode == 0, run.stderr
    assert "generated/cases.test.jsonl:" in run.stdout
    run = toolmark("stats", "scenarios")
    assert run.returncode == 0, run.stderr
    for text in ("bank", "tickets", "recover", "conversation.success"):
        assert text in run.stdout


def test_a_file_that_is_no_json_lines_has_one_finding(written, tmp_path: Path):
    page = tmp_path / "report.html"
    page.write_text("<html>\n<p>1</p>\n42\n" * 100)
    _, findings = located_cases([page])
    assert len(findings) == 1
    assert findings[0].line == 1
    assert "not JSON: Expecting value. No line of this file is a JSON object. Give a file" in findings[0].message
    _, findings = located_cases([written(["{broken", '{"toolbox": "catalog"}', "7"])])
    assert [found.line for found in findings] == [1, 2, 3]


def test_a_list_of_names_is_no_toolbox(written):
    row = json.loads((CASES / "calls.dev.jsonl").read_text().splitlines()[0])
    _, (finding,) = located_cases([written([row | {"toolbox": ["word_count", "char_count"]}])])
    assert "contains the name 'word_count'" in finding.message
    assert 'toolboxes: {mine: [word_count, char_count]}. Then write "toolbox": "mine"' in finding.message


def test_a_manifest_of_own_cases_is_made_and_updated(toolmark, tmp_path: Path):
    folder = tmp_path / "mine"
    folder.mkdir()
    row = json.loads((CASES / "calls.test.jsonl").read_text().splitlines()[0])
    (folder / "my.test.jsonl").write_text(json.dumps(row | {"toolbox": "catalog"}))
    run = toolmark("manifest", str(folder))
    assert run.returncode == 0, run.stderr
    path = folder / "MANIFEST.toml"
    assert f"1 test query written to {path}" in " ".join((run.stdout + run.stderr).split())
    assert held_out(path).queries == {query_hash(row["messages"][0]["content"])}
    path.write_text('held_out_tools = ["send_email"]\n')
    assert toolmark("manifest", str(folder)).returncode == 0
    assert held_out(path).tools == {"send_email"}
    assert len(held_out(path).queries) == 1
    (folder / "my.test.jsonl").write_text((CASES.parent / "scenarios" / "bank.test.jsonl").read_text())
    path.write_text(manifest_text(folder)[0])
    firsts = {query_hash(scenario.turns[0].user) for scenario in load_scenarios(folder)}
    assert held_out(path).queries == firsts
    (folder / "cases.test.jsonl").write_text(json.dumps(row | {"toolbox": "catalog"}))
    mixed = toolmark("manifest", str(folder))
    assert mixed.returncode == 4
    assert "cases.test.jsonl has cases, but" in " ".join(mixed.stderr.split())
    (folder / "my.test.jsonl").write_text("no row\n")
    assert "skipped" in toolmark("manifest", str(folder), "--skip-bad").stdout
    assert toolmark("manifest", str(tmp_path / "nowhere")).returncode == 4
