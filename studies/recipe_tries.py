"""The section of docs/measurements/recipes.md with the lessons from choosing the shipped recipes."""

from __future__ import annotations

__all__ = ["LEARNT"]

LEARNT = """## Lessons from the tries

`pocket` was trained in 32 ways, with one seed for each try. The adapters were judged on the 255 dev cases. The table
shows some of the tries. Scores are in per cent.

| try | `timing.restraint` | `selection.tool` | `validity.call` | `guard.stops` |
| --- | ---: | ---: | ---: | ---: |
| the base | 76.3 | 5.7 | 0.0 | 96.5 |
| 1: all query types as generated | 27.8 | 13.3 | 0.6 | 74.9 |
| 8: half calls, and more requests that need no tool | 71.1 | 15.8 | 3.8 | 92.5 |
| 10: most calls end their conversation, 361 steps | 70.1 | 17.7 | 3.8 | 94.1 |
| 14: like 10, with loss weight 4 on the tool's name | 69.1 | 21.5 | 5.1 | 91.8 |
| 24: `lora.toml`, 127 steps | 68.0 | 15.8 | 1.9 | 91.8 |
| 26: `lora-long.toml`, 361 steps | 72.2 | 18.4 | 4.4 | 91.4 |

- **Train abstentions, too.** If the data contains few abstentions, the model calls almost always (1). About 2,900
  requests for a poem, an explanation or advice raised both recall and restraint (8).
- **End most conversations with the call.** Each training step then reads one fifth fewer tokens (10).
- **Offer up to ten tools.** If at most four tools are offered, the model learns whether to call, but does not learn
  which tool to call.
- **Loss weight on the whole name of the tool** improves the choice of the tool, but makes the arguments worse (14). A
  weight on only the first token that differs between names does not help. The model then writes the beginning of a name
  correctly, but the end of the name wrongly.
- **The number of tokens read limits every try.** `lora.toml` reads as many tokens as fit into the time of `make demo`.
- **60 dev cases are too few to choose a checkpoint.** The error of a score from so few cases can be 20 points.

When the last choices for `lora.toml` were made, figures on 300 test cases were already known. So the test figures of
`lora.toml` may be slightly too good. `lora-long.toml` was chosen only on dev cases.
"""
