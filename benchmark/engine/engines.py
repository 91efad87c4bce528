"""Opens the engine of a candidate. If candidates with the same base follow each other, the base is loaded only once."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

from toolmark.benchmark.candidates.spec import Candidate
from toolmark.benchmark.candidates.weights import Weights
from toolmark.benchmark.config.decoding import Decoding
from toolmark.benchmark.config.engine_options import EngineOptions
from toolmark.benchmark.config.request_limits import RequestLimits
from toolmark.benchmark.data.cases import Case
from toolmark.benchmark.engine import Engine
from toolmark.benchmark.engine.engine_choice import choose_engine
from toolmark.benchmark.engine.policy_engine import PolicyEngine

if TYPE_CHECKING:
    from toolmark.benchmark.engine.deployed_engine import DeployedEngine
    from toolmark.benchmark.engine.local_engine import LocalEngine
    from toolmark.benchmark.engine.served_client import ServedEngine
    from toolmark.benchmark.engine.vllm_engine import VllmEngine

__all__ = ["Engines"]


class Engines:
    """Opens engines. The last local engine is kept. If the next candidate has the same base, it uses this engine.

    Use `Engines` in a `with` statement, which ends the connections to served models, and ends the servers and engines
    that were started.

    Args:
        decoding: The decoding options.
        threads: Number of processor threads for local generation. With None, the engine decides.
        requests: Limits on the requests to served models.
        options: The options of the engine that generates on this machine.

    Attributes:
        bases: Number of local bases that were opened.
    """

    def __init__(
        self,
        decoding: Decoding,
        threads: int | None = None,
        requests: RequestLimits | None = None,
        options: EngineOptions | None = None,
    ) -> None:
        self._decoding = decoding
        self._threads = threads
        self._requests = requests or RequestLimits()
        self._options = options or EngineOptions()
        self._expected: list[Weights] = []
        self._last_local: tuple[tuple[str, str, str], LocalEngine] | None = None
        self._last_vllm: tuple[tuple[str, str, str], VllmEngine] | None = None
        self._served: list[ServedEngine | DeployedEngine] = []
        self.bases = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._served:
            self._served.pop().close()
        self._close_vllm()

    def expect(self, weights: Sequence[Weights]) -> None:
        """Name the weights that will be opened. vLLM must know the ranks of all adapters when it starts."""
        self._expected += weights

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
        if choose_engine(self._options.name, device) == "vllm":
            return self._vllm(weights, device, dtype)
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

    def _vllm(self, weights: Weights, device: str, dtype: str) -> VllmEngine:
        from toolmark.benchmark.engine.vllm_engine import VllmEngine

        key = (str(weights.base.resolve()), device, dtype)
        adapters = {one.adapter for one in (weights, *self._expected) if one.base == weights.base and one.adapter}
        if self._last_vllm is not None and (self._last_vllm[0] != key or not self._last_vllm[1].serves(adapters)):
            self._close_vllm()
        if self._last_vllm is None:
            engine = VllmEngine(
                weights.base,
                self._decoding,
                device=device,
                dtype=dtype,
                options=self._options,
                threads=self._threads,
                adapters=sorted(adapters),
            )
            self._last_vllm = (key, engine)
            self.bases += 1
        self._last_vllm[1].set_adapter(weights.adapter)
        return self._last_vllm[1]

    def _close_vllm(self) -> None:
        if self._last_vllm is not None:
            self._last_vllm[1].close()
            self._last_vllm = None
