"""`toolmark models push`: weights with their card and results, to the hub, through the hub's own library."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from benchmark.commands import judge_recorded
from benchmark.errors import EnvironmentFault, InputError
from benchmark.printing import say
from benchmark.readers.selection import Split
from benchmark.session import Request, shipped_cases
from reports.publication import Publication, prepare

__all__ = ["push"]

_PROBE_SECONDS = 2.0


def push(
    folder: Path,
    *,
    to: str,
    run: str,
    baseline: str | None = None,
    cases: str | None = None,
    tools: str | None = None,
    split: Split = "test",
    dataset: str | None = None,
    private: bool = False,
    dry_run: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Publish an adapter or a model with its card, its results and its training record.

    Only safetensors, configuration, tokenizer and record are published, by name; never a pickle.

    Parameters
    ----------
    folder:
        The adapter or model.
    to:
        Where at the hub: ORG/NAME; made where it is not there.
    run:
        A recorded run of these weights, whose results the card shows.
    baseline:
        The run that it is held against.
    cases:
        The cases that were answered; the shipped ones where not given.
    tools:
        Source of the toolboxes that the cases name.
    split:
        Of the cases.
    dataset:
        The benchmark's dataset at the hub, ORG/NAME, to which .eval_results belong; without it there is no such file.
    private:
        Make it for your eyes only.
    dry_run:
        List what would be published, and ask no network.
    """
    _check_id(to)
    request = Request(models=(run,), baseline=baseline, cases=cases or shipped_cases(), tools=tools, split=split)
    found = prepare(folder, judge_recorded(request, evidence=True), dataset)
    for name, path in found.files.items():
        say(f"{name}: {path.stat().st_size:,} bytes")
    for name, text in found.made.items():
        say(f"{name}: {len(text.encode()):,} bytes, made here")
    if found.left_out:
        say(f"left out: {', '.join(found.left_out)}")
    if dry_run:
        say(f"would publish {len(found.files) + len(found.made)} files to {to}")
        return
    say(f"published: {_upload(found, folder, to, private)}")


def _check_id(repo: str) -> None:
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils._validators import validate_repo_id

    try:
        validate_repo_id(repo)
    except HFValidationError:
        repo_is_id = False
    else:
        repo_is_id = repo.count("/") == 1
    if not repo_is_id:
        raise InputError(f"--to {repo!r} is no place at the hub", "Name it as ORG/NAME.")


def _upload(found: Publication, folder: Path, repo: str, private: bool) -> str:
    """Make the repository and one commit; the commit's address.

    Raises:
        EnvironmentFault: No token, no right, no network.
    """
    from huggingface_hub import CommitOperationAdd, HfApi, constants, get_token
    from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError

    token = get_token()
    if token is None:
        raise EnvironmentFault("no token of the hub is at hand", "Log in: hf auth login (or set HF_TOKEN)")
    again = f"toolmark models push {folder} --to {repo} …"
    api = HfApi(token=token)

    def fault(error: Exception) -> EnvironmentFault:
        said = " ".join(str(error).replace(token, "(token)").split())[:300]
        answer = getattr(error, "response", None)
        if answer is None:
            return EnvironmentFault(
                f"{constants.ENDPOINT} cannot be reached: {said or type(error).__name__}",
                f"Connect (and unset HF_HUB_OFFLINE), then give the same command again: {again}",
            )
        if answer.status_code in (401, 403):
            return EnvironmentFault(
                f"the token may not write to {repo}: {said}",
                "Make one that may at https://huggingface.co/settings/tokens, then: hf auth login",
            )
        return EnvironmentFault(f"the hub refused {repo}: {said}", f"Mend that, then: {again}")

    operations = [CommitOperationAdd(name, str(path)) for name, path in found.files.items()]
    operations += [CommitOperationAdd(name, text.encode()) for name, text in found.made.items()]
    try:
        try:
            api.model_info(repo, timeout=_PROBE_SECONDS)  # so that "no network" is said at once
        except RepositoryNotFoundError:
            api.create_repo(repo, private=private or None, exist_ok=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the hub's remarks on metadata that it takes
            commit = api.create_commit(repo, operations, commit_message="Toolmark: weights, card and results")
    except HfHubHTTPError as error:
        raise fault(error) from None
    except ValueError as error:
        if not str(error).startswith("Invalid metadata"):
            raise fault(error) from None
        raise InputError(f"the hub refuses the card: {error}", f"Correct {folder / 'README.md'}.") from None
    except Exception as error:  # the hub library's HTTP stack, and with it the type, differs between its versions
        raise fault(error) from None
    return str(commit.commit_url)
