"""A client asks a released application without a pause, over HTTP, while its environment is updated; what it was
answered is compared with what docs/parameters.md promises.

What runs on this machine plays a part of it: the tasks of a service and the instances of an environment are one
process, behind the distribution, which is served as it is configured; a new process answers before the old one ends,
and what has no service any more ends. So an interruption is seen that the update itself makes: by a revision that does
not start, a service that goes, a distribution that leads nowhere. `NOT_LOOKED_AT` is what no request here goes through.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread

import pytest

from generator.cfn.effects import ROWS, Row, find, rows_of
from generator.gate.effects import DISTRIBUTION, INSTANCES, REQUESTS, SERVICE, SHOWN
from scripts.rehearsal.keeping import kept_addresses
from tests.conftest import ROOT
from tests.support.commands import DEPLOY, Words, run
from tests.support.rehearsal.environments import STACK, DeployedEnvironment, choosing, command, deployed_environment
from tests.support.rehearsal.serving import ask

pytestmark = [pytest.mark.soak, pytest.mark.long]
SECONDS = 60.0
# What the page says of these is shown by the model of tests/local_aws/matrix.py at most, and by no request.
NOT_LOOKED_AT = {
    "names, certificates, and what an edge location still has": "a distribution is one server here",
    "a load balancer that requests go through, and connections through a NAT gateway": "there is none here",
}
# Changes that leave tasks and instances alone, of every kind of resource that they reach: one update carries them out.
IN_PLACE = {
    "DeletionProtection": "true",
    "ExecutionMode": "SUPERSEDED",
    "ImagesKept": "200",
    "LatencyAlarmSeconds": "3",
    "MaximumTasks": "6",
    "MonthlyBudget": "61",
    "PriceClass": "PriceClass_All",
    "TransferAcceleration": "Enabled",
}
ZONE = "cloud-health.test"
GONE = "the API is gone, and its addresses answer with the page, which stays and cannot do anything"


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
        try:
            answer = ask(url + self.path)
            answered = answer.status < 400 and (self.path == "/" or self._note(answer.body))
        except OSError:
            answered = False
        self.lost += not answered

    def _note(self, body: bytes) -> bool:
        """What the application says of itself; False for a page in its place."""
        try:
            shown = json.loads(body)
        except ValueError:
            return False
        self.levels.add(shown["level"])
        if shown["process"] not in self.processes:
            self.processes.append(shown["process"])
        return True


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
    with kept(here) as address:
        yield address


@contextmanager
def kept(environment: DeployedEnvironment) -> Iterator[str]:
    """A released application that is kept up, and where it answers."""
    cache, application = environment.folder / "kept", environment.application("first")
    words = ["--app", application, "--cache", cache, "--programs", environment.folder / "fakes", "--keep"]
    done = command(environment, *map(str, words))
    assert done.returncode == 0, done.stdout + done.stderr
    [address] = kept_addresses(cache).values()
    before = deployment(environment)
    with client(address) as asking:
        environment.deploy()  # the release is known from now on
        if deployment(environment) != before:  # and its tasks run before anything else is changed
            asking.until(lambda: len(asking.api.processes) > 1)
    yield address


def deployment(environment: DeployedEnvironment) -> str:
    """The newest deployment of the environment's service; empty where it has none."""
    for cluster in environment.aws.call("ecs", "list_clusters")["clusterArns"]:
        for service in environment.aws.call("ecs", "list_services", cluster=cluster)["serviceArns"]:
            [shown] = environment.aws.call("ecs", "describe_services", cluster=cluster, services=[service])["services"]
            return str(shown["deployments"][0]["id"])
    return ""


def update(here: DeployedEnvironment, **changes: str) -> str:
    """Updates the environment; what has to be named is, as the refusal asks for it."""
    here.parameters(**changes)
    folders = [word for name in ("templates", "params") for word in (f"--{name}", str(here.folder / name))]
    words = ["apply", "local", "--local-aws", str(here.run_file), *folders]
    refused = run(Words(DEPLOY, words))
    if refused.returncode == 0:
        return refused.stdout
    text = refused.stdout + refused.stderr
    options = {each for each in re.findall(r"--allow-\w+ [\w.]+", text) if not each.startswith("--allow-broader")}
    assert options or "--allow-broader" in text, text
    return here.script(
        "apply", "local", "--allow-broader", *(word for each in sorted(options) for word in each.split())
    )


