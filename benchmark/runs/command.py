"""The command `toolmark runs`: list, show, export and prune stored runs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.table import Table
from rich.text import Text

from toolmark.benchmark.core.atomic_write import write_atomically
from toolmark.benchmark.core.errors import InputError, writing
from toolmark.benchmark.core.printing import console, printable, say
from toolmark.benchmark.core.registry import nearest
from toolmark.benchmark.core.remote_files import is_address
from toolmark.benchmark.data.completions import Completion, total
from toolmark.benchmark.runs.export import export_run
from toolmark.benchmark.runs.ledger import Recorded, read_ledger, scan_ledger
from toolmark.benchmark.runs.pruning import prune_runs, size_of
from toolmark.benchmark.runs.remote_runs import copy_of_runs
from toolmark.benchmark.runs.run_folders import find_ledger, stored_runs

__all__ = ["app"]

app = App(name="runs", help="List, show, export and prune stored runs.")

Runs = Annotated[
    str, Parameter(help="Folder of the runs, or an address such as s3://BUCKET/runs.", env_var="TOOLMARK_RUNS")
]
Run = Annotated[str, Parameter(help="A path, an address, the name of a run in --runs, or the beginning of a name.")]


def _bytes(size: int) -> str:
    return f"{size:,} B" if size < 10_000 else f"{size / 1000:,.0f} KB"


@app.command(name="list")
def list_runs(*, runs: Runs = "runs") -> None:
    """List the stored runs with candidate, model, dialect, answered cases and size."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("name", "candidate", "model", "dialect"):
        table.add_column(column, overflow="fold")
    for column in ("completions", "cases"):
        table.add_column(column, justify="right")
    table.add_column("last written", no_wrap=True)
    table.add_column("size", justify="right", no_wrap=True)
    for folder in stored_runs(copy_of_runs(runs)):
        table.add_row(*(Text(printable(cell)) for cell in _listed(folder)))
    if table.row_count:
        console().print(table)
    else:
        say(f"no runs in {runs}")


def _listed(folder: Path) -> tuple[str, ...]:
    ledger = folder / "ledger.jsonl"
    if not ledger.is_file():
        return (folder.name, "", "", "", "0", "", _written(folder), _bytes(size_of(folder)))
    try:
        recorded = scan_ledger(ledger)
    except InputError:
        return (folder.name, "", "", "", "unreadable", "", _written(folder), _bytes(size_of(folder)))
    last: Mapping[str, Any] = recorded.runs[-1] if recorded.runs else {}
    identity = last.get("identity", {})
    broken = f" + {len(recorded.broken)} broken" if recorded.broken else ""
    return (
        folder.name,
        str(last.get("candidate", "unknown")),
        _model(identity),
        str(identity.get("dialect", "unknown")),
        f"{len(recorded.answers)}{broken}",
        _answered(recorded, last),
        _written(ledger),
        _bytes(size_of(folder)),
    )


def _model(identity: Mapping[str, Any]) -> str:
    """Return the first digits of the hashes of weights and adapter. For a served model, return the name."""
    weights, adapter = str(identity.get("weights", "unknown")), identity.get("adapter")
    short = weights[:8] if weights.isalnum() else weights.partition(":")[2].strip() or weights
    return f"{short}+{str(adapter)[:8]}" if adapter else short


def _answered(recorded: Recorded, last: Mapping[str, Any]) -> str:
    """Return how many cases of the last session have a completion, for example "3 of 10"."""
    requested = last.get("cases", {})
    if not requested:
        return str(len(recorded.answered))
    return f"{len(recorded.answered & requested.keys())} of {len(requested)}"


def _written(path: Path) -> str:
    return datetime.fromtimestamp(path.stat().st_mtime).astimezone().strftime("%Y-%m-%d %H:%M")


@app.command
def show(
    run: Run,
    *,
    case: Annotated[
        str | None, Parameter(help="Show the completions of one case. Write the id or the beginning of the id.")
    ] = None,
    runs: Runs = "runs",
) -> None:
    """Show candidate, identity, environment and contents of a run, or the completions of one case."""
    path = find_ledger(copy_of_runs(runs), run)
    recorded = scan_ledger(path)
    say(*(_run_lines(path, recorded) if case is None else _case_lines(recorded, path, case)))


