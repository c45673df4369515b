"""A state of the repository as a review reads it: of a git revision, or of the working tree."""

from __future__ import annotations

import hashlib
import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from generator.cfn import verdict
from generator.cfn.parameters import ParameterFile
from scripts.deployment.errors import RefusedError
from scripts.review import reach, requirements, revision
from scripts.review.gate import gate as passed_or_not
from scripts.review.model import ReachChange, RequirementChange

TAGS = [{"Key": "Application", "Value": "shop"}]
TOPIC = {"Type": "AWS::SNS::Topic", "Properties": {"Tags": TAGS}}
TEMPLATE = json.dumps({"Metadata": {"Generator": {"Version": "1.0.0"}}, "Resources": {"Topic": TOPIC}})
PARAMETERS = json.dumps({"Parameters": {}})
FILES = {
    "templates/environment.json": TEMPLATE,
    "templates/notes.txt": "no template",
    "templates/deeper/x.json": "no template",
    "params/blue.json": PARAMETERS,
    "README.md": "before",
}


def git(folder: Path, *words: str) -> str:
    own = ["-c", "user.name=x", "-c", "user.email=x@x.test", "-c", "commit.gpgsign=false"]
    return subprocess.run(["git", "-C", str(folder), *own, *words], check=True, capture_output=True, text=True).stdout


