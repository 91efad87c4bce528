"""Reads BFCL v4: the single-turn categories in Python's syntax.

A folder of BFCL contains questions in `BFCL_v4_*.json`, and the answers in files of the same name in
`possible_answer/`. A question is `{"id", "question": [[turn, …]], "function": [tool, …]}`. An answer is
`{"id", "ground_truth": [{name: {argument: [value, …]}}, …]}`.

Questions and answers are interpreted as the official checker interprets them (ShishirPatil/gorilla,
bfcl_eval/eval_checker/ast_eval/ast_checker.py, commit a6da28ee):

- The types `dict`, `float` and `tuple` become JSON Schema's object, number and array. The type `any` allows every
  value.
- If the values of an optional argument contain `""`, the model is allowed to leave out the argument. If the argument is
  a string, the value `""` is right, too.
- Strings are compared by the rule `bfcl`. This also holds for strings in a list or in an object, but not on deeper
  levels.
- The model can write the calls in any order. In tool names, `.` and `_` count as equal, because some servers refuse the
  dot.
- In the irrelevance categories, no call is right.

Three things are special:

- An argument that the tool does not declare is ignored if its values contain `""`.
- If no accepted combination of values fits the schema of a tool, or the answer needs an argument that the tool does
  not declare, the case is waived with this reason.
- Files of other categories are not read. In a folder, they are ignored. If the user gives the path of such a file, an
  error is raised. `_UNREAD` contains the reasons. `bfcl_conversations.py` reads the multi-turn categories.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.data.cases import (
    Abstain,
    CallOption,
    CallSpec,
    Case,
    ExpectCall,
    Message,
    Source,
    Tool,
    Toolbox,
)
from toolmark.benchmark.data.match_rules import Accept
from toolmark.benchmark.data.traces import Trace
from toolmark.benchmark.readers import BadRow, BaseReader
from toolmark.benchmark.readers.bfcl_conversations import answers_beside, conversation_files
from toolmark.benchmark.readers.expected_calls import option_fault
from toolmark.benchmark.readers.file_rows import Row, data_files, json_rows
from toolmark.benchmark.readers.row_conversion import convert, field
from toolmark.benchmark.readers.tool_formats import required_names, tool_of, toolbox_of
from toolmark.benchmark.tools.schemas import compile_schema, problems

__all__ = ["CATEGORIES", "BfclReader"]

CATEGORIES = (
    *("simple", "simple_python", "multiple", "parallel", "parallel_multiple", "irrelevance"),
    *("live_simple", "live_multiple", "live_parallel", "live_parallel_multiple", "live_irrelevance"),
)
_UNREAD = {
    r"live_relevance": "BFCL has no answers for it",
    r"(simple_)?java": "its answers are written in Java's syntax",
    r"(simple_)?javascript": "its answers are written in JavaScript's syntax",
    r"(memory|web_search|multi_turn).*": "its tools are not in the file",
    r".*": "it is not a single-turn category of BFCL v4 in Python's syntax",
}
"""Patterns of categories that are not read, with the reasons."""
_FILE = re.compile(r"BFCL_v\d+_(.+)\.json(?:l)?(?:\.gz)?")
_MAX_OPTIONS = 64
"""The largest number of right answers of a case. If several arguments accept several objects, every combination is a
right answer.
"""


def _category(file: Path) -> str | None:
    named = _FILE.fullmatch(file.name)
    return named[1] if named and named[1] in CATEGORIES else None


class BfclReader(BaseReader):
    """Reads cases from questions and their answers, in one file or in all files of a folder."""

    name = "bfcl"

    @staticmethod
    def has_cases(path: Path) -> bool:
        """Return whether a file or folder contains a category that this reader reads.

        Raises:
            InputError: A folder has no data file.
        """
        return path.exists() and any(map(_category, data_files(path, ".json", ".jsonl", ".gz")))

    def read(self, path: Path) -> Iterator[Case | Trace | BadRow]:
        """Yield the cases, category by category.

        Raises:
            InputError: There is no file of a category that this reader reads, or a file is unreadable.
        """
        files = [file for file in data_files(path, ".json", ".jsonl", ".gz") if _category(file)]
        named = _FILE.fullmatch(path.name)
        if not files and path.is_file() and named:
            reason = next(why for category, why in _UNREAD.items() if re.fullmatch(category, named[1]))
            if conversation_files(path):
                raise InputError(
                    f"{path} contains conversations and not cases",
                    f"Let a model hold the conversations: toolmark eval --model M --cases bfcl:{path}",
                )
            raise InputError(
                f"{path} contains BFCL's category {named[1]}, which is not read: {reason}",
                f"Give a file of one of these categories: {', '.join(CATEGORIES)}.",
            )
        if not files:
            raise InputError(
                f"{path} contains no single-turn category of BFCL in Python's syntax",
                "Give the path of a folder with files BFCL_v4_CATEGORY.json, or of one such file. CATEGORY is one of: "
                f"{', '.join(CATEGORIES)}.",
            )
        for file in files:
            yield from self._file(file, str(_category(file)))

    def _file(self, file: Path, category: str) -> Iterator[Case | Trace | BadRow]:
        answers: dict[str, Any] = {}
        if not category.endswith("irrelevance"):
            for _, row in json_rows(answers_beside(file)):
                if isinstance(row, BadRow):
                    yield row
                else:
                    answers[str(row.get("id"))] = row.get("ground_truth")

        def case(row: Row, line: int) -> Case:  # noqa: ARG001
            return _case(row, category, answers)

        yield from convert(file, json_rows(file), case)


def _case(row: Row, category: str, answers: Mapping[str, Any]) -> Case:
    ref = field(row, "id", str)
    turns = field(row, "question", list)
    if len(turns) != 1 or not isinstance(turns[0], list):
        raise ValueError(f"a single-turn question must have one turn, not {len(turns)}")
    toolbox = toolbox_of(map(tool_of, field(row, "function", list)))
    expect: ExpectCall | Abstain = Abstain(action="abstain", reason="no_tool_fits")
    waiver = None
    if not category.endswith("irrelevance"):
        truth = answers.get(ref)
        options = _options(truth, toolbox)
        faults = [option_fault(option, toolbox) for option in options]
        valid = tuple(option for option, fault in zip(options, faults, strict=True) if fault is None)
        expect = ExpectCall(action="call", any_of=valid or options)
        waiver = _undeclared(truth, toolbox) or (None if valid else faults[0])
    return Case(
        messages=tuple(map(Message.model_validate, turns[0])),
        toolbox=toolbox,
        expect=expect,
        tags={"category": category},
        source=Source(name="bfcl", ref=ref),
        licence="Apache-2.0",
        waiver=waiver,
    )


def _options(truth: Any, toolbox: Toolbox) -> tuple[CallOption, ...]:
    if not isinstance(truth, list) or not truth:
        raise ValueError("the file of right answers has no row for this question")
    calls: list[list[CallSpec]] = []
    for call in truth:
        if not isinstance(call, Mapping) or len(call) != 1:
            raise ValueError(f"a possible answer must be {{name: {{argument: [value, …]}}}}, not {call!r:.80}")
        ((name, arguments),) = call.items()
        if name not in toolbox.names or not isinstance(arguments, Mapping):
            raise ValueError(f"the possible answer calls the tool {name!r:.80}, which is not offered")
        calls.append(_specs(name, arguments, toolbox[name]))
    combined = list(itertools.islice(itertools.product(*calls), _MAX_OPTIONS + 1))
    if len(combined) > _MAX_OPTIONS:
        raise ValueError(f"more than {_MAX_OPTIONS} answers are right, but only {_MAX_OPTIONS} are supported")
    return tuple(CallOption(calls=chosen, names="dot_underscore") for chosen in combined)


def _undeclared(truth: Any, toolbox: Toolbox) -> str | None:
    for call in truth:
        for name, arguments in call.items():
            declared: Any = toolbox[name].parameters.get("properties", {})
            for argument, values in arguments.items():
                if argument not in declared and "" not in values:
                    return f"its own answer needs the argument {argument}, which {name} does not declare"
    return None


def _specs(name: str, arguments: Mapping[str, Any], tool: Tool) -> list[CallSpec]:
    """Return the expected call as a list with one element.

    A rule can describe only one object. So if an argument accepts several objects, return one expected call for each
    object.
    """
    properties: Any = tool.parameters.get("properties", {})
    required = required_names(tool)
    accepted: dict[str, list[Accept]] = {}
    optional: list[str] = []
    for argument, values in arguments.items():
        if not isinstance(values, list):
            raise ValueError(f"the accepted values of {argument} must be a list, not {values!r:.80}")
        if argument not in properties:
            continue
        if rules := _rules(values, properties[argument]):
            accepted[argument] = rules
            if "" in values and argument not in required:
                optional.append(argument)
    chosen = itertools.islice(itertools.product(*accepted.values()), _MAX_OPTIONS + 1)
    return [
        CallSpec(name=name, arguments=dict(zip(accepted, rules, strict=True)), optional=tuple(optional))
        for rules in chosen
    ]


def _rules(values: Sequence[Any], schema: Mapping[str, Any]) -> list[Accept]:
    """Return the rules of an argument. A value is right if one of the rules accepts the value.

    If the list of rules is empty, the model must leave out the argument.
    """
    kind = schema.get("type")
    items = schema.get("items")
    # One rule cannot accept both an object and null.
    none = [Accept(of=[None])] if None in values else []
    if kind == "object":
        return [_object(value) for value in values if isinstance(value, Mapping)] + none
    if kind == "array" and isinstance(items, Mapping) and items.get("type") == "object":
        listed = [value for value in values if isinstance(value, list)]
        return [Accept(match="list", of=[_object(item) for item in value]) for value in listed] + none
    # "" is an accepted value only if the schema allows a string. Otherwise "" means that the argument is optional.
    given = [value for value in values if value != "" or kind in ("string", None)]
    validator = compile_schema(schema)
    # Values that the schema allows come first, because the check of the gold uses the first value.
    ordered = sorted(given, key=lambda value: (bool(problems(value, validator)), value == ""))
    if not ordered or (set(map(repr, ordered)) == {"''"} and problems("", validator)):
        return []
    texts = any(isinstance(value, str) or (isinstance(value, list) and _has_text(value)) for value in ordered)
    return [Accept(match="bfcl" if texts else "exact", of=ordered)]


def _has_text(value: Sequence[Any]) -> bool:
    return any(isinstance(item, str) for item in value)


def _object(value: Any) -> Accept:
    if not isinstance(value, Mapping) or not all(isinstance(given, list) for given in value.values()):
        raise ValueError(f"an accepted object must be {{key: [value, …]}}, not {value!r:.80}")
    fields = {
        key: Accept(match="bfcl" if _has_text(given) else "exact", of=[item for item in given if item != ""] or [""])
        for key, given in value.items()
    }
    return Accept(match="object", of=fields, optional=tuple(key for key, given in value.items() if "" in given))
