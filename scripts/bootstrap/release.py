"""The steps of the first release: it runs, is served, and answers."""

import tempfile
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from generator.cfn import template_names
from generator.cfn.templates import load
from scripts import git, loopback
from scripts.bootstrap.progress import Bootstrap, EndedError, Progress
from scripts.deployment.aws import Aws
from scripts.deployment.errors import DeployError, Exit
from scripts.operations.releases import releases
from scripts.operations.run import say
from scripts.terminal import console, results

SUCCEEDED = "Succeeded"
ATTEMPTS, SECONDS = 6, 10.0  # looks at an address, and how long each may take
PAUSE = 2.0  # seconds between them
BODY = 200  # characters of an answer that are shown


class UnansweredError(DeployError):
    """The address does not answer as it should: the release is out, and something stands before it."""

    status = Exit.FAILED


# --- on the local AWS


def rehearse_release(bootstrap: Bootstrap) -> Progress:
    """A release of the folder as it is, rehearsed, unless the last good one is of the same commit. Raises
    `EndedError`."""
    from scripts.rehearsal.engine import rehearsal
    from scripts.rehearsal.report import report_lines

    pipeline, commit = bootstrap.stack().outputs[template_names.PIPELINE], _commit(bootstrap.folder)
    good = next(releases.good(bootstrap.run.aws, pipeline), None)
    if good and good.commit == commit:
        return Progress(f"commit {commit[:12]} is released", already=True)
    say_uncommitted(bootstrap.folder)
    options = replace(rehearsal_options(bootstrap), worker=tuple(keeping_command(bootstrap)))
    with rehearsal(bootstrap.run.aws, options, pipeline, "", _print) as release:
        console.show(report_lines(release))
        what = {"pipeline": release.pipeline, "execution": release.id, "commit": release.commit}
        results.update({"release": {**what, "succeeded": release.succeeded}})
    if not release.succeeded:
        raise EndedError(Exit.MANUAL if release.unjudged else Exit.FAILED, "release")
    return Progress(f"commit {release.commit[:12]}")


def rehearsal_options(bootstrap: Bootstrap) -> Any:
    """How the folder is rehearsed: the options of `scripts.rehearsal`."""
    from scripts.rehearsal.context import RehearsalOptions
    from scripts.rehearsal.keeping import SHORTER_WAITS

    options = bootstrap.options
    variables = {**SHORTER_WAITS, **dict(text.split("=", 1) for text in options.set)}
    return RehearsalOptions(bootstrap.folder, options.cache.resolve(), variables, options.programs)


def keeping_command(bootstrap: Bootstrap) -> list[str]:
    """The command that keeps page and API up, and runs releases that somebody else starts."""
    from scripts.rehearsal.keeping import command_line

    pipeline = bootstrap.stack().outputs[template_names.PIPELINE]
    return command_line(bootstrap.options.local_aws, rehearsal_options(bootstrap), pipeline, keeps=True)


def serve(bootstrap: Bootstrap) -> Progress:
    """Page and API stay up on this machine. Raises `RefusedError` when they do not."""
    from scripts.rehearsal.keeping import keep_up, kept_addresses

    cache = bootstrap.options.cache.resolve()
    public = bootstrap.stack().outputs[template_names.PUBLIC_URL]
    if (address := _local(kept_addresses(cache), public)) and _answers(address, loopback.urlopen):
        bootstrap.address = address
        return Progress(address, already=True)
    with console.working("starting what was released"):
        bootstrap.address = _local(keep_up(cache, keeping_command(bootstrap)), public)
    return Progress(f"{bootstrap.address} until `make local-stop` or the next rehearsal")


def verify_local(bootstrap: Bootstrap) -> Progress:
    """Page and API answer on this machine. Raises `UnansweredError`."""
    return _verify(bootstrap, loopback.urlopen)


def _local(addresses: Mapping[str, str], public: str) -> str:
    """Where a public address answers on this machine; of an address with a name of its own there is one alone."""
    return addresses.get(public) or next(iter(addresses.values()), "")


def _commit(folder: Path) -> str:
    """What a rehearsal of the folder would release: its commit, or a hash of its files. Raises `RefusedError`."""
    from scripts.rehearsal.actions import checkout

    with tempfile.TemporaryDirectory() as name:
        return checkout(folder, Path(name)).commit


def say_uncommitted(folder: Path) -> None:
    """Says what lies in a repository's folder and is in no commit: a release does not have it."""
    changed = git.state(folder).changed if (folder / ".git").exists() else ()
    if changed:
        what = "1 file that is in no commit" if len(changed) == 1 else f"{len(changed)} files that are in no commit"
        say([f"not released: {what}, such as {changed[0]}"])


