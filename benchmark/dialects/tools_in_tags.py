"""What Hermes, Qwen and GLM share: tools between `<tools>` tags, and results between `<tool_response>` tags."""

from __future__ import annotations

import json
import re
from abc import ABC
from collections.abc import Sequence
from typing import ClassVar

from toolmark.benchmark.data.cases import Message, Tool
from toolmark.benchmark.dialects.text_dialect import TextDialect

__all__ = ["RESULT", "ToolsInTags"]

RESULT = re.compile("<tool_response>")
"""Pattern of a tool result."""


class ToolsInTags(TextDialect, ABC):
    """A dialect whose prompt has the turns of Hermes.

    Attributes:
        template: The instructions, with `{tools}` in place of the lines that show the tools.
    """

    template: ClassVar[str]

    def instructions(self, tools: Sequence[Tool]) -> str:
        """Return the instructions, with one line for each tool in OpenAI's form."""
        return self.template.format(tools="\n".join(json.dumps(tool.as_openai(), ensure_ascii=False) for tool in tools))

    def write_result(self, message: Message) -> str:
        """Return the result between tags."""
        return f"<tool_response>\n{message.content}\n</tool_response>"
