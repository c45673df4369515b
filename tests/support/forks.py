"""`--forks N`: the tests run in N processes, forked from the one that has collected them.

    python -m pytest -p tests.support.forks --forks 3 -m unit

pytest-xdist, as in `make test`, imports and collects everything in each worker, and sends six messages for each test.
Where thousands of tests take milliseconds, that was a quarter of the processor's time. As there, a file is run by one
process, and the next file goes to whoever is free, in the order of tests/conftest.py.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import chain, groupby, pairwise
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess
from typing import Any

import pytest

Files = Sequence[Sequence[pytest.Item]]
PAUSE = 0.2  # seconds for which results may wait before they are shown


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--forks", type=int, default=0, metavar="N", help="run the tests in N forks of this process")


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    option = session.config.option
    if not option.forks or option.collectonly or option.usepdb or session.testsfailed:
        return None  # as ever: what has failed by now is the collection, and nobody talks with a fork
    session.config.pluginmanager.getplugin("terminalreporter").showfspath = False  # results of several files at a time
    _Run(session, [[*items] for _, items in groupby(session.items, key=lambda item: item.path)]).follow(option.forks)
    return True


class _Run:
    """The processes of one run, and the tests that have no result yet."""

    def __init__(self, session: pytest.Session, files: Files) -> None:
        self.session, self.files = session, files
        self.left = deque(range(len(files)))
        self.open = {item.nodeid: item for item in session.items}
        self.processes: dict[Connection, ForkProcess] = {}
        self.files_of: dict[Connection, list[int]] = {}

    def follow(self, count: int) -> None:
        """Runs the tests in `count` processes. A test is failed whose process has ended without its result."""
        _temporary(self.session.config).getbasetemp()  # the same for all
        try:
            for number in range(count):
                self._start(number)
            while self.processes:
                for connection in wait([*self.processes]):
                    assert isinstance(connection, Connection)
                    self._answer(connection)
        finally:
            for process in self.processes.values():
                process.terminate()
                process.join()
        self._fail([*self.open.values()], "it was not run: no process is left")

    def _start(self, number: int) -> None:
        ours, theirs = multiprocessing.get_context("fork").Pipe()
        unused = [ours, *self.processes]  # or nobody would see that the process at the other end is gone
        process = multiprocessing.get_context("fork").Process(
            target=_work, args=(self.session, self.files, theirs, unused, f"fork{number}")
        )
        process.start()
        theirs.close()
        self.processes[ours], self.files_of[ours] = process, []

    def _fail(self, items: Sequence[pytest.Item], why: str) -> None:
        for item in items:
            report = pytest.TestReport(item.nodeid, item.location, {}, "failed", why, "call")
            self.session.config.hook.pytest_runtest_logreport(report=report)
            del self.open[item.nodeid]

    def _answer(self, connection: Connection) -> None:
        """Takes results from a process, and gives it the next file where it asks for one."""
        try:
            events, asks = connection.recv()
        except (EOFError, ConnectionResetError):
            process = self.processes.pop(connection)
            process.join()
            items = [item for number in self.files_of[connection] for item in self.files[number]]
            why = f"it has no result: the process that ran its file has ended with status {process.exitcode}"
            self._fail([item for item in items if item.nodeid in self.open], why)
            return
        hook, config = self.session.config.hook, self.session.config
        for name, arguments in events:
            if "data" in arguments:
                arguments = {"report": hook.pytest_report_from_serializable(config=config, data=arguments["data"])}
            getattr(hook, name)(**arguments)
            if name == "pytest_runtest_logfinish":
                self.open.pop(arguments["nodeid"], None)
        if self.session.shouldfail:
            raise self.session.Failed(self.session.shouldfail)
        if asks:
            number = self.left.popleft() if self.left else None
            self.files_of[connection] += [] if number is None else [number]
            with suppress(BrokenPipeError):
                connection.send(number)


class _Results:
    """A plugin of a fork: what happens there, for the process that shows it."""

    def __init__(self, config: pytest.Config, connection: Connection) -> None:
        self.config, self.connection = config, connection
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.sent = time.monotonic()

    def send(self, asks: bool = False) -> None:
        """Sends what has happened; `asks` for another file."""
        self.connection.send((self.events, asks))
        self.events, self.sent = [], time.monotonic()

    def pytest_runtest_logstart(self, nodeid: str, location: tuple[str, int | None, str]) -> None:
        self.events.append(("pytest_runtest_logstart", {"nodeid": nodeid, "location": location}))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        data = self.config.hook.pytest_report_to_serializable(config=self.config, report=report)
        self.events.append(("pytest_runtest_logreport", {"data": data}))

    def pytest_runtest_logfinish(self, nodeid: str, location: tuple[str, int | None, str]) -> None:
        self.events.append(("pytest_runtest_logfinish", {"nodeid": nodeid, "location": location}))
        if time.monotonic() - self.sent > PAUSE:
            self.send()


def _work(
    session: pytest.Session, files: Files, connection: Connection, unused: Sequence[Connection], name: str
) -> None:
    """What a fork does: it runs the files that it is given until there are none."""
    for other in unused:
        other.close()
    _have_own(session.config, name)
    results = _Results(session.config, connection)
    session.config.pluginmanager.register(results)

    def items() -> Iterator[pytest.Item]:
        while True:
            results.send(asks=True)
            number = connection.recv()
            if number is None:
                return
            yield from files[number]

    with suppress(KeyboardInterrupt, EOFError, BrokenPipeError):  # the process that has started this one ends it
        # The next one is known before a test is run: fixtures of both are kept.
        for item, following in pairwise(chain(items(), [None])):
            assert item is not None
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if session.shouldfail or session.shouldstop:
                break
        results.send()


def _have_own(config: pytest.Config, name: str) -> None:
    """A fork shares open files with the others: what it captures and its folder for files are its own, and another
    process shows the results."""
    config.pluginmanager.unregister(name="terminalreporter")
    capture = config.pluginmanager.getplugin("capturemanager")
    capture.stop_global_capturing()
    capture.start_global_capturing()
    capture.suspend_global_capture()
    factory = _temporary(config)
    factory._basetemp = factory.getbasetemp() / name
    factory._basetemp.mkdir()
    # Forks share, as the workers of pytest-xdist do, the processes of tests/support/parents.py.
    os.environ["PYTEST_XDIST_WORKER"] = name


def _temporary(config: pytest.Config) -> pytest.TempPathFactory:
    factory: pytest.TempPathFactory = config._tmp_path_factory  # type: ignore[attr-defined]
    return factory
