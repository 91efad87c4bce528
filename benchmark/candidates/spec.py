"""Resolves specs. A spec is the string that names a model in a command or option.

    ./path/to/dir            a directory with config.json (a model), adapter_config.json (an adapter) or ledger.jsonl
                             (a run)
    path/to/model.gguf       a GGUF file
    pocket, gemma-3-1b-it    an alias (aliases.toml), or the full hub id of an alias
    pocket-lora              the shipped adapter, with its base
    hub/ORG/NAME             a model on the hub
    hub/ORG/NAME:FILE.gguf   a GGUF file on the hub
    replay/FILE              recorded completions
    recipe.toml              a recipe, which stands for an adapter and its base
    policy/NAME              a trivial policy instead of a model: never, first, uniform, lexical or oracle
    openai/gpt-4.1           a model of any Inspect provider; Inspect gets this string unchanged
    ORG/NAME                 a model on the hub, if it is not a misspelt path

Toolmark tries these forms in this order. An adapter and a threshold for calls can follow:
`base[@revision][:file.gguf][:adapter[@revision]][@call>threshold]`. Only models and adapters on the hub have revisions.
After a recipe, `@` stands for a seed.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from toolmark.benchmark.candidates.adapter_config import ADAPTER_CONFIG, ADAPTER_WEIGHTS
from toolmark.benchmark.candidates.call_threshold import split_threshold, threshold_text
from toolmark.benchmark.candidates.gguf_files import GGUF, is_gguf
from toolmark.benchmark.candidates.missing_models import (
    FILE_ENDINGS,
    is_misspelt_path,
    no_adapter,
    no_candidate_in,
    no_model,
    no_model_at,
    no_model_on_page,
    no_recording_at,
    not_an_adapter,
)
from toolmark.benchmark.candidates.named_base import base_of_adapter, base_of_recipe
from toolmark.benchmark.candidates.packaged_files import packaged_file
from toolmark.benchmark.candidates.recipes import is_recipe, read_recipe
from toolmark.benchmark.candidates.remote_recordings import recorded_at
from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.registry import nearest
from toolmark.benchmark.core.remote_files import is_address
from toolmark.benchmark.core.user_paths import expanded
from toolmark.benchmark.policies.trivial import POLICIES

__all__ = ["Candidate", "resolve", "table", "with_adapter", "with_each_seed"]

Kind = Literal["local", "hub", "replay", "policy", "inspect", "deployed"]

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*\Z")
_HUB_FILE = re.compile(r"([\w.-]+/)*[\w-][\w.-]*\.gguf\Z", re.IGNORECASE)
_WEB = re.compile(r"https?://")
_FILE_OF_MANY = re.compile(r"-\d{5}-of-\d{5}\.gguf\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model under test, before it is loaded.

    Attributes:
        kind: Where the answers come from:

            - `local`: weights on this machine
            - `hub`: weights on the hub
            - `replay`: recorded completions
            - `policy`: a trivial policy
            - `inspect`: a served model
            - `deployed`: a server that is asked as users ask it, see `deployed.py`
        name: Name of the candidate in tables and directories of runs.
        base: What answers, by kind:

            - `local`: a directory or a GGUF file
            - `hub`: a hub id
            - `replay`: a file
            - `policy`: the name of the policy
            - `inspect`: Inspect's name of the model
            - `deployed`: the spec
        revision: Revision of the base on the hub. None for the newest revision.
        adapter: A directory or hub id of a PEFT adapter, or the file of a recipe. None if there is no adapter.
        adapter_revision: Revision of the adapter on the hub. None for the newest revision. For a recipe, this is the
            number of the seed, or None for the seed or the seeds in the recipe.
        file: Name of a GGUF file in the repository of the base on the hub. None if the base is not a GGUF file.
        gated: Whether the hub gives the weights only to users who accepted the licence and have a token.
        call_threshold: The model calls if the probability of a call is above this threshold, and else answers in words.
            None if the model decides itself.
        note: A line with the chosen meaning, if the spec has two possible meanings. Otherwise empty.
    """

    kind: Kind
    name: str
    base: str
    revision: str | None = None
    adapter: str | None = None
    adapter_revision: str | None = None
    file: str | None = None
    gated: bool = False
    call_threshold: float | None = None
    note: str = ""

    @property
    def has_weights(self) -> bool:
        """Return whether Toolmark can load the weights of the candidate, and generate with them."""
        return self.kind in ("local", "hub")


