"""The monthly estimate: from the rendered templates and a parameter file, line by line."""

from __future__ import annotations

import json
import re
import shutil
from argparse import Namespace
from pathlib import Path

import pytest

from generator.cfn.instance import stack_instances
from generator.cfn.templates import STACK, TemplateSet, from_bodies, load
from scripts import cost
from scripts.costs import show
from scripts.costs.estimate import PRICES, Estimate, PriceMissingError, estimate
from scripts.costs.rules import FORGOTTEN, FREE, RULES, Level
from scripts.deployment.errors import RefusedError
from tests.conftest import ROOT
from tests.support import commands
from tests.support.commands import Words


@pytest.fixture(scope="module")
def templates() -> TemplateSet:
    return load(ROOT / "templates")


def of(environment: str) -> Estimate:
    return cost.price(Namespace(environment=environment, templates=ROOT / "templates", params=ROOT / "params"))


def line(created: Estimate, what: str) -> Level:
    [only] = [line.cost for line in created.lines if line.what == what]
    return Level(*(round(value, 2) for value in only))


def test_every_type_is_priced_or_named_as_free(templates: TemplateSet) -> None:
    types = {resource.type for resource in templates.resources()}
    assert len(types) > 40
    assert not {kind for kind in types if kind not in RULES and not kind.startswith(FREE)}
    assert not {kind for kind in types if kind in RULES and kind.startswith(FREE)}


def test_another_logical_id_costs_the_same(templates: TemplateSet) -> None:
    """What a bucket holds is not told by its name."""
    bodies = templates.bodies()
    renamed = json.loads(json.dumps(bodies["storage"]).replace('"Artifacts"', '"Packages"'))
    assert "Packages" in renamed["Resources"] and "Artifacts" not in renamed["Resources"]

    def buckets(body: dict[str, object]) -> list[tuple[str, Level]]:
        stacks = stack_instances(from_bodies({**bodies, "storage": body})["storage"], {"ArtifactDays": "30"})
        return [(line.what, line.cost) for line in estimate("x", stacks).lines]

    assert {"artifacts", "access logs"} <= {what for what, _ in buckets(bodies["storage"])}
    assert buckets(renamed) == buckets(bodies["storage"])


def test_an_unknown_type_is_refused(templates: TemplateSet) -> None:
    bodies = templates.bodies()
    bodies["storage"]["Resources"]["Queue"] = {"Type": "AWS::SQS::Queue"}
    with pytest.raises(PriceMissingError, match=r"storage.Queue is a AWS::SQS::Queue.*rules.py"):
        estimate("x", stack_instances(from_bodies(bodies)["storage"], {"ArtifactDays": "30"}))


def test_prices_say_where_they_are_from_and_when() -> None:
    book = json.loads(PRICES.read_text(encoding="utf-8"))
    assert len(book["prices"]) > 20
    for name, price in book["prices"].items():
        assert price["source"] in book["sources"] and re.fullmatch(r"20\d\d-\d\d-\d\d", price["date"]), name
        assert price["usd"] > 0 <= price["free"], name
    for name, level in book["usage"].items():
        assert level["low"] <= level["high"] and level["says"], name


def test_beside_ours_stand_the_figures_of_the_design() -> None:
    """Line by line as its author wrote them (lines 777 to 785 of docs/design-lines.md), sum included."""
    page = (ROOT / "docs/design-lines.md").read_text(encoding="utf-8")
    written = {
        name.replace("ECS/Elastic", "ECS or Elastic").replace("Transfer", "transfer").replace("Storage", "storage"): [
            int(low),
            int(high or low),
        ]
        for name, low, high in re.findall(r"`- \*\*([\w/ ]+)\*\*: \$(\d+)(?:-(\d+))?/month", page)
    }
    assert of("production").design == {name: tuple(figures) for name, figures in written.items()}
    [(low, high)] = re.findall(r"Total Estimated Cost\*\*: \$(\d+)-(\d+)/month", page)
    assert [sum(figures[level] for figures in written.values()) for level in (0, 1)] == [int(low), int(high)]


