"""What can end an action of a release."""


class Failed(Exception):
    """An action that failed; the message is what CodePipeline shows as its summary."""


class Unsupported(Failed):
    """Something is deployed that a rehearsal does not imitate; the message names it."""
