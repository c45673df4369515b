"""Whether the roles of an environment may do what its templates need, before CloudFormation finds out in the middle.

CloudFormation's role may make exactly the tables, the repository and the types of resources that the access stack was
told of when an administrator deployed it last. So the access stack as it stands is compared with the one that the files
here ask for; nothing of it is changed.
"""

from generator.cfn import broadening
from generator.cfn.broadening import Grant
from generator.cfn.environments import ACCESS, EDGE, ENVIRONMENT, SHARED
from generator.cfn.template_names import REPOSITORY
from generator.cfn.templates import TemplatesError, from_bodies
from scripts.deployment.compare import read_body, resolve
from scripts.deployment.deploy_root import RootDeployment
from scripts.deployment.environment import NO_REPOSITORY
from scripts.deployment.errors import RefusedError
from scripts.deployment.plan import Refusal
from scripts.operations import service_role

NAMED = 4  # statements that a refusal names


def refusals(root: RootDeployment) -> list[Refusal]:
    """Why `access` comes first, if it does. Raises `RefusedError` for an access stack that cannot be read."""
    context, access = root.context, root.context.access
    if root.environment.name != context.environment.name or root.name not in (EDGE, ENVIRONMENT, SHARED):
        return []
    if access is None or not service_role.role_of(access):
        return service_role.refusals(root.aws, root.previous, access, context.environment.name)
    missing = missing_rights(root)
    if not missing:
        return []
    named = "; ".join(f"{grant.sid or grant.holder}: {', '.join(grant.actions[:2])}" for grant in missing[:NAMED])
    more = f" and {len(missing) - NAMED} more" if len(missing) > NAMED else ""
    return [
        Refusal(
            f"the roles of the environment lack what these templates and parameters need ({named}{more}), so that "
            "CloudFormation would be refused in the middle",
            access.name,
            f"An administrator runs `make access ENV={context.environment.name}` first, from these files.",
        )
    ]


def missing_rights(root: RootDeployment) -> list[Grant]:
    """What the roles would be allowed by the files here and are not allowed now; who may take them is another matter.
    Raises `RefusedError`."""
    context, access = root.context, root.context.access
    assert access
    environment, shared = context.roots[ACCESS], context.roots[SHARED]
    # What `access` itself is given: the repository as its file names it, and none where a connection takes its place.
    named = NO_REPOSITORY if environment.connection else shared.values(shared.first_values)[REPOSITORY]
    computed = {**environment.first_values, REPOSITORY: named}
    values = environment.values({name: value for name, value in computed.items() if name in environment.computed})
    try:
        live = from_bodies({environment.root.name: read_body(context.aws, access.id)})[environment.root.name]
    except TemplatesError as error:
        raise RefusedError(f"The template of {access.name} cannot be read: {error}") from error
    before = resolve(live, access.parameters, context.aws)
    gained, _ = broadening.compare(before, resolve(environment.root, values, context.aws))
    return [grant for grant in gained if grant.broader and not grant.principals]
