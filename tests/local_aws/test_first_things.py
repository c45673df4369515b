"""What stands beside an environment and changes under it: the roles of `access`, what all environments share, what
watches CloudFront. What AWS does by itself, and what the command says before."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from scripts.local_aws import roles
from scripts.local_aws.account import account
from scripts.local_aws.server import ACCOUNT
from scripts.local_aws.services import ResourceError
from scripts.local_aws.values import Stack
from scripts.operations import access_first
from tests.local_aws.commanded import REFUSED, Commanded
from tests.local_aws.matrix import BUCKET, DOMAIN, Living, _address
from tests.support.lives import NAME, as_role, excluded, outputs, succeed

pytestmark = [pytest.mark.soak, pytest.mark.long]
COMPLETE, BACK = "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"
MANUAL = 4  # the exit status
MANIFEST = json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.v2+json"})
EDGE = f"{NAME}-small-edge"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Commanded:
    """A small environment that an administrator has made without an access stack, before its first release."""
    environment = Commanded(tmp_path_factory.mktemp("small"), "small")
    environment.applied()
    return environment


def keys() -> set[str]:
    """The keys of us-east-1 that are not about to be deleted."""
    kms = account(ACCOUNT, "us-east-1").services
    names = [each["KeyId"] for each in kms.call("kms", "list_keys", {})["Keys"]]
    shown = [kms.call("kms", "describe_key", {"KeyId": name})["KeyMetadata"] for name in names]
    return {each["KeyId"] for each in shown if each["KeyState"] == "Enabled"}


def test_alarms_of_cloudfront_leave_a_key_behind_each_time(small: Commanded) -> None:
    """P32: it is paid for; the plan names it, and what ends it."""
    before = keys()
    small.agreed(CloudFrontAlarms="true")
    [first] = keys() - before
    says = small.agreed(CloudFrontAlarms="false")
    assert "Key" in says and "kept" in says, says
    small.agreed(CloudFrontAlarms="true")
    assert len(keys() - before) == 2 and first in keys(), "another dollar a month"
    small.agreed(CloudFrontAlarms="false")


def test_another_domain_leaves_a_certificate_that_is_in_use(small: Commanded, tmp_path: Path) -> None:
    """P13: what serves the environment goes first, and ACM deletes no certificate that the distribution answers with
    still: after three tries it would be in no stack for ever. So the template keeps it, and the command removes it once
    the environment has the other one. The address that people know is named before that."""
    acm = account(ACCOUNT, "us-east-1").services

    def certificates() -> dict[str, str]:
        listed = acm.call("acm", "list_certificates", {})["CertificateSummaryList"]
        return {each["DomainName"]: each["CertificateArn"] for each in listed}

    small.agreed(DomainName=DOMAIN, HostedZoneId=small.zone)
    old = certificates()[DOMAIN]
    assert "--allow-replace DomainName" in small.refused(DomainName=f"new.{DOMAIN}")
    says = small.agreed(DomainName=f"new.{DOMAIN}")
    assert f"the replaced certificate {old} is removed" in says and "not deleted" not in says
    assert set(certificates()) == {f"new.{DOMAIN}"}
    small.edit(tmp_path, "edge", ('"UpdateReplacePolicy": "Retain"', '"UpdateReplacePolicy": "Delete"'))
    small.agreed(DomainName=f"third.{DOMAIN}")  # the policy of the template before is the one that counts
    says = small.agreed(DomainName=f"fourth.{DOMAIN}")
    assert "not deleted, and in no stack any more" in says and "is in use" in says
    small.folder = small.home
    small.agreed(DomainName="", HostedZoneId="")
    assert certificates() == {}


def test_a_renamed_repository_leaves_every_environment_behind(small: Commanded) -> None:
    """P29: the rule that starts the pipeline waits for pushes to a repository that has another name; the command names
    the environments that have to be deployed again, and their deployment mends it."""

    def started_by() -> str:
        rule = small.resources()["Pipeline.StartRule"].physical.rpartition("|")[2]
        shown = small.account.services.call("events", "describe_rule", {"Name": rule})
        return str(json.loads(shown["EventPattern"])["resources"][0])

    small.write("shared", {"RequiredApprovals": "0", "RepositoryName": "renamed"})
    renamed = small.command("apply", "--yes", environment="shared")
    says = " ".join(succeed(renamed).split())
    assert "Deploy afterwards: " in says and "small" in says and "`git remote set-url`" in says
    small.account.services.call("codecommit", "get_repository", {"repositoryName": "renamed"})
    assert started_by().endswith(f":{NAME}"), "no push starts anything"
    succeed(small.command("apply", "--yes", "--allow-broader"))
    assert started_by().endswith(":renamed")
    small.write("shared", {"RequiredApprovals": "0"})
    succeed(small.command("apply", "--yes", environment="shared"))
    succeed(small.command("apply", "--yes", "--allow-broader"))


def deleted(small: Commanded, access: Stack, **arguments: Any) -> str:
    """The status of an access stack after its deletion, as somebody types it."""
    access.protected = False
    small.cloudformation.delete_stack(StackName=access.id, **arguments)
    assert access.running
    access.running.join()
    return access.status


def test_images_are_signed_once_shared_says_so(small: Commanded) -> None:
    """The registry's configuration comes and goes with the parameter of `shared`; an environment follows with its next
    deployment, and signs with that profile."""

    def deployed(signing: str) -> str:
        small.write("shared", {"RequiredApprovals": "0", "ImageSigning": signing})
        succeed(small.command("apply", "--yes", environment="shared"))
        succeed(small.command("apply", "--yes", "--allow-broader"))
        names = {"names": [small.resources()["Build.Push"].physical.rpartition("|")[2]]}
        project = small.account.services.call("codebuild", "batch_get_projects", names)
        return next(
            str(each["value"])
            for each in project["projects"][0]["environment"]["environmentVariables"]
            if each["name"] == "SIGNING_PROFILE"
        )

    profile = deployed("true")
    configuration = small.account.services.call("ecr", "get_signing_configuration", {})["signingConfiguration"]
    assert [rule["signingProfileArn"] for rule in configuration["rules"]] == [profile]
    repository = small.resources()["Registry.Images"].physical.rpartition("|")[2]
    image = {"repositoryName": repository, "imageManifest": MANIFEST, "imageTag": "one"}
    small.account.services.call("ecr", "put_image", image)
    pushed = {"repositoryName": repository, "imageId": {"imageTag": "one"}}
    statuses = small.account.services.call("ecr", "describe_image_signing_status", pushed)["signingStatuses"]
    assert statuses == [{"signingProfileArn": profile, "status": "COMPLETE"}]
    gone = {"repositoryName": repository, "imageIds": [{"imageTag": "one"}]}
    small.account.services.call("ecr", "batch_delete_image", gone)
    assert deployed("false") == ""
    with pytest.raises(ResourceError, match="Signing configuration does not exist"):
        small.account.services.call("ecr", "get_signing_configuration", {})


def test_a_role_that_is_gone_with_its_stack(small: Commanded) -> None:
    """P27: somebody has deleted the access stack by hand. The policy that limits the roles of the environment is in use
    and stays, so the deletion fails with the role gone that the environment has to go on with. The command names both
    ways on, in their order."""
    succeed(small.command("access", "--yes"))
    stack_outputs = outputs(small.whose, f"{small.name}-access")
    administrator, small.whose = small.whose, as_role(small.whose, stack_outputs["DeployRoleArn"])
    small.agreed(LogRetentionDays="30")
    small.whose = administrator
    there = small.account.find(f"{small.name}-access")
    assert deleted(small, there) == "DELETE_FAILED"
    [left] = [
        each
        for each in there.events
        if each["ResourceStatus"] == "DELETE_FAILED" and each["LogicalResourceId"] == "RoleBoundary"
    ]
    assert "attached to entities" in left["ResourceStatusReason"]
    happened = small.change({**small.values, "LogRetentionDays": "60"})
    assert happened.status == "REFUSED" and "invalid or cannot be assumed" in " ".join(happened.failures), happened
    ending = f"aws cloudformation delete-stack --stack-name {there.name} --retain-resources RoleBoundary"
    says = small.refused(LogRetentionDays="60")
    assert "which is gone with the access stack that made it" in says and ending in says and "access small" in says
    for verb, *words in (("destroy", "--yes", "--name", "small"), ("access", "--yes")):
        ended = small.command(verb, *words)
        assert ended.returncode in (REFUSED, MANUAL) and ending in ended.stderr, ended.stderr
    assert deleted(small, there, RetainResources=["RoleBoundary"]) == "DELETE_COMPLETE"
    says = small.refused(LogRetentionDays="60")
    assert "which is gone with the access stack that made it" in says and "delete-stack" not in says
    succeed(small.command("access", "--yes"))
    small.agreed(LogRetentionDays="60")
    assert small.deployed()["LogRetentionDays"] == "60"
    small.account.services.call(
        "iam", "delete_policy", {"PolicyArn": stack_outputs["RoleBoundaryArn"]}
    )  # nobody has it now
    small.agreed(LogRetentionDays="14")


def test_what_the_roles_were_not_told_of(small: Commanded, tmp_path: Path) -> None:
    """P12: CloudFormation's role may make the tables and the types of the access stack alone, and is refused in the
    middle; a table of another name, and a version of the templates whose roles need more, are refused before anything
    happens, until an administrator has run `access`."""
    succeed(small.command("access", "--yes"))
    small.agreed(LogRetentionDays="30")  # with the role of CloudFormation from now on
    other = {"ClientsTable": "small-other-clients"}
    assert "access small` first" in small.refused(**other)
    roles.enforce(small.whose.endpoint, excluded())
    try:
        with patch.object(access_first, "refusals", return_value=[]):
            ended = small.apply("--allow-replace", "Data.Clients", "--allow-broader", **other)
    finally:
        roles.stop(small.whose.endpoint)
    assert ended.returncode and small.root.status == BACK, ended.stdout
    why = " ".join(ended.stdout.split())
    assert "is not authorized to perform: dynamodb:" in why and "table/small-other-clients because" in why, why
    small.write("small", other)
    succeed(small.command("access", "--yes", "--allow-broader"))
    small.agreed(**other)
    small.edit(tmp_path, "access", ('"sns:CreateTopic",', '"sns:CreateTopic",\n                "sns:AddPermission",'))
    assert "access small` first" in small.refused(LogRetentionDays="60")
    succeed(small.command("access", "--yes", "--allow-broader"))
    small.agreed(LogRetentionDays="60")
    small.folder = small.home
    succeed(small.command("access", "--yes"))
    small.agreed(LogRetentionDays="14")


def test_a_role_that_somebody_deleted(small: Commanded) -> None:
    """Its access stack stands and names it still, and makes no other one. The command names the way, which works."""
    succeed(small.command("access", "--yes"))
    access, iam = small.account.find(f"{small.name}-access"), small.account.services
    boundary, name = access.outputs["RoleBoundaryArn"], access.outputs["CloudFormationRoleArn"].rpartition("/")[2]
    for policy in iam.call("iam", "list_attached_role_policies", {"RoleName": name})["AttachedPolicies"]:
        iam.call("iam", "detach_role_policy", {"RoleName": name, "PolicyArn": policy["PolicyArn"]})
    for inline in iam.call("iam", "list_role_policies", {"RoleName": name})["PolicyNames"]:
        iam.call("iam", "delete_role_policy", {"RoleName": name, "PolicyName": inline})
    iam.call("iam", "delete_role", {"RoleName": name})
    succeed(small.command("access", "--yes"))
    says = small.refused(LogRetentionDays="60")
    assert f"which is gone though {access.name} is there" in says, says
    ended = small.command("destroy", "--yes", "--name", "small")
    assert ended.returncode == REFUSED and f"which is gone though {access.name} is there" in ended.stderr, ended.stderr
    deletion = f"aws cloudformation delete-stack --stack-name {access.name}"
    for message in (says, " ".join(ended.stderr.split())):
        assert f"`{deletion}`" in message and f"`{deletion} --retain-resources RoleBoundary`" in message, message
    assert deleted(small, access) == "DELETE_FAILED"
    assert deleted(small, access, RetainResources=["RoleBoundary"]) == "DELETE_COMPLETE"
    succeed(small.command("access", "--yes"))
    small.agreed(LogRetentionDays="60")
    small.account.services.call("iam", "delete_policy", {"PolicyArn": boundary})  # nobody has it now
    small.agreed(LogRetentionDays="14")


def test_more_policies_of_a_role_at_once_than_it_may_have(small: Commanded, tmp_path: Path) -> None:
    """P26: the new policies are attached before the old ones go. Nine of ten leave room for one that is replaced. The
    last test: nothing mends the access stack."""
    succeed(small.command("access", "--yes"))
    template = json.loads((small.home / "templates/access.json").read_text(encoding="utf-8"))
    names = [name for name, each in template["Resources"].items() if name.startswith("Deploying")]
    template["Resources"][names[0]]["Properties"]["Description"] = "alone"
    assert access(small, template) == COMPLETE
    small.edit(tmp_path, "access", *[(template_of(small, name), f"three at once: {name}") for name in names[:3]])
    try:
        ended = small.command("access", "--yes")
    finally:
        small.folder = small.home
    assert ended.returncode == REFUSED and "would have 12 managed policies for a while" in ended.stderr, ended.stderr
    for name in names[:2]:
        template["Resources"][name]["Properties"]["Description"] = "two at once"
    assert access(small, template) in (BACK, "UPDATE_ROLLBACK_FAILED"), "the way back has the same number"


def template_of(living: Commanded, policy: str) -> str:
    """The description of a policy of the access stack, which is written down once."""
    body = json.loads((living.home / "templates/access.json").read_text(encoding="utf-8"))
    return str(body["Resources"][policy]["Properties"]["Description"])


def access(living: Living, template: dict[str, Any]) -> str:
    """The status of the access stack after an update to a template, past the command."""
    living._template()  # makes the bucket
    body = json.dumps(template).encode()
    living.account.services.call("s3", "put_object", {"Bucket": BUCKET, "Key": "access.json", "Body": body})
    stack = living.account.find(f"{living.name}-access")
    arguments = {
        "StackName": stack.id,
        "TemplateURL": _address("access.json"),
        "Parameters": [{"ParameterKey": name, "UsePreviousValue": True} for name in template["Parameters"]],
        "Capabilities": ["CAPABILITY_NAMED_IAM"],
    }
    living.cloudformation.update_stack(**arguments)
    assert stack.running
    stack.running.join()
    return stack.status
