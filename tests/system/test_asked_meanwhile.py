"""A client asks a released application without a pause, over HTTP, while its environment is updated; what it was
answered is compared with what docs/parameters.md promises.

What runs on this machine plays a part of it: the tasks of a service are one process, behind the distribution, which is
served; a new task answers before the old one ends, as ECS rolls, and what has no service any more ends. So an
interruption is seen that the update itself makes, by a revision that does not start or a service that goes.
`NOT_LOOKED_AT` is what no request on this machine goes through.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Event, Thread

import pytest

from generator.cfn.effects import ROWS, Row, find, rows_of
from scripts.rehearsal.keeping import kept_addresses
from tests.conftest import ROOT
from tests.support.commands import DEPLOY, Words, run
from tests.support.rehearsal.environments import DeployedEnvironment, command, deployed_environment
from tests.support.rehearsal.serving import ask

pytestmark = [pytest.mark.soak, pytest.mark.long]
SECONDS = 60.0
# What the page says of these is shown by the model of tests/local_aws/matrix.py at most, and by no request.
NOT_LOOKED_AT = (
    "a distribution that changes in place: it is served as it was when the rehearsal began",
    "the load balancer: its rules, weights, groups, certificates and subnets",
    "Elastic Beanstalk: its instances are replaced at once here",
    "open connections through a NAT gateway",
    "how long anything takes",
)


@dataclass
class Answers:
    """What a client was answered at one path: the processes that did, what they were told, and how often nobody did."""

    path: str
    sent: int = 0
    lost: int = 0
    processes: list[int] = field(default_factory=list)
    levels: set[str] = field(default_factory=set)

    def ask(self, url: str) -> None:
        self.sent += 1
        with suppress(OSError):
            answer = ask(url + self.path)
            if answer.status < 400:
                self._note(answer.body)
                return
        self.lost += 1

    def _note(self, body: bytes) -> None:
        with suppress(ValueError):  # the page
            shown = json.loads(body)
            self.levels.add(shown["level"])
            if shown["process"] not in self.processes:
                self.processes.append(shown["process"])


@dataclass
class Client:
    """Asks for the page and the API in turn."""

    url: str
    page: Answers = field(default_factory=lambda: Answers("/"))
    api: Answers = field(default_factory=lambda: Answers("/health"))

    def until(self, condition: Callable[[], object]) -> None:
        """Goes on asking until something is so."""
        deadline = time.monotonic() + SECONDS
        while not condition():
            assert time.monotonic() < deadline, self
            time.sleep(0.05)
        seen = self.api.sent
        while self.api.sent < seen + 20:
            time.sleep(0.05)


@contextmanager
def client(url: str) -> Iterator[Client]:
    """Asks within the block."""
    asking, done = Client(url), Event()

    def go_on() -> None:
        while not done.wait(0.01):
            asking.api.ask(url)
            asking.page.ask(url)

    thread = Thread(target=go_on)
    thread.start()
    try:
        asking.until(lambda: asking.api.processes)
        yield asking
    finally:
        done.set()
        thread.join()


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeployedEnvironment]:
    with deployed_environment(tmp_path_factory.mktemp("asked")) as environment:
        yield environment


@pytest.fixture(scope="module")
def url(here: DeployedEnvironment) -> Iterator[str]:
    """Where the released application answers; it is kept up as long as its account."""
    cache, application = here.folder / "kept", here.application("first")
    words = ["--app", application, "--cache", cache, "--programs", here.folder / "fakes", "--keep"]
    done = command(here, *map(str, words))
    assert done.returncode == 0, done.stdout + done.stderr
    here.deploy()  # the release is known from now on
    [address] = kept_addresses(cache).values()
    yield address


def update(here: DeployedEnvironment, **changes: str) -> str:
    """Updates the environment; what has to be named is, as the refusal asks for it."""
    here.parameters(**changes)
    folders = [word for name in ("templates", "params") for word in (f"--{name}", str(here.folder / name))]
    words = ["apply", "local", "--local-aws", str(here.run_file), *folders]
    refused = run(Words(DEPLOY, words))
    named = [word for each in re.findall(r"--allow-\w+ [\w.]+", refused.stderr) for word in each.split()]
    if refused.returncode:
        assert named, refused.stderr
        return here.script("apply", "local", *named)
    return refused.stdout


def promise(parameter: str, before: str, after: str) -> Row:
    """What the page says of a change of an environment on ECS."""
    values = {"BackendTarget": "ECS", "DeletionProtection": "false"}
    rows = rows_of(ROWS, "environment", parameter, covered={"LogLevel"})
    row = find(rows, parameter, {**values, parameter: before}, {**values, parameter: after})
    assert row
    text = (ROOT / "docs/parameters.md").read_text(encoding="utf-8")
    assert row.happens[1:] in text
    return row


@pytest.mark.parametrize(
    ("parameter", "before", "after", "more"),
    [("TaskCpu", "256", "512", {"TaskMemory": "1024"}), ("LogLevel", "INFO", "DEBUG", {})],
)
def test_new_tasks_interrupt_nothing(
    here: DeployedEnvironment, url: str, parameter: str, before: str, after: str, more: dict[str, str]
) -> None:
    assert promise(parameter, before, after).users.startswith("nothing; 3 to 6 minutes")
    with client(url) as asking:
        update(here, **{parameter: after}, **more)
        asking.until(lambda: len(asking.api.processes) > 1)
    assert asking.api.sent > 50 and (asking.api.lost, asking.page.lost) == (0, 0), asking
    if parameter == "LogLevel":
        assert asking.api.levels == {before, after}


def test_without_a_backend_the_page_stays_alone(here: DeployedEnvironment, url: str) -> None:
    assert promise("BackendTarget", "ECS", "NONE").users == "the API is gone; the page stays and cannot do anything"
    with client(url) as asking:
        shown = update(here, BackendTarget="NONE")
        asking.until(lambda: asking.api.lost)
        lost = asking.api.lost
        asking.until(lambda: asking.api.lost > lost + 20)
    assert asking.page.lost == 0 and asking.page.sent > 50, asking
    assert "the page stays" in " ".join(shown.split())


def test_what_is_not_looked_at_is_said_to_the_reader() -> None:
    page = " ".join((ROOT / "docs/parameters.md").read_text(encoding="utf-8").split())
    untried = page.partition("By no request looked at: ")[2].partition(". Minutes")[0]
    assert [
        text for text in ("distribution", "load balancer", "Elastic Beanstalk", "NAT gateway") if text not in untried
    ] == []
    assert len(NOT_LOOKED_AT) == 5 and "not measured" in page