def test_the_figures_follow_the_parameters() -> None:
    """By hand: 730 hours; one task of a quarter vCPU in staging, two of a half in production, up to four of them for a
    quarter of the time; one and two NAT gateways with an address each."""
    staging, production = of("staging"), of("production")
    assert line(staging, "vCPU of the tasks") == (7.39, 9.23)
    assert line(production, "vCPU of the tasks") == (29.55, 36.94)
    assert line(staging, "NAT gateways") == (32.85, 32.85) and line(production, "NAT gateways") == (65.7, 65.7)
    assert line(staging, "public addresses") == (3.65, 3.65) and line(production, "public addresses") == (7.3, 7.3)
    assert production.total().high > staging.total().high > staging.total().low > 0
    assert {line.category for line in staging.lines} == {*staging.design, FORGOTTEN}
    assert staging.total() == pytest.approx([sum(line.cost[level] for line in staging.lines) for level in (0, 1)])


def test_instances_of_elastic_beanstalk() -> None:
    """By hand: one t3.small with 10 GB, a second one for a quarter of the time; no task, no registry, no image."""
    created = of("beanstalk")
    assert line(created, "instances, t3.small") == (15.18, 18.98)
    assert line(created, "disks of the instances, 10 GB each") == (0.8, 1.0)
    assert not [line.what for line in created.lines if "tasks" in line.what or "registry" in line.what]
    [metrics] = [line.quantity for line in created.lines if line.what == "CPU and disk of the instances as metrics"]
    assert (metrics.low, metrics.high) == (2, 2.5)


def test_an_instance_type_without_a_price_is_refused(tmp_path: Path) -> None:
    params = shutil.copytree(ROOT / "params", tmp_path / "params")
    body = json.loads((params / "beanstalk.json").read_text(encoding="utf-8"))
    body["Parameters"]["InstanceType"] = "m7i.large"
    (params / "beanstalk.json").write_text(json.dumps(body), encoding="utf-8")
    with pytest.raises(RefusedError, match=r"no price 'ec2.m7i.large'; there are: .*ec2.t3.small"):
        cost.price(Namespace(environment="beanstalk", templates=ROOT / "templates", params=params))


def test_the_readme_says_what_each_environment_costs() -> None:
    rows = re.findall(r"^\| `(\w+)` \|.*\| (\d+ to \d+) \|$", (ROOT / "README.md").read_text(encoding="utf-8"), re.M)
    ready = {file.stem for file in (ROOT / "params").glob("*.json")} - {"shared", "local"}
    totals = {
        name: next(text for text in map(str, show.lines(of(name))) if text.startswith("  Total")) for name in ready
    }
    assert dict(rows) == {name: " ".join(total.split()[1:4]) for name, total in totals.items()}


def test_free_allowances_are_spent_once() -> None:
    builds = [line for line in of("staging").lines if line.category == "CodeBuild"]
    assert len(builds) == 1 and builds[0].free == 100
    assert builds[0].cost.high == pytest.approx((builds[0].quantity.high - 100) * builds[0].price)


@pytest.mark.parametrize(
    ("words", "status", "shown"),
    [
        (["staging"], 0, "staging: US dollars a month"),
        (["production", "--format", "markdown"], 0, "| CodePipeline |"),
        (["staging", "--format", "json"], 0, '"total"'),
        (["nowhere"], 64, "There are: "),
    ],
)
def test_the_command(words: list[str], status: int, shown: str) -> None:
    ended = commands.run(Words("scripts.cost", words))
    assert ended.returncode == status and shown in ended.stdout + ended.stderr
    if "json" in words:
        created = json.loads(ended.stdout)["result"]
        assert created["total"]["low"] == pytest.approx(sum(line["cost"][0] for line in created["lines"]))


def test_stacks_that_do_not_exist_cost_nothing(templates: TemplateSet) -> None:
    root = templates["environment"]
    values = {"BackendTarget": "NONE", "Environment": "x", "FrontendTarget": "CLOUDFRONT", "AWS::Region": "us-east-1"}
    stacks = stack_instances(root, values)
    assert [stack.path for stack in stacks if not stack.path] == [()] and ("Site",) in {stack.path for stack in stacks}
    assert not {("Backend",), ("Network",), ("Data",)} & {stack.path for stack in stacks}
    assert line(estimate("x", stacks), "keys") == (1, 1)
    assert not [line for line in estimate("x", stacks).lines if line.what == "NAT gateways"]
    assert all(
        resource.type == STACK or "Condition" not in resource.body
        for s in stacks
        for resource in s.template.resources.values()
    )
