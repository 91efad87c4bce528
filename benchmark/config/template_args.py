"""Arguments of a chat template, for example `{"enable_thinking": false}`. A template reads them as variables."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from toolmark.benchmark.config.option_types import Kind
from toolmark.benchmark.core.errors import InputError

__all__ = [
    "TEMPLATE_ARGS",
    "TemplateArgs",
    "check_template_args",
    "known_template_args",
    "parse_template_args",
    "written",
]

TemplateArgs = Mapping[str, Any]
"""Values by name. All values can be written as JSON."""

_EXAMPLE = '{"enable_thinking": false}'

_LONGEST = 10_000
"""The largest number of characters of template arguments as JSON."""

_SET_BY_TOOLMARK = frozenset(
    {
        *("add_generation_prompt", "chat_template", "continue_final_message", "conversation", "conversations"),
        *("documents", "max_length", "messages", "padding", "raise_exception", "return_assistant_tokens_mask"),
        *("return_dict", "return_tensors", "sanitize_control_tokens", "self", "strftime_now", "tokenize"),
        *("tokenizer_kwargs", "tools", "truncation"),
    }
)
"""Names that a user must not set: Toolmark or transformers sets them, or they are not variables of a template."""


def _read(raw: Any) -> dict[str, Any]:
    """Read the arguments from JSON text or a TOML table.

    Raises:
        ValueError: The value is not a JSON object, or it is too long.
    """
    text = raw if isinstance(raw, str) else json.dumps(raw, default=_refuse)
    if len(text) > _LONGEST:
        raise ValueError
    try:
        value = json.loads(text, parse_constant=_refuse)
    except RecursionError:
        raise ValueError from None
    if not isinstance(value, dict):
        raise ValueError
    return value


def _refuse(value: object) -> Any:
    raise ValueError(f"{value} is not JSON")


TEMPLATE_ARGS = Kind(_read, "a JSON object", _EXAMPLE)
"""The type of the option `--template-args`."""


def check_template_args(args: TemplateArgs, where: str = "--template-args") -> None:
    """Check the names of template arguments.

    Args:
        args: The arguments.
        where: The option or file that contains the arguments, for the error.

    Raises:
        InputError: A name is not the name of a variable, or Toolmark sets this variable.
    """
    for name in args:
        if not name.isidentifier():
            raise InputError(
                f"{where}: {name!r} is not the name of a template's variable",
                "Write a name of letters, digits and underscores, for example enable_thinking.",
            )
        if name in _SET_BY_TOOLMARK:
            raise InputError(
                f"{where}: {name!r} is set by Toolmark",
                f"Leave {name!r} out. The variables that you can set are in the text of the chat template.",
            )


def parse_template_args(text: str) -> TemplateArgs | None:
    """Read the value of `--template-args` of a command. Return None if the text is empty.

    Raises:
        InputError: The text is not a JSON object, or a name is not allowed.
    """
    if not text:
        return None
    try:
        args = _read(text)
    except ValueError:
        raise InputError(
            f"--template-args: {text} is not a JSON object", f"Write for example: --template-args '{_EXAMPLE}'"
        ) from None
    check_template_args(args)
    return args


def known_template_args(recorded: object) -> TemplateArgs | None:
    """Read the template arguments in a training record, which perhaps comes from another person.

    Return None if the value is not an object of template arguments.
    """
    if not isinstance(recorded, Mapping):
        return None
    try:
        args = _read(recorded)
        check_template_args(args)
    except (ValueError, InputError):
        return None
    return args


def written(args: TemplateArgs) -> str:
    """Return the arguments as JSON, for messages and commands."""
    return json.dumps(args, ensure_ascii=False, sort_keys=True)
