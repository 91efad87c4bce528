"""Secrets of the environment and of command lines are hidden, and nothing else."""

from __future__ import annotations

import pytest

from toolmark.benchmark.core.printing import printable
from toolmark.benchmark.core.secrets import command_without_secrets, redacted
from toolmark.benchmark.data.cases import Tool


@pytest.mark.parametrize("name", ["OPENAI_API_KEY", "HF_TOKEN", "AWS_ACCESS_KEY_ID", "DB_PASSWORD", "apikey"])
def test_secrets_of_the_environment_are_hidden(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "abcd/1234+xyz")
    assert redacted("key abcd/1234+xyz, or abcd%2F1234%2Bxyz.") == "key [hidden], or [hidden]."


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OPENAI_API_KEY", "none"),
        ("OPENAI_API_KEY", "not-needed"),
        ("SSH_KEY", "/home/me/key.pem"),
        ("MAX_TOKENS", "12345678"),
        ("TOKENIZER_NAME", "my-tokenizer"),
    ],
)
def test_what_is_no_secret_stays(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    assert redacted(f"with {value}") == f"with {value}"


SECRET = "s3cr3t-Value"


@pytest.mark.parametrize(
    "command",
    [
        "python server.py --api-key {}",
        "python server.py --api-key '{}' --port 3",
        "python server.py --api-key={}",
        "python server.py -token {}",
        "python server.py --github-token {}",
        "python server.py --apiKey {}",
        "env GITHUB_TOKEN={} npx server",
        "docker run -e API_KEY={} image",
        "server --header 'Authorization: Bearer {}'",
        'server --config \'{{"apiKey": "{}", "port": 1}}\'',
        "server https://me:{}@example.org/x",
        "server 'https://example.org/mcp?api_key={}&a=1'",
        "server sk-{}",
        "server --password {}",
    ],
)
def test_secrets_of_a_command_line_are_hidden(command: str) -> None:
    shown = command_without_secrets(command.format(SECRET))
    assert SECRET not in shown
    assert "[hidden]" in shown


@pytest.mark.parametrize(
    "command",
    [
        "mcp:python server.py --max-tokens 500 --port 3:find",
        "toolmark.benchmark.tools.catalog.arithmetic:calculator",
        "/home/me/my_tools.py:get_key",
        "openapi:/srv/key/api.yaml:get_token",
        "tools.secret:find",
        "toolmark train lora --data mine/ --out adapters/mine --shares.easy 0.5",
        "python server.py --verbose --keyboard us",
    ],
)
def test_other_command_lines_stay(command: str) -> None:
    assert command_without_secrets(command) == command


def test_a_tool_is_written_without_the_keys_of_its_server() -> None:
    tool = Tool(name="price", run=f"mcp:python shop.py --api-key {SECRET}:price")
    assert SECRET in str(tool.run)
    assert tool.model_dump(mode="json")["run"] == "mcp:python shop.py --api-key [hidden]:price"
    assert SECRET not in tool.model_dump_json()
    assert SECRET not in str(tool.model_dump())
    other = Tool(name="token", run="tools.api_key:token")
    assert other.model_dump()["run"] == other.run


def test_control_characters_are_visible_and_secrets_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_12345678")
    assert printable("\x1b]0;x\x07 \x9b2J \u202e hf_12345678\n") == "\\x1b]0;x\\x07 \\x9b2J \\u202e [hidden]\n"
