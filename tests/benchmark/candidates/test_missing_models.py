"""What is said about a spec at which there is no model: the nearest path, and how the hub is named instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from toolmark.benchmark.candidates.spec import resolve, with_adapter
from toolmark.benchmark.core.errors import EnvironmentFault, InputError
from toolmark.benchmark.core.hub import probe
from toolmark.benchmark.core.user_paths import nearest_path
from toolmark.benchmark.data.dataset import TraceDataset
from toolmark.benchmark.readers.case_selection import load_cases
from toolmark.benchmark.tools.toolbox_names import read_source


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a model, an adapter and a run."""
    for file in (
        *("models/gemma/config.json", "models/gemma/model.safetensors", "lora.toml", "notes.txt"),
        *("adapters/mine/adapter_config.json", "adapters/mine/adapter_model.safetensors", "runs/base/ledger.jsonl"),
    ):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("spec", "what", "fix"),
    [
        ("./modles/gemma", "there is no file or directory at './modles/gemma'", "Did you mean models/gemma?"),
        ("modles/gema/", "there is no file or directory at 'modles/gema/'", "Did you mean models/gemma?"),
        (
            "models/gema",
            "there is no file or directory at 'models/gema'",
            "Did you mean models/gemma? For the model on the hub, write hub/models/gema",
        ),
        ("a/b/c", "no file or directory at 'a/b/c'", "Check the path. For a model on the hub, write hub/ORG/NAME"),
        ("/nowhere/b", "no file or directory at '/nowhere/b'", "Check the path."),
        ("~nobody-here/b", "no file or directory at '~nobody-here/b'", "Check the path."),
        ("", "the name of a model is empty", "--model pocket"),
        ("~/nowhere/b", "no file or directory at '~/nowhere/b'", "Check the path."),
        ("hub/x", "no file or directory at 'hub/x'", "write hub/ORG/NAME"),
        ("modles", "no model has the name 'modles'", "Did you mean models"),
        ("lroa.toml", "no file or directory at 'lroa.toml'", "Did you mean lora.toml?"),
        ("runs/bse", "no file or directory at 'runs/bse'", "Did you mean runs/base?"),
        ("replay/runs/bse", "no recorded run at 'runs/bse'", "Did you mean replay/runs/base?"),
        ("notes.txt", "notes.txt is neither a recorded run nor", "Give the directory of a model"),
        ("models/gemma/config.json", "is neither a recorded run nor", "Give its folder: models/gemma"),
        ("models", "models is a directory without config.json", "Give the folder inside: models/gemma"),
        ("https://huggingface.co/Qwen/Qwen3-8B/tree/main", "is a page", "Write the name: hub/Qwen/Qwen3-8B"),
        ("http://localhost:8000/v1", "is an address", "openai-api/local/NAME"),
    ],
)
@pytest.mark.usefixtures("here")
def test_a_model_that_is_not_there(spec: str, what: str, fix: str) -> None:
    with pytest.raises(InputError) as raised:
        resolve(spec)
    assert what in raised.value.what
    assert fix in raised.value.fix


@pytest.mark.parametrize(
    ("adapter", "what", "fix"),
    [
        (
            "adapters/mien",
            "there is no adapter at 'adapters/mien'",
            "Did you mean adapters/mine? For the model on the hub, write hub/adapters/mien",
        ),
        ("./adpaters/mine", "there is no adapter at './adpaters/mine'", "Did you mean adapters/mine?"),
        ("adaptrs/", "there is no adapter at 'adaptrs/'", "Did you mean adapters?"),
        ("a/b/c", "there is no adapter at 'a/b/c'", "Give an existing directory or recipe"),
        ("other/lora.toml", "there is no adapter at 'other/lora.toml'", "Give an existing directory or recipe"),
        ("pocket-lroa", "there is no adapter at 'pocket-lroa'", "pocket-lora?"),
        ("adapters", "adapters is not an adapter", "Give the folder inside: adapters/mine"),
        ("adapters/mine/adapter_config.json", "is not an adapter", "Give its folder: adapters/mine"),
        ("models/gemma", "models/gemma is not an adapter", "--model models/gemma"),
        ("notes.txt", "notes.txt is not an adapter", "Give the directory that the trainer or peft wrote"),
    ],
)
@pytest.mark.usefixtures("here")
def test_an_adapter_that_is_not_there(adapter: str, what: str, fix: str) -> None:
    for given in (lambda: with_adapter(resolve("pocket"), adapter), lambda: resolve(f"pocket:{adapter}")):
        with pytest.raises(InputError) as raised:
            given()
        assert what in raised.value.what
        assert fix in raised.value.fix


@pytest.mark.usefixtures("here")
def test_hub_says_that_no_path_is_meant() -> None:
    """ORG/NAME is on the hub, too, if no folder ORG contains a similar name."""
    assert resolve("hub/models/gema").base == "models/gema"
    assert resolve("modles/gemma").kind == "hub"
    assert resolve("models/x").kind == "hub"
    for spec in ("hub/adapters/mien@v1", "pocket:hub/adapters/mien@v1"):
        found = resolve(spec) if ":" in spec else with_adapter(resolve("pocket"), spec)
        assert (found.adapter, found.adapter_revision, found.name) == ("adapters/mien", "v1", "pocket+mien")


@pytest.mark.usefixtures("here")
def test_the_hub_without_a_model_names_the_nearest_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import HfApi, constants
    from huggingface_hub.errors import RepositoryNotFoundError

    def nothing(*_: object, **__: object) -> None:
        raise RepositoryNotFoundError("404", response=httpx.Response(404, request=httpx.Request("GET", "http://hub")))

    import httpx

    monkeypatch.setattr(HfApi, "repo_info", nothing)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    with pytest.raises(InputError, match="If you mean the folder models/gemma, write its name"):
        probe("modles/gemma")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(EnvironmentFault, match=r"If you mean the folder models/gemma, write its name\. Otherwise"):
        probe("modles/gemma")
    with pytest.raises(EnvironmentFault, match=r"cannot be reached\. Connect to the network"):
        probe("Some/Model")


@pytest.mark.usefixtures("here")
def test_other_inputs_name_the_nearest_path() -> None:
    for read in (
        lambda: load_cases("modls/gemma/config.json"),
        lambda: load_cases("csv:modls/gemma/config.json"),
        lambda: read_source("modls/gemma/config.py"),
        lambda: TraceDataset(Path("modls/gemma/config")),
    ):
        with pytest.raises(InputError, match=r"Did you mean models/gemma/config\.json\?"):
            read()


def test_the_nearest_path(here: Path) -> None:
    assert nearest_path(f"{here}/modls/gema") == f"{here}/models/gemma"
    assert nearest_path("models/gemma") == "models/gemma"
    assert nearest_path("models/zzz") is None
    assert nearest_path("") is None
    assert nearest_path("notes.txt/x") is None
