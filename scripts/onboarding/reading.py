"""Everything that an application's folder says of it."""

import re
from pathlib import Path

from scripts.deployment.errors import RefusedError
from scripts.onboarding.backend import read_backend
from scripts.onboarding.facts import Application
from scripts.onboarding.frontend import read_frontend

BARE = ("HEAD", "objects", "refs")  # what lies in a repository that has no working tree


def read_application(folder: Path, name: str = "") -> Application:
    """The application of a folder, under its own name unless another is given. Nothing of it is run.
    Raises `RefusedError` for a repository without a working tree."""
    if all((folder / part).exists() for part in BARE):
        raise RefusedError(f"{folder} is a bare repository, without files.", "Clone it, and name the clone.")
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


def reading_lines(application: Application) -> list[str]:
    """What was read, and what is missing, for people."""
    width = max(len(fact.fact) for fact in application.detected)
    result = [f"{fact.fact:{width}}  {fact.value}  ({fact.source})" for fact in application.detected]
    for lack in application.missing:
        result.append(f"{'MISSING' if lack.stops else 'to know'}: {lack.what}; {lack.fix}")
    return result
