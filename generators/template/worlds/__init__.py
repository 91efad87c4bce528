"""The mix `worlds`: conversations of several turns, whose tools share a state.

Each conversation begins in a random state of a shipped world (`toolmark.benchmark.tools.worlds`). The user has tasks in
this world, in any order. The calls are made in the world, so the results are real. The demands of a turn follow from
the states before and after the turn. So each conversation is also a scenario, and its gold is checked like the gold of
other scenarios.

Some turns are special:

    recover   a call fails, and the model must find another way
    missing   an argument is missing, and the next turn gives it
    nothing   nothing must be changed

A fifth of the conversations are only for tests. Their states have other names, and their users use other wordings.

The modules are:

    conversations.py   whole conversations
    draft.py           a conversation that is being made
    choices.py         random choices, and the two parts of each list
    demands.py         the demands of a turn
    bank.py, …         states and tasks of each world
    names.toml         the names in the states
"""

from toolmark.generators.template.worlds.conversations import WORLDS, world_traces
from toolmark.generators.template.worlds.draft import Style

__all__ = ["WORLDS", "Style", "world_traces"]
