"""Taking over a repository that exists: the flat shared stack is made around it.

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

from generator.cfn.templates import Template
from scripts.deployment import change_set, changes
from scripts.deployment.aws import Aws
from scripts.deployment.environment import Environment
from scripts.deployment.errors import AwsError, RefusedError
from scripts.deployment.plan import Plan
from scripts.deployment.stacks import OURS, create_change_set

IMPORT, REPOSITORY = "IMPORT", "AWS::CodeCommit::Repository"


def make(aws: Aws, wanted: Environment, description: str) -> Plan:
    """The change set that makes the stack of `wanted` around the repository of that name; the caller discards or
    executes it. Raises `RefusedError` when there is no such repository, or CloudFormation refuses to take it over."""
    logical = next(name for name, one in wanted.root.resources.items() if one.type == REPOSITORY)
    found = _repository(aws, wanted.chosen("RepositoryName"))
    body = json.dumps(_around(wanted.root, logical, found.get("repositoryDescription", "")), sort_keys=True)
    digest = hashlib.sha256(f"{body}{found['repositoryId']}".encode()).hexdigest()
    name = f"{OURS}{digest[:8]}-{uuid.uuid4().hex[:8]}"
    made = create_change_set(
        aws,
        StackName=wanted.stack,
        ChangeSetName=name,
        ChangeSetType=IMPORT,
        ClientToken=name,
        Description=description,
        TemplateBody=body,
        Parameters=[
            {"ParameterKey": key, "ParameterValue": value} for key, value in wanted.values({}).items() if key in body
        ],
        ResourcesToImport=[
            {
                "ResourceType": REPOSITORY,
                "LogicalResourceId": logical,
                "ResourceIdentifier": {"RepositoryId": found["repositoryId"]},
            }
        ],
    )
    # As after a first creation, taking it away takes the empty stack along.
    asked = Plan(wanted.stack, made["StackId"], "CREATE", made["Id"], name, digest)
    try:
        listed, notices, _ = changes.changed(aws, asked, frozenset())
    except BaseException:
        change_set.discard(aws, asked)
        raise
    return replace(asked, changes=listed, notices=notices)


def _repository(aws: Aws, name: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = aws.call("codecommit", "get_repository", repositoryName=name)["repositoryMetadata"]
    except AwsError as error:
        # Code: `RepositoryDoesNotExistException` in botocore's model of CodeCommit.
        if error.code != "RepositoryDoesNotExistException":
            raise
        raise RefusedError(f"There is no repository {name} to take over.", "`apply shared` makes it.") from error
    return found


def _around(root: Template, logical: str, description: str) -> dict[str, Any]:
    """The template with nothing but the repository, as it is: what differs from the template has to look like a change
    to the next update, because CloudFormation compares templates."""
    resource = root.resources[logical]
    properties = {key: value for key, value in resource.properties.items() if key == "RepositoryName"}
    if description:
        properties["RepositoryDescription"] = description
    kept = {key: resource.body[key] for key in ("Type", "Metadata", "DeletionPolicy", "UpdateReplacePolicy")}
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": root.body["Description"],
        "Parameters": {"RepositoryName": root.parameters["RepositoryName"]},
        "Resources": {logical: {**kept, "Properties": properties}},
    }
