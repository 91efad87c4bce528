"""Estimates the time of a large evaluation from the shape of a model, the speed of a machine, and measured figures."""

from __future__ import annotations

import gzip
import json
import re
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from studies.workloads import POCKET, prompts_of
from toolmark.benchmark.data.shipped_cases import shipped_cases
from toolmark.benchmark.engine.encoding import encode
from toolmark.benchmark.engine.prefix_tree import prefix_leaves
from toolmark.benchmark.engine.tokenizer import open_tokenizer
from toolmark.benchmark.evaluation.evaluate import evaluate
from toolmark.benchmark.evaluation.request import Request
from toolmark.benchmark.readers.case_selection import load_cases

MEASUREMENTS = Path(__file__).parents[1] / "docs" / "measurements"
REPLAYS = MEASUREMENTS.parent / "replays" / "real-models"

ADAPTERS, CASES, TOOLS = 20, 5_000, 40
TERA, GIGA = 1e12, 1e9


@dataclass(frozen=True, slots=True)
class Model:
    """The shape of Gemma 3 4B (Gemma 3 Technical Report, arXiv:2503.19786, and its published configuration)."""

    layers: int = 34
    full_layers: int = 5
    window: int = 1_024
    hidden: int = 2_560
    wide: int = 10_240
    heads: int = 8
    key_heads: int = 4
    head_size: int = 256
    vocabulary: int = 262_208

    @property
    def layer_weights(self) -> int:
        """Return the number of weights in the matrices of all layers."""
        attention = 2 * self.hidden * self.head_size * (self.heads + self.key_heads)
        return self.layers * (attention + 3 * self.hidden * self.wide)

    @property
    def head_weights(self) -> int:
        """Return the number of weights of the head, which are also the embeddings."""
        return self.hidden * self.vocabulary

    def keys(self, context: float) -> float:
        """Return the number of keys to which a token attends, summed over the layers."""
        return self.full_layers * context + (self.layers - self.full_layers) * min(context, self.window)

    def operations(self, context: float, *, head: bool) -> float:
        """Return the floating-point operations for a token."""
        products = 2 * (self.layer_weights + head * self.head_weights)
        return products + 4 * self.heads * self.head_size * self.keys(context)

    def cache_bytes(self, context: float, size: int) -> float:
        """Return the bytes of keys and values that a generated token reads."""
        return 2 * self.key_heads * self.head_size * size * self.keys(context)


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine, with figures of data sheets.

    Attributes:
        name: Name in tables.
        devices: Number of devices.
        operations: Floating-point operations of a device per second.
        bandwidth: Bytes per second between a device and its memory.
        number_bytes: Bytes of a weight.
        dollars: Price of a device for an hour, in US dollars.
        start: Seconds to start the engine.
        loading: Bytes per second at which weights are loaded.
    """

    name: str
    devices: int
    operations: float
    bandwidth: float
    number_bytes: int
    dollars: float
    start: float
    loading: float


def laptop(core: float) -> Machine:
    """Return a laptop with eight cores, each as fast as the core that was measured."""
    return Machine("one laptop", 1, 8 * core, 120 * GIGA, 4, 0.0, 20.0, 2 * GIGA)


def gpus(count: int) -> Machine:
    """Return a number of H100 GPUs."""
    name = "one H100" if count == 1 else f"{count} H100"
    return Machine(name, count, 989 * TERA, 3.35 * TERA, 2, 3.0, 60.0, 1 * GIGA)


@dataclass(frozen=True, slots=True)
class Tokens:
    """The measured numbers of tokens.

    Attributes:
        prompt: Tokens of a prompt.
        own: Tokens of a prompt after the beginning that it shares with other prompts.
        answer: Tokens of an answer.
        cases: Number of cases that were counted.
        answers: Number of answers that were counted.
    """

    prompt: float
    own: float
    answer: float
    cases: int
    answers: int

    def read(self, lists: int, spread: int) -> float:
        """Return the tokens that are read for one adapter. Each shared beginning is read once in each part.

        Args:
            lists: Number of different lists of tools in the cases.
            spread: Number of devices between which the cases of an adapter are divided.
        """
        beginnings = lists * max(1, min(spread, CASES / lists))
        return min(CASES * self.prompt, beginnings * (self.prompt - self.own) + CASES * self.own)


def counted() -> Tokens:
    """Count the tokens of the shipped cases with 40 tools, and of recorded answers to them."""
    cases = [case for split in ("test", "dev") for case in load_cases(shipped_cases(), split)[0]]
    many = [case for case in cases if len(case.toolbox.tools) == TOOLS]
    tokenizer = open_tokenizer(POCKET)
    ids = {number: encode(prompt, tokenizer).ids for number, prompt in enumerate(prompts_of(many))}
    total = sum(map(len, ids.values()))
    own = sum(len(leaf.ids) for leaf in prefix_leaves(ids)) / total
    with gzip.open(REPLAYS / "authored-smollm2-own-1.jsonl.gz", "rt") as file:
        rows = [json.loads(line) for line in file]
    wanted = {case.id for case in many}
    usage = [row["usage"] for row in rows if row.get("case_id") in wanted]
    prompt = sum(one["input_tokens"] for one in usage) / len(usage)
    answer = sum(one["output_tokens"] for one in usage) / len(usage)
    return Tokens(prompt, own * prompt, answer, len(many), len(usage))


def judging_seconds(*, logs: bool) -> float:
    """Return the processor time to judge and compare an answer: 500 recorded answers each of base and adapter.

    Args:
        logs: Whether the answers are also written to an Inspect log.
    """
    base, own = (f"replay/{REPLAYS / f'authored-smollm2-{name}.jsonl.gz'}" for name in ("base", "own-1"))
    with TemporaryDirectory() as folder:
        request = Request(models=(own,), baseline=base, limit=500, runs=Path(folder))
        began = time.process_time()
        evaluate(request, logs=logs)
        return (time.process_time() - began) / 1_000


def measured_speeds() -> tuple[list[float], float]:
    """Return the shares of the shortest possible time, and the operations of a core per second, of performance.md."""
    text = " ".join((MEASUREMENTS / "performance.md").read_text(encoding="utf-8").split())
    shares = [int(share) / 100 for share in re.findall(r"so [\d.]+ s are (\d+)% of Toolmark's time", text)]
    rates = [float(rate) for rate in re.findall(r"matrix products\*\*: (\d+) GFLOP/s for 2,048 tokens", text)]
    return sorted(shares), GIGA * max(rates)


ROWS = 64
"""Number of answers that a device writes at the same time."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """The parts of the time in seconds. `reading` and `writing` are the shortest possible times of a device."""

    reading: float
    writing: float
    start: float
    judging: float

    def total(self, share: float) -> float:
        """Return the whole time, if the engine needs 1 / `share` of the shortest possible time."""
        return self.start + (self.reading + self.writing) / share + self.judging

    def generating(self, share: float) -> float:
        """Return the share of the whole time in which answers are generated."""
        return (self.reading + self.writing) / share / self.total(share)


def estimate(machine: Machine, model: Model, tokens: Tokens, judging: float, lists: int = 1) -> Estimate:
    """Return the time of the whole evaluation. The cases of all adapters are divided evenly between the devices."""
    spread = -(-machine.devices // ADAPTERS)
    share = ADAPTERS / machine.devices
    context = tokens.prompt + tokens.answer / 2
    read = tokens.read(lists, spread) * share * model.operations(tokens.prompt, head=False) / machine.operations
    written = CASES * (tokens.answer - 1) * share
    weights = (model.layer_weights + model.head_weights) * machine.number_bytes
    moved = weights / ROWS + model.cache_bytes(context, machine.number_bytes)
    writing = written * max(moved / machine.bandwidth, model.operations(context, head=True) / machine.operations)
    return Estimate(read, writing, machine.start + weights / machine.loading, judging * ADAPTERS * CASES)
