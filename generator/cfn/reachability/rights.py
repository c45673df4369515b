"""Whether a principal could make a call: the evaluator's answer under the best request that it may send.

What a caller chooses (the tags that it asks for, the role that it passes, the boundary that it names) is tried with
every value that its policies mention; what it cannot choose (the tags that a resource has, who calls, from which
account) is a fact. A principal that may change the tags of a resource may choose those, too: that is a step of its own
in the answer. An allow counts within the boundary only, and a deny anywhere ends it (IAM user guide,
reference_policies_evaluation-logic).
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product

from generator.cfn.evaluate import KNOW_BOUNDARY, Decision, Request, check, decide, is_for, judge, matches_action
from generator.cfn.permissions import Condition, Permission
from generator.cfn.reachability.account import NUMBER, RECORD, REGION, Account, AccountResource, Principal
from generator.cfn.reachability.terms import UNTAGGED

# Keys whose value the caller cannot choose (IAM user guide, reference_policies_condition-keys). A boundary is chosen
# where a role is made, and a fact afterwards.
FACTS = re.compile(
    r"aws:(ResourceTag/|Principal|Source|ResourceAccount|ResourceOrg|SecureTransport|RequestedRegion|MultiFactorAuth"
    r"|Via|CalledVia|CurrentTime|FederatedProvider|Ec2Instance)|[\w-]+:ResourceTag/|[\w-]+:CreateAction$|kms:ViaService"
    r"|kms:CallerAccount",
    re.IGNORECASE,
)
BOUNDARY = "iam:PermissionsBoundary"
CHOOSES_BOUNDARY = (
    "iam:CreateRole",
    "iam:CreateUser",
    "iam:PutRolePermissionsBoundary",
    "iam:PutUserPermissionsBoundary",
)
ANOTHER = "any-other-value"
# The actions that give a tag to a resource, by service (Service Authorization Reference). Each is a call in botocore's
# models, but for `elasticbeanstalk:AddTags`; `cloudformation:TagResource` is none, so it is not here.
TAGGING: Mapping[str, tuple[str, ...]] = {
    "acm": ("acm:AddTagsToCertificate", "acm:TagResource"),
    "application-autoscaling": ("application-autoscaling:TagResource",),
    "budgets": ("budgets:TagResource",),
    "cloudfront": ("cloudfront:TagResource",),
    "cloudwatch": ("cloudwatch:TagResource",),
    "codecommit": ("codecommit:TagResource",),
    "codepipeline": ("codepipeline:TagResource",),
    "dynamodb": ("dynamodb:TagResource",),
    "ec2": ("ec2:CreateTags",),
    "ecr": ("ecr:TagResource",),
    "ecs": ("ecs:TagResource",),
    "elasticbeanstalk": ("elasticbeanstalk:AddTags",),
    "elasticloadbalancing": ("elasticloadbalancing:AddTags",),
    "events": ("events:TagResource",),
    "iam": ("iam:TagRole", "iam:TagPolicy", "iam:TagInstanceProfile"),
    "kms": ("kms:TagResource",),
    "logs": ("logs:TagResource", "logs:TagLogGroup"),
    "s3": ("s3:PutBucketTagging", "s3:TagResource"),
    "secretsmanager": ("secretsmanager:TagResource",),
    "signer": ("signer:TagResource",),
    "sns": ("sns:TagResource",),
    "ssm": ("ssm:AddTagsToResource",),
    "states": ("states:TagResource",),
}


@dataclass(frozen=True)
class Allowed:
    """A call that a principal may make: the statement that allows it, and the one that lets it set the tags first."""

    action: str
    arn: str
    by: Permission
    after_tagging: Permission | None
    resource: AccountResource | None

    @property
    def place(self) -> str:
        """Where the statement stands: `build.BackendBuildRole ExchangeArtifacts`."""
        return f"{self.by.holder} {self.by.sid}".strip()

    @property
    def on(self) -> str:
        """What it is about, for people: the resource and which part of it, without what is random in names."""
        if self.resource is None or not self.resource.address:
            return re.sub(r"^arn:[\w-]+:([\w-]+):[\w-]*:\d*:", r"\1:", self.arn)
        part = self.arn.removeprefix(self.resource.arn)
        return self.resource.label + (f", {part.lstrip('/:')}" if part and part != self.arn else "")


class Statements:
    """Some statements, found by the action that they are about. Raises as `evaluate.decide` does for what is not
    modelled."""

    def __init__(self, permissions: Iterable[Permission]) -> None:
        self.permissions = tuple(permissions)
        for permission in self.permissions:
            check(permission)
        self._named: dict[str, list[Permission]] = {}
        self._others: list[Permission] = []  # with a pattern, or with all but some actions
        self._about: dict[str, tuple[Permission, ...]] = {}
        for permission in self.permissions:
            if permission.not_actions or any("*" in action or "?" in action for action in permission.actions):
                self._others.append(permission)
                continue
            for action in permission.actions:
                self._named.setdefault(action.lower(), []).append(permission)

    def about(self, action: str) -> tuple[Permission, ...]:
        """The statements about an action, those that name it first."""
        if action not in self._about:
            patterns = (permission for permission in self._others if matches_action(permission, action))
            self._about[action] = (*self._named.get(action.lower(), ()), *patterns)
        return self._about[action]


@dataclass
class Rights:
    """The rights of one principal in an account."""

    account: Account
    principal: Principal
    _carried: dict[str, Statements] = field(default_factory=dict)
    _tagged: dict[str, list[tuple[dict[str, str], Permission | None]]] = field(default_factory=dict)
    _allowing: dict[str, tuple[Permission, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        bounding = self.principal.boundary
        self._own = Statements(self.principal.identity)
        self._bounds = None if bounding is None else Statements(bounding)
        statements = (*self.principal.identity, *(bounding or ()))
        # What the conditions on tags ask for: name and value.
        self._condition_tags = sorted(
            {
                (condition.key.partition("/")[2], value)
                for permission in statements
                for condition in permission.conditions
                if ":ResourceTag/" in condition.key
                for value in condition.values
            }
        )

    def may(
        self, action: str, arn: str, resource: AccountResource | None = None, chosen: Mapping[str, str] | None = None
    ) -> Allowed | None:
        """How the principal may make a call on an ARN; None when it may not. `resource` is what the ARN belongs to,
        None for what does not exist yet; `chosen` are values of the request that are settled."""
        allowing = self.allowing(action)
        if resource is not None and resource.policy:
            allowing += tuple(permission for permission in self._by_resource(action, resource) if permission.allows)
        if not any(is_for(permission, arn) for permission in allowing):
            return None
        for tags, tagging in self._tags(resource) if self._condition_tags else [(self._current(resource), None)]:
            if by := self._decide(action, arn, resource, tags, dict(chosen or {})):
                return Allowed(action, arn, by, tagging, resource)
        return None

    def trusted(self, role: Principal) -> Permission | None:
        """The statement of a role's trust policy that lets the principal in; None when there is none."""
        action = "sts:AssumeRole"
        facts = self._facts(action, role.arn, None, {})
        for choice in _choices(role.trust, facts, action):
            decision = decide(Request(action, role.arn, {**facts, **choice}, f"AWS:{self.principal.arn}"), role.trust)
            if decision.allowed:
                return decision.by
        return None

    def about(self, action: str) -> tuple[Permission, ...]:
        """The statements of the principal's own policies about an action."""
        return self._own.about(action)

    def allowing(self, action: str) -> tuple[Permission, ...]:
        """Those of them that allow it."""
        if action not in self._allowing:
            self._allowing[action] = tuple(permission for permission in self.about(action) if permission.allows)
        return self._allowing[action]

    def _by_resource(self, action: str, resource: AccountResource | None) -> tuple[Permission, ...]:
        """The statements about an action that the resource carries itself. A trust policy is asked by itself."""
        if resource is None or not resource.policy:
            return ()
        if resource.label not in self._carried:
            kinds = ("resource", "key", "endpoint")
            self._carried[resource.label] = Statements(p for p in resource.policy if p.kind in kinds)
        return self._carried[resource.label].about(action)

    @staticmethod
    def _current(resource: AccountResource | None) -> dict[str, str]:
        return dict(resource.tags) if resource else {}

    def _tags(self, resource: AccountResource | None) -> list[tuple[dict[str, str], Permission | None]]:
        """The tags that a resource has, and those that the principal could give it, with the statement that lets it."""
        if resource is None:
            return [({}, None)]
        key = resource.label
        if key not in self._tagged:
            self._tagged[key] = [(dict(resource.tags), None), *self._could_tag(resource)]
        return self._tagged[key]

    def _could_tag(self, resource: AccountResource) -> Iterator[tuple[dict[str, str], Permission | None]]:
        for name, value in self._condition_tags:
            if "*" in value or resource.tags.get(name) == value:
                continue
            for action in TAGGING.get(resource.arn.split(":")[2], ()):
                chosen = {f"aws:RequestTag/{name}": value, "aws:TagKeys": name}
                by = self._decide(action, resource.arn, resource, dict(resource.tags), chosen)
                if by:
                    yield {**resource.tags, name: value}, by
                    break

    def _decide(
        self,
        action: str,
        arn: str,
        resource: AccountResource | None,
        tags: Mapping[str, str],
        chosen: Mapping[str, str],
    ) -> Permission | None:
        """The statement that allows the call under some request; None when no request is allowed."""
        own, carried = _for(self.about(action), arn), _for(self._by_resource(action, resource), arn)
        bounding = None if self._bounds is None else _for(self._bounds.about(action), arn)
        if bounding is not None and not any(permission.allows for permission in bounding):
            return None
        relevant = (*own, *(bounding or ()), *carried)
        facts = {**self._facts(action, arn, resource, tags), **chosen} if _conditions(relevant) else {}
        caller = f"AWS:{self.principal.arn}"
        for choice in _choices(relevant, facts, action):
            request = Request(action, arn, {**facts, **choice}, caller)
            # A key's policy allows by itself or, where it names the account, what the principal's own policies allow.
            if resource is not None and resource.type == "AWS::KMS::Key":
                decision = _key_decision(request, own, carried)
            else:
                decision = judge(request, (*own, *carried))
            if decision.by is None or not decision.allowed:
                continue
            if bounding is not None and not judge(request, bounding).allowed:
                continue
            return decision.by
        return None

    def _facts(
        self, action: str, arn: str, resource: AccountResource | None, tags: Mapping[str, str]
    ) -> dict[str, str]:
        service = action.partition(":")[0]
        # S3 looks at a bucket's tags where that is switched on (Amazon S3 user guide, "Enabling ABAC in general purpose
        # buckets").
        if service == "s3" and (resource is None or resource.properties.get("AbacStatus") != "Enabled"):
            tags = {}
        if action in UNTAGGED:
            tags = {}
        facts = {f"aws:ResourceTag/{key}": value for key, value in tags.items()}
        facts |= {f"{service}:ResourceTag/{key}": value for key, value in tags.items()}
        facts |= {f"aws:PrincipalTag/{key}": value for key, value in self.principal.tags.items()}
        facts |= {
            "aws:PrincipalArn": self.principal.arn,
            "aws:PrincipalAccount": self.principal.arn.split(":")[4],
            "aws:ResourceAccount": NUMBER,
            "aws:SecureTransport": "true",
            "aws:RequestedRegion": arn.split(":")[3] if arn.count(":") > 2 and arn.split(":")[3] else REGION,
        }
        if self.principal.second_factor:
            facts |= {"aws:MultiFactorAuthPresent": "true", "aws:MultiFactorAuthAge": "0"}
        # Route 53 developer guide, specifying-conditions-route53.
        if resource is not None and resource.type == RECORD and action == "route53:ChangeResourceRecordSets":
            facts[f"{action}NormalizedRecordNames"] = str(resource.properties["Name"])
            facts[f"{action}RecordTypes"] = str(resource.properties["Type"])
        if action in KNOW_BOUNDARY and action not in CHOOSES_BOUNDARY and resource is not None:
            boundary = str(resource.properties.get("PermissionsBoundary", ""))
            if boundary:
                facts[BOUNDARY] = boundary
        return facts


