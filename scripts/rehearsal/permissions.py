"""Whether the roles as they are deployed may do what a release does: every call is checked before it is made.

What an operation needs is a row of `generator/cfn/role_needs/rows.py`; here its texts become the ARNs of this account,
and `generator/cfn/evaluate.py` decides over the policies that IAM, S3, KMS and SNS answer with.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from generator.cfn.evaluate import Request, decide, like, matches_action, statements
from generator.cfn.names import NO_BOUNDARY
from generator.cfn.permissions import Permission
from generator.cfn.role_needs.row import filled
from generator.cfn.role_needs.rows import ROWS, TRUST
from scripts.deployment.aws import Aws
from scripts.deployment.errors import AwsError
from scripts.rehearsal.errors import ActionFailedError, UnsupportedError

# How the tags of a resource are read, by the service in its ARN, where a call names the resource by that ARN.
TAG_READERS = {"codepipeline": "codepipeline", "ecr": "ecr", "ecs": "ecs", "states": "stepfunctions"}


class AccessDeniedError(ActionFailedError):
    """A call that the role may not make; the message spells the missing statement out."""


@dataclass(frozen=True)
class Usage:
    """What a release used of a role's permissions: actions, and those that no call asked for."""

    role: str
    used: tuple[str, ...]
    unused: tuple[str, ...]


