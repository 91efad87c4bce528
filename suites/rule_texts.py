"""Writes expected calls, rules for values, and tags in words, for `toolmark cases show`."""

from __future__ import annotations

import json
from collections.abc import Mapping

from toolmark.benchmark.data.cases import Abstain, CallOption, CallSpec
from toolmark.benchmark.data.match_rules import Accept

__all__ = ["abstention_text", "accepted_values", "as_json", "option_text", "tags_text"]


def as_json(value: object) -> str:
    """Return a value as JSON. Letters outside ASCII stay as they are."""
    return json.dumps(value, ensure_ascii=False)


def accepted_values(rule: Accept) -> str:
    """Return the values that a rule accepts."""
    match rule.match:
        case "anything":
            return "anything"
        case "nonempty":
            return "anything that is not empty"
        case "object":
            inner = ", ".join(
                f"{key}{'?' if key in rule.optional else ''}: {accepted_values(value)}"
                for key, value in rule.of.items()
            )
            return f"{{{inner}}}"
        case "list":
            return f"[{', '.join(map(accepted_values, rule.of))}]"
    joined = (" and " if rule.match == "contains" else " or ").join(map(as_json, rule.of))
    within = f" ± {rule.tolerance:g}" if rule.tolerance is not None else ""
    return joined + within if rule.match == "exact" else f"{rule.match} {joined}{within}"


def _call_text(spec: CallSpec) -> str:
    told = (
        f"{name}{'?' if name in spec.optional else ''}: {accepted_values(rule)}"
        for name, rule in spec.arguments.items()
    )
    return f"{spec.name}({'; '.join(told)})"


def option_text(option: CallOption) -> str:
    """Return the calls of one complete right answer."""
    return (", then " if option.order == "given" else " and ").join(map(_call_text, option.calls))


def abstention_text(expect: Abstain) -> str:
    """Return the reason to abstain."""
    of = f": {expect.missing} of {expect.tool}" if expect.missing else ""
    return f"{expect.reason.replace('_', ' ')}{of}"


def tags_text(split: str, group: str | None, tags: Mapping[str, object]) -> str:
    """Return the split, the group and the tags of a case or scenario."""
    told = ", ".join(f"{key} {value if isinstance(value, str) else as_json(value)}" for key, value in tags.items())
    return f"{split}; group {group or '–'}; {told}"
