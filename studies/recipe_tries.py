"""Contains the section of docs/measurements/recipes.md with the lessons from choosing the shipped recipes."""

from __future__ import annotations

__all__ = ["LEARNT"]

LEARNT = """## Lessons from the tries

Before the recipes were chosen, `pocket` was trained in 32 different ways, called tries. Each try used one seed, and was
judged on the 255 dev cases. The table shows some of the tries. Scores are in per cent.

| try | `timing.restraint` | `selection.tool` | `validity.call` | `guard.stops` |
| --- | ---: | ---: | ---: | ---: |
| the base | 76.3 | 5.7 | 0.0 | 96.5 |
| 1: each query type with its generated share | 27.8 | 13.3 | 0.6 | 74.9 |
| 8: half of the conversations have a call, and more requests need no tool | 71.1 | 15.8 | 3.8 | 92.5 |
| 10: most calls end their conversation, 361 steps | 70.1 | 17.7 | 3.8 | 94.1 |
| 14: like 10, with loss weight 4 on the tool's name | 69.1 | 21.5 | 5.1 | 91.8 |
| 24: `lora.toml`, 127 steps | 68.0 | 15.8 | 1.9 | 91.8 |
| 26: `lora-long.toml`, 361 steps | 72.2 | 18.4 | 4.4 | 91.4 |

- **Train abstentions, too.** With few abstentions in the data, the model almost always calls a tool (try 1). In try 8,
  the data also contained about 2,900 requests that need no tool, for example for a poem. These requests raised recall
  and restraint.
- **End most conversations with the call.** Then each training step has 20% fewer tokens (try 10).
- **Offer up to ten tools.** If at most four tools are offered, the model learns only whether to call a tool. It does
  not learn which tool to call.
- **If the choice of the tool matters most, give the name of the tool a higher loss weight.** The choice improves, but
  the arguments become worse (try 14). Give the higher weight to the whole name, not only to its first token. Otherwise,
  the model writes the right beginning of a name, but a wrong end.
- **Train on more tokens, if you have time.** `lora.toml` trains on as many tokens as fit into five minutes.
  `lora-long.toml` trains on more tokens, and chooses the right tool more often (tries 24 and 26).
- **Choose checkpoints on more than 60 dev cases.** With 60 cases, the error of a score can be 20 points.

When the last choices for `lora.toml` were made, its scores on 300 test cases were already known. So the test scores of
`lora.toml` on this page are perhaps slightly too high. The choices for `lora-long.toml` used only dev cases.
"""
