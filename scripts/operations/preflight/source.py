"""Whether the pipeline would find its source, whether names are free, and whether the caller may do it."""

from collections.abc import Callable, Iterator, Mapping

from generator.cfn import template_names
from generator.cfn.environments import ACCESS, PRODUCTION
from generator.cfn.instance import known_text, stack_instances
from generator.cfn.permissions import of
from generator.cfn.template_names import ACCOUNT_SHARED, PROTECTED_SETS, PROTECTION_WAIVED, REPOSITORY
from scripts.deployment import stacks
from scripts.deployment.aws import Answer
from scripts.deployment.environment import NO_REPOSITORY
from scripts.deployment.errors import AwsError, RefusedError
from scripts.operations import client_secrets, configuration, production
from scripts.operations.preflight.check import Check, Survey, fault, good, warning

# How a physical name is looked up: service, operation, the arguments for one name, and the error that says it is free.
# Codes: botocore's model of each service.
NAMED: Mapping[str, tuple[str, str, str, str, str]] = {
    "AWS::DynamoDB::Table": ("TableName", "dynamodb", "describe_table", "TableName", "ResourceNotFoundException"),
    "AWS::CodePipeline::Pipeline": ("Name", "codepipeline", "get_pipeline", "name", "PipelineNotFoundException"),
    "AWS::SSM::Parameter": ("Name", "ssm", "get_parameter", "Name", "ParameterNotFound"),
}


DEPLOYER = "DeployRole"  # in the root `access`; a test compares it with the template


def identity(survey: Survey) -> Iterator[Check]:
    """Who calls, and whether production may be deployed so."""
    yield good("identity", f"{survey.identity.arn} in account {survey.identity.account}, {survey.aws.region}")
    access = stacks.read(survey.aws, survey.roots[ACCESS].stack) if ACCESS in survey.roots else None
    if access is None and ACCESS in survey.roots:
        yield warning(
            "access",
            "there is no access stack: your own rights deploy",
            f"`make access ENV={survey.environment.name}` gives a role that may do just this.",
        )
    try:
        production.check_production(survey.environment, survey.identity, access, survey.project)
    except RefusedError as error:
        yield fault("access", error.reason, error.remedy)


def permissions(survey: Survey) -> Iterator[Check]:
    """What the deploy role of the access root may do, asked of IAM for the role that calls, statement by statement."""
    name = survey.identity.arn.split(":assumed-role/")
    if ACCESS not in survey.roots:
        return
    if len(name) != 2:
        yield warning("permissions", "the caller is not a role: not checked", "Deploy as a role.")
        return
    role = survey.aws.call("iam", "get_role", RoleName=name[1].partition("/")[0])["Role"]["Arn"]
    count, lacking = 0, []
    for actions, arns in _statements(survey):
        count += len(actions)
        pages = survey.aws.pages(
            "iam", "simulate_principal_policy", PolicySourceArn=role, ActionNames=actions, ResourceArns=arns
        )
        # A statement under a condition is not denied for want of the request's context.
        lacking += [
            evaluation["EvalActionName"]
            for page in pages
            for evaluation in page["EvaluationResults"]
            if evaluation["EvalDecision"] != "allowed" and not _conditional(evaluation)
        ]
    if lacking:
        what = f"{role} lacks {', '.join(sorted(set(lacking)))}"
        yield fault("permissions", what, "Deploy as the deploy role of the environment.")
    else:
        yield good("permissions", f"{count} of the deploy role")


def _conditional(evaluation: Answer) -> bool:
    """Whether a key of the request's context decides. Where resources are given, botocore's model of IAM has what is
    missing beside each of them, and in one sentence for all of them together as well."""
    every = (evaluation, *evaluation.get("ResourceSpecificResults", ()))
    return any(result.get("MissingContextValues") for result in every)


def _statements(survey: Survey) -> Iterator[tuple[list[str], list[str]]]:
    """What the deploy role may do, as (actions, resources); a pattern stands for something that it matches."""
    root = survey.roots[ACCESS]
    values = {**root.values({name: how["First"] for name, how in root.computed.items()}), **survey.known}
    values[REPOSITORY] = NO_REPOSITORY if survey.environment.connection else survey.repository
    for stack in stack_instances(root.root, values):
        resources = stack.template.resources
        managed = (arn.get("Ref") for arn in resources[DEPLOYER].get("ManagedPolicyArns", default=()))
        for resource in (resources[DEPLOYER], *(resources[name] for name in managed if name in resources)):
            for statement in of(resource):
                if statement.allows and statement.kind != "trust":
                    texts = [known_text(text, stack.values) for text in map(_expression, statement.resources)]
                    arns = ["*" if text == "*" else text.replace("*", "x") for text in texts if text]
                    if arns:
                        yield sorted(statement.actions), arns


def _expression(text: str) -> dict[str, str]:
    return {"Fn::Sub": text}


def protection(survey: Survey) -> Iterator[Check]:
    """Whether the policies of branch and approvals bind anybody, and every permission set that is named: attached to
    nobody, they protect nothing. Nothing is said of a root that is not deployed."""
    check = fault if survey.environment.name == PRODUCTION else warning
    for name, output, what, kept_from in production.PROTECTIONS:
        stack = stacks.read(survey.aws, survey.roots[name].access_stack) if name in survey.roots else None
        policy = stack.outputs.get(output) if stack else None
        if policy is None:
            continue
        bound, again = production.bound_by(survey.aws, policy), f"`access {survey.roots[name].name}` again"
        sets = [word for word in survey.roots[name].chosen(PROTECTED_SETS).split(",") if word]
        loose = [each for each in sets if not any(entity.startswith(f"AWSReservedSSO_{each}_") for entity in bound)]
        if loose:
            yield check(what, f"does not bind the permission set {', '.join(loose)} yet", _set_remedy(policy))
        if bound:
            yield good(what, f"binds {', '.join(sorted(bound))}")
        elif production.undecided(survey.roots[name]):
            remedy = f"Name people in DeveloperGroups, or say in {PROTECTION_WAIVED} why not; then run {again}."
            yield check(
                what, "binds nobody, and nobody has decided so: the file has the reason that it came with", remedy
            )
        elif reason := survey.roots[name].chosen(PROTECTION_WAIVED):
            yield warning(what, f"binds nobody, on purpose: {reason}", f"Name whom it must not let {kept_from}.")
        elif not sets:
            remedy = f"Name them in DeveloperGroups or DeveloperRoles of params/, and run {again}."
            yield check(what, f"binds nobody: whoever has the rights may {kept_from}", remedy)


