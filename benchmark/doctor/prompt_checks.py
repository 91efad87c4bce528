"""Checks how a server writes a tool into its prompt. Only some servers tell the text of their prompts."""

from __future__ import annotations

from collections.abc import Iterator

from toolmark.benchmark.data.cases import Message
from toolmark.benchmark.data.completions import Prompt
from toolmark.benchmark.deployment.prompt_classes import MEANINGS
from toolmark.benchmark.deployment.shown_tools import schema_difference, shown_tools
from toolmark.benchmark.deployment.text_differences import compare_texts
from toolmark.benchmark.dialects import Dialect
from toolmark.benchmark.dialects.native import Native
from toolmark.benchmark.doctor.findings import Check, Finding, brief, ok, warning
from toolmark.benchmark.doctor.probe_question import MAX_TOKENS, QUESTION, TOOL
from toolmark.benchmark.engine.json_server import BadReply
from toolmark.benchmark.engine.runtimes.runtime import Question, Runtime
from toolmark.benchmark.engine.template_rendering import TemplateRefusal

__all__ = ["prompt_checks"]

_ADVICE = "Use the chat template of the training, or let Toolmark write the tools: toolmark eval --dialect tagged"
_SHOWN = 120


def prompt_checks(runtime: Runtime, dialect: Dialect) -> Iterator[Check]:
    """Yield the check of the prompt, if the server tells the text of its prompts.

    Args:
        runtime: The server.
        dialect: The dialect that an evaluation would use. The server itself shows the tools only if this is `native`.
    """
    question = Question(Prompt((Message(role="user", content=QUESTION),), (TOOL,)), MAX_TOKENS)
    try:
        seen = runtime.prompt(question)
    except BadReply as error:
        refusal = brief(error.reason)
        yield "prompt", lambda: _unfit(f"the server refuses a question with a tool: {refusal}", dialect)
        return
    text = None if seen is None else seen.text
    if text is not None:
        yield "prompt", lambda: _finding(runtime, question, text, dialect)


def _unfit(found: str, dialect: Dialect) -> Finding:
    if dialect.name == Native.name:
        return warning(found, _ADVICE)
    return ok(f"{found}; this does not matter with the dialect {dialect.name}")


def _finding(runtime: Runtime, question: Question, text: str, dialect: Dialect) -> Finding:
    shown = shown_tools(text, [TOOL])
    if not shown:
        at = text.find(TOOL.name)
        if text.count(TOOL.name) <= QUESTION.count(TOOL.name):
            return _unfit("the server does not write the tool into the prompt", dialect)
        part = brief(text[max(0, at - 20) : at + _SHOWN])
        return _unfit(f"the server does not show the tool as JSON: {part!r}", dialect)
    difference = schema_difference(TOOL.as_openai(), shown[0].value)
    if difference != "schema_spelling" and shown[0].value != TOOL.as_openai():
        part = brief(text[shown[0].start : shown[0].end][:_SHOWN])
        return _unfit(f"the server changes the tool ({MEANINGS[difference]}): {part}", dialect)
    try:
        ours = runtime.template_text(question)
    except TemplateRefusal as error:
        return _unfit(f"the server shows the tool, but its template cannot be checked: {brief(error)}", dialect)
    if ours is None:
        return ok("the server shows the tool as JSON; it does not tell its template in Jinja")
    if not shown_tools(ours, [TOOL]):
        return _unfit("the template does not show tools, so the server adds an instruction of its own", dialect)
    return _against_template(runtime, ours, text, dialect)


def _against_template(runtime: Runtime, ours: str, text: str, dialect: Dialect) -> Finding:
    # A server can leave out the BOS token in the text, because its tokenizer adds the token.
    bos = runtime.facts.special.get("bos_token", "")
    found = compare_texts(ours.removeprefix(bos), text.removeprefix(bos), [TOOL], [QUESTION])
    if not found:
        return ok("the server writes tools as its template does")
    named = "; ".join(MEANINGS[one.kind] for one in found)
    example = f"{found[0].trained[:_SHOWN]!r} in the template, {found[0].deployed[:_SHOWN]!r} in the prompt"
    return _unfit(f"the server's prompt is not what its template writes: {named}: {brief(example)}", dialect)
