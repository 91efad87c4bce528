"""Describes a candidate whose weights are on this machine: its device, its files, and its identity."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from toolmark.benchmark.candidates.fingerprint import identity
from toolmark.benchmark.candidates.spec import Candidate
from toolmark.benchmark.candidates.weights import Weights
from toolmark.benchmark.config.decoding import Decoding
from toolmark.benchmark.config.engine_options import EngineChoice
from toolmark.benchmark.config.template_args import TemplateArgs
from toolmark.benchmark.data.record import read_record
from toolmark.benchmark.dialects import Dialect
from toolmark.benchmark.engine.devices import (
    DeviceChoice,
    DtypeChoice,
    check_dtype_of_model,
    choose_device,
    choose_dtype,
)
from toolmark.benchmark.engine.engine_choice import choose_engine
from toolmark.benchmark.engine.model_folder import locate
from toolmark.benchmark.engine.vllm_limits import check_vllm_serves

__all__ = ["Describe", "LocalModel", "describe"]


@dataclass(frozen=True, slots=True)
class LocalModel:
    """A candidate on this machine.

    Attributes:
        device: The device on which the candidate is computed.
        weights: Directories of the weights.
        identity: Everything that can change a completion.
        training: The training record of the weights. None if there is no record.
    """

    device: str
    weights: Weights
    identity: Mapping[str, Any]
    training: Mapping[str, Any] | None


def describe(
    candidate: Candidate,
    dialect: Dialect,
    decoding: Decoding,
    device: DeviceChoice,
    dtype: DtypeChoice,
    template_args: TemplateArgs | None = None,
    engine: EngineChoice = "transformers",
) -> LocalModel:
    """Return the description of a `local` or `hub` candidate. Missing weights are downloaded. No model is loaded.

    Raises:
        InputError: The files of the candidate cannot be used, the data type is not possible, or the engine cannot
            answer as this candidate.
        EnvironmentFault: The weights cannot be downloaded, this machine does not have the device, or the engine is not
            installed.
    """
    chosen = choose_device(device)
    computing = choose_engine(engine, chosen)
    weights = locate(candidate)
    if computing == "vllm":
        check_vllm_serves(candidate, weights)
    numbers = choose_dtype(dtype, chosen)
    check_dtype_of_model(weights.base, numbers)
    described = identity(candidate, weights, dialect, decoding, numbers, template_args, computing)
    return LocalModel(chosen, weights, described, read_record(weights.adapter or weights.base))


Describe = Callable[
    [Candidate, Dialect, Decoding, DeviceChoice, DtypeChoice, TemplateArgs | None, EngineChoice], LocalModel
]
"""A function with the arguments and the result of `describe`."""
