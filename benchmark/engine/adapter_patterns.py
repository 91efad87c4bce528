"""Replaces each regular expression in the settings of an adapter by the names of the modules that it matches.

PEFT matches these expressions with `re`, which has no time limit. With an expression such as `(.*.*.*)*x` in a
downloaded file, the matching would never end. So this module matches the expressions with the package `regex`, which
has a time limit, and PEFT only gets names. The rules are those of `check_target_module_exists` and `get_pattern_key` in
PEFT.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from time import monotonic
from typing import Any

import regex

__all__ = ["PatternError", "without_patterns"]

_SECONDS = 1.0
"""Time limit for all expressions of an adapter together."""

_LONGEST_EXPRESSION = 4_000

_ALL_LINEAR = "all-linear"
"""PEFT's name for all linear layers except the output layer. It is not an expression."""

_NAME = re.compile(r"[\w.-]+\Z")

_WHOLE_NAME = ("target_modules", "exclude_modules", "feedforward_modules")
"""Settings that are either a list of names, or one expression that must match the whole name of a module."""

_FIRST_LAYER = r".*?\.[^.]*\.(?P<idx>\d+)\."


class PatternError(ValueError):
    """An expression is not valid, takes too long, or matches no module."""


def without_patterns(settings: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Return equivalent settings without regular expressions, for a model with the modules `names`.

    Args:
        settings: The settings of an adapter. The types of the settings with expressions must be valid.
        names: The names of all modules of the model.

    Raises:
        PatternError: An expression is not valid, takes too long, or matches no module.
    """
    matcher, found = _Matcher(names), dict(settings)
    for field in _WHOLE_NAME:
        given = found.get(field)
        if isinstance(given, list) and len(given) > len(names):
            raise PatternError(f"{field} has {len(given):,} entries, but the base has only {len(names):,} modules")
        if isinstance(given, str) and given.lower() != _ALL_LINEAR:
            found[field] = matcher.whole(field, given)
            if not found[field] and field == "target_modules":
                raise PatternError(f"target_modules matches no module of the base: {given[:80]!r}")
    if odd := [name for name in found.get("modules_to_save") or () if not _NAME.match(name)]:
        raise PatternError(f"modules_to_save contains {odd[0][:80]!r}, which is not the name of a module")
    _choose_layers(found, matcher)
    for field, given in found.items():
        if field.endswith("_pattern") and isinstance(given, dict) and not all(map(_NAME.match, given)):
            found[field] = matcher.values(field, given)
    return found


def _choose_layers(settings: dict[str, Any], matcher: _Matcher) -> None:
    """Replace `layers_to_transform` and `layers_pattern` by the names of the selected modules in `target_modules`."""
    layers, targets = settings.get("layers_to_transform"), settings.get("target_modules")
    if layers is None or layers == [] or not isinstance(targets, list):
        return
    layers = {layers} if isinstance(layers, int) else set(layers)
    patterns = settings.get("layers_pattern") or []
    patterns = [patterns] if isinstance(patterns, str) else patterns
    expressions = [rf"(?:^|.*?\.){pattern}\.(?P<idx>\d+)\." for pattern in patterns] or [_FIRST_LAYER]
    wanted = set(targets)
    targeted = [name for name in matcher.names if _suffixes(name) & wanted]
    layer_of = matcher.layers("layers_pattern", expressions, targeted)
    chosen = [name for name in targeted if name in wanted or layer_of.get(name) in layers]
    if not chosen:
        raise PatternError(f"layers_to_transform selects no module of the base: {sorted(layers)[:5]}")
    settings |= {"target_modules": chosen, "layers_to_transform": None, "layers_pattern": None}


def _suffixes(name: str) -> set[str]:
    parts = name.split(".")
    return {".".join(parts[start:]) for start in range(len(parts))}


class _Matcher:
    """Matches expressions against the names of modules. All matches together take at most `_SECONDS`."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = [name for name in names if name]
        self._ends = monotonic() + _SECONDS

    def whole(self, field: str, expression: str) -> list[str]:
        """Return the names that the expression matches from beginning to end."""
        compiled = self._compiled(field, expression)
        return [name for name in self.names if self._match(field, compiled, name, whole=True)]

    def layers(self, field: str, expressions: Sequence[str], names: Sequence[str]) -> dict[str, int]:
        """Return a mapping from the name of a module to its layer number.

        The layer number is the group `idx` of the first expression that matches the name.
        """
        compiled = [self._compiled(field, expression) for expression in expressions]
        matches = {
            name: next(filter(None, (self._match(field, one, name) for one in compiled)), None) for name in names
        }
        return {name: int(match["idx"]) for name, match in matches.items() if match}

    def values(self, field: str, by_expression: Mapping[str, Any]) -> dict[str, Any]:
        """Return a mapping from the name of a module to its value.

        The value is that of the first expression that matches the end of the name.
        """
        compiled = [(self._compiled(field, rf"(.*\.)?({one})$"), value) for one, value in by_expression.items()]
        found = {}
        for name in self.names:
            for expression, value in compiled:
                if self._match(field, expression, name):
                    found[name] = value
                    break
        return found

    def _compiled(self, field: str, expression: str) -> Any:
        if len(expression) > _LONGEST_EXPRESSION:
            raise PatternError(
                f"{field} has an expression of {len(expression):,} characters, but at most {_LONGEST_EXPRESSION:,} are "
                "allowed"
            )
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                re.compile(expression)  # PEFT uses `re`, and `regex` accepts some expressions that `re` refuses.
                return regex.compile(expression, regex.VERSION0)
        except (re.error, regex.error, OverflowError, RecursionError) as error:
            raise PatternError(f"{field} has an expression that is not valid: {expression[:80]!r} ({error})") from None

    def _match(self, field: str, compiled: Any, name: str, *, whole: bool = False) -> Any:
        try:
            match = compiled.fullmatch if whole else compiled.match
            return match(name, timeout=max(self._ends - monotonic(), 0.001))
        except TimeoutError:
            raise PatternError(f"{field} has an expression that takes too long: {compiled.pattern[:80]!r}") from None
