"""Every way in which the deploy script ends, as typed errors and exit statuses. This is the one place for both.

| status | meaning |
|---|---|
| 0 | done, or there was nothing to do |
| 1 | the operation failed and was rolled back: the old state stands |
| 2 | changes are waiting: they were shown and nobody agreed to them |
| 3 | refused before anything happened |
| 4 | left running, or in a state that needs manual action |
| 64 | bad usage (`EX_USAGE` of sysexits.h) |
| 70 | an error of ours, unexpected (`EX_SOFTWARE`); how far it came is not known |
| 74 | done, but the output could not be written (`EX_IOERR`) |
"""

import os
import sys
from collections.abc import Callable, Sequence
from enum import IntEnum
from pathlib import Path

from scripts.terminal import hints

PROJECT = Path(__file__).resolve().parents[2]


class Exit(IntEnum):
    """The exit statuses, see above."""

    DONE = 0
    FAILED = 1
    CHANGES = 2
    REFUSED = 3
    MANUAL = 4
    USAGE = 64
    INTERNAL = 70
    OUTPUT = 74


MEANINGS = {
    Exit.DONE: "done or nothing to do",
    Exit.FAILED: "failed and rolled back",
    Exit.CHANGES: "changes waiting",
    Exit.REFUSED: "refused before anything happened",
    Exit.MANUAL: "left running, or manual action required",
    Exit.USAGE: "bad usage",
    Exit.INTERNAL: "an unexpected error",
    Exit.OUTPUT: "done, but the output could not be written",
}


class DeployError(Exception):
    """Anything that ends the script. `reason` is what is wrong, `remedy` what to do about it."""

    status = Exit.REFUSED

    def __init__(self, reason: str, remedy: str = "") -> None:
        self.reason, self.remedy = reason, remedy
        super().__init__(f"{reason}\n{remedy}" if remedy else reason)


class UsageError(DeployError):
    """Arguments that make no sense."""

    status = Exit.USAGE


class RefusedError(DeployError):
    """Something is wrong and nothing has happened yet."""


class ParametersRefusedError(RefusedError):
    """A parameter file is wrong; all its problems at once."""

    def __init__(self, problems: Sequence[object]) -> None:
        count = "one problem" if len(problems) == 1 else f"{len(problems)} problems"
        reason = "\n".join(["The parameters are refused:", *(f"  {problem}" for problem in problems)])
        super().__init__(reason, f"Correct {count} and run again.")


class NotConfirmedError(DeployError):
    """The changes were shown and nobody said yes."""

    status = Exit.CHANGES


class UnfinishedError(DeployError):
    """Something that left nothing behind was ended before it could say whether it is good."""

    status = Exit.FAILED


class ManualActionRequiredError(DeployError):
    """An operation is running, or a stack is in a state that the script must not leave by itself."""

    status = Exit.MANUAL


# Where the codes begin that say something about who calls and what is asked, not about AWS or the way to it. Source:
# CloudFormation API Reference, "Common Errors"; botocore's exceptions.
FINAL = (
    *(
        "AccessDenied",
        "ExpiredToken",
        "InvalidClientTokenId",
        "MfaCode",
        "NoCredentials",
        "OptInRequired",
        "ParamValidation",
    ),
    *("PartialCredentials", "RequestExpired", "SSO", "SignatureDoesNotMatch", "TokenRetrieval", "Unauthorized"),
    *("UnrecognizedClient", "ValidationError"),
)


class AwsError(RefusedError):
    """A call that AWS answered with an error, or that did not reach it. `code` is AWS's error code or the class."""

    def __init__(self, call: str, code: str, message: str, remedy: str = "") -> None:
        self.call, self.code, self.message = call, code, message
        super().__init__(f"{call}: {code}: {message}", remedy)

    @property
    def final(self) -> bool:
        """Whether the same call will fail again until somebody does something."""
        return self.code.startswith(FINAL)


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

    for line in hints.spelled(str(error)).splitlines():
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
        "How far it came is not known; " + hints.spelled("`status` tells how the stacks stand."),
    ]
    if debug:
        lines.append(f"It arose here:\n{text}")
    elif log := _log(text):
        lines.append(f"Where it arose stands in {log}; the same command with --debug shows it.")
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
