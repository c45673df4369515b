"""`migrate`: an application's folder, with all branches and tags, into the repository of the shared stack.

The first two of the design's migration steps. Every step can be repeated: what is there already stays.
"""

import subprocess
from argparse import ArgumentParser
from dataclasses import dataclass, field, replace
from pathlib import Path

from generator.cfn import template_names
from generator.cfn.environments import ENVIRONMENT, SHARED
from generator.cfn.parameters import effective, read
from generator.cfn.templates import load
from scripts import git
from scripts.deployment import stacks
from scripts.deployment.aws import Aws
from scripts.deployment.errors import Exit, ManualActionRequiredError, RefusedError
from scripts.operations import application
from scripts.operations.credentials import git_credentials
from scripts.operations.deploying import deploy
from scripts.operations.options import DeployOptions, deploy_arguments
from scripts.operations.run import Run, say
from scripts.terminal import results

# The credentials reach git through the environment, so that they stand in no command line and no file.
HELPER = '!f() { echo "username=$DEPLOY_GIT_USER"; echo "password=$DEPLOY_GIT_PASSWORD"; }; f'


@dataclass(frozen=True)
class Options:
    """The application's folder, and what may be said of deploying the shared stack."""

    app: Path
    deployment: DeployOptions = field(default_factory=DeployOptions)


def arguments(parser: ArgumentParser) -> None:
    """Which application, and everything that making the shared stack takes."""
    parser.add_argument("--app", type=Path, required=True, help="folder of the application, the root of its repository")
    deploy_arguments(parser)


def run(run: Run, options: Options) -> Exit:
    """Checks the folder, makes the shared stack when it is missing, pushes, and sets the default branch."""
    results.begin(plans=[], operations=[])
    if run.aws.endpoint:
        raise RefusedError("The local AWS has no git server.", "`make rehearse APP=folder` releases a folder there.")
    folder = options.app
    _check(run, folder)
    shared = replace(run, roots={SHARED: run.roots[SHARED]})
    ended = deploy(shared, options.deployment)
    stack = stacks.read(run.aws, shared.environment.stack) if ended is Exit.DONE else None
    if stack is None:
        return ended
    main = stack.parameters[template_names.PROTECTED_BRANCH]
    _push(run.aws, folder, stack.outputs[template_names.CLONE_URL], main)
    if _default_branch(run.aws, stack.outputs[template_names.REPOSITORY], main):
        say([f"the default branch is {main}"])
    say([f"{folder} is in {stack.outputs[template_names.REPOSITORY]}; next: `make deploy ENV=staging`"])
    return Exit.DONE


def _check(run: Run, folder: Path) -> None:
    """Raises `RefusedError` with everything that the pipeline would miss."""
    templates = load(run.templates)
    files = [read(file) for file in sorted(run.params.glob("*.json")) if file.stem not in (SHARED, "local")]
    body = templates[ENVIRONMENT].body
    branches = dict.fromkeys(effective(file, body)[template_names.BRANCH] for file in files)
    try:
        findings = application.check(folder, application.facts(templates), list(branches))
    except git.GitError as error:
        raise RefusedError(
            f"{folder}: {error}", "Name the root of the application's git repository with --app."
        ) from error
    say(f"{folder}: {finding.what}" for finding in findings if not finding.fault)
    if faults := [finding.what for finding in findings if finding.fault]:
        raise RefusedError("\n".join([f"{folder} is not ready for the pipeline:", *(f"  {fault}" for fault in faults)]))


def _push(aws: Aws, folder: Path, url: str, main: str) -> None:
    """Pushes the protected branch first, because the first branch becomes the default one; then all and the tags."""
    user, password = git_credentials(aws, url)
    secrets = {"DEPLOY_GIT_USER": user, "DEPLOY_GIT_PASSWORD": password, "GIT_TERMINAL_PROMPT": "0"}
    # An empty helper first: no other one of the user's is asked, or told to keep what is valid for minutes.
    settings = ["-c", "credential.helper=", "-c", f"credential.helper={HELPER}"]
    for what in (f"refs/heads/{main}", "--all", "--tags"):
        command = git.command(folder, *settings, "push", url, what)
        done = subprocess.run(command, env={**git.environment(), **secrets}, check=False)
        if done.returncode:
            raise ManualActionRequiredError(
                f"`git push {what}` ended with status {done.returncode}; what was pushed before stays.",
                "Correct what git says above and run the same command again.",
            )


def _default_branch(aws: Aws, repository: str, main: str) -> bool:
    """Sets the default branch; says whether it was another one."""
    metadata = aws.call("codecommit", "get_repository", repositoryName=repository)["repositoryMetadata"]
    if metadata.get("defaultBranch") == main:
        return False
    aws.call("codecommit", "update_default_branch", repositoryName=repository, defaultBranchName=main)
    return True
