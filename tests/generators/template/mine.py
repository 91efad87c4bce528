"""Five tools that nobody has seen here."""

from __future__ import annotations

import datetime
from typing import Annotated, Literal

from pydantic import Field

__all__ = ["book_table", "label_sample", "mix_paint", "tide_level", "trail_time"]


def book_table(
    restaurant: str, guests: Annotated[int, Field(ge=1, le=12)], day: datetime.date, outdoor: bool = False
) -> dict[str, object]:
    """Book a table at a restaurant.

    Args:
        restaurant: Name of the restaurant.
        guests: How many people come.
        day: Day of the booking.
        outdoor: Sit outside.
    """
    return {"confirmation": f"{restaurant[:3].upper()}{guests}{day:%d%m}", "guests": guests, "outdoor": outdoor}


def mix_paint(
    base: Literal["white", "grey", "black"],
    tint: str,
    litres: Annotated[float, Field(gt=0, le=20)],
    finish: Literal["matt", "satin", "gloss"] = "matt",
) -> str:
    """Returns the recipe for a tinted wall paint.

    Args:
        base: The base paint.
        tint: Colour to add, such as 'ochre', 'teal' or 'rust'.
        litres: How much is needed.
        finish: Surface.
    """
    return f"{litres:g} l of {base} with {round(litres * 35)} ml {tint}, {finish}"


def trail_time(
    distance_km: Annotated[float, Field(ge=0.5, le=60)], climb_m: Annotated[int, Field(ge=0, le=3000)]
) -> float:
    """Estimate how long a hike takes, in hours.

    Args:
        distance_km: Length of the trail.
        climb_m: Metres of ascent.
    """
    return round(distance_km / 4 + climb_m / 600, 1)


def label_sample(
    sample_id: Annotated[str, Field(pattern=r"^[A-Z]{2}-\d{4}$")],
    tags: list[str],
    priority: Annotated[int, Field(ge=1, le=5)] = 3,
) -> dict[str, object]:
    """Attach tags to a lab sample.

    Args:
        sample_id: Identifier of the sample.
        tags: Tags to attach.
        priority: From 1 to 5.
    """
    return {"sample": sample_id, "tags": len(tags), "priority": priority}


def tide_level(harbour: str, at: datetime.datetime | None = None) -> dict[str, object]:
    """Get the tide level in a harbour.

    Args:
        harbour: Which harbour.
        at: When; now where not given.
    """
    if harbour == harbour.upper():
        raise ValueError(f"no harbour {harbour}")
    return {"harbour": harbour, "metres": round(sum(map(ord, harbour)) % 50 / 10, 1), "at": at and f"{at:%H:%M}"}