@cache
def table() -> dict[str, Any]:
    """Return the content of `aliases.toml`."""
    return tomllib.loads(files("toolmark.benchmark.candidates").joinpath("aliases.toml").read_text())


def _path_exists(text: str) -> bool:
    return expanded(text).exists()


def _split_colon(spec: str) -> tuple[str, str | None]:
    """Return the base and the adapter of a spec: the parts before and after the colon.

    The adapter is None if there is no colon. The colon of a drive letter (C:) is not counted.
    """
    for match in re.finditer(":", spec):
        index = match.start()
        drive = index >= 1 and spec[index - 1].isalpha() and (index == 1 or spec[index - 2] in ":@")
        if not (drive and spec[index + 1 : index + 2] in ("/", "\\")):
            return spec[:index], spec[index + 1 :]
    return spec, None


def _split_revision(text: str) -> tuple[str, str | None]:
    if _path_exists(text):
        return text, None
    base, _, revision = text.partition("@")
    return base, revision or None


def _directory(path: Path) -> Candidate:
    if path.is_file():
        if is_recipe(path):
            return with_adapter(resolve(base_of_recipe(path)), str(path))
        if is_gguf(path):
            _check_one_file(path.name)
            return Candidate("local", path.stem, str(path))
        if path.name.endswith((".jsonl", ".jsonl.gz")):
            stem = path.name.removesuffix(".gz").removesuffix(".jsonl")
            return Candidate("replay", path.resolve().parent.name if stem == "ledger" else stem, str(path))
        raise no_candidate_in(path)
    if (path / "config.json").is_file():
        return Candidate("local", path.resolve().name, str(path))
    if (path / ADAPTER_CONFIG).is_file():
        base = base_of_adapter(path)
        try:
            return with_adapter(resolve(base), str(path))
        except InputError as error:
            raise InputError(
                f"{path / ADAPTER_CONFIG} names the base {base!r}: {error.what}",
                f"Give the base: --model BASE --adapter {path}",
            ) from None
    if (path / "ledger.jsonl").is_file():
        return Candidate("replay", path.resolve().name, str(path / "ledger.jsonl"))
    raise no_candidate_in(path)


def _check_one_file(name: str) -> None:
    """Check that a GGUF file is not one of several files of a model."""
    if _FILE_OF_MANY.search(name):
        raise InputError(
            f"{name} contains only a part of a model, and Toolmark reads only complete GGUF files",
            "Join the files: llama-gguf-split --merge FIRST_FILE JOINED.gguf",
        )


def _shipped(entry: dict[str, Any]) -> Path:
    """Return the folder of the weights of an alias. These weights are part of the package."""
    return Path(str(files("toolmark.benchmark") / entry["shipped"]))


def _alias(spec: str) -> Candidate | None:
    models: dict[str, dict[str, Any]] = table()["models"]
    by_hub_id = {entry["hub"]: name for name, entry in models.items() if "hub" in entry}
    name = by_hub_id.get(spec, spec)
    if name not in models:
        return None
    entry = models[name]
    if "shipped" in entry:
        return Candidate("local", name, str(_shipped(entry)))
    if "packages" in entry:
        return Candidate("local", name, str(packaged_file(name, entry)), note=entry.get("note", ""))
    provider, _, rest = spec.partition("/")
    note = ""
    if spec in by_hub_id and provider in table()["inspect"]["providers"]:
        note = f"{spec} is the model on the hub (hub/{spec}); for the served model: openrouter/{provider}/{rest}"
    return Candidate("hub", name, entry["hub"], gated=entry.get("gated", False), note=note)


def _hub(hub_id: str) -> Candidate:
    alias = _alias(hub_id)
    if alias is not None:
        return replace(alias, note="")
    return Candidate("hub", hub_id.partition("/")[2], hub_id)


