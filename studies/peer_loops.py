"""Measures another tool on one workload, in the Python environment of this tool.

    python peer_loops.py PEER SPEC.json OUT.json

This module imports nothing from Toolmark. SPEC contains:

- the folder of the model
- the prompts: turns, rendered text, token ids
- the largest number of tokens per answer, and the stop tokens
- the numbers of threads and repetitions, and the batch size
- whether processor time is measured instead of wall-clock time
- the GGUF file, for llama.cpp

OUT contains the seconds of each repetition, the texts, and the peak memory of the process. The seconds exclude loading
and a short warm-up.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import resource
import sys
import time
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

Spec = dict[str, Any]
Loop = Callable[[list[Any], int], list[str]]
"""A function that generates at most this number of tokens for each row of SPEC, and returns the texts in order."""


def _model(spec: Spec) -> tuple[Any, Any]:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(spec["model"], dtype=torch.float32).eval()
    return model, AutoTokenizer.from_pretrained(spec["model"])


def pipeline(spec: Spec) -> Loop:
    """Return the loop of the tutorial: a chat pipeline that gets one prompt at a time."""
    import transformers

    model, tokenizer = _model(spec)
    pipe = transformers.pipeline("text-generation", model=model, tokenizer=tokenizer)

    def loop(rows: list[Any], tokens: int) -> list[str]:
        return [
            pipe(row["messages"], max_new_tokens=tokens, do_sample=False, return_full_text=False)[0]["generated_text"]
            for row in rows
        ]

    return loop


def generate(spec: Spec) -> Loop:
    """Return a loop over batches that are padded on the left.

    The prompts are sorted by length, so there is little padding.
    """
    import torch

    model, tokenizer = _model(spec)
    stops = spec["stops"]

    def loop(rows: list[Any], tokens: int) -> list[str]:
        texts = [""] * len(rows)
        order = sorted(range(len(rows)), key=lambda index: len(rows[index]["ids"]))
        for start in range(0, len(order), spec["batch"]):
            batch = order[start : start + spec["batch"]]
            width = max(len(rows[index]["ids"]) for index in batch)
            lines = [rows[index]["ids"] for index in batch]
            ids = torch.tensor([[stops[0]] * (width - len(line)) + line for line in lines])
            mask = torch.tensor([[0] * (width - len(line)) + [1] * len(line) for line in lines])
            out = model.generate(
                input_ids=ids,
                attention_mask=mask,
                max_new_tokens=tokens,
                do_sample=False,
                eos_token_id=stops,
                pad_token_id=stops[0],
            )
            for index, written in zip(batch, out[:, width:], strict=True):
                texts[index] = tokenizer.decode(written, skip_special_tokens=True)
        return texts

    return loop


def continuous(spec: Spec) -> Loop:
    """Return a loop with transformers' continuous batching.

    The size of the KV cache is fixed, because transformers cannot measure the free memory on a CPU.
    """
    from transformers import GenerationConfig
    from transformers.generation.configuration_utils import ContinuousBatchingConfig

    model, tokenizer = _model(spec)
    model.set_attn_implementation("paged|sdpa")

    def loop(rows: list[Any], tokens: int) -> list[str]:
        longest = max(len(row["ids"]) for row in rows) + tokens
        config = GenerationConfig(
            max_new_tokens=tokens, do_sample=False, eos_token_id=spec["stops"], pad_token_id=spec["stops"][0]
        )
        cache = ContinuousBatchingConfig(
            page_size=64,
            num_blocks=spec["batch"] * (longest // 64 + 2),
            max_batch_tokens=2048,
            max_requests_per_batch=spec["batch"],
        )
        found = model.generate_batch(
            inputs=[row["ids"] for row in rows], generation_config=config, continuous_batching_config=cache
        )
        made = [output.generated_tokens for _, output in sorted(found.items(), key=lambda item: _number(item[0]))]
        return [tokenizer.decode(written, skip_special_tokens=True) for written in made]

    return loop


def _number(request: str) -> int:
    return int(request.rpartition("_")[2])


def inspect(spec: Spec) -> Loop:
    """Return a loop with Inspect's provider `hf/`.

    The provider gets all prompts at the same time. The batch size is `max_connections`.
    """
    import torch
    from inspect_ai.model import ChatMessageAssistant, ChatMessageSystem, ChatMessageUser, GenerateConfig, get_model

    kinds = {"system": ChatMessageSystem, "user": ChatMessageUser, "assistant": ChatMessageAssistant}
    model = get_model(
        "hf/local", model_path=spec["model"], device="cpu", do_sample=False, dtype=torch.float32, memoize=False
    )

    async def every(rows: list[Any], tokens: int) -> list[str]:
        config = GenerateConfig(max_tokens=tokens, max_connections=spec["batch"])
        chats = [[kinds[turn["role"]](content=turn["content"]) for turn in row["messages"]] for row in rows]
        outputs = await asyncio.gather(*(model.generate(chat, config=config) for chat in chats))
        return [output.completion for output in outputs]

    return lambda rows, tokens: asyncio.run(every(rows, tokens))


def lm_eval(spec: Spec) -> Loop:
    """Return a loop with lm-eval's hf backend (`generate_until`). The loop uses the rendered prompts."""
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM

    model = HFLM(
        pretrained=spec["model"], dtype="float32", device="cpu", batch_size=spec["batch"], max_length=spec["context"]
    )

    def loop(rows: list[Any], tokens: int) -> list[str]:
        asked = {"until": spec["stop_texts"], "max_gen_toks": tokens, "do_sample": False}
        requests = [
            Instance(request_type="generate_until", doc={}, arguments=(row["text"], dict(asked)), idx=index)
            for index, row in enumerate(rows)
        ]
        return list(model.generate_until(requests, disable_tqdm=True))

    return loop


