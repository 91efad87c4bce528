"""Weights files that are not whole are refused before a model is loaded, and every file of a model has a hash."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from toolmark.benchmark.candidates.fingerprint import identity
from toolmark.benchmark.candidates.recipes import plan_recipe, read_recipe
from toolmark.benchmark.candidates.spec import Candidate, resolve
from toolmark.benchmark.candidates.weights import Weights, fetch
from toolmark.benchmark.config.decoding import Decoding
from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.dialects.tagged import Tagged

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 7\n"


@pytest.mark.parametrize(
    ("content", "said"), [(POINTER, "git lfs pull"), (b"\xff" * 9, "not a complete"), (b"", "not a complete")]
)
@pytest.mark.parametrize("broken", ["base", "adapter"])
def test_a_file_that_is_not_whole(pocket: Path, tmp_path: Path, content: bytes, said: str, broken: str) -> None:
    files = {"base": tmp_path / "base/model.safetensors", "adapter": tmp_path / "adapter/adapter_model.safetensors"}
    for file in files.values():
        file.parent.mkdir()
        shutil.copyfile(pocket / "model.safetensors", file)
    whole = Candidate("local", "mine", str(tmp_path / "base"), adapter=str(tmp_path / "adapter"))
    assert fetch(whole).adapter == tmp_path / "adapter"
    files[broken].write_bytes(content)
    with pytest.raises(InputError, match=said):
        fetch(whole)


def test_weights_of_an_adapter_with_another_name_do_not_stand_for_them(pocket: Path, tmp_path: Path) -> None:
    """PEFT would read the pickle file, although there is a safetensors file."""
    shutil.copyfile(pocket / "model.safetensors", tmp_path / "model.safetensors")
    (tmp_path / "adapter_model.bin").touch()
    with pytest.raises(InputError, match=r"has no adapter_model\.safetensors"):
        fetch(Candidate("local", "mine", str(pocket), adapter=str(tmp_path)))


@pytest.mark.parametrize(
    "name", ["vocab.json", "merges.txt", "vocab.txt", "added_tokens.json", "spiece.model", "tokenizer.json"]
)
def test_every_file_of_a_tokenizer_changes_a_run_and_a_recipe(name: str, pocket: Path, tmp_path: Path) -> None:
    base, recipe = tmp_path / "base", tmp_path / "mine.toml"
    shutil.copytree(pocket, base)
    recipe.write_text(f'base = "{base}"\n[generator]\nname = "template"\n[trainer]\nname = "lora"\n')

    def keys() -> tuple[object, Path]:
        of_run = identity(resolve(str(base)), Weights(base), Tagged(), Decoding(), "float32")
        return of_run["tokenizer"], plan_recipe(read_recipe(recipe), base, "tagged").adapter

    assert keys()[0] == "a03ec72ba1bcfa3a", "runs of models without these files keep their names"
    before = keys()
    (base / name).write_text("another vocabulary")
    assert all(one != other for one, other in zip(keys(), before, strict=True))
