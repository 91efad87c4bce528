"""Reads calls whose arguments are elements with raw text, for example `<parameter=a>text</parameter>`.

The text of an argument is not escaped, so the text can contain a closing mark. A closing mark ends the text only if
another argument or the end of the call follows it. So these forms cannot write every value. For example, a value cannot
contain `</parameter></function>`. `writable` refuses such a value.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.data.cases import Call
from toolmark.benchmark.data.completions import Completion, UntypedCall
from toolmark.benchmark.dialects import Dialect
from toolmark.benchmark.dialects.attempts import Fault, Leniency
from toolmark.benchmark.dialects.literals import Unreadable, skip

__all__ = ["TEXT", "Elements", "raw_call", "raw_text", "writable"]

TEXT = object()
"""Stands for the value of an argument if only the schema of the tool tells the type of the argument."""


@dataclass(frozen=True)
class Elements:
    """How the arguments of a call are written.

    Attributes:
        argument: Pattern of the mark before a value. The group `key` is the name of the argument.
        close: The mark after a value.
        follows: Pattern of what must follow a mark that ends a value: another argument, or the end of the call.
        end: The mark after the last argument.
        without_end: Pattern of what follows the last argument if `end` is missing: the next call, or the mark after
            the calls. A value cannot contain this text after its closing mark. Otherwise a call without its end would
            take the next call into its last value. The end of the text is not enough: the text is perhaps cut, and
            more arguments would follow.
        unclosed: Pattern of the place where a value without its closing mark ends.
        opening: The mark before a call. A value without its closing mark cannot contain this mark.
        lines: Whether a value stands on its own lines. The line breaks around the value are then no part of the value.
        value: Function that returns the value of an argument. The parameters are the match of `argument` and the text
            of the value. The function returns `TEXT` if the match names no type. It raises `ValueError` if the text
            does not fit the type in the match.
    """

    argument: re.Pattern[str]
    close: str
    follows: re.Pattern[str]
    end: str
    without_end: re.Pattern[str]
    unclosed: re.Pattern[str]
    opening: str
    lines: bool = False
    value: Callable[[re.Match[str], str], Any] = lambda _, __: TEXT

    def read(self, text: str, at: int, name: str, faults: list[Fault]) -> tuple[Call | UntypedCall, int]:
        """Return the call whose first argument is at `at`, and the index after the call.

        Raises:
            ValueError: The arguments cannot be read.
        """
        texts: dict[str, str] = {}
        values: dict[str, Any] = {}
        at = skip(text, at)
        end = self.end
        while not text.startswith(end, at):
            opening = self.argument.match(text, at)
            if opening is None:
                if not (texts or values) or self.without_end.match(text, at) is None:
                    raise Unreadable(f"{end} is missing", at)
                faults.append((Leniency.NOT_CLOSED, f"{end} is missing"))
                end = ""
                break
            key = opening["key"]
            written, at = self._text(text, opening.end(), faults)
            if key in texts or key in values:
                faults.append((Leniency.VALUE, "an argument is given twice"))
            value = self.value(opening, written)
            texts.pop(key, None)
            values.pop(key, None)
            if value is TEXT:
                texts[key] = written
            else:
                values[key] = value
            at = skip(text, at)
        if texts:
            return UntypedCall(name, values, texts), at + len(end)
        return Call(name=name, arguments=values), at + len(end)

    def _ends_at(self, text: str, after: int) -> bool:
        """Return whether the closing mark before `after` ends a value."""
        return self.follows.match(text, after) is not None or self.without_end.match(text, after) is not None

    def _text(self, text: str, begin: int, faults: list[Fault]) -> tuple[str, int]:
        """Return the text of a value, and the index after its closing mark."""
        close = text.find(self.close, begin)
        while close >= 0 and not self._ends_at(text, close + len(self.close)):
            close = text.find(self.close, close + 1)
        unclosed = self.unclosed.search(text, begin, len(text) if close < 0 else close)
        if unclosed is not None:
            if (another := text.find(self.opening, begin, unclosed.start())) >= 0:
                raise Unreadable(f"{self.close} is missing", another)
            faults.append((Leniency.NOT_CLOSED, f"{self.close} is missing"))
            close, after = unclosed.start(), unclosed.start()
        elif close < 0:
            raise Unreadable(f"{self.close} is missing", len(text))
        else:
            after = close + len(self.close)
        value = text[begin:close]
        if self.lines:
            value = value.removeprefix("\n").removesuffix("\n")
        return value, after


def raw_text(value: Any) -> str:
    """Return the text of an argument: a string as it is, and every other value as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def raw_call(call: Call) -> Call | UntypedCall:
    """Return the call that a reading finds in the written `call`. All its arguments are texts without types."""
    if not call.arguments:
        return Call(name=call.name)
    return UntypedCall(call.name, {}, {name: raw_text(value) for name, value in call.arguments.items()})


def writable(text: str, calls: Sequence[Call], dialect: Dialect) -> str:
    """Return `text` if the dialect reads exactly `calls` in it.

    Args:
        text: The calls as the dialect writes them.
        calls: The calls.
        dialect: The dialect.

    Raises:
        InputError: The dialect would read other calls.
    """
    reading = dialect.parse(Completion(text), strict=True)
    if reading.error is not None or list(reading.untyped or reading.calls) != list(map(raw_call, calls)):
        raise InputError(
            f"the dialect {dialect.name} cannot write the calls {text!r:.200}, because it reads other calls from this "
            "text",
            "Remove that case, or choose another dialect, for example --dialect tagged",
        )
    return text
