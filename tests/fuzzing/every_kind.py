"""All kinds of inputs, by name."""

from __future__ import annotations

from tests.fuzzing.adapter_inputs import ADAPTER_INPUTS
from tests.fuzzing.file_inputs import FILE_INPUTS
from tests.fuzzing.gguf_inputs import GGUF_INPUTS
from tests.fuzzing.model_inputs import MODEL_INPUTS
from tests.fuzzing.server_inputs import SERVER_INPUTS

__all__ = ["KINDS"]

KINDS = {
    kind.name: kind
    for kind in (
        *FILE_INPUTS,
        *MODEL_INPUTS,
        *GGUF_INPUTS,
        *ADAPTER_INPUTS,
        *SERVER_INPUTS,
    )
}
