"""Computes the fingerprint of a run: the identity and the environment.

- The *identity* is everything that can change a completion: weights, adapter, chat template, dialect, decoding, dtype.
  The key of every completion depends on the identity. So a completion of another model is never reused.
- The *environment* describes the machine and the versions of packages. Keys do not depend on the environment.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from toolmark.benchmark.candidates.adapter_config import ADAPTER_CONFIG
from toolmark.benchmark.candidates.gguf_files import weights_hash
from toolmark.benchmark.candidates.model_texts import tokenizer_files
from toolmark.benchmark.candidates.spec import Candidate
from toolmark.benchmark.candidates.weights import Weights
from toolmark.benchmark.config.decoding import Decoding
from toolmark.benchmark.config.engine_options import EngineName
from toolmark.benchmark.config.template_args import TemplateArgs
from toolmark.benchmark.config.template_clock import TEMPLATE_DATE, reads_clock
from toolmark.benchmark.core.hashing import digest, hash_files
from toolmark.benchmark.core.versions import installed_versions
from toolmark.benchmark.dialects import Dialect
from toolmark.benchmark.policies.trivial import VERSION as POLICY_VERSION

__all__ = ["adapter_hash", "environment", "identity", "run_key", "template_hash", "template_reads_clock"]

_TEMPLATE_FILES = ("chat_template.jinja", "chat_template.json", "tokenizer_config.json")
_MORE_TEMPLATES = "additional_chat_templates"
"""The folder of templates for special purposes. For example, some models have a separate template for tools."""

_PACKAGES = ("toolmark", "torch", "transformers", "peft", "inspect-ai", "pydantic", "jsonschema-rs")


def identity(
    candidate: Candidate,
    weights: Weights | None,
    dialect: Dialect,
    decoding: Decoding,
    dtype: str | None,
    template_args: TemplateArgs | None = None,
    engine: EngineName = "transformers",
) -> dict[str, Any]:
    """Return the identity of a run: everything that can change a completion.

    For a served model, the weights are not known. The name of the model then stands for its weights. The engine of a
    local model is part of the identity only if it is not transformers. So older runs keep their keys.
    """
    shared: dict[str, Any] = {
        "dialect": f"{dialect.name}/{dialect.version}",
        "decoding": decoding.identity(),
        **({"template_args": dict(template_args)} if template_args else {}),
    }
    if candidate.kind == "policy":
        # A policy uses the seed at every temperature.
        weights_of_policy = f"policy {candidate.base}/{POLICY_VERSION}, seed {decoding.seed}"
        return {"model": candidate.name, "weights": weights_of_policy, **shared}
    if weights is None:
        # Keys do not depend on `model`. Without the name here, the answers of one served model would count as those of
        # every other one.
        return {"model": candidate.base, "weights": f"not known: served as {candidate.base}", **shared}
    base = weights.base
    adapter = weights.adapter
    return {
        "model": candidate.name,
        "weights": weights_hash(base),
        "config": hash_files([base / "config.json", base / "generation_config.json"]),
        "tokenizer": hash_files(tokenizer_files(base)),
        "template": hash_files(_template_files(base)),
        "adapter": None if adapter is None else adapter_hash(adapter),
        "dtype": dtype,
        **({} if engine == "transformers" else {"engine": engine}),
        **({} if candidate.call_threshold is None else {"call_threshold": candidate.call_threshold}),
        **({"template_date": TEMPLATE_DATE.isoformat()} if template_reads_clock(base) else {}),
        **shared,
    }


def adapter_hash(folder: Path) -> str:
    """Return the hash that identifies an adapter, as 16 hexadecimal digits."""
    return hash_files([*folder.glob("*.safetensors"), folder / ADAPTER_CONFIG])


def template_reads_clock(base: Path) -> bool:
    """Return whether a chat template in the directory of a model reads the clock."""
    files = (file for file in _template_files(base) if file.is_file())
    return any(reads_clock(file.read_text(encoding="utf-8", errors="replace")) for file in files)


def template_hash(text: str) -> str:
    """Return the hash of the text of a chat template. A newline at the end of the text is left out, because Jinja
    ignores this newline.
    """
    return digest(text.removesuffix("\n"))


def _template_files(base: Path) -> list[Path]:
    return [*(base / name for name in _TEMPLATE_FILES), *(base / _MORE_TEMPLATES).glob("*.jinja")]


def run_key(identity: Mapping[str, Any]) -> str:
    """Return the hash of an identity, as eight hexadecimal digits. The name of a run's directory ends with these
    digits.
    """
    return digest({key: value for key, value in identity.items() if key != "model"}, 8)


def environment(**engine: Any) -> dict[str, Any]:
    """Return the environment: versions, machine, and the values of `engine` (device, threads, batch layout)."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processors": os.cpu_count(),
        "versions": installed_versions(_PACKAGES),
        **engine,
    }
