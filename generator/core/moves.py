"""Logical ids that were renamed or removed on purpose. CloudFormation deletes the old one and makes a new one.

`templates/` of the last commit is the list of ids; a test compares it with a fresh render and accepts a missing id
only with a line here. A line stays for as long as an environment may still run the old templates.
"""

from __future__ import annotations

from typing import NamedTuple


class Move(NamedTuple):
    """One renamed or removed logical id: the template's name, the id before, the id after (empty for removed), and
    what that does to a living environment."""

    template: str
    before: str
    after: str
    consequence: str


MOVES: tuple[Move, ...] = (
    Move(
        "shared",
        "BranchProtection",
        "",
        "shared-access.BranchProtection takes its place: `make access ENV=shared` comes first, and attaches it to whom"
        " the parameters name",
    ),
    Move(
        "monitoring",
        "PipelineDuration",
        "",
        "PipelineTimeout takes its place: the alarm on the duration counted the waiting for approvals, and came when"
        " the run had ended",
    ),
    Move(
        "monitoring",
        "ReleaseSucceeded",
        "",
        "the watch over the pipeline sends this message, which a rollback sent too",
    ),
    Move(
        "monitoring",
        "DeploymentRolledBack",
        "",
        "the message of the failed action is the one message of a failure; a second one is no longer sent",
    ),
    Move(
        "access",
        "DeployingWatching",
        "",
        "its statements are in DeployingConfiguration: the execution role keeps its rights, in nine policies",
    ),
)
