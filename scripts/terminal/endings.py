"""How a command ends in front of a person: every error as lines, and the last resort for those that nobody foresaw."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

from scripts.deployment.errors import DeployError, Exit
from scripts.terminal import hints

PROJECT = Path(__file__).resolve().parents[2]


def ended(run: Callable[[], Exit], interrupted: DeployError, title: str = "", debug: bool = False) -> Exit:
    """Runs a command and says how it ended; `interrupted` is what Ctrl-C means for it, `title` what is run. `debug`
    shows where in the code an unexpected error arose; otherwise a file is named that tells it."""
    try:
        return run()
    except DeployError as error:
        if debug:
            import traceback

            traceback.print_exc()
        return _tell(error)
    except KeyboardInterrupt:
        return _tell(interrupted)
    except Exception as error:  # the last resort: nothing else stands between an error of ours and a person
        return _unexpected(error, title, debug)


def _tell(error: DeployError) -> Exit:
    from scripts.terminal import console

    for line in str(error).splitlines():
        console.show_line(line, sys.stderr)
    return error.status


def _unexpected(error: Exception, title: str, debug: bool) -> Exit:
    """Says what nobody foresaw in a few lines. It is not known how far the command came: nothing is claimed."""
    import traceback

    from scripts.terminal import console

    frame = (traceback.extract_tb(error.__traceback__) or [None])[-1]
    where = f" ({Path(frame.filename).name}, line {frame.lineno})" if frame else ""
    text = f"{title}\n" + "".join(traceback.format_exception(error))
    lines = [
        f"An unexpected error ended `{title}`: {type(error).__name__}: {error}{where}.",
        "How far it came is not known; " + hints.spelled("`status` shows the state of the stacks."),
    ]
    if isinstance(error, ModuleNotFoundError) and (error.name or "").split(".")[0] not in ("generator", "scripts"):
        lines.append(
            f"{error.name} is not installed in {sys.prefix}: `python scripts/set_up.py .venv local` completes it."
        )
    if debug:
        lines.append(f"It arose here:\n{text}")
    elif log := _log(text):
        lines.append(f"The details are in {log}; the same command with --debug shows it.")
    else:
        lines.append("The same command with --debug shows where it arose.")
    for part in "\n".join(lines).splitlines():
        console.show_line(part, sys.stderr)
    return Exit.INTERNAL


def _log(text: str) -> Path | None:
    """The file that holds the details of an unexpected error, for its owner's eyes; None where none can be written."""
    import platform
    from datetime import UTC, datetime

    folder, moment = PROJECT / ".cache" / "errors", datetime.now(UTC)
    file = folder / f"{moment:%Y-%m-%dT%H-%M-%S-%f}.log"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as log:
            log.write(f"{moment:%Y-%m-%d %H:%M:%S} UTC, Python {platform.python_version()}\n{text}")
    except OSError:
        return None
    return file
