"""The model card of a trained adapter: a description, the training settings, the curve, and the next commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from toolmark.benchmark.data.record import WrittenRecord

__all__ = ["adapter_card"]

_CARD = """\
---
base_model: {base}
library_name: peft
pipeline_tag: text-generation
tags: [tool-calling, lora, toolmark]
---

# {name}

This is an adapter for `{base}`. It was trained with Toolmark to call tools in the dialect `{dialect}`. `toolmark.json`
describes the training: data, options, versions, seed, curve, and the hash of the base's weights.

This command compares the adapter with its base on the same cases:

```
pytest suites/ --model {base} --adapter {name}
```

## How it was made

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


def adapter_card(record: WrittenRecord) -> str:
    """Return the text of the `README.md` in the folder of an adapter."""
    judged = [point for point in record.curve if any("." in name for name in point)]
    names = sorted({name for point in judged for name in point if "." in name})
    lines = []
    if judged:
        lines.append("| step | " + " | ".join(["eval loss", *names]) + " |")
        lines.append("|---:|" + "---:|" * (len(names) + 1))
        for point in judged:
            cells = [f"{point['eval_loss']:.4f}" if "eval_loss" in point else ""]
            cells += [f"{100 * point[name]:.1f}" if name in point else "" for name in names]
            lines.append(f"| {point['step']:g} | " + " | ".join(cells) + " |")
    return _CARD.format(
        base=record.base.id if record.base else "none",
        name=record.name,
        dialect=", ".join(record.dialects),
        made_by=record.data.made_by or "# the manifest of the data does not contain the command",
        command=record.command,
        conversations=record.data.conversations,
        tokens=record.tokens,
        seconds=record.seconds,
        losses=", ".join(f"{name} {value:g}" for name, value in record.losses.items()),
        table="\n".join(lines) or "No checkpoint was judged.",
        chosen=""
        if record.chosen_step is None
        else f"The scores are in per cent, on a part of the dev cases. These scores were used to choose step "
        f"{record.chosen_step}. So they do not show how good the adapter is on new cases.",
    )
