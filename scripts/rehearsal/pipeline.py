"""Plays one release through a pipeline as it is deployed: stages in order, retries, rollbacks, notifications."""

import re
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from scripts.deployment.errors import AwsError, RefusedError
from scripts.rehearsal import messages
from scripts.rehearsal.deployed import RETRY, ROLLBACK, Action, Pipeline, Stage
from scripts.rehearsal.errors import Failed, Unsupported
from scripts.rehearsal.history import History
from scripts.rehearsal.messages import Message
from scripts.rehearsal.node import NodeError
from scripts.rehearsal.providers import approval, beanstalk, codebuild, codecommit, ecs, s3
from scripts.rehearsal.results import ActionResult, Release, StageResult
from scripts.rehearsal.stage import Result, Run, World

Provider = Callable[[World, Action, Run], Result]
PROVIDERS: Mapping[str, Provider] = {
    "CodeBuild": codebuild.run,
    "CodeCommit": codecommit.run,
    "CodeStarSourceConnection": codecommit.connected,
    "ECS": ecs.run,
    "ElasticBeanstalk": beanstalk.run,
    "Manual": approval.run,
    "S3": s3.run,
}
VARIABLE = re.compile(r"#\{([\w@-]+)\.([\w@-]+)\}")


def failing(pipeline: Pipeline, name: str) -> str:
    """The action that shall fail: that of the name, or the last one of the stage of that name. Raises
    `RefusedError`."""
    for stage in pipeline.stages:
        for action in stage.actions:
            if name in (action.name, str(action)):
                return str(action)
        if name == stage.name:
            return str(stage.actions[-1])
    known = ", ".join(one for stage in pipeline.stages for one in (stage.name, *(a.name for a in stage.actions)))
    raise RefusedError(f"There is no stage or action {name}.", f"There are: {known}.")


