"""The parts that an environment may have beside its own stack, and what is computed for them: the root `edge` in
us-east-1, with a certificate or CloudFront's alarms, and a backend on Elastic Beanstalk."""

from collections.abc import Iterator, Sequence

from generator.cfn import template_names as names
from generator.cfn.environments import EDGE, ENVIRONMENT, SHARED, Environment
from scripts.deployment import stacks
from scripts.deployment.aws import Aws
from scripts.deployment.deploy_root import Context, RootDeployment, deploy_root
from scripts.deployment.environment import BEANSTALK, COMPUTED, Computation, Computed
from scripts.deployment.errors import Exit, RefusedError
from scripts.operations.deletion import superfluous_roots

# Branches of the Python platform (elasticbeanstalk platforms, platforms-supported.python).
PLATFORM = "Python {} running on 64bit Amazon Linux 2023"


def takes_certificate(environment: Environment) -> bool:
    """Whether the environment answers with the certificate of the root `edge`."""
    return bool(environment.chosen(names.ZONE)) and not environment.chosen(names.OWN_CERTIFICATE)


def roots(context: Context) -> list[Environment]:
    """The roots of a run in their order, without those that would create nothing, and at last what nobody needs any
    more. A source behind a connection needs nothing of what is shared."""
    # The certificate in `edge` stands before the environment that takes it, and goes after the one that did.
    order = (SHARED, EDGE, ENVIRONMENT) if takes_certificate(context.environment) else (SHARED, ENVIRONMENT, EDGE)
    named = [context.roots[name] for name in order if name in context.roots]
    needed = [each for each in named if each.needed]
    kept = [each for each in needed if not (each.root.name == SHARED and context.environment.connection)]
    return [*kept, *superfluous_roots(context)]


def values(root: RootDeployment) -> Iterator[Computed]:
    """The computed parameters of a root's optional parts. Raises `RefusedError` when one cannot be computed."""
    computation, computed = root.computation, root.environment.computed
    if names.DISTRIBUTION in computed:
        yield distribution(root)
    if names.CERTIFICATE in computed:
        yield _certificate(computation)
    if names.SIGNING_PROFILE in computed:
        yield signing_profile(root)
    if names.PLATFORM_ARN in computed:
        yield from _beanstalk(computation)


def signing_profile(root: RootDeployment) -> Computed:
    """The profile with which the registry signs images; none while `shared` does not ask for signatures. A source
    behind a connection deploys nothing of what is shared, and its images are signed all the same."""
    stack = root.other_stacks.get(SHARED)
    if stack is None and root.context.environment.connection:
        stack = stacks.read(root.context.aws, root.context.roots[SHARED].stack)
    value = stack.outputs.get(names.SIGNING_PROFILE, "") if stack else ""
    how = f"output of {stack.name}" if stack and value else "no image is signed"
    return Computed(names.SIGNING_PROFILE, value, COMPUTED, how)


def _certificate(computation: Computation) -> Computed:
    environment = computation.environment
    if not takes_certificate(environment):
        return Computed(names.CERTIFICATE, "", COMPUTED, "no certificate is to be made")
    if certificate := computation.output(EDGE, names.CERTIFICATE):
        return certificate
    domain = environment.chosen(names.DOMAIN)
    raise RefusedError(f"The certificate of {domain} does not exist.", "Run `apply` again.")


def distribution(root: RootDeployment) -> Computed:
    """The distribution that the root `edge` watches; none while nobody wants it watched or it does not exist."""
    if root.environment.chosen(names.EDGE_ALARMS) != "true":
        return Computed(names.DISTRIBUTION, "", COMPUTED, "nobody wants CloudFront's alarms")
    main = root.context.roots[ENVIRONMENT]
    stack = root.other_stacks.get(ENVIRONMENT) or stacks.read(root.context.aws, main.stack)
    value = stack.outputs.get(names.DISTRIBUTION, "") if stack else ""
    how = f"output of {main.stack}" if value else "there is no distribution yet"
    return Computed(names.DISTRIBUTION, value, COMPUTED, how)


def _beanstalk(computation: Computation) -> Iterator[Computed]:
    """The newest version of the platform for the environment's Python, and zones that offer its instances."""
    aws, environment = computation.aws, computation.environment
    if environment.chosen(names.TARGET) != BEANSTALK:
        yield Computed(names.PLATFORM_ARN, "none", COMPUTED, "the backend does not run on Elastic Beanstalk")
        return
    yield from computation.zones(zones_with(aws, environment.chosen(names.INSTANCE)))
    branch = PLATFORM.format(environment.chosen(names.PYTHON))
    criteria = {"PlatformBranchName": branch, "PlatformStatus": "Ready"}
    filters = [{"Type": name, "Operator": "=", "Values": [value]} for name, value in criteria.items()]
    versions = [
        (tuple(map(int, entry["PlatformVersion"].split("."))), entry["PlatformArn"])
        for page in aws.pages("elasticbeanstalk", "list_platform_versions", Filters=filters)
        for entry in page["PlatformSummaryList"]
    ]
    if not versions:
        reason = f"Elastic Beanstalk in {aws.region} has no platform {branch}."
        raise RefusedError(reason, "Choose another PythonVersion.")
    yield Computed(names.PLATFORM_ARN, max(versions)[1], COMPUTED, f"newest version of {branch}")


def zones_with(aws: Aws, instance_type: str) -> set[str]:
    """The names of the availability zones that offer instances of a type."""
    filters = [{"Name": "instance-type", "Values": [instance_type]}]
    pages = aws.pages("ec2", "describe_instance_type_offerings", LocationType="availability-zone", Filters=filters)
    return {str(offering["Location"]) for page in pages for offering in page["InstanceTypeOfferings"]}


def deploy_edge_again(roots: Sequence[RootDeployment]) -> Exit:
    """The root `edge` once more, when the environment has a distribution now that its alarms do not know yet. Nothing
    is done besides a reviewed plan."""
    for root in (each for each in roots if each.name == EDGE):
        stack, extensions = root.other_stacks.get(EDGE), root.context.extensions
        if stack and distribution(root).value != stack.parameters[names.DISTRIBUTION]:
            if not extensions.keeps_change_sets:
                return deploy_root(root)[0]
            line = f"{root.environment.stack} does not know the distribution yet: plan and apply once more"
            extensions.say([line])
    return Exit.DONE
