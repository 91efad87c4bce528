"""The checks of the model that `toolmark doctor --model SPEC` names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from toolmark.benchmark.candidates.gguf_files import is_gguf
from toolmark.benchmark.candidates.spec import Candidate
from toolmark.benchmark.data.shipped_cases import shipped_cases
from toolmark.benchmark.doctor.findings import Check, Finding, ok
from toolmark.benchmark.evaluation.contestant import Contestant, contestants
from toolmark.benchmark.evaluation.request import Request
from toolmark.benchmark.readers.case_selection import load_cases
from toolmark.benchmark.runs.replay import read_replay

__all__ = ["contestant_of", "model_checks"]


def contestant_of(spec: str, dialect: str | None) -> Contestant:
    """Return the contestant that an evaluation of this model would use. Nothing is loaded.

    Args:
        spec: The spec of the candidate.
        dialect: The dialect that the user chose. None if the usual dialect is used.

    Raises:
        InputError: The spec or the dialect is wrong.
    """
    request = Request(models=(spec,), dialect=dialect)
    (contestant,) = contestants(request, request.candidates())
    return contestant


def model_checks(spec: str, dialect: str | None, seconds: float, reply_memory: int | None = None) -> Iterator[Check]:
    """The checks of a model.

    Args:
        spec: The spec of the candidate.
        dialect: The dialect that the user chose. None if the usual dialect is used.
        seconds: The limit on the time of one request to a served model.
        reply_memory: The number of bytes of memory that the replies of a served model are allowed to use. The limit
            holds for the whole process, so run the checks in a process of their own. None sets no limit.

    Raises:
        InputError: The spec or the dialect is wrong.
    """
    contestant = contestant_of(spec, dialect)
    candidate = contestant.candidate
    yield "model", lambda: _model(candidate)
    if candidate.kind == "replay":
        yield "dialect", lambda: ok(f"{contestant.dialect.name} ({contestant.dialect_reason})")
        return
    if candidate.kind == "policy":
        return
    cases, _ = load_cases(shipped_cases())
    if candidate.kind == "inspect":
        from toolmark.benchmark.doctor.served_model import ServedModelChecks

        if reply_memory is not None:
            _limit_memory(reply_memory)
        yield from ServedModelChecks(contestant, cases, seconds).checks()
    else:
        from toolmark.benchmark.doctor.local_model import LocalModelChecks

        yield from LocalModelChecks(contestant, cases).checks()


def _model(candidate: Candidate) -> Finding:
    if candidate.kind == "replay":
        recorded = read_replay(Path(candidate.base))
        return ok(f"recorded answers in {candidate.base}, {recorded.epochs} for each case")
    if candidate.kind == "policy":
        return ok(f"the policy {candidate.base}, which needs no weights and no server")
    read = {"local": "a folder on this machine", "hub": "a model of the hub", "inspect": "a served model"}
    if candidate.kind == "local" and is_gguf(Path(candidate.base)):
        read["local"] = f"the GGUF file {candidate.base}"
    return ok(f"{candidate.name}: {read[candidate.kind]}" + (f"; {candidate.note}" if candidate.note else ""))


def _limit_memory(more: int) -> None:
    """Let this process use at most `more` additional bytes, because the clients of some providers read replies of any
    size.
    """
    try:
        import resource
    except ModuleNotFoundError:  # Windows has no such limit.
        return
    import psutil

    limit = psutil.Process().memory_info().vms + more
    with suppress(OSError, ValueError):  # macOS refuses the limit.
        resource.setrlimit(resource.RLIMIT_AS, (limit, resource.getrlimit(resource.RLIMIT_AS)[1]))
