"""The model card of trained weights: a description, the next command, the training settings, and the curve.

Trained weights are an adapter or a whole model. A trainer can write a card of its own instead.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from toolmark.benchmark.data.record import WrittenRecord

__all__ = ["model_card"]

_CARD = """\
---
{metadata}---

# {name}

{what} was trained with Toolmark to call tools in the dialect `{dialect}`. `toolmark.json` describes the training: data,
options, versions, seed, curve, and hashes.

{compared}## How it was made

```
{made_by}
{command}
```

The training read {conversations:,} conversations with {tokens:,} tokens, and took {seconds:,.0f} seconds. Losses at the
end: {losses}.

## Curve

{table}

{chosen}
"""

_COMPARED = """\
This command compares the {kind} with its base on the same cases:

```
{command}
```

"""


def model_card(record: WrittenRecord, *, adapter: bool) -> str:
    """Return the text of the `README.md` in the folder of the weights.

    Args:
        record: The record of the finished training.
        adapter: Whether the weights are an adapter. If not, they are a whole model.
    """
    base, kind = record.base.id if record.base else "", "adapter" if adapter else "model"
    metadata = {"base_model": base} if base else {}
    metadata |= {"library_name": "peft" if adapter else "transformers", "pipeline_tag": "text-generation"}
    metadata["tags"] = f"[tool-calling, {'lora, ' if adapter else ''}toolmark]"
    folder = shlex.quote(record.name)
    both = (
        f"--model {shlex.quote(base)} --adapter {folder}"
        if adapter
        else f"--model {folder} --baseline {shlex.quote(base)}"
    )
    return _CARD.format(
        metadata="".join(f"{key}: {value}\n" for key, value in metadata.items()),
        name=record.name,
        what=f"This {kind}{f' for `{base}`' if adapter else f', which starts from `{base}`,' if base else ''}",
        dialect=", ".join(record.dialects),
        compared=_COMPARED.format(kind=kind, command=f"toolmark eval {both}") if base else "",
        made_by=record.data.made_by or "# the manifest of the data does not contain the command",
        command=record.command,
        conversations=record.data.conversations,
        tokens=record.tokens,
        seconds=record.seconds,
        losses=", ".join(f"{name} {value:g}" for name, value in record.losses.items()),
        table=_table(record) or "No checkpoint was judged.",
        chosen=""
        if record.chosen_step is None
        else f"The scores are in per cent, on a part of the dev cases. These scores were used to choose step "
        f"{record.chosen_step}. So they do not show how good the {kind} is on new cases.",
    )


def _table(record: WrittenRecord) -> str:
    """Return the dev scores of the judged checkpoints as a table. Empty if no checkpoint was judged."""
    judged = [point for point in record.curve if any("." in name for name in point)]
    if not judged:
        return ""
    names = sorted({name for point in judged for name in point if "." in name})
    lines = ["| step | " + " | ".join(["eval loss", *names]) + " |", "|---:|" + "---:|" * (len(names) + 1)]
    for point in judged:
        cells = [f"{point['eval_loss']:.4f}" if "eval_loss" in point else ""]
        cells += [f"{100 * point[name]:.1f}" if name in point else "" for name in names]
        lines.append(f"| {point['step']:g} | " + " | ".join(cells) + " |")
    return "\n".join(lines)
