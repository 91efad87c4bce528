"""The options of an evaluation. Each entry defines the flag, the variable, the key and the help of one option."""

from __future__ import annotations

import os
import shlex
from argparse import BooleanOptionalAction
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, Protocol, get_args

from toolmark.benchmark.config.engine_options import EngineChoice
from toolmark.benchmark.config.option_types import AMOUNTS, NUMBER, STRING, STRINGS, SWITCH, WHOLE, choice
from toolmark.benchmark.config.sources import (
    Option,
    Values,
    from_dotenv,
    from_environment,
    from_flags,
    from_pyproject,
    resolve,
)
from toolmark.benchmark.config.template_args import TEMPLATE_ARGS, written
from toolmark.benchmark.core.command_line import flags
from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.working_copies import address_of
from toolmark.benchmark.engine.devices import DeviceChoice, DtypeChoice
from toolmark.benchmark.evaluation.request import Request
from toolmark.benchmark.runs.remote_runs import local_runs

__all__ = ["OPTIONS", "Arguments", "add_options", "eval_command", "read_options", "request_of"]

_DEFAULT = Request()

OPTIONS = (
    Option(
        "model",
        STRINGS,
        "model to evaluate: alias, path, GGUF file, hub id, replay/FILE, policy/NAME or Inspect model; can be repeated",
        metavar="SPEC",
    ),
    Option("adapter", STRINGS, "LoRA adapter for the model of --model; can be repeated", metavar="SPEC"),
    Option(
        "deployed",
        STRINGS,
        "server or GGUF file that is compared with the model; can be repeated",
        metavar="SPEC",
    ),
    Option(
        "baseline",
        STRING,
        "model or stored run that the others are compared with; a run can have an address",
        metavar="SPEC",
        default_text="the base, if --adapter is given",
    ),
    Option(
        "cases",
        STRING,
        "case file or folder, or a shipped set: authored, generated, scenarios",
        metavar="[READER:]PATH",
        default_text="authored",
    ),
    Option(
        "tools",
        STRING,
        "Python file, module or YAML file with the toolboxes of the cases; only these and the 40 shipped tools are run",
        metavar="SOURCE",
    ),
    Option("split", choice("dev", "test"), "read the files *.SPLIT.jsonl of the case folder", default=_DEFAULT.split),
    Option(
        "dialect",
        STRING,
        "how tools are shown to the model, and how its calls are written",
        metavar="NAME",
        default_text="dialect of the adapter, or else of the model family, or else tagged",
    ),
    Option(
        "template-args",
        TEMPLATE_ARGS,
        "arguments of the chat template, for example whether the model thinks",
        metavar="JSON",
        default_text="the arguments of the training, else none",
    ),
    Option(
        "limit",
        WHOLE,
        "only N cases, drawn with --seed; each tool and each reason to abstain keeps its share; a larger N adds cases",
        metavar="N",
        default_text="all",
    ),
    Option(
        "epochs",
        WHOLE,
        "number of answers for each case; more than 1 needs --temperature",
        metavar="N",
        default=_DEFAULT.epochs,
    ),
    Option(
        "temperature",
        NUMBER,
        "temperature of sampling; with 0, the most likely token is always chosen",
        metavar="T",
        default=_DEFAULT.temperature,
    ),
    Option("seed", WHOLE, "seed of the sampling and of --limit", metavar="N", default=_DEFAULT.seed),
    Option("max-tokens", WHOLE, "cut an answer after N tokens", metavar="N", default=_DEFAULT.max_tokens),
    Option(
        "thinking-tokens",
        WHOLE,
        "cut a thought after N tokens; thoughts then do not count against --max-tokens",
        metavar="N",
        default=_DEFAULT.thinking_tokens,
    ),
    Option(
        "device",
        choice(*get_args(DeviceChoice)),
        "device of local generation and of trainings; auto: CUDA if there is a CUDA device, else the processor",
        default=_DEFAULT.device,
    ),
    Option(
        "dtype",
        choice(*get_args(DtypeChoice)),
        "data type of the weights of a local model; auto: bfloat16 on CUDA, else float32",
        default=_DEFAULT.dtype,
    ),
    Option(
        "threads",
        WHOLE,
        "number of processor threads for local generation",
        metavar="N",
        default_text="1 for a small model, else the faster number, measured",
    ),
    Option(
        "workers",
        WHOLE,
        "number of processes that generate side by side, each with its own model in memory; needs toolmark[ray]",
        metavar="N",
        default_text="1; with --ray one for each GPU, or one for each machine without GPUs",
    ),
    Option(
        "ray",
        STRING,
        "address of a Ray cluster whose machines generate, for example ray://HOST:10001; needs toolmark[ray]",
        metavar="ADDRESS",
        default_text="this machine",
    ),
    Option(
        "engine",
        choice(*get_args(EngineChoice)),
        "what computes local models; auto: vLLM if it is installed and the device is CUDA, else transformers",
        default=_DEFAULT.engine,
    ),
    Option(
        "tensor-parallel",
        WHOLE,
        "number of GPUs over which vLLM divides each layer of a model",
        metavar="N",
        default=_DEFAULT.tensor_parallel,
    ),
    Option(
        "engine-probe",
        WHOLE,
        "number of cases that transformers answers, too, if vLLM is the engine; 0: none",
        metavar="N",
        default=_DEFAULT.engine_probe,
    ),
    Option(
        "connections",
        WHOLE,
        "highest number of requests that are sent to a served model at the same time",
        metavar="N",
        default=_DEFAULT.connections,
    ),
    Option(
        "request-timeout",
        NUMBER,
        "seconds after which a request to a served model fails",
        metavar="S",
        default=_DEFAULT.request_timeout,
    ),
    Option(
        "request-retries",
        WHOLE,
        "how often a failed request to a served model is sent again",
        metavar="N",
        default=_DEFAULT.request_retries,
    ),
    Option("logprobs", SWITCH, "also ask served models for log-probabilities; they show how likely a call was"),
    Option(
        "stop-at-call",
        SWITCH,
        "if a case expects one call, end its answer after the first call; guard.stops leaves such answers out",
    ),
    Option(
        "floor",
        AMOUNTS,
        "fail if the whole interval of the score is below VALUE; can be repeated with other metrics",
        metavar="METRIC=VALUE",
    ),
    Option(
        "gate",
        STRINGS,
        "also check a metric that is not checked by default: timing.auroc; can be repeated",
        metavar="METRIC",
    ),
    Option(
        "margin",
        NUMBER,
        "differences between -M and +M count as equivalent; 0.05 is 5 points",
        metavar="M",
        default=_DEFAULT.margin,
    ),
    Option("inconclusive", choice("skip", "fail"), "whether an inconclusive check is skipped or fails", default="skip"),
    Option(
        "execute",
        choice("pure", "read", "all"),
        "which called tools are run: those without effects (pure), also those that read (read), or all",
        default=_DEFAULT.execute,
    ),
    Option(
        "trust-data-tools",
        SWITCH,
        "also run the code that is named in case files and in the tools.yaml beside them; it gets all your rights",
    ),
    Option("fresh", SWITCH, "generate all answers again, also those that the ledger contains"),
    Option(
        "strict-identity",
        SWITCH,
        "stop with an error if the two sides answer under different conditions, such as dialect or dtype",
    ),
    Option("as-recorded", SWITCH, "use the recorded grades of the baseline instead of judging its answers again"),
    Option("skip-too-long", SWITCH, "leave out cases with a prompt that is too long for the model"),
    Option("skip-bad", SWITCH, "leave out rows of case files that cannot be read, and list these rows"),
    Option(
        "report",
        STRINGS,
        "write a report: .html, .md, .csv, .json, also at an address, or a folder that ends in /; can be repeated",
        metavar="FILE",
    ),
    Option(
        "runs",
        STRING,
        "folder in which runs are stored, or an address such as s3://BUCKET/runs",
        metavar="DIR",
        default=str(_DEFAULT.runs),
    ),
)

