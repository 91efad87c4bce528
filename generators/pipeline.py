"""Run one generation: check and split the proposed traces, and write the accepted traces as a trace dataset.

    DIR/tools.yaml          the tools, with implementation and effects
    DIR/cases.dev.jsonl     the questions of the validation traces, with their right answers
    DIR/cases.test.jsonl    the test questions, with their right answers; DIR/traces/ has no trace of their clusters
    DIR/scenarios.*.jsonl   the same for conversations in worlds: scenarios in place of cases
    DIR/traces/             a `datasets` DatasetDict: train, validation
    DIR/README.md           the data card
    DIR/manifest.json       generator, options, seed, counts, rejections per stage
    DIR/rejected.jsonl      the first 10,000 rejected traces, each with its stage and reason; absent if there are none

The traces are read only once. Accepted rows are written to a temporary file. The package `datasets` then streams the
rows from this file. Only the data for finding duplicates stays in memory, a few kilobytes for each question.

If a question is in the test split, all paraphrases of the question are in the test split too. So a test question is
never a paraphrase of a training question.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, TextIO

from pydantic import BaseModel

from toolmark.benchmark.core.errors import InputError, NothingToDo
from toolmark.benchmark.core.hashing import digest
from toolmark.benchmark.core.progress import counting, phase
from toolmark.benchmark.data.cases import Toolbox
from toolmark.benchmark.data.held_out import HeldOut
from toolmark.benchmark.data.traces import Trace
from toolmark.benchmark.plugins.protocols import Generation, Generator
from toolmark.benchmark.readers.scenarios import scenario_line
from toolmark.benchmark.readers.toolmark import case_line
from toolmark.benchmark.scoring.execution import Execute, Executor
from toolmark.benchmark.tools.worlds.world_session import world_sandbox
from toolmark.generators.executed_calls import ExecutedCalls
from toolmark.generators.scenario_check import ScenarioCheck
from toolmark.generators.stages import STAGES, Rejection, TraceFilter
from toolmark.generators.trace_dataset.card import dataset_card
from toolmark.generators.trace_dataset.writer import NamedToolboxes, trace_row, write_traces
from toolmark.generators.unfinished_folder import unfinished_folder

__all__ = ["GenerationReport", "generate", "replies_folder"]

Split = Literal["train", "validation", "test"]

TEST_SHARE = 0.2
VALIDATION_SHARE = 0.1
MOST_REJECTED = 10_000
_JUDGED_FILES = ("cases.dev.jsonl", "cases.test.jsonl", "scenarios.dev.jsonl", "scenarios.test.jsonl")
VALIDATION_SHARE_WITHOUT_CASES = 0.01
"""Share of validation traces if the traces have no cases. The validation split is then only used for the loss curve."""


@dataclass(frozen=True, slots=True)
class GenerationReport:
    """How many traces were proposed, accepted and rejected.

    Attributes:
        proposed: Number of traces that the generator proposed.
        counts: Number of accepted traces by split.
        query_types: Number of accepted traces by query type.
        rejections: Number of rejected traces by stage. Every stage has an entry.
        unexecuted: Number of calls that were only checked against the schema, because the tool is not allowed to run.
        failed_calls: A line for each tool whose calls failed, with their number and the most frequent reason.
    """

    proposed: int
    counts: Mapping[str, int]
    query_types: Mapping[str, int]
    rejections: Mapping[str, int]
    unexecuted: int
    failed_calls: Sequence[str] = ()


def generate(
    generator: Generator[Any],
    options: BaseModel,
    seed: int,
    toolbox: Toolbox,
    out: Path,
    held_out: HeldOut,
    execute: Execute = "pure",
    note: Callable[[str], None] = lambda _: None,
) -> GenerationReport:
    """Check the traces that `generator` proposes, and write the accepted traces to the folder `out`.

    Args:
        generator: Proposes the traces.
        options: The options of the generator.
        seed: Seed of all random choices.
        toolbox: The tools. Held-out tools are not passed to the generator.
        out: The folder, which must be new or empty.
        held_out: The tools and queries that must not be in training data.
        execute: The permitted effects. Tools with other effects are not executed.
        note: A function that is called with each message for the user.

    Raises:
        InputError: `out` is not empty, or the generator cannot use the toolbox.
        NothingToDo: No trace was accepted.
        EnvironmentFault: `out` cannot be written.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out} already exists", f"Give a new folder with --out, or remove {out}.")
    offered = Toolbox(name=toolbox.name, tools=tuple(tool for tool in toolbox.tools if tool.name not in held_out.tools))
    # The dataset is moved to its place at the end. So a killed run leaves no incomplete dataset.
    with unfinished_folder(out) as folder:
        made, work = folder / "made", folder / "work"
        made.mkdir()
        work.mkdir()
        with (
            Executor(execute, toolbox.tools, once=True) as executor,
            world_sandbox() as sandbox,
            (work / "rejected.jsonl").open("w", encoding="utf-8") as rejected,
        ):
            calls = ExecutedCalls(executor)
            stages = TraceFilter(held_out, calls, ScenarioCheck(sandbox), _recorder(rejected))
            context = Generation(seed, calls.run, note, stages.drop, replies_folder(out))
            toolboxes = NamedToolboxes(offered)
            proposed = generator.propose(offered, options, context)
            traces = counting(proposed, "conversations proposed and checked", None, "conversation")
            report = _spool(traces, stages, toolboxes, work)
        if not report.proposed:
            raise NothingToDo(
                f"the generator {generator.name} proposed no conversations",
                "Ask for more conversations, or raise the limits of the generator.",
            )
        if not sum(report.counts.values()):
            causes = ", ".join(f"{count} {stage}" for stage, count in report.rejections.items() if count)
            raise NothingToDo(
                f"all {report.proposed} proposed traces were rejected ({causes}){_first_reason(work)}",
                "Remove the cause, or ask for more conversations.",
            )
        spools = {name: work / f"{name}.jsonl" for name in ("train", "validation")}
        with phase("writing the conversations"):
            write_traces(spools, made / "traces", work / "cache")
        _write_rest(work, made, toolboxes)
        manifest = _manifest(generator, options, seed, report, execute)
        (made / "manifest.json").write_text(manifest, encoding="utf-8")
        (made / "README.md").write_text(dataset_card(made), encoding="utf-8")
        if out.exists():
            out.rmdir()
        made.rename(out)
    return report


