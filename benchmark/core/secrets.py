"""Hides secrets: API keys, tokens and passwords.

A server can repeat the key of a request in an error or in an answer, and a command line can contain a key. So secrets
are hidden where text leaves the process: on the terminal (`printing.py`), in a ledger, in a report, in a file of cases
or tools, and on the hub.

Three kinds of secrets are known:

- the value of an environment variable with a name such as `OPENAI_API_KEY`
- the password in an address, if the address is the value of an environment variable, for example of a proxy
- a value with which `remember` was called
"""

from __future__ import annotations

import html
import json
import os
import re
from mmap import mmap
from urllib.parse import quote

__all__ = [
    "HIDDEN",
    "command_without_secrets",
    "known_secret_in",
    "names_secret",
    "redacted",
    "remember",
    "remember_command",
]

HIDDEN = "[hidden]"
"""The text that replaces a secret."""

_SHORTEST = 8
"""The number of characters of the shortest secret. Shorter values, for example `none`, are perhaps ordinary words."""

_NO_SECRETS = frozenset(
    {
        *("not-needed", "not-used", "no-key-required", "placeholder", "dummy-key", "lm-studio"),
        *("password", "changeme", "change-me", "postgres", "username", "localhost"),
    }
)
"""Values that users write where no key is needed, or as the password of a database on their own machine.

Some are ordinary words. If these words were hidden in the answers of a model, right answers would count as wrong.
"""

# The plural of `token` is left out, because `max_tokens` is not a secret.
_NAME = r"(?:access|api|auth|client|private|secret)?(?:keys?|token|secrets?|password|passwd|auth|credentials?)"
_VARIABLE = re.compile(rf"(?:^|_){_NAME}(?:_id)?$", re.IGNORECASE)
_VALUE = r"""(?:'[^']*'|"[^"]*"|[^\s'"&,}]+)"""
_CREDENTIALS = re.compile(r"\w+://([^/\s@]+)@")
_IN_COMMAND = (
    re.compile(rf"(?<![\w-])(--?(?:[\w-]+[-_])?{_NAME}(?:[-_]id)?\s+)(?!-){_VALUE}", re.IGNORECASE),
    re.compile(rf"((?<![a-z]){_NAME}(?:\s*=|[\"']\s*:|:\s)\s*(?:Bearer\s+|Basic\s+)?){_VALUE}", re.IGNORECASE),
    re.compile(rf"(\bauthorization[\"']?\s*[=:]\s*(?:Bearer\s+|Basic\s+)?){_VALUE}", re.IGNORECASE),
    re.compile(r"(\bBearer\s+)[^\s'\"]+", re.IGNORECASE),
    re.compile(r"(://)[^/\s@'\"]+(?=@)"),
    re.compile(r"(\b)(?:sk|pk|rk|hf|ghp|gho|ghs|glpat|xox[abp]|github_pat)[-_][\w-]{8,}"),
)


_remembered: set[str] = set()


def names_secret(variable: str) -> bool:
    """Return whether the name of an environment variable says that its value is a secret, as in `OPENAI_API_KEY`."""
    return _VARIABLE.search(variable) is not None


def remember(secret: str) -> None:
    """Hide a secret from now on, wherever it stands in text. Short values are ignored, because they can be words."""
    if _is_secret(secret.strip()):
        _remembered.add(secret.strip())


def remember_command(command: str) -> None:
    """Hide the secrets in a command line or an address from now on.

    The command line must come from the user. A command line in a file could name ordinary words as secrets. These words
    would then be hidden everywhere.
    """
    for pattern in _IN_COMMAND:
        for found in pattern.finditer(command):
            value = found.group().removeprefix(found[1]).strip("'\"")
            remember(value)
            remember(value.rpartition(":")[2])  # the password of NAME:PASSWORD


def redacted(text: str) -> str:
    """Return `text` with `HIDDEN` in place of each known secret.

    A variable contains a secret if its name ends with a word such as `KEY` or `TOKEN`, and its value is not a path.
    """
    for value in _spellings():
        if value in text:
            # Digits of a longer number are not a secret.
            pattern = rf"(?<![\d.]){re.escape(value)}(?![\d.])" if value.isdecimal() else re.escape(value)
            text = re.sub(pattern, HIDDEN, text)
    return text


def known_secret_in(content: bytes | mmap) -> bool:
    """Return whether bytes, or a file that is mapped to memory, contain a known secret."""
    return any(content.find(value.encode(errors="replace")) >= 0 for value in _spellings())


def _is_secret(value: str) -> bool:
    return len(value) >= _SHORTEST and value not in (*_NO_SECRETS, HIDDEN) and value[0] not in "/~."


def _spellings() -> list[str]:
    """Return the known secrets as they stand in text, in an address, in JSON and in HTML."""
    named = {value.strip() for name, value in os.environ.items() if names_secret(name)}
    named |= {found[1].rpartition(":")[2] for value in os.environ.values() if (found := _CREDENTIALS.match(value))}
    spelled: set[str] = set()
    for whole in {value for value in named if _is_secret(value)} | _remembered:
        spelled |= {whole, quote(whole, safe=""), json.dumps(whole)[1:-1], html.escape(whole)}
    return sorted(spelled, key=len, reverse=True)  # because a short secret can be a part of a long one


def command_without_secrets(command: str) -> str:
    """Return a command line with `HIDDEN` in place of each secret.

    These are secrets:

    - the value of an option, a variable or a header with a name such as `--api-key`
    - the user name and the password in an address
    - a word that begins like a well-known kind of key, for example with `hf_`
    - the secrets that `redacted` hides
    """
    for pattern in _IN_COMMAND:
        command = pattern.sub(rf"\g<1>{HIDDEN}", command)
    return redacted(command)