def promise(here: DeployedEnvironment, parameter: str, after: str) -> Row:
    """What the page says of a change of the environment as it is."""
    [stack] = here.aws.call("cloudformation", "describe_stacks", StackName=STACK)["Stacks"]
    values = {each["ParameterKey"]: each["ParameterValue"] for each in stack["Parameters"]}
    rows = rows_of(ROWS, "environment", parameter, covered={"LogLevel"})
    row = find(rows, parameter, values, {**values, parameter: after})
    assert row, f"{parameter} is {after} already"
    text = (ROOT / "docs/parameters.md").read_text(encoding="utf-8")
    assert row.happens[1:] in text
    return row


@pytest.mark.parametrize(
    ("changes", "more"),
    [
        ({"TaskCpu": "512"}, {"TaskMemory": "1024"}),
        ({"LogLevel": "DEBUG"}, {}),
        ({"TargetGroups": "TWO"}, {}),
        ({"DataTables": "EXISTING"}, {}),
    ],
    ids=["cpu", "level", "groups", "tables"],
)
def test_new_tasks_interrupt_nothing(
    here: DeployedEnvironment, url: str, changes: dict[str, str], more: dict[str, str]
) -> None:
    for parameter, value in changes.items():
        assert promise(here, parameter, value).users.startswith("nothing")
    with client(url) as asking:
        update(here, **changes, **more)
        asking.until(lambda: len(asking.api.processes) > 1)
    assert asking.api.sent > 50 and (asking.api.lost, asking.page.lost) == (0, 0), asking
    if "LogLevel" in changes:
        assert asking.api.levels == {"INFO", "DEBUG"}


def test_what_changes_in_place_interrupts_nothing(here: DeployedEnvironment, url: str) -> None:
    for parameter, value in IN_PLACE.items():
        assert promise(here, parameter, value).users.startswith("nothing"), parameter
    with client(url) as asking:
        update(here, **IN_PLACE)
        asking.until(lambda: True)
    assert asking.api.sent > 50 and (asking.api.lost, asking.page.lost) == (0, 0), asking
    assert len(asking.api.processes) == 1, "and the tasks are those of before"
    update(here, DeletionProtection="false")


def test_a_domain_interrupts_nothing(here: DeployedEnvironment, url: str) -> None:
    """What serves it in us-east-1, the distribution, its records and new tasks, in one deployment."""
    assert promise(here, "DomainName", f"asked.{ZONE}").users.startswith("nothing")
    zone = here.aws.call("route53", "create_hosted_zone", Name=ZONE, CallerReference="asked")["HostedZone"]["Id"]
    with client(url) as asking:
        update(here, DomainName=f"asked.{ZONE}", HostedZoneId=zone.rpartition("/")[2])
        asking.until(lambda: len(asking.api.processes) > 1)
    assert asking.api.sent > 50 and (asking.api.lost, asking.page.lost) == (0, 0), asking


def test_new_instances_interrupt_nothing(tmp_path: Path) -> None:
    with deployed_environment(tmp_path, lambda folder: choosing(folder, BackendTarget="BEANSTALK")) as there:
        changes = {"LogLevel": "DEBUG", "InstanceType": "t3.medium"}
        with kept(there) as address, client(address) as asking:
            for parameter, value in changes.items():
                assert promise(there, parameter, value).users.startswith("nothing")
            update(there, **changes)
            asking.until(lambda: "DEBUG" in asking.api.levels)
        assert asking.api.sent > 50 and (asking.api.lost, asking.page.lost) == (0, 0), asking
        assert asking.api.levels == {"INFO", "DEBUG"}


def test_without_a_backend_the_page_stays_alone(here: DeployedEnvironment, url: str) -> None:
    assert promise(here, "BackendTarget", "NONE").users == GONE
    with client(url) as asking:
        shown = update(here, BackendTarget="NONE")
        asking.until(lambda: asking.api.lost)
        lost = asking.api.lost
        asking.until(lambda: asking.api.lost > lost + 20)
    assert asking.page.lost == 0 and asking.page.sent > 50, asking
    assert GONE in " ".join(shown.split())


def test_what_is_not_looked_at_is_said_to_the_reader() -> None:
    page = " ".join((ROOT / "docs/parameters.md").read_text(encoding="utf-8").split())
    untried = re.findall(r"Not looked at: (.*?)\.(?: - |$| Without)", page)
    assert untried == list(NOT_LOOKED_AT) and "not measured" in page


def test_what_the_page_says_is_shown_by_requests_is_asked_for() -> None:
    """Every type of which it says so changes in one of the updates here."""
    assert {kind for kind, word in SHOWN.items() if word == REQUESTS} == {DISTRIBUTION, INSTANCES, SERVICE}
