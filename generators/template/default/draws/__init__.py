"""Arguments for the catalog's tools. For each tool, a function draws arguments, and the words for these arguments."""

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
"""The drawer of each tool that has phrasings, by the tool's name."""