_ONLY_FLAGS = frozenset({"tools", "trust-data-tools"})
_RECIPE = ".toml"

_PLURAL = {"models": "model", "adapters": "adapter", "floors": "floor", "gates": "gate"}


class Arguments(Protocol):
    """An object to which options can be added: pytest's group of options, or a parser of argparse."""

    def addoption(self, *names: str, **attributes: Any) -> None:
        """Add one option."""


def add_options(arguments: Arguments) -> None:
    """Add every option to `arguments`. The value None shows that an option was not given.

    Args:
        arguments: pytest's group of options, or a parser of argparse.
    """
    for option in OPTIONS:
        attributes: dict[str, Any] = {"action": "append"} if option.kind.repeatable else {}
        if option.kind is SWITCH:
            attributes = {"action": BooleanOptionalAction}
        else:
            attributes["metavar"] = option.metavar or f"{{{','.join(option.kind.choices)}}}"
        shown = f"{option.help} [{option.variable}; default: {option.shown_default}]"
        arguments.addoption(
            option.flag, dest=option.destination, default=None, help=shown.replace("%", "%%"), **attributes
        )


def read_options(flags: Mapping[str, Any], pyproject: Path) -> Values:
    """Return the value of every option, from flags, the environment, `.env` in the current folder, or `pyproject`.

    Args:
        flags: Values of the flags that were given, by option.
        pyproject: Path of the `pyproject.toml`.

    Raises:
        InputError: A name or a value in one of these sources is invalid. Or an option in `.env` or `pyproject` would
            run code. This is not allowed, because a downloaded folder can contain these files.
    """
    files = [from_dotenv(OPTIONS, Path(".env")), from_pyproject(OPTIONS, pyproject)]
    for source in files:
        for option in OPTIONS:
            if option.name in source.raw and _names_code(option, source.raw[option.name]):
                raise InputError(
                    f"{source.words(source.place, option)} is not allowed, because a downloaded folder can "
                    "contain this line",
                    f"Remove the line. If you trust this code, give the flag: {option.flag}",
                )
    return resolve(OPTIONS, [from_flags(flags), from_environment(OPTIONS, os.environ), *files])


