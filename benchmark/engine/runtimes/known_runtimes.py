"""The runtimes that tell more than their answers: llama.cpp, vLLM and Ollama."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from toolmark.benchmark.data.completions import Completion, StopReason
from toolmark.benchmark.engine.json_server import BadReply
from toolmark.benchmark.engine.rendered_prompts import openai_turns
from toolmark.benchmark.engine.runtimes.runtime import (
    Question,
    Runtime,
    RuntimePrompt,
    Writing,
    first_choice,
    token_list,
)
from toolmark.benchmark.engine.template_rendering import render_template

__all__ = ["LlamaCpp", "Ollama", "Vllm"]

_NO_CACHE = {"cache_prompt": False}
"""If a part of a prompt is cached, llama.cpp computes the rest in other batches, and then other tokens can be chosen.
Without a cache, two requests with the same prompt get the same answer.
"""

_NO_PENALTIES = {"repeat_penalty": 1.0, "presence_penalty": 0.0, "frequency_penalty": 0.0, "dry_multiplier": 0.0}


@dataclass(frozen=True)
class LlamaCpp(Runtime):
    """llama.cpp's server.

    Source: https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md
    """

    def prompt(self, question: Question) -> RuntimePrompt:
        """Return the text from `/apply-template`, and the token ids that a chat makes of this text."""
        body = question.body()
        text = self.root.post("/apply-template", body).get("prompt")
        if not isinstance(text, str):
            raise BadReply("the reply of /apply-template has no prompt", 200)
        # With these two settings, a chat makes tokens of the text.
        made = self.root.post("/tokenize", {"content": text, "add_special": True, "parse_special": True})
        return RuntimePrompt(text, token_list(made.get("tokens")))

    def template_text(self, question: Question) -> str | None:
        """Return the text that Toolmark makes of a question. The template comes from `/props`."""
        if self.facts.template is None:
            return None
        variables = {
            **self.facts.special,
            **question.prompt.template_args,
            "messages": openai_turns(question.prompt.messages),
            "tools": [tool.as_openai() for tool in question.prompt.tools] or None,
            "documents": None,
            "add_generation_prompt": True,
        }
        return render_template(self.facts.template, variables, self.model)

    def go_on(self, ids: Sequence[int], question: Question) -> Writing:
        """Return how `/completion` continues the token ids. The server always chooses the most likely token."""
        body = {"prompt": list(ids), "n_predict": question.max_tokens, "temperature": 0, "return_tokens": True}
        fields = self.root.post("/completion", {**body, **_NO_PENALTIES, **_NO_CACHE, "stop": list(question.stops)})
        text = fields.get("content")
        if not isinstance(text, str):
            raise BadReply("the reply of /completion has no content", 200)
        return Writing(
            text, token_list(fields.get("tokens")), "length" if fields.get("stop_type") == "limit" else "stop"
        )

    def _more(self) -> dict[str, Any]:
        return {"verbose": True, "return_tokens": True, **_NO_CACHE}

    def _written(self, fields: Mapping[str, Any], choice: Mapping[str, Any], completion: Completion) -> Writing | None:  # noqa: ARG002
        # The log-probabilities of a chat also have token ids, but not of tokens that end inside a character.
        told = fields.get("__verbose")
        ids = token_list(told.get("tokens")) if isinstance(told, dict) else None
        return Writing(str(told.get("content")), ids, completion.stop_reason) if told and ids else None


@dataclass(frozen=True)
class Vllm(Runtime):
    """vLLM's server.

    Source: https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html
    """

    def prompt(self, question: Question) -> RuntimePrompt:
        """Return the tokens of `/tokenize`, which renders a conversation as a chat does."""
        body = question.body()
        read = ("messages", "tools", "chat_template_kwargs")
        kept: dict[str, Any] = {name: value for name, value in body.items() if name in read}
        ids = token_list(self.root.post("/tokenize", {"model": self.model, **kept}).get("tokens"))
        if ids is None:
            raise BadReply("the reply of /tokenize has no tokens", 200)
        return RuntimePrompt(None, ids)

    def go_on(self, ids: Sequence[int], question: Question) -> Writing:
        """Return how `/v1/completions` continues the token ids."""
        body = {"model": self.model, "prompt": list(ids), "max_tokens": question.max_tokens, "temperature": 0}
        body |= {"return_token_ids": True, "skip_special_tokens": False, "stop": list(question.stops)}
        choice = first_choice(self.root.post("/v1/completions", body))
        reason: StopReason = "length" if choice.get("finish_reason") == "length" else "stop"
        return Writing(str(choice.get("text")), token_list(choice.get("token_ids")), reason)

    def _more(self) -> dict[str, Any]:
        return {"return_token_ids": True}

    def _written(self, fields: Mapping[str, Any], choice: Mapping[str, Any], completion: Completion) -> Writing | None:  # noqa: ARG002
        ids = token_list(choice.get("token_ids"))
        return None if ids is None else Writing("", ids, completion.stop_reason)


@dataclass(frozen=True)
class Ollama(Runtime):
    """Ollama's server. This server does not tell token ids. Versions before 0.12 do not tell the rendered prompt
    either.

    Source: `ChatRequest` in https://github.com/ollama/ollama/blob/main/api/types.go
    """

    def prompt(self, question: Question) -> RuntimePrompt | None:
        """Return the rendered text. None if this version of Ollama does not tell it."""
        body = question.body()
        for message in body["messages"]:
            for call in message.get("tool_calls", ()):
                call["function"]["arguments"] = json.loads(call["function"]["arguments"])
        asked = {"model": self.model, "messages": body["messages"], "tools": body.get("tools", []), "stream": False}
        fields = self.root.post("/api/chat", {**asked, "_debug_render_only": True, "options": {"num_predict": 1}})
        shown = fields.get("_debug_info")
        text = shown.get("rendered_template") if isinstance(shown, dict) else None
        return RuntimePrompt(text, None) if isinstance(text, str) else None