class Player:
    """Plays releases of one environment."""

    def __init__(self, world: World, fail_at: str = "") -> None:
        self.world, self.fail_at = world, fail_at
        self.history = History(world.options.cache / "history", world.pipeline)
        self.rules = messages.rules(world.aws)
        self.messages: list[Message] = []
        world.emit = self._emit

    def play(self) -> Release:
        """One release, whatever becomes of it."""
        world, pipeline, began = self.world, self.world.pipeline, time.monotonic()
        execution = str(uuid.uuid4())
        known = {"variables": dict(pipeline.variables), "codepipeline": {"PipelineExecutionId": execution}}
        run = Run(execution, variables=known)
        done: list[StageResult] = []
        world.judge.assume(pipeline.role, "AWS::CodePipeline::Pipeline", "RoleArn")
        started = self._start()
        for stage in pipeline.stages:
            done.append(self._stage(stage, run))
            if not done[-1].succeeded:
                break
        left = tuple(stage.name for stage in pipeline.stages[len(done) :])
        good = done[-1].succeeded
        self._send("CodePipeline Pipeline Execution State Change", run, {"state": "SUCCEEDED" if good else "FAILED"})
        seconds = time.monotonic() - began
        artifacts = {one.name: f"{one.files} files, {one.bytes:,} bytes, {one.key}" for one in run.artifacts.values()}
        return Release(
            pipeline.name,
            run.id,
            run.commit,
            started,
            tuple(done),
            tuple(self.messages),
            artifacts,
            tuple(world.judge.usage()),
            tuple(world.notes),
            seconds,
            max(0.0, seconds - world.seconds),
            left,
        )

    def _start(self) -> str:
        """What starts the pipeline when its source's branch is pushed to."""
        for action in self.world.pipeline.stages[0].actions:
            given = action.configuration
            for trigger in self.world.pipeline.triggers:
                branches = [name for push in trigger["push"] for name in push["branches"]["includes"]]
                if trigger["sourceActionName"] == action.name and given.get("BranchName") in branches:
                    return f"by a push to {given['BranchName']} of {given['FullRepositoryId']}, trigger of the pipeline"
            arn = f"{':'.join(self.world.pipeline.arn.split(':')[:5])}:{given.get('RepositoryName')}"
            event = {
                "source": "aws.codecommit",
                "detail-type": "CodeCommit Repository State Change",
                "resources": [arn.replace(":codepipeline:", ":codecommit:")],
                "detail": {
                    "event": "referenceUpdated",
                    "referenceType": "branch",
                    "referenceName": given.get("BranchName"),
                    "commitId": "0" * 40,
                },
            }
            for rule in self.rules:
                for target in rule.targets:
                    if target["Arn"] == self.world.pipeline.arn and messages.matches(rule.pattern, event):
                        self.world.judge.assume(target["RoleArn"], "AWS::Events::Rule", "Targets")
                        self.world.judge.need(target["RoleArn"], "target codepipeline", {"Arn": target["Arn"]})
                        return f"by a push to {given.get('BranchName')}, rule {rule.name}"
        return "by hand: no rule starts the pipeline when its branch is pushed to"

    def _stage(self, stage: Stage, run: Run) -> StageResult:
        self.world.say(f"== {stage.name}")
        if skipped := self._skipped(stage, run):
            self.world.say(f"skipped: {skipped}")
            return StageResult(stage.name, (), skipped=skipped)
        done = self._actions(stage.actions, run)
        result = StageResult(stage.name, tuple(done))
        if not result.succeeded and stage.on_failure == RETRY:
            self.world.say(f"{stage.name} is tried once more")
            good = set() if stage.all_again else {one.name for one in done if not one.error}
            again = self._actions([one for one in stage.actions if str(one) not in good], run)
            result = StageResult(stage.name, (*done, *again), "tried once more")
        if not result.succeeded and stage.on_failure == ROLLBACK:
            result = replace(result, after=self._roll_back(stage))
        if result.succeeded:
            self.history.succeeded(stage.name, run)
        return result

    def _skipped(self, stage: Stage, run: Run) -> str:
        """The check that skips a stage; empty when it is entered."""
        for check in stage.checks:
            found = VARIABLE.sub(lambda match: _value(match, run), check.variable)
            if not check.holds(found):
                return f"{check.name}: {check.variable} is {found}, not {check.operator} {check.value}"
        return ""

    def _roll_back(self, stage: Stage) -> str:
        """Runs the stage again with the artifacts and variables of its last success."""
        target = self.history.target(stage.name)
        if target is None:
            return "nothing to go back to: the stage has no earlier success under this form of the pipeline"
        what = f"rolled back to the release of commit {target.commit[:12]} (execution {target.id})"
        self.world.say(f"{stage.name} goes back to commit {target.commit[:12]}")
        self.fail_at = ""
        done = self._actions(stage.actions, replace(target, id=str(uuid.uuid4())))
        failed = [one for one in done if one.error]
        return f"{what}: {failed[0].name} failed, {failed[0].error}" if failed else what

    def _actions(self, actions: tuple[Action, ...] | list[Action], run: Run) -> list[ActionResult]:
        """Actions in their order; none of a later RunOrder starts after a failure."""
        done: list[ActionResult] = []
        last: int | None = None
        for action in actions:
            if last is not None and action.order > last:
                break
            done.append(self._action(action, run))
            last = action.order if done[-1].error else last
        return done

    def _action(self, action: Action, run: Run) -> ActionResult:
        self.world.say(f"-- {action} ({action.provider})")
        began, error, result = time.monotonic(), "", Result()
        try:
            result = self._provide(action, run)
            if action.namespace:
                run.variables[action.namespace] = dict(result.variables)
        except Failed as failed:
            error, result = str(failed), Result(summary=failed.more)
        except (AwsError, NodeError) as failed:
            error = str(failed)
        seconds = time.monotonic() - began
        outcome = {"external-execution-summary": error, "external-execution-id": run.id, "error-code": "JobFailed"}
        detail: dict[str, Any] = {"stage": action.stage, "action": action.name, "type": dict(action.type)}
        detail |= {"state": "FAILED", "execution-result": outcome} if error else {"state": "SUCCEEDED"}
        said = f"FAILED: {error} {result.summary}" if error else result.summary
        self.world.say(f"   {seconds:.1f} s  {said}".rstrip())
        self._send("CodePipeline Action Execution State Change", run, detail)
        return ActionResult(str(action), action.provider, seconds, result.summary, error)

    def _provide(self, action: Action, run: Run) -> Result:
        if str(action) == self.fail_at:
            raise Failed("made to fail (FAIL_AT)")
        if action.provider not in PROVIDERS:
            raise Unsupported(f"actions of {action.provider} are not imitated, those of {', '.join(PROVIDERS)} are")
        for name in action.inputs:
            if name not in run.artifacts:
                raise Failed(f"no action before made the artifact {name}")

        configuration = {
            key: VARIABLE.sub(lambda match: _value(match, run), text) for key, text in action.configuration.items()
        }
        return PROVIDERS[action.provider](self.world, replace(action, configuration=configuration), run)

    def _send(self, kind: str, run: Run, detail: Mapping[str, Any]) -> None:
        pipeline = self.world.pipeline
        known = {"pipeline": pipeline.name, "execution-id": run.id, "version": pipeline.version}
        self._emit("aws.codepipeline", kind, [pipeline.arn], {**known, **detail})

    def _emit(self, source: str, kind: str, resources: list[str], detail: Mapping[str, Any]) -> None:
        """Lets an event happen; what its rules send is remembered and shown."""
        event = {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": kind,
            "source": source,
            "account": self.world.judge.account,
            "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "region": self.world.aws.region,
            "resources": resources,
            "detail": detail,
        }
        sent = messages.sent(event, self.rules, self.world.judge)
        self.messages += sent
        for one in sent:
            self.world.say(f"notification by rule {one.rule}")


def _value(found: re.Match[str], run: Run) -> str:
    """What a `#{namespace.NAME}` stands for. Raises `Failed` when nothing has set it."""
    if found[2] not in run.variables.get(found[1], {}):
        raise Failed(f"{found[0]}: no action before has set that variable")
    return run.variables[found[1]][found[2]]
