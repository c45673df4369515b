"""Who may do what with one environment: the roles that people, CI and CloudFormation use.

Applied once by an administrator, before anything else of the environment; the deploy role may read this stack and not
change it. Its roles lie under an IAM path of their own, outside the path under which an environment makes its roles,
so that no deployment can widen what deploying may do. It goes last, too: CloudFormation acts as its execution role
until everything else is deleted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from troposphere import And, Equals, GetAtt, Not, Or, Ref, Sub, iam

from generator.cfn.names import PRODUCTION, ROLE_BOUNDARY
from generator.core import paths, ports
from generator.core.arns import Text
from generator.core.iam import document
from generator.core.ports import Port
from generator.core.settings import Computed, Setting, add_to, environment_name, refuse_unless
from generator.core.stack import Stack
from generator.project import Project
from generator.roots import developers, environment
from generator.roots.access import approve, boundary, deploy, destroy, execution, operate, recover, roles, trust
from generator.roots.access.handler_permissions.types import ResourceNames
from generator.roots.environment.parameters import domain, table_names
from generator.version import VERSION

# IAM user guide, reference_iam-quotas: what names and paths may hold.
ROLE = r"|[A-Za-z0-9+=,.@_/-]{1,200}"


def build(project: Project, stacks: Sequence[Stack]) -> Stack:
    """The root. `stacks` are all others: what deploying takes is read off them. Raises `UnknownTypeError`."""
    stack = Stack("access", __name__, "roles that deploy one environment", project, is_root=True)
    generator = {"Module": __name__, "Version": VERSION}
    names = environment.names(project)
    where = _resource_names(stack, names)
    stack.template.set_metadata({"Generator": generator, "Excluded": execution.excluded(where, stacks)})
    add_to(stack.template, _settings(project))
    _rules(stack)
    stack.when(environment.VERBATIM, Equals(Ref(ports.ENVIRONMENT.name), PRODUCTION))
    pipeline = names[ports.PIPELINE_NAME]

    limits = boundary.grants(project, where.names, stacks)
    limit = stack.add(
        iam.ManagedPolicy(
            ROLE_BOUNDARY,
            Description="The boundary of what roles of the environment may do",
            Path=Sub(paths.path(project.name, "-access")),
            PolicyDocument=document(limits),
        ),
        "Limits what the roles of the environment may do, whatever their own policies say.",
        ["DEP-8", "PIP-8"],
        limits,
    )
    executor = _execution_role(stack, stacks, where)
    deployers = [
        *trust.people(stack, ports.DEPLOY_USERS, ports.DEPLOY_PERMISSION_SET),
        trust.ci(stack, ports.DEPLOY_CI_ROLE),
    ]
    deployer = roles.role(
        stack,
        "DeployRole",
        deployers,
        deploy.grants(stack, names, GetAtt(executor, "Arn")),
        "Deploys the environment: runs the deploy script, and hands what it makes to CloudFormation.",
        ["DEP-8"],
        [_recovering(stack, names)],
    )
    approver = roles.role(
        stack,
        "ApproverRole",
        trust.people(stack, ports.APPROVER_USERS, ports.APPROVER_PERMISSION_SET),
        approve.grants(pipeline, names[ports.CHANGES_PROJECT], project.name),
        "Lets a release pass or stops it, after a second factor.",
        ["PIP-5"],
    )
    protected = approve.protection(project, names, GetAtt(approver, "Arn"))
    protection = stack.add(
        iam.ManagedPolicy(
            "ApprovalProtection",
            Description="Attach to people who must not let releases pass",
            Path=Sub(paths.path(project.name, "-access")),
            PolicyDocument=document(protected),
            **developers.attached(stack),
        ),
        "Keeps those it is attached to from approving, from becoming who approves, and from going around the approval.",
        ["PIP-5"],
        protected,
    )
    stack.gives(ports.CLOUDFORMATION_ROLE_ARN, GetAtt(executor, "Arn"))
    stack.gives(ports.ACCESS_BOUNDARY, Ref(limit))
    stack.gives(ports.DEPLOY_ROLE_ARN, GetAtt(deployer, "Arn"))
    stack.gives(ports.APPROVER_ROLE_ARN, GetAtt(approver, "Arn"))
    stack.gives(ports.APPROVAL_PROTECTION_ARN, Ref(protection))
    return stack


def _resource_names(stack: Stack, names: Mapping[Port, Text]) -> ResourceNames:
    tables = [ports.table(table.logical) for table in stack.project.tables]
    for domain_name in (ports.DOMAIN_NAME, ports.FORMER_DOMAIN_NAME):
        stack.takes(domain_name)
    return ResourceNames(stack.project, {**names, **{port: stack.takes(port) for port in tables}})


def _execution_role(stack: Stack, stacks: Sequence[Stack], where: ResourceNames) -> iam.Role:
    project, policies = stack.project, []
    families = execution.grants(project, where, stacks)
    inline = families.pop(execution.INLINE)
    for family, grants in families.items():
        policy = iam.ManagedPolicy(
            f"Deploying{family}",
            Description=f"What CloudFormation needs to deploy an environment: {family.lower()}",
            Path=Sub(paths.path(project.name, "-access")),
            PolicyDocument=document(grants),
        )
        policies.append(
            stack.add(
                policy, "What deploying takes, derived from the types in the templates.", ["STK-1", "PIP-8"], grants
            )
        )
    return roles.execution_role(stack, execution.INLINE, inline, policies)


def _recovering(stack: Stack, names: Mapping[Port, Text]) -> iam.ManagedPolicy:
    """What the deploy role looks at, and does on rare days, in a policy of its own: all inline policies of a role share
    10,240 characters (IAM user guide, reference_iam-quotas)."""
    grants = [*operate.standing(stack, names), *recover.grants(stack, names), *destroy.grants(stack, names)]
    owner = (stack.project, Ref(ports.ENVIRONMENT.name))
    grants += [boundary.foreign(*owner), boundary.namesake(*owner, [*grants, *operate.grants(stack, names)])]
    return stack.add(
        iam.ManagedPolicy(
            "Recovering",
            Description="What the deploy role does when something failed or goes: explain, adopt, destroy",
            Path=Sub(paths.path(stack.project.name, "-access")),
            PolicyDocument=document(grants),
        ),
        "Lets the deploy role explain what failed, adopt what an earlier environment left, and destroy one.",
        ["DEP-8"],
        grants,
    )


def _settings(project: Project) -> list[Setting]:
    deploying, approving = "Who may deploy", "Who may approve"
    return [
        environment_name("Environment"),
        *trust.settings(ports.DEPLOY_USERS, ports.DEPLOY_PERMISSION_SET, deploying),
        Setting(
            ports.DEPLOY_CI_ROLE,
            deploying,
            "Role of the CI",
            "",
            pattern=ROLE,
            rule="the name of a role of this account with its path, or empty",
        ),
        *trust.settings(ports.APPROVER_USERS, ports.APPROVER_PERMISSION_SET, approving),
        *developers.settings(),
        *table_names(project, "Tables"),
        domain(ports.DOMAIN_NAME, "Whose records are written", "Own domain"),
        domain(ports.FORMER_DOMAIN_NAME, "Whose records are written", "Domain of before"),
        Setting(
            ports.REPOSITORY_NAME,
            "Set by the deploy script",
            "Repository",
            pattern=r"[A-Za-z0-9_.-]{1,100}",
            rule="the name of a CodeCommit repository",
            computed=Computed("RepositoryName of params/shared.json", project.name),
        ),
    ]


def _differ(deploying: Port, approving: Port) -> Or:
    """Whether two parameters name others, or one of them names nobody."""
    return Or(Equals(Ref(approving.name), ""), Not(Equals(Ref(deploying.name), Ref(approving.name))))


def _rules(stack: Stack) -> None:
    def not_empty(port: Port) -> Not:
        return Not(Equals(Ref(port.name), ""))

    trust.refuse_nobody(stack, ports.DEPLOY_USERS, ports.DEPLOY_PERMISSION_SET, ports.DEPLOY_CI_ROLE)
    production = Equals(Ref(ports.ENVIRONMENT.name), PRODUCTION)
    for name, claim, says in (
        (
            "ProductionIsDeployedByPeople",
            Not(And(production, not_empty(ports.DEPLOY_CI_ROLE))),
            "production needs MFA or a permission set: leave DeployCiRole empty",
        ),
        (
            "SomebodyMayApprove",
            Or(not_empty(ports.APPROVER_USERS), not_empty(ports.APPROVER_PERMISSION_SET)),
            "nobody may approve: give ApproverUsers or ApproverPermissionSet",
        ),
        (
            "ApproversOfProductionAreNamed",
            Not(And(production, Equals(Ref(ports.APPROVER_USERS.name), "*"))),
            "everybody may approve what goes into production: name them in ApproverUsers, or leave it empty and give "
            "ApproverPermissionSet",
        ),
        (
            "NobodyApprovesHisOwnRelease",
            And(
                _differ(ports.DEPLOY_PERMISSION_SET, ports.APPROVER_PERMISSION_SET),
                Or(Not(production), _differ(ports.DEPLOY_USERS, ports.APPROVER_USERS)),
            ),
            "the same people deploy and approve: give others in ApproverUsers and ApproverPermissionSet",
        ),
    ):
        refuse_unless(stack.template, name, claim, says)
    developers.refuse_nobody(stack, of_production=True)
