"""The pytest plug-in. `pytest suites/ --model M` scores candidates and runs checks on the scores.

1. Before collection, options are checked and cases are read.
2. Before the first check, every candidate answers every case, and the answers are judged.
3. The checks only read the figures.
4. At the end, the summary shows the comparison.

A mistake of the user ends pytest without a traceback. For this purpose, the error is raised as pytest's `UsageError`.
The outermost hook prints the error and returns its exit code.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import pytest

from toolmark.benchmark.candidates.recipes import Plan
from toolmark.benchmark.config.sources import Values
from toolmark.benchmark.core.errors import InputError, ToolmarkError
from toolmark.benchmark.core.interruption import how_to_continue, interruptible, note_interruption
from toolmark.benchmark.core.printing import printable
from toolmark.benchmark.core.progress import phase, phases_shown
from toolmark.benchmark.core.registry import load, names
from toolmark.benchmark.core.secrets import command_without_secrets, redacted
from toolmark.benchmark.core.unexpected_errors import defect_line, naming_system_faults
from toolmark.benchmark.evaluation.checked import Checked, checked
from toolmark.benchmark.evaluation.evaluate import Evaluation
from toolmark.benchmark.evaluation.floors import floors
from toolmark.benchmark.evaluation.header_lines import header_lines
from toolmark.benchmark.evaluation.job_summary import append_markdown
from toolmark.benchmark.evaluation.options import OPTIONS, add_options, read_options, request_of
from toolmark.benchmark.evaluation.recipe_making import plan_of
from toolmark.benchmark.evaluation.report_writing import check_report, write_report
from toolmark.benchmark.evaluation.terminal_observer import TerminalObserver
from toolmark.benchmark.scoring.metric_sets import checked_conversation_metrics, every_checked_metric
from toolmark.benchmark.scoring.metrics import metrics_on_request
from toolmark.benchmark.verdicts.comparison import Comparison

__all__: list[str] = []

_EVALUATION = pytest.StashKey[Evaluation]()
_ERROR = pytest.StashKey[ToolmarkError]()
_COMPARISON = pytest.StashKey[Comparison]()
_VALUES = pytest.StashKey[Values]()
_INTERRUPTED = pytest.StashKey[bool]()
_PLANS = pytest.StashKey[list[Plan]]()
_IMPOSSIBLE = pytest.StashKey[list[str]]()
"""Why checks are impossible. They count as failed, but say nothing about the candidate."""

_WORKERS = (
    "with -n, checks run in several processes, and each process would generate all completions again",
    "Leave -n out. It would not save time, because completions are generated before the checks.",
)

_CANDIDATES = ("model", "adapter", "deployed")
"""The options of which each names candidates. Without one of them, there is nothing to evaluate."""

Check = Callable[[str], None]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Register Toolmark's options."""
    add_options(parser.getgroup("toolmark", "toolmark: score tool calling"))


def _options(config: pytest.Config) -> Values:
    flags = {option.name: config.getoption(option.destination) for option in OPTIONS}
    inifile = config.inipath
    pyproject = inifile if inifile and inifile.name == "pyproject.toml" else config.rootpath / "pyproject.toml"
    return read_options({name: value for name, value in flags.items() if value is not None}, pyproject)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> Generator[None, Any, Any]:
    """Print a mistake of the user as one line, and return the exit code of the error."""
    try:
        code = yield
        if code == InputError.exit_code and (impossible := config.stash.get(_IMPOSSIBLE, [])):
            print(f"ERROR: cannot be checked: {printable(impossible[0])}", file=sys.stderr)  # noqa: T201
        return code
    except pytest.UsageError as error:
        if not isinstance(error.__cause__, ToolmarkError):
            raise
        print(f"ERROR: {printable(str(error.__cause__))}", file=sys.stderr)  # noqa: T201
        return error.__cause__.exit_code


def _uncaptured(config: pytest.Config) -> AbstractContextManager[None]:
    """Return a context in which text is printed to the terminal. Otherwise pytest would capture the text."""
    capture = config.pluginmanager.getplugin("capturemanager")
    disabled: AbstractContextManager[None] = capture.global_and_fixture_disabled()
    return disabled


