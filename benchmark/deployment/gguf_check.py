"""Compares the tokens, the template and the prompts of a GGUF file with those of the trained model.

No answer is generated. `toolmark deploy check` shows whether the weights give the same answers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from toolmark.benchmark.candidates.fingerprint import template_hash
from toolmark.benchmark.candidates.gguf_header import GgufHeader, read_gguf_header
from toolmark.benchmark.core.printing import printable
from toolmark.benchmark.core.progress import counting
from toolmark.benchmark.data.cases import Case
from toolmark.benchmark.deployment.prompt_classes import MEANINGS
from toolmark.benchmark.deployment.prompt_differences import compare_prompts
from toolmark.benchmark.deployment.trained_side import TrainedSide
from toolmark.benchmark.engine.json_server import BadReply
from toolmark.benchmark.engine.runtimes.connect import connected
from toolmark.benchmark.engine.runtimes.runtime import Question, Runtime

__all__ = ["GgufFinding", "check_gguf"]

State = Literal["equal", "different", "not checked"]
_SECONDS = 600.0
_SHOWN = 80


@dataclass(frozen=True, slots=True)
class GgufFinding:
    """The result of one comparison.

    Attributes:
        what: What was compared.
        state: The result.
        text: The result in words.
    """

    what: str
    state: State
    text: str


def check_gguf(file: Path, trained: TrainedSide, cases: Sequence[Case], threads: int = 1) -> Iterator[GgufFinding]:
    """Compare a GGUF file with the model that was trained. Yield each result as soon as it is known.

    Args:
        file: The GGUF file.
        trained: The trained model.
        cases: The cases from which prompts are made.
        threads: Number of processor threads of llama.cpp's server.

    Raises:
        InputError: The file is not a complete GGUF file.
        EnvironmentFault: llama.cpp cannot load the file.
    """
    header = read_gguf_header(file)
    yield _tokens(header, trained)
    yield _special_tokens(header, trained)
    yield _template(header, trained)
    if find_spec("xllamacpp") is None:
        yield GgufFinding(
            "prompts", "not checked", "llama.cpp's server is needed for the prompts: pip install xllamacpp"
        )
        return
    with connected(str(file), _SECONDS, threads) as runtime:
        yield GgufFinding("loading", "equal", f"llama.cpp loads the file ({runtime.facts.told.get('quantisation')})")
        yield _prompts(runtime, trained, cases)


def _tokens(header: GgufHeader, trained: TrainedSide) -> GgufFinding:
    names = trained.vocabulary
    other = [i for i, name in enumerate(names) if i >= len(header.tokens) or header.tokens[i] != name]
    if not other:
        return GgufFinding("tokens", "equal", f"all {len(names):,} tokens have the same ids")
    first = other[0]
    theirs = header.tokens[first] if first < len(header.tokens) else "nothing"
    return GgufFinding(
        "tokens",
        "different",
        f"{len(other):,} of {len(names):,} ids have another token, for example {first}: {_short(names[first])} in the "
        f"training, and {_short(theirs)} in the file",
    )


def _special_tokens(header: GgufHeader, trained: TrainedSide) -> GgufFinding:
    bos, stops = trained.tokens.bos, trained.stops
    stored = {name: header.fields.get(f"tokenizer.ggml.{name}_token_id") for name in ("bos", "eos", "eot")}
    ends = {stored["eos"], stored["eot"]} - {None}
    wrong = []
    if stored["bos"] not in (None, bos) and bos is not None:
        wrong.append(f"the BOS token is {stored['bos']} in the file and {bos} in the training")
    if not ends & stops:
        wrong.append(f"the file ends answers at {sorted(map(str, ends))}, and the training at {sorted(stops)}")
    said = ", ".join(f"{name} {number}" for name, number in stored.items() if number is not None)
    if header.fields.get("tokenizer.ggml.add_bos_token"):
        said += ", and BOS is added to every prompt"
    return GgufFinding("special tokens", "different" if wrong else "equal", "; ".join(wrong) or said)


def _template(header: GgufHeader, trained: TrainedSide) -> GgufFinding:
    stored = header.fields.get("tokenizer.chat_template")
    if not isinstance(stored, str):
        return GgufFinding("template", "different", "the file has no chat template")
    if template_hash(stored) == trained.template:
        return GgufFinding("template", "equal", f"the chat template has the same text (hash {trained.template})")
    hashes = f"hash {template_hash(stored)} in the file, {trained.template} in the training"
    return GgufFinding("template", "different", f"the chat template has another text ({hashes})")


def _prompts(runtime: Runtime, trained: TrainedSide, cases: Sequence[Case]) -> GgufFinding:
    classes: Counter[str] = Counter()
    equal = 0
    example = ""
    for case in counting(cases, "prompts compared", len(cases), "prompt"):
        seen = trained.prompt(case)
        try:
            made = runtime.prompt(Question(trained.sent(case, tools=trained.native), 1))
        except BadReply as error:
            classes["refused"] += 1
            example = example or f"{case.id}: {error.reason}"
            continue
        found = [] if made is None else compare_prompts(seen, made, trained.tokens)
        equal += not found
        classes.update(one.kind for one in found)
        if found and not example:
            example = f"{case.id}: {_short(found[0].trained)} in the training, {_short(found[0].deployed)} in the file"
    text = f"{equal} of {len(cases)} prompts have the same token ids"
    if not classes:
        return GgufFinding("prompts", "equal", text)
    kinds = "; ".join(f"{kind} in {n}: {MEANINGS.get(kind, 'refused')}" for kind, n in classes.most_common())
    return GgufFinding("prompts", "different", f"{text}. {kinds}. Example {example}")


def _short(text: str) -> str:
    return repr(printable(text)[:_SHOWN])
