"""One rehearsal: what is deployed is read, what the local AWS does not run is started, one release goes through.

`rehearse` prepares and ends it; `ReleaseEngine` runs the pipeline as CodePipeline does: stages in order, retries,
rollbacks, notifications.
"""

import fcntl
import re
import shutil
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from scripts.deployment.aws import Aws
from scripts.deployment.errors import AwsError, RefusedError
from scripts.rehearsal import actions, deployments, janitor, messages
from scripts.rehearsal.account_view import RETRY, ROLLBACK, Action, Pipeline, Stage, read_pipeline
from scripts.rehearsal.artifacts import ArtifactStore
from scripts.rehearsal.builds import codebuild
from scripts.rehearsal.builds.images import Images
from scripts.rehearsal.builds.programs import serve_programs
from scripts.rehearsal.context import ActionOutput, Execution, RehearsalContext, RehearsalOptions
from scripts.rehearsal.edge.sites import Distributions
from scripts.rehearsal.errors import ActionFailedError, UnsupportedError
from scripts.rehearsal.history import History
from scripts.rehearsal.messages import Message
from scripts.rehearsal.permissions import PermissionChecker
from scripts.rehearsal.report import ActionResult, Release, StageResult
from scripts.rehearsal.runtime import toolchains
from scripts.rehearsal.runtime.beanstalk import BeanstalkInstances
from scripts.rehearsal.runtime.ecs import EcsTasks

Provider = Callable[[RehearsalContext, Action, Execution], ActionOutput]
PROVIDERS: Mapping[str, Provider] = {
    "CodeBuild": codebuild.run_build,
    "CodeCommit": actions.source_from_codecommit,
    "CodeStarSourceConnection": actions.source_from_connection,
    "ECS": deployments.deploy_to_ecs,
    "ElasticBeanstalk": deployments.deploy_to_beanstalk,
    "Manual": actions.approve,
    "S3": actions.deploy_to_s3,
}
RESUMED: Mapping[str, Callable[[RehearsalContext, Action], None]] = {
    "ECS": deployments.resume_ecs,
    "ElasticBeanstalk": deployments.resume_beanstalk,
}
WARNING = (
    "A rehearsal runs the application's own code on this machine: its tests, its build, what its packages run when",
    "they are installed, its server. All of it has an environment and a home folder of its own, without your",
    "credentials. But there is no sandbox: it runs as your user, can read, change and delete every file that you can,",
    "and can use the network. Rehearse only what you would run yourself.",
)
VARIABLE = re.compile(r"#\{([\w@-]+)\.([\w@-]+)\}")


@contextmanager
def rehearsal(
    aws: Aws,
    options: RehearsalOptions,
    pipeline_name: str | None = None,
    fail_at: str = "",
    print_line: Callable[[str], None] = lambda _: None,
) -> Iterator[Release]:
    """Runs one release and gives how it went; page and API answer as long as the context.

    `pipeline_name` is needed where there are several; `fail_at` names a stage or action that shall fail; `print_line`
    gets the progress. Raises `DeployError` when no release can be rehearsed at all.
    """
    with ExitStack() as stack:
        try:
            _lock(stack, options)
            context = _open_context(stack, aws, options, pipeline_name, print_line)
            failing_action = find_action(context.pipeline, fail_at) if fail_at else ""
            _say_what_runs(options, print_line)
            context.note("details of distributions and services that the local AWS does not keep: from the templates")
            _resume(context)
            context.distributions.start()
            release = ReleaseEngine(context, failing_action).release()
        except ActionFailedError as error:
            raise RefusedError(f"No release can be rehearsed: {error}") from error
        yield release


def rehearse(
    aws: Aws,
    options: RehearsalOptions,
    pipeline_name: str | None = None,
    fail_at: str = "",
    print_line: Callable[[str], None] = lambda _: None,
) -> Release:
    """As `rehearsal`; everything has ended when it returns."""
    with rehearsal(aws, options, pipeline_name, fail_at, print_line) as release:
        return release


