"""What the three roles reply, right and wrong; it follows from the request alone."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Mapping
from typing import Any

__all__ = ["reply"]


def _writer(text: str) -> str:
    count = int(re.search(r"Write (\d+) different", text)[1])  # type: ignore[index]
    tool = re.search(r'"name": "(\w+)"', text)
    marked = "hard" if "They are hard" in text else "easy"
    about = tool[1] if tool else re.search(r"about ([^.]+)\. The assistant", text)[1]  # type: ignore[index]
    draw = re.search(r"draw number (\d+)", text)
    number = sum(map(ord, text)) % 997

    def words(index: int) -> str:
        drawn = random.Random(f"{text}/{index}")
        return " ".join("".join(drawn.choices("abcdefghijklmnoprstuvw", k=7)) for _ in range(4))

    queries = [
        f"{marked} {about} {draw[1] if draw else number} please, {words(index)}, {index * 7 + number}"
        for index in range(count)
    ]
    return json.dumps({"queries": queries})


def reply(request: Mapping[str, Any]) -> dict[str, Any]:
    """The message of a model of any role."""
    return {"content": reply_to(request["messages"])}


def reply_to(messages: list[dict[str, Any]]) -> str:
    """The right reply, or in one case of six a wrong one that a correction mends; in one of forty nothing mends it."""
    text = "\n".join(message["content"] for message in messages)
    first = messages[0]["content"]
    corrected = "Your reply cannot be used" in messages[-1]["content"]
    if first.startswith("You write what users"):
        right = _writer(first)
        wrong = [right[:-9], '{"questions": []}', "Here are some questions for you!"]
        query = first
    elif first.startswith("A user asked an assistant"):
        result = first.split("got this result:\n\n")[1].split("\n\n")[0]
        right, wrong, query = f"It says {result}.", ["Certainly!"], first.split("\n\n")[1]
    else:
        query = next(message["content"] for message in messages if message["role"] == "user")
        if query.split()[1] in ("add", "send_email"):
            arguments = {"a": int(query.split()[-1]), "b": 2} if " add " in query else {"to": "ada@example.org"}
            name = query.split()[1]
            right = json.dumps({"name": name, "arguments": arguments})
            wrong = [
                right[:-4],
                json.dumps({"name": name, "arguments": {"a": "many"}}),
                json.dumps({"name": "no_such_tool", "arguments": {}}),
                "I would rather talk about it.",
            ]
        else:
            right, wrong = "That is generally known.", ['{"name": "add", "arguments": {"a": 1, "b": 2}}']
    number = sum(map(ord, query))
    if number % 40 == 0 and not first.startswith("You write"):
        return wrong[number % len(wrong)]
    return wrong[number % len(wrong)] if number % 6 == 0 and not corrected and text else right
