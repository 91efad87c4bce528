"""Compares the dialects with the fixtures of canitoolcall, and writes docs/measurements/dialects.md.

A fixture of canitoolcall contains the exact text that a model wrote, the offered tools, and the calls and the words
that should be read. The program fails if too many fixtures are read differently, or if a difference has no reason.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from canitoolcall.checks import canonical_arguments, normalize_text
from canitoolcall.fixtures import Fixture, load_families, load_fixtures

from studies.page import Page
from toolmark.benchmark.core.registry import load
from toolmark.benchmark.data.cases import Tool
from toolmark.benchmark.data.completions import Completion, ParsedCompletion
from toolmark.benchmark.dialects import Dialect
from toolmark.benchmark.dialects.thinking import MARKS
from toolmark.benchmark.dialects.typed_arguments import typed

ROOT = Path(__file__).parents[1]
OUT = ROOT / "docs" / "measurements" / "dialects.md"

LEAST = 460
"""Number of fixtures, of 469, for which Toolmark must read what the fixture says."""

DIALECTS: Mapping[str, str] = {
    "deepseek": "deepseek",
    "gemma4": "gemma4",
    "glm": "glm",
    "gpt-oss": "harmony",
    "kimi": "kimi",
    "llama": "llama3",
    "mistral": "mistral",
    "qwen3-hermes": "hermes",
    "qwen3-xml": "qwen_xml",
}
"""The dialect of each family. An exception: the fixtures of Llama 4 are read in the dialect `llama4`."""

REASONS: Mapping[str, str] = {
    "qwen3-xml/llamacpp-q35-call-inside-think": (
        "The prompt opens a thought, and the model never closes the thought. For Toolmark, a call inside a thought is "
        "only a draft. The fixture follows llama.cpp, which ends the thought at the call."
    ),
    "kimi/k3-bug-response-only-completion": (
        "The prompt opens a thought. The completion begins with the answer and does not close the thought. For "
        "Toolmark, the whole completion is a thought. The fixture comes from a bug report, which asks servers to "
        "accept such a completion."
    ),
}
"""The reason why Toolmark reads a fixture differently, by the id of the fixture."""

HEAD = """# Calls as models write them

Written by `python -m studies.dialects`. This page shows whether Toolmark correctly reads the calls of different models.
The examples come from the package canitoolcall, and are called fixtures. A fixture contains the exact text of a model,
the offered tools, and the expected calls and words. A program should find these calls and words in the text. Toolmark
reads the text as in an evaluation.
"""


@dataclass(frozen=True, slots=True)
class Read:
    """A fixture, and how it was read.

    Attributes:
        fixture: The fixture.
        right: Whether the lenient reading finds the expected calls and words. If the call in the text is broken, a
            reading without a call is also right.
        strict: Whether the strict reading accepts the text.
        found: The calls and the words that Toolmark read.
    """

    fixture: Fixture
    right: bool
    strict: bool
    found: str


@cache
def _dialect(name: str) -> Dialect:
    return load("toolmark.dialects", name)()


def _tools(fixture: Fixture) -> list[Tool]:
    offered = [tool["function"] for tool in fixture.tools]
    none: dict[str, Any] = {"type": "object", "properties": {}}
    return [Tool(name=tool["name"], parameters=tool.get("parameters") or none) for tool in offered]


def read(fixture: Fixture, prompt: str) -> Read:
    """Read a fixture in the dialect of its family.

    Args:
        fixture: The fixture.
        prompt: The end of the prompt. If it opens a thought, the text of the fixture is inside this thought.
    """
    name = DIALECTS[fixture.family]
    if "Llama-4" in fixture.reference_model:
        name = "llama4"
    opened = next((mark for mark in MARKS if prompt.rstrip().endswith(mark)), "")
    completion = Completion(opened + fixture.raw_output)
    strict, lenient = (
        typed(_dialect(name).parse(completion, strict=strict), _tools(fixture)) for strict in (True, False)
    )
    calls = [(call.name, canonical_arguments(json.dumps(dict(call.arguments)))) for call in lenient.calls]
    return Read(fixture, _right(fixture, calls, lenient), strict.error is None, f"{calls} and {lenient.answer!r}")


def _right(fixture: Fixture, calls: list[tuple[str, Any]], reading: ParsedCompletion) -> bool:
    if fixture.expected is None:
        return not calls
    expected = [(call.name, canonical_arguments(json.dumps(call.arguments))) for call in fixture.expected.tool_calls]
    words = normalize_text(fixture.expected.content, soft=True)
    return calls == expected and normalize_text(reading.answer, soft=True) == words


def readings() -> Iterator[Read]:
    """Read every fixture."""
    prompts = {
        model.repo: model.default_generation_prompt or ""
        for family in load_families().values()
        for model in family.reference_models
    }
    for fixture in load_fixtures():
        given = fixture.generation_prompt
        yield read(fixture, prompts.get(fixture.reference_model, "") if given is None else given)


def write(found: list[Read]) -> Page:
    """Return the page."""
    page = Page(HEAD)
    rows = []
    for family in sorted(DIALECTS):
        those = [one for one in found if one.fixture.family == family]
        right = sum(one.right for one in those)
        strict = sum(one.strict for one in those if one.fixture.expected is not None)
        dialect = "llama3, llama4" if family == "llama" else DIALECTS[family]
        rows.append([family, dialect, str(len(those)), str(right), str(len(those) - right), str(strict)])
    page.section(
        "Families",
        "A family is a group of models that write calls in the same form. Toolmark reads each text twice. The strict "
        "reading accepts only the exact form of the dialect. The lenient reading also accepts small mistakes in the "
        "form.\n\n"
        "- **right**: The lenient reading finds the expected calls and words. If a call in the text is broken, finding "
        "no call is also right.\n"
        "- **strict**: The strict reading accepts the text. This reading refuses broken calls, text after a call, and "
        "incomplete texts.",
        ["family", "dialect", "fixtures", "right", "different", "strict"],
        rows,
    )
    right = sum(one.right for one in found)
    page.held(
        right >= LEAST,
        f"In at least {LEAST} of {len(found)} fixtures, Toolmark must find the expected calls and words",
        f"{right} of {len(found)} fixtures",
    )
    otherwise = [one for one in found if not one.right]
    page.section(
        "Fixtures that are read differently",
        "In these fixtures, Toolmark does not find the expected calls and words. The table gives the reasons.",
        ["fixture", "reason"],
        [[one.fixture.id, REASONS.get(one.fixture.id, "none")] for one in otherwise],
    )
    without = [one.fixture.id for one in otherwise if one.fixture.id not in REASONS]
    page.held(
        not without,
        "For each fixture in this table, a reason must be recorded",
        f"{len(without)} fixtures without a reason",
    )
    return page


def main() -> None:
    """Read the fixtures, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    found = list(readings())
    page = write(found)
    for one in found:
        if not one.right and one.fixture.id not in REASONS:
            sys.stderr.write(f"{one.fixture.id}: {one.found}\n")
    page.finish(options.out)


if __name__ == "__main__":
    main()
