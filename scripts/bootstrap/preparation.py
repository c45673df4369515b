"""The steps before an account is looked at: the facts of the application, and templates that the gate has passed."""

from generator.cfn.environments import ENVIRONMENT
from generator.cfn.templates import TemplatesError, load
from scripts.bootstrap.progress import Bootstrap, Progress
from scripts.deployment.errors import NotConfirmedError, RefusedError
from scripts.deployment.package import GateVerdict
from scripts.onboarding.command import check_releasable
from scripts.onboarding.reading import read_application, reading_lines
from scripts.onboarding.standing import FACTS, Decision, decide, read_standing
from scripts.onboarding.writing import facts_text, generate, write
from scripts.terminal import console, prompt
from scripts.terminal.endings import PROJECT


def facts(bootstrap: Bootstrap) -> Progress:
    """The facts of this application in `generator/application.py`; a person agrees before those of another go. Raises
    `DeployError`."""
    options, standing = bootstrap.options, read_standing(PROJECT)
    bootstrap.title = standing.title
    if options.keep_facts:
        return Progress(f"{FACTS} has those of {standing.title}", already=True)
    application = read_application(bootstrap.folder, options.name)
    check_releasable(application, bootstrap.folder)
    bootstrap.title = application.title
    if decide(PROJECT, application, facts_text(application, PROJECT)) is not Decision.WRITE:
        return Progress(f"{FACTS} has them", already=True)
    console.show(reading_lines(application))
    _agree(bootstrap, f"{FACTS} has the facts of {standing.title or 'nothing'}.", application.title)
    written = write(application, PROJECT)
    console.show(written.lines())
    return Progress(f"{len(application.detected)} facts of {application.title}, {len(written.files)} files written")


def _agree(bootstrap: Bootstrap, standing: str, title: str) -> None:
    """Raises `NotConfirmedError`."""
    if bootstrap.options.yes:
        return
    remedy = "Run again with --yes to write them, or with --keep-facts when those in the file are right."
    if not prompt.attended():
        raise NotConfirmedError(f"{standing} Nothing was written: confirmation needs a terminal.", remedy)
    if not prompt.confirmed(f"{standing} Write those of {title}, as read above? (yes/no) "):
        raise NotConfirmedError("Nothing was written.", remedy)


def templates(bootstrap: Bootstrap) -> Progress:
    """Templates that the gate has passed, as `make templates` leaves them. Raises `RefusedError`."""
    folder = bootstrap.options.templates
    if folder.resolve() == PROJECT / "templates":
        generate(PROJECT, "--gate")
        return Progress("rendered and checked")
    try:
        GateVerdict.beside(folder).check(load(folder)[ENVIRONMENT])
    except TemplatesError as error:
        raise RefusedError(str(error)) from error
    return Progress(f"{folder}: the gate has passed them", already=True)
