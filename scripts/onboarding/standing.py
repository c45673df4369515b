"""The facts that stand in a checkout, and whether onboarding may write others in their place.

What onboarding writes ends with a digest of itself. So it is known later whether somebody has corrected it, and whether
the application says today what it said then.
"""

import ast
import difflib
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

from scripts import git
from scripts.deployment.errors import RefusedError
from scripts.onboarding.facts import Application
from scripts.onboarding.source import slug

FACTS = "generator/application.py"
MARK = "# Digest of the lines above, as `delivery onboard` wrote them: "
SHOWN = 40  # lines of a difference


class Decision(Enum):
    """What onboarding does with the facts that stand."""

    SAME = auto()  # they say already what would be written
    CORRECTED = auto()  # somebody has corrected them, and the application says what it said then
    WRITE = auto()


@dataclass(frozen=True)
class Standing:
    """The facts of a checkout: the text, the application's name and title in it, and the digest that it was written
    with (empty where no onboarding wrote it)."""

    text: str
    name: str
    title: str
    digest: str

    def is_of(self, application: Application) -> bool:
        """Whether these are facts of that application, by its name or its title."""
        return self.name == slug(application.name, 40) or self.title == application.title

    @property
    def corrected(self) -> bool:
        """Whether somebody wrote or changed them by hand."""
        return digest(body(self.text)) != self.digest


def digest(text: str) -> str:
    """The digest that is written below a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def body(text: str) -> str:
    """A text without the digest below it."""
    return text.partition(MARK)[0]


def marked(text: str) -> str:
    """A text with the digest below it."""
    return f"{text}{MARK}{digest(text)}\n"


def read_standing(project: Path) -> Standing:
    """The facts that stand in a checkout; without a name where the file cannot be read as Python."""
    text = (project / FACTS).read_text(encoding="utf-8")
    names: dict[str, str] = {}
    try:
        calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    except SyntaxError:
        calls = []
    for call in calls:
        if isinstance(call.func, ast.Name) and call.func.id == "Project":
            for keyword in call.keywords:
                if isinstance(keyword.value, ast.Constant):
                    names[str(keyword.arg)] = str(keyword.value.value)
    mark = re.search(rf"^{re.escape(MARK)}([0-9a-f]+)$", text, re.M)
    return Standing(text, names.get("name", ""), names.get("title", ""), mark[1] if mark else "")


def decide(project: Path, application: Application, text: str, replace: bool = False) -> Decision:
    """Whether `text`, the facts as they would be written, takes the place of those that stand; `replace` says that a
    correction by hand may be lost. Raises `RefusedError` for a correction, with what differs."""
    standing = read_standing(project)
    if standing.text == text:
        return Decision.SAME
    if replace:
        return Decision.WRITE
    if standing.is_of(application) and standing.corrected:
        if standing.digest == digest(body(text)):
            return Decision.CORRECTED
        raise _refused(
            f"{FACTS} was written or corrected by hand, and the application says something else", standing, text
        )
    if _is_changed(project):
        raise _refused(f"{FACTS} has changes that are in no commit", standing, text)
    return Decision.WRITE


def difference(standing: Standing, text: str) -> Iterator[str]:
    """The lines in which the facts that stand (-) differ from those that would be written (+)."""
    lines = difflib.unified_diff(body(standing.text).splitlines(), body(text).splitlines(), lineterm="", n=0)
    yield from (line for line in lines if not line.startswith(("---", "+++", "@@")))


def _refused(reason: str, standing: Standing, text: str) -> RefusedError:
    lines = list(difference(standing, text))
    more = [f"  ... and {len(lines) - SHOWN} more lines"] if len(lines) > SHOWN else []
    shown = "\n".join([*(f"  {line}" for line in lines[:SHOWN]), *more])
    return RefusedError(
        f"{reason}; nothing was written:\n{shown}",
        "Take over by hand what is right (+), and leave the rest; or lose the lines with - by `onboard --replace`.",
    )


def _is_changed(project: Path) -> bool:
    try:
        return FACTS in git.state(project).changed
    except git.GitError:
        return False  # without git there is no commit to compare with
