"""Names the world of BFCL's multi-turn categories. The package `bfcl-eval` is found here, but not imported."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable
from pathlib import Path

from toolmark.benchmark.core.errors import EnvironmentFault
from toolmark.benchmark.core.hashing import hash_files
from toolmark.benchmark.data.cases import Tool, Toolbox
from toolmark.benchmark.tools.worlds.world_names import NamedWorld

__all__ = ["CLASSES", "PACKAGE", "WORLD", "bfcl_world"]

WORLD = "bfcl"
PACKAGE = "bfcl_eval.eval_checker.multi_turn_eval.func_source_code"

CLASSES = {
    "GorillaFileSystem": "gorilla_file_system",
    "MathAPI": "math_api",
    "MessageAPI": "message_api",
    "TicketAPI": "ticket_api",
    "TradingBot": "trading_bot",
    "TravelAPI": "travel_booking",
    "TwitterAPI": "posting_api",
    "VehicleControlAPI": "vehicle_control",
}
"""The module of each class. The file that describes the tools of the class has the name of the module."""

_RUN = "toolmark.benchmark.tools.bfcl.world:BfclWorld"


def bfcl_world(tools: Iterable[str]) -> NamedWorld:
    """Return the world of BFCL.

    Its schemas allow all arguments, because BFCL checks no arguments before a call. A wrong argument is an error of the
    call itself.

    Args:
        tools: The names of all tools of all classes.

    Raises:
        EnvironmentFault: The package `bfcl-eval` is not installed.
    """
    found = importlib.util.find_spec(PACKAGE.partition(".")[0])
    if found is None or not found.submodule_search_locations:
        raise EnvironmentFault(
            "The multi-turn categories of BFCL need the package 'bfcl-eval', but it is not installed",
            "Install it: pip install --no-deps bfcl-eval mpmath",
        )
    folder = Path(found.submodule_search_locations[0]).joinpath(*PACKAGE.split(".")[1:])
    code = hash_files([*sorted(folder.glob("*.py")), Path(__file__).with_name("world.py")])
    open_schema = {"type": "object"}
    toolbox = Toolbox(
        name=WORLD, tools=tuple(Tool(name=name, parameters=open_schema, run=f"{_RUN}.{name}") for name in tools)
    )
    return NamedWorld(WORLD, toolbox, _RUN, code)
