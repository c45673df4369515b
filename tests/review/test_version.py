"""The version of the set follows from what a change does: `delivery version BASE`, on our own templates.

Which change needs which version is in test_compare.py, on a small set; of most kinds there, one is tried here in the
soak.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scripts import cli
from scripts.review.version import Bump, raised
from tests.support import pull_requests


def status(folder: Path) -> int:
    return cli.main(["version", "base", "--project", str(folder)])


def released(folder: Path, version: str, *, log: bool = True) -> None:
    """Sets the version that the roots carry, and writes its heading into the change log."""
    for name in ("environment", "edge", "shared", "shared-access", "access"):
        pull_requests.template(folder, name, lambda body: body["Metadata"]["Generator"].update(Version=version))
    if log:
        (folder / "CHANGELOG.md").write_text(f"# Changes\n\n## {version}\n\n- one\n", encoding="utf-8")


def starting_at(folder: Path, version: str) -> None:
    """The base has this version."""
    released(folder, version)
    pull_requests.commit(folder)


def removed_parameter(folder: Path) -> None:
    def edit(body: dict[str, Any]) -> None:
        del body["Parameters"]["RedisUrl"]

    pull_requests.template(folder, "environment", edit)


def narrowed_parameter(folder: Path) -> None:
    """A value that somebody's parameter file may have is no longer allowed."""

    def edit(body: dict[str, Any]) -> None:
        body["Parameters"]["LogLevel"]["AllowedValues"].remove("CRITICAL")

    pull_requests.template(folder, "environment", edit)


def removed_output(folder: Path) -> None:
    pull_requests.template(folder, "environment", lambda body: body["Outputs"].pop("PublicUrl"))


def opened_port(folder: Path) -> None:
    pull_requests.template(
        folder, "network", lambda body: pull_requests.resource(body, "FromLoadBalancer").update(FromPort=0)
    )


@pytest.mark.parametrize(
    ("edit", "needed", "why"),
    [
        (pull_requests.replaced_bucket, "2.0.0", "Site.Site: holds data: replaced"),
        pytest.param(pull_requests.table_unprotected, "2.0.0", "Data.Clients", marks=pytest.mark.soak),
        pytest.param(removed_parameter, "2.0.0", "parameter environment.RedisUrl is gone", marks=pytest.mark.soak),
        pytest.param(
            narrowed_parameter,
            "2.0.0",
            "parameter environment.LogLevel may no longer be CRITICAL",
            marks=pytest.mark.soak,
        ),
        pytest.param(removed_output, "2.0.0", "output environment.PublicUrl is gone", marks=pytest.mark.soak),
        pytest.param(
            opened_port,
            "1.3.0",
            "a protection becomes weaker: Network.FromLoadBalancer: opens tcp 0-",
            marks=pytest.mark.soak,
        ),
        pytest.param(
            pull_requests.right_broadened_in_a_child,
            "1.3.0",
            "a right becomes broader: Backend.TaskRole",
            marks=pytest.mark.soak,
        ),
        pytest.param(pull_requests.new_variable, "1.3.0", "Configuration.BannerColour is new", marks=pytest.mark.soak),
        pytest.param(pull_requests.buildspec_without_its_source, "1.2.4", "templates change", marks=pytest.mark.soak),
    ],
)
def test_too_low_a_version_is_refused_and_the_right_one_passes(
    edit: Callable[[Path], None], needed: str, why: str, checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    starting_at(checkout, "1.2.3")
    edit(checkout)
    assert status(checkout) == 3
    error = capsys.readouterr().err
    assert f"needs at least {needed}" in error and why in error
    released(checkout, needed)
    assert status(checkout) == 0


@pytest.mark.parametrize("edit", [pull_requests.formatting_only, pull_requests.shorter_retention])
def test_what_does_not_change_the_set_needs_no_version(edit: Callable[[Path], None], checkout: Path) -> None:
    edit(checkout)
    assert status(checkout) == 0


@pytest.mark.soak
def test_what_a_parameter_file_changes_beside_it_hides_nothing_of_the_set(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    starting_at(checkout, "1.2.3")
    pull_requests.replaced_bucket(checkout)
    for file in (checkout / "params").glob("*.json"):
        pull_requests.params(checkout, file.stem, LogLevel="DEBUG")
    assert status(checkout) == 3
    assert "needs at least 2.0.0 (major: Site.Site: holds data" in capsys.readouterr().err


def test_versions_are_compared_by_their_tags(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What a release is: a commit with a tag that says the version which the roots carry."""
    for version, edit in (("1.4.0", None), ("2.0.0", pull_requests.replaced_bucket)):
        if edit:
            edit(checkout)
        released(checkout, version)
        pull_requests.commit(checkout)
        subprocess.run(["git", "-C", str(checkout), "tag", f"v{version}"], check=True)
    folder = ["--project", str(checkout)]
    assert cli.main(["review", "v1.4.0", "v2.0.0", *folder]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("2 REPLACED (Delivery.SitePolicy, Site.Site); version 1.4.0 → 2.0.0")
    assert "Site.Site (all 6 environments): holds data: replaced" in lines[1]
    assert cli.main(["version", "v1.4.0", "v2.0.0", *folder]) == 0
    assert "2.0.0: enough for a major change (Site.Site: holds data" in capsys.readouterr().out


@pytest.mark.soak
def test_a_version_without_a_line_in_the_change_log_is_refused(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    starting_at(checkout, "1.2.3")
    pull_requests.new_variable(checkout)
    released(checkout, "1.3.0", log=False)
    assert status(checkout) == 3
    assert "CHANGELOG.md has no heading `## 1.3.0`" in capsys.readouterr().err


def test_before_the_first_major_version_nothing_is_promised() -> None:
    assert raised("0.4.2", Bump.MAJOR) == "0.5.0"
    assert raised("0.4.2", Bump.PATCH) == "0.4.3"
    assert raised("1.4.2", Bump.MAJOR) == "2.0.0"
