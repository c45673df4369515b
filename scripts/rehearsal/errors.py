"""What can end an action of a release."""


class Failed(Exception):
    """An action that failed; the message is what CodePipeline shows as its summary, `more` where to read on here."""

    def __init__(self, message: str, more: str = "") -> None:
        self.more = more
        super().__init__(message)


class Unsupported(Failed):
    """Something is deployed that a rehearsal does not imitate; the message names it."""
