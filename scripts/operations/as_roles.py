"""`--as-roles`: a verb on the local AWS as the environment's own roles, as it will be run on a real account.

The script calls as the deploy role, CloudFormation acts as the execution role, and each request is judged over the
policies as they are deployed. What an administrator does on a real account is done with the account's own rights first,
where the verb deploys: the access stack, and what all environments share.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from generator.cfn.environments import ACCESS, SHARED
from generator.cfn.stacks import Stack
from generator.cfn.template_names import CLOUDFORMATION_ROLE, DEPLOY_ROLE
from scripts.deployment import stacks
from scripts.deployment.aws import Aws
from scripts.deployment.errors import Exit, RefusedError, UsageError
from scripts.operations.access_root import deploy_access
from scripts.operations.deploying import deploy
from scripts.operations.options import DeployOptions
from scripts.operations.run import Run, say

if TYPE_CHECKING:
    from scripts.local_aws.roles import Judged

SESSION = "as-roles"
_ROLES = ((DEPLOY_ROLE, "the deploy role"), (CLOUDFORMATION_ROLE, "the execution role"))
WHERE = "Statements of roles are written in generator/roots/access/, each with its reason."


def run(run: Run, options: object, verb: Callable[[Run, object], Exit]) -> Exit:
    """What the verb ends with; what was judged is told after it, however it ends. `options` are the verb's own. Raises
    `UsageError` for a real account, `RefusedError` without an access stack."""
    from scripts.local_aws import roles
    from scripts.local_aws import server as local

    served = run.aws.endpoint
    if served is None:
        raise UsageError("--as-roles is for the local AWS.", "On a real account, sign in as the deploy role.")
    if isinstance(options, DeployOptions):
        ended = _prepare(run, options)
        if ended is not Exit.DONE:
            return ended
    stack = stacks.read(run.aws, run.roots[ACCESS].stack) if ACCESS in run.roots else None
    if stack is None or DEPLOY_ROLE not in stack.outputs:
        name = run.environment.name
        raise RefusedError(f"{name} has no access stack, whose roles it could be run as.", f"`access {name}` makes it.")
    deployer = stack.outputs[DEPLOY_ROLE]
    key = run.aws.call("sts", "assume_role", RoleArn=deployer, RoleSessionName=SESSION)["Credentials"]["AccessKeyId"]
    here = replace(run, aws=Aws(endpoint=replace(served, key=key)))
    endpoint = local.Endpoint(served.url, local.ACCOUNT, served.region, served.key)
    roles.enforce(endpoint, roles.excluded(run.roots[ACCESS].root.body))
    try:
        return verb(here, options)
    finally:
        judged = roles.judged(endpoint)
        roles.stop(endpoint)
        say(lines(stack, judged))


def lines(stack: Stack, judged: "Judged") -> Iterator[str]:
    """What was judged, by the access stack's roles: each refusal with role, action, resource and what to add."""
    names = {stack.outputs[output].rpartition("/")[2]: text for output, text in _ROLES if output in stack.outputs}
    statements = {(role, sid) for role, sid, _ in judged.used}
    count = f"{len(judged.requests)} different requests judged, {len(statements)} statements used"
    yield f"as the roles of {stack.name}: {count}, {len(judged.denied) or 'none'} refused"
    for refusal, times in Counter(judged.denied).items():
        often = f" ({times} times)" if times > 1 else ""
        yield f"  {names.get(refusal.role, refusal.role)} may not {refusal.action} on {refusal.resource}{often}"
        if refusal.missing:
            yield f"    the statement that is missing: {refusal.missing}"
        yield from (f"    close: {text}" for text in refusal.near)
    for what, times in sorted(judged.unjudged.items()):
        yield f"  not judged ({times} times): {what}"
    if judged.denied:
        yield f"  {WHERE}"


def _prepare(run: Run, options: DeployOptions) -> Exit:
    """The stacks of an administrator, as they are to be."""
    ended = deploy_access(run, options)
    if ended is not Exit.DONE or run.environment.root.name == SHARED:
        return ended
    return deploy(replace(run, roots={SHARED: run.roots[SHARED]}), replace(options, plan=None))
