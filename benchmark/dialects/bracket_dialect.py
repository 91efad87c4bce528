"""What the dialects of FunctionGemma and Gemma 4 share: calls in brackets, and marks around results."""

from __future__ import annotations

from abc import ABC
from collections.abc import Sequence
from typing import ClassVar

from toolmark.benchmark.data.cases import Call, Message
from toolmark.benchmark.dialects.bracket_calls import BracketCalls
from toolmark.benchmark.dialects.text_dialect import TextDialect

__all__ = ["BracketDialect"]


class BracketDialect(TextDialect, ABC):
    """A dialect that writes calls as `BracketCalls` does.

    Attributes:
        calls: How calls, results and declarations are written.
        result: The marks before and after a result.
    """

    calls: ClassVar[BracketCalls]
    result: ClassVar[tuple[str, str]]

    def write_calls(self, calls: Sequence[Call]) -> str:
        """Return the calls, one after the other.

        Raises:
            InputError: A string cannot be written in this dialect.
        """
        return "".join(map(self.calls.call, calls))

    def write_result(self, message: Message) -> str:
        """Return the result between its marks."""
        begin, end = self.result
        return f"{begin}{self.calls.result(message.name, message.content)}{end}"
