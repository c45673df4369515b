"""What holds for every test: what the machine cannot run is said on the last line, and fails when STRICT=1, because a
skipped test must not look green; a test that hangs fails by its name; `--shuffle SEED` runs the tests in another order.
"""

from __future__ import annotations

import faulthandler
import gc
import json
import os
import random
import signal
import sys
from collections.abc import Generator
from functools import lru_cache
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
STRICT = os.environ.get("STRICT") == "1"
# The two reasons that are no failure with STRICT=1: a shallow clone, as CI makes them, has no earlier revisions; and an
# engine for containers is the user's, and no machine has all three. What was not run for them is listed all the same.
NO_HISTORY, NO_ENGINE = "this clone has no history", "no engine of this name answers"
# An engine of the user's would pull images from the internet: for the tests there is none. Podman and buildah end at
# once without their file for storage.
os.environ["DOCKER_HOST"] = "tcp://127.0.0.1:1"
os.environ["CONTAINERS_STORAGE_CONF"] = "/dev/null/none"
# Each of the hundreds of processes of the suite would compile the checkout again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
# In the background of a script nobody listens to an interrupt, and no process of the suite would.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
# cfn-lint and moto make millions of small objects: looking for garbage all the time costs a sixth of the time.
gc.set_threshold(100_000)
NOT_RUN: list[str] = []
# Files of botocore's models that stay in memory: what a few modules of tests ask again and again. All would be 2 GB.
MODELS = 128
SOAK: list[int] = []  # how many tests each worker leaves to `make soak`
DASHBOARD: list[int] = []  # and how many because they know other facts than those that are here
# Minutes long, and asked for by name: no part of the suite.
collect_ignore = [] if os.environ.get("SLOW") == "1" else ["rehearsal/test_create_react_app.py"]
# The files that take longest, longest first: a worker that begins one of them last works on alone at the end.
LONGEST = (
    "test_style.py",  # mypy begins from nothing in a new clone
    "system/test_rehearse.py",
    "generator/test_command.py",
    "buildspecs/test_backend.py",
    "system/test_as_roles.py",
    "system/test_documents.py",
    "buildspecs/test_frontend.py",
    "options/test_deploying.py",
    "review/test_review.py",
    "system/test_deploy.py",
    "buildspecs/test_push.py",
    "system/test_bootstrap.py",
    "gate/test_rules.py",
    "system/test_domain.py",
    "system/test_saved_plans.py",
    "system/test_rehearse_beanstalk.py",
    "rehearsal/test_browser.py",
    "system/test_what_runs.py",
    "gate/test_reachability.py",
    "system/test_plan.py",
    "local_aws/test_server.py",
    "system/test_answers.py",
    "system/test_fences.py",
    "local_aws/test_access.py",
    "local_aws/test_impatience.py",
    "gate/test_role_needs_faults.py",
    "system/test_watching.py",
    "review/test_verdict.py",
    "local_aws/test_proof.py",
    "gate/test_lint.py",
    "system/test_core_alone.py",
    "system/test_previews.py",
    "rehearsal/test_application.py",
    "local_aws/test_rows.py",
    "system/test_against.py",
    "review/test_version.py",
    "system/test_exit_door.py",
    "system/test_review_comes_true.py",
    "system/test_kept.py",
    "system/test_operations.py",
    "generator/test_application.py",
    "rehearsal/test_clean_environment.py",
    "destructive/test_scenes.py",
    "local_aws/test_in_use.py",
    "local_aws/test_findings.py",
    "local_aws/test_matrix.py",
    "mutants/test_tool.py",
    "destructive/test_kills.py",
    "system/test_bad_day.py",
    "review/test_oldest.py",
    "gate/test_security_tools.py",
    "system/test_rehearse_options.py",  # in the soak, as those after it
    "system/test_second_life.py",
    "options/test_pairwise.py",
    "system/test_applications.py",
)
# Those of them that need no server and yet are no part of `make unit`; `make check` runs them where a change is near.
TOO_LONG_FOR_UNIT = ("gate/test_reachability.py", "generator/test_application.py", "review/test_oldest.py")
# The same of `make unit`, whose files are short: a second or more of a processor each, and a third of it all.
# `make check` runs them for a change of what they are about.
DEAREST_OF_UNIT = (
    "gate/test_ledger.py",
    "deployment/test_aws.py",
    "gate/test_parameter_page.py",
    "gate/test_report.py",
    "review/test_weaker.py",
    "operations/test_preflight.py",
    "cfn/test_parameters.py",
    "cfn/test_evaluate.py",
    "generator/test_rendering.py",
    "review/test_drawn.py",
    "review/test_command.py",
    "operations/test_own_buildspecs.py",
    "cli/test_git.py",
    "cfn/test_schemas.py",
    "deployment/test_running.py",
)
LONGEST_FILES = frozenset(ROOT / "tests" / name for name in LONGEST)
ORDER = {ROOT / "tests" / name: place for place, name in enumerate((*LONGEST, *DEAREST_OF_UNIT))}
# Which marker a test has, by its folder; docs/developing.md says what they are for.
UNIT = ("cfn", "check", "cli", "costs", "deployment", "design", "gate", "generator", "lookup", "operations", "review")
# In one of these folders, and yet whole programs, one process for each test.
PROGRAMS = (
    "cli/test_command.py",
    "cli/test_console.py",
    "cli/test_credentials.py",
    "cli/test_loopback.py",
    "cli/test_set_up.py",
    "operations/test_migrate.py",
    "review/test_page.py",
)
SLOW = (*LONGEST, "cli/test_make.py", "test_conformance.py")
# Seconds that a test may take, with what it sets up; those of the longest files more. Long enough for a busy machine.
LIMIT, LONG_LIMIT = float(os.environ.get("TEST_LIMIT", "600")), 1800.0
GRACE = 60.0  # seconds after which a test that does not let itself be ended takes its process with it


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--shuffle", type=int, metavar="SEED", help="files, and the tests in each, in an order by chance")


