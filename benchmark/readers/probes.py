"""Probes: the call cases of a file, each asked again with one thing changed, to see what choosing a tool hangs on.

    as_authored            unchanged: what the others are held against
    names_masked           the tools are called tool_1, tool_2, …: only descriptions and schemas tell them apart
    descriptions_shuffled  every tool has another one's description: does the name decide, or the description?
    offered_1 … offered_40 the right tools among as many: the distractors of a shorter list are all in a longer one
    position_first …       the right tool first, in the middle or last of the authored list

A probe is no authored case. Its source is `probes`, its tag `probes` says what it is, and the summary has a line for
each kind. It stays in the paraphrase family of its question, so that intervals know how few questions there are. One
prompt that serves two kinds (the right tool stood first already) is asked once and carries both names.

Gold is that of the authored case, by tool. So a longer list may hold a tool that would also do, and with descriptions
shuffled "right" means: by its name. A difference between two kinds is what a probe is for, not its score.
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
"""In the order of tables."""


def _right(case: Case) -> frozenset[str]:
    """Names of all tools that a right answer may call."""
    options = case.expect.any_of if isinstance(case.expect, ExpectCall) else ()
    return frozenset(spec.name for option in options for spec in option.calls)


def _offering(case: Case, tools: list[Tool]) -> Case:
    return case.model_copy(update={"toolbox": Toolbox(name=case.toolbox.name, tools=tuple(tools))})


def _renamed(case: Case, names: Mapping[str, str]) -> Case:
    """`case` with its tools renamed wherever a model or the judge meets them."""

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
    return _offering(case.model_copy(update={"messages": turns, "expect": expect}), tools)


def _masked(case: Case, rng: Random) -> Case:
    numbers = list(range(1, len(case.toolbox.tools) + 1))
    rng.shuffle(numbers)  # or the number would tell the position
    masks = (f"tool_{number}" for number in numbers)
    return _renamed(case, dict(zip(case.toolbox.names, masks, strict=True)))


def _shuffled(case: Case, rng: Random) -> Case | None:
    """Descriptions moved round a random circle, so that no tool keeps its own."""
    tools = case.toolbox.tools
    if len(tools) < 2:
        return None
    circle = list(range(len(tools)))
    rng.shuffle(circle)
    said = {here: tools[there].description for here, there in zip(circle, circle[1:] + circle[:1], strict=True)}
    return _offering(case, [tool.model_copy(update={"description": said[i]}) for i, tool in enumerate(tools)])


def _sized(case: Case, size: int, rng: Random) -> Case | None:
    """The right tools among `size`, in random order; own tools before those of the catalog, which fill the list up."""
    right = _right(case)
    wanted = [tool for tool in case.toolbox.tools if tool.name in right]
    own = [tool for tool in case.toolbox.tools if tool.name not in right]
    further = [tool for tool in catalog().tools if tool.name not in case.toolbox.names]
    rng.shuffle(own)
    rng.shuffle(further)
    others = (own + further)[: max(0, size - len(wanted))]
    if len(wanted) + len(others) != size:
        return None
    tools = wanted + others
    rng.shuffle(tools)
    return _offering(case, tools)


def _placed(case: Case, index: Callable[[int], int]) -> Case | None:
    right = _right(case)
    if len(right) != 1 or len(case.toolbox.tools) < 3:
        return None
    others = [tool for tool in case.toolbox.tools if tool.name not in right]
    at = index(len(others))
    return _offering(case, [*others[:at], case.toolbox[next(iter(right))], *others[at:]])


def probes_of(case: Case) -> Iterator[tuple[str, Case]]:
    """Kind and case of every probe that `case` allows, in the order of `KINDS`; none for a case of abstaining.

    All that is drawn comes from the case's id and the kind, the same on every machine.
    """
    if not isinstance(case.expect, ExpectCall):
        return

    def rng(kind: str) -> Random:
        return Random(f"{_SEED}/{case.id}/{kind}")  # noqa: S311 - repeatable, not secret

    made: dict[str, Case | None] = {
        "as_authored": case,
        "names_masked": _masked(case, rng("names")),
        "descriptions_shuffled": _shuffled(case, rng("descriptions")),
    }
    # One draw for all sizes: the shorter list's distractors are the longer one's first.
    made |= {f"offered_{size}": _sized(case, size, rng("offered")) for size in SIZES}
    made |= {f"position_{place}": _placed(case, index) for place, index in _POSITIONS.items()}
    for kind, probe in made.items():
        if probe is not None:
            yield kind, probe


class ProbesReader(ToolmarkReader):
    """Reads Toolmark's case files as probes of their call cases: `--cases probes:PATH`."""

    name = "probes"

    def read(self, path: Path) -> Iterator[Case | BadRow]:
        """Yield bad rows in their place, and then the probes by question. Raises `InputError` as its parent does."""
        asked: dict[str, tuple[Case, list[str]]] = {}
        for row in super().read(path):
            if isinstance(row, BadRow):
                yield row
                continue
            family = {"group": row.cluster}
            for kind, probe in probes_of(row):
                asked.setdefault(probe.id, (probe.model_copy(update=family), []))[1].append(kind)
        for case, kinds in asked.values():
            source = Source(name=self.name, ref=f"{case.source.ref}#{'+'.join(kinds)}")
            tags = {**case.tags, "probes": list(dict.fromkeys(kinds))}
            yield case.model_copy(update={"source": source, "tags": tags})
