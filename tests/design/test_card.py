"""The words of the card: what kind of thing this is, of which packages, in which folders."""

import configparser
import importlib
import json
import re

from generator.cfn.permissions import permissions
from generator.cfn.templates import TemplateSet
from generator.version import VERSION
from tests.support.design import ROOT

PACKAGES = {"troposphere", "awacs", "cfn-lint", "boto3", "pytest"}
PLACES = ("generator", "templates", "params", "buildspecs", "scripts", "tests", "setup.cfg", "Makefile")


def test_the_words_of_the_card(templates: TemplateSet) -> None:
    assert [name for name in PLACES if not (ROOT / name).exists()] == []
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    listed = "\n".join([setup["options"]["install_requires"], *setup["options.extras_require"].values()])
    assert {re.split(r"[\[<>=~! ]", line.strip())[0] for line in listed.splitlines() if line.strip()} >= PACKAGES
    # Versioned JSON: the version stands in each root, and says more than that there is one.
    assert {root.metadata["Generator"].get("Version") for root in templates.roots()} == {VERSION}
    assert f"## {VERSION}\n" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    for file in sorted((ROOT / "templates").glob("*.json")):
        assert json.loads(file.read_text(encoding="utf-8"))["AWSTemplateFormatVersion"] == "2010-09-09"
    # Nested stacks, each of them a child of the one root.
    assert {child.template.name for child in templates["environment"].children()} >= {"pipeline", "backend", "site"}


def test_modules_make_resources_and_awacs_their_permissions(templates: TemplateSet) -> None:
    """Troposphere knows every type; awacs knows every action, and what is a pattern limits or forbids."""
    for template in templates:
        module = str(template.metadata["Generator"]["Module"])
        places = (ROOT / f"{module.replace('.', '/')}.py", ROOT / module.replace(".", "/") / "__init__.py")
        assert any(place.is_file() for place in places), module
    holders = set()
    for permission in permissions(templates):
        holders.add(permission.holder)
        for action in permission.actions:
            if "*" in action:
                assert not permission.allows or permission.holder == "access.RoleBoundary", permission
                continue
            service, _, name = action.partition(":")
            assert hasattr(importlib.import_module(f"awacs.{service.replace('-', '_')}"), name), action
    assert {"pipeline.PipelineRole", "access.DeployRole"} <= holders
