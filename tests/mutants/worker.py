"""Runs tests in processes that are forked from one which has imported what most tests import: Python's start and these
imports take longer than the few tests that a mutant meets.

    python tests/mutants/worker.py      in the folder of the checkout that is tested

Each line of standard input is an order, `{"names": […], "variables": {…}, "log": PATH, "report": PATH}`. It is answered
by two lines: the process id, and, at the end, the exit status with the seconds of processor that it took.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

import pytest

RC = "COV_MUTANTS"  # the variable with the settings of coverage.py; the local AWS keeps what begins with COV_
OWN = ("generator", "scripts", "tests")
# What imports most of what others have written; what is ours is imported in each process anew.
IMPORTS = "generator.__main__, scripts.cli, hypothesis, boto3, yaml, rich.console, rich.table, rich.progress"


class Record:
    """A pytest plugin: how each test ended, how long it took, and which was the first that failed. Where coverage.py
    measures, it is told which test runs."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.seconds: dict[str, float] = {}
        self.failed: list[str] = []

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        measuring = sys.modules["coverage"].Coverage.current() if RC in os.environ else None
        if measuring:
            measuring.switch_context(item.nodeid)
        began = time.monotonic()
        try:
            return (yield)
        finally:
            self.seconds[item.nodeid] = round(time.monotonic() - began, 3)
            if measuring:
                measuring.switch_context("")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and report.nodeid not in self.failed:
            self.failed.append(report.nodeid)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.failed.append(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        self.file.write_text(json.dumps({"seconds": self.seconds, "failed": self.failed}), encoding="utf-8")


def main() -> None:
    sys.path[0] = str(Path.cwd())
    if Path("generator").is_dir():
        _import()
    gc.collect()
    gc.freeze()
    for line in sys.stdin.buffer:
        order = json.loads(line)
        child = os.fork()
        if child == 0:
            _become(order)
        print(child, flush=True)
        _, status, usage = os.wait4(child, 0)
        print(os.waitstatus_to_exitcode(status), round(usage.ru_utime + usage.ru_stime, 2), flush=True)


def _import() -> None:
    """Imports what others have written and the project uses, and nothing of the project: that may be changed."""
    program = f"import sys, {IMPORTS}; print(*sys.modules)"
    names = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False).stdout.split()
    for name in names:
        if name.partition(".")[0] not in (*OWN, "__main__"):
            with suppress(Exception):
                importlib.import_module(name)


def _become(order: dict[str, Any]) -> NoReturn:
    """This process as pytest, started with the variables of the order."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever a shell does to what runs in its background
    nothing, log = os.open(os.devnull, os.O_RDONLY), os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for number, file in ((0, nothing), (1, log), (2, log)):
        os.dup2(file, number)
    os.environ.update(order["variables"])
    if RC in os.environ:
        importlib.import_module("coverage").process_startup()
    words = ["-x"] if order["stops"] else []
    words += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]  # plugins were imported before
    words += ["-q", "-rfE", "-p", "no:cacheprovider", f"--tb={order['traceback']}", *order["names"]]
    sys.argv = ["pytest", *words]
    status = 3
    try:
        status = int(pytest.main(words, plugins=[Record(Path(order["report"]))]))
    except BaseException:
        traceback.print_exc()
    finally:
        with suppress(BaseException):
            atexit._run_exitfuncs()
        with suppress(BaseException):
            sys.stdout.flush()
        os._exit(status)


if __name__ == "__main__":
    main()