def _say_what_runs(options: RehearsalOptions, print_line: Callable[[str], None]) -> None:
    """Warns before the first rehearsal with a cache: nothing has run yet."""
    marker = options.cache / "warned"
    if not marker.exists():
        for line in WARNING:
            print_line(line)
        marker.touch()


def _lock(stack: ExitStack, options: RehearsalOptions) -> None:
    """Clears what the last rehearsal left; two at once would share workspaces. Raises `RefusedError`."""
    options.cache.mkdir(parents=True, exist_ok=True)
    lock = stack.enter_context((options.cache / "lock").open("w"))
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise RefusedError(f"A rehearsal runs already in {options.cache}.", "Wait for it, or give --cache.") from error
    shutil.rmtree(options.log_folder, ignore_errors=True)
    options.log_folder.mkdir()


def _open_context(
    stack: ExitStack, aws: Aws, options: RehearsalOptions, pipeline_name: str | None, print_line: Callable[[str], None]
) -> RehearsalContext:
    """Everything that a release needs; what runs ends with `stack`."""
    cleaner = stack.enter_context(janitor.workspace())
    programs = stack.enter_context(serve_programs())
    pipeline = read_pipeline(aws, pipeline_name)
    checker = PermissionChecker(aws, aws.identity().account, pipeline.arn.split(":")[1])
    notes: dict[str, None] = {}
    images = Images(aws, options.cache / "images", notes.setdefault)
    python = options.programs / "python" if options.programs and (options.programs / "python").exists() else None
    venvs = options.cache / "venvs"
    tasks = EcsTasks(aws, checker, images, options.log_folder, venvs, python, print_line)
    stack.callback(tasks.stop)
    instances = BeanstalkInstances(
        aws, checker, options.log_folder, venvs, options.programs, print_line, notes.setdefault
    )
    stack.callback(instances.stop)
    distributions = Distributions(aws, f"http://127.0.0.1:{tasks.port}")
    stack.callback(distributions.stop)
    images.delete_unused(cleaner.delete)
    for folder in ("builds", "venvs", "home"):
        toolchains.delete_unused(options.cache / folder, cleaner.delete)
    return RehearsalContext(
        aws=aws,
        options=options,
        janitor=cleaner,
        pipeline=pipeline,
        checker=checker,
        store=ArtifactStore(aws, pipeline.bucket, pipeline.key, pipeline.name),
        images=images,
        tasks=tasks,
        instances=instances,
        distributions=distributions,
        programs=programs,
        print_line=print_line,
        notes=notes,
    )


def _resume(context: RehearsalContext) -> None:
    """Starts again what ran when the last rehearsal ended, as far as this machine still has what it needs."""
    for stage in context.pipeline.stages:
        for action in stage.actions:
            if action.provider in RESUMED:
                try:
                    RESUMED[action.provider](context, action)
                except ActionFailedError as error:
                    context.note(f"the previous release does not run: {error}")


def find_action(pipeline: Pipeline, name: str) -> str:
    """The action of that name as `STAGE/ACTION`, or the last one of the stage of that name. Raises `RefusedError`."""
    for stage in pipeline.stages:
        for action in stage.actions:
            if name in (action.name, str(action)):
                return str(action)
        if name == stage.name:
            return str(stage.actions[-1])
    names = [name for stage in pipeline.stages for name in (stage.name, *(action.name for action in stage.actions))]
    raise RefusedError(f"There is no stage or action {name}.", f"There are: {', '.join(names)}.")


