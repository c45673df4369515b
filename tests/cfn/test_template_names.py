"""Names of parameters and outputs that scripts read: written once, and known to the templates."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from generator.cfn import template_names
from generator.cfn.environments import EDGE, ENVIRONMENT, SHARED
from generator.cfn.names import ACCESS_ROOTS
from tests.conftest import ROOT
from tests.support.sources import nodes

# AWS has the same words for properties, fields and dimensions of its own; these files read those.
FOREIGN: dict[str, set[str]] = {
    "scripts/operations/optional_parts.py": {"PlatformArn"},  # of ListPlatformVersions
    "scripts/operations/certificates.py": {"CertificateArn"},  # of a listener
    "scripts/operations/living.py": {"TargetGroups"},  # of a rule's action
    "scripts/operations/own_buildspecs.py": {"FrontendAssets"},  # an artifact of the pipeline
    "scripts/review/loss.py": {"DeletionProtection"},  # of resources that can be protected
    "scripts/rehearsal/actions.py": {"RepositoryName", "ConnectionArn", "BranchName"},  # of a CodePipeline action
    "scripts/rehearsal/engine.py": {"BranchName", "RepositoryName"},  # the same
    "scripts/rehearsal/edge/sites.py": {"DistributionId", "DomainName"},  # of CloudFront
    "scripts/rehearsal/edge/distribution.py": {"DomainName", "PriceClass"},  # the same
    "scripts/rehearsal/runtime/ecs.py": {"TargetGroups"},  # of ECS
    "scripts/rehearsal/permissions.py": {"TopicArn"},  # of SNS
    "scripts/rehearsal/state_machine.py": {"TopicArn"},  # the same
}


ROOTS = (SHARED, *ACCESS_ROOTS, EDGE, ENVIRONMENT)


@cache
def names_of_the_roots() -> frozenset[str]:
    bodies = [json.loads((ROOT / f"templates/{root}.json").read_text()) for root in ROOTS]
    return frozenset(name for body in bodies for part in ("Parameters", "Outputs") for name in body.get(part, ()))


def constants() -> set[str]:
    values = [value for name, value in vars(template_names).items() if name.isupper()]
    return {name for value in values for name in ([value] if isinstance(value, str) else value)}


def literals(source: str, names: frozenset[str]) -> Iterator[tuple[int, str]]:
    """The strings in a program that are such a name, each with its line."""
    if not any(name in source for name in names):  # most programs: they need not be read as trees
        return
    for node in nodes(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in names:
            yield node.lineno, node.value


def programs() -> list[Path]:
    """The local AWS is left out: its strings are the names of AWS's properties."""
    return [file for file in sorted((ROOT / "scripts").rglob("*.py")) if "local_aws" not in file.parts]


def test_every_constant_is_a_parameter_or_an_output() -> None:
    assert len(constants()) > 30 and constants() <= names_of_the_roots()


def test_every_constant_is_read() -> None:
    text = "".join(file.read_text(encoding="utf-8") for file in programs())
    assert [name for name in vars(template_names) if name.isupper() and name not in text] == []


@pytest.mark.parametrize("file", programs(), ids=lambda file: str(file.relative_to(ROOT)))
def test_no_program_writes_such_a_name_itself(file: Path) -> None:
    own = FOREIGN.get(file.relative_to(ROOT).as_posix(), set())
    names = names_of_the_roots() - own - {"Environment"}  # a tag, and a property of CodeBuild's projects
    assert list(literals(file.read_text(encoding="utf-8"), names)) == []


def test_a_name_that_is_written_is_seen() -> None:
    planted = (
        'def image(stack):\n    return stack.outputs.get("RunningService", f"{stack.parameters[\'BackendImage\']}")\n'
    )
    assert sorted(literals(planted, names_of_the_roots())) == [(2, "BackendImage"), (2, "RunningService")]
