"""Checks whether the Hugging Face hub can be reached, and whether the hub accepts the token."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from toolmark.benchmark.core.time_limit import within
from toolmark.benchmark.doctor.findings import Finding, brief, ok, problem, warning

if TYPE_CHECKING:
    from toolmark.benchmark.core.bounded_http import Reply

__all__ = ["hub_finding"]

_SECONDS = 2.0
_WITHOUT = "Models in the local cache and --model pocket work without the hub."


def hub_finding() -> Finding:
    """Ask the hub for the owner of the token. The question takes at most two seconds.

    The token itself is never part of the finding.
    """
    from huggingface_hub import constants, get_token

    from toolmark.benchmark.core.bounded_http import GRACE, NoReply, exchange

    if constants.HF_HUB_OFFLINE:
        return ok("not asked, because HF_HUB_OFFLINE is set; only models in the local cache can be used")
    address = urlsplit(constants.ENDPOINT)
    host = f"{address.hostname}:{address.port}" if address.port else str(address.hostname)  # The password is left out.
    ends = time.monotonic() + _SECONDS
    token: str | None = None
    held = "the token was not checked"
    try:
        token = within(_SECONDS, get_token)  # If the token must be renewed, this call asks the hub.
        held = held if token else "there is no token"
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        left = max(ends - time.monotonic() - GRACE, 0.1)
        reply = exchange("GET", f"{constants.ENDPOINT}/api/whoami-v2", headers=headers, seconds=left)
    except (NoReply, TimeoutError) as error:
        reason = brief(error).replace(token or "\0", "(token)")
        return warning(
            f"{host} cannot be reached ({reason}); {held}", f"Connect to the network, or set HTTPS_PROXY. {_WITHOUT}"
        )
    return _of_reply(host, reply, has_token=token is not None)


def _of_reply(host: str, reply: Reply, *, has_token: bool) -> Finding:
    from toolmark.benchmark.core.bounded_http import json_object

    fields = json_object(reply.body) or {}
    if reply.status == 200 and has_token and isinstance(fields.get("name"), str):
        return ok(f"{host} can be reached; the token belongs to {brief(fields['name'])}")
    if reply.status == 401 and fields:  # The hub answers in JSON. A proxy does not.
        if has_token:
            place = "set HF_TOKEN to it" if os.environ.get("HF_TOKEN") else "run: hf auth login"
            return problem(
                f"{host} does not accept the token, so every download fails",
                f"Create a token at https://huggingface.co/settings/tokens, then {place}",
            )
        return ok(f"{host} can be reached; there is no token, so gated models cannot be downloaded")
    if reply.status == 429:
        return warning(f"{host} can be reached, but gets too many requests (429); the token was not checked", _WITHOUT)
    shown = f"status {reply.status}, {reply.kind or 'no media type'}" + (
        f", {reply.unfinished}" * bool(reply.unfinished)
    )
    return warning(
        f"{host} does not answer like the hub ({shown}); perhaps a proxy or a login page answers instead",
        f"Open {host} in a browser, and check HTTPS_PROXY and HF_ENDPOINT. {_WITHOUT}",
    )
