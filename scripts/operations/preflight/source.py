"""Whether the pipeline would find its source, whether names are free, and whether the caller may do it."""

from collections.abc import Iterator, Mapping

from generator.cfn.environments import ACCESS
from generator.cfn.instance import known_text, stack_instances
from generator.cfn.permissions import of
from scripts.deployment import who
from scripts.deployment.errors import AwsError, RefusedError
from scripts.operations.preflight.check import Check, Look, good, know, stop

# How a physical name is looked up: service, operation, the arguments for one name, and the error that says it is free.
# Codes: botocore's model of each service.
NAMED: Mapping[str, tuple[str, str, str, str, str]] = {
    "AWS::DynamoDB::Table": ("TableName", "dynamodb", "describe_table", "TableName", "ResourceNotFoundException"),
    "AWS::CodePipeline::Pipeline": ("Name", "codepipeline", "get_pipeline", "name", "PipelineNotFoundException"),
    "AWS::SSM::Parameter": ("Name", "ssm", "get_parameter", "Name", "ParameterNotFound"),
}


def identity(look: Look) -> Iterator[Check]:
    """Who calls, and whether production may be deployed so."""
    yield good("identity", f"{look.identity.arn} in account {look.identity.account}, {look.aws.region}")
    held = who.access(look.aws, look.roots)
    if held is None and ACCESS in look.roots:
        yield know(
            "access",
            "there is no access stack: your own rights deploy",
            f"`make access ENV={look.wanted.name}` gives a role that may do just this.",
        )
    try:
        who.check(look.wanted, look.identity, held, look.project)
    except RefusedError as error:
        yield stop("access", error.reason, error.remedy)


def permissions(look: Look) -> Iterator[Check]:
    """What the deploy role of the access root may do, asked of IAM for the role that calls, statement by statement."""
    name = look.identity.arn.split(":assumed-role/")
    if ACCESS not in look.roots:
        return
    if len(name) != 2:
        yield know("permissions", "the caller is not a role: not checked", "Deploy as a role.")
        return
    role = look.aws.call("iam", "get_role", RoleName=name[1].partition("/")[0])["Role"]["Arn"]
    asked, lacking = 0, []
    for actions, arns in _statements(look):
        asked += len(actions)
        pages = look.aws.pages(
            "iam", "simulate_principal_policy", PolicySourceArn=role, ActionNames=actions, ResourceArns=arns
        )
        # A statement under a condition is not denied for want of the request's context.
        lacking += [
            one["EvalActionName"]
            for page in pages
            for one in page["EvaluationResults"]
            if one["EvalDecision"] != "allowed" and not one.get("MissingContextValues")
        ]
    if lacking:
        what = f"{role} lacks {', '.join(sorted(set(lacking)))}"
        yield stop("permissions", what, "Deploy as the deploy role of the environment.")
    else:
        yield good("permissions", f"{asked} of the deploy role")


def _statements(look: Look) -> Iterator[tuple[list[str], list[str]]]:
    """What the deploy role may do, as (actions, resources); a pattern stands for something that it matches."""
    root = look.roots[ACCESS]
    values = {**root.values({name: how["First"] for name, how in root.computed.items()}), **look.known}
    for stack in stack_instances(root.root, values):
        for resource in stack.template.resources.values():
            for one in of(resource) if resource.logical_id.startswith("Deploy") else ():
                if one.allows and one.kind != "trust":
                    texts = [known_text(text, stack.values) for text in map(_expression, one.resources)]
                    arns = ["*" if text == "*" else text.replace("*", "x") for text in texts if text]
                    if arns:
                        yield sorted(one.actions), arns


def _expression(text: str) -> dict[str, str]:
    return {"Fn::Sub": text}


def repository(look: Look) -> Iterator[Check]:
    """CodeCommit takes the account, and the branch is there; or the connection is complete."""
    if connection := look.values.get("ConnectionArn"):
        found = look.aws.call("codeconnections", "get_connection", ConnectionArn=connection)["Connection"]
        if found["ConnectionStatus"] == "AVAILABLE":
            yield good("connection", found["ConnectionName"])
        else:
            remedy = "Complete it in the console (Developer Tools, Connections): only a person can."
            yield stop("connection", f"{found['ConnectionName']} is {found['ConnectionStatus']}", remedy)
        return
    look.aws.call("codecommit", "list_repositories")
    yield good("CodeCommit", "takes this account")
    branch = look.values.get("BranchName")
    if branch is None:
        return
    try:
        look.aws.call("codecommit", "get_branch", repositoryName=look.repository, branchName=branch)
    except AwsError as error:
        # Codes: botocore's model of CodeCommit.
        if error.code not in ("RepositoryDoesNotExistException", "BranchDoesNotExistException"):
            raise
        what = f"{look.repository} has no branch {branch}"
        yield stop("branch", what, "`make migrate APP=folder` brings the application in, with its branches.")
    else:
        yield good("branch", f"{branch} of {look.repository}")


def names(look: Look) -> Iterator[Check]:
    """Names that a first deployment would take and that are taken."""
    if look.exists:
        return
    taken, asked = [], 0
    for stack in look.stacks:
        for one in stack.template.resources.values():
            if one.type in NAMED:
                place, service, operation, argument, free = NAMED[one.type]
                name = stack.text(one.get(place)) if one.get(place) else None
                if name:
                    asked += 1
                    try:
                        look.aws.call(service, operation, **{argument: name})
                        taken.append(f"{one.address} {name}")
                    except AwsError as error:
                        if error.code != free:
                            raise
    if taken:
        remedy = "Remove them, adopt them (`apply --adopt`), or choose other names in the parameter file."
        yield stop("names", f"taken already: {', '.join(taken)}", remedy)
    else:
        yield good("names", f"{asked} are free")