def _hub_file(base: Candidate, file: str) -> Candidate:
    """Return the candidate that is a GGUF file in a repository on the hub."""
    if not _HUB_FILE.match(file) or ".." in file.split("/"):
        raise InputError(f"{file!r} is not the name of a GGUF file", "Write hub/ORG/NAME:FILE.gguf")
    _check_one_file(file)
    return replace(base, name=Path(file).stem, file=file)


def _base(spec: str) -> Candidate:
    if _path_exists(spec):
        return _directory(expanded(spec))
    alias = _alias(spec)
    if alias is not None:
        return alias
    if spec in table()["adapters"]:
        return with_adapter(_base(table()["adapters"][spec]["base"]), spec)
    first, _, rest = spec.partition("/")
    if first == "hub" and _HUB_ID.match(rest):
        return _hub(rest)
    if first == "replay":
        if not _path_exists(rest):
            raise no_recording_at(rest)
        recorded = _directory(expanded(rest))
        if recorded.kind != "replay":
            raise InputError(f"{rest} is a model, not a recorded run", f"Leave out replay/: --model {rest}")
        return recorded
    if first == "policy":
        if rest not in POLICIES:
            raise InputError(f"no policy has the name {rest!r}", nearest(rest, tuple(POLICIES)))
        return Candidate("policy", spec, rest)
    if rest and first in table()["inspect"]["providers"]:
        return Candidate("inspect", spec, spec)
    if _HUB_ID.match(spec) and first != "hub" and not spec.endswith(FILE_ENDINGS):
        if is_misspelt_path(spec):
            raise no_model_at(spec)
        return _hub(spec)
    raise no_model(spec, (*table()["models"], *table()["adapters"]))


def resolve(spec: str, *, threshold: bool = False) -> Candidate:
    """Return the candidate for a spec. Nothing is loaded. The network is used only for the address of a recorded run.

    Args:
        spec: The spec.
        threshold: Whether a threshold for calls is allowed at the end of the spec.

    Raises:
        InputError: There is no such candidate. The message lists the most similar names. Or the spec has a threshold,
            and `threshold` is false.
        EnvironmentFault: The packages that contain the weights of an alias are not installed, or the store of an
            address cannot be reached.
    """
    if not spec.strip():
        raise InputError("the name of a model is empty", "Write the name of a model, for example: --model pocket")
    if _path_exists(spec):
        return _directory(expanded(spec))
    if _WEB.match(spec):
        raise no_model_on_page(spec)
    if is_address(spec):
        return replace(_directory(recorded_at(spec)), note=f"a copy of {spec}")
    text, chosen = split_threshold(spec)
    if chosen is None:
        return _resolve(spec)
    if not threshold:
        raise InputError(
            f"{spec} has a threshold for calls, which cannot be used here", f"Leave the threshold out: {text}"
        )
    return _with_threshold(resolve(text), chosen)


def _with_threshold(candidate: Candidate, threshold: float) -> Candidate:
    if not candidate.has_weights:
        raise InputError(
            f"{candidate.name} cannot have a threshold for calls, because Toolmark does not choose its tokens",
            f"Leave out {threshold_text(threshold)}",
        )
    name = f"{candidate.name}{threshold_text(threshold)}"
    return replace(candidate, name=name, call_threshold=threshold)


def _resolve(spec: str) -> Candidate:
    front, adapter = _split_colon(spec)
    base_text, revision = _split_revision(front)
    first = spec.partition("/")[0]
    if first in ("replay", "policy") or (first in table()["inspect"]["providers"] and _alias(base_text) is None):
        return _base(spec)
    if is_recipe(file := expanded(base_text)):
        made = with_adapter(resolve(base_of_recipe(file)), front)
        return with_adapter(made, adapter) if adapter else made
    base = _base(base_text)
    if revision and (base.kind != "hub" or _path_exists(base_text)):
        raise _no_revision(base_text, revision)
    base = replace(base, revision=revision)
    named, _, rest = (adapter or "").partition(":")
    if base.kind == "hub" and named.lower().endswith(GGUF):
        base, adapter = _hub_file(base, named), rest
    return with_adapter(base, adapter) if adapter else base