def _names_code(option: Option, raw: Any) -> bool:
    """Return whether the value of an option in a file possibly names code: tools, or a recipe, which can name tools."""
    if option.name in _ONLY_FLAGS:
        return True
    names = raw if isinstance(raw, list) else [raw]
    specs = option.name in ("model", "adapter", "baseline")
    return specs and any(isinstance(name, str) and _RECIPE in name.casefold() for name in names)


def eval_command(request: Request) -> str:
    """Return the command `toolmark eval` that makes this request. Options at their default are left out."""
    changed: dict[str, Any] = {}
    for field in fields(Request):
        value = getattr(request, field.name)
        if value == getattr(_DEFAULT, field.name):
            continue
        if field.name == "template_args":
            value = written(value)
        elif field.name == "runs":
            value = address_of(value) or value
        elif field.name == "floors":
            value = [f"{metric}={floor!r}" for metric, floor in value]
        changed[_PLURAL.get(field.name, field.name)] = list(value) if isinstance(value, tuple) else value
    return shlex.join(["toolmark", "eval", *flags(changed)])


def request_of(values: Values) -> Request:
    """Return the request for these option values.

    A field of the request has the name of its option. If the option can be repeated, the field has the plural of this
    name.
    """
    by_field = {field.name: values[_PLURAL.get(field.name, field.name.replace("_", "-"))] for field in fields(Request)}
    by_field["cases"] = by_field["cases"] or _DEFAULT.cases
    by_field["runs"] = local_runs(by_field["runs"])
    return Request(**by_field)
