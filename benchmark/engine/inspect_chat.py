"""Prompts and completions in Inspect's types, both ways."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from benchmark.completions import Completion, Prompt, RawCall, StopReason, Usage

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage, ModelOutput

__all__ = ["completion_of", "messages_of", "output_of"]

_OURS: Mapping[str, StopReason] = {
    "stop": "stop",
    "tool_calls": "stop",
    "max_tokens": "length",
    "model_length": "length",
}


def messages_of(prompt: Prompt) -> list[ChatMessage]:
    """A prompt's plain turns."""
    from inspect_ai.model import ChatMessageAssistant, ChatMessageSystem, ChatMessageUser

    turn = {"system": ChatMessageSystem, "user": ChatMessageUser, "assistant": ChatMessageAssistant}
    return [turn[message.role](content=message.content) for message in prompt.messages]


def completion_of(output: ModelOutput) -> Completion:
    """What a provider gave; a stop reason that Inspect has and we have not is `unknown`."""
    choice = output.choices[0]
    usage = output.usage
    return Completion(
        text=choice.message.text,
        tool_calls=tuple(RawCall(call.function, str(call.arguments)) for call in choice.message.tool_calls or ()),
        stop_reason=_OURS.get(choice.stop_reason, "unknown"),
        usage=Usage(usage.input_tokens, usage.output_tokens) if usage else Usage(),
    )


def output_of(completion: Completion, model: str) -> ModelOutput:
    """A recorded completion as a provider would give it; without usage, for which Inspect would build a provider."""
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
