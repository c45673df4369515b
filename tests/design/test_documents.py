"""The pages that people work by say what is so: alarms, targets, files, verbs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from generator.cfn.templates import TemplateSet
from scripts.cli import VERBS, parser
from scripts.deployment.errors import Exit
from tests.support.design import ROOT

ALARM = "AWS::CloudWatch::Alarm"
PAGES = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md"]
# One page quotes the design, whose commands and files are the application's.
OWN = [page for page in PAGES if page.name != "design-lines.md"]


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_every_alarm_has_a_section_in_the_runbook_that_its_message_names(templates: TemplateSet) -> None:
    runbook = text("docs/runbook.md")
    alarms = list(templates.resources(ALARM))
    assert len(alarms) > 10
    for alarm in alarms:
        assert f"Runbook: docs/runbook.md#{alarm.logical_id.lower()}" in str(alarm.get("AlarmDescription")), (
            alarm.address
        )
        section = re.search(rf"^### {alarm.logical_id}\n(.*?)(?=^##)", runbook, re.M | re.S)
        assert section, alarm.address
        # CloudWatch's name of the alarm, where another stack has an alarm of the same title.
        own_name = alarm.get("AlarmName")["Fn::Sub"].rpartition("-")[2]
        assert own_name == alarm.logical_id or f"`{own_name}`" in section[1], alarm.address
    sections = re.findall(r"^### (\w+)$", runbook.partition("## Alarms")[2].partition("\n## ")[0], re.M)
    assert sorted(sections) == sorted({alarm.logical_id for alarm in alarms})


# What the design wants done regularly, and looked at when something fails: the row or heading, and what it says.
CALENDAR = {
    "weekly": "build logs and patterns of failure",
    "monthly": "dependencies and security patches",
    "quarterly": "cost",
    "yearly": "recovery from a disaster",
}
TROUBLES = {
    "Build timeout": "`BuildTimeoutMinutes`",
    "Permission denied": "(permissions.md)",
    "Artifact not found": "permissions for the artifact bucket",
    "Deployment failed": "health check of the load balancer",
}


def missing_in_the_runbook(page: str) -> set[str]:
    """What of the design's maintenance and troubleshooting (lines 807 to 819) a runbook does not have."""
    rows = re.findall(r"^\| (\w+) \| ([^|]+) \|", page, re.M)
    sections = dict(re.findall(r"^### ([^\n]+)\n(.*?)(?=^##)", page, re.M | re.S))
    regular = {often for often, what in CALENDAR.items() if not any(o == often and w.startswith(what) for o, w in rows)}
    return regular | {title for title, text in TROUBLES.items() if text not in sections.get(title, "")}


def test_the_runbook_has_the_calendar_and_the_troubles_of_the_design() -> None:
    page = text("docs/runbook.md")
    assert missing_in_the_runbook(page) == set()
    assert "**The yearly rehearsal of a disaster**" in page
    for title, sentence in (CALENDAR | TROUBLES).items():
        taken_out = page.replace(f"| {title} | {sentence}", "").replace(sentence, "")
        assert title in missing_in_the_runbook(taken_out), title


def test_an_output_that_the_runbook_names_exists(templates: TemplateSet) -> None:
    [names] = re.findall(r"names and addresses: (.*), \.\.\.", text("docs/runbook.md"))
    outputs = set(names.split(", "))
    assert "BackendLogGroup" in outputs
    assert outputs <= set(templates["environment"].body["Outputs"])


@pytest.mark.parametrize("page", OWN, ids=lambda page: page.name)
def test_commands_and_files_exist(page: Path) -> None:
    """Every `make` target, and every file of ours, that a page names as code."""
    body = page.read_text(encoding="utf-8")
    code = "\n".join([*re.findall(r"^```\w*\n(.*?)^```", body, re.M | re.S), *re.findall(r"`([^`\n]+)`", body)])
    targets = set(re.findall(r"^([a-z-]+):.*## ", text("Makefile"), re.M))
    requested = set(re.findall(r"^(?:\$ )?make ([a-z-]+)", code, re.M))
    assert requested <= targets, f"{page.name}: {requested - targets}"
    for path in re.findall(r"\b(?:docs|generator|scripts|tests|params|buildspecs|templates)/[\w./-]*\w", code):
        assert (ROOT / path).exists(), f"{page.name}: {path}"


def _anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for path, anchor in re.findall(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)", page.read_text(encoding="utf-8")):
        target = page.parent / path if path else page
        assert target.exists(), f"{page.name}: {path}"
        assert not anchor or anchor in _anchors(target), f"{page.name}: {path}#{anchor}"


def test_the_layout_has_a_line_for_each_folder() -> None:
    layout = text("docs/developing.md").partition("## Layout")[2].partition("\n## ")[0]
    rows = set(re.findall(r"^\| `([\w/]+)` \|", layout, re.M))
    packages = {
        str(file.parent.relative_to(ROOT))
        for folder in ("generator", "scripts")
        for file in [ROOT / folder / "__init__.py", *(ROOT / folder).glob("*/__init__.py")]
    }
    assert packages | {"templates", "params", "buildspecs", "tests"} == rows


def test_the_pages_are_found() -> None:
    assert {"README.md", "deploying.md", "runbook.md", "developing.md", "releasing.md"} <= {page.name for page in PAGES}


def test_options_and_exit_statuses_of_the_deploy_script_are_what_it_has() -> None:
    body = text("docs/deploying.md")
    known = {option for verb in VERBS for action in parser(verb)._actions for option in action.option_strings}
    named = set(re.findall(r"(?<![\w-])--[a-z-]+\w", re.sub(r"^ *git .*$", "", body, flags=re.M)))
    assert len(named) > 15 and named <= known, named - known
    assert [int(status) for status in re.findall(r"^\| (\d+) \|", body, re.M)] == [status.value for status in Exit]