@dataclass
class PermissionChecker:
    """Checks calls over the deployed policies, and remembers which statements allowed them.

    `used_by_role` are statement ids and actions, by the role's ARN.
    """

    aws: Aws
    account: str
    partition: str = "aws"
    used_by_role: dict[str, set[tuple[str, str]]] = field(default_factory=dict)
    _roles: dict[str, list[Permission]] = field(default_factory=dict)
    _boundaries: dict[str, list[Permission] | None] = field(default_factory=dict)
    _policies: dict[str, list[Permission]] = field(default_factory=dict)
    _allowed: set[tuple[str, str, str, str]] = field(default_factory=set)

    def check_service_trust(self, role: str, kind: str, key: str) -> None:
        """Whether the service to which a resource type's property passes a role may assume it. Raises
        `AccessDeniedError`."""
        service, context, _ = TRUST[kind, key]
        request = Request("sts:AssumeRole", role, self._context(context), f"Service:{service}")
        self._require(role, request, self._trust(role), f"{service} may not assume {_name(role)}")

    def check_role_trust(self, role: str, by: str) -> None:
        """Whether one role may assume another whose trust policy names it, which is enough within an account (STS API
        reference, AssumeRole). Raises `AccessDeniedError`."""
        request = Request("sts:AssumeRole", role, self._context({}), f"AWS:{by}")
        self._require(role, request, self._trust(role), f"{_name(by)} may not assume {_name(role)}")

    def check_operation(self, role: str, operation: str, fields: Mapping[str, str], star: str = "*") -> None:
        """Whether a role may do all that an operation of `ROWS` needs.

        `fields` are the row's `<Name>`s; `star` replaces a row's last `*`, where a call names more than the row does.
        Raises `AccessDeniedError`, and `UnsupportedError` for an operation without a row.
        """
        if operation not in ROWS:
            raise UnsupportedError(
                f"`{operation}` has no row in generator/cfn/role_needs/rows.py: add it with its source"
            )
        for row in ROWS[operation]:
            resource = self._in_account(filled(row.on, fields))
            if resource != "*" and resource.endswith("*"):
                resource = resource[:-1] + star
            context = {key: filled(value, fields) for key, value in row.when.items()}
            for action in row.actions:
                self.check_call(role, action, resource, context)

    def check_call(self, role: str, action: str, resource: str, context: Mapping[str, str]) -> None:
        """Whether a role may make one call. Raises `AccessDeniedError`."""
        key = (role, action, resource, json.dumps(dict(context), sort_keys=True))
        if key in self._allowed:
            return
        request = Request(action, resource, self._context(context), f"AWS:{role}")
        resource_policy = self._resource_policy(resource)
        identity = [permission for permission in self.statements(role) if permission.kind == "identity"]
        if resource.split(":")[2:3] == ["kms"]:  # the key's own policy has to allow, too
            problem = f"the key policy of {resource} does not let {_name(role)} {action}"
            self._require(role, request, resource_policy, problem)
            resource_policy = []
        self._require(role, request, [*identity, *resource_policy], f"{_name(role)} may not {action} on {resource}")
        limit = self._boundaries[role]
        if limit is not None and _asks_for_tags(limit, action):
            request = replace(request, context={**request.context, **self._resource_tags(resource)})
        if limit is not None and not (decision := decide(request, limit)).allowed:
            problem = f"the permissions boundary of {_name(role)} leaves out {action} on {resource}"
            raise AccessDeniedError(f"{problem}: {decision}")
        self._allowed.add(key)

    def check_service_call(self, principal: str, action: str, resource: str, context: Mapping[str, str]) -> None:
        """Whether a service may make a call by the resource's policy. Raises `AccessDeniedError`."""
        request = Request(action, resource, self._context(context), f"Service:{principal}")
        decision = decide(request, self._resource_policy(resource))
        if not decision.allowed:
            raise AccessDeniedError(f"{principal} may not {action} on {resource}: {decision}")

    def usage(self) -> list[Usage]:
        """The roles whose permissions were checked, with what was used of them and what was not."""
        usages = []
        for role, used in sorted(self.used_by_role.items()):
            granted = {
                (permission.sid, action)
                for permission in self.statements(role)
                if permission.kind == "identity"
                for action in permission.actions
            }
            actions = tuple(sorted({action for _, action in used}))
            usages.append(Usage(_name(role), actions, tuple(sorted({action for _, action in granted - used}))))
        return usages

    def statements(self, role: str) -> list[Permission]:
        """The statements of a role, its trust policy's too."""
        if role not in self._roles:
            name = _name(role)
            body = self.aws.call("iam", "get_role", RoleName=name)["Role"]
            self._boundaries[role] = self._boundary(body.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"))
            trust = _document(body["AssumeRolePolicyDocument"])
            self._roles[role] = statements(name, dict(self._documents(name)), trust)
        return self._roles[role]

    def _trust(self, role: str) -> list[Permission]:
        return [permission for permission in self.statements(role) if permission.kind == "trust"]

    def _documents(self, name: str) -> Iterator[tuple[str, Any]]:
        for policy in self.aws.call("iam", "list_role_policies", RoleName=name)["PolicyNames"]:
            inline = self.aws.call("iam", "get_role_policy", RoleName=name, PolicyName=policy)
            yield policy, _document(inline["PolicyDocument"])
        for attached in self.aws.call("iam", "list_attached_role_policies", RoleName=name)["AttachedPolicies"]:
            yield attached["PolicyName"], self._managed(attached["PolicyArn"])

    def _managed(self, arn: str) -> Any:
        """The document of a managed policy."""
        version = self.aws.call("iam", "get_policy", PolicyArn=arn)["Policy"]["DefaultVersionId"]
        body = self.aws.call("iam", "get_policy_version", PolicyArn=arn, VersionId=version)
        return _document(body["PolicyVersion"]["Document"])

    def _boundary(self, arn: str | None) -> list[Permission] | None:
        """The statements of a permissions boundary; None for none, and for the one that limits nothing."""
        if not arn or arn.endswith(f":iam::aws:policy/{NO_BOUNDARY}"):
            return None
        return statements(_name(arn), {"boundary": self._managed(arn)})

    def _resource_policy(self, resource: str) -> list[Permission]:
        """The policy of a bucket, key or topic; of anything else, and of several by a pattern, nothing."""
        service, name = [*resource.split(":"), "", "", ""][2], resource.split(":", 5)[-1].split("/")
        calls = {
            "s3": ("get_bucket_policy", {"Bucket": name[0]}, "Policy"),
            "kms": ("get_key_policy", {"KeyId": resource, "PolicyName": "default"}, "Policy"),
            "sns": ("get_topic_attributes", {"TopicArn": resource}, "Attributes"),
        }
        if service not in calls or "*" in name[0]:  # buckets of AWS's own, whose policies are not ours to read
            return []
        operation, arguments, member = calls[service]
        owner = str(arguments.get("Bucket", resource))
        if owner not in self._policies:
            try:
                answer = self.aws.call(service, operation, **arguments)[member]
            except AwsError as error:
                if error.code != "NoSuchBucketPolicy":
                    raise
                answer = '{"Statement": []}'
            text = answer if isinstance(answer, str) else answer["Policy"]
            self._policies[owner] = statements(owner, {"resource policy": _document(text)})
        return self._policies[owner]

    def _resource_tags(self, resource: str) -> dict[str, str]:
        """The tags of a resource as keys of a request's context; none for another service."""
        service, name = resource.split(":")[2], resource.rpartition("/")[2]
        if service == "codebuild":
            tags = [
                tag
                for each in self.aws.call(service, "batch_get_projects", names=[name])["projects"]
                for tag in each["tags"]
            ]
        elif service in TAG_READERS:
            tags = self.aws.call(TAG_READERS[service], "list_tags_for_resource", resourceArn=resource)["tags"]
        else:
            tags = []
        # ECR writes Key and Value with capitals.
        return {f"aws:ResourceTag/{tag.get('key', tag.get('Key'))}": tag.get("value", tag.get("Value")) for tag in tags}

    def _require(self, role: str, request: Request, permissions: list[Permission], problem: str) -> None:
        decision = decide(request, permissions)
        if not decision.allowed or decision.by is None:
            raise AccessDeniedError(f"{problem}: {decision}")
        used = self.used_by_role.setdefault(role, set())
        if decision.by.kind == "identity" and decision.by in self.statements(role):
            actions = [action for action in decision.by.actions if like(action.lower(), request.action.lower())]
            used.update((decision.by.sid, action) for action in actions)

    def _in_account(self, text: str) -> str:
        for name, value in {"Partition": self.partition, "Region": self.aws.region, "AccountId": self.account}.items():
            text = text.replace(f"${{AWS::{name}}}", value)
        return text

    def _context(self, keys: Mapping[str, str]) -> dict[str, str]:
        always = {"aws:ResourceAccount": self.account, "aws:SecureTransport": "true"}
        return {**always, **{key: self._in_account(value) for key, value in keys.items()}}


def _asks_for_tags(statements: list[Permission], action: str) -> bool:
    """Whether statements allow an action on what carries a tag."""
    return any(
        statement.allows
        and matches_action(statement, action)
        and any(condition.key.startswith("aws:ResourceTag/") for condition in statement.conditions)
        for statement in statements
    )


def _name(arn: str) -> str:
    return arn.rsplit("/", 1)[-1]


def _document(policy: Any) -> Any:
    return json.loads(policy) if isinstance(policy, str) else policy
