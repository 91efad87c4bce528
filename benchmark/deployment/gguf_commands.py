"""`toolmark models export` writes a GGUF file. `toolmark deploy file` compares a GGUF file with the trained model."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Literal

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.printing import console, say
from toolmark.benchmark.data.cases import Case
from toolmark.benchmark.deployment.check import trained_contestant
from toolmark.benchmark.deployment.gguf_check import check_gguf
from toolmark.benchmark.deployment.trained_side import TrainedSide
from toolmark.benchmark.engine.gguf_export import GgufType
from toolmark.benchmark.engine.model_folder import locate
from toolmark.benchmark.evaluation.case_set import unused_lines
from toolmark.benchmark.evaluation.evaluate import Evaluation
from toolmark.benchmark.evaluation.request import Request
from toolmark.benchmark.evaluation.shared_options import CaseOptions
from toolmark.benchmark.readers.case_selection import Split

__all__ = ["export", "file"]

_COLOURS = {"equal": "green", "different": "red", "not checked": "yellow"}


def export(
    spec: str,
    *,
    out: Path,
    to: Literal["gguf"] = "gguf",
    type: GgufType = "f16",  # noqa: A002
    converter: Path | None = None,
    quantiser: str = "llama-quantize",
    limit: int | None = None,
    threads: int | None = None,
    case_options: CaseOptions = CaseOptions(),  # noqa: B008 - it cannot be changed
) -> None:
    """Write a model as a GGUF file, and compare the file with the model.

    An adapter is first merged, and the logits of the merged model are compared with those of base and adapter. The exit
    code is 1 if the tokens, the template or the prompts of the file differ.

    Parameters
    ----------
    spec:
        A model, or a base with an adapter: BASE:ADAPTER.
    out:
        The file to write: FILE.gguf.
    to:
        The format of the file.
    type:
        The type of the weights. llama.cpp's converter writes f32, f16, bf16 and q8_0. The package gguf quantises to
        q4_0, q4_1, q5_0 and q5_1. All other types need llama.cpp's program llama-quantize.
    converter:
        llama.cpp's convert_hf_to_gguf.py. By default, an installed converter is used.
    quantiser:
        llama.cpp's program llama-quantize.
    limit:
        Number of cases. The default is all.
    threads:
        Number of processor threads of the server that loads the file.
    case_options:
        From which cases prompts are made, and how.
    """
    if out.suffix != ".gguf":
        raise InputError(f"--out {out} does not end with .{to}", f"Give the name of a file: --out {out.stem}.{to}")
    if out.exists():
        raise InputError(f"{out} already exists", f"Give another name. Or remove {out}")
    evaluation = _checked(Request(models=(spec,), limit=limit, **case_options.of_request()))
    weights = locate(evaluation.contestants[0].candidate)
    from toolmark.benchmark.engine.gguf_export import export as exported  # torch and peft

    out.parent.mkdir(parents=True, exist_ok=True)
    exported(weights, type, out, converter=converter, quantiser=quantiser)
    say(f"Exported: {out} ({out.stat().st_size / 1e6:,.0f} MB)")
    sys.exit(_compare(out, evaluation, threads or 1))


def file(
    gguf: Path,
    *,
    trained: str,
    split: Split = "test",
    limit: int | None = None,
    threads: int | None = None,
    case_options: CaseOptions = CaseOptions(),  # noqa: B008 - it cannot be changed
) -> None:
    """Compare a GGUF file with the trained model: tokens, special tokens, chat template, and the ids of all prompts.

    Nothing is generated. The exit code is 1 if there is a difference.

    Parameters
    ----------
    gguf:
        The GGUF file.
    trained:
        The trained model: a base, or BASE:ADAPTER.
    split:
        Split of the cases: dev or test.
    limit:
        Number of cases. The default is all.
    threads:
        Number of processor threads of the server that loads the file.
    case_options:
        From which cases prompts are made, and how.
    """
    request = Request(models=(trained,), split=split, limit=limit, **case_options.of_request())
    sys.exit(_compare(gguf, _checked(request), threads or 1))


def _checked(request: Request) -> Evaluation:
    """Return the evaluation of a request, which is never run.

    Raises:
        InputError: The trained model is not a single model with weights on this machine, or an option is invalid.
    """
    evaluation = Evaluation(request)
    trained_contestant(evaluation)
    say(*unused_lines(evaluation.case_set))
    return evaluation


def _compare(gguf: Path, evaluation: Evaluation, threads: int) -> int:
    """Print how a GGUF file differs from the model of an evaluation. Return the exit code."""
    (contestant,) = evaluation.contestants
    base = locate(contestant.candidate).base
    side = TrainedSide(base, contestant.dialect, contestant.template_args.args)
    states = set()
    for one in check_gguf(gguf, side, [case for case in evaluation.cases if isinstance(case, Case)], threads):
        console().print(f"{one.what}: {one.text}", style=_COLOURS[one.state], markup=False, highlight=False)
        states.add(one.state)
    return 1 if "different" in states else 0
