"""Arguments with meaning: for each tool, fresh ones together with the words that tell them."""

from __future__ import annotations

from toolmark.generators.template.default.draws import dates, lists, numbers, text, world
from toolmark.generators.template.default.draws.draw import Draw, Drawer

__all__ = ["DRAWERS", "Draw", "Drawer"]

DRAWERS: dict[str, Drawer] = {
    **numbers.DRAWERS,
    **dates.DRAWERS,
    **lists.DRAWERS,
    **text.DRAWERS,
    **world.DRAWERS,
}
"""The tools for which there are phrasings; `patterns/` holds those."""
