"""Compares our verdicts on BFCL's multi-turn conversations with BFCL's verdicts. Writes a page of docs/measurements.

The conversations are the gold of all scenarios, and wrong variants of the gold. The package `bfcl-eval` must be
installed. The program fails if a target is missed.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

from studies.page import Page, percent
from studies.recorded_verdicts import lines
from toolmark.benchmark.data.cases import Call
from toolmark.benchmark.data.scenarios import Scenario
from toolmark.benchmark.readers.bfcl_conversations import BfclConversations, conversation_files
from toolmark.benchmark.scoring.gold_conversations import ScriptedTurn, gold_script, play, succeeds
from toolmark.benchmark.scoring.turn_demands import PlayedTurn
from toolmark.benchmark.tools.sandbox import CallLimits, Sandbox
from toolmark.benchmark.tools.worlds.world_session import world_sandbox

OUT = Path(__file__).parents[1] / "docs" / "measurements" / "bfcl-multi-turn.md"

VARIANTS = 2000
AGREEMENT = 0.995
SEED = 20

KINDS: Mapping[str, str] = {
    "dropped": "a call is left out",
    "doubled": "a call is made twice",
    "reordered": "two calls of a turn change places",
    "altered": "an argument has another value, or is left out",
    "read": "a call that only reads is added",
}
EARLIER = "earlier"
READING = ("get_", "list_", "view_", "ls", "pwd", "find", "du", "check_", "message_get_", "posting_get_", "ticket_get_")
NOT_OFFERED = "a tool is called before it is offered"
UNEXPLAINED = "unexplained"

Script = list[ScriptedTurn]


@dataclass(frozen=True, slots=True)
class Judged:
    """Both verdicts on a conversation.

    Attributes:
        category: The category of BFCL.
        ref: The id of the question.
        kind: The kind of the variant, or `gold`.
        official: Whether the conversation is right for BFCL.
        ours: Whether the conversation is right for Toolmark.
        reason: Why the verdicts differ. Empty if they are equal.
    """

    category: str
    ref: str
    kind: str
    official: bool
    ours: bool
    reason: str = ""


class Official:
    """BFCL's own checker.

    Args:
        files: The files with the questions.
    """

    def __init__(self, files: Sequence[Path]) -> None:
        self._checker = importlib.import_module("bfcl_eval.eval_checker.multi_turn_eval.multi_turn_checker")
        self._objects = vars(importlib.import_module("bfcl_eval.eval_checker.multi_turn_eval.multi_turn_utils"))
        self._questions = _rows(files)
        self._answers = _rows([file.parent / "possible_answer" / file.name for file in files])

    def is_right(self, ref: str, script: Sequence[ScriptedTurn]) -> bool:
        """Return the verdict of the checker. Each call is a step of its own."""
        steps = [[[_written(call)] for call in turn.calls] for turn in script]
        before = set(self._objects)
        truth = self._answers[ref]["ground_truth"]
        checked = self._checker.multi_turn_checker(steps, truth, self._questions[ref], "", "study")
        for name in set(self._objects) - before:  # Otherwise the next conversation would continue with these objects.
            del self._objects[name]
        return bool(checked["valid"])


def _rows(files: Sequence[Path]) -> Mapping[str, Any]:
    return {row["id"]: row for file in files for row in lines(file)}


def _written(call: Call) -> str:
    return f"{call.name}({', '.join(f'{name}={value!r}' for name, value in call.arguments.items())})"


def variant(kind: str, scenario: Scenario, rng: Random) -> Script | None:
    """Return a variant of the gold, or None if the gold has no place for this kind."""
    script = gold_script(scenario)
    lengths = {number: len(turn.calls) for number, turn in enumerate(script)}
    turns = [number for number, length in lengths.items() if length >= (2 if kind == "reordered" else 1)]
    if not turns:
        return None
    number = rng.choice(turns)
    calls = list(script[number].calls)
    place = rng.randrange(len(calls))
    if kind == "dropped":
        del calls[place]
    elif kind == "doubled":
        calls.insert(place, calls[place])
    elif kind == "reordered":
        other = (place + 1) % len(calls)
        calls[place], calls[other] = calls[other], calls[place]
    elif kind == "altered":
        if not calls[place].arguments:
            return None
        calls[place] = _altered(calls[place], rng)
    elif kind == EARLIER:
        if number == 0:
            return None
        before = script[number - 1]
        script[number - 1] = replace(before, calls=(*before.calls, calls.pop(place)))
    else:
        readers = [
            tool.name
            for tool in scenario.offered(number + 1).tools
            if tool.name.startswith(READING) and not tool.parameters.get("required")
        ]
        if not readers:
            return None
        calls.insert(place, Call(name=rng.choice(readers)))
    script[number] = replace(script[number], calls=tuple(calls))
    return script


def _altered(call: Call, rng: Random) -> Call:
    arguments: dict[str, Any] = dict(call.arguments)
    name = rng.choice(list(arguments))
    value = arguments[name]
    if isinstance(value, bool):
        arguments[name] = not value
    elif isinstance(value, int | float):
        arguments[name] = value + rng.choice((1, -1, 0.5))
    elif isinstance(value, str) and value and rng.random() < 0.8:
        arguments[name] = rng.choice((value + "x", value[:-1], value.upper(), f"{value} "))
    else:
        del arguments[name]
    return Call(name=call.name, arguments=arguments)


def variants(scenarios: Sequence[Scenario], kinds: Sequence[str], count: int) -> Iterator[tuple[str, Scenario, Script]]:
    """Yield variants of randomly drawn scenarios. The kinds of variants take turns."""
    rng = Random(SEED)
    made = 0
    while made < count:
        scenario, kind = rng.choice(scenarios), kinds[made % len(kinds)]
        if (script := variant(kind, scenario, rng)) is not None:
            made += 1
            yield kind, scenario, script


class Study:
    """Judges conversations in both ways.

    Args:
        conversations: The scenarios.
        official: BFCL's checker.
        sandbox: A sandbox of `world_sandbox`.
    """

    def __init__(self, conversations: BfclConversations, official: Official, sandbox: Sandbox) -> None:
        self._world, self._official, self._sandbox = conversations.world, official, sandbox
        self._gold: dict[str, Sequence[PlayedTurn]] = {}

    def judged(self, kind: str, scenario: Scenario, script: Script) -> Judged:
        """Return both verdicts on a conversation."""
        gold = self._gold.get(scenario.id)
        if gold is None:
            gold = self._gold[scenario.id] = play(scenario, gold_script(scenario), self._world, self._sandbox)
        played = gold if kind == "gold" else play(scenario, script, self._world, self._sandbox)
        ref = scenario.source.ref
        official, ours = self._official.is_right(ref, script), succeeds(scenario, played, gold)
        reason = "" if official is ours else _reason(played)
        return Judged(str(scenario.tags["category"]), ref, kind, official, ours, reason)


def _reason(played: Sequence[PlayedTurn]) -> str:
    errors = [str(one.result.error) for turn in played for one in turn.calls if one.result.kind == "error"]
    return NOT_OFFERED if any(error.startswith("There is no tool") for error in errors) else UNEXPLAINED


def _page(gold: Sequence[Judged], varied: Sequence[Judged], earlier: Sequence[Judged]) -> Page:
    page = Page(
        "# Multi-turn conversations: Toolmark's judge compared with BFCL's\n\n"
        "Written by `python -m studies.multi_turn`. BFCL v4 has four multi-turn categories with 200 conversations\n"
        "each. BFCL's checker runs the calls of a model, and also the right calls (the gold). The checker then\n"
        "compares the states and the results of both. This page compares BFCL's checker with Toolmark's judge, on the\n"
        "gold and on variants of it.\n"
    )
    categories = Counter(one.category for one in gold)
    page.section(
        "Agreement",
        "The column `right for BFCL` counts the conversations that are right for BFCL's checker. Some variants are "
        "right, for example a variant with an additional call that only reads.",
        ("conversations", "n", "right for BFCL", "right for Toolmark", "equal verdicts"),
        [
            *(_row(f"gold of {name}", [one for one in gold if one.category == name]) for name in categories),
            *(_row(f"{kind}: {what}", [one for one in varied if one.kind == kind]) for kind, what in KINDS.items()),
            *(_row(f"variants in {name}", [one for one in varied if one.category == name]) for name in categories),
            _row("earlier: a call is made at the end of the turn before", earlier),
        ],
    )
    page.paragraph(
        "The target excludes the last row. In this row, some tools are called before they are offered. The "
        "judges differ here on purpose: BFCL makes such a call, but Toolmark answers that there is no such tool."
    )
    right = sum(one.official and one.ours for one in gold)
    page.held(
        right == len(gold), "Both judges must accept the gold of every scenario", f"{right} of {len(gold)} scenarios"
    )
    share = sum(one.official is one.ours for one in varied) / len(varied)
    page.held(share >= AGREEMENT, f"Both judges must agree on {percent(AGREEMENT)} of the variants", percent(share, 2))
    apart = [one for one in (*gold, *varied, *earlier) if one.reason]
    unexplained = sum(one.reason == UNEXPLAINED for one in apart)
    page.held(
        not unexplained, "Each difference must have a known reason", f"{unexplained} differences without a reason"
    )
    page.section(
        "Differences",
        "Each row is a conversation on which the judges differ. The column `BFCL` shows the verdict of BFCL.",
        ("question", "variant", "BFCL", "reason"),
        [(one.ref, one.kind, "right" if one.official else "wrong", one.reason) for one in apart],
    )
    return page


def _row(name: str, judged: Sequence[Judged]) -> tuple[str, ...]:
    equal = sum(one.official is one.ours for one in judged)
    right, ours = sum(one.official for one in judged), sum(one.ours for one in judged)
    return name, str(len(judged)), str(right), str(ours), percent(equal / len(judged), 2) if judged else "–"


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--variants", type=int, default=VARIANTS, help="number of variants")
    parser.add_argument("--every", type=int, default=1, help="use only every N-th scenario")
    arguments = parser.parse_args()
    found = importlib.util.find_spec("bfcl_eval")
    if found is None or not found.submodule_search_locations:
        sys.stdout.write(f"the package bfcl-eval is not installed, so {arguments.out} was not changed\n")
        return
    files = conversation_files(Path(found.submodule_search_locations[0]) / "data")
    conversations = BfclConversations(files)
    scenarios = [row for _, _, row in conversations.scenarios() if isinstance(row, Scenario)][:: arguments.every]
    # Without confinement, no process is started for each call, so the study takes less time. The limit of a call is
    # long, because other programs can keep the processor busy.
    with world_sandbox(CallLimits(seconds=60, confined=False)) as sandbox:
        study = Study(conversations, Official(files), sandbox)
        gold = [study.judged("gold", one, gold_script(one)) for one in scenarios]
        varied = [study.judged(*one) for one in variants(scenarios, list(KINDS), arguments.variants)]
        earlier = [study.judged(*one) for one in variants(scenarios, [EARLIER], arguments.variants // 10)]
    page = _page(gold, varied, earlier)
    page.finish(arguments.out)


if __name__ == "__main__":
    main()
