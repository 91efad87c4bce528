"""The dialect `llama3`: a call is a JSON object without tags, as Llama 3.1 and 3.2 write calls.

A strict reading accepts a completion of this form: any text, then calls, then only white-space. A call is
`{"name": …, "parameters": {…}}`.

- A call can have the key `"type": "function"`, and `<|python_tag|>` can stand before a call.
- Several calls are separated by `;` or by white-space, or are in one array.
- An object without the key `parameters` is an answer, not a call.

A lenient reading also accepts:

- text after the calls
- code fences
- other common names for the keys `name` and `parameters`
- arguments as a JSON string

Tools are shown as in the chat template of Llama 3.2 with `tools_in_user_message = false`, at the end of the system
turn (https://huggingface.co/meta-llama/Llama-3.2-1B-Instruct). This template allows only one call in a turn. The
separator `;` is taken from `llama3_json` at https://docs.vllm.ai/en/latest/features/tool_calling.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from toolmark.benchmark.data.cases import Call, Tool
from toolmark.benchmark.dialects import json_in_text
from toolmark.benchmark.dialects.attempts import Attempt, Work
from toolmark.benchmark.dialects.json_calls import ObjectForm
from toolmark.benchmark.dialects.parsing import Grammar, Rules
from toolmark.benchmark.dialects.scanner import Reader
from toolmark.benchmark.dialects.text_dialect import TextDialect
from toolmark.benchmark.dialects.unmarked_calls import AHEAD, UnmarkedObjects

__all__ = ["PYTHON_TAG", "READERS", "RULES", "Llama3"]

PYTHON_TAG = "<|python_tag|>"
"""A token that Llama 3 sometimes writes before a call. The token has no other meaning."""

_INSTRUCTIONS = """\
You have access to the following functions. To call a function, please respond with JSON for a function call.\
Respond in the format {{"name": function name, "parameters": dictionary of argument name and its value}}.\
Do not use variables.

{tools}"""


_NOT_BLANK = re.compile(r"\S")
_CALLS = UnmarkedObjects(ObjectForm("name", "parameters", ("type",), listed=True, marked=False))


def _after_tag(text: str, start: int, work: Work) -> tuple[Attempt | None, int]:
    """Read the call after `<|python_tag|>`. The tag shows that the model wants to call."""
    first = _NOT_BLANK.search(text, start + len(PYTHON_TAG))
    if first is not None and first.group() in "{[":
        attempt, end = _CALLS.read(text, first.start(), work)
        if attempt is not None:
            return attempt, end
    following = text.find(PYTHON_TAG, start + 1)
    error = f"the text after {PYTHON_TAG} cannot be read"
    return Attempt(error=error), len(text) if following < 0 else following


READERS: Mapping[str, Reader] = {**_CALLS.readers(), PYTHON_TAG: _after_tag}
"""The reader of each mark with which a call begins."""
RULES = Rules(
    re.compile(r"<\|start_header_id\|>"),
    between=re.compile(r"[\s;]*"),
    answer=lambda words: words.strip(" \t\r\n;"),
)
_GRAMMAR = Grammar(READERS, ("llama3", "json"), RULES, ahead=AHEAD)


def _write_call(call: Call) -> str:
    return json_in_text.dumps({"name": call.name, "parameters": dict(call.arguments)})


class Llama3(TextDialect):
    """The dialect of Llama 3.1 and 3.2: `{"name": …, "parameters": {…}}` without tags."""

    name = "llama3"
    version = "1"
    grammar = _GRAMMAR

    def instructions(self, tools: Sequence[Tool]) -> str:
        """Return the tools as JSON in OpenAI's form."""
        listed = "\n\n".join(json.dumps(tool.as_openai(), ensure_ascii=False, indent=4) for tool in tools)
        return _INSTRUCTIONS.format(tools=listed)

    def write_calls(self, calls: Sequence[Call]) -> str:
        """Return the calls, separated by semicolons."""
        return "; ".join(map(_write_call, calls))