def with_adapter(base: Candidate, adapter: str) -> Candidate:
    """Return the candidate that consists of a base and an adapter.

    Args:
        base: The base.
        adapter: A directory, a recipe, the alias of a shipped adapter, or `ORG/NAME[@revision]` or
            `hub/ORG/NAME[@revision]` on the hub. A threshold for calls can follow.

    Raises:
        InputError: The base cannot have an adapter, or `adapter` is not an adapter.
    """
    if not adapter.strip():
        raise InputError("the name of an adapter is empty", "Write a folder, for example: --adapter adapters/mine")
    if not _path_exists(adapter):
        adapter, threshold = split_threshold(adapter)
        if threshold is not None:
            return _with_threshold(with_adapter(base, adapter), threshold)
    if base.call_threshold is not None:
        raise InputError(
            f"{base.name} has a threshold for calls, and the adapter needs its own threshold",
            f"Write the threshold after the adapter: --adapter {adapter}{threshold_text(base.call_threshold)}",
        )
    if not base.has_weights:
        raise InputError(
            f"{base.name} cannot have an adapter, because Toolmark does not load the weights of this model",
            "Give a base model with weights: --model BASE --adapter DIR",
        )
    if base.adapter is not None:
        raise InputError(
            f"{base.name} already has the adapter {base.adapter}",
            "Give only the base with --model, and the adapters with --adapter.",
        )
    text, revision = _split_revision(adapter)
    path = expanded(text)
    if not path.exists() and (alias := table()["adapters"].get(text)):
        if base.name != alias["base"]:
            what = f"{text} is an adapter of {alias['base']}, not of {base.name}"
            raise InputError(what, f"Give its base instead of {base.name}: {alias['base']}")
        if revision:
            raise _no_revision(text, revision)
        return replace(base, name=text, adapter=str(_shipped(alias)))
    if is_recipe(path):
        recipe_base = base_of_recipe(path)
        if resolve(recipe_base) != replace(base, note=resolve(recipe_base).note):
            what = f"the recipe {text} trains {recipe_base}, not {base.name}"
            raise InputError(what, f"Give the base of the recipe: --model {recipe_base}")
        if revision is not None and not revision.isdecimal():
            raise InputError(f"{revision!r} is not a seed", f"Write a number: --adapter {text}@1")
        return _with_seed(replace(base, name=f"{base.name}+{path.stem}", adapter=str(path)), revision)
    if path.exists():
        if revision:
            raise _no_revision(text, revision)
        if not (path / ADAPTER_CONFIG).is_file():
            raise not_an_adapter(path)
        if not (path / ADAPTER_WEIGHTS).is_file():
            raise InputError(
                f"{text} has no {ADAPTER_WEIGHTS}",
                "Save the adapter again with safe_serialization=True. Toolmark does not read pickle files.",
            )
        return replace(base, name=f"{base.name}+{path.resolve().name}", adapter=str(path))
    hub_id = text.removeprefix("hub/")
    if not _HUB_ID.match(hub_id) or (hub_id == text and (is_misspelt_path(text) or text.endswith(FILE_ENDINGS))):
        raise no_adapter(text, tuple(table()["adapters"]))
    name = f"{base.name}+{hub_id.partition('/')[2]}"
    return replace(base, name=name, adapter=hub_id, adapter_revision=revision)


def _no_revision(text: str, revision: str) -> InputError:
    return InputError(
        f"{text} is not on the hub, so it has no revision {revision!r}",
        f"Give the folder that you mean, or leave out @{revision}",
    )


def _with_seed(candidate: Candidate, seed: str | None) -> Candidate:
    if seed is None:
        return candidate
    end = threshold_text(candidate.call_threshold)
    return replace(candidate, name=f"{candidate.name.removesuffix(end)}@{seed}{end}", adapter_revision=seed)


def with_each_seed(candidate: Candidate) -> list[Candidate]:
    """Return a candidate for each seed, if the adapter is a recipe with several seeds. Otherwise return `candidate`."""
    if candidate.adapter is None or candidate.adapter_revision or not is_recipe(path := Path(candidate.adapter)):
        return [candidate]
    return [_with_seed(candidate, str(seed)) for seed in read_recipe(path).seeds] or [candidate]
