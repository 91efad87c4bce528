"""Converts prompts and completions to Inspect's types and back.

Inspect repairs native calls. For example, Inspect removes superfluous quotes. But Toolmark must judge the calls before
the repair. Inspect also records the server's response. Toolmark reads the calls from this response. Some providers
(Anthropic, Google) send the arguments of a call as an object and not as text. For these providers, the text that the
model wrote is not known, and Toolmark judges the objects.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from toolmark.benchmark.data.completions import Completion, Prompt, RawCall, StopReason, Usage
from toolmark.benchmark.engine.rendered_prompts import openai_turns

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage, ModelOutput
    from inspect_ai.tool import ToolInfo

__all__ = ["completion_of", "messages_of", "output_of", "tools_of"]

_STOP_REASONS: Mapping[str, StopReason] = {
    "stop": "stop",
    "tool_calls": "stop",
    "max_tokens": "length",
    "model_length": "length",
}


def messages_of(prompt: Prompt) -> list[ChatMessage]:
    """Return the turns of a prompt as Inspect's messages."""
    from inspect_ai.model import ChatMessageAssistant, ChatMessageSystem, ChatMessageTool, ChatMessageUser
    from inspect_ai.tool import ToolCall

    messages: list[ChatMessage] = []
    for turn in openai_turns(prompt.messages):
        match turn["role"]:
            case "system":
                messages.append(ChatMessageSystem(content=turn["content"]))
            case "user":
                messages.append(ChatMessageUser(content=turn["content"]))
            case "tool":
                named = {"tool_call_id": turn["tool_call_id"], "function": turn.get("name")}
                messages.append(ChatMessageTool(content=turn["content"], **named))
            case _:
                calls = [
                    ToolCall(id=call["id"], function=call["function"]["name"], arguments=call["function"]["arguments"])
                    for call in turn.get("tool_calls", ())
                ]
                messages.append(ChatMessageAssistant(content=turn["content"], tool_calls=calls or None))
    return messages


def tools_of(prompt: Prompt) -> list[ToolInfo]:
    """Return the tools of a prompt in Inspect's form. The server shows these tools to the model.

    Inspect's form of a schema does not have all keywords. For example, `const` is lost.
    """
    from inspect_ai.tool import ToolInfo, ToolParams

    return [
        ToolInfo(
            name=tool.name, description=tool.description, parameters=ToolParams.model_validate(dict(tool.parameters))
        )
        for tool in prompt.tools
    ]


def _raw_calls(response: Any) -> Iterator[RawCall]:
    """Yield the calls in a server's response, without Inspect's repairs.

    The forms of two APIs of OpenAI are read: Chat Completions and Responses. A response in another form gives no calls.
    """
    if not isinstance(response, Mapping):
        return
    choices = response.get("choices") or [{}]
    message = choices[0].get("message") or {} if isinstance(choices[0], Mapping) else {}
    items = [call.get("function") for call in message.get("tool_calls") or ()]
    items += [item for item in response.get("output") or () if item.get("type") == "function_call"]
    for item in items:
        if isinstance(item, Mapping) and isinstance(item.get("arguments"), str):
            yield RawCall(str(item.get("name")), item["arguments"])


def completion_of(output: ModelOutput, response: Any = None) -> Completion:
    """Return the completion in the output of a provider. A stop reason that Toolmark does not have becomes `unknown`.

    Args:
        output: The output, in Inspect's form.
        response: The response of the server, which contains the calls without Inspect's repairs. None if not known.
    """
    choice = output.choices[0]
    usage = output.usage
    repaired = (RawCall(call.function, json.dumps(call.arguments)) for call in choice.message.tool_calls or ())
    return Completion(
        text=choice.message.text,
        tool_calls=tuple(_raw_calls(response)) or tuple(repaired),
        stop_reason=_STOP_REASONS.get(choice.stop_reason, "unknown"),
        usage=Usage(usage.input_tokens, usage.output_tokens, cost=usage.total_cost) if usage else Usage(),
    )


def output_of(completion: Completion, model: str) -> ModelOutput:
    """Return a recorded completion as the output of a provider.

    The output contains no numbers of tokens. With such numbers, Inspect would open a provider.
    """
    from inspect_ai.model import ChatCompletionChoice, ChatMessageAssistant, ModelOutput

    return ModelOutput(
        model=model,
        choices=[
            ChatCompletionChoice(
                message=ChatMessageAssistant(content=completion.text),
                stop_reason="max_tokens" if completion.stop_reason == "length" else completion.stop_reason,
            )
        ],
    )
