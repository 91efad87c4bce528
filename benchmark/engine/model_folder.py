"""Finds the model directory of a candidate. A GGUF file is first converted to a model directory."""

from __future__ import annotations

from dataclasses import replace

from toolmark.benchmark.candidates.spec import Candidate
from toolmark.benchmark.candidates.weights import Weights, fetch

__all__ = ["locate"]


def locate(candidate: Candidate) -> Weights:
    """Return the directories of a `local` or `hub` candidate. Weights that are not on this machine are downloaded.

    Raises:
        InputError: The hub has no such model or revision. Or the files of the model cannot be used.
        EnvironmentFault: There is no network, no access or no space on the disk, or a package is missing.
    """
    weights = fetch(candidate)
    if weights.base.is_file():
        from toolmark.benchmark.engine.gguf_conversion import converted

        return replace(weights, base=converted(weights.base))
    return weights
