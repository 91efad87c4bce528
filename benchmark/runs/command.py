"""`toolmark runs …`: what is stored, what is in it, a file to commit, and what may go."""

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
from toolmark.benchmark.data.completions import Completion, total
from toolmark.benchmark.runs.export import exported
from toolmark.benchmark.runs.ledger import Recorded, read_ledger, scan_ledger
from toolmark.benchmark.runs.pruning import prune_runs, size_of
from toolmark.benchmark.runs.run_folders import find_ledger, stored_runs

__all__ = ["app"]

app = App(name="runs", help="List, show, export and prune stored runs.")

Runs = Annotated[Path, Parameter(help="Where runs are kept.", env_var="TOOLMARK_RUNS")]
Run = Annotated[str, Parameter(help="A path, a name under --runs, or the beginning of one.")]


def _bytes(size: int) -> str:
    return f"{size:,} B" if size < 10_000 else f"{size / 1000:,.0f} KB"


@app.command(name="list")
def list_runs(*, runs: Runs = Path("runs")) -> None:
    """List the runs: whose they are, how many of their cases are answered, and how large they are."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("name", "candidate", "model", "dialect"):
        table.add_column(column, overflow="fold")
    for column in ("completions", "cases"):
        table.add_column(column, justify="right")
    table.add_column("last written", no_wrap=True)
    table.add_column("size", justify="right", no_wrap=True)
    for folder in stored_runs(runs):
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
        f"{len(recorded.by_case)}{broken}",
        _answered(recorded, last),
        _written(ledger),
        _bytes(size_of(folder)),
    )


def _model(identity: Mapping[str, Any]) -> str:
    """Enough of the weights' hashes to tell two models apart; a served one is known by its name only."""
    weights, adapter = str(identity.get("weights", "unknown")), identity.get("adapter")
    short = weights[:8] if weights.isalnum() else weights.partition(":")[2].strip() or weights
    return f"{short}+{str(adapter)[:8]}" if adapter else short


def _answered(recorded: Recorded, last: Mapping[str, Any]) -> str:
    """Cases of the last session that have a completion, of all that it asked."""
    asked = last.get("cases", {})
    if not asked:
        return str(len({case_id for case_id, _ in recorded.by_case}))
    return f"{len({case_id for case_id, _ in recorded.by_case if case_id in asked})} of {len(asked)}"


def _written(path: Path) -> str:
    return datetime.fromtimestamp(path.stat().st_mtime).astimezone().strftime("%Y-%m-%d %H:%M")


@app.command
def show(
    run: Run,
    *,
    case: Annotated[str | None, Parameter(help="Show this case's completions: its id, or the beginning of it.")] = None,
    runs: Runs = Path("runs"),
) -> None:
    """Show who a run is of, where it was made and what it holds, or the completions of one case."""
    path = find_ledger(runs, run)
    recorded = scan_ledger(path)
    say(*(_run_lines(path, recorded) if case is None else _case_lines(recorded, path, case)))


def _run_lines(path: Path, recorded: Recorded) -> list[str]:
    last: Mapping[str, Any] = recorded.runs[-1] if recorded.runs else {}
    completions = list(recorded.by_case.values())
    stops = Counter(completion.stop_reason for completion in completions)
    took = total(completion.usage for completion in completions)
    lines = [f"ledger       {path}", f"candidate    {last.get('candidate', 'unknown')}"]
    for part in ("identity", "environment"):
        lines += [part, *(f"  {field}: {_compact(value)}" for field, value in last.get(part, {}).items())]
    lines += [
        f"sessions     {len(recorded.runs)}",
        f"cases        {_answered(recorded, last)}",
        f"completions  {len(completions)}",
        "stop reasons " + (", ".join(f"{reason} {count}" for reason, count in stops.most_common()) or "none"),
        f"tokens       {took.input_tokens:,} read, {took.output_tokens:,} written",
        f"seconds      {'n/a' if took.seconds is None else f'{took.seconds:,.1f}'}",
        *([] if took.cost is None else [f"US dollars   {took.cost:,.4f}"]),
    ]
    return lines + [f"broken       line {line.number}: {line.reason}" for line in recorded.broken]


def _compact(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _case_lines(recorded: Recorded, path: Path, case: str) -> list[str]:
    known = sorted({case_id for case_id, _ in recorded.by_case})
    matching = [case] if case in known else [case_id for case_id in known if case_id.startswith(case)]
    if not matching:
        raise InputError(f"{path} has no completion of a case {case!r}", nearest(case, tuple(known[:20])))
    if len(matching) > 1:
        raise InputError(f"{case!r} names {len(matching)} cases", f"Write one of them: {', '.join(matching[:20])}")
    lines: list[str] = []
    for place in sorted(place for place in recorded.by_case if place[0] == matching[0]):
        lines += _completion_lines(place, recorded.keys[place], recorded.by_case[place])
    return lines


def _completion_lines(place: tuple[str, int], key: str, completion: Completion) -> list[str]:
    usage = completion.usage
    return [
        f"case {place[0]}, epoch {place[1]}, key {key} (of identity, prompt and epoch)",
        f"stopped: {completion.stop_reason}; {usage.input_tokens} tokens read, {usage.output_tokens} written",
        *(f"native call {call.name}: {call.arguments}" for call in completion.tool_calls),
        completion.text,
    ]


@app.command
def export(
    run: Run,
    *,
    out: Annotated[Path, Parameter(help="The file to write, FILE.jsonl.gz.")],
    runs: Runs = Path("runs"),
) -> None:
    """Write a run as one small file to commit: `replay/FILE` reads it, and a comparison takes it as baseline."""
    if not out.name.endswith(".jsonl.gz"):
        raise InputError(
            f"--out {out} would not be known as a ledger", f"Call it {out.name.partition('.')[0]}.jsonl.gz"
        )
    path = find_ledger(runs, run)
    packed = exported(read_ledger(path), str(path))
    with writing(out, "Make room, or choose another place: --out FILE"):
        out.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(out, packed.content)
    if packed.missing:
        say(f"{packed.missing} of {packed.cases + packed.missing} cases have no completion and are not in it")
    say(f"{out}: {packed.cases} cases, {_bytes(len(packed.content))}")


@app.command
def prune(
    *,
    keep: Annotated[
        int | None, Parameter(help="Number of newest .eval logs to keep in each run; all if not given.")
    ] = None,
    dry_run: Annotated[bool, Parameter(help="Say what would go, and delete nothing.")] = False,
    runs: Runs = Path("runs"),
) -> None:
    """Delete runs that nobody could resume or replay, and with --keep older logs too; completions are never deleted."""
    if keep is not None and keep < 0:
        raise InputError(f"--keep {keep} is no number of logs", "Give a number from 0.")
    total = 0
    for freed in prune_runs(runs, keep, dry_run=dry_run):
        total += freed.size
        say(f"{freed.path} ({freed.why}): {_bytes(freed.size)}")
    say(f"{'would free' if dry_run else 'freed'} {_bytes(total)}")
