"""An application's folder on its way into the repository of the shared stack: checked, pushed, default branch set.

Every step can be repeated: what is there already stays.
"""

import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from generator.cfn import template_names
from generator.cfn.stacks import Stack
from generator.cfn.templates import load
from scripts import git
from scripts.deployment.aws import Aws
from scripts.deployment.errors import ManualActionRequiredError, RefusedError
from scripts.operations import application, own_buildspecs
from scripts.operations.credentials import git_credentials
from scripts.operations.run import say

# The variables of the builds that name the folder of a side.
BACKEND, FRONTEND = "BACKEND_DIRECTORY", "FRONTEND_DIRECTORY"
# The credentials reach git through the environment, so that they stand in no command line and no file.
HELPER = '!f() { echo "username=$DEPLOY_GIT_USER"; echo "password=$DEPLOY_GIT_PASSWORD"; }; f'


def check_folder(templates: Path, folder: Path, branches: Sequence[str], choices: Iterable[Mapping[str, str]]) -> None:
    """Raises `RefusedError` with everything that the pipeline would miss; `branches` are those that environments are
    built from, `choices` the parameters of those environments."""
    facts = application.facts(load(templates))
    try:
        findings = application.check(folder, facts, branches)
    except git.GitError as error:
        raise RefusedError(
            f"{folder}: {error}", "Name the root of the application's git repository with --app."
        ) from error
    own = [values for values in choices if values.get(template_names.BUILDSPEC_SOURCE) == "REPOSITORY"]
    if own:
        backend, frontend = (
            facts[directory] if any(values.get(side) != "NONE" for values in own) else ""
            for side, directory in ((template_names.TARGET, BACKEND), (template_names.FRONTEND, FRONTEND))
        )
        with_image = any(values.get(template_names.TARGET) == "ECS" for values in own)
        faulty = own_buildspecs.faults(folder, backend, frontend, with_image)
        findings += [application.Finding(what) for what in faulty]
    say(f"{folder}: {finding.what}" for finding in findings if not finding.fault)
    if faults := [finding.what for finding in findings if finding.fault]:
        raise RefusedError("\n".join([f"{folder} is not ready for the pipeline:", *(f"  {fault}" for fault in faults)]))


def push(aws: Aws, folder: Path, shared: Stack) -> None:
    """Pushes all branches and tags into the repository of the shared stack, and makes the protected branch the default
    one. Raises `ManualActionRequiredError` when git is refused."""
    main = shared.parameters[template_names.PROTECTED_BRANCH]
    _push(aws, folder, shared.outputs[template_names.CLONE_URL], main)
    if _default_branch(aws, shared.outputs[template_names.REPOSITORY], main):
        say([f"the default branch is {main}"])


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