class ReleaseEngine:
    """Runs releases of one environment."""

    def __init__(self, context: RehearsalContext, failing_action: str = "") -> None:
        self.context, self.failing_action = context, failing_action
        self.history = History(context.options.cache / "history", context.pipeline)
        self.rules = messages.enabled_rules(context.aws)
        self.messages: list[Message] = []
        context.emit_event = self._emit

    def release(self) -> Release:
        """One release, whatever becomes of it."""
        context, pipeline, began = self.context, self.context.pipeline, time.monotonic()
        execution = Execution(str(uuid.uuid4()), variables={"variables": dict(pipeline.variables)})
        execution.variables["codepipeline"] = {"PipelineExecutionId": execution.id}
        results: list[StageResult] = []
        context.checker.check_service_trust(pipeline.role, "AWS::CodePipeline::Pipeline", "RoleArn")
        started = self._start_reason()
        for stage in pipeline.stages:
            results.append(self._run_stage(stage, execution))
            if not results[-1].succeeded:
                break
        state = "SUCCEEDED" if results[-1].succeeded else "FAILED"
        self._send("CodePipeline Pipeline Execution State Change", execution, {"state": state})
        seconds = time.monotonic() - began
        return Release(
            pipeline=pipeline.name,
            id=execution.id,
            commit=execution.commit,
            started=started,
            stages=tuple(results),
            messages=tuple(self.messages),
            artifacts={
                artifact.name: f"{artifact.files} files, {artifact.bytes:,} bytes, {artifact.key}"
                for artifact in execution.artifacts.values()
            },
            usage=tuple(context.checker.usage()),
            notes=tuple(context.notes),
            seconds=seconds,
            overhead=max(0.0, seconds - context.application_seconds),
            not_reached=tuple(stage.name for stage in pipeline.stages[len(results) :]),
        )

    def _start_reason(self) -> str:
        """What starts the pipeline when its source's branch is pushed to."""
        pipeline, checker = self.context.pipeline, self.context.checker
        for action in pipeline.stages[0].actions:
            configuration = action.configuration
            branch = configuration.get("BranchName")
            for trigger in pipeline.triggers:
                branches = [name for push in trigger["push"] for name in push["branches"]["includes"]]
                if trigger["sourceActionName"] == action.name and branch in branches:
                    return f"by a push to {branch} of {configuration['FullRepositoryId']}, trigger of the pipeline"
            arn = f"{':'.join(pipeline.arn.split(':')[:5])}:{configuration.get('RepositoryName')}"
            event = {
                "source": "aws.codecommit",
                "detail-type": "CodeCommit Repository State Change",
                "resources": [arn.replace(":codepipeline:", ":codecommit:")],
                "detail": {
                    "event": "referenceUpdated",
                    "referenceType": "branch",
                    "referenceName": branch,
                    "commitId": "0" * 40,
                },
            }
            matching = [rule for rule in self.rules if messages.matches(rule.pattern, event)]
            for rule in matching:
                for target in rule.targets:
                    if target["Arn"] == pipeline.arn:
                        checker.check_service_trust(target["RoleArn"], "AWS::Events::Rule", "Targets")
                        checker.check_operation(target["RoleArn"], "target codepipeline", {"Arn": target["Arn"]})
                        return f"by a push to {branch}, rule {rule.name}"
        return "by hand: no rule starts the pipeline when its branch is pushed to"

    def _run_stage(self, stage: Stage, execution: Execution) -> StageResult:
        self.context.print_line(f"== {stage.name}")
        if skipped := self._failed_check(stage, execution):
            self.context.print_line(f"skipped: {skipped}")
            return StageResult(stage.name, (), skipped=skipped)
        results = self._run_actions(stage.actions, execution)
        result = StageResult(stage.name, tuple(results))
        if not result.succeeded and stage.on_failure == RETRY:
            self.context.print_line(f"{stage.name} is tried once more")
            succeeded = set() if stage.retries_all else {action.name for action in results if not action.error}
            retried = [action for action in stage.actions if str(action) not in succeeded]
            result = StageResult(stage.name, (*results, *self._run_actions(retried, execution)), "tried once more")
        if not result.succeeded and stage.on_failure == ROLLBACK:
            result = replace(result, consequence=self._roll_back(stage))
        if result.succeeded:
            self.history.record_success(stage.name, execution)
        return result

    def _failed_check(self, stage: Stage, execution: Execution) -> str:
        """The check that skips a stage; empty when it is entered."""
        for check in stage.checks:
            actual = _with_variables(check.variable, execution)
            if not check.passes(actual):
                return f"{check.name}: {check.variable} is {actual}, not {check.operator} {check.value}"
        return ""

    def _roll_back(self, stage: Stage) -> str:
        """Runs the stage again with the artifacts and variables of its last success; returns what came of it."""
        target = self.history.rollback_target(stage.name)
        if target is None:
            return "nothing to go back to: the stage has no earlier success under this version of the pipeline"
        text = f"rolled back to the release of commit {target.commit[:12]} (execution {target.id})"
        self.context.print_line(f"{stage.name} goes back to commit {target.commit[:12]}")
        self.failing_action = ""
        for action in self._run_actions(stage.actions, replace(target, id=str(uuid.uuid4()))):
            if action.error:
                return f"{text}: {action.name} failed, {action.error}"
        return text

    def _run_actions(self, stage_actions: Sequence[Action], execution: Execution) -> list[ActionResult]:
        """Actions in their order; none of a later RunOrder starts after a failure."""
        results: list[ActionResult] = []
        last_order: int | None = None
        for action in stage_actions:
            if last_order is not None and action.order > last_order:
                break
            results.append(self._run_action(action, execution))
            if results[-1].error:
                last_order = action.order
        return results

    def _run_action(self, action: Action, execution: Execution) -> ActionResult:
        self.context.print_line(f"-- {action} ({action.provider})")
        began, error, summary = time.monotonic(), "", ""
        try:
            output = self._provide(action, execution)
            summary = output.summary
            if action.namespace:
                execution.variables[action.namespace] = dict(output.variables)
        except ActionFailedError as failure:
            error, summary = str(failure), failure.details
        except AwsError as failure:
            error = str(failure)
        seconds = time.monotonic() - began
        detail: dict[str, Any] = {"stage": action.stage, "action": action.name, "type": dict(action.type)}
        detail["state"] = "FAILED" if error else "SUCCEEDED"
        if error:
            detail["execution-result"] = {
                "external-execution-summary": error,
                "external-execution-id": execution.id,
                "error-code": "JobFailed",
            }
        line = f"FAILED: {error} {summary}" if error else summary
        self.context.print_line(f"   {seconds:.1f} s  {line}".rstrip())
        self._send("CodePipeline Action Execution State Change", execution, detail)
        return ActionResult(str(action), action.provider, seconds, summary, error)

    def _provide(self, action: Action, execution: Execution) -> ActionOutput:
        if str(action) == self.failing_action:
            raise ActionFailedError("failed on request (FAIL_AT)")
        if action.provider not in PROVIDERS:
            raise UnsupportedError(
                f"actions of {action.provider} are not simulated, those of {', '.join(PROVIDERS)} are"
            )
        for name in action.inputs:
            if name not in execution.artifacts:
                raise ActionFailedError(f"no earlier action made the artifact {name}")
        configuration = {key: _with_variables(text, execution) for key, text in action.configuration.items()}
        return PROVIDERS[action.provider](self.context, replace(action, configuration=configuration), execution)

    def _send(self, kind: str, execution: Execution, detail: Mapping[str, Any]) -> None:
        pipeline = self.context.pipeline
        common = {"pipeline": pipeline.name, "execution-id": execution.id, "version": pipeline.version}
        self._emit("aws.codepipeline", kind, [pipeline.arn], {**common, **detail})

    def _emit(self, source: str, kind: str, resources: list[str], detail: Mapping[str, Any]) -> None:
        """Lets an event happen; what its rules send is remembered and printed."""
        event = {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": kind,
            "source": source,
            "account": self.context.checker.account,
            "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "region": self.context.aws.region,
            "resources": resources,
            "detail": detail,
        }
        for message in messages.messages_for(event, self.rules, self.context.checker):
            self.messages.append(message)
            self.context.print_line(f"notification by rule {message.rule}")


def _with_variables(text: str, execution: Execution) -> str:
    """A text with each `#{namespace.NAME}` replaced. Raises `ActionFailedError` when nothing has set it."""

    def value(match: re.Match[str]) -> str:
        if match[2] not in execution.variables.get(match[1], {}):
            raise ActionFailedError(f"{match[0]}: no earlier action has set that variable")
        return execution.variables[match[1]][match[2]]

    return VARIABLE.sub(value, text)
