"""Hides secrets: API keys, tokens and passwords.

A server can repeat the key of a request in an error or in an answer, and a command line can contain a key. So secrets
are hidden before text is printed, stored in a ledger, a data set or a report, or published.
"""

from __future__ import annotations

import json
import os
import re
from urllib.parse import quote

__all__ = ["HIDDEN", "command_without_secrets", "redacted"]

HIDDEN = "[hidden]"
"""The text that replaces a secret."""

_SHORTEST = 8
"""Shorter values, for example `none`, are not secrets. They could also be a part of ordinary text."""

_NO_SECRETS = frozenset({"not-needed", "not-used", "no-key-required", "placeholder", "dummy-key", "lm-studio"})
"""Values that users write where a server needs no key."""

# `max_tokens` is not a secret, so the plural of `token` is missing.
_NAME = r"(?:access|api|auth|client|private|secret)?(?:keys?|token|secrets?|password|passwd|auth|credentials?)"
_VARIABLE = re.compile(rf"(?:^|_){_NAME}(?:_id)?$", re.IGNORECASE)
_VALUE = r"""(?:'[^']*'|"[^"]*"|[^\s'"&,}]+)"""
_IN_COMMAND = (
    re.compile(rf"(?<![\w-])(--?(?:[\w-]+[-_])?{_NAME}(?:[-_]id)?\s+)(?!-){_VALUE}", re.IGNORECASE),
    re.compile(rf"((?<![a-z]){_NAME}(?:\s*=|[\"']\s*:|:\s)\s*(?:Bearer\s+|Basic\s+)?){_VALUE}", re.IGNORECASE),
    re.compile(rf"(\bauthorization[\"']?\s*[=:]\s*(?:Bearer\s+|Basic\s+)?){_VALUE}", re.IGNORECASE),
    re.compile(r"(\bBearer\s+)[^\s'\"]+", re.IGNORECASE),
    re.compile(r"(://)[^/\s@'\"]+(?=@)"),
    re.compile(r"(\b)(?:sk|pk|rk|hf|ghp|gho|ghs|glpat|xox[abp]|github_pat)[-_][\w-]{8,}"),
)


def redacted(text: str) -> str:
    """Return `text` without the values of environment variables that contain secrets.

    A variable contains a secret if its name ends with a word such as `KEY` or `TOKEN`, and its value is not a path.
    """
    for value in _known():
        if value in text:
            text = text.replace(value, HIDDEN)
    return text


def _known() -> list[str]:
    known: set[str] = set()
    for name, value in os.environ.items():
        whole = value.strip()
        if len(whole) >= _SHORTEST and _VARIABLE.search(name) and whole not in _NO_SECRETS and whole[0] not in "/~.":
            known |= {whole, quote(whole, safe=""), json.dumps(whole)[1:-1]}
    return sorted(known, key=len, reverse=True)  # because a secret can be a part of another secret


def command_without_secrets(command: str) -> str:
    """Return a command line with `HIDDEN` in place of each secret.

    These are secrets: the value of an option, variable or header with a name such as `--api-key`, credentials in an
    address, a word with the prefix of a well-known kind of key, and what `redacted` hides.
    """
    for pattern in _IN_COMMAND:
        command = pattern.sub(rf"\g<1>{HIDDEN}", command)
    return redacted(command)