def marker(file: Path) -> str:
    """`slow`, `unit` (no server, no browser) or `system`, by the place of a test's file."""
    tests = ROOT / "tests"
    if not file.is_relative_to(tests):  # of a folder that has a copy of this file
        return "unit"
    name = file.relative_to(tests).as_posix()
    if name in SLOW:
        return "slow"
    return "unit" if name.partition("/")[0] in UNIT and name not in PROGRAMS else "system"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """The modules of other tests need not be imported for `-m unit`."""
    if config.option.markexpr != "unit":
        return None
    if collection_path.parent == ROOT / "tests" and collection_path.is_dir():
        return True if collection_path.name not in UNIT else None
    return True if collection_path.name.startswith("test_") and marker(collection_path) != "unit" else None


def _leave_to_soak(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Takes the tests marked `soak` out, unless they are asked for by the marker or by name."""
    if "soak" in config.option.markexpr or any("::" in name for name in config.args):
        return
    left = [item for item in items if item.get_closest_marker("soak")]
    items[:] = [item for item in items if item not in left]
    config.hook.pytest_deselected(items=left)
    if hasattr(config, "workeroutput"):
        config.workeroutput["soak"] = len(left)
    else:
        SOAK.append(len(left))


def _leave_the_dashboards(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Takes the tests that know the Cloud Health Dashboard out, while the facts are another application's."""
    from generator.application import APPLICATION
    from tests.support.dashboard import NAME, knows

    if APPLICATION.name == NAME:
        return
    known = {file for file in {item.path for item in items} if knows(file)}
    left = [item for item in items if item.path in known or knows(item.path, getattr(item, "originalname", ""))]
    kept = {*items} - {*left}
    items[:] = [item for item in items if item in kept]
    config.hook.pytest_deselected(items=left)
    if hasattr(config, "workeroutput"):
        config.workeroutput["dashboard"] = len(left)
    else:
        DASHBOARD.append(len(left))


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """A worker has ended."""
    output = getattr(node, "workeroutput", {})
    SOAK.append(output.get("soak", 0))
    DASHBOARD.append(output.get("dashboard", 0))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    _leave_to_soak(config, items)
    _leave_the_dashboards(config, items)
    for item in items:
        if item.get_closest_marker("slow") is None:
            item.add_marker(marker(item.path))
    items.sort(key=lambda item: ORDER.get(item.path, len(ORDER)))
    seed = config.getoption("--shuffle")
    if seed is None:
        return
    chance, by_file = random.Random(seed), dict[Path, list[pytest.Item]]()
    for item in items:
        by_file.setdefault(item.path, []).append(item)
    files = list(by_file.values())
    chance.shuffle(files)
    for tests in files:  # a file stays together: its fixtures are made once
        chance.shuffle(tests)
    items[:] = [item for tests in files for item in tests]


def pytest_collection_finish() -> None:
    """What is imported now stays: looking for garbage need not go through it again and again, nor botocore read the
    models of its services for each session."""
    gc.collect()
    gc.freeze()
    if loaders := sys.modules.get("botocore.loaders"):
        loaders.JSONFileLoader.load_file = lru_cache(MODELS)(loaders.JSONFileLoader.load_file)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """A test that takes longer than it may fails, and its traceback shows where it was."""
    limit = LONG_LIMIT if "TEST_LIMIT" not in os.environ and item.path in LONGEST_FILES else LIMIT

    def end(_number: int, _frame: FrameType | None) -> None:
        signal.setitimer(signal.ITIMER_REAL, 5.0)  # again, should something catch it
        pytest.fail(f"{item.nodeid} took longer than {limit:g} s")

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, limit)
    faulthandler.dump_traceback_later(limit + GRACE, exit=True)
    try:
        return (yield)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        faulthandler.cancel_dump_traceback_later()


@pytest.fixture(autouse=True)
def _hints_of_nobody() -> Generator[None]:
    """How hints are spelled is the command's that ran last: no test may depend on the one before it."""
    yield
    if module := sys.modules.get("scripts.terminal.hints"):
        module.use(module.Spelling())


@pytest.fixture(scope="session", autouse=True)
def _templates_stay_as_they_are() -> Generator[None]:
    """Files with the same bytes are one set for all tests of a process: who changes a body changes it for everybody."""
    yield
    if (module := sys.modules.get("generator.cfn.templates")) and (ROOT / "templates").is_dir():
        for template in module.load(ROOT / "templates"):
            text = (ROOT / "templates" / template.file).read_text(encoding="utf-8")
            assert template.body == json.loads(text), f"a test has changed the set of {template.file} in place"


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return ROOT


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(call: pytest.CallInfo[None]) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    excused = report.skipped and any(reason in str(report.longrepr) for reason in (NO_HISTORY, NO_ENGINE))
    if STRICT and report.skipped and not excused and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"STRICT=1: this must run here: {call.excinfo.value if call.excinfo else 'skipped'}"
    return report


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        NOT_RUN.append(f"{report.nodeid} ({reason.removeprefix('Skipped: ')})")


def pytest_unconfigure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput") or config.option.collectonly:
        return
    if left := max(DASHBOARD, default=0):
        print(f"\nleft out: {left} tests that know the Cloud Health Dashboard, because other facts are here", end="")
    if left := max(SOAK, default=0):
        print(f"\nleft to `make soak`: {left} tests", end="")
    print("\nnot run: " + ("; ".join(NOT_RUN) if NOT_RUN else "nothing"))
