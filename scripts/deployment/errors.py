"""Every way in which the deploy script ends, as typed errors and exit statuses. This is the one place for both;
`scripts/terminal/endings.py` shows them."""

from collections.abc import Sequence
from enum import IntEnum


class Exit(IntEnum):
    """The exit statuses, each with its `meaning`."""

    meaning: str

    def __new__(cls, status: int, meaning: str) -> "Exit":
        exit_status = int.__new__(cls, status)
        exit_status._value_, exit_status.meaning = status, meaning
        return exit_status

    DONE = 0, "done or nothing to do"
    FAILED = 1, "failed and rolled back"
    CHANGES = 2, "changes waiting"
    REFUSED = 3, "refused before anything happened"
    MANUAL = 4, "left running, or manual action required"
    USAGE = 64, "bad usage"  # EX_USAGE of sysexits.h
    INTERNAL = 70, "an unexpected error"  # EX_SOFTWARE: an error of ours; how far it came is not known
    OUTPUT = 74, "done, but the output could not be written"  # EX_IOERR


UNREACHABLE = "AWS could not be reached: check the network and the Region, and run the same command again."
# What a person can do about an error, by the start of AWS's code or botocore's exception. Sources: CloudFormation API
# Reference, "Common Errors"; botocore's exceptions.
REMEDIES = {
    "ExpiredToken": "The credentials have expired: sign in again and run the same command.",
    "NoCredentials": "No AWS credentials were found: sign in, or name a profile with --profile.",
    "PartialCredentials": "The AWS credentials are incomplete: check the profile and the environment variables.",
    **dict.fromkeys(("SSO", "UnauthorizedSSO", "TokenRetrieval"), "Run `aws sso login` for this profile, then this."),
    "MfaCode": "Run the same command on a terminal; the session then lasts for later commands, too.",
    "AccessDenied": "The identity lacks this permission: deploy with the deploy role of the environment.",
    **dict.fromkeys(("Endpoint", "Connect", "ReadTimeout"), UNREACHABLE),
    "Proxy": "The proxy that HTTPS_PROXY names does not answer: check it, or unset the variable.",
    "HTTPClient": "Check HTTPS_PROXY and AWS_CA_BUNDLE: an address or a file there cannot be used.",
    "SSL": "The certificate of AWS is not trusted here: check the proxy, the clock, and AWS_CA_BUNDLE.",
    "InvalidRegion": "Name a region such as eu-west-1 with --region or AWS_REGION.",
    "ProfileNotFound": "Name a profile of ~/.aws/config with --profile.",
    "Config": "Correct ~/.aws/config and ~/.aws/credentials; `aws configure list` reads them, too.",
    "InfiniteLoopConfig": "Let one of the profiles in ~/.aws/config name a source_profile that has keys.",
    "InvalidConfig": "Correct the profile in ~/.aws/config, or name another one with --profile.",
    "CredentialRetrieval": "Look at what the profile runs for its credentials, or name another one with --profile.",
    "MetadataRetrieval": "Look at the variables that begin with AWS_CONTAINER_, or unset them and name a profile.",
    "UnusableConfiguration": "Correct it in ~/.aws or in the variables that begin with AWS_, or name another profile.",
}
# Errors that pass by themselves, perhaps; and others that do not, which a person has to understand first.
PASSING = ("Endpoint", "Connect", "ReadTimeout", "Proxy", "SSL", "CredentialRetrieval", "MetadataRetrieval")
FINAL = ("InvalidClientTokenId", "OptInRequired", "ParamValidation", "RequestExpired", "SignatureDoesNotMatch",
         "Unauthorized", "UnrecognizedClient", "ValidationError")  # fmt: skip


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


class TemplateMismatchError(RefusedError):
    """Somebody holds another template than the one that was reviewed: `where` is a stack or an object, `difference` the
    first one."""

    def __init__(self, where: str, difference: str) -> None:
        super().__init__(
            f"{where} is not the template that was reviewed: {difference}. Nothing was executed.",
            "Find out who can write to the packaging bucket and has changed it; then delete the object and run again.",
        )


class OvertakenError(RefusedError):
    """Somebody else was faster with the same stack; nothing of ours was started."""


class NotConfirmedError(DeployError):
    """The changes were shown and nobody said yes."""

    status = Exit.CHANGES


class ManualActionRequiredError(DeployError):
    """An operation is running, or a stack is in a state that the script must not leave by itself."""

    status = Exit.MANUAL


class AwsError(RefusedError):
    """A call that AWS answered with an error, or that did not reach it. `code` is AWS's error code or the class."""

    def __init__(self, call: str, code: str, message: str) -> None:
        self.call, self.code, self.message = call, code, message
        super().__init__(f"{call}: {code}: {message}", remedy(code))

    @property
    def final(self) -> bool:
        """Whether the same call will fail again until somebody does something."""
        return self.code.startswith((*REMEDIES, *FINAL)) and not self.code.startswith(PASSING)


def remedy(code: str) -> str:
    """What a person can do about an error of AWS or botocore; empty where nothing general helps."""
    return next((text for start, text in REMEDIES.items() if code.startswith(start)), "")
