"""`toolmark data`: what is in a trace dataset (`show`, `audit`), and to the hub with it (`push`)."""

from __future__ import annotations

import sys
from pathlib import Path

from cyclopts import App
from rich.console import Console
from rich.table import Table
from rich.text import Text

from benchmark.errors import InputError

__all__ = ["app"]

app = App(name="data", help="Look at trace datasets, and publish them.")

_LEARNED = "bold green"
_GIVEN = "dim"


@app.command
def show(
    folder: Path, *, index: int = 0, count: int = 1, split: str = "train", dialect: str = "tagged", tools: bool = False
) -> None:
    """Print conversations as a model sees them; what it learns to write is coloured, all else is given.

    Parameters
    ----------
    folder:
        A trace dataset.
    index:
        The first conversation, from 0.
    count:
        How many.
    split:
        train or validation.
    dialect:
        How calls and tools are written.
    tools:
        Print the tool list too.
    """
    import json
    from itertools import islice

    from benchmark.cases import Message, Tool
    from benchmark.registry import load
    from generators.audit import rows_of

    if index < 0 or count < 1:
        raise InputError(f"--index {index} --count {count} shows nothing", "Count from 0, and show at least one.")
    spoken = load("toolmark.dialects", dialect)()
    console = Console()
    shown = 0
    for number, row in enumerate(islice(rows_of(folder, split), index, index + count), start=index):
        shown += 1
        offered = [tool.get("function", tool) for tool in json.loads(row["tools"] or "[]")]
        made = tuple(Tool(**{key: tool[key] for key in ("name", "description", "parameters")}) for tool in offered)
        about = f"{split} {number}: {row['query_type']}, {len(made)} tools offered, {row['source']}"
        console.print(Text(about, style="bold"))
        prompt = spoken.render(tuple(map(Message.model_validate, row["messages"])), made if tools else ())
        for turn in prompt.messages:
            style = _LEARNED if turn.role == "assistant" else _GIVEN
            console.print(Text.assemble((f"{turn.role}: ", "bold"), (turn.content, style)), soft_wrap=True)
        console.print()
    if not shown:
        raise InputError(f"{folder} has no conversation {index} in {split}", "Give a lower --index.")


@app.command
def audit(folder: Path, *, manifest: Path | None = None) -> None:
    """Tell leakage, balance, duplicates and lengths; leaves with 1 where something leaks or is there twice.

    Parameters
    ----------
    folder:
        A trace dataset.
    manifest:
        MANIFEST.toml of held-out tools and test queries; that of the shipped cases where it is not given.
    """
    from benchmark.held_out import held_out, shipped_manifest
    from generators.audit import audit as looked_at
    from generators.audit import rows_of

    found = looked_at(rows_of(folder), held_out(manifest or shipped_manifest()))
    console = Console()
    table = Table("what", "count", "share", title=f"{folder}: {found.rows:,} conversations")
    for kind, counts in (("query type", found.query_types), ("tool", found.tools)):
        for name, count in counts.most_common():
            table.add_row(f"{kind} {name}", f"{count:,}", f"{count / found.rows:.1%}")
    console.print(table)
    least, middle, most = found.offered
    console.print(f"tools offered: {least} to {most}, median {middle:g}")
    median, tail, longest = found.characters
    console.print(f"characters without tools: median {median:,.0f}, 95th percentile {tail:,.0f}, most {longest:,}")
    console.print(f"duplicates: {found.repeated:,} exact, {found.near:,} near")
    leaks = ", ".join(f"{what} ({count:,})" for what, count in found.leaks.most_common()) or "none"
    console.print(f"leakage: {leaks}", markup=False)
    console.print("clean" if found.clean else "not clean")
    sys.exit(0 if found.clean else 1)


@app.command
def push(folder: Path, *, to: str, private: bool = False) -> None:
    """Publish a trace dataset with its card; what was rejected stays here.

    Parameters
    ----------
    folder:
        A trace dataset.
    to:
        Where at the hub: ORG/NAME; made where it is not there.
    private:
        Make it for your eyes only.
    """
    from benchmark.hub import check_id
    from benchmark.printing import say
    from generators.publishing import push as pushed

    check_id(to, "--to")
    say(f"published: {pushed(folder, to, private=private)}")
