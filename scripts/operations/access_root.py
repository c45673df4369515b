"""The access root: the roles that deploy an environment, or what all of them share, made by an administrator before
anything else of it."""

from dataclasses import replace

from generator.cfn.environments import ACCESS, SHARED
from generator.cfn.packaging import Bucket
from generator.cfn.stacks import Stack
from generator.cfn.template_names import REPOSITORY
from scripts.deployment import stacks
from scripts.deployment.deploy_root import deploy_root, package_roots
from scripts.deployment.errors import Exit, ManualActionRequiredError, UsageError
from scripts.deployment.package import prepare
from scripts.operations import service_role
from scripts.operations.deploying import context
from scripts.operations.options import DeployOptions
from scripts.operations.run import Run


def deploy_access(run: Run, options: DeployOptions) -> Exit:
    """Deploys the access stack alone, with the caller's own rights: the execution role may not change itself. Raises
    `UsageError` for templates without one, `ManualActionRequiredError` for one whose deletion has not ended."""
    if ACCESS not in run.roots:
        raise UsageError(f"{run.environment.name} has no roles of its own.", "These templates have no access root.")
    stack = stacks.read(run.aws, run.roots[ACCESS].stack)
    if stack and stack.status == service_role.HALF_DELETED and run.roots[ACCESS].root.name == ACCESS:
        why = f"{stack.name} {stack.meaning.text} ({stack.status})."
        raise ManualActionRequiredError(why, service_role.end_of_deletion(stack))
    shared = run.roots[SHARED]
    # The repository comes after the roles that make it: it will have the name that its file gives.
    repository = {REPOSITORY: shared.values({})[REPOSITORY]}
    [root] = package_roots(context(run, options), run.roots[ACCESS])
    # Whoever deploys the environment may write its templates, and may not make the bucket that holds everybody's.
    for region in dict.fromkeys(each.region or run.aws.region for each in run.roots.values()):
        aws = run.aws.at(region)
        prepare(aws, Bucket.of(run.environment.application, aws.identity().account, aws.region))
    ended, _ = deploy_root(replace(root, other_stacks={SHARED: Stack(shared.stack, "", "", outputs=repository)}))
    return ended
