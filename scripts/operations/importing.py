"""Taking over a repository that exists: the shared stack is made around it.

`ImportExistingResources` takes only resources whose identifier the template can give, and under static names (User
Guide, "Import AWS resources into a CloudFormation stack automatically"); a CodeCommit repository is identified by an id
that AWS makes up (its schema: `primaryIdentifier` is read-only). So a change set of type IMPORT names the id.
Such a change set may change nothing: no output, no tag, no other resource (User Guide, "Import AWS resources into
a CloudFormation stack manually"). The next `apply` brings the rest, and the repository to what its template says.
"""

import hashlib
import json
import uuid
from dataclasses import replace
from typing import Any

from generator.cfn import template_names
from generator.cfn.changes import Reading
from generator.cfn.environments import Environment
from generator.cfn.templates import Template
from scripts.deployment.aws import Aws
from scripts.deployment.errors import AwsError, RefusedError
from scripts.deployment.package import check, read_text
from scripts.deployment.plan import Plan, discarded_on_error, with_changes
from scripts.deployment.stacks import OURS, create_change_set
from scripts.operations.change_set_notices import change_set_notices

IMPORT, REPOSITORY = "IMPORT", "AWS::CodeCommit::Repository"


def plan_import(aws: Aws, shared: Environment, description: str) -> Plan:
    """The change set that makes the stack of `shared` around the repository of that name; the caller discards or
    executes it. Raises `RefusedError` when there is no such repository, or CloudFormation refuses to take it over."""
    logical_id = next(name for name, each in shared.root.resources.items() if each.type == REPOSITORY)
    repository = _repository(aws, shared.chosen(template_names.REPOSITORY))
    body = json.dumps(_around(shared.root, logical_id, repository.get("repositoryDescription", "")), sort_keys=True)
    digest = hashlib.sha256(f"{body}{repository['repositoryId']}".encode()).hexdigest()
    name, values = f"{OURS}{shared.name}-{digest[:8]}-{uuid.uuid4().hex[:8]}", shared.values({}).items()
    identifier = {"RepositoryId": repository["repositoryId"]}
    imported = {"ResourceType": REPOSITORY, "LogicalResourceId": logical_id, "ResourceIdentifier": identifier}
    answer = create_change_set(
        aws,
        StackName=shared.stack,
        ChangeSetName=name,
        ChangeSetType=IMPORT,
        ClientToken=name,
        Description=description,
        TemplateBody=body,
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in values if key in body],
        ResourcesToImport=[imported],
    )
    # As after a first creation, taking it away takes the empty stack along.
    plan = Plan(shared.stack, answer["StackId"], "CREATE", answer["Id"], name, digest)
    with discarded_on_error(aws, plan):
        plan = replace(with_changes(aws, plan, Reading()), empty=False)
        check(plan.stack, json.loads(body), read_text(aws, ChangeSetName=plan.change_set))
    return replace(plan, notices=tuple(change_set_notices(aws, plan)))


def _repository(aws: Aws, name: str) -> dict[str, Any]:
    try:
        metadata: dict[str, Any] = aws.call("codecommit", "get_repository", repositoryName=name)["repositoryMetadata"]
    except AwsError as error:
        # Code: `RepositoryDoesNotExistException` in botocore's model of CodeCommit.
        if error.code != "RepositoryDoesNotExistException":
            raise
        raise RefusedError(f"There is no repository {name} to take over.", "`apply shared` makes it.") from error
    return metadata


def _around(root: Template, logical_id: str, description: str) -> dict[str, Any]:
    """The template with nothing but the repository, as it is: what differs from the template has to look like a change
    to the next update, because CloudFormation compares templates."""
    resource = root.resources[logical_id]
    properties = {key: value for key, value in resource.properties.items() if key == template_names.REPOSITORY}
    if description:
        properties["RepositoryDescription"] = description
    kept = {key: resource.body[key] for key in ("Type", "Metadata", "DeletionPolicy", "UpdateReplacePolicy")}
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": root.body["Description"],
        "Parameters": {template_names.REPOSITORY: root.parameters[template_names.REPOSITORY]},
        "Resources": {logical_id: {**kept, "Properties": properties}},
    }
