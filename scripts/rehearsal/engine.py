"""One rehearsal: what is deployed is read, what the local AWS does not run is started, one release goes through.

`rehearse` prepares and ends it; `ReleaseEngine` runs the pipeline as CodePipeline does: stages in order, retries,
rollbacks, notifications.
"""

import fcntl
import json
import os
import re
import shutil
import signal
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, TextIO

from generator.cfn.limits import CONFIGURATION_VALUE
from scripts.deployment.aws import Aws
from scripts.deployment.errors import AwsError, RefusedError
from scripts.rehearsal import actions, deployments, janitor, messages
from scripts.rehearsal.account_view import RETRY, ROLLBACK, Action, Pipeline, Stage, read_pipeline
from scripts.rehearsal.artifacts import ArtifactStore
from scripts.rehearsal.builds import codebuild
from scripts.rehearsal.builds.images import Images
from scripts.rehearsal.builds.programs import serve_programs
from scripts.rehearsal.context import ActionOutput, RehearsalContext, RehearsalOptions
from scripts.rehearsal.edge.sites import Distributions
from scripts.rehearsal.errors import ActionFailedError, UnsupportedError
from scripts.rehearsal.executions import BY_HAND, PUSH, Execution, Executions, page_of
from scripts.rehearsal.messages import EventRule, Message
from scripts.rehearsal.permissions import PermissionChecker
from scripts.rehearsal.report import ActionResult, Release, StageResult
from scripts.rehearsal.runtime import toolchains
from scripts.rehearsal.runtime.beanstalk import BeanstalkInstances
from scripts.rehearsal.runtime.ecs import EcsTasks
from scripts.rehearsal.state_machine import StateMachine

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
KEPT = "kept.json"
WORKER_SECONDS = 600  # how long an execution that somebody else started waits for a rehearsal
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

    `pipeline_name` is needed where there are several; `fail_at` names a stage or action that fails on request;
    `print_line` gets the progress. Raises `DeployError` when no release can be rehearsed at all.
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
            hanging_action = find_action(context.pipeline, options.hang_at) if options.hang_at else ""
            release = ReleaseEngine(context, failing_action, hanging_action).release(options.execution)
        except ActionFailedError as error:
            raise RefusedError(f"No release can be rehearsed: {error}") from error
        yield release


def end_execution(aws: Aws, pipeline_name: str | None, execution_id: str, reason: str) -> None:
    """Ends an execution that somebody else started and that cannot be run."""
    executions = Executions(read_pipeline(aws, pipeline_name), page_of(aws))
    executions.take(execution_id).end("Failed", reason)


def _say_what_runs(options: RehearsalOptions, print_line: Callable[[str], None]) -> None:
    """Warns before the first rehearsal with a cache: nothing has run yet."""
    marker = options.cache / "warned"
    if not marker.exists():
        for line in WARNING:
            print_line(line)
        marker.touch()


def keep(aws: Aws, options: RehearsalOptions, pipeline_name: str | None, lasting: Callable[[], bool]) -> None:
    """Keeps page and API of what is deployed up as long as `lasting`; then a rehearsal with the same cache ends it.

    The addresses are in `kept.json` of the cache as soon as they answer.
    """
    addresses = options.cache / KEPT
    with ExitStack() as stack:
        lock = _lock(stack, options, clears=False)
        lock.write(str(os.getpid()))
        lock.flush()
        stack.callback(lock.truncate, 0)
        context = _open_context(stack, aws, options, pipeline_name, lambda _: None)
        _resume(context)
        context.distributions.start()
        stack.callback(addresses.unlink, missing_ok=True)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit())
        served = context.distributions.served
        urls = {f"https://{min(names)}": served[key].url for key, names in context.distributions.names.items()}
        temporary = addresses.with_suffix(".new")
        temporary.write_text(json.dumps(urls), encoding="utf-8")
        temporary.replace(addresses)
        while lasting():
            time.sleep(1)
            _resume(context)
            try:
                context.distributions.refresh()
            except (AwsError, UnsupportedError) as error:  # in the middle of an update, say: it is tried again
                print(f"the distribution goes on as it was: {error}", flush=True)


