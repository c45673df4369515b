"""Whether the roles as they are deployed may do what a release does: every call is judged before it is made.

What a thing needs stands in `generator/cfn/role_needs/rows.py`; here its texts become the ARNs of this account, and the
evaluator of `generator/cfn/evaluate.py` judges them over the policies that IAM, S3 and KMS answer with.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from generator.cfn.evaluate import Decision, Request, decide, like, statements
from generator.cfn.permissions import Permission
from generator.cfn.role_needs.row import filled
from generator.cfn.role_needs.rows import ROWS, TRUST
from scripts.deployment.aws import Aws
from scripts.deployment.errors import AwsError
from scripts.rehearsal.errors import Failed, Unsupported


class Denied(Failed):
    """A call that the role may not make; the message spells the missing statement out."""


@dataclass(frozen=True)
class Usage:
    """What a release used of a role's permissions: actions, and those that no call asked for."""

    role: str
    used: tuple[str, ...]
    unused: tuple[str, ...]


@dataclass
class Judge:
    """Judges calls, and remembers which statements allowed them."""

    aws: Aws
    account: str
    partition: str = "aws"
    seen: dict[str, set[tuple[str, str]]] = field(default_factory=dict)
    _roles: dict[str, list[Permission]] = field(default_factory=dict)
    _policies: dict[str, list[Permission]] = field(default_factory=dict)
    _asked: set[tuple[str, str, str, str]] = field(default_factory=set)

    def assume(self, role: str, kind: str, key: str) -> None:
        """Whether the service that a resource type's property hands a role to may take it. Raises `Denied`."""
        service, context, _ = TRUST[kind, key]
        trust = [one for one in self.role(role) if one.kind == "trust"]
        request = Request("sts:AssumeRole", role, self._context(context), f"Service:{service}")
        self._verdict(role, request, decide(request, trust), f"{service} may not assume {_name(role)}")

    def become(self, role: str, by: str) -> None:
        """Whether one role may assume another whose trust policy names it, which is enough within an account (STS API
        reference, AssumeRole). Raises `Denied`."""
        trust = [one for one in self.role(role) if one.kind == "trust"]
        request = Request("sts:AssumeRole", role, self._context({}), f"AWS:{by}")
        self._verdict(role, request, decide(request, trust), f"{_name(by)} may not assume {_name(role)}")

    def need(self, role: str, thing: str, fields: Mapping[str, str], star: str = "*") -> None:
        """Whether a role may do all that a thing of `ROWS` needs.

        `fields` are the row's `<Name>`s; `star` stands in the place of a row's last `*`, where a call names more than
        the row does. Raises `Denied`, and `Unsupported` for a thing without a row.
        """
        if thing not in ROWS:
            raise Unsupported(f"`{thing}` has no row in generator/cfn/role_needs/rows.py: add it with its source")
        for row in ROWS[thing]:
            on = self._here(filled(row.on, fields))
            on = on if on == "*" or not on.endswith("*") else on[:-1] + star
            context = {key: filled(value, fields) for key, value in row.when.items()}
            for action in row.actions:
                self.call(role, action, on, context)

    def call(self, role: str, action: str, on: str, context: Mapping[str, str]) -> None:
        """Whether a role may make one call. Raises `Denied`."""
        key = (role, action, on, json.dumps(dict(context), sort_keys=True))
        if key in self._asked:
            return
        request = Request(action, on, self._context(context), f"AWS:{role}")
        theirs = self._policy(on)
        own = [one for one in self.role(role) if one.kind == "identity"]
        if on.split(":")[2:3] == ["kms"]:  # the key's own policy has to allow, too
            self._verdict(
                role, request, decide(request, theirs), f"the key policy of {on} does not let {_name(role)} {action}"
            )
            theirs = []
        self._verdict(role, request, decide(request, [*own, *theirs]), f"{_name(role)} may not {action} on {on}")
        self._asked.add(key)

    def service(self, principal: str, action: str, on: str, context: Mapping[str, str]) -> None:
        """Whether a service may make a call by the policy of what it asks. Raises `Denied`."""
        request = Request(action, on, self._context(context), f"Service:{principal}")
        decision = decide(request, self._policy(on))
        if not decision.allowed:
            raise Denied(f"{principal} may not {action} on {on}: {decision}")

    def usage(self) -> list[Usage]:
        """The roles that were asked, with what was used of them and what was not."""
        found = []
        for role, used in sorted(self.seen.items()):
            held = {(one.sid, name) for one in self.role(role) if one.kind == "identity" for name in one.actions}
            names = tuple(sorted({action for _, action in used}))
            found.append(Usage(_name(role), names, tuple(sorted({action for _, action in held - used}))))
        return found

    def role(self, arn: str) -> list[Permission]:
        """The statements of a role, its trust policy's too. Raises `Unsupported` for a boundary."""
        if arn not in self._roles:
            name = _name(arn)
            held = self.aws.call("iam", "get_role", RoleName=name)["Role"]
            if "PermissionsBoundary" in held:
                raise Unsupported(f"{name} has a permissions boundary, which nothing here judges")
            self._roles[arn] = statements(
                name, dict(self._documents(name)), _document(held["AssumeRolePolicyDocument"])
            )
        return self._roles[arn]

    def _documents(self, name: str) -> Iterator[tuple[str, Any]]:
        for policy in self.aws.call("iam", "list_role_policies", RoleName=name)["PolicyNames"]:
            inline = self.aws.call("iam", "get_role_policy", RoleName=name, PolicyName=policy)
            yield policy, _document(inline["PolicyDocument"])
        for one in self.aws.call("iam", "list_attached_role_policies", RoleName=name)["AttachedPolicies"]:
            arn = one["PolicyArn"]
            version = self.aws.call("iam", "get_policy", PolicyArn=arn)["Policy"]["DefaultVersionId"]
            held = self.aws.call("iam", "get_policy_version", PolicyArn=arn, VersionId=version)
            yield one["PolicyName"], _document(held["PolicyVersion"]["Document"])

    def _policy(self, on: str) -> list[Permission]:
        """The policy of a bucket, key or topic."""
        service, name = [*on.split(":"), "", "", ""][2], on.split(":", 5)[-1].split("/")
        known = {
            "s3": ("get_bucket_policy", {"Bucket": name[0]}, "Policy"),
            "kms": ("get_key_policy", {"KeyId": on, "PolicyName": "default"}, "Policy"),
            "sns": ("get_topic_attributes", {"TopicArn": on}, "Attributes"),
        }
        if service not in known:
            return []
        operation, asked, member = known[service]
        where = str(asked.get("Bucket", on))
        if where not in self._policies:
            try:
                answer = self.aws.call(service, operation, **asked)[member]
            except AwsError as error:
                if error.code != "NoSuchBucketPolicy":
                    raise
                answer = '{"Statement": []}'
            text = answer if isinstance(answer, str) else answer["Policy"]
            self._policies[where] = statements(where, {"resource policy": _document(text)})
        return self._policies[where]

    def _verdict(self, role: str, request: Request, decision: Decision, what: str) -> None:
        if not decision.allowed or decision.by is None:
            raise Denied(f"{what}: {decision}")
        used = self.seen.setdefault(role, set())
        if decision.by.kind == "identity" and decision.by in self.role(role):
            used.update((decision.by.sid, one) for one in decision.by.actions if _covers(one, request.action))

    def _here(self, text: str) -> str:
        for name, value in {"Partition": self.partition, "Region": self.aws.region, "AccountId": self.account}.items():
            text = text.replace(f"${{AWS::{name}}}", value)
        return text

    def _context(self, given: Mapping[str, str]) -> dict[str, str]:
        known = {"aws:ResourceAccount": self.account, "aws:SecureTransport": "true"}
        return {**known, **{key: self._here(value) for key, value in given.items()}}


def _covers(pattern: str, action: str) -> bool:
    return like(pattern.lower(), action.lower())


def _name(arn: str) -> str:
    return arn.rsplit("/", 1)[-1]


def _document(policy: Any) -> Any:
    return json.loads(policy) if isinstance(policy, str) else policy
