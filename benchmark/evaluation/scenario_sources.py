"""Finds the scenarios that `--cases` names, and the worlds in which they are played."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Protocol

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.data.scenarios import Scenario
from toolmark.benchmark.data.shipped_cases import case_path
from toolmark.benchmark.evaluation.request import Request
from toolmark.benchmark.readers import BadRow
from toolmark.benchmark.readers.bfcl import BfclReader
from toolmark.benchmark.readers.bfcl_conversations import BfclConversations, conversation_files
from toolmark.benchmark.readers.case_selection import Split, case_files, open_reader
from toolmark.benchmark.readers.scenarios import distinct, kind_of_files, read_scenarios
from toolmark.benchmark.tools.sources.python_world import world_source
from toolmark.benchmark.tools.worlds.world_names import NamedWorld, WorldNames

__all__ = ["ScenarioSource", "scenario_source"]


class ScenarioSource(Protocol):
    """Where scenarios come from.

    Attributes:
        remedy: What the user can do if a scenario is wrong.
    """

    @property
    def remedy(self) -> str: ...  # noqa: D102

    def read(self, *, skip_bad: bool) -> tuple[list[Scenario], list[BadRow]]:
        """Return all scenarios, and the rows that were left out. The errors are those of `read_scenarios`.

        Args:
            skip_bad: Whether rows that cannot be read are left out.
        """
        ...

    def world(self, name: str) -> NamedWorld:
        """Return the world of a scenario.

        Raises:
            InputError: The world is not allowed to run.
            EnvironmentFault: A package that the world needs is not installed.
        """
        ...


class _Files:
    """Files of Toolmark. Their worlds are the shipped worlds, and the world of `--tools`."""

    def __init__(self, path: Path, split: Split, tools: str | None) -> None:
        self._path, self._split, self._worlds = path, split, WorldNames(tools)
        self.world = self._worlds.resolve
        named = ["--tools", tools] if tools is not None else []
        self.remedy = f"See what is wrong: {shlex.join(['toolmark', 'cases', 'lint', str(path), *named])}"

    def read(self, *, skip_bad: bool) -> tuple[list[Scenario], list[BadRow]]:
        return read_scenarios(self._path, self._split, self._worlds, skip_bad=skip_bad)


class _Bfcl:
    """Multi-turn categories of BFCL. The user named them, so the code of the package `bfcl-eval` can run."""

    def __init__(self, cases: str, files: list[Path]) -> None:
        self._cases, self._conversations = cases, BfclConversations(files)
        self.remedy = "Compare the question and its answer with those of BFCL, or remove the question from the file."

    def read(self, *, skip_bad: bool) -> tuple[list[Scenario], list[BadRow]]:
        return distinct(self._cases, self._conversations.scenarios(), skip_bad=skip_bad)

    def world(self, name: str) -> NamedWorld:  # noqa: ARG002 - all scenarios have the same world
        return self._conversations.world


def scenario_source(request: Request) -> ScenarioSource | None:
    """Return the scenarios in `--cases`. Return None if `--cases` contains single-turn cases.

    Raises:
        InputError: A file or `--tools` cannot be read, or the folder has no file of the split.
    """
    cases, tools = request.cases, request.tools
    path = case_path(cases)
    if path.exists():
        if kind_of_files(case_files(path, request.split)) != "scenarios":
            return None
        if tools is not None and world_source(tools) is None:
            raise InputError(
                f"--tools {tools} has no effect, because the tools of a scenario are those of its world",
                "Leave --tools out, or name a world of your own: --tools my_world.py:World",
            )
        return _Files(path, request.split, tools)
    reader, named = open_reader(cases)
    if not isinstance(reader, BfclReader) or reader.has_cases(named) or not (files := conversation_files(named)):
        return None
    if tools is not None:
        raise InputError(
            f"--tools {tools} has no effect, because BFCL's scenarios have their own tools", "Leave --tools out."
        )
    return _Bfcl(cases, files)
