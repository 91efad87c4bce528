"""Selects the files of trained weights that are published, and generates the card and the `.eval_results` file.

The folder of a trainer contains files that must not be published, for example optimizer states, pickled arguments and
checkpoints. A file is published only if its name is in a fixed list.

The published results must come from a run of the published weights. To check this, the hashes in the ledger of the run
are compared with the hashes of the weights.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from toolmark.benchmark.candidates.adapter_config import ADAPTER_CONFIG
from toolmark.benchmark.candidates.fingerprint import adapter_hash
from toolmark.benchmark.candidates.gguf_files import weights_hash
from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.hub import is_repo_id
from toolmark.benchmark.data.record import RECORD_FILE, TrainingRecord
from toolmark.benchmark.verdicts.comparison import Comparison, ContestantResult
from toolmark.reports.cards import card, eval_entries, subject

__all__ = ["EVAL_RESULTS", "Publication", "prepare"]

CARD = "README.md"
EVAL_RESULTS = ".eval_results/toolmark.yaml"

_NAMES = (
    *("*.safetensors", "*.safetensors.index.json", ADAPTER_CONFIG, "config.json", "generation_config.json"),
    *("tokenizer.json", "tokenizer.model", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"),
    *("vocab.json", "merges.txt", "chat_template.jinja", "chat_template.json", RECORD_FILE, "LICENSE", "LICENSE.txt"),
)
_LONGEST_HEADER = 100_000_000


@dataclass(frozen=True, slots=True)
class Publication:
    """The files of one upload to the hub.

    Attributes:
        files: Paths of the existing files. The key is the name of the file on the hub.
        made: Contents of the generated files. The key is the name of the file on the hub.
        left_out: Names of the files and folders that are not published.
    """

    files: Mapping[str, Path]
    made: Mapping[str, str]
    left_out: tuple[str, ...]


def prepare(folder: Path, comparison: Comparison, dataset: str | None) -> Publication:
    """Collect the files of `folder` that are published, and generate the card and the `.eval_results` file.

    Args:
        folder: Folder of an adapter, or of a whole model.
        comparison: The judged run of these weights, with or without a baseline.
        dataset: Id of the benchmark's dataset on the hub. If None, no `.eval_results` file is generated.

    Raises:
        InputError: The folder contains no weights, the run used different weights, or the content of a file does not
            match the ending of its name.
    """
    if not folder.is_dir() or not any((folder / name).is_file() for name in (ADAPTER_CONFIG, "config.json")):
        raise InputError(
            f"{folder} is not the folder of an adapter or a model",
            "Give the folder that contains adapter_config.json or config.json.",
        )
    inside = sorted(path for path in folder.iterdir() if path.name != CARD)
    files = {path.name: path for path in inside if path.is_file() and any(fnmatch(path.name, n) for n in _NAMES)}
    if not any(name.endswith(".safetensors") for name in files):
        raise InputError(
            f"{folder} contains no *.safetensors file",
            "Save the weights with save_pretrained(). Pickled weights are never published.",
        )
    for path in files.values():
        _check(path)
    contestant = subject(comparison)
    _check_run(folder, contestant)
    readme = folder / CARD
    existing = readme.read_text(encoding="utf-8", errors="replace") if readme.is_file() else ""
    made = {CARD: card(comparison, existing, base_model=_base(folder))}
    if dataset is not None:
        made[EVAL_RESULTS] = _entries(comparison, contestant, dataset)
    return Publication(files, made, tuple(path.name for path in inside if path.name not in files))


def _check(path: Path) -> None:
    """Check that the content of a file matches the ending of its name. A renamed pickle fails this check."""
    try:
        if path.suffix == ".safetensors":
            with path.open("rb") as stream:
                length = int.from_bytes(stream.read(8), "little")
                fine = 2 <= length <= _LONGEST_HEADER and isinstance(json.loads(stream.read(length)), dict)
        else:
            fine = path.suffix != ".json" or isinstance(json.loads(path.read_bytes()), dict | list)
    except (OSError, ValueError, RecursionError):
        fine = False
    if not fine:
        raise InputError(
            f"{path} is not a valid {path.suffix.removeprefix('.')} file", "Save the file with save_pretrained()."
        )


def _check_run(folder: Path, contestant: ContestantResult) -> None:
    """Check that the run used the weights in `folder`, so that a card never shows the results of another model."""
    if (folder / ADAPTER_CONFIG).is_file():
        recorded = contestant.identity.get("adapter")
        here = adapter_hash(folder)
    else:
        recorded, here = contestant.identity.get("weights"), weights_hash(folder)
    if recorded != here:
        raise InputError(
            f"the run of {contestant.name} used different weights: {recorded} in the run, {here} in {folder}",
            f"Make a run of the weights in {folder}, and give that run: pytest suites/ --model BASE --adapter {folder}",
        )


def _base(folder: Path) -> str | None:
    """Return the id of the base on the hub, from the training record or the configuration.

    Return None if neither contains an id.
    """
    record = TrainingRecord.read(folder)
    named = [record.base_id if record is not None else ""]
    if (config := folder / ADAPTER_CONFIG).is_file():
        named.append(json.loads(config.read_bytes()).get("base_model_name_or_path"))
    for name in named:
        if isinstance(name, str) and name.count("/") == 1 and not Path(name).exists() and is_repo_id(name):
            return name
    return None


def _entries(comparison: Comparison, contestant: ContestantResult, dataset: str) -> str:
    import io

    from huggingface_hub import eval_result_entries_to_yaml
    from ruamel.yaml import YAML

    stream = io.StringIO()
    YAML(typ="safe").dump(eval_result_entries_to_yaml(eval_entries(comparison, contestant, dataset)), stream)
    return stream.getvalue()