def _lock(stack: ExitStack, options: RehearsalOptions, clears: bool = True) -> TextIO:
    """Ends a process that keeps the last rehearsal's application up, and `clears` its logs; two at once would share
    workspaces. The file that it returns is for the id of such a process. Raises `RefusedError`."""
    options.cache.mkdir(parents=True, exist_ok=True)
    lock = stack.enter_context((options.cache / "lock").open("a+", encoding="ascii", errors="replace"))
    deadline = time.monotonic() + (WORKER_SECONDS if options.execution else 0)
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except OSError as error:
            lock.seek(0)
            keeper = lock.read().strip()
            if keeper.isdecimal():
                with suppress(ProcessLookupError, PermissionError):  # it has gone, and somebody else has its number
                    os.kill(int(keeper), signal.SIGTERM)
                deadline = max(deadline, time.monotonic() + 1)
            if time.monotonic() > deadline:
                raise RefusedError(
                    f"A rehearsal runs already in {options.cache}.", "Wait for it, or give --cache."
                ) from error
            time.sleep(0.2)
    lock.truncate(0)
    if clears:
        shutil.rmtree(options.log_folder, ignore_errors=True)
    options.log_folder.mkdir(exist_ok=True)
    return lock


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
    distributions = Distributions(aws, checker, f"http://127.0.0.1:{tasks.port}")
    stack.callback(distributions.stop)
    tasks.serve = instances.serve = distributions.set_backend
    executions = Executions(pipeline, page_of(aws))
    executions.end_killed()
    if options.worker:
        executions.leave_worker(options.worker)
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
        executions=executions,
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

    def __init__(self, context: RehearsalContext, failing_action: str, hanging_action: str) -> None:
        self.context, self.failing_action, self.hanging_action = context, failing_action, hanging_action
        self.rules = messages.enabled_rules(context.aws)
        self.messages: list[Message] = []
        self.watches: list[StateMachine] = []
        context.emit_event = self._emit

    def release(self, execution_id: str) -> Release:
        """One release, whatever becomes of it; or the execution of that id, which somebody else has started."""
        context, pipeline, began = self.context, self.context.pipeline, time.monotonic()
        context.checker.check_service_trust(pipeline.role, "AWS::CodePipeline::Pipeline", "RoleArn")
        started = self._start_reason()
        if execution_id:
            execution, started = context.executions.take(execution_id), "by somebody else, in the local AWS"
        else:
            execution = context.executions.begin(PUSH if started.startswith("by a push") else BY_HAND)
        self._send_state(execution, "STARTED")
        try:
            results = self._run_stages(execution)
        except BaseException as error:
            execution.end("Stopped", f"the rehearsal ended: {error!r}")
            raise
        succeeded = results[-1].succeeded
        if succeeded:
            execution.end("Succeeded")
        else:
            execution.end("Stopped" if "stop" in execution.orders else "Failed")
        stopped = "STOPPED" if "stop" in execution.orders else "FAILED"
        self._send_state(execution, "SUCCEEDED" if succeeded else stopped)
        seconds = time.monotonic() - began
        left = tuple(stage.name for stage in pipeline.stages[len(results) :])
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
            not_reached=() if all(execution.rollback) else left,
            unjudged=tuple(dict.fromkeys(context.tasks.unjudged)),
        )

    def _run_stages(self, execution: Execution) -> list[StageResult]:
        """All stages, until one fails; or the one that is rolled back."""
        stages, results = self.context.pipeline.stages, list[StageResult]()
        stage_name, target_id = execution.rollback
        if target_id:
            stage = next(stage for stage in stages if stage.name == stage_name)
            target = self.context.executions.rollback_target(stage_name, target_id)
            if target is None:
                raise RefusedError(f"{stage_name} cannot go back to execution {target_id}: it did not succeed there.")
            return [self._run_again(stage, target, execution)]
        for stage in stages:
            results.append(self._run_stage(stage, execution))
            if not results[-1].succeeded:
                break
        return results

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
        skipped = self._failed_check(stage, execution)
        if skipped and self._would_skip_requested(execution):
            # The stages before it make what it deploys, so these are entered, too.
            self.context.note(f"{stage.name}: entered although {skipped}; otherwise nothing would fail on request")
        elif skipped:
            self.context.print_line(f"skipped: {skipped}")
            execution.enter_stage(stage.name, "Skipped")
            return StageResult(stage.name, (), skipped=skipped)
        execution.enter_stage(stage.name)
        results = self._run_actions(stage.actions, execution)
        result = StageResult(stage.name, tuple(results))
        if "stop" in execution.orders:
            result = replace(result, consequence=f"stopped: {execution.orders['stop']}")
        elif not result.succeeded and stage.on_failure == RETRY:
            self.context.print_line(f"{stage.name} is tried once more")
            succeeded = set() if stage.retries_all else {action.name for action in results if not action.error}
            retried = [action for action in stage.actions if str(action) not in succeeded]
            result = StageResult(stage.name, (*results, *self._run_actions(retried, execution)), "tried once more")
        execution.leave_stage(result.succeeded)
        if not result.succeeded and stage.on_failure == ROLLBACK and "stop" not in execution.orders:
            result = replace(result, consequence=self._roll_back(stage))
        return result

    def _failed_check(self, stage: Stage, execution: Execution) -> str:
        """The check that skips a stage; empty when it is entered."""
        for check in stage.checks:
            actual = _with_variables(check.variable, execution)
            if not check.passes(actual):
                return f"{check.name}: {check.variable} is {actual}, not {check.operator} {check.value}"
        return ""

    def _would_skip_requested(self, execution: Execution) -> bool:
        """Whether the action that shall fail or hang on request is in a stage that this release would skip."""
        requested = self.failing_action or self.hanging_action
        stages = [each for each in self.context.pipeline.stages if requested in map(str, each.actions)]
        return any(self._failed_check(each, execution) for each in stages)

    def _roll_back(self, stage: Stage) -> str:
        """Runs the stage again with the artifacts and variables of its last success, as an execution of its own;
        returns what came of it."""
        target = self.context.executions.rollback_target(stage.name)
        if target is None:
            return "nothing to go back to: the stage has no earlier success under this version of the pipeline"
        text = f"rolled back to the release of commit {target.commit[:12]} (execution {target.id})"
        self.context.print_line(f"{stage.name} goes back to commit {target.commit[:12]}")
        self.failing_action = ""
        execution = self.context.executions.begin("AutomatedRollback", target.id, stage.name)
        self._send_state(execution, "STARTED")
        result = self._run_again(stage, target, execution)
        execution.end("Succeeded" if result.succeeded else "Failed")
        self._send_state(execution, "SUCCEEDED" if result.succeeded else "FAILED")
        failed = [action for action in result.actions if action.error]
        return f"{text}: {failed[0].name} failed, {failed[0].error}" if failed else text

    def _run_again(self, stage: Stage, target: Execution, execution: Execution) -> StageResult:
        """A stage with the artifacts and variables of another execution."""
        execution.artifacts, execution.commit = dict(target.artifacts), target.commit
        execution.variables, execution.revisions = dict(target.variables), list(target.revisions)
        execution.enter_stage(stage.name)
        result = StageResult(stage.name, tuple(self._run_actions(stage.actions, execution)))
        execution.leave_stage(result.succeeded)
        return result

    def _run_actions(self, stage_actions: Sequence[Action], execution: Execution) -> list[ActionResult]:
        """Actions in their order; none of a later RunOrder starts after a failure."""
        results: list[ActionResult] = []
        for _, together in groupby(stage_actions, lambda action: action.order):
            results += [self._run_action(action, execution) for action in together]
            if any(result.error for result in results):
                break
        return results

    def _run_action(self, action: Action, execution: Execution) -> ActionResult:
        self.context.print_line(f"-- {action} ({action.provider})")
        began, error, summary = time.monotonic(), "", ""
        execution.start_action(action)
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
        execution.end_action(summary, error)
        detail: dict[str, Any] = {"stage": action.stage, "action": action.name, "type": dict(action.type)}
        detail["state"] = "FAILED" if error else "SUCCEEDED"
        if "stop" in execution.orders:
            detail["state"] = "ABANDONED"
        elif error:
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
        if "stop" in execution.orders:
            raise ActionFailedError(f"the execution was stopped: {execution.orders['stop']}")
        if str(action) == self.hanging_action:
            self._hang(execution)
            raise ActionFailedError(f"the execution was stopped: {execution.orders['stop']}")
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

    def _send_state(self, execution: Execution, state: str) -> None:
        """An execution begins or ends; at its end whoever watches it looks once more."""
        self._send("CodePipeline Pipeline Execution State Change", execution, {"state": state})
        if state != "STARTED":
            self._look_once()

    def _look_once(self) -> None:
        for watch in self.watches:
            watch.look()
        self.watches = [watch for watch in self.watches if watch.status == "RUNNING"]

    def _hang(self, execution: Execution) -> None:
        """An action that does not end: the minutes of the watches pass until one of them stops the execution. Raises
        `ActionFailedError`."""
        while self.watches and "stop" not in execution.orders:
            self._look_once()
            execution.write()
        if "stop" not in execution.orders:
            raise ActionFailedError("hangs on request (--hang-at), and nothing stopped it")

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
        for rule, target in messages.targets_of(event, self.rules, "states"):
            self._start_watch(rule, target, json.loads(messages.target_input(target, event)))
        for message in messages.messages_for(event, self.rules, self.context.checker):
            self.messages.append(message)
            self.context.print_line(f"notification by rule {message.rule}")

    def _start_watch(self, rule: EventRule, target: Mapping[str, Any], state: dict[str, Any]) -> None:
        checker = self.context.checker
        checker.check_service_trust(target["RoleArn"], "AWS::Events::Rule", "Targets")
        checker.check_operation(target["RoleArn"], "target states", {"Arn": target["Arn"]})
        self.watches.append(StateMachine(self.context.aws, checker, target["Arn"], state, self.messages))
        self.context.print_line(f"watched by {target['Arn'].rpartition(':')[2]}, rule {rule.name}")


def _with_variables(text: str, execution: Execution) -> str:
    """A text with each `#{namespace.NAME}` replaced. Raises `ActionFailedError` when nothing has set it, and when the
    text gets longer than an action takes."""

    def value(match: re.Match[str]) -> str:
        if match[2] not in execution.variables.get(match[1], {}):
            raise ActionFailedError(f"{match[0]}: no earlier action has set that variable")
        return execution.variables[match[1]][match[2]]

    filled = VARIABLE.sub(value, text)
    if len(filled) > CONFIGURATION_VALUE:
        reason = f"{len(filled)} characters with its variables, and an action takes {CONFIGURATION_VALUE}"
        raise ActionFailedError(f"a value of its configuration has {reason}: {filled[:60]}...")
    return filled
