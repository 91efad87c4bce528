"""Data sets that come from the hub and go to it: a loopback server in its place, and never a token in what is said."""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from datasets import Dataset, load_dataset, load_from_disk
from huggingface_hub import DatasetCard

from tests.forked.commands import Ended, Toolmark
from tests.servers.hub import Hub, running_hub
from toolmark.benchmark.readers.file_rows import csv_rows

TUTORIAL = Path(__file__).parents[3] / "shared" / "data" / "tutorial"
TOKEN = "hf_verysecretindeed"
TOOL = {
    "type": "function",
    "function": {
        "name": "word_count",
        "description": "Count the words of a text.",
        "parameters": {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]},
    },
}


@dataclass(frozen=True, slots=True)
class AtHub:
    """Commands whose hub is on loopback; the hub library reads where it is when it is imported."""

    hub: Hub
    home: Path
    toolmark: Toolmark

    def __call__(self, *arguments: str, token: str = "") -> Ended:
        """Run one, with or without a token."""
        # The machine's own settings are none of this test's affair.
        own = dict.fromkeys((name for name in os.environ if name.startswith(("HF_", "HUGGING"))), "")
        return self.toolmark(*arguments, environment={**own, "HF_TOKEN": token})


@pytest.fixture(scope="module")
def commands(warm_without_torch: Toolmark, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AtHub]:
    home = tmp_path_factory.mktemp("home")
    with running_hub() as hub:
        settings = {"HF_ENDPOINT": hub.url, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1", "HF_HUB_OFFLINE": "0"}
        said = tmp_path_factory.mktemp("said")
        yield AtHub(hub, home, warm_without_torch.with_modules(said, "datasets", "datasketch", environment=settings))


@pytest.fixture
def at_hub(commands: AtHub) -> AtHub:
    commands.hub.forget()
    return commands


def conversation(text: str) -> list[dict[str, object]]:
    call = {"type": "function", "function": {"name": "word_count", "arguments": json.dumps({"text": text})}}
    return [
        {"role": "user", "content": f"How many words are in '{text}'?"},
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "name": "word_count", "content": str(len(text.split()))},
        {"role": "assistant", "content": f"There are {len(text.split())}."},
    ]


@pytest.fixture
def parquet(tmp_path: Path) -> Path:
    """A folder as the hub keeps data sets: Parquet below `data/`, and a card."""
    texts = ["one two", "a bird in the hand", "to be or not", "here we go again my friend"]
    folder = tmp_path / "set"
    (folder / "data").mkdir(parents=True)
    rows = [{"messages": conversation(text), "tools": json.dumps([TOOL])} for text in texts]
    Dataset.from_list(rows).to_parquet(folder / "data" / "train-00000-of-00001.parquet")
    (folder / "README.md").write_text("---\nlicense: mit\n---\n")
    (tmp_path / "MANIFEST.toml").write_text("")
    return folder


def test_a_folder_of_the_hubs_form_is_imported(parquet: Path, toolmark: Toolmark, tmp_path: Path) -> None:
    manifest = ("--manifest", str(tmp_path / "MANIFEST.toml"))
    done = toolmark("generate", "import", "--source", f"trl:{parquet}", *manifest, "--out", str(tmp_path / "data"))
    assert done.code == 0, done.said
    found = json.loads((tmp_path / "data" / "manifest.json").read_text())
    assert (found["proposed"], sum(found["accepted"].values()), found["unexecuted_calls"]) == (4, 4, 4)
    (parquet / "data" / "train-00000-of-00001.parquet").write_bytes(b"PAR1 and nothing else")
    broken = toolmark("generate", "import", "--source", f"trl:{parquet}", "--out", str(tmp_path / "none"))
    assert broken.code == 4
    assert "train-00000-of-00001.parquet cannot be read" in broken.err


