"""`toolmark data`: print a trace dataset (`show`), check it (`audit`), or upload it to the hub (`push`)."""

from __future__ import annotations

import sys
from itertools import chain, groupby
from pathlib import Path

from cyclopts import App
from rich.table import Table
from rich.text import Text

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.printing import console, say

__all__ = ["app"]

app = App(name="data", help="Show, check and upload trace datasets.")

_LEARNED = "bold green"
_GIVEN = "dim"
_MOST_UNREADABLE = 20
"""Largest number of rows that are listed because they are not conversations."""
_SHOWN = 240
"""A long text that the model does not learn is shortened: only this number of characters of each end is printed."""


@app.command
def show(
    folder: Path,
    *,
    index: int = 0,
    count: int = 1,
    split: str = "train",
    dialect: str = "tagged",
    base: str = "pocket",
    template_args: str = "",
    whole: bool = False,
) -> None:
    """Print conversations in the form in which a model is trained on them. Text that the model learns is green.

    Parameters
    ----------
    folder:
        A trace dataset.
    index:
        Number of the first conversation to print. The numbers start at 0.
    count:
        Number of conversations to print.
    split:
        The split: train or validation.
    dialect:
        The dialect in which tools and calls are written.
    base:
        The model whose tokenizer and chat template are used.
    template_args:
        Arguments of the chat template as JSON.
    whole:
        Print every text completely. By default, long texts that the model does not learn are shortened.
    """
    from itertools import islice

    from toolmark.benchmark.candidates.spec import resolve
    from toolmark.benchmark.config.template_args import parse_template_args
    from toolmark.benchmark.core.registry import load
    from toolmark.benchmark.data.dataset import TraceDataset
    from toolmark.benchmark.engine.conversation_ids import conversation_sequences
    from toolmark.benchmark.engine.model_folder import locate
    from toolmark.benchmark.engine.tokenizer import open_tokenizer

    if index < 0 or count < 1:
        raise InputError(
            f"--index {index} --count {count} selects no conversation",
            "Write an --index of at least 0 and a --count of at least 1.",
        )
    args = parse_template_args(template_args)
    data = TraceDataset(folder)
    spoken = load("toolmark.dialects", dialect)()
    weights = locate(resolve(base)).base
    tokenizer = open_tokenizer(weights)
    output = console()
    shown = 0
    for number, trace in enumerate(islice(data.traces(split), index, index + count), start=index):
        shown += 1
        about = f"{split} {number}: {trace.query_type}, {len(trace.tools)} tools offered, {trace.source}"
        output.print(Text(about, style="bold"))
        for encoded in conversation_sequences(trace.messages, trace.tools, spoken, tokenizer, args):
            text = Text()
            for mine, run in groupby(zip(encoded.ids, encoded.supervised, strict=True), key=lambda pair: pair[1]):
                said = str(tokenizer.decode([token for token, _ in run], skip_special_tokens=False))
                text.append(said if mine or whole else _ends(said), style=_LEARNED if mine else _GIVEN)
            output.print(text, soft_wrap=True)
            output.print(f"[{sum(encoded.supervised)} of {len(encoded.ids)} tokens are learnt]")
        output.print()
    if not shown:
        raise InputError(f"{folder} has no conversation {index} in {split}", "Write a lower --index.")


def _ends(text: str) -> str:
    """Return the beginning and the end of `text`. A short text is returned unchanged."""
    left_out = len(text) - 2 * _SHOWN
    return text if left_out <= 0 else f"{text[:_SHOWN]} … {left_out:,} characters … {text[-_SHOWN:]}"


@app.command
def audit(folder: Path, *, manifest: Path | None = None) -> None:
    """Count leaks, duplicates, query types, tools and lengths.

    The exit code is 1 if there is a leak or a duplicate, or if a row is not a conversation.

    Parameters
    ----------
    folder:
        A trace dataset.
    manifest:
        MANIFEST.toml with held-out tools and test queries. Default: the manifest of the shipped cases.
    """
    from toolmark.benchmark.core.progress import counting
    from toolmark.benchmark.data.dataset import TraceDataset
    from toolmark.benchmark.data.held_out import held_out, shipped_manifest
    from toolmark.generators.trace_dataset.audit import audit_rows

    data = TraceDataset(folder)
    total = sum(len(data.rows(split)) for split in data.splits)
    read = chain.from_iterable(map(data.conversations, data.splits))
    rows = counting(read, "conversations checked", total, "conversation")
    found = audit_rows(rows, held_out(manifest or shipped_manifest()))
    for reason in found.unreadable[:_MOST_UNREADABLE]:
        say(reason)
    if not found.rows:
        raise InputError(f"no row of {folder} is a conversation", "Write a dataset with: toolmark generate")
    output = console()
    table = Table("what", "count", "share", title=f"{folder}: {found.rows:,} conversations")
    for kind, counts in (("query type", found.query_types), ("tool", found.tools)):
        for name, count in counts.most_common():
            table.add_row(f"{kind} {name}", f"{count:,}", f"{count / found.rows:.1%}")
    output.print(table)
    least, middle, most = found.offered
    output.print(f"tools offered: {least} to {most}, median {middle:g}")
    median, tail, longest = found.characters
    output.print(f"characters without tools: median {median:,.0f}, 95th percentile {tail:,.0f}, most {longest:,}")
    output.print(f"duplicates: {found.repeated:,} exact, {found.near:,} near")
    leaks = ", ".join(f"{what} ({count:,})" for what, count in found.leaks.most_common()) or "none"
    output.print(f"leakage: {leaks}")
    output.print(f"rows that are not conversations: {len(found.unreadable):,}")
    output.print("clean" if found.clean else "not clean")
    sys.exit(0 if found.clean else 1)


@app.command
def push(folder: Path, *, to: str, private: bool = False) -> None:
    """Upload a trace dataset with its card. The file of rejected conversations is not uploaded.

    Parameters
    ----------
    folder:
        A trace dataset.
    to:
        Data set on the hub, ORG/NAME. A data set that does not exist is created.
    private:
        If the data set is created, make it private.
    """
    from toolmark.benchmark.core.hub import check_id
    from toolmark.generators.trace_dataset.upload import upload_dataset

    check_id(to, "--to")
    say(f"published: {upload_dataset(folder, to, private=private)}")
