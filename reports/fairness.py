"""Compares the conditions under which a contestant and its baseline answered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

from toolmark.benchmark.verdicts.comparison import Comparison, ContestantResult

__all__ = ["Condition", "fairness"]

_IDENTITY = (("dialect", "prompts"), ("template", "template"), ("decoding", "decoding"), ("dtype", "dtype"))


class Condition(NamedTuple):
    """One condition that should be the same for the contestant and its baseline.

    Attributes:
        what: Name of the condition.
        state: Result of the comparison.
            `ok`: The condition is the same.
            `warning`: There is a difference that rarely changes scores.
            `bad`: There is a difference that can explain a difference in scores.
            `unknown`: The condition is not recorded.
        text: The state in words.
    """

    what: str
    state: Literal["ok", "warning", "bad", "unknown"]
    text: str


def fairness(comparison: Comparison, contestant: ContestantResult) -> list[Condition]:
    """Compare the conditions of a contestant and its baseline.

    The conditions are cases, prompts, template, decoding, dtype and engine. Two conditions do not need a baseline. For
    an adapter, a hash proves that it was trained on this base. For an engine other than transformers, a probe counts
    the answers that differ.

    Args:
        comparison: The comparison.
        contestant: The contestant.
    """
    base = comparison.baseline_of(contestant)
    strip = [] if base is None else _shared(contestant, base)
    strip += _probe(contestant)
    if contestant.unproven:
        strip.append(Condition("base identity", "warning", contestant.unproven.removeprefix("base identity ")))
    elif contestant.identity.get("adapter") is not None:
        strip.append(
            Condition("base identity", "ok", "the hash of the base proves that the adapter was trained on this base")
        )
    return strip


def _probe(contestant: ContestantResult) -> list[Condition]:
    """Return how many answers differ from those of transformers, if the engine of the contestant was probed."""
    probe = contestant.environment.get("probe")
    if not isinstance(probe, Mapping) or not all(isinstance(probe.get(name), int) for name in ("cases", "differ")):
        return []
    text = f"{probe['differ']} of {probe['cases']} answers differ from those of transformers"
    return [Condition("probe of the engine", "warning" if probe["differ"] else "ok", text)]


def _is_known(value: object) -> bool:
    """Return whether a value is known. A recording can contain the text "not known" as a value."""
    return value is not None and not str(value).startswith("not known")


def _shared(ours: ContestantResult, base: ContestantResult) -> list[Condition]:
    differences = ours.differences.values()
    alone = max((one.only_base + one.only_candidate for one in differences), default=0)
    # A metric without cases has a reason too. Here, only the reasons about cases of one side are shown.
    reasons = [one.reason for one in differences if one.reason and one.only_base + one.only_candidate]
    if reasons:
        strip = [Condition("cases", "bad", f"{alone} on one side only; {reasons[0]}")]
    else:
        strip = [Condition("cases", "warning" if alone else "ok", f"{alone} on one side only" if alone else "the same")]
    for field, what in _IDENTITY:
        differing = [m for m in ours.unfair if m.kind == "identity" and m.field.partition(".")[0] == field]
        if differing:
            text = "; ".join(f"{m.field} {m.candidate}, baseline {m.baseline}" for m in differing)
            strip.append(Condition(what, "bad", text))
        elif _is_known(ours.identity.get(field)) and _is_known(base.identity.get(field)):
            strip.append(Condition(what, "ok", "the same"))
        else:
            strip.append(Condition(what, "unknown", "not recorded"))
    named = {field for field, _ in _IDENTITY}
    strip += [
        Condition(m.field, "bad", f"{m.candidate}, baseline {m.baseline}")
        for m in ours.unfair
        if m.kind == "identity" and m.field.partition(".")[0] not in named
    ]
    environment = [m for m in ours.unfair if m.kind == "environment"]
    if environment:
        text = "; ".join(f"{m.field} {m.candidate}, baseline {m.baseline}" for m in environment)
        strip.append(Condition("engine", "warning", text))
    elif ours.environment and base.environment:
        strip.append(Condition("engine", "ok", "the same in all fields that both sides recorded"))
    else:
        strip.append(Condition("engine", "unknown", "not recorded"))
    return strip