def _set_remedy(policy: str) -> str:
    """How a permission set takes a policy of the account; its role can be changed by IAM Identity Center alone. Source:
    single sign-on API reference, CustomerManagedPolicyReference and ProvisionPermissionSet."""
    path, _, name = policy.partition(":policy")[2].rpartition("/")
    attach = "attach-customer-managed-policy-reference-to-permission-set --instance-arn ... --permission-set-arn ..."
    return (
        "In the account of IAM Identity Center: "
        f"`aws sso-admin {attach} --customer-managed-policy-reference Name={name},Path={path}/`, then "
        "`aws sso-admin provision-permission-set --target-type ALL_PROVISIONED_ACCOUNTS` with the same two ARNs."
    )


def apart(survey: Survey) -> Iterator[Check]:
    """Whether another environment of the account could read the secrets of the application's clients."""
    if tagged := client_secrets.tagged_prefix(survey.environment):
        yield from _untagged(survey, tagged, fault, "the application may not use it")
        return
    prefix = client_secrets.prefix(survey.environment)
    if not prefix:
        return
    try:
        client_secrets.check(survey.aws, survey.roots)
    except RefusedError as error:
        yield fault("clients' secrets", error.reason, error.remedy)
        return
    if reason := survey.environment.chosen(ACCOUNT_SHARED):
        remedy = "An account for each environment keeps them apart."
        yield warning("clients' secrets", f"{prefix}... may be read by every environment here: {reason}", remedy)
        yield from _untagged(survey, prefix, warning, "every environment here may read it")
    else:
        yield good("clients' secrets", f"{prefix}... is this environment's alone in the account")


def _untagged(survey: Survey, prefix: str, result: Callable[[str, str, str], Check], what: str) -> Iterator[Check]:
    """The clients' secrets without the tags of an environment, each with the command that gives them."""
    names = client_secrets.untagged(survey.aws, prefix)
    for name in names:
        command = client_secrets.tagging(survey.environment, name)
        remedy = f"If it is {survey.environment.name}'s, an administrator of the account gives them: `{command}`"
        yield result(f"secret {name}", f"lacks the tags Application and Environment, so that {what}", remedy)
    if not names:
        yield good("tags of clients' secrets", f"each secret {prefix}... says which environment it belongs to")


def filled_secrets(survey: Survey) -> Iterator[Check]:
    """Whether a person has given the secrets that only a person can give; nothing is said before there is a stack."""
    stack = stacks.read(survey.aws, survey.environment.stack)
    for name in configuration.unfilled(survey.aws, survey.environment, stack) if stack else ():
        remedy = f"`delivery config {survey.environment.name} --secret {name}` asks for it."
        yield fault(f"secret {name}", "has no value: no task starts without it", remedy)


def repository(survey: Survey) -> Iterator[Check]:
    """CodeCommit takes the account, and the branch is there; or the connection is complete."""
    if connection := survey.values.get(template_names.CONNECTION):
        answer = survey.aws.call("codeconnections", "get_connection", ConnectionArn=connection)["Connection"]
        if answer["ConnectionStatus"] == "AVAILABLE":
            yield good("connection", answer["ConnectionName"])
        else:
            remedy = "Complete it in the console (Developer Tools, Connections): only a person can."
            yield fault("connection", f"{answer['ConnectionName']} is {answer['ConnectionStatus']}", remedy)
        return
    survey.aws.call("codecommit", "list_repositories")
    yield good("CodeCommit", "takes this account")
    branch = survey.values.get(template_names.BRANCH)
    if branch is None:
        return
    try:
        survey.aws.call("codecommit", "get_branch", repositoryName=survey.repository, branchName=branch)
    except AwsError as error:
        # Codes: botocore's model of CodeCommit.
        if error.code not in ("RepositoryDoesNotExistException", "BranchDoesNotExistException"):
            raise
        what = f"{survey.repository} has no branch {branch}"
        yield fault("branch", what, "`migrate --app FOLDER` brings the application in, with its branches.")
    else:
        yield good("branch", f"{branch} of {survey.repository}")


def names(survey: Survey) -> Iterator[Check]:
    """Names that a first deployment would take and that are taken."""
    if survey.exists:
        return
    taken, count = [], 0
    for stack in survey.stacks:
        for resource in stack.template.resources.values():
            if resource.type in NAMED:
                place, service, operation, argument, free = NAMED[resource.type]
                name = stack.text(resource.get(place)) if resource.get(place) else None
                if name:
                    count += 1
                    try:
                        survey.aws.call(service, operation, **{argument: name})
                        taken.append(f"{resource.address} {name}")
                    except AwsError as error:
                        if error.code != free:
                            raise
    if taken:
        remedy = "Remove them, adopt them (`apply --adopt`), or choose other names in the parameter file."
        yield fault("names", f"taken already: {', '.join(taken)}", remedy)
    else:
        yield good("names", f"{count} are free")