def replies_folder(out: Path) -> Path:
    """Return the folder for the replies of a generator's models.

    The folder is next to the dataset, so the replies are still there after a killed run.
    """
    return out.parent / f"{out.name}.replies"


def _recorder(file: TextIO) -> Callable[[Rejection], None]:
    written = 0

    def record(rejection: Rejection) -> None:
        nonlocal written
        written += 1
        if written <= MOST_REJECTED:
            line = rejection._asdict()
            file.write(json.dumps(line, ensure_ascii=False) + "\n")

    return record


def _first_reason(work: Path) -> str:
    with (work / "rejected.jsonl").open(encoding="utf-8") as file:
        line = file.readline()
    return f": {json.loads(line)['reason']}" if line else ""


def _spool(traces: Iterator[Trace], stages: TraceFilter, toolboxes: NamedToolboxes, work: Path) -> GenerationReport:
    """Check each proposed trace. If a trace passes, append the trace to the files of its split."""
    proposed = 0
    counts: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    with ExitStack() as stack:
        files = {
            name: stack.enter_context((work / name).open("w", encoding="utf-8"))
            for name in ("train.jsonl", "validation.jsonl", *_JUDGED_FILES)
        }
        for trace in traces:
            proposed += 1
            if not stages.accepts(trace):
                continue
            split = _split(trace)
            counts[split] += 1
            kinds[trace.query_type] += 1
            if split != "test":
                files[f"{split}.jsonl"].write(json.dumps(trace_row(trace), ensure_ascii=False) + "\n")
            if trace.case is not None and split != "train":
                case = trace.case.model_copy(update={"split": "test" if split == "test" else "dev"})
                files[f"cases.{case.split}.jsonl"].write(case_line(case, named=toolboxes.add(case.toolbox)))
            if trace.scenario is not None and split != "train":
                files[f"scenarios.{trace.scenario.split}.jsonl"].write(scenario_line(trace.scenario))
    proposed += stages.dropped
    rejections: dict[str, int] = {stage: stages.rejections[stage] for stage in STAGES}
    return GenerationReport(proposed, counts, kinds, rejections, stages.unexecuted, stages.failed_calls.lines())


def _split(trace: Trace) -> Split:
    """Return the split of a trace.

    A scenario has a split. Otherwise, the split is computed from hashes of the trace, so it does not depend on the
    seed.
    """

    def share(text: str) -> float:
        return int(digest(text), 16) / 16**16

    if trace.scenario is not None:
        is_test = trace.scenario.split == "test"
    elif trace.case is not None:
        is_test = share(trace.case.cluster) < TEST_SHARE
    else:
        return "validation" if share(trace.query) < VALIDATION_SHARE_WITHOUT_CASES else "train"
    if is_test:
        return "test"
    return "validation" if share(f"validation {trace.query}") < VALIDATION_SHARE else "train"


def _write_rest(work: Path, made: Path, toolboxes: NamedToolboxes) -> None:
    """Write the tools, the cases, the scenarios and the rejected traces.

    If no trace has a case, the tools of each trace belong to a world, or were invented by the generator. `tools.yaml`
    is then empty.
    """
    judged = any((work / f"cases.{split}.jsonl").stat().st_size for split in ("dev", "test"))
    (toolboxes if judged else NamedToolboxes(Toolbox(name="", tools=()))).write(made / "tools.yaml")
    for name in (*_JUDGED_FILES, "rejected.jsonl"):
        file = work / name
        if file.stat().st_size or (judged and name.startswith("cases.")):
            file.rename(made / name)


def _manifest(
    generator: Generator[Any], options: BaseModel, seed: int, report: GenerationReport, execute: Execute
) -> str:
    """Return the text of `manifest.json`.

    The text contains no time and no machine name, so the same seed gives the same bytes. Options without a value are
    left out. The stage `answer` is left out if this stage rejected nothing. So old manifests stay reproducible when an
    option or a stage is added.
    """
    stages = {stage: count for stage, count in report.rejections.items() if count or stage != "answer"}
    content = {
        "toolmark": version("toolmark"),
        "generator": generator.name,
        "options": generator.lasting(options),
        **({} if execute == "pure" else {"execute": execute}),
        "seed": seed,
        "proposed": report.proposed,
        "accepted": dict(sorted(report.counts.items())),
        "query_types": dict(sorted(report.query_types.items())),
        "rejections": stages,
        "unexecuted_calls": report.unexecuted,
        **generator.facts(options),
    }
    return json.dumps(content, indent=2) + "\n"