def put(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A repository with one commit, called `base`."""
    put(tmp_path, FILES)
    for words in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-qm", "one"], ["tag", "base"]):
        git(tmp_path, *words)
    return tmp_path


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize("name", ["base", ""])
def test_templates_and_parameter_files_of_a_revision_or_of_the_working_tree(name: str, folder: Path) -> None:
    git(folder, "rm", "-q", "--cached", "README.md")
    read = revision.read(folder, name)
    assert read.name == (name or "the working tree") and read.problems == {} and read.too_many == ""
    assert [template.name for template in read.templates] == ["environment"]
    assert read.files == {"blue": ParameterFile("params/blue.json", {}, {}, {})}
    assert read.digests == {"environment.json": digest(TEMPLATE)}
    assert read.file_digests == {"blue.json": digest(PARAMETERS)}


def test_a_revision_is_read_from_its_commit_whatever_lies_there_now(folder: Path) -> None:
    other = TEMPLATE.replace("Topic", "Other")
    put(folder, {"templates/environment.json": other, "templates/more.json": TEMPLATE, "params/blue.json": "{"})
    assert revision.read(folder, "base").digests == {"environment.json": digest(TEMPLATE)}
    now = revision.read(folder, "")
    assert now.digests == {"environment.json": digest(other), "more.json": digest(TEMPLATE)}
    assert now.files == {} and now.problems["blue"].startswith("params/blue.json:1: ")
    (folder / "templates/environment.json").unlink()
    assert revision.read(folder, "base").digests == {"environment.json": digest(TEMPLATE)}


def test_two_with_the_same_content_and_name_are_one(folder: Path) -> None:
    first, second = revision.read(folder, "base"), revision.read(folder, "main")
    assert first == revision.read(folder, "base") and hash(first) == hash(revision.read(folder, "base"))
    assert first != second and first != "base" and replace(second, name="base") == first
    put(folder, {"params/blue.json": '{"Parameters": {"A": "b"}}'})
    assert revision.read(folder, "").key != first.key


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"templates/environment.json": "{"}, "cannot be read: templates/environment.json is not JSON: "),
        ({"templates/environment.json": "[" * 100_000}, "cannot be read: templates/environment.json is not JSON: "),
        ({"templates/environment.json": "[]"}, "cannot be read: environment.json: "),
        (
            {"templates/environment.json": '{"Resources": {"A": 1, "A\\u202e": 2, "A\\u202e": 3}}'},
            "cannot be read: templates/environment.json: the key A\\u202e is twice in one object: remove one",
        ),
    ],
)
@pytest.mark.parametrize("name", ["the working tree", "bad"])
def test_what_is_no_template_is_refused_with_its_revision(
    name: str, files: dict[str, str], reason: str, folder: Path
) -> None:
    put(folder, files)
    if name == "bad":
        git(folder, "commit", "-qam", "bad")
        git(folder, "tag", "bad")
    with pytest.raises(RefusedError) as error:
        revision.read(folder, "" if name == "the working tree" else name)
    assert error.value.reason.startswith(f"The templates of {name} {reason}")


def test_without_templates_there_is_nothing_to_review(folder: Path) -> None:
    git(folder, "rm", "-qr", "templates")
    git(folder, "commit", "-qm", "none")
    for name, called in (("", "the working tree"), ("HEAD", "HEAD")):
        with pytest.raises(RefusedError) as error:
            revision.read(folder, name)
        assert error.value.reason == f"{called} has no templates/."
        assert error.value.remedy == "Name a revision that has, such as main."
    (folder / "templates").mkdir()
    (folder / "templates/environment.json").write_bytes(b"\xff")
    with pytest.raises(RefusedError, match=r"^templates/environment.json cannot be read: "):
        revision.read(folder, "")


@pytest.mark.parametrize(
    ("count", "too_many"), [(500, ""), (501, "environment.json has 501 resources, CloudFormation takes 500")]
)
def test_more_resources_than_a_template_may_have(count: int, too_many: str, folder: Path) -> None:
    resources = {f"T{number}": {"Type": "AWS::SNS::Topic"} for number in range(count)}
    put(folder, {"templates/environment.json": json.dumps({"Resources": resources})})
    assert revision.read(folder, "").too_many == too_many


def test_versions_of_a_set(folder: Path) -> None:
    def template(**metadata: Any) -> str:
        return json.dumps({**json.loads(TEMPLATE), "Metadata": metadata})

    put(
        folder,
        {
            "templates/environment.json": template(Generator={"Version": "1.0.0"}),
            "templates/shared.json": template(Generator={"Version": "1.1.0"}),
            "templates/data.json": template(Generator=None),
        },
    )
    assert revision.versions(revision.read(folder, "").templates) == {"1.0.0", "1.1.0"}


TOUCHED = {
    "templates": "templates/new.json",
    "parameter files": "params/new.json",
    "buildspecs": "buildspecs/a.yml",
    "facts of the application": "generator/application.py",
    "rules of the gate": "generator/gate/a.py",
    "generator": "generator/a.py",
    "checks of pull requests": "scripts/ci/a.py",
    "scripts": "scripts/a.py",
    "runbook": "docs/runbook.md",
    "requirements": "docs/conformance.md",
    "reachability": "docs/reachability.md",
    "permission ledger": "docs/permissions-ledger.md",
    "documents": "docs/a.md",
    "tests": "tests/a.py",
    "other files": "a",
}


def test_touched_paths_are_told_by_their_kind(folder: Path) -> None:
    """Changed, deleted, and untracked ones of the working tree; what git ignores is none."""
    assert revision.touched(folder, "base", "") == {}
    put(
        folder,
        {**dict.fromkeys(TOUCHED.values(), "x"), ".gitignore": "ignored\n", "ignored": "x", "README.md": "after"},
    )
    (folder / "params/blue.json").unlink()
    expected: dict[str, tuple[str, ...]] = {kind: (path,) for kind, path in TOUCHED.items()}
    expected["other files"] = (".gitignore", "a")
    expected["documents"] = ("README.md", "docs/a.md")
    expected["parameter files"] = ("params/blue.json", "params/new.json")
    shown = revision.touched(folder, "base", "")
    assert shown == expected and list(shown) == list(TOUCHED)
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "two")
    assert revision.touched(folder, "base", "HEAD") == expected
    put(folder, {"later": "x"})
    assert revision.touched(folder, "base", "HEAD") == expected and "other files" in revision.touched(
        folder, "HEAD", ""
    )
    more = ("setup.cfg", ".github/workflows/a.yml", ".gitlab-ci.yml", ".ci/a", ".pre-commit-config.yaml", "Makefile")
    put(folder, dict.fromkeys((*more, "generator/project.py", "CHANGELOG.md"), "x"))
    kinds = revision.touched(folder, "HEAD", "")
    assert kinds["checks of pull requests"] == tuple(sorted(more[1:]))
    assert kinds["facts of the application"] == ("generator/project.py",) and kinds["documents"] == ("CHANGELOG.md",)


def test_commits_that_the_head_does_not_have(folder: Path) -> None:
    git(folder, "checkout", "-qb", "topic")
    git(folder, "checkout", "-q", "main")
    for name in ("two", "three"):
        git(folder, "commit", "-qm", name, "--allow-empty")
    assert (revision.missing(folder, "main", "topic"), revision.missing(folder, "topic", "main")) == (2, 0)
    assert revision.missing(folder, "main", "") == 0
    git(folder, "checkout", "-q", "topic")
    assert revision.missing(folder, "main", "") == 2


def test_a_file_of_a_revision(folder: Path) -> None:
    put(folder, {"README.md": "after"})
    assert revision.text(folder, "base", "README.md") == "before" and revision.text(folder, "base", "none.md") == ""
    with pytest.raises(RefusedError) as error:
        revision.text(folder, "nowhere", "README.md")
    assert error.value.reason.startswith("git ls-tree: ") and error.value.remedy == "Name a revision that git knows."


def test_a_revision_is_a_commit_that_git_knows(folder: Path, tmp_path: Path) -> None:
    assert revision.commit(folder, "base") == git(folder, "rev-parse", "HEAD").strip()
    git(folder, "update-ref", "refs/remotes/origin/stable", "HEAD")
    assert revision.commit(folder, "origin/stable") == revision.commit(folder, "base")
    for name, reason in (
        ("stable", "There is no revision stable here, and there is origin/stable."),
        ("nowhere", "There is no revision nowhere here."),
        ("--output=x", "There is no revision --output=x here."),
    ):
        with pytest.raises(RefusedError) as error:
            revision.commit(folder, name)
        assert (error.value.reason, error.value.remedy) == (reason, "Name a revision that git knows.")
    assert not (folder / "x").exists()
    (tmp_path / "bare").mkdir()
    with pytest.raises(RefusedError, match=r"^git rev-parse: "):
        revision.commit(Path("/"), "HEAD")


def test_without_git_it_is_told_to_be_installed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(folder))
    with pytest.raises(RefusedError) as error:
        revision.commit(folder, "HEAD")
    assert error.value.reason == "git rev-parse: there is no git on PATH: install it" and error.value.remedy == ""


# --- what a review reads beside templates


ROWS = "| SRC-{} | {} | {} | `x` | `y` |"


def test_rows_of_the_requirements_that_differ() -> None:
    before = "\n".join(
        ["# Title", ROWS.format(2, "covered", "a"), ROWS.format(10, "covered", "a"), ROWS.format(3, "covered", "a")]
    )
    after = "\n".join(
        [
            ROWS.format(2, "narrowed", "a"),
            f"  {ROWS.format(3, 'covered', 'b')}  ",
            ROWS.format(9, "open", "a"),
            "| ABC-1 | new | a |",
        ]
    )
    assert list(requirements.compare(before, after)) == [
        RequirementChange("ABC-1", "", "new"),
        RequirementChange("SRC-2", "covered", "narrowed"),
        RequirementChange("SRC-3", "covered", "covered"),
        RequirementChange("SRC-9", "", "open"),
        RequirementChange("SRC-10", "covered", ""),
    ]
    assert list(requirements.compare(before, before)) == [] and list(requirements.compare("", "| a | b | c |")) == []


def matrix(*cells: str, more: str = "") -> str:
    return "\n".join(
        [
            "words",
            "|  | administrator | a \\| b |",
            "| --- | --- | --- |",
            f"| **a build** | {cells[0]} | {cells[1]} |",
            *(["| approver | · | meant |"] if len(cells) < 3 else []),
            more,
            "| from | to |",
            "| --- | --- |",
            "| a build | x |",
            f"| later | {cells[0]} | b |",
        ]
    )


def test_cells_of_the_matrix_that_differ() -> None:
    before, after = matrix("·", "**open** S1"), matrix("open S2", "·", more="| new | meant | · |")
    assert list(reach.compare(before, after)) == [
        ReachChange("a build", "administrator", "·", "open S2"),
        ReachChange("a build", "a \\| b", "open S1", "·"),
        ReachChange("new", "administrator", "·", "meant"),
    ]
    assert list(reach.compare(before, matrix("·", "open S1", "no approver"))) == [
        ReachChange("approver", "a \\| b", "meant", "·")
    ]
    for sides in ((before, before), ("", after), (before, "words")):
        assert list(reach.compare(*sides)) == []


def test_pages_are_those_of_the_revisions(folder: Path) -> None:
    for module, page, sides in (
        (requirements, "docs/conformance.md", (ROWS.format(1, "open", "a"), ROWS.format(1, "covered", "a"))),
        (reach, "docs/reachability.md", (matrix("·", "meant"), matrix("open", "·"))),
    ):
        put(folder, {page: sides[0]})
        git(folder, "add", page)
        git(folder, "commit", "-qm", "page")
        committed = git(folder, "rev-parse", "HEAD").strip()
        put(folder, {page: sides[1]})
        changes = module.changes(folder, committed, "")
        assert changes == tuple(module.compare(*sides)) and changes
        assert module.changes(folder, committed, committed) == ()
        (folder / page).write_bytes(b"\xff" + sides[1].encode())
        assert len(module.changes(folder, committed, "")) == len(changes)
        (folder / page).unlink()
        assert len(module.changes(folder, committed, "")) == (1 if module is requirements else 0)
    ways = reach.changes(folder, "HEAD", "HEAD")
    assert ways == ()


def test_new_ways_come_first(folder: Path) -> None:
    put(folder, {"docs/reachability.md": matrix("open S1", "·")})
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "page")
    put(folder, {"docs/reachability.md": matrix("·", "open S1")})
    assert [change.asset for change in reach.changes(folder, "HEAD", "")] == ["a \\| b", "administrator"]


# --- the gate's verdict


def gate(folder: Path, head: revision.Revision, *, changed: bool = True) -> str:
    return passed_or_not(folder, head, changed=changed)


def record(folder: Path, **values: Any) -> None:
    (folder / ".cache").mkdir(exist_ok=True)
    verdict.write_record(folder / verdict.FILE, **values)


NOT_RUN = "not looked at: `make templates` runs it"


def test_the_gate_has_passed_what_it_wrote_down(folder: Path) -> None:
    head = revision.read(folder, "")
    assert gate(folder, head) == NOT_RUN
    record(folder, templates=head.digests, params=head.file_digests)
    assert gate(folder, head) == gate(folder, head, changed=False) == "passed"
    # The same templates with other parameter files: those are checked, and have no finding.
    record(folder, templates=head.digests, params={})
    assert gate(folder, head) == "passed" and gate(folder, head, changed=False) == NOT_RUN
    put(folder, {"templates/a.json": TEMPLATE, "templates/b.json": TEMPLATE, "templates/c.json": TEMPLATE})
    assert (
        gate(folder, revision.read(folder, "")) == "not looked at for a.json, b.json, c.json: `make templates` runs it"
    )
    put(folder, {"templates/d.json": TEMPLATE})
    assert gate(folder, revision.read(folder, "")) == (
        "not looked at for a.json, b.json, c.json and 1 more: `make templates` runs it"
    )
    put(folder, {"templates/environment.json": TEMPLATE.replace("Topic", "Other")})
    assert gate(folder, revision.read(folder, "")) == NOT_RUN
    # What passed here last is the working tree's.
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "two")
    other = "not looked at: check out main, then `make templates` runs it"
    assert gate(folder, revision.read(folder, "main")) == other
    assert gate(folder, revision.read(folder, "base")) == "passed"


def test_what_the_gate_found_is_told_for_the_same_bytes_alone(folder: Path) -> None:
    head = revision.read(folder, "")
    same = {"templates": head.digests, "params": head.file_digests}
    for findings, text in (
        (["a: wrong"], "refuses a: wrong"),
        (["a" * 160], f"refuses {'a' * 160}"),
        (["a" * 161, "b", "c"], f"refuses {'a' * 160}… and 2 more"),
        ([], NOT_RUN),
        ("no list", NOT_RUN),
    ):
        record(folder, refused={**same, "findings": findings})
        assert gate(folder, head) == gate(folder, head, changed=False) == text
    for kind in same:
        record(folder, refused={**same, kind: {}, "findings": ["a: wrong"]})
        assert gate(folder, head) == NOT_RUN


def test_what_is_wrong_with_parameter_files_is_told_first(folder: Path) -> None:
    put(folder, {"params/blue.json": "{", "params/red.json": json.dumps({"Parameters": {"Unknown": "1"}})})
    head = revision.read(folder, "")
    record(folder, templates=head.digests, params=head.file_digests)
    text = gate(folder, head, changed=False)
    assert text.startswith("refuses params/blue.json:1: ") and text.endswith(" and 1 more")
    put(folder, {"params/blue.json": PARAMETERS})
    assert gate(folder, revision.read(folder, "")).startswith(
        "refuses params/red.json: Unknown: the template has no such parameter"
    )
    many = {f"T{number}": {"Type": "AWS::SNS::Topic"} for number in range(501)}
    put(folder, {"templates/environment.json": json.dumps({"Resources": many})})
    assert gate(folder, revision.read(folder, "")) == (
        "refuses templates/environment.json has 501 resources, CloudFormation takes 500"
    )
    put(
        folder,
        {"templates/environment.json": TEMPLATE, "params/shared.json": PARAMETERS, "params/red.json": PARAMETERS},
    )
    assert gate(folder, revision.read(folder, "")).startswith("refuses params/shared.json: ")
