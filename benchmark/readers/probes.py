"""Makes probes. A probe is a copy of a call case with one change.

Probes show which information a model uses to choose a tool. These are the kinds of probes:

    as_authored            The case is unchanged. The other kinds are compared with this kind.
    names_masked           The tools are named tool_1, tool_2, …, so they differ only in descriptions and schemas.
    descriptions_shuffled  Every tool has the description of another tool. This shows whether the model uses the name or
                           the description.
    offered_1 … offered_40 This number of tools is offered, including the right tools. A longer list contains all tools
                           of the shorter lists.
    position_first,        The right tool is the first, middle or last tool of the list.
    position_middle,
    position_last

The source of a probe is `probes`, and the tag `probes` lists the kinds of the probe. Reports have a line for each kind.
All probes of a question stay in one cluster, because the width of an interval must depend on the number of questions,
and not on the number of probes. Two kinds can give the same prompt, for example if the right tool is already the first
tool. Then there is only one probe, and its tag lists both kinds.

The expected answer of a probe is the answer of the original case. Two kinds need care:

- A longer list perhaps contains another tool that would be right, too.
- If descriptions are shuffled, the tool with the right name counts as right.

For this reason, only the difference between the scores of two kinds has a meaning.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from random import Random

from toolmark.benchmark.data.cases import Case, ExpectCall, Message, Source, Tool, Toolbox
from toolmark.benchmark.readers import BadRow
from toolmark.benchmark.readers.toolmark import ToolmarkReader
from toolmark.benchmark.tools.catalog import catalog

__all__ = ["KINDS", "SIZES", "ProbesReader", "probes_of"]

SIZES = (1, 5, 10, 20, 40)
_SEED = "probes/1"
_POSITIONS: Mapping[str, Callable[[int], int]] = {
    "first": lambda others: 0,  # noqa: ARG005
    "middle": lambda others: others // 2,
    "last": lambda others: others,
}
KINDS = (
    "as_authored",
    "names_masked",
    "descriptions_shuffled",
    *(f"offered_{size}" for size in SIZES),
    *(f"position_{place}" for place in _POSITIONS),
)
"""The kinds of probes, in the order of the tables."""


def _right_tools(case: Case) -> frozenset[str]:
    """Return the names of all tools that are called in at least one right answer."""
    options = case.expect.any_of if isinstance(case.expect, ExpectCall) else ()
    return frozenset(spec.name for option in options for spec in option.calls)


def _with_tools(case: Case, tools: list[Tool]) -> Case:
    return case.model_copy(update={"toolbox": Toolbox(name=case.toolbox.name, tools=tuple(tools))})


def _renamed(case: Case, names: Mapping[str, str]) -> Case:
    """Return `case` with its tools renamed in the toolbox, the messages and the expected calls."""

    def turn(message: Message) -> Message:
        calls = tuple(call.model_copy(update={"name": names.get(call.name, call.name)}) for call in message.tool_calls)
        return message.model_copy(update={"tool_calls": calls, "name": names.get(message.name or "", message.name)})

    expect = case.expect
    if isinstance(expect, ExpectCall):
        options = []
        for option in expect.any_of:
            calls = tuple(spec.model_copy(update={"name": names.get(spec.name, spec.name)}) for spec in option.calls)
            options.append(option.model_copy(update={"calls": calls}))
        expect = expect.model_copy(update={"any_of": tuple(options)})
    tools = [tool.model_copy(update={"name": names[tool.name]}) for tool in case.toolbox.tools]
    turns = tuple(map(turn, case.messages))
    return _with_tools(case.model_copy(update={"messages": turns, "expect": expect}), tools)


def _masked(case: Case, rng: Random) -> Case:
    numbers = list(range(1, len(case.toolbox.tools) + 1))
    rng.shuffle(numbers)  # Otherwise, the number in a name would show the position of the tool.
    masks = (f"tool_{number}" for number in numbers)
    return _renamed(case, dict(zip(case.toolbox.names, masks, strict=True)))


def _shuffled(case: Case, rng: Random) -> Case | None:
    """Return `case` in which every tool has the description of another tool. Return None if there is only one tool.

    Each tool gets the description of the next tool in a random cycle, so no tool keeps its own description.
    """
    tools = case.toolbox.tools
    if len(tools) < 2:
        return None
    cycle = list(range(len(tools)))
    rng.shuffle(cycle)
    descriptions = {here: tools[there].description for here, there in zip(cycle, cycle[1:] + cycle[:1], strict=True)}
    return _with_tools(case, [tool.model_copy(update={"description": descriptions[i]}) for i, tool in enumerate(tools)])


def _sized(case: Case, size: int, rng: Random) -> Case | None:
    """Return `case` with `size` tools in random order, or None if there are too few tools.

    The right tools are taken first, then other tools of the case, then other tools of the catalog.
    """
    right = _right_tools(case)
    needed = [tool for tool in case.toolbox.tools if tool.name in right]
    own = [tool for tool in case.toolbox.tools if tool.name not in right]
    further = [tool for tool in catalog().tools if tool.name not in case.toolbox.names]
    rng.shuffle(own)
    rng.shuffle(further)
    others = (own + further)[: max(0, size - len(needed))]
    if len(needed) + len(others) != size:
        return None
    tools = needed + others
    rng.shuffle(tools)
    return _with_tools(case, tools)


def _placed(case: Case, index: Callable[[int], int]) -> Case | None:
    right = _right_tools(case)
    if len(right) != 1 or len(case.toolbox.tools) < 3:
        return None
    others = [tool for tool in case.toolbox.tools if tool.name not in right]
    at = index(len(others))
    return _with_tools(case, [*others[:at], case.toolbox[next(iter(right))], *others[at:]])


def probes_of(case: Case) -> Iterator[tuple[str, Case]]:
    """Yield every probe that can be made from `case`, as a pair of kind and case, in the order of `KINDS`.

    An abstain case has no probes. Every machine makes the same probes, because the seed of random choices depends only
    on the id of the case and the kind.
    """
    if not isinstance(case.expect, ExpectCall):
        return

    def rng(kind: str) -> Random:
        return Random(f"{_SEED}/{case.id}/{kind}")  # noqa: S311 - the choices are not secret

    made: dict[str, Case | None] = {
        "as_authored": case,
        "names_masked": _masked(case, rng("names")),
        "descriptions_shuffled": _shuffled(case, rng("descriptions")),
    }
    # All sizes use the same seed, so a longer list contains all tools of the shorter lists.
    made |= {f"offered_{size}": _sized(case, size, rng("offered")) for size in SIZES}
    made |= {f"position_{place}": _placed(case, index) for place, index in _POSITIONS.items()}
    for kind, probe in made.items():
        if probe is not None:
            yield kind, probe


class ProbesReader(ToolmarkReader):
    """Reads case files of Toolmark, and makes probes from the call cases. Used by the option `--cases probes:PATH`."""

    name = "probes"

    def read(self, path: Path) -> Iterator[Case | BadRow]:
        """Yield the bad rows, and then all probes of the first case, of the second case, and so on.

        Raises:
            InputError: The file or its `tools.yaml` cannot be read.
        """
        probes: dict[str, tuple[Case, list[str]]] = {}
        for row in super().read(path):
            if isinstance(row, BadRow):
                yield row
                continue
            cluster = {"group": row.cluster}
            for kind, probe in probes_of(row):
                probes.setdefault(probe.id, (probe.model_copy(update=cluster), []))[1].append(kind)
        for case, kinds in probes.values():
            source = Source(name=self.name, ref=f"{case.source.ref}#{'+'.join(kinds)}")
            tags = {**case.tags, "probes": list(dict.fromkeys(kinds))}
            yield case.model_copy(update={"source": source, "tags": tags})