def _usage_error(error: ToolmarkError) -> pytest.UsageError:
    usage = pytest.UsageError(printable(str(error)))
    usage.__cause__ = error
    return usage


def pytest_configure(config: pytest.Config) -> None:
    """Check options, specs and cases before collection.

    With `--help`, nothing is checked. So the help is shown even with invalid options or cases.
    """
    if config.getoption("help"):
        return
    try:
        with naming_system_faults():
            _configure(config)
    except ToolmarkError as error:
        raise _usage_error(error) from error


def _configure(config: pytest.Config) -> None:
    config.stash[_VALUES] = _options(config)
    for out in config.stash[_VALUES]["report"]:
        check_report(out)
    if any(config.getoption(f"toolmark_{name}") for name in _CANDIDATES):
        if _is_worker(config) or config.getoption("numprocesses", None):
            raise InputError(*_WORKERS)
        with _uncaptured(config), phases_shown(live=False), phase("reading the cases and the files of the models"):
            evaluation = _evaluation(config)
            # The plan of a recipe is shown only for a local base. For another base, planning can need the network.
            every = [contestant.candidate for contestant in evaluation.contestants] if evaluation else []
            plans = [plan_of(candidate) for candidate in every if candidate.kind == "local"]
        config.stash[_PLANS] = [plan for plan in plans if plan is not None]


def _is_worker(config: pytest.Config) -> bool:
    """Return whether this process is a worker of pytest-xdist. Each worker would generate all completions again."""
    return hasattr(config, "workerinput")


