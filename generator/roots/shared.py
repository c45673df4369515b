"""What the environments of one application and account share: the repository, and whether images are signed.

The repository stands in the root itself, so that an existing one can be imported. Retained: it holds the application.
The branch is protected by a policy of the access root (`generator/roots/access/shared.py`), which only an administrator
writes. The registry's signing configuration is a whole child behind a condition, as optional parts are.
"""

from __future__ import annotations

from troposphere import Equals, GetAtt, Output, Sub, codecommit
from troposphere.cloudformation import Stack as NestedStack

from generator.cfn.names import SIGNING
from generator.core import ports
from generator.core.settings import Setting, add_to
from generator.core.stack import Stack
from generator.project import Project
from generator.stacks import signing
from generator.version import VERSION

NAME = r"[A-Za-z0-9_.-]{1,100}"


SIGNS = "SignsImages"


def build(project: Project) -> tuple[Stack, list[Stack]]:
    """The root and its children."""
    stack = Stack("shared", __name__, "repository", project, is_root=True)
    stack.template.set_metadata({"Generator": {"Module": __name__, "Version": VERSION}})
    add_to(
        stack.template,
        [
            Setting(ports.ENVIRONMENT, "Tags", "Environment tag", "shared", allowed=("shared",)),
            repository_name(project),
            protected_branch(project),
            Setting(ports.REQUIRED_APPROVALS, "Repository", "Approvals", "1", between=(0, 5)),
            Setting(ports.IMAGE_SIGNING, "Images", "Signing", "false", allowed=("true", "false")),
        ],
    )
    repository = stack.add(
        codecommit.Repository(
            "Repository", RepositoryName=stack.takes(ports.REPOSITORY_NAME), RepositoryDescription=project.description
        ),
        "Holds the application's source.",
        ["SRC-1", "SRC-5"],
    )
    for port, value in (
        (ports.REPOSITORY_NAME, GetAtt(repository, "Name")),
        (ports.REPOSITORY_ARN, GetAtt(repository, "Arn")),
        (ports.CLONE_URL, GetAtt(repository, "CloneUrlHttp")),
        (ports.CLONE_URL_SSH, GetAtt(repository, "CloneUrlSsh")),
        (ports.APPROVAL_RULE, _approval_rule(stack)),
    ):
        stack.gives(port, value)
    return stack, [_signing(stack, project)]


def _signing(stack: Stack, project: Project) -> Stack:
    """Adds the child; its output is there while the child is."""
    child = signing.build(project)
    signs = stack.when(SIGNS, Equals(stack.takes(ports.IMAGE_SIGNING), "true"))
    parameters = {name: stack.takes(port) for name, port in sorted(child.inputs.items())}
    nested = NestedStack(SIGNING, Parameters=parameters, TemplateURL=f"{child.name}.json", Condition=signs)
    stack.add(nested, f"Nested stack: {child.template.description.partition(': ')[2]}.", ["DEP-1"])
    port = ports.SIGNING_PROFILE
    value = GetAtt(SIGNING, f"Outputs.{port.name}")
    stack.template.add_output(Output(port.name, Description=port.meaning, Value=value, Condition=signs))
    return child


def repository_name(project: Project) -> Setting:
    """The parameter that names the repository."""
    rule = "1 to 100 letters, digits, dots, dashes or underscores"
    return Setting(ports.REPOSITORY_NAME, "Repository", "Name", project.name, pattern=NAME, rule=rule)


def protected_branch(project: Project) -> Setting:
    """The parameter that names the branch which changes reach by approval alone."""
    return Setting(
        ports.PROTECTED_BRANCH,
        "Repository",
        "Protected branch",
        project.protected_branch,
        pattern=r"[A-Za-z0-9._/-]{1,100}",
        rule="the name of a git branch",
    )


def _approval_rule(stack: Stack) -> Sub:
    """CloudFormation has no type for approval rule templates: the content is an output, and the deploy script keeps it.
    Source of its form: codecommit userguide, how-to-create-template."""
    branch, needed = (stack.takes(port).data["Ref"] for port in (ports.PROTECTED_BRANCH, ports.REQUIRED_APPROVALS))
    return Sub(
        f'{{"Version": "2018-11-08", "DestinationReferences": ["refs/heads/${{{branch}}}"], '
        f'"Statements": [{{"Type": "Approvers", "NumberOfApprovalsNeeded": ${{{needed}}}}}]}}'
    )