def _run_lines(path: Path, recorded: Recorded) -> list[str]:
    last: Mapping[str, Any] = recorded.runs[-1] if recorded.runs else {}
    completions = recorded.answers
    stops = Counter(completion.stop_reason for completion in completions)
    usage = total(completion.usage for completion in completions)
    lines = [f"ledger       {path}", f"candidate    {last.get('candidate', 'unknown')}"]
    for part in ("identity", "environment"):
        lines += [part, *(f"  {field}: {_one_line(value)}" for field, value in last.get(part, {}).items())]
    lines += [
        f"run lines    {len(recorded.runs)}",
        f"cases        {_answered(recorded, last)}",
        f"completions  {len(completions)}",
        "stop reasons " + (", ".join(f"{reason} {count}" for reason, count in stops.most_common()) or "none"),
        f"tokens       {usage.input_tokens:,} read, {usage.output_tokens:,} written",
        f"seconds      {'n/a' if usage.seconds is None else f'{usage.seconds:,.1f}'}",
        *([] if usage.cost is None else [f"US dollars   {usage.cost:,.4f}"]),
    ]
    return lines + [f"broken       line {line.number}: {line.reason}" for line in recorded.broken]


def _one_line(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _case_lines(recorded: Recorded, path: Path, case: str) -> list[str]:
    case_ids = sorted(recorded.answered)
    matching = [case] if case in case_ids else [case_id for case_id in case_ids if case_id.startswith(case)]
    if not matching:
        raise InputError(f"{path} has no completion of the case {case!r}", nearest(case, tuple(case_ids[:20])))
    if len(matching) > 1:
        raise InputError(
            f"the ids of {len(matching)} cases begin with {case!r}", f"Write one of them: {', '.join(matching[:20])}"
        )
    lines: list[str] = []
    for case_epoch in sorted(case_epoch for case_epoch in recorded.by_case if case_epoch[0] == matching[0]):
        lines += _completion_lines(case_epoch, recorded.keys[case_epoch], recorded.by_case[case_epoch])
    for case_epoch in sorted(case_epoch for case_epoch in recorded.conversations if case_epoch[0] == matching[0]):
        for number, (key, step) in enumerate(recorded.conversations[case_epoch], start=1):
            lines += [f"step {number}", *_completion_lines(case_epoch, key, step.completion)]
            lines += [f"result of {one.call.name}: {one.result.text}" for one in step.calls]
    return lines


def _completion_lines(case_epoch: tuple[str, int], key: str, completion: Completion) -> list[str]:
    usage = completion.usage
    return [
        f"case {case_epoch[0]}, epoch {case_epoch[1]}, key {key} (hash of identity, prompt and epoch)",
        f"stopped: {completion.stop_reason}; {usage.input_tokens} tokens read, {usage.output_tokens} written",
        *(f"native call {call.name}: {call.arguments}" for call in completion.tool_calls),
        completion.text,
    ]


@app.command
def export(
    run: Run,
    *,
    out: Annotated[Path, Parameter(help="The file to write. The name must end in .jsonl.gz.")],
    runs: Runs = "runs",
) -> None:
    """Write a run as one small file. You can commit the file, replay it (`replay/FILE`), or use it as a baseline."""
    if not out.name.endswith(".jsonl.gz"):
        raise InputError(
            f"--out {out} does not end in .jsonl.gz, so Toolmark could not read the file as a ledger",
            f"Write --out {out.with_name(out.name.partition('.')[0] + '.jsonl.gz')}",
        )
    path = find_ledger(copy_of_runs(runs), run)
    exported = export_run(read_ledger(path), str(path))
    with writing(out, "Free some disk space, or write to another file: --out FILE"):
        out.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(out, exported.content)
    if exported.missing:
        total_cases = exported.cases + exported.missing
        say(f"{exported.missing} of {total_cases} cases have no completion and are not in the file")
    say(f"{out}: {exported.cases} cases, {_bytes(len(exported.content))}")


@app.command
def prune(
    *,
    keep: Annotated[
        int | None, Parameter(help="Number of .eval logs to keep in each run, newest first. By default, all are kept.")
    ] = None,
    dry_run: Annotated[bool, Parameter(help="Print what would be deleted, and delete nothing.")] = False,
    runs: Runs = "runs",
) -> None:
    """Delete runs without completions. With --keep, older logs are deleted too. Completions are never deleted."""
    if keep is not None and keep < 0:
        raise InputError(f"--keep {keep} is negative", "Write 0 or a larger number, for example --keep 3")
    if is_address(runs):
        raise InputError(
            f"runs at an address such as {runs} are not pruned", "Delete objects with the tool of the store."
        )
    freed_bytes = 0
    for freed in prune_runs(Path(runs), keep, dry_run=dry_run):
        freed_bytes += freed.size
        say(f"{freed.path} ({freed.why}): {_bytes(freed.size)}")
    say(f"{'would free' if dry_run else 'freed'} {_bytes(freed_bytes)}")
