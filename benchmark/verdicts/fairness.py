"""Were both sides asked the same way?

A difference in identity beyond the candidate itself (its dialect, template, decoding or dtype) may explain a difference
in scores as well as the candidate does. A difference in environment (versions, threads, batch layout) rarely does, but
it is told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from toolmark.benchmark.data.record import TrainingRecord

__all__ = ["Mismatch", "mismatches", "unproven_base"]

NOT_RECORDED = "not recorded"
"""An exported run leaves its machine out: in the environment a field of one side alone is no difference."""

_THE_CANDIDATES_OWN = frozenset({"model", "weights", "config", "tokenizer", "adapter", "recording"})


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One field in which the two sides differ; `identity` is shown red, `environment` yellow."""

    kind: Literal["identity", "environment"]
    field: str
    baseline: str
    candidate: str


def _flat(fields: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in fields.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", str(value)


def _differing(
    kind: Literal["identity", "environment"], baseline: Mapping[str, Any], candidate: Mapping[str, Any]
) -> Iterator[Mismatch]:
    ours, theirs = dict(_flat(candidate)), dict(_flat(baseline))
    for field in sorted(ours.keys() | theirs.keys()):
        left, right = theirs.get(field, NOT_RECORDED), ours.get(field, NOT_RECORDED)
        if left != right and (kind == "identity" or NOT_RECORDED not in (left, right)):
            yield Mismatch(kind, field, left, right)


def mismatches(
    baseline: tuple[Mapping[str, Any], Mapping[str, Any]], candidate: tuple[Mapping[str, Any], Mapping[str, Any]]
) -> tuple[Mismatch, ...]:
    """Differences between two sides, each given as (identity, environment); identity first."""
    identity = _differing("identity", baseline[0], candidate[0])
    return (
        *(found for found in identity if found.field not in _THE_CANDIDATES_OWN),
        *_differing("environment", baseline[1], candidate[1]),
    )


def unproven_base(identity: Mapping[str, Any], training: TrainingRecord | None) -> str:
    """Why nobody knows that an adapter sits on the base it was trained on; empty where that is proven.

    The proof is the base's hash in the training record beside the adapter: names say nothing of weights, and an adapter
    of another base with the same shapes is loaded without a word.
    """
    if identity.get("adapter") is None:
        return ""
    if training is None:
        return "base identity not proven: no toolmark.json lies beside the adapter"
    if training.base_weights is None:
        return "base identity not proven: the toolmark.json beside the adapter records no hash of its base"
    if training.base_weights != identity.get("weights"):
        return (
            f"base identity not proven: trained on weights {training.base_weights}, judged on {identity.get('weights')}"
        )
    return ""
