"""The pipeline's stages as values: their actions, when they exist, and what happens when they fail."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from troposphere import codepipeline

from generator.pipeline.actions import Action
from generator.stack import only_if


class OnFailure(StrEnum):
    """What a failed stage does (codepipeline userguide, stage-retry and stage-rollback). A retry is one more try of
    the failed actions; a rollback runs the stage again with the last good release's artifacts."""

    STOP = ""
    RETRY = "RETRY"
    ROLLBACK = "ROLLBACK"


class Stage(NamedTuple):
    """One stage; `when` are the conditions of the template under which it exists, as in `only_if()`."""

    name: str
    actions: Sequence[Action]
    on_failure: OnFailure = OnFailure.STOP
    when: Sequence[str] = ()

    def render(self) -> object:
        more: dict[str, object] = {}
        if self.on_failure is OnFailure.RETRY:
            more["OnFailure"] = codepipeline.FailureConditions(
                Result="RETRY", RetryConfiguration=codepipeline.RetryConfiguration(RetryMode="FAILED_ACTIONS")
            )
        elif self.on_failure is OnFailure.ROLLBACK:
            more["OnFailure"] = codepipeline.FailureConditions(Result="ROLLBACK")
        stage: object = codepipeline.Stages(Name=self.name, Actions=[one.render() for one in self.actions], **more)
        for condition in reversed(self.when):
            stage = only_if(condition, stage)
        return stage
