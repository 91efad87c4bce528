"""Checks whether both sides of a comparison answered under the same conditions.

Two kinds of conditions can differ:

- Identity: dialect, template, decoding or dtype. Such a difference can change scores, even if both candidates are
  equally good.
- Environment: versions, threads or batch layout. Such a difference rarely changes scores.

Reports show both kinds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from toolmark.benchmark.data.record import TrainingRecord

__all__ = ["Mismatch", "mismatches", "unproven_base"]

NOT_RECORDED = "not recorded"
"""Reports show these words if one side does not have a field. In the environment, a missing field is not a mismatch,
because an exported run leaves out fields of its environment."""

NOT_SET = "not set"
"""Reports show these words if one side did not use an option."""

_ONLY_IF_SET = ("template_args.", "decoding.thinking_tokens", "decoding.stop_at_call")
"""Beginnings of field names. An identity contains these fields only if the user set the option."""

_TEMPLATE = "template"

_ENGINE = "engine"

_NOT_CONDITIONS = frozenset({_TEMPLATE, "probe.cases", "probe.differ"})
"""Fields of the environment that are not compared here: the template is compared with the identity, and the probe
counts answers of each candidate."""

_FIELDS_OF_THE_CANDIDATE = frozenset(
    {"model", "weights", "config", "tokenizer", "adapter", "recording", "call_threshold"}
)


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One field in which the two sides differ.

    Attributes:
        kind: Kind of the condition. Reports show `identity` in red and `environment` in yellow.
        field: Name of the field, with dots between its parts.
        baseline: Value of the baseline.
        candidate: Value of the candidate.
    """

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
    candidate_fields, baseline_fields = dict(_flat(candidate)), dict(_flat(baseline))
    for field in sorted(candidate_fields.keys() | baseline_fields.keys()):
        left, right = _shown(baseline_fields, field), _shown(candidate_fields, field)
        if left != right and (kind == "identity" or NOT_RECORDED not in (left, right)):
            yield Mismatch(kind, field, left, right)


def _shown(fields: Mapping[str, str], field: str) -> str:
    """Return the value of a field. If the side does not have the field, return `NOT_SET` or `NOT_RECORDED`.

    A run without the field `decoding.max_tokens` was made by another program. In such a run, a missing field means that
    the option was not recorded. Toolmark records every option that is set. So in a run of Toolmark, a missing field
    means that the option was not set.
    """
    optional = field.startswith(_ONLY_IF_SET) and "decoding.max_tokens" in fields
    return fields.get(field, NOT_SET if optional else NOT_RECORDED)


def mismatches(
    baseline: tuple[Mapping[str, Any], Mapping[str, Any]], candidate: tuple[Mapping[str, Any], Mapping[str, Any]]
) -> tuple[Mismatch, ...]:
    """Return the conditions that differ between two sides. Fields of the identity come first.

    Fields that describe the candidate itself, such as the weights, are left out. The engine is a condition of the
    environment. It is part of an identity only to keep the answers of two engines apart.

    Args:
        baseline: Identity and environment of the baseline.
        candidate: Identity and environment of the candidate.
    """
    identity = _differing("identity", *_comparable(baseline, candidate))
    environment = _differing("environment", baseline[1], candidate[1])
    return (
        *(mismatch for mismatch in identity if mismatch.field not in _FIELDS_OF_THE_CANDIDATE | {_ENGINE}),
        *(mismatch for mismatch in environment if mismatch.field not in _NOT_CONDITIONS),
    )


def _comparable(*sides: tuple[Mapping[str, Any], Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the identities of two sides, with the fields that can be compared across runtimes.

    - The template: an identity has the hash of all files of the template, and the environment has the hash of its text.
      If both sides know the hash of the text, it is compared.
    - The parser: see `_parser`.
    """
    texts = [environment.get(_TEMPLATE) for _, environment in sides]
    found = [{"parser": _parser(identity, environment), **identity} for identity, environment in sides]
    if all(texts):
        found = [{**identity, _TEMPLATE: text} for identity, text in zip(found, texts, strict=True)]
    return found


def _parser(identity: Mapping[str, Any], environment: Mapping[str, Any]) -> str:
    """Return what reads the calls in the answers: a server that gets the tools, or else the dialect."""
    server = environment.get("server")
    served = isinstance(server, Mapping) or str(identity.get("weights")).startswith("not known: served")
    if served and str(identity.get("dialect")).startswith("native/"):
        return str(server.get("kind")) if isinstance(server, Mapping) else "the server"
    return "the dialect"


def unproven_base(identity: Mapping[str, Any], training: TrainingRecord | None) -> str:
    """Return why it is not certain that the adapter of a run was trained on the base of the run.

    The base is verified if the training record of the adapter contains the hash of the base's weights. The name of the
    base is not enough, because the same name can stand for different weights. An adapter can also be loaded on a wrong
    base without an error, if the shapes of the weights are the same.

    Args:
        identity: Identity of the run.
        training: The training record in the folder of the weights. None if there is no record.

    Returns:
        The reason why the base is not verified. Empty if the base is verified, or if there is no adapter.
    """
    if identity.get("adapter") is None:
        return ""
    if training is None:
        return "base identity not proven: there is no toolmark.json in the folder of the adapter"
    if training.base_weights is None:
        return "base identity not proven: the toolmark.json of the adapter contains no hash of the base"
    if training.base_weights != identity.get("weights"):
        return (
            f"base identity not proven: trained on weights {training.base_weights}, "
            f"evaluated on {identity.get('weights')}"
        )
    return ""
