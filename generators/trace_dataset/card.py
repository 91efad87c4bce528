"""Writes the card of a trace dataset, the file `README.md`.

The card begins with YAML, in which the hub and the package `datasets` find the names of the data files. All content of
the card comes from the dataset's own files, so the same seed gives the same card.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from toolmark.benchmark.core.errors import InputError

__all__ = ["dataset_card"]

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_MOST_TOOLS = 60
_TITLE = "Tool-calling conversations"
_STAGES = "format, schema, leakage, duplicates, execution, and whether the answer uses the result"


def dataset_card(folder: Path) -> str:
    """Return the card of the dataset in `folder`, as Markdown.

    Raises:
        InputError: `folder` is not a trace dataset.
    """
    from huggingface_hub import DatasetCard, DatasetCardData

    manifest = _manifest(folder)
    counts: Mapping[str, int] = manifest["accepted"]
    splits = [split for split in ("train", "validation") if counts.get(split)]
    licences = sorted({licence.lower() for licence in _licences(folder)})
    data = DatasetCardData(
        license=licences or None,
        task_categories=["text-generation"],
        tags=["tool-calling", "function-calling", "toolmark"],
        size_categories=_size_label(sum(counts.get(split, 0) for split in splits)),
        pretty_name=_TITLE,
        configs=[
            {
                "config_name": "default",
                "data_files": [{"split": split, "path": f"traces/{split}/*.arrow"} for split in splits],
            }
        ],
    )
    return str(DatasetCard(f"---\n{data.to_yaml()}\n---\n\n{_body(folder, manifest)}"))


def _manifest(folder: Path) -> Mapping[str, Any]:
    try:
        found = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        return {**found, "accepted": dict(found["accepted"]), "query_types": dict(found["query_types"])}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{folder} is not a trace dataset: {error!r}", "Write one with: toolmark generate template --out DIR"
        ) from None


def _licences(folder: Path) -> Counter[str]:
    found: Counter[str] = Counter()
    for path in (*folder.glob("cases.*.jsonl"), *folder.glob("scenarios.*.jsonl")):
        with path.open(encoding="utf-8") as lines:
            found.update(json.loads(line).get("licence", "unknown") for line in lines)
    return found


def _size_label(rows: int) -> str:
    return next((label for limit, label in _SIZES if rows < limit), "n>1M")


def _body(folder: Path, manifest: Mapping[str, Any]) -> str:
    counts, kinds = manifest["accepted"], manifest["query_types"]
    teacher = manifest.get("teacher") or {}
    made_by = f"`toolmark generate {manifest['generator']}`, version {manifest['toolmark']}, seed {manifest['seed']}"
    models = f" Models: {', '.join(f'{role} `{model}`' for role, model in teacher.items())}." if teacher else ""
    rejected = {stage: count for stage, count in manifest["rejections"].items() if count}
    fell = ", ".join(f"{count:,} {stage}" for stage, count in rejected.items()) or "none"
    unexecuted = manifest["unexecuted_calls"]
    executed = "Every call was executed" if not unexecuted else f"{unexecuted:,} calls were only checked by schema"
    parts = [
        f"# {_TITLE}",
        f"Conversations that teach a language model to call tools, written by {made_by}.{models}",
        _table(("split", "rows"), [(split, f"{counts[split]:,}") for split in sorted(counts)])
        + f"\n\nThe rows of `test` are {_test_rows(folder)}. `traces/` has no conversation of their clusters.",
        _table(("query type", "rows"), [(kind, f"{kinds[kind]:,}") for kind in sorted(kinds)]),
        f"Of {manifest['proposed']:,} proposed conversations, these were rejected: {fell}. "
        f"The checks are {_STAGES}. {executed}.",
        *_tool_list(folder),
        "```python\nfrom datasets import load_dataset\n\n"
        'rows = load_dataset("ORG/NAME", split="train")  # messages, tools (JSON text), query, query_type, …\n```',
        "`toolmark train … --data DIR` trains a model on the conversations of the folder `DIR`. "
        "`pytest suites/ --cases DIR` judges a model on the cases of the folder.",
    ]
    return "\n\n".join(parts) + "\n"


def _test_rows(folder: Path) -> str:
    if (folder / "scenarios.test.jsonl").exists():
        return "scenarios, in `scenarios.test.jsonl`"
    return "cases without conversations, in `cases.test.jsonl`"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows))


def _tool_list(folder: Path) -> list[str]:
    from toolmark.benchmark.tools.sources.tools_yaml import read_tools_file

    names = [tool.name for tool in read_tools_file(folder / "tools.yaml").tools]
    if not names:
        return []
    more = f" and {len(names) - _MOST_TOOLS} more" if len(names) > _MOST_TOOLS else ""
    return [f"Tools ({len(names)}, in `tools.yaml`): {', '.join(f'`{one}`' for one in names[:_MOST_TOOLS])}{more}."]
