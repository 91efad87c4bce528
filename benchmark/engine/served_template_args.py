"""Arguments of the chat template for a served model.

Servers that render a chat template read the arguments in the field `chat_template_kwargs` of a request, for example
vLLM, SGLang, llama.cpp and `transformers serve`. Other services have no such field. They refuse the request, or ignore
the field.
"""

from __future__ import annotations

from typing import Any

from toolmark.benchmark.config.template_args import TemplateArgs, written
from toolmark.benchmark.core.errors import InputError

__all__ = ["check_takes_template_args", "template_args_config"]

_PROVIDERS = ("openai-api", "vllm", "sglang")
"""Inspect's providers that talk to servers with a chat template."""


def check_takes_template_args(model: str, args: TemplateArgs) -> None:
    """Check that template arguments can be sent to a served model.

    Args:
        model: Inspect's name of the model.
        args: The arguments.

    Raises:
        InputError: The provider of the model has no field for template arguments.
    """
    provider = model.partition("/")[0]
    if args and provider not in _PROVIDERS:
        raise InputError(
            f"--template-args {written(args)} cannot be sent to {model}, because the provider {provider} has no field "
            "for arguments of a chat template",
            f"Leave --template-args out. It is possible with: {', '.join(_PROVIDERS)}",
        )


def template_args_config(args: TemplateArgs) -> dict[str, Any]:
    """The fields of Inspect's `GenerateConfig` that send template arguments."""
    return {"extra_body": {"chat_template_kwargs": dict(args)}} if args else {}
