"""From a generator's proposals to a trace dataset on disk: judged, split, written, with everything counted.

    DIR/tools.yaml          the tools, with implementation and effects
    DIR/cases.dev.jsonl     the questions of the validation traces, with their gold
    DIR/cases.test.jsonl    questions of families of which no trace is written
    DIR/traces/             a `datasets` DatasetDict: train, validation
    DIR/README.md           the data card
    DIR/manifest.json       generator, options, seed, counts, rejections per stage
    DIR/rejected.jsonl      where something was rejected: what, at which stage, and why (the first 10,000)

One pass: accepted rows go to a spool file, from which `datasets` streams them; in memory stays what tells duplicates,
some kilobytes a question. Families of questions are split, not questions, so that a test question is never a paraphrase
of one that was trained on.
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, TextIO

from pydantic import BaseModel

from toolmark.benchmark.core.errors import InputError, NothingToDo, writing
from toolmark.benchmark.core.hashing import digest
from toolmark.benchmark.data.cases import Toolbox
from toolmark.benchmark.data.held_out import HeldOut
from toolmark.benchmark.data.traces import Trace
from toolmark.benchmark.plugins.protocols import Generation, Generator
from toolmark.benchmark.readers.toolmark import case_line
from toolmark.benchmark.scoring.execution import Execute, Executor
from toolmark.generators.card import dataset_card
from toolmark.generators.dataset import Toolboxes, row, write_traces
from toolmark.generators.execution import Calls
from toolmark.generators.judging import STAGES, Judge, Rejection

__all__ = ["Report", "generate", "kept_beside"]

Split = Literal["train", "validation", "test"]

TEST_SHARE = 0.2
VALIDATION_SHARE = 0.1
MOST_REJECTED = 10_000
VALIDATION_SHARE_WITHOUT_CASES = 0.01
"""Where nothing is judged, validation is for a loss curve alone."""


@dataclass(frozen=True, slots=True)
class Report:
    """What became of the proposals.

    Attributes:
        proposed: How many traces the generator made.
        counts: Accepted ones by split.
        query_types: Accepted ones by query type.
        rejections: Rejected ones by stage; every stage is named.
        unexecuted: Calls that were checked by schema alone, because their tool may not run.
    """

    proposed: int
    counts: Mapping[str, int]
    query_types: Mapping[str, int]
    rejections: Mapping[str, int]
    unexecuted: int


def generate(
    generator: Generator[Any],
    options: BaseModel,
    seed: int,
    toolbox: Toolbox,
    out: Path,
    held_out: HeldOut,
    execute: Execute = "pure",
    note: Callable[[str], None] = lambda _: None,
) -> Report:
    """Write the dataset that `generator` proposes over `toolbox` to the folder `out`.

    The generator never sees a held-out tool; that it makes none up is judged all the same. `execute` is the effects up
    to which tools run, `note` tells the user something.

    Raises:
        InputError: `out` holds something already, or the generator refuses the toolbox.
        NothingToDo: No trace was accepted.
        EnvironmentFault: Nothing can be written there.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out} is there already", "Name a new folder with --out, or remove that one.")
    offered = Toolbox(name=toolbox.name, tools=tuple(tool for tool in toolbox.tools if tool.name not in held_out.tools))
    with writing(out, "Choose another place: --out DIR"):
        out.parent.mkdir(parents=True, exist_ok=True)
        beside = tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-")
    # Written beside its place and moved there whole, so that a killed run leaves no half dataset behind.
    with beside as folder:
        made, work = Path(folder) / "made", Path(folder) / "work"
        made.mkdir()
        work.mkdir()
        with Executor(execute) as executor, (work / "rejected.jsonl").open("w", encoding="utf-8") as rejected:
            calls = Calls(executor)
            judge = Judge(held_out, calls, _recorder(rejected))
            context = Generation(seed, calls.run, note, judge.drop, kept_beside(out))
            toolboxes = Toolboxes(offered)
            report = _spool(generator.propose(offered, options, context), judge, toolboxes, work)
        if not report.proposed:
            raise NothingToDo(f"{generator.name} proposed nothing", "Ask for more, or raise its limits.")
        if not sum(report.counts.values()):
            causes = ", ".join(f"{count} {stage}" for stage, count in report.rejections.items() if count)
            raise NothingToDo(
                f"all {report.proposed} proposed traces were rejected ({causes}){_first_reason(work)}",
                "Correct what the reason names, or ask for more.",
            )
        spools = {name: work / f"{name}.jsonl" for name in ("train", "validation")}
        write_traces(spools, made / "traces", work / "cache")
        _write_rest(work, made, toolboxes)
        manifest = _manifest(generator, options, seed, report, execute)
        (made / "manifest.json").write_text(manifest, encoding="utf-8")
        (made / "README.md").write_text(dataset_card(made), encoding="utf-8")
        if out.exists():
            out.rmdir()
        made.rename(out)
    return report


def kept_beside(out: Path) -> Path:
    """Where a generator keeps what was paid for: beside the dataset, so that it outlives a run that was killed."""
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


def _spool(traces: Iterator[Trace], judge: Judge, toolboxes: Toolboxes, work: Path) -> Report:
    """Judge each proposal and append what passes to the files of its split."""
    proposed = 0
    counts: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    with ExitStack() as stack:
        files = {
            name: stack.enter_context((work / name).open("w", encoding="utf-8"))
            for name in ("train.jsonl", "validation.jsonl", "cases.dev.jsonl", "cases.test.jsonl")
        }
        for trace in traces:
            proposed += 1
            if not judge.accepts(trace):
                continue
            split = _split(trace)
            counts[split] += 1
            kinds[trace.query_type] += 1
            if split != "test":
                files[f"{split}.jsonl"].write(json.dumps(row(trace), ensure_ascii=False) + "\n")
            if trace.case is not None and split != "train":
                case = trace.case.model_copy(update={"split": "test" if split == "test" else "dev"})
                files[f"cases.{case.split}.jsonl"].write(case_line(case, named=toolboxes.name(case.toolbox)))
    proposed += judge.dropped
    return Report(proposed, counts, kinds, {stage: judge.rejections[stage] for stage in STAGES}, judge.unexecuted)


def _split(trace: Trace) -> Split:
    """By hash, so that a family falls on the same side whatever the seed."""

    def share(text: str) -> float:
        return int(digest(text), 16) / 16**16

    if trace.case is None:
        return "validation" if share(trace.query) < VALIDATION_SHARE_WITHOUT_CASES else "train"
    if share(trace.case.cluster) < TEST_SHARE:
        return "test"
    return "validation" if share(f"validation {trace.query}") < VALIDATION_SHARE else "train"


def _write_rest(work: Path, made: Path, toolboxes: Toolboxes) -> None:
    """Tools and cases; neither where the traces bring their own tools and no gold."""
    files = [work / f"cases.{split}.jsonl" for split in ("dev", "test")]
    judged = any(file.stat().st_size for file in files)
    (toolboxes if judged else Toolboxes(Toolbox(name="", tools=()))).write(made / "tools.yaml")
    rejected = work / "rejected.jsonl"
    for file in [*(files if judged else ()), *([rejected] if rejected.stat().st_size else ())]:
        file.rename(made / file.name)


def _manifest(generator: Generator[Any], options: BaseModel, seed: int, report: Report, execute: Execute) -> str:
    """No moment and no machine: the same seed gives the same bytes.

    What is not set, and a late stage that rejected nothing, is not written: a manifest does not change because a
    setting was invented.
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