def _print(text: str) -> None:
    console.show(text.splitlines())


# --- on a real account


def follow_release(bootstrap: Bootstrap) -> Progress:
    """The pipeline's first good release: the one that runs is followed, and one is started where none does. A person
    is told when an approval waits. Raises `EndedError`."""
    aws, name = bootstrap.run.aws, bootstrap.stack().outputs[template_names.PIPELINE]
    if good := next(releases.good(aws, name), None):
        return Progress(f"commit {good.commit[:12]} is released", already=True)
    busy = releases.running(aws, name)
    execution = busy[0] if busy else releases.start(aws, name, str(uuid.uuid4()))
    say([f"{name}: execution {execution} {'is followed' if busy else 'started'}"])
    look = partial(_say_actions, aws, name, execution, set[tuple[str, str]]())
    answer = releases.wait(aws, name, execution, look, f"`bootstrap {bootstrap.name}` follows it again.")
    commit = str((answer.get("artifactRevisions") or [{}])[0].get("revisionId", ""))
    what = {"pipeline": name, "execution": execution, "commit": commit}
    results.update({"release": {**what, "succeeded": answer["status"] == SUCCEEDED}})
    if answer["status"] != SUCCEEDED:
        say([f"{name}: {answer['status']} {answer.get('statusSummary', '')}".rstrip()])
        raise EndedError(Exit.FAILED, "release")
    return Progress(f"commit {commit[:12]}")


def _say_actions(aws: Aws, name: str, execution: str, shown: set[tuple[str, str]]) -> None:
    """Says what has become of the actions of an execution, but for what was `shown`."""
    pages = aws.pages(
        "codepipeline", "list_action_executions", pipelineName=name, filter={"pipelineExecutionId": execution}
    )
    for action in reversed([action for page in pages for action in page["actionExecutionDetails"]]):
        key = (str(action["actionExecutionId"]), str(action["status"]))
        if key not in shown:
            shown.add(key)
            say(_action_lines(name, action))


def _action_lines(pipeline: str, action: Mapping[str, Any]) -> list[str]:
    """An action as it stands, for people; an approval says who is waited for."""
    status = str(action["status"])
    text = f"  {action['stageName']} > {action['actionName']}: {status}"
    kind = action.get("input", {}).get("actionTypeId", {}).get("category")
    if kind == "Approval" and status in releases.RUNNING:
        return [f"{text}; an approver has to answer on the page of {pipeline} in the console"]
    return [text]


def verify_public(bootstrap: Bootstrap) -> Progress:
    """Page and API answer under the public address. Raises `UnansweredError`."""
    bootstrap.address = bootstrap.stack().outputs[template_names.PUBLIC_URL]
    return _verify(bootstrap, urllib.request.urlopen)


# --- both


def _verify(bootstrap: Bootstrap, opener: Callable[..., Any]) -> Progress:
    """Asks for what a viewer asks for: the page, where there is one, and the health of the API."""
    run = bootstrap.run
    paths = ["/"] if run.environment.chosen(template_names.FRONTEND) != "NONE" else []
    if run.environment.chosen(template_names.TARGET) != "NONE":
        paths.append(_health_path(run.templates))
    for path in paths:
        _ask(f"{bootstrap.address}{path}", opener)
    return Progress(f"{' and '.join(paths)} answer 200")


def _health_path(templates: Path) -> str:
    """The path under which the API answers whether it is well, as the pipeline's verification has it."""
    for resource in load(templates)["build"].resources.values():
        for variable in resource.get("Environment", "EnvironmentVariables", default=()) or ():
            if variable.get("Name") == "HEALTH_PATH":
                return str(variable["Value"])
    return "/health"


def _ask(url: str, opener: Callable[..., Any]) -> None:
    """Raises `UnansweredError` unless the address answers 200 within some attempts."""
    problem = ""
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(PAUSE)
        try:
            with opener(url, timeout=SECONDS) as answer:
                if answer.status == 200:
                    return
                problem = f"{answer.status} {answer.read(BODY)!r}"
        except urllib.error.HTTPError as error:
            problem = f"{error.code} {error.read(BODY)!r}"
        except OSError as error:
            problem = str(error)
    raise UnansweredError(f"{url} does not answer 200: {problem}.", "`status` and the release's log say more.")


def _answers(url: str, opener: Callable[..., Any]) -> bool:
    try:
        with opener(url, timeout=SECONDS) as answer:
            return bool(answer.status < 500)
    except urllib.error.HTTPError as error:
        return error.code < 500
    except OSError:
        return False
