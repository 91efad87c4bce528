"""Which engine answers for a candidate. A base is loaded once, however many adapters it wears in turn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from toolmark.benchmark.candidates.spec import Candidate
from toolmark.benchmark.candidates.weights import Weights
from toolmark.benchmark.config.decoding import Decoding
from toolmark.benchmark.config.request_limits import RequestLimits
from toolmark.benchmark.data.cases import Case
from toolmark.benchmark.engine import Engine
from toolmark.benchmark.engine.policy_engine import PolicyEngine

if TYPE_CHECKING:
    from toolmark.benchmark.engine.local_engine import LocalEngine

__all__ = ["Engines"]


class Engines:
    """Opens engines, and keeps the last local one: candidates on one base follow one another.

    Args:
        decoding: How all of them draw tokens.
        threads: Processor threads of local generation; None leaves torch's own choice.
        requests: How patiently served models are asked.
    """

    def __init__(self, decoding: Decoding, threads: int | None = None, requests: RequestLimits | None = None) -> None:
        self._decoding = decoding
        self._threads = threads
        self._requests = requests or RequestLimits()
        self._kept: tuple[tuple[str, str], LocalEngine] | None = None

    def open(self, candidate: Candidate, weights: Weights | None, dtype: str, cases: Sequence[Case]) -> Engine:
        """The engine of a candidate, its adapter worn.

        Args:
            candidate: Who answers.
            weights: Directories, for a local candidate.
            dtype: In which it computes.
            cases: What will be asked; a policy answers them without a prompt.

        Raises:
            InputError: The weights cannot be loaded, or the adapter does not fit them.
            EnvironmentFault: The provider of a served model lacks its package or key.
        """
        if candidate.kind == "policy":
            return PolicyEngine(candidate.base, cases, self._decoding.seed)
        if weights is None:
            from toolmark.benchmark.engine.served_client import ServedEngine

            return ServedEngine(candidate.base, self._decoding, self._requests)
        from toolmark.benchmark.engine.local_engine import LocalEngine, default_device

        key = (str(weights.base.resolve()), dtype)
        if self._kept is None or self._kept[0] != key:
            self._kept = None  # frees the former base before the next one is loaded
            device = default_device()
            engine = LocalEngine(weights.base, self._decoding, device=device, dtype=dtype, threads=self._threads)
            self._kept = (key, engine)
        local = self._kept[1]
        local.set_adapter(weights.adapter)
        return local
