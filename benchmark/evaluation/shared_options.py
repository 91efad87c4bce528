"""The options that `calibrate`, `models check`, `models export`, `deploy check` and `deploy file` share."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated, Any

from cyclopts import Parameter

from toolmark.benchmark.config.decoding import Decoding
from toolmark.benchmark.config.template_args import parse_template_args
from toolmark.benchmark.data.shipped_cases import shipped_cases
from toolmark.benchmark.engine.devices import DeviceChoice, DtypeChoice

__all__ = ["AnswerOptions", "CaseOptions"]


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class CaseOptions:
    """Which cases a model is asked, and how they are written as prompts. Each field is an option with the same name."""

    cases: Annotated[
        str | None, Parameter(help="Case file or folder, or a shipped set. The default is the shipped cases.")
    ] = None
    tools: Annotated[str | None, Parameter(help="File or module with the toolboxes of the cases.")] = None
    dialect: Annotated[
        str | None,
        Parameter(
            help="How tools are shown to the model, and how its calls are written. The default is the dialect that an "
            "evaluation would use."
        ),
    ] = None
    template_args: Annotated[
        str,
        Parameter(
            help="Arguments of the chat template as JSON. By default, the arguments of the training are used, if there "
            "are any."
        ),
    ] = ""
    skip_bad: Annotated[
        bool, Parameter(help="Leave out rows of case files that cannot be read, and list these rows.")
    ] = False

    def of_request(self) -> dict[str, Any]:
        """Return the fields of a request that these options set.

        Raises:
            InputError: The arguments of the chat template are not a JSON object.
        """
        given = asdict(self)
        given["cases"] = self.cases or shipped_cases()
        given["template_args"] = parse_template_args(self.template_args)
        return given


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerOptions:
    """How a model on this machine answers. Each field is an option with the same name."""

    max_tokens: Annotated[int, Parameter(help="Largest number of tokens of an answer.")] = Decoding().max_tokens
    device: Annotated[DeviceChoice, Parameter(help="Device that computes the answers of the local model.")] = "auto"
    dtype: Annotated[DtypeChoice, Parameter(help="Data type of the weights of the local model.")] = "auto"
    threads: Annotated[
        int | None, Parameter(help="Number of processor threads. Default: 1 for a small model, else the faster number.")
    ] = None
    skip_too_long: Annotated[bool, Parameter(help="Leave out cases with a prompt that is too long for the model.")] = (
        False
    )

    def of_request(self) -> dict[str, Any]:
        """Return the fields of a request that these options set."""
        return asdict(self)
