"""The pipeline's stages as values: their actions, when they exist, and what happens when they fail."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from troposphere import codepipeline

from generator.core.stack import only_if
from generator.stacks.pipeline.actions import Action


class OnFailure(StrEnum):
    """What a failed stage does (codepipeline userguide, stage-retry and stage-rollback). A retry is one more try of
    the failed actions; a rollback runs the stage again with the last good release's artifacts."""

    STOP = ""
    RETRY = "RETRY"
    ROLLBACK = "ROLLBACK"


class Check(NamedTuple):
    """A rule on a variable of an earlier action, `#{Namespace.NAME}`, by one of EQ, NE, CONTAINS and MATCHES.

    Sources: codepipeline userguide, rule-reference-VariableCheck; APIReference, RuleTypeId.
    """

    name: str
    variable: str
    operator: str
    value: str

    def render(self) -> codepipeline.RuleDeclaration:
        return codepipeline.RuleDeclaration(
            Configuration={"Operator": self.operator, "Value": self.value, "Variable": self.variable},
            Name=self.name,
            RuleTypeId=codepipeline.RuleTypeId(Category="Rule", Owner="AWS", Provider="VariableCheck", Version="1"),
        )


class Skip(NamedTuple):
    """Under a condition of the template, the stage is skipped unless all checks hold (codepipeline userguide,
    stage-conditions: the result SKIP takes effect as soon as one rule fails)."""

    condition: str
    unless: Sequence[Check]

    def render(self) -> object:
        checked = codepipeline.Condition(Result="SKIP", Rules=[check.render() for check in self.unless])
        return only_if(self.condition, codepipeline.BeforeEntryConditions(Conditions=[checked]))


class Stage(NamedTuple):
    """One stage; `when` are the conditions of the template under which it exists, as in `only_if()`."""

    name: str
    actions: Sequence[Action]
    on_failure: OnFailure = OnFailure.STOP
    when: Sequence[str] = ()
    skip: Skip | None = None

    def render(self) -> object:
        more: dict[str, object] = {}
        if self.on_failure is OnFailure.RETRY:
            more["OnFailure"] = codepipeline.FailureConditions(
                Result="RETRY", RetryConfiguration=codepipeline.RetryConfiguration(RetryMode="FAILED_ACTIONS")
            )
        elif self.on_failure is OnFailure.ROLLBACK:
            more["OnFailure"] = codepipeline.FailureConditions(Result="ROLLBACK")
        if self.skip:
            more["BeforeEntry"] = self.skip.render()
        stage: object = codepipeline.Stages(
            Name=self.name, Actions=[action.render() for action in self.actions], **more
        )
        for condition in reversed(self.when):
            stage = only_if(condition, stage)
        return stage
