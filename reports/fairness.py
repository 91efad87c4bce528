"""Were both sides asked the same way, as a strip of answers."""

from __future__ import annotations

from typing import Literal, NamedTuple

from toolmark.benchmark.verdicts.comparison import Comparison, ContestantResult

__all__ = ["Same", "fairness"]

_IDENTITY = (("dialect", "prompts"), ("template", "template"), ("decoding", "decoding"), ("dtype", "dtype"))


class Same(NamedTuple):
    """One thing that both sides should share: `ok`, `warning` (told), `bad` (may explain a difference), `unknown`."""

    what: str
    state: Literal["ok", "warning", "bad", "unknown"]
    text: str


def fairness(comparison: Comparison, contestant: ContestantResult) -> list[Same]:
    """Cases, prompts, template, decoding, dtype and engine of a contestant and its baseline, and an adapter's base.

    Without a baseline there is nothing to share; what is not proven is listed all the same.
    """
    base = comparison.baseline_of(contestant)
    strip = [] if base is None else _shared(contestant, base)
    if contestant.unproven:
        strip.append(Same("base identity", "warning", contestant.unproven.removeprefix("base identity ")))
    elif contestant.identity.get("adapter") is not None:
        strip.append(Same("base identity", "ok", "proven: the one that the adapter was trained on, by its hash"))
    return strip


def _is_known(value: object) -> bool:
    """A recording says of some things that nobody knows them."""
    return value is not None and not str(value).startswith("not known")


def _shared(ours: ContestantResult, base: ContestantResult) -> list[Same]:
    differences = ours.differences.values()
    alone = max((found.only_base + found.only_candidate for found in differences), default=0)
    # A metric without any case has a reason too, which says nothing of the sides.
    reasons = [found.reason for found in differences if found.reason and found.only_base + found.only_candidate]
    if reasons:
        strip = [Same("cases", "bad", f"{alone} on one side only; {reasons[0]}")]
    else:
        strip = [Same("cases", "warning" if alone else "ok", f"{alone} on one side only" if alone else "the same")]
    for field, what in _IDENTITY:
        found = [m for m in ours.unfair if m.kind == "identity" and m.field.partition(".")[0] == field]
        if found:
            said = "; ".join(f"{m.field} {m.candidate}, baseline {m.baseline}" for m in found)
            strip.append(Same(what, "bad", said))
        elif _is_known(ours.identity.get(field)) and _is_known(base.identity.get(field)):
            strip.append(Same(what, "ok", "the same"))
        else:
            strip.append(Same(what, "unknown", "not recorded"))
    known = {field for field, _ in _IDENTITY}
    strip += [
        Same(m.field, "bad", f"{m.candidate}, baseline {m.baseline}")
        for m in ours.unfair
        if m.kind == "identity" and m.field.partition(".")[0] not in known
    ]
    machine = [m for m in ours.unfair if m.kind == "environment"]
    if machine:
        said = "; ".join(f"{m.field} {m.candidate}, baseline {m.baseline}" for m in machine)
        strip.append(Same("engine", "warning", said))
    elif ours.environment and base.environment:
        strip.append(Same("engine", "ok", "the same, where both are recorded"))
    else:
        strip.append(Same("engine", "unknown", "not recorded"))
    return strip