def _key_decision(request: Request, own: tuple[Permission, ...], carried: tuple[Permission, ...]) -> Decision:
    direct = judge(request, carried)
    if not direct.allowed:
        return direct
    by_account = direct.by is not None and any(p.endswith(":root") for p in direct.by.principals)
    return judge(request, own) if by_account else direct


def _for(statements: tuple[Permission, ...], arn: str) -> tuple[Permission, ...]:
    return tuple(permission for permission in statements if is_for(permission, arn))


def _conditions(statements: tuple[Permission, ...]) -> list[Condition]:
    return [condition for permission in statements for condition in permission.conditions]


def _choices(statements: tuple[Permission, ...], facts: Mapping[str, str], action: str) -> Iterator[dict[str, str]]:
    """Every combination of values that a caller could give the keys that the statements ask for, none first."""
    conditions = _conditions(statements)
    known = {key.lower() for key in facts} if conditions else set()
    values: dict[str, list[str | None]] = {}
    for condition in conditions:
        key = condition.key
        if key.lower() in known or _is_fact(key, action):
            continue
        options = values.setdefault(key, [None, ANOTHER])
        options += [v.replace("*", "any") for v in condition.values if v.replace("*", "any") not in options]
    names = sorted(values)
    for combination in product(*(values[name] for name in names)):
        yield {name: value for name, value in zip(names, combination, strict=True) if value is not None}


def _is_fact(key: str, action: str) -> bool:
    if key.lower() == BOUNDARY.lower():
        return action not in CHOOSES_BOUNDARY
    return bool(FACTS.match(key))
