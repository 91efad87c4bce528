"""Opening the engine of a candidate. A base is loaded only once, even if several adapters use this base."""

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
    """Opens engines. The last local engine is kept, because the next candidate may have the same base.

    Args:
        decoding: The decoding options.
        threads: Processor threads of local generation. None keeps torch's default.
        requests: Limits on the requests to served models.
    """

    def __init__(self, decoding: Decoding, threads: int | None = None, requests: RequestLimits | None = None) -> None:
        self._decoding = decoding
        self._threads = threads
        self._requests = requests or RequestLimits()
        self._last_local: tuple[tuple[str, str, str], LocalEngine] | None = None

    def open(
        self, candidate: Candidate, weights: Weights | None, device: str, dtype: str, cases: Sequence[Case]
    ) -> Engine:
        """The engine of a candidate, with its adapter set.

        Args:
            candidate: The candidate.
            weights: The directories of a local candidate.
            device: The device of a local candidate.
            dtype: The data type of a local candidate's weights.
            cases: The cases of the run. A policy reads the cases instead of prompts.

        Raises:
            InputError: The weights cannot be loaded, or the adapter does not fit the weights.
            EnvironmentFault: The provider of a served model lacks its package or key.
        """
        if candidate.kind == "policy":
            return PolicyEngine(candidate.base, cases, self._decoding.seed)
        if weights is None:
            from toolmark.benchmark.engine.served_client import ServedEngine

            return ServedEngine(candidate.base, self._decoding, self._requests)
        from toolmark.benchmark.engine.local_engine import LocalEngine

        key = (str(weights.base.resolve()), device, dtype)
        if self._last_local is None or self._last_local[0] != key:
            self._last_local = None  # frees the memory of the previous base before the next one is loaded
            engine = LocalEngine(weights.base, self._decoding, device=device, dtype=dtype, threads=self._threads)
            self._last_local = (key, engine)
        local = self._last_local[1]
        local.set_adapter(weights.adapter)
        return local
