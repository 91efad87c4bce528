"""Finds the address of a server with OpenAI's API of chat completions. Inspect's provider knows this address."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from inspect_ai.model import Model

__all__ = ["ChatAddress", "chat_address", "without_version"]

_VERSION = re.compile(r"/v\d+/?\Z")


@dataclass(frozen=True, slots=True)
class ChatAddress:
    """The address of a server.

    Attributes:
        url: The address without `/chat/completions`.
        headers: The headers with the API key. They are never printed.
        model: The name of the model in requests.
    """

    url: str
    headers: Mapping[str, str] = field(repr=False)
    model: str


def chat_address(model: Model) -> ChatAddress | None:
    """Return the address for the requests of a model. None if the provider does not use OpenAI's chat completions."""
    from inspect_ai.model import GenerateConfig

    api: Any = model.api
    client: Any = getattr(api, "client", None)
    if str(model).partition("/")[0].endswith("-completions"):  # These providers send plain text instead of a chat.
        return None
    # The clients for Azure and Bedrock are subclasses of this client, but have other addresses.
    if (type(client).__module__.partition(".")[0], type(client).__name__) != ("openai", "AsyncOpenAI"):
        return None
    uses_responses = getattr(api, "uses_responses_api", None)
    if uses_responses is not None and uses_responses([], GenerateConfig()):
        return None
    return ChatAddress(str(client.base_url).rstrip("/"), dict(client.auth_headers), str(api.service_model_name()))


def without_version(url: str) -> str:
    """Return an address without `/v1` at its end. Servers have further endpoints below this shorter address."""
    return _VERSION.sub("", url.rstrip("/"))
