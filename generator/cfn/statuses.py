"""Every stack status: what it means, and what can be done with a stack that is in it. Pure.

Source: `StackStatus` in botocore's model of CloudFormation; meanings from the User Guide, "Stack status codes" and
"Understand CloudFormation stack creation events".
"""

from dataclasses import dataclass
from enum import Enum


class Action(Enum):
    """What `apply` does with a stack that it finds."""

    CREATE = "creates it"
    UPDATE = "updates it"
    RECREATE = "deletes the empty stack and creates it"
    WAIT = "follows the running operation, or reports who started it"
    CONTINUE = "stops: the verb `continue` rolls it back"
    MANUAL = "stops: a person has to act"


@dataclass(frozen=True)
class Meaning:
    """What a status means. `remedy` says what comes next where that is not an update, and who does it."""

    text: str
    action: Action
    remedy: str = ""

    @property
    def ended(self) -> bool:
        """No operation is running."""
        return self.action is not Action.WAIT


ABSENT = Meaning("does not exist", Action.CREATE)

_WAIT = "`follow` follows it until it ends; then run the same command again."
_DELETE_ALL = "Look at what is left in the stack, then delete it by hand; resources with data are retained."
_CONTINUE = (
    "Fix what stopped the rollback, then run `continue`. To give up on one resource: `continue --skip RESOURCE`."
)


def _running(text: str) -> Meaning:
    return Meaning(text, Action.WAIT, _WAIT)


STATUSES = {
    "CREATE_IN_PROGRESS": _running("is being created"),
    "CREATE_FAILED": Meaning("was created in part and not rolled back", Action.MANUAL, _DELETE_ALL),
    "CREATE_COMPLETE": Meaning("is created", Action.UPDATE),
    "ROLLBACK_IN_PROGRESS": _running("could not be created and is being removed"),
    "ROLLBACK_FAILED": Meaning("could not be created, nor removed completely", Action.MANUAL, _DELETE_ALL),
    "ROLLBACK_COMPLETE": Meaning(
        "could not be created; nothing of it is left", Action.RECREATE, "`apply` deletes it first and creates it again."
    ),
    "DELETE_IN_PROGRESS": _running("is being deleted"),
    "DELETE_FAILED": Meaning(
        "could not be deleted completely",
        Action.MANUAL,
        "Remove what its events name, then delete it again: `status` has the command.",
    ),
    "DELETE_COMPLETE": Meaning("is deleted", Action.CREATE),
    "UPDATE_IN_PROGRESS": _running("is being updated"),
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS": _running("is updated; replaced resources are being removed"),
    "UPDATE_COMPLETE": Meaning("is updated", Action.UPDATE),
    "UPDATE_FAILED": Meaning(
        "was updated in part and not rolled back", Action.CONTINUE, "Run `continue` to roll it back."
    ),
    "UPDATE_ROLLBACK_IN_PROGRESS": _running("could not be updated and is rolling back"),
    "UPDATE_ROLLBACK_FAILED": Meaning("could not be updated, and its rollback failed", Action.CONTINUE, _CONTINUE),
    "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS": _running("is rolled back; new resources are being removed"),
    "UPDATE_ROLLBACK_COMPLETE": Meaning("could not be updated and was rolled back", Action.UPDATE),
    "REVIEW_IN_PROGRESS": Meaning("is empty: its first change set was never executed", Action.CREATE),
    "IMPORT_IN_PROGRESS": _running("is importing resources"),
    "IMPORT_COMPLETE": Meaning("has imported resources", Action.UPDATE),
    "IMPORT_ROLLBACK_IN_PROGRESS": _running("could not import resources and is rolling back"),
    "IMPORT_ROLLBACK_FAILED": Meaning(
        "could not import resources, and its rollback failed",
        Action.MANUAL,
        "Look at its events; AWS has no call that continues this rollback.",
    ),
    "IMPORT_ROLLBACK_COMPLETE": Meaning("could not import resources and was rolled back", Action.UPDATE),
}

# The ends of a deployment that are what was wanted.
DEPLOYED = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"})
# The ends after which the state of before stands.
RESTORED = frozenset({"ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_ROLLBACK_COMPLETE"})


def meaning(status: str | None) -> Meaning:
    """What a status means; None is a stack that does not exist. A status that nobody knows needs manual action."""
    if status is None:
        return ABSENT
    unknown = Meaning(f"is in the unknown status {status}", Action.MANUAL, "Look at it in the CloudFormation console.")
    return STATUSES.get(status, unknown)
