"""Sends arguments of the chat template to a served model.

Some servers render a chat template themselves, for example vLLM, SGLang, llama.cpp and `transformers serve`. These
servers read the arguments of the template from the field `chat_template_kwargs` of a request. Other servers refuse a
request with this field, or ignore the field.
"""

from __future__ import annotations

from typing import Any

from toolmark.benchmark.config.template_args import TemplateArgs, written
from toolmark.benchmark.core.errors import InputError

__all__ = ["check_takes_template_args", "template_args_config"]

_PROVIDERS = ("openai-api", "vllm", "sglang")
"""Inspect's providers for servers that render a chat template."""


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
            f"--template-args {written(args)} cannot be sent to {model}, because the provider {provider} takes no "
            "arguments of a chat template",
            f"Leave --template-args out, or use a model of these providers: {', '.join(_PROVIDERS)}",
        )


def template_args_config(args: TemplateArgs) -> dict[str, Any]:
    """Return the fields of Inspect's `GenerateConfig` with which template arguments are sent."""
    return {"extra_body": {"chat_template_kwargs": dict(args)}} if args else {}
