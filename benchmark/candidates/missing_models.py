"""Makes the errors for specs at which there is no model or no adapter. The errors name similar paths and names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from toolmark.benchmark.candidates.adapter_config import ADAPTER_CONFIG
from toolmark.benchmark.candidates.gguf_files import GGUF
from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.hub import is_repo_id
from toolmark.benchmark.core.registry import similar
from toolmark.benchmark.core.user_paths import nearest_path

__all__ = [
    "FILE_ENDINGS",
    "is_misspelt_path",
    "no_adapter",
    "no_candidate_in",
    "no_model",
    "no_model_at",
    "no_model_on_page",
    "no_recording_at",
    "not_an_adapter",
]

FILE_ENDINGS = (".jsonl", ".jsonl.gz", ".toml", GGUF)
"""Ends of the names of files that are candidates."""

_MODEL_FILES = ("config.json", ADAPTER_CONFIG, "ledger.jsonl")
_MOST_INSIDE = 3
_SIMILAR = 0.7
"""Lowest similarity of two names, from 0 to 1, at which a name counts as misspelt and not as a name on the hub."""
_PATH_LIKE = re.compile(r"(\.{0,2}[/\\]|~|[A-Za-z]:[/\\])")
_HUB_PAGE = re.compile(r"https?://(?:www\.)?(?:huggingface\.co|hf\.co)/([\w.-]+/[\w.-]+?)/?(?:/(?:tree|blob)/.*)?\Z")


def is_misspelt_path(hub_id: str) -> bool:
    """Return whether ORG in `ORG/NAME` is a local folder that contains a name similar to NAME."""
    return Path(hub_id.partition("/")[0]).is_dir() and nearest_path(hub_id, _SIMILAR) is not None


def no_model_at(spec: str) -> InputError:
    """Return the error for a spec that is written like a path, if there is nothing at this path."""
    return InputError(f"there is no file or directory at {spec!r}", _suggested(spec, (), _check_path(spec)))


def no_model(spec: str, known: Sequence[str]) -> InputError:
    """Return the error for a spec that fits no form.

    Args:
        spec: The spec.
        known: Names of models and adapters, for suggestions.
    """
    if re.search(r"[/\\]", spec) or spec.startswith("~") or spec.endswith(FILE_ENDINGS):
        return no_model_at(spec)
    return InputError(
        f"no model has the name {spec!r}", _suggested(spec, known, f"The known names are: {', '.join(known)}")
    )


def no_model_on_page(address: str) -> InputError:
    """Return the error for an address of the web, where a spec is needed."""
    if page := _HUB_PAGE.match(address):
        return InputError(f"{address} is a page, not the name of a model", f"Write the name: hub/{page[1]}")
    return InputError(
        f"{address} is an address, not the name of a model",
        f"To evaluate the model of a server, set LOCAL_BASE_URL to the address, and write openai-api/local/NAME. To "
        f"compare it with your model, write --model MODEL --deployed {address}",
    )


def no_recording_at(path: str) -> InputError:
    """Return the error for a path at which there is no recorded run."""
    near = nearest_path(path)
    return InputError(
        f"there is no recorded run at {path!r}",
        f"Did you mean replay/{near}?" if near else "Give an existing ledger: replay/runs/…/ledger.jsonl",
    )


def no_adapter(text: str, known: Sequence[str]) -> InputError:
    """Return the error for the name of an adapter at which there is nothing.

    Args:
        text: The name.
        known: Names of shipped adapters, for suggestions.
    """
    otherwise = f"Give an existing directory or recipe, hub/ORG/NAME, or {', '.join(known)}."
    if _looks_like_hub_id(text):
        otherwise = _check_path(text)
    return InputError(f"there is no adapter at {text!r}", _suggested(text, known, otherwise))


def no_candidate_in(path: Path) -> InputError:
    """Return the error for an existing file or folder that is no candidate."""
    if path.is_file():
        return InputError(
            f"{path} is neither a recorded run nor a recipe nor a GGUF file",
            _near_folders(path, _MODEL_FILES)
            or "Give the directory of a model or an adapter, a GGUF file, a recipe.toml or a ledger.jsonl.",
        )
    inside = next((f"Give the GGUF file inside: --model {file}" for file in sorted(path.glob(f"*{GGUF}"))), "")
    return InputError(
        f"{path} is a {'directory' if path.is_dir() else 'pipe or a device'} without config.json, adapter_config.json "
        "or ledger.jsonl",
        inside
        or _near_folders(path, _MODEL_FILES)
        or "Give a directory that save_pretrained() wrote, or the directory of a run in runs/.",
    )


def not_an_adapter(path: Path) -> InputError:
    """Return the error for an existing file or folder that is no adapter."""
    fix = _near_folders(path, (ADAPTER_CONFIG,)) or "Give the directory that the trainer or peft wrote."
    if (path / "config.json").is_file():
        fix = f"It is a complete model. Give it with --model instead of --adapter: --model {path}"
    return InputError(f"{path} is not an adapter, because it has no {ADAPTER_CONFIG}", fix)


def _looks_like_hub_id(text: str) -> bool:
    is_file = _PATH_LIKE.match(text) or text.endswith(FILE_ENDINGS)
    return text.count("/") == 1 and not is_file and not text.startswith("hub/") and is_repo_id(text)


def _check_path(spec: str) -> str:
    if _looks_like_hub_id(spec):
        return f"Check the path. For the model on the hub, write hub/{spec}"
    if spec.endswith(FILE_ENDINGS):
        return "Give an existing GGUF file, recipe.toml, ledger.jsonl or exported run."
    return "Check the path. For a model on the hub, write hub/ORG/NAME"


def _suggested(text: str, known: Sequence[str], otherwise: str) -> str:
    """Return a sentence with the most similar path and names. If nothing is similar, return `otherwise`."""
    near = [path] if (path := nearest_path(text)) else []
    near += similar(text.lower(), known)
    if not near:
        return otherwise
    hub = f" For the model on the hub, write hub/{text}" if _looks_like_hub_id(text) else ""
    return f"Did you mean {' or '.join(near)}?{hub}"


def _near_folders(path: Path, marks: Sequence[str]) -> str:
    """Return a sentence with the folders that a user probably meant instead of `path`. Empty if there are none.

    Args:
        path: A file, or a folder without one of the files `marks`.
        marks: Names of files of which a folder must contain one.
    """
    if path.is_file():
        return f"Give its folder: {path.parent}" if any((path.parent / mark).is_file() for mark in marks) else ""
    inside = sorted({str(file.parent) for mark in marks for file in path.glob(f"*/{mark}")})[:_MOST_INSIDE]
    return f"Give the folder inside: {' or '.join(inside)}" if inside else ""
