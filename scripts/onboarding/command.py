"""`onboard`: reads an application's folder, and writes what this repository has to know of it.

The facts go to `generator/application.py`, choices to the files in `params/`, and what was read from where to
`docs/onboarding.md`; then templates, permissions and pages are made anew. The former application's facts stay in git's
history, and its environments are its own: nothing in an account is touched. The same folder again changes nothing.
"""

import json
import re
import subprocess
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from scripts.deployment.errors import Exit, RefusedError, UsageError
from scripts.onboarding.backend import read_backend
from scripts.onboarding.facts import Application
from scripts.onboarding.frontend import read_frontend
from scripts.onboarding.source import application_source, parameter_file
from scripts.terminal import console, results
from scripts.terminal.endings import PROJECT

FACTS, PAGE, LEDGER = "generator/application.py", "docs/onboarding.md", "docs/permissions-ledger.md"
OWN_GROUP = "Application"


def arguments(parser: ArgumentParser) -> None:
    """Which application, and what to write."""
    parser.add_argument("--app", type=Path, required=True, help="folder of the application, the root of its repository")
    parser.add_argument("--name", default="", help="name of the application, if not the folder's")
    parser.add_argument("--show", action="store_true", help="show what would be written, and write nothing")


def run(options: Namespace) -> Exit:
    """Writes the facts. Raises `DeployError`."""
    if not options.app.is_dir():
        raise UsageError(f"{options.app} is not a folder.", "Name the folder of an application with --app.")
    application = read_application(options.app.resolve(), options.name)
    results.begin(
        facts=[{"fact": fact.fact, "value": fact.value, "source": fact.source} for fact in application.detected],
        missing=[{"what": lack.what, "fix": lack.fix, "stops": lack.stops} for lack in application.missing],
        written=[],
    )
    for line in lines(application):
        console.show_line(line)
    if stopping := [lack for lack in application.missing if lack.stops]:
        fixes = "\n".join(f"  {lack.what}: {lack.fix}" for lack in stopping)
        raise RefusedError(f"{options.app} cannot be released as it is; nothing was written:\n{fixes}", "Then again.")
    if options.show:
        return Exit.DONE
    written = write(application, PROJECT)
    results.update({"written": written})
    console.show_line(f"written: {', '.join(written)}" if written else "nothing has changed")
    return Exit.DONE


def read_application(folder: Path, name: str = "") -> Application:
    """Everything that a folder says of its application."""
    readme = next((file for file in sorted(folder.glob("README*")) if file.is_file()), None)
    text = readme.read_text(encoding="utf-8", errors="replace") if readme else ""
    heading = re.search(r"^#\s+([\w][\w .()-]{1,60})\s*$", text, re.M)
    title = name or (heading[1].strip() if heading else folder.name.replace("-", " ").replace("_", " ").title())
    application = Application(name or folder.name, title, f"{title}: a Python API and its page")
    application.note("name", application.name, "--name" if name else "the folder")
    application.note("title", title, readme.name if readme and heading else "the folder")
    read_backend(folder, application)
    read_frontend(folder, application)
    return application


def lines(application: Application) -> list[str]:
    """What was read, and what is missing, for people."""
    width = max(len(fact.fact) for fact in application.detected)
    result = [f"{fact.fact:{width}}  {fact.value}  ({fact.source})" for fact in application.detected]
    for lack in application.missing:
        result.append(f"{'MISSING' if lack.stops else 'to know'}: {lack.what}; {lack.fix}")
    return result


def write(application: Application, project: Path) -> list[str]:
    """Writes everything, and the names of the files that are other than before. Raises `RefusedError` when the
    generator does not take the facts. Whatever ends it, an interrupt too, everything is as it was then."""
    root = json.loads((project / "templates/environment.json").read_text(encoding="utf-8"))
    groups = root["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    taken = {name for group in groups if group["Label"]["default"] != OWN_GROUP for name in group["Parameters"]}
    files = [project / FACTS, project / PAGE, project / LEDGER, *sorted((project / "params").glob("*.json"))]
    before = {file: file.read_bytes() if file.is_file() else None for file in files}
    try:
        (project / FACTS).write_text(application_source(application, taken), encoding="utf-8")
        (project / PAGE).write_text(page(application), encoding="utf-8")
        if before[project / FACTS] != (project / FACTS).read_bytes():
            # The former application's permissions are no base for this one's: each right is listed anew.
            (project / LEDGER).unlink(missing_ok=True)
        _generate(project)
        rendered = json.loads((project / "templates/environment.json").read_text(encoding="utf-8"))
        for file in sorted((project / "params").glob("*.json")):
            template = rendered
            if file.stem == "shared":
                template = json.loads((project / "templates/shared.json").read_text(encoding="utf-8"))
            body = json.loads(file.read_text(encoding="utf-8"))
            text = json.dumps(parameter_file(body, template, application), indent=2) + "\n"
            file.write_text(text, encoding="utf-8")
        _generate(project, "--gate")
    except BaseException:
        for file, content in before.items():
            if content is None:
                file.unlink(missing_ok=True)
            else:
                file.write_bytes(content)
        _generate(project)
        raise
    return [
        str(file.relative_to(project))
        for file, content in before.items()
        if (file.read_bytes() if file.is_file() else None) != content
    ]


def page(application: Application) -> str:
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
            "",
        ]
    )


def _generate(project: Path, *words: str) -> None:
    command = [sys.executable, "-m", "generator", *words]
    with console.working("rendering and checking the templates"):
        done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    if done.returncode:
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-20:])
        raise RefusedError(f"The generator does not take the facts:\n{tail}", "Nothing was changed.")
