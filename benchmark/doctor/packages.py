"""Checks Python and the installed packages. The tested versions are read from the metadata of Toolmark."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution, version

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from toolmark.benchmark.doctor.findings import Finding, ok, problem, warning

__all__ = ["extras_finding", "packages_finding", "python_finding"]

_TOOLMARK = "toolmark"


def python_finding() -> Finding:
    """Check whether Toolmark is tested with this version of Python."""
    found = f"{platform.python_implementation()} {platform.python_version()} ({sys.executable})"
    trove = "Programming Language :: Python :: "
    tested = [
        classifier.removeprefix(trove)
        for classifier in distribution(_TOOLMARK).metadata.get_all("Classifier") or ()
        if classifier.startswith(trove)
    ]
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    if tested and here not in tested:
        return warning(
            f"{found} is not one of the tested versions {', '.join(tested)}",
            f"Make an environment with a tested version: python{tested[-1]} -m venv .venv",
        )
    return ok(found)


def packages_finding() -> Finding:
    """Check whether the packages that Toolmark always needs are installed, each in a tested version.

    The versions of the packages of extras are checked, too, if these packages are installed.
    """
    wanted = list(_requirements(""))
    optional = [one for extra in _extras() for one in _requirements(extra)]
    missing = [one for one in wanted if _installed(one) is None]
    if missing:
        return problem(f"not installed: {', '.join(one.name for one in missing)}", _install(missing))
    present = {canonicalize_name(one.name): one for one in (*optional, *wanted) if _installed(one) is not None}
    untested = [one for one in present.values() if not _fits(one)]
    if untested:
        versions = ", ".join(f"{one.name} {_installed(one)} (tested: {one.specifier})" for one in untested)
        return warning(f"{len(present)} packages; not tested with {versions}", _install(untested))
    return ok(f"toolmark {version(_TOOLMARK)} and {len(present)} packages, all in the tested range")


def extras_finding() -> Finding:
    """Find out which extras of Toolmark are installed completely."""
    complete, incomplete = [], []
    for extra in sorted(_extras()):
        requirements = {one.name: _installed(one) for one in _requirements(extra)}
        lacking = [name for name, installed in requirements.items() if installed is None]
        if not lacking:
            complete.append(extra)
        elif len(lacking) == len(requirements):
            incomplete.append(extra)
        else:
            incomplete.append(f"{extra} (lacks {', '.join(lacking)})")
    found = f"installed: {', '.join(complete) or 'none'}"
    if not incomplete:
        return ok(found)
    return ok(f"{found}; not installed: {', '.join(incomplete)}; to install one: pip install 'toolmark[EXTRA]'")


def _extras() -> list[str]:
    return distribution(_TOOLMARK).metadata.get_all("Provides-Extra") or []


def _requirements(extra: str, seen: frozenset[str] = frozenset()) -> Iterator[Requirement]:
    """Yield the requirements of an extra and of the extras that it includes.

    If `extra` is empty, yield the requirements that are always needed.
    """
    for line in distribution(_TOOLMARK).requires or ():
        requirement = Requirement(line)
        of_extra = "extra ==" in str(requirement.marker or "")
        if of_extra != bool(extra):
            continue
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": extra}):
            continue
        if canonicalize_name(requirement.name) != _TOOLMARK:
            yield requirement
            continue
        for included in sorted(requirement.extras - seen):
            yield from _requirements(included, seen | {extra})


def _installed(requirement: Requirement) -> str | None:
    try:
        return version(requirement.name)
    except PackageNotFoundError:
        return None


def _fits(requirement: Requirement) -> bool:
    return requirement.specifier.contains(_installed(requirement) or "0", prereleases=True)


def _install(requirements: list[Requirement]) -> str:
    return "Install: pip install " + " ".join(f"'{one.name}{one.specifier}'" for one in requirements)
