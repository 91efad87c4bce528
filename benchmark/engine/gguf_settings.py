"""Sets those settings of a GGUF model that transformers does not read, and refuses a file with other settings.

Transformers ignores every field of the header that it does not know, and every tensor that has no place in the
architecture. A model without them would compute other answers, and no error would be shown. So each field of the
architecture must be in one of the tables of this module, and each tensor must have a place. For example, for Gemma 3
transformers always assumes that every sixth layer sees the whole prompt, and that heads have 256 dimensions.

Source: the functions `load_arch_hparams` in https://github.com/ggml-org/llama.cpp/tree/master/src/models
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolmark.benchmark.candidates.gguf_header import GgufHeader
from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.printing import printable
from toolmark.benchmark.engine.base_model import empty_model
from toolmark.benchmark.engine.gguf_rope import LLAMA3_DIVISORS, USE_ANOTHER_FILE, head_size, set_rotation

if TYPE_CHECKING:
    from transformers import PretrainedConfig

__all__ = ["check_tensors", "set_unread_settings"]

_ATTRIBUTES: Mapping[str, tuple[str, ...]] = {
    "attention.layer_norm_rms_epsilon": ("rms_norm_eps", "norm_eps", "layer_norm_epsilon"),
    "attention.layer_norm_epsilon": ("layer_norm_eps", "layer_norm_epsilon", "norm_epsilon", "norm_eps"),
    "expert_feed_forward_length": ("moe_intermediate_size",),
    "expert_shared_feed_forward_length": ("shared_expert_intermediate_size",),
    "expert_weights_norm": ("norm_topk_prob",),
    "final_logit_softcapping": ("final_logit_softcapping",),
    "use_parallel_residual": ("use_parallel_residual",),
}
"""Fields of an architecture, each with the names that its setting has in the configurations of transformers."""

_TRANSLATED = {
    *("attention.key_length", "attention.value_length"),
    *("rope.dimension_count", "rope.freq_base", "rope.scale_linear"),
    *("rope.scaling.type", "rope.scaling.factor", "rope.scaling.original_context_length"),
    *("rope.scaling.yarn_beta_fast", "rope.scaling.yarn_beta_slow"),
}
"""Fields that are translated for every architecture."""

_TRANSLATED_FOR: Mapping[str, set[str]] = {
    "gemma2": {"attn_logit_softcapping"},
    "gemma3": {"attention.sliding_window", "attention.sliding_window_pattern", "rope.freq_base_swa"},
    "phi3": {"attention.sliding_window"},
    "gpt-oss": {"attention.sliding_window"},
}
"""Fields that are translated for one architecture only."""

_SHAPES = {
    *("block_count", "context_length", "embedding_length", "feed_forward_length", "vocab_size"),
    *("attention.head_count", "attention.head_count_kv"),
}
"""Fields that cannot be wrong if all tensors have the shapes of the architecture."""

_REQUIRED = ("block_count", "context_length", "embedding_length", "attention.head_count")
"""Fields without which llama.cpp refuses a file. Transformers would take the values of another model."""

_WITHOUT_EFFECT = {"pooling_type", "rope.scaling.finetuned", "tensor_data_layout"}
"""Fields that change no answer."""

_NEUTRAL: Mapping[str, float] = {
    "expert_count": 0,
    "expert_used_count": 0,
    "attention.causal": True,
    "attention.clamp_kqv": 0,
    "attention.max_alibi_bias": 0,
    "rope.scaling.attn_factor": 1,
    "rope.scaling.yarn_attn_factor": 1,
    "rope.scaling.yarn_ext_factor": 1,
    "rope.scaling.yarn_log_multiplier": 0,
}
"""Fields that change no answer if they have this value."""

_HYBRID = {
    *("full_attention_interval", "nextn_predict_layers", "rope.dimension_sections", "shortconv.l_cache"),
    *("ssm.conv_kernel", "ssm.group_count", "ssm.inner_size", "ssm.state_size", "ssm.time_step_rank"),
    *("expert_count", "expert_used_count"),
}
"""Fields that transformers reads for the architectures of `_ARRAYS`."""

_ARRAYS = {
    "lfm2": {"attention.head_count_kv"},
    "qwen35": {"rope.dimension_sections"},
    "qwen35moe": {"rope.dimension_sections"},
}
"""Fields with an array that transformers reads, for each architecture."""

_LAYERS_OF_27B = {"gemma2": 46, "gemma3": 62}


def set_unread_settings(file: Path, config: PretrainedConfig, header: GgufHeader) -> None:
    """Set the settings that transformers does not read, as llama.cpp does.

    Args:
        file: The GGUF file.
        config: The configuration that transformers made. It is changed.
        header: The header of the file.

    Raises:
        InputError: The file has a setting that cannot be translated.
    """
    text: Any = config.get_text_config()
    _check_fields(file, text, header)
    _check_required(file, header)
    _check_lengths(file, header)
    for field, names in _ATTRIBUTES.items():
        value = header.setting(field)
        if value is not None and (name := next((name for name in names if hasattr(text, name)), None)):
            setattr(text, name, value)
    if "head_dim" in text.to_dict() and header.architecture != "gemma4":
        text.head_dim = head_size(header)
    set_rotation(file, config, header)
    _set_windows(text, header)
    if header.architecture == "gemma2":
        text.attn_logit_softcapping = header.setting("attn_logit_softcapping", text.attn_logit_softcapping)
    if header.architecture in _LAYERS_OF_27B:
        of_27b = text.num_hidden_layers == _LAYERS_OF_27B[header.architecture]
        text.query_pre_attn_scalar = text.hidden_size // text.num_attention_heads if of_27b else text.head_dim


def _set_windows(text: Any, header: GgufHeader) -> None:
    window = int(header.setting("attention.sliding_window", 0))
    if header.architecture == "gemma3":
        pattern = int(header.setting("attention.sliding_window_pattern", 6)) if window else 1
        text.layer_types = [
            "full_attention" if pattern and layer % pattern == pattern - 1 else "sliding_attention"
            for layer in range(text.num_hidden_layers)
        ]
    elif header.architecture in ("phi3", "gpt-oss") or text.model_type == "mistral":
        text.sliding_window = window or None


def _check_fields(file: Path, text: Any, header: GgufHeader) -> None:
    """Check that every field of the architecture is in a table of this module or is read by transformers."""
    from transformers.modeling_gguf_pytorch_utils import GGUF_TO_TRANSFORMERS_MAPPING

    architecture = header.architecture
    read: Any = GGUF_TO_TRANSFORMERS_MAPPING["config"]
    names = {name for name, to in read.get(str(text.model_type).removesuffix("_text"), {}).items() if to is not None}
    names |= _TRANSLATED | _TRANSLATED_FOR.get(architecture, set()) | _SHAPES | _WITHOUT_EFFECT
    names |= {field for field, attributes in _ATTRIBUTES.items() if any(hasattr(text, name) for name in attributes)}
    names |= _HYBRID if architecture in _ARRAYS else set()
    for field, value in (*header.fields.items(), *header.arrays.items()):
        family, _, name = field.partition(".")
        if family != architecture and (family in ("general", "tokenizer") or family not in read):
            continue  # The field belongs to no architecture.
        array = isinstance(value, tuple)
        known = name in (_ARRAYS.get(architecture, set()) if array else names)
        if family == architecture and (known or _is_neutral(name, value, header)):
            continue
        raise InputError(
            f"{file} has the setting {printable(field)[:80]} = {printable(str(value))[:80]}, which cannot be "
            "converted. Without this setting, the model would give other answers",
            USE_ANOTHER_FILE,
        )


def _check_required(file: Path, header: GgufHeader) -> None:
    """Check that no field is missing which a model needs."""
    missing = [name for name in _REQUIRED if header.setting(name) is None]
    if not {"attention.layer_norm_rms_epsilon", "attention.layer_norm_epsilon"} & {
        field.partition(".")[2] for field in header.fields
    }:
        missing.append("attention.layer_norm_rms_epsilon")
    if missing:
        raise InputError(
            f"{file} has no field {header.architecture}.{missing[0]}",
            "Convert the model again with llama.cpp's converter.",
        )


def _check_lengths(file: Path, header: GgufHeader) -> None:
    """Check that keys and values have the same length."""
    lengths = (head_size(header), header.setting("attention.value_length", head_size(header)))
    if lengths[0] != lengths[1]:
        raise InputError(
            f"the keys of {file} have {lengths[0]:,} dimensions, and the values have {lengths[1]:,}", USE_ANOTHER_FILE
        )


def _is_neutral(name: str, value: object, header: GgufHeader) -> bool:
    if name == "attention.sliding_window" and isinstance(value, int):
        return not 0 < value < int(header.setting("context_length", 0))
    if name == "rope.freq_base_swa":
        return bool(value == header.setting("rope.freq_base"))
    return name in _NEUTRAL and value == _NEUTRAL[name]


def check_tensors(file: Path, config: PretrainedConfig, header: GgufHeader) -> None:
    """Check that every tensor of the file has a place in the architecture.

    Raises:
        InputError: Transformers would leave out a tensor.
    """
    from transformers import modeling_gguf_pytorch_utils

    reading: Any = modeling_gguf_pytorch_utils
    if header.architecture in _reported():
        return
    processor = reading.TENSOR_PROCESSORS.get(header.architecture, reading.TensorProcessor)(config=config.to_dict())
    places: Collection[str] = reading.get_gguf_hf_weights_map(empty_model(config), processor)
    # The tensors of experts have places without the suffix.
    known = {LLAMA3_DIVISORS, *places, *(f"{place}.weight" for place in places)}
    if other := sorted(name for name in header.tensors if name not in known):
        shown = ", ".join(printable(name)[:80] for name in other[:3])
        raise InputError(
            f"{file} has {len(other):,} tensors that are not part of the architecture {header.architecture} in "
            f"transformers: {shown}{', …' if len(other) > 3 else ''}. Without them, the model would give other answers",
            USE_ANOTHER_FILE,
        )


def _reported() -> Collection[str]:
    """Return the architectures whose tensors transformers checks itself, so that `check_keys` finds them."""
    try:
        from transformers.integrations.gguf.gguf_conversion_mapping import GGUF_ARCHS
    except ImportError:  # an older version of transformers
        return ()
    architectures: Collection[str] = GGUF_ARCHS
    return architectures
