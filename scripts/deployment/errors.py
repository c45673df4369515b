"""Every way in which the deploy script ends, as typed errors and exit statuses. This is the one place for both;
`scripts/terminal/endings.py` shows them.

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

from collections.abc import Sequence
from enum import IntEnum


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
    *("UnrecognizedClient", "UnusableConfiguration", "ValidationError"),
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