def made(folder: Path) -> Path:
    """Three traces in the tutorial's form."""
    tools = [{"tool_name": "word_count", "description": "Count.", "input_args": {"text": "string - Which."}}]
    prompt = f"<instructions>Call with <tool_call>…</tool_call>.</instructions>\n<tools>\n{json.dumps(tools)}\n</tools>"
    with (folder / "traces.csv").open("w", encoding="utf-8", newline="") as stream:
        table = csv.DictWriter(stream, ["query", "query_type", "trace", "num_tools_available", "tool_name"])
        table.writeheader()
        for text in ("one two", "a bird in the hand", "to be or not"):
            call = json.dumps({"tool_name": "word_count", "args": {"text": text}})
            count = len(text.split())
            said = [prompt, f"Count '{text}'.", f"<tool_call>\n{call}\n</tool_call>"]
            said += [f"<tool_result>\n{count}\n</tool_result>", f"<final_answer>{count}</final_answer>"]
            roles = ("user", "user", "assistant", "user", "assistant")
            turns = [{"role": role, "content": content} for role, content in zip(roles, said, strict=True)]
            table.writerow(dict(zip(table.fieldnames, (said[1], "easy", repr(turns), "1", "word_count"), strict=True)))
    return folder / "traces.csv"


@pytest.mark.parametrize("published", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_the_tutorial_reads_the_same_from_parquet(toolmark: Toolmark, tmp_path: Path, published: bool) -> None:
    if published and not TUTORIAL.is_dir():
        pytest.skip("the tutorial's files are not at hand")
    table = TUTORIAL / "traces.csv.gz" if published else made(tmp_path)
    rows = [dict(row) for _, row in csv_rows(table)]  # type: ignore[call-overload]
    (tmp_path / "set" / "data").mkdir(parents=True)
    Dataset.from_list(rows).to_parquet(tmp_path / "set" / "data" / "train.parquet")
    for name, source in (("csv", table), ("parquet", tmp_path / "set")):
        done = toolmark("generate", "import", "--source", f"tutorial:{source}", "--out", str(tmp_path / name))
        assert done.code == 0, done.said
    found = [json.loads((tmp_path / name / "manifest.json").read_text())["rejections"] for name in ("csv", "parquet")]
    assert found[0] == found[1]


def test_what_is_in_the_cache_needs_no_hub_and_no_hub_is_said(parquet: Path, at_hub: AtHub, tmp_path: Path) -> None:
    at_hub.hub.state = "gone"
    source = ("generate", "import", "--source", "trl:hub/me/mine", "--manifest", str(tmp_path / "MANIFEST.toml"))
    missing = at_hub(*source, "--out", str(tmp_path / "none"))
    assert missing.code == 69, missing.said
    assert "me/mine is not in the local cache, and the hub cannot be reached" in missing.err
    assert "hf download me/mine --repo-type dataset" in missing.err
    snapshot = at_hub.home / "hub" / "datasets--me--mine" / "snapshots" / "abc"
    snapshot.parent.mkdir(parents=True)
    parquet.rename(snapshot)
    refs = snapshot.parents[1] / "refs"
    refs.mkdir()
    (refs / "main").write_text("abc")
    cached = at_hub(*source, "--out", str(tmp_path / "data"))
    assert cached.code == 0, cached.said
    wrong = at_hub("generate", "import", "--source", "trl:hub/mine", "--out", "x")
    assert (wrong.code, "'mine' is not the name of a hub repository" in wrong.err) == (4, True)
    at_hub.hub.state = "works"
    unknown = at_hub("generate", "import", "--source", "trl:hub/me/other", "--out", "x")
    assert (unknown.code, "the hub has no dataset 'me/other'" in unknown.err) == (4, True)


@pytest.fixture(scope="module")
def dataset(toolmark: Toolmark, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("published") / "data"
    done = toolmark("generate", "template", "--count", "80", "--out", str(out))
    assert done.code == 0, done.said
    return out


def test_the_card_makes_the_folder_a_data_set(dataset: Path, tmp_path: Path) -> None:
    card = DatasetCard.load(dataset / "README.md")
    assert card.data.license == ["apache-2.0"]
    assert card.data.size_categories == "n<1K"
    assert "| train |" in card.text
    loaded = load_dataset(str(dataset), cache_dir=str(tmp_path))
    written = load_from_disk(dataset / "traces")
    assert {name: split[:] for name, split in loaded.items()} == {name: split[:] for name, split in written.items()}


def test_a_push_uploads_the_folder_and_tells_no_token(dataset: Path, at_hub: AtHub) -> None:
    push = ("data", "push", str(dataset), "--to", "me/mine", "--private")
    hub = at_hub.hub
    done = at_hub(*push, token=TOKEN)
    assert done.code == 0, done.said
    assert "published: " in done.said
    assert "/datasets/me/mine/commit/abc" in done.said
    assert TOKEN not in done.said
    assert f"Bearer {TOKEN}" in hub.tokens
    files = {str(path.relative_to(dataset)) for path in dataset.rglob("*") if path.is_file()}
    assert set(hub.files) == files - {"rejected.jsonl"}
    assert all(content == (dataset / name).read_bytes() for name, content in hub.files.items())
    settings = json.loads(next(body for _, path, body in hub.requests if path == "/api/repos/create"))
    assert settings.get("visibility") == "private" or settings.get("private") is True
    hub.state = "refuses"
    refused = at_hub(*push, token=TOKEN)
    assert refused.code == 69
    assert "the token is not allowed to write to me/mine: " in refused.err
    assert TOKEN not in refused.said
    hub.state = "gone"
    gone = at_hub(*push, token=TOKEN)
    assert (gone.code, "cannot be reached" in gone.err) == (69, True)


def test_no_key_is_uploaded(dataset: Path, at_hub: AtHub, tmp_path: Path) -> None:
    own = tmp_path / "own"
    shutil.copytree(dataset, own)
    server = "mcp:python shop.py --api-key my-own-key-1:price"
    tool = {"name": "price", "description": "What it costs.", "parameters": {"type": "object"}, "run": server}
    kept = (own / "tools.yaml").read_text()
    (own / "tools.yaml").write_text(kept.replace("tools:\n", f"tools:\n- {json.dumps(tool)}\n", 1))
    case = json.loads((own / "cases.test.jsonl").read_text().splitlines()[0])
    inline = {**tool, "run": "mcp:env SHOP_TOKEN=other-key-2 shop:price"}
    with (own / "cases.test.jsonl").open("a") as stream:
        stream.write(json.dumps({**case, "toolbox": [inline]}) + "\n")
    (own / "notes.md").write_text(f"Uploaded with {TOKEN}.")
    push = ("data", "push", str(own), "--to", "me/mine")
    done = at_hub(*push, token=TOKEN)
    assert done.code == 0, done.said
    assert "a key is hidden in the uploaded copy of tools.yaml" in done.said
    whole = b"".join(at_hub.hub.files.values())
    assert whole.count(b"[hidden]") >= 3
    for key in (TOKEN, "my-own-key-1", "other-key-2"):
        assert key.encode() not in whole
        assert key not in done.said
    (own / "notes.arrow").write_bytes(b"\x00" + TOKEN.encode())
    refused = at_hub(*push, token=TOKEN)
    assert (refused.code, "notes.arrow contains an API key or a token" in refused.err) == (4, True), refused.said
    (own / "notes.arrow").unlink()
    (own / "link.txt").symlink_to(Path(__file__))
    refused = at_hub(*push, token=TOKEN)
    assert (refused.code, "is a link to a file outside of" in refused.err) == (4, True), refused.said


def test_a_push_that_cannot_succeed_is_refused_before_the_work(at_hub: AtHub, tmp_path: Path) -> None:
    generate = ("generate", "template", "--count", "10", "--out", str(tmp_path / "data"), "--push")
    nobody = at_hub(*generate, "me/mine")
    assert (nobody.code, "there is no Hugging Face token" in nobody.err) == (69, True)
    unnamed = at_hub(*generate, "mine", token=TOKEN)
    assert (unnamed.code, "--push 'mine' is not the name of a hub repository" in unnamed.err) == (4, True)
    assert at_hub.hub.requests == []
    assert not (tmp_path / "data").exists()
    done = at_hub(*generate, "me/mine", token=TOKEN)
    assert done.code == 0, done.said
    assert "manifest.json" in at_hub.hub.files
