"""How a figure is written, once for every renderer."""

from __future__ import annotations

import math
from typing import NamedTuple

from benchmark.verdicts.comparison import Figure, Row

__all__ = ["Cells", "cells"]


class Cells(NamedTuple):
    """The three cells of a figure."""

    n: str
    score: str
    interval: str


def cells(row: Row, figure: Figure) -> Cells:
    """Shares as percentages with one decimal, other units as they are; a dash where no case counts."""
    if figure.score is None or figure.interval is None:
        return Cells("0", "–", "–")
    scale = 100 if row.unit == "share" else 1
    low, high = figure.interval.low * scale, figure.interval.high * scale
    interval = f"[{low:.1f}, {high:.1f}]" if math.isfinite(low) and math.isfinite(high) else "not known"
    return Cells(str(figure.n), f"{figure.score * scale:.1f}", interval)
