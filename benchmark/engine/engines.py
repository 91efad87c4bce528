"""Opens the engine of a candidate. If candidates with the same base follow each other, the base is loaded only once."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

from toolmark.benchmark.candidates.spec import Candidate
from toolmark.benchmark.candidates.weights import Weights
from toolmark.benchmark.config.decoding import Decoding
from toolmark.benchmark.config.request_limits import RequestLimits
from toolmark.benchmark.data.cases import Case
from toolmark.benchmark.engine import Engine
from toolmark.benchmark.engine.policy_engine import PolicyEngine

if TYPE_CHECKING:
    from toolmark.benchmark.engine.deployed_engine import DeployedEngine
    from toolmark.benchmark.engine.local_engine import LocalEngine
    from toolmark.benchmark.engine.served_client import ServedEngine

__all__ = ["Engines"]


class Engines:
    """Opens engines. The last local engine is kept. If the next candidate has the same base, it uses this engine.

    Use `Engines` in a `with` statement, which ends the connections to served models, and ends the servers that were
    started.

    Args:
        decoding: The decoding options.
        threads: Number of processor threads for local generation. With None, the engine decides.
        requests: Limits on the requests to served models.

    Attributes:
        bases: Number of local bases that were opened.
    """

    def __init__(self, decoding: Decoding, threads: int | None = None, requests: RequestLimits | None = None) -> None:
        self._decoding = decoding
        self._threads = threads
        self._requests = requests or RequestLimits()
        self._last_local: tuple[tuple[str, str, str], LocalEngine] | None = None
        self._served: list[ServedEngine | DeployedEngine] = []
        self.bases = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._served:
            self._served.pop().close()

    def open(
        self, candidate: Candidate, weights: Weights | None, device: str, dtype: str, cases: Sequence[Case]
    ) -> Engine:
        """Return the engine of a candidate. The adapter and the threshold of the candidate are already set.

        Args:
            candidate: The candidate.
            weights: The directories of a local candidate. None for other candidates.
            device: The device of a local candidate.
            dtype: The data type of the weights of a local candidate.
            cases: The cases of the run. Only a policy needs them, because it reads cases instead of prompts.

        Raises:
            InputError: The weights cannot be loaded, or the adapter does not fit the base.
            EnvironmentFault: The package or the API key for a served model is missing.
        """
        if candidate.kind == "policy":
            return PolicyEngine(candidate.base, cases, self._decoding.seed)
        if candidate.kind == "deployed":
            from toolmark.benchmark.engine.deployed_engine import DeployedEngine

            self._served.append(DeployedEngine(candidate.base, self._decoding, self._requests, self._threads))
            return self._served[-1]
        if weights is None:
            from toolmark.benchmark.engine.served_client import ServedEngine

            self._served.append(ServedEngine(candidate.base, self._decoding, self._requests))
            return self._served[-1]
        from toolmark.benchmark.engine.local_engine import LocalEngine

        key = (str(weights.base.resolve()), device, dtype)
        if self._last_local is None or self._last_local[0] != key:
            self._last_local = None  # This frees the memory of the previous base before the next base is loaded.
            engine = LocalEngine(weights.base, self._decoding, device=device, dtype=dtype, threads=self._threads)
            self._last_local = (key, engine)
            self.bases += 1
        local = self._last_local[1]
        local.set_adapter(weights.adapter)
        local.set_call_threshold(candidate.call_threshold)
        return local
