"""What can end an action of a release."""


class ActionFailedError(Exception):
    """An action failed; the message is what CodePipeline shows as its summary, `details` where to read on here."""

    def __init__(self, message: str, details: str = "") -> None:
        self.details = details
        super().__init__(message)


class UnsupportedError(ActionFailedError):
    """Something is deployed that a rehearsal does not simulate; the message names it."""


class NotJudgedError(ActionFailedError):
    """What happens on AWS here cannot be known without what this machine lacks; the message says what that is."""
