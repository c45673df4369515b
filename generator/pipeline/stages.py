"""The pipeline's stages as values: their actions, when they exist, and what happens when they fail."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from troposphere import If, NoValue, codepipeline

from generator.pipeline.actions import Action


class OnFailure(StrEnum):
    """What a failed stage does (codepipeline userguide, stage-retry and stage-rollback). A retry is one more try of
    the failed actions; a rollback runs the stage again with the last good release's artifacts."""

    STOP = ""
    RETRY = "RETRY"
    ROLLBACK = "ROLLBACK"


class Stage(NamedTuple):
    """One stage; `condition` names the template condition under which it exists, None for always."""

    name: str
    actions: Sequence[Action]
    on_failure: OnFailure = OnFailure.STOP
    condition: str | None = None

    def render(self) -> object:
        more: dict[str, object] = {}
        if self.on_failure is OnFailure.RETRY:
            more["OnFailure"] = codepipeline.FailureConditions(
                Result="RETRY", RetryConfiguration=codepipeline.RetryConfiguration(RetryMode="FAILED_ACTIONS")
            )
        elif self.on_failure is OnFailure.ROLLBACK:
            more["OnFailure"] = codepipeline.FailureConditions(Result="ROLLBACK")
        stage = codepipeline.Stages(Name=self.name, Actions=[action.render() for action in self.actions], **more)
        return If(self.condition, stage, NoValue) if self.condition else stage