def llama_cpp(spec: Spec) -> Loop:
    """Return a loop with llama.cpp's server, its prompt cache, and a cache of keys and values in float32.

    The server gets all prompts at the same time. The batch size is the number of its slots.
    """
    import xllamacpp  # type: ignore[import-not-found]

    longest = max(len(row["ids"]) for row in spec["rows"]) + spec["tokens"]
    params = xllamacpp.CommonParams()
    params.model.path = spec["gguf"]
    params.n_parallel, params.n_ctx = spec["batch"], spec["batch"] * (longest + 64)
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = spec["threads"]
    params.cache_prompt = True
    params.cache_type_k = params.cache_type_v = 0  # the number of float32 in llama.cpp
    server = xllamacpp.Server(params)

    def answer(row: Any, tokens: int) -> str:
        asked = {"prompt": row["ids"], "n_predict": tokens, "temperature": 0, "cache_prompt": True}
        request = urllib.request.Request(
            f"{server.listening_address}/completion", json.dumps(asked).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request) as response:
            return str(json.load(response)["content"])

    def loop(rows: list[Any], tokens: int) -> list[str]:
        with ThreadPoolExecutor(spec["batch"]) as pool:
            return list(pool.map(lambda row: answer(row, tokens), rows))

    return loop


PEERS: dict[str, Callable[[Spec], Loop]] = {
    "pipeline": pipeline,
    "inspect": inspect,
    "lm-eval": lm_eval,
    "generate": generate,
    "continuous": continuous,
    "llama.cpp": llama_cpp,
}


def main(peer: str, spec: Spec, out: Path) -> None:
    """Measure, and write OUT."""
    loop = PEERS[peer](spec)
    loop(spec["rows"][:2], 2)
    seconds, texts = [], []
    clock = time.process_time if spec["processor_time"] else time.perf_counter
    for _ in range(spec["times"]):
        start = clock()
        texts = loop(spec["rows"], spec["tokens"])
        seconds.append(clock() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    out.write_text(json.dumps({"seconds": seconds, "texts": texts, "peak": peak}))


if __name__ == "__main__":
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    logging.disable(logging.WARNING)
    main(sys.argv[1], json.loads(Path(sys.argv[2]).read_text()), Path(sys.argv[3]))
