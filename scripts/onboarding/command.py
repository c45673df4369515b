"""`onboard`: reads an application's folder, and writes what this repository has to know of it.

The facts go to `generator/application.py`, choices to the files in `params/`, and what was read from where to
`docs/onboarding.md`; then templates, permissions and pages are made anew. The former application's facts stay in git's
history, and its environments are its own: nothing in an account is touched. The same folder again changes nothing, and
what somebody has corrected by hand is not overwritten.
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from scripts.deployment.errors import Exit, RefusedError, UsageError
from scripts.onboarding.facts import Application
from scripts.onboarding.fixing import fix
from scripts.onboarding.reading import read_application, reading_lines
from scripts.onboarding.writing import write
from scripts.terminal import console, results
from scripts.terminal.endings import PROJECT


def arguments(parser: ArgumentParser) -> None:
    """Which application, and what to write."""
    parser.add_argument("--app", type=Path, required=True, help="folder of the application, the root of its repository")
    parser.add_argument("--name", default="", help="name of the application, if not the folder's")
    parser.add_argument("--show", action="store_true", help="show what would be written, and write nothing")
    parser.add_argument(
        "--fix", action="store_true", help="make what is missing on a branch of the application, and write nothing here"
    )
    parser.add_argument("--replace", action="store_true", help="overwrite facts that were corrected by hand")


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
    console.show(reading_lines(application))
    if options.fix:
        return _fix(options.app.resolve(), application)
    check_releasable(application, options.app)
    if options.show:
        return Exit.DONE
    written = write(application, PROJECT, options.replace)
    results.update({"written": list(written.files)})
    console.show(written.lines())
    return Exit.DONE


def _fix(folder: Path, application: Application) -> Exit:
    """Makes the branch with what is missing; 3 when something is left that stops a release."""
    fixes = fix(folder, application)
    results.update({"branch": fixes.branch or None, "fixed": list(fixes.fixed), "left": list(fixes.left)})
    console.show(f"fixed: {what}" for what in fixes.fixed)
    console.show(f"left: {what}" for what in fixes.left)
    if not fixes.branch:
        console.show_line("nothing was fixed")
    else:
        console.show_line(f"the branch {fixes.branch} of {folder} has it: read it, merge it, and onboard again")
    return Exit.REFUSED if fixes.left else Exit.DONE


def check_releasable(application: Application, folder: Path) -> None:
    """Raises `RefusedError` with all that is missing and without which there is no release."""
    if stopping := [lack for lack in application.missing if lack.stops]:
        fixes = "\n".join(f"  {lack.what}: {lack.fix}" for lack in stopping)
        able = any(lack.kind for lack in stopping)
        remedy = (
            f"`onboard --app {folder} --fix` makes what it can on a branch of it." if able else "Then run it again."
        )
        raise RefusedError(f"{folder} cannot be released as it is; nothing was written:\n{fixes}", remedy)
