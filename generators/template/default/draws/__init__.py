"""Draws arguments for the tools of the catalog, and the words for these arguments. There is one function per tool."""

from __future__ import annotations

from toolmark.generators.template.default.draws import database, dates, lists, numbers, text, world
from toolmark.generators.template.default.draws.draw import Draw, Drawer

__all__ = ["DRAWERS", "Draw", "Drawer"]

DRAWERS: dict[str, Drawer] = {
    **numbers.DRAWERS,
    **dates.DRAWERS,
    **lists.DRAWERS,
    **text.DRAWERS,
    **world.DRAWERS,
    **database.DRAWERS,
}
"""The function that draws the arguments, for each tool that has phrasings, by tool name."""
