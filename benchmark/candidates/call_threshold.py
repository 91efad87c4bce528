"""The end of a spec that sets a threshold for calls: `@call>0.35`."""

from __future__ import annotations

from toolmark.benchmark.core.errors import InputError

__all__ = ["MARK", "split_threshold", "threshold_text"]

MARK = "@call>"


def split_threshold(spec: str) -> tuple[str, float | None]:
    """Return a spec without its threshold, and the threshold. The threshold is None if the spec has none.

    Raises:
        InputError: The threshold is not a number from 0 to 1, or does not stand at the end.
    """
    text, mark, number = spec.partition(MARK)
    if not mark:
        return spec, None
    if ":" in number:
        raise InputError(
            f"the threshold in {spec} stands before the adapter",
            f"Write the threshold at the end: BASE:ADAPTER{MARK}0.5",
        )
    try:
        threshold = float(number)
    except ValueError:
        threshold = -1.0
    if not 0 <= threshold <= 1:
        raise InputError(
            f"the threshold {number!r} in {spec} is not a number from 0 to 1",
            f"Write a probability, for example {MARK}0.5",
        )
    return text, threshold


def threshold_text(threshold: float | None) -> str:
    """Return the end of a spec with this threshold. Empty if there is no threshold."""
    return "" if threshold is None else f"{MARK}{threshold!r}"
