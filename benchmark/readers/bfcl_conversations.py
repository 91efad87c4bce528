"""Reads the multi-turn categories of BFCL v4 as scenarios.

A question is `{"id", "question": [[turn], …], "involved_classes", "initial_config", …}`. The answer, in the file of the
same name in `possible_answer/`, has the calls of each turn in Python's syntax. The folder `multi_turn_func_doc/`
describes the tools of each class.

The questions are interpreted as in BFCL's own program (ShishirPatil/gorilla, version 2026.3.23,
bfcl_eval/model_handler/base_handler.py and bfcl_eval/eval_checker/multi_turn_eval/multi_turn_checker.py):

- In the category `miss_func`, a tool is missing until a later turn. In this turn, the user says only that there are
  more tools.
- A scenario succeeds if every turn reaches what the gold reaches. See `ReachGold`.

The four categories contain variants of the same conversations, so the variants are in one cluster.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.data.cases import Source, Tool, Toolbox
from toolmark.benchmark.data.scenarios import Gold, GoldCall, ReachGold, Scenario, Turn
from toolmark.benchmark.readers import BadRow
from toolmark.benchmark.readers.file_rows import Row, json_rows
from toolmark.benchmark.readers.python_calls import python_calls
from toolmark.benchmark.readers.row_conversion import UNREADABLE, field, reason
from toolmark.benchmark.readers.tool_formats import tool_of, toolbox_of
from toolmark.benchmark.tools.bfcl.installed import CLASSES, WORLD, bfcl_world
from toolmark.benchmark.tools.worlds.world_names import NamedWorld

__all__ = ["BfclConversations", "answers_beside", "conversation_files"]

_FILE = re.compile(r"BFCL_v\d+_multi_turn_(base|miss_func|miss_param|long_context)\.json")
_MORE_TOOLS = "I have updated some more functions you can choose from. What about now?"
"""What the user says in BFCL when more tools are offered."""
_ANSWER = "Done."
"""The answers of the gold. BFCL has none."""


def conversation_files(path: Path) -> list[Path]:
    """Return the files of multi-turn categories at `path`, sorted by name.

    Args:
        path: A file, a folder, or a folder and a pattern of file names, for example `DIR/*multi_turn*`.
    """
    if path.is_dir():
        found: Iterator[Path] = path.iterdir()
    else:
        found = iter([path]) if path.exists() else path.parent.glob(path.name)
    return sorted(file for file in found if _FILE.fullmatch(file.name))


def answers_beside(file: Path) -> Path:
    """Return the file with the right answers to the questions of a file.

    Raises:
        InputError: There is no such file.
    """
    return _beside(file, "possible_answer", file.name)


def _beside(file: Path, folder: str, name: str) -> Path:
    path = file.parent / folder / name
    if not path.is_file():
        raise InputError(
            f"there is no file {path}, which the questions of {file} need",
            f"Copy the folder {folder} of BFCL to {file.parent}.",
        )
    return path


class BfclConversations:
    """The scenarios in files of multi-turn categories.

    Args:
        files: The files. All are in the same folder.
    """

    def __init__(self, files: Sequence[Path]) -> None:
        self._files = files

    @cached_property
    def world(self) -> NamedWorld:
        """Return the world of the scenarios.

        Raises:
            InputError: A description of tools cannot be read.
            EnvironmentFault: The package `bfcl-eval` is not installed.
        """
        return bfcl_world(tool.name for tools in self._tools.values() for tool in tools)

    def scenarios(self) -> Iterator[tuple[Path, int, Scenario | BadRow]]:
        """Yield the scenarios, with their files and line numbers.

        Raises:
            InputError: A file cannot be read.
        """
        for file in self._files:
            answers = {
                str(row.get("id")): row.get("ground_truth")
                for _, row in json_rows(answers_beside(file))
                if not isinstance(row, BadRow)
            }
            for line, row in json_rows(file):
                yield file, line, row if isinstance(row, BadRow) else self._scenario(file, line, row, answers)

    @cached_property
    def _tools(self) -> Mapping[str, Sequence[Tool]]:
        """Return the tools of each class."""
        tools: dict[str, list[Tool]] = {}
        for name, module in CLASSES.items():
            tools[name] = []
            file = _beside(self._files[0], "multi_turn_func_doc", f"{module}.json")
            for line, row in json_rows(file):
                try:
                    if isinstance(row, BadRow):
                        raise ValueError(row.reason)
                    tools[name].append(tool_of(row))
                except UNREADABLE as error:
                    raise InputError(
                        f"{file}:{line}: {reason(error)}", "Correct the description of the tool."
                    ) from None
        return tools

    def _scenario(self, file: Path, line: int, row: Row, answers: Mapping[str, Any]) -> Scenario | BadRow:
        try:
            return self._made(_Question(row, str(_category(file)), answers))
        except UNREADABLE as error:
            return BadRow(file, line, reason(error)[:500])

    def _made(self, question: _Question) -> Scenario:
        classes = question.classes
        toolbox = toolbox_of((tool for name in classes for tool in self._tools[name]), WORLD)
        return Scenario(
            world=WORLD,
            toolbox=toolbox,
            state={
                "classes": classes,
                "config": field(question.row, "initial_config", dict),
                "long_context": question.category == "long_context",
            },
            turns=tuple(question.turns(toolbox)),
            tools_from_turn=question.tools_from_turn,
            free=("/made",),
            group=f"multi_turn_{question.ref.rpartition('_')[2]}",
            tags={"category": f"multi_turn_{question.category}"},
            source=Source(name="bfcl", ref=question.ref),
            licence="Apache-2.0",
        )


def _category(file: Path) -> str | None:
    named = _FILE.fullmatch(file.name)
    return named and named[1]


@dataclass(frozen=True)
class _Question:
    row: Row
    category: str
    answers: Mapping[str, Any]

    @property
    def ref(self) -> str:
        return field(self.row, "id", str)

    @property
    def classes(self) -> list[str]:
        classes = field(self.row, "involved_classes", list)
        if unknown := [name for name in classes if name not in CLASSES]:
            raise ValueError(f"the class {unknown[0]!r:.80} is not known. The classes are: {', '.join(CLASSES)}")
        return classes

    @property
    def tools_from_turn(self) -> dict[str, int]:
        missed = self.row.get("missed_function", {})
        return {name: int(index) + 1 for index, names in missed.items() for name in names}

    def turns(self, toolbox: Toolbox) -> Iterator[Turn]:
        questions, answers = field(self.row, "question", list), self.answers.get(self.ref)
        if not isinstance(answers, list) or len(answers) != len(questions):
            raise ValueError(f"this question needs one right answer with {len(questions)} turns")
        parameters = {tool.name: tuple(tool.properties) for tool in toolbox.tools}
        later = self.tools_from_turn.values()
        for number, (messages, calls) in enumerate(zip(questions, answers, strict=True), start=1):
            texts = [field(message, "content", str) for message in messages]
            if not texts and number not in later:
                raise ValueError(f"turn {number} has no text, and offers no new tool")
            made = [call for text in calls for call in python_calls(text, parameters)]
            yield Turn(
                user="\n\n".join(texts) or _MORE_TOOLS,
                expect=ReachGold(action="reach_gold"),
                gold=Gold(
                    calls=tuple(GoldCall(name=call.name, arguments=call.arguments) for call in made), answer=_ANSWER
                ),
            )
