"""All doors. A new door is added to a module of its kind, and a new module is added here."""

from __future__ import annotations

from tests.fuzzing.adapter_doors import ADAPTER_DOORS
from tests.fuzzing.file_doors import FILE_DOORS
from tests.fuzzing.gguf_doors import GGUF_DOORS
from tests.fuzzing.model_doors import MODEL_DOORS
from tests.fuzzing.server_doors import SERVER_DOORS

__all__ = ["DOORS"]

DOORS = {
    door.name: door
    for door in (
        *FILE_DOORS,
        *MODEL_DOORS,
        *GGUF_DOORS,
        *ADAPTER_DOORS,
        *SERVER_DOORS,
    )
}
