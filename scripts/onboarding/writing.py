"""The facts of an application, written into a checkout: all of it or nothing."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from generator.cfn.environments import ENVIRONMENT, roots_of
from generator.cfn.templates import TemplateSet, load
from scripts import git
from scripts.deployment.errors import RefusedError
from scripts.onboarding.facts import Application
from scripts.onboarding.source import application_source, parameter_file
from scripts.onboarding.standing import FACTS, Decision, Standing, decide, difference, marked, read_standing
from scripts.terminal import console

PAGE, LEDGER, FORMER = "docs/onboarding.md", "docs/permissions-ledger.md", ".cache/onboarding"
IDS = "tests/generator/logical_ids.txt"
OWN_GROUP = "Application"
LEFT = "## Left behind"


@dataclass(frozen=True)
class Written:
    """What an onboarding did: the files that are other than before, the lines that somebody has corrected and that
    stand, and what is left of the application whose facts stood there."""

    files: tuple[str, ...] = ()
    corrections: tuple[str, ...] = ()
    left_behind: tuple[str, ...] = ()

    def lines(self) -> Iterator[str]:
        """The same for people."""
        if self.corrections:
            yield f"{FACTS} was corrected by hand, and the corrections stay (-: corrected, +: as read):"
            yield from (f"  {line}" for line in self.corrections)
        yield f"written: {', '.join(self.files)}" if self.files else "nothing has changed"
        if self.left_behind:
            yield "left behind:"
            yield from (f"  {line}" for line in self.left_behind)


def facts_text(application: Application, project: Path) -> str:
    """The facts as onboarding writes them into a checkout."""
    templates = load(project / "templates")
    environment = templates[ENVIRONMENT].body
    groups = environment["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    taken = {name for group in groups if group["Label"]["default"] != OWN_GROUP for name in group["Parameters"]}
    taken |= known_parameters("", templates) - set(environment["Parameters"])
    return marked(application_source(application, taken))


def known_parameters(name: str, templates: TemplateSet) -> set[str]:
    """The parameters that a file of this name may give: those of every root that it is for."""
    return {parameter for root in roots_of(name, templates).values() for parameter in root.body.get("Parameters", ())}


def write(application: Application, project: Path, replace: bool = False) -> Written:
    """Writes everything. Raises `RefusedError` when a correction would be lost and `replace` does not say that it may,
    and when the generator does not take the facts. Whatever ends it, an interrupt too, everything is as it was then."""
    text, standing = facts_text(application, project), read_standing(project)
    decision = decide(project, application, text, replace)
    files = [
        project / FACTS,
        project / PAGE,
        project / LEDGER,
        project / IDS,
        *sorted((project / "params").glob("*.json")),
    ]
    before = {file: file.read_bytes() if file.is_file() else None for file in [*files, *_generated(project)]}
    is_other = not standing.is_of(application)
    left = tuple(_left_behind(standing, project) if is_other else _left_before(project))
    try:
        (project / PAGE).write_text(page(application, left), encoding="utf-8")
        if decision is Decision.WRITE:
            _keep(standing, project)
            (project / FACTS).write_text(text, encoding="utf-8")
            if is_other:
                # The former application's permissions are no base for this one's: each right is listed anew.
                (project / LEDGER).unlink(missing_ok=True)
                if (project / IDS).is_file():
                    (project / IDS).write_text("", encoding="utf-8")
            _write_parameters(application, project)
    except BaseException:
        _restore(before, project)
        raise
    changed = [
        str(file.relative_to(project))
        for file in files
        if (file.read_bytes() if file.is_file() else None) != before[file]
    ]
    corrections = tuple(difference(standing, text)) if decision is Decision.CORRECTED else ()
    return Written(tuple(changed), corrections, left if is_other and decision is Decision.WRITE else ())


def _generated(project: Path) -> list[Path]:
    """What the generator writes of the facts."""
    names = ("permissions.md", "reachability.md", "parameters.md", "architecture.svg")
    pages = [*(project / "docs" / name for name in names), *(project / "docs/permissions").glob("*.md")]
    return [*pages, *(project / "docs/pictures").glob("*.svg"), *(project / "templates").glob("*.json")]


def _restore(before: Mapping[Path, bytes | None], project: Path) -> None:
    """Puts every file back as it was; one that was not there goes."""
    for file in _generated(project):
        if file not in before:
            file.unlink()
    for file, content in before.items():
        if content is None:
            file.unlink(missing_ok=True)
        else:
            file.write_bytes(content)


def _write_parameters(application: Application, project: Path) -> None:
    """The parameter files for the facts that were just written; templates before, and everything checked after."""
    generate(project)
    templates = load(project / "templates")
    for file in sorted((project / "params").glob("*.json")):
        parameters = json.loads(file.read_text(encoding="utf-8"))
        known = known_parameters(file.stem, templates)
        text = json.dumps(parameter_file(parameters, known, application), indent=2) + "\n"
        file.write_text(text, encoding="utf-8")
    generate(project, "--gate")


def _keep(standing: Standing, project: Path) -> None:
    """A copy of the facts that go, for who looks for them in a checkout without git."""
    file = project / _copy(standing)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(standing.text, encoding="utf-8")


def _copy(standing: Standing) -> Path:
    return Path(FORMER, f"{standing.name or 'application'}.py")


def _left_before(project: Path) -> Iterator[str]:
    """What the page says already of an application that was left behind."""
    if (project / PAGE).is_file():
        text = (project / PAGE).read_text(encoding="utf-8").partition(f"{LEFT}\n")[2]
        yield from (line.removeprefix("- ") for line in text.splitlines() if line.startswith("- "))


def _left_behind(standing: Standing, project: Path) -> Iterator[str]:
    """What is left of the application whose facts stood there."""
    name = standing.name or "the former application"
    try:
        commit = git.text(project, "log", "-1", "--format=%h", "--", FACTS).strip()
    except git.GitError:
        commit = ""
    where = f"`git show {commit}:{FACTS}`" if commit else str(_copy(standing))
    yield f"the facts of {standing.title or name}: {where}"
    yield f"its reasons of permissions: the ledger {LEDGER} begins anew, and the first review reads all of it"
    yield f"its logical ids: {IDS} begins anew, because no environment of this application has any"
    yield f"its stacks {name}-ENVIRONMENT, if there are any: a checkout of before operates and deletes them"
    yield "its tests: those that name it are left out, and counted, while other facts are here"


def page(application: Application, left: tuple[str, ...] = ()) -> str:
    """What was read from where, as a page of the repository."""

    def cell(text: str) -> str:
        return re.sub(r"[|`<>\[\]\n\r]", " ", text)

    rows = [f"| {cell(fact.fact)} | {cell(fact.value)} | {cell(fact.source)} |" for fact in application.detected]
    lacks = [f"- {cell(lack.what)}: {cell(lack.fix)}" for lack in application.missing]
    return "\n".join(
        [
            f"# {cell(application.title)}, as `delivery onboard` read it",
            "",
            "The facts themselves are in `generator/application.py`, where they may be corrected.",
            "",
            "| fact | value | read from |",
            "|---|---|---|",
            *rows,
            *(["", "## To look at", "", *lacks] if lacks else []),
            *(["", LEFT, "", *(f"- {line}" for line in left)] if left else []),
            "",
        ]
    )


def generate(project: Path, *words: str) -> None:
    """Renders a checkout's templates, and with `--gate` checks them. Raises `RefusedError` with what is wrong."""
    command = [sys.executable, "-m", "generator", *words]
    with console.working("rendering and checking the templates"):
        done = subprocess.run(
            command, cwd=project, capture_output=True, encoding="utf-8", errors="replace", check=False
        )
    if done.returncode:
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-20:])
        raise RefusedError(f"The generator does not take the facts:\n{tail}", "Nothing was changed.")