def _evaluation(config: pytest.Config) -> Evaluation | None:
    """Return the evaluation, or None if no candidate is given. The evaluation is prepared only once.

    If the candidate is given only in a file or an environment variable, the evaluation is prepared when a check is
    collected. So the other tests of the project run even if the candidate is not available.
    """
    values = config.stash[_VALUES]
    if _EVALUATION not in config.stash and any(values[name] for name in _CANDIDATES):
        block = ExitStack()
        # This is done only if a candidate is given: other tests of a project possibly need more time to end.
        block.enter_context(interruptible())
        config.add_cleanup(block.close)
        try:
            config.stash[_EVALUATION] = Evaluation(request_of(values))
        except InputError as error:
            raise values.located(error) from error
    return config.stash.get(_EVALUATION, None)


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Show cases, candidates, dialects, and the source of every option whose value is not the default."""
    changed = config.stash[_VALUES].changed
    options = [command_without_secrets(f"toolmark options: {', '.join(changed)}")] if changed else []
    if _EVALUATION not in config.stash:
        return [printable(line) for line in options]
    plans = config.stash[_PLANS]
    lines = header_lines(config.stash[_EVALUATION], plans)
    return [printable(line) for line in (*options, *lines)]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make each check run once for every contestant, and once for all trainings of a recipe."""
    if "check" in metafunc.fixturenames:
        stash = metafunc.config.stash
        evaluation = None
        if _ERROR not in stash:
            try:
                evaluation = _evaluation(metafunc.config)
            except ToolmarkError as error:
                stash[_ERROR] = error
        every = checked(evaluation.contestants) if evaluation else []
        metafunc.parametrize("check", every, ids=[one.name for one in every], indirect=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the checks of metrics that do not exist for the cases. For example, scenarios have no timing.

    Metrics that are checked only on request are also left out, except those in `--gate`.
    """
    evaluation = config.stash.get(_EVALUATION, None)
    if evaluation is None:
        other = {*checked_conversation_metrics(), *metrics_on_request()}
    else:
        other = {*every_checked_metric(), *metrics_on_request()} - set(evaluation.case_set.checked)
    left_out = [item for item in items if _metric(item) in other]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if _metric(item) not in other]


def _metric(item: pytest.Item) -> str | None:
    """Return the metric of a check of the suites. Return None for other tests."""
    names = getattr(item, "fixturenames", ())
    if "check" not in names and "prove_gold" not in names:
        return None
    callspec = getattr(item, "callspec", None)
    metric = None if callspec is None else callspec.params.get("metric")
    return metric if isinstance(metric, str) else None


def pytest_collection_finish(session: pytest.Session) -> None:
    """Raise an error if there are checks but no candidate. Otherwise pytest would pass without running a check.

    An error during the collection of the checks is stored, and raised here. Otherwise, pytest would print a traceback
    for each file, and end with the exit code of an interruption.
    """
    if _ERROR in session.config.stash:
        raise _usage_error(session.config.stash[_ERROR]) from session.config.stash[_ERROR]
    checks = [item for item in session.items if "check" in getattr(item, "fixturenames", ())]
    if checks and _EVALUATION not in session.config.stash and not session.config.getoption("collectonly"):
        error = InputError("no candidate was given", "Add a candidate, for example --model pocket")
        raise _usage_error(error) from error


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, Any, Any]:
    """Before the first check, generate the answers of all candidates to all cases, and judge the answers."""
    config = session.config
    try:
        with naming_system_faults():
            _generate(session)
        result = yield
        with naming_system_faults(), _uncaptured(config), phases_shown():
            _write_reports(config)
            _send_runs(config)
    except ToolmarkError as error:
        raise _usage_error(error) from error
    except KeyboardInterrupt as interrupted:
        config.stash[_INTERRUPTED] = True
        note_interruption()
        # The traceback is removed, because pytest would print the arguments of every call in it. For the tensors of the
        # engine, this takes seconds.
        raise interrupted.with_traceback(None) from None
    return result


def _generate(session: pytest.Session) -> None:
    """If a check is selected, generate the answers of all candidates to all cases, and judge the answers."""
    config = session.config
    wanted = any("check" in getattr(item, "fixturenames", ()) for item in session.items)
    if wanted and _EVALUATION in config.stash and not config.getoption("collectonly") and not _is_worker(config):
        evaluation = config.stash[_EVALUATION]
        with _uncaptured(config), phases_shown(live=not evaluation.has_recipes):
            report = bool(config.stash[_VALUES]["report"] or os.environ.get("GITHUB_STEP_SUMMARY"))
            config.stash[_COMPARISON] = evaluation.run(TerminalObserver(), report=report)


@pytest.hookimpl(wrapper=True)
def pytest_internalerror(
    excrepr: Any, excinfo: pytest.ExceptionInfo[BaseException]
) -> Generator[None, list[bool | None], list[bool | None]]:
    """Hide secrets in the traceback that pytest prints. After the traceback, print where to report a defect."""
    hidden = redacted(str(excrepr))
    excrepr.toterminal = lambda writer: writer.write(hidden)
    printed = yield
    modules = {str(entry.frame.f_globals.get("__name__")) for entry in excinfo.traceback} - {__name__}
    if any(module.startswith("toolmark.") for module in modules):
        print(defect_line(excinfo.value), file=sys.stderr)  # noqa: T201
    return printed


def pytest_keyboard_interrupt(excinfo: pytest.ExceptionInfo[BaseException]) -> None:
    """Remember an interruption in any phase of pytest. `pytest.exit` and `--stepwise` are not interruptions."""
    if excinfo.type is KeyboardInterrupt:
        note_interruption()


def _write_reports(config: pytest.Config) -> None:
    """Write the reports. Reports are written after the checks, so that an error cannot change the result of a check."""
    if _COMPARISON in config.stash:
        for out in config.stash[_VALUES]["report"]:
            write_report(config.stash[_COMPARISON], out)


def _send_runs(config: pytest.Config) -> None:
    """If runs are stored at an address, send them. The checks and the reports are then complete in any case."""
    if _COMPARISON in config.stash:
        with phase("sending the runs"):
            config.stash[_EVALUATION].send()


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """If the only failures are impossible checks, end with the exit code of a wrong input.

    The code for a failed check would say that the candidate is worse.
    """
    impossible = session.config.stash.get(_IMPOSSIBLE, [])
    if session.exitstatus == pytest.ExitCode.TESTS_FAILED and session.testsfailed == len(impossible):
        session.exitstatus = InputError.exit_code


@pytest.fixture
def check(request: pytest.FixtureRequest, record_property: Callable[[str, object], None]) -> Check:
    """Return a function that checks one metric, for example `check("timing.recall")`.

    The function records the figures of the contestant or the recipe. It fails if the contestant or the recipe is worse
    than the baseline, if a figure is below its floor, or if the check is impossible.
    """
    judged: Checked = request.param
    config = request.config
    if _is_worker(config):
        pytest.fail(" ".join(_WORKERS), pytrace=False)
    evaluation = config.stash[_EVALUATION]
    comparison = config.stash[_COMPARISON]
    limits = floors(evaluation.request, judged.contestants[0], evaluation.cases)

    def check_one(metric: str) -> None:
        for name, value in judged.properties(comparison, metric):
            record_property(name, value)
        gate = judged.gate(comparison, metric, limits.get(metric))
        if gate.state == "impossible":
            config.stash.setdefault(_IMPOSSIBLE, []).append(gate.reason)
            pytest.fail(f"cannot be checked: {gate.reason}", pytrace=False)
        if gate.state == "failed" or (gate.state == "inconclusive" and config.stash[_VALUES]["inconclusive"] == "fail"):
            pytest.fail(gate.reason, pytrace=False)
        if gate.state == "inconclusive":
            pytest.skip(f"inconclusive: {gate.reason}")

    return check_one


@pytest.fixture(scope="session")
def prove_gold(request: pytest.FixtureRequest) -> Iterator[Callable[[str], None]]:
    """Return a function that checks the gold (the right answers) of all cases under one metric.

    For example, `prove_gold("timing.recall")` makes answers from the gold. Perfect answers must score 1 on the metric,
    and planted wrong answers must score 0. The answers are written in the dialects of the candidates. If no candidate
    is given, all dialects are used.
    """
    from toolmark.benchmark.readers.case_selection import load_cases
    from toolmark.benchmark.scoring.execution import Executor
    from toolmark.benchmark.scoring.gold import GoldProof
    from toolmark.benchmark.tools.toolbox_names import named_tools

    options = request_of(request.config.stash[_VALUES])
    cases, _ = load_cases(options.cases, options.split, options.tools, options.skip_bad)
    evaluation = request.config.stash.get(_EVALUATION, None)
    used = {one.dialect.name for one in evaluation.contestants} if evaluation else names("toolmark.dialects")
    dialects = [load("toolmark.dialects", name)() for name in sorted(used)]
    named, trust = named_tools(options.tools).tools, options.trust_data_tools
    with Executor(options.execute, named, trust_data=trust) as executor:
        proofs = [GoldProof(cases, dialect, executor) for dialect in dialects]

        def prove(metric: str) -> None:
            faults = [fault for proof in proofs for fault in proof.faults(metric)]
            lines = [f"{case.source.ref} ({case.id}): {reason}" for case, reason in faults]
            if lines:
                what = f"{metric} grades the right or the wrong answers of these cases incorrectly:"
                pytest.fail(printable("\n".join([what, *lines])), pytrace=False)

        yield prove


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Show the comparison, and the paths of the reports. After an interruption, show how to continue."""
    if _INTERRUPTED in config.stash:
        terminalreporter.write_line(f"Every answer until now is kept. {how_to_continue()}")
    if _COMPARISON not in config.stash:
        return
    terminalreporter.section("toolmark")
    with _uncaptured(config):
        load("toolmark.renderers", "terminal")().render(config.stash[_COMPARISON], None)
    for out in config.stash[_VALUES]["report"]:
        terminalreporter.write_line(f"report: {out}")
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        try:
            append_markdown(config.stash[_COMPARISON], Path(summary))
        except ToolmarkError as error:  # The job has its result even without the summary.
            terminalreporter.write_line(f"warning: {printable(str(error))}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:  # noqa: ARG001
    """Hide secrets in the report of a test. The terminal and JUnit files show this report."""
    report = yield
    if (shown := str(report.longrepr)) != redacted(shown):
        skipped = report.longrepr if isinstance(report.longrepr, tuple) else None
        report.longrepr = (*skipped[:2], redacted(skipped[2])) if skipped else redacted(shown)
    report.sections = [(name, redacted(text)) for name, text in report.sections]
    report.user_properties = [
        (name, redacted(value) if isinstance(value, str) else value) for name, value in report.user_properties
    ]
    return report
