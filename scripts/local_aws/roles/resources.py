"""What IAM is asked when CloudFormation makes, changes or deletes a resource as a role.

The actions are those that the handlers of the type name for the operation (registry schema, `handlers`), without those
that nobody's templates need, and the rows of `generator/cfn/caller_rights.py`. An action is asked about the resource
itself (`generator/cfn/resource_arns.py` has the forms of ARNs), and about the others that it touches. What has no form
is counted as not judged. Ids that do not exist yet are written `new`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from generator.cfn.caller_rights import KEY_CREATION, CallerRight, rights_of
from generator.cfn.evaluate import KNOW_BOUNDARY, Context, Request
from generator.cfn.resource_arns import ACCOUNT, ARNS, PLACE, generated
from generator.cfn.role_needs.rows import TRUST
from generator.cfn.templates import STACK
from scripts.local_aws import moto_patches, schemas
from scripts.local_aws.account import Account, s3_object
from scripts.local_aws.handlers import shapes
from scripts.local_aws.handlers.handler import handler_for
from scripts.local_aws.roles.judge import JUDGES
from scripts.local_aws.services import ResourceError
from scripts.local_aws.values import Operation, Resource, Stack

# Action -> what it touches besides.
ALSO: Mapping[str, tuple[str, ...]] = {
    "ec2:CreateFlowLogs": (f"ec2:{PLACE}:vpc/{{ResourceId}}",),
    "ec2:CreateNatGateway": (f"ec2:{PLACE}:subnet/{{SubnetId}}", f"ec2:{PLACE}:elastic-ip/{{AllocationId}}"),
    "ec2:CreateRouteTable": (f"ec2:{PLACE}:vpc/{{VpcId}}",),
    "ec2:CreateSecurityGroup": (f"ec2:{PLACE}:vpc/{{VpcId}}",),
    "ec2:CreateSubnet": (f"ec2:{PLACE}:vpc/{{VpcId}}",),
    "ec2:CreateVpcEndpoint": (f"ec2:{PLACE}:vpc/{{VpcId}}", f"ec2:{PLACE}:route-table/{{RouteTableIds}}"),
    "elasticloadbalancing:CreateListener": ("{LoadBalancerArn}",),
    "elasticloadbalancing:CreateRule": ("{ListenerArn}",),
    "iam:AddRoleToInstanceProfile": (f"iam:{ACCOUNT}:role{{Path}}{{Roles}}",),
    "kms:CreateAlias": (f"kms:{PLACE}:key/{{TargetKeyId}}",),
    "kms:DeleteAlias": (f"kms:{PLACE}:key/{{TargetKeyId}}",),
}
# Action -> what it is asked about instead of the type's own resource, where that is of the same service.
INSTEAD: Mapping[str, tuple[str, ...]] = {"route53:GetChange": ("route53:::change/new",)}
# Action of another service than the type's -> what it is asked about.
OTHERS: Mapping[str, tuple[str, ...]] = {
    "billing:GetBillingViewData": (f"billing:{ACCOUNT}:billingview/primary",),
    "logs:CreateLogDelivery": ("*",),
    "logs:DeleteLogDelivery": ("*",),
}
# What the handler does on creation, where the schema names what other properties would need as well.
CREATION: Mapping[str, frozenset[str]] = {"AWS::KMS::Key": KEY_CREATION | {"kms:CreateKey", "kms:TagResource"}}
# What the handler is said to call on creation and does not: ECR asks KMS for DescribeKey and two CreateGrant then (ECR
# user guide, encryption-at-rest).
NOT_ON_CREATION = {"AWS::ECR::Repository": frozenset({"kms:RetireGrant"})}
# Handlers in no schema: AWS CodeBuild user guide, auth-and-access-control-permissions-reference.
WITHOUT_HANDLERS = {
    "AWS::CodeBuild::Project": {
        "create": ("codebuild:CreateProject", "codebuild:BatchGetProjects", "iam:PassRole"),
        "update": ("codebuild:UpdateProject", "codebuild:BatchGetProjects", "iam:PassRole"),
        "delete": ("codebuild:DeleteProject",),
    }
}
# What knows no tags of the resource yet: it makes the resource.
MAKING = re.compile(r":(Allocate|Create|Import|Register|Request)")
READING = re.compile(r":(BatchGet|Describe|Get|List)")
KEY = re.compile(r"arn:[^:]+:kms:[^:]*:\d+:key/[\w-]+")
CONNECTION = re.compile(r"arn:[^:]+:(codeconnections|codestar-connections):[^:]*:\d+:connection/[\w-]+")
PASS_CONNECTION = "PassConnection"
PUT_BOUNDARY, DELETE_BOUNDARY = "iam:PutRolePermissionsBoundary", "iam:DeleteRolePermissionsBoundary"
BOUNDARY_CHANGES = frozenset({PUT_BOUNDARY, DELETE_BOUNDARY})
ORIGIN = re.compile(r"'VpcOriginId': '([^']+)'")
ZONE = re.compile(r"'HostedZoneId': '([^']+)'")
SECRET = re.compile(r"resolve:secretsmanager:(arn:[^:]+:secretsmanager:[^:]*:\d+:secret:[\w/+=.@-]+)")
ROLE = re.compile(r"arn:[^:]+:iam::\d+:role/[\w/+=,.@-]+")


def refuse(account: Account, verb: str, stack: Stack, resource: Resource, operation: Operation) -> None:
    """Judges one operation on a resource, when roles are judged and the stack has one, its own or that of whoever
    started the operation. `verb` is create, update or delete. Raises `ResourceError` in AWS's words."""
    if not JUDGES:
        return
    session = moto_patches.session(operation.key)
    role = stack.root.settings.role or (session[0] if session else "")
    if not role:
        return
    caller = f"arn:{account.services.partition}:sts::{account.services.account}:assumed-role/"
    caller += f"{role.rpartition('/')[2]}/AWSCloudFormation"
    if not resource.physical and verb == "update":
        verb = "create"  # the replacement of another
    if refusal := JUDGES[0].refusal(role, caller, _Asking(account, verb, stack, resource, role).requests()):
        service = resource.kind.split("::")[1]
        text = f'Resource handler returned message: "{refusal} (Service: {service}, Status Code: 403)"'
        raise ResourceError(f"{text} (HandlerErrorCode: AccessDenied)")


class _Asking:
    """The questions about one operation on a resource."""

    def __init__(self, account: Account, verb: str, stack: Stack, resource: Resource, role: str) -> None:
        self.account, self.verb, self.stack, self.resource, self.role = account, verb, stack, resource, role
        self.kind, self.properties = resource.kind, dict(resource.properties)
        self.properties.setdefault("Path", "/")
        services = account.services
        self.place = {"region": services.region, "account": services.account, "id": self._id()}
        self.text = str(self.properties)
        tagged = self.properties.get(str(schemas.tagging(self.kind)), ())
        self.tags = dict(shapes.tags(tagged) or {})

    def _id(self) -> str:
        """The id as it stands in ARNs."""
        if self.resource.nested:
            name = self.resource.physical.partition(":stack/")[2].partition("/")[0]
            return name or f"{self.stack.name[:90]}-{self.resource.logical[:24]}-NEW"
        if self.resource.physical:
            return self.resource.physical
        row = handler_for(self.account.services, self.kind, self.properties).row
        if self.kind == "AWS::Budgets::Budget":
            return str(self.properties["Budget"]["BudgetName"])
        identity = row.named or schemas.identifiers(self.kind)[0]
        if value := self.properties.get(identity):
            return str(value)
        return generated(self.stack.name, self.resource.logical, "", row.longest) if row.named else "new"

    def requests(self) -> Iterator[Request]:
        """Every question."""
        judge = JUDGES[0]
        actions = self._actions() - judge.excluded.get(self.kind, frozenset()) - BOUNDARY_CHANGES
        for action in actions | self._boundary_change():
            resources = self._resources(action)
            if resources is None:
                judge.skip(f"{self.kind} {self.verb}: {action}")
                continue
            for resource, context in resources:
                yield Request(action, resource, {**self._context(action, resource), **context})
        stack = self.stack
        template = stack.target.template if stack.target else None
        if self.verb != "delete" and template and self.resource.logical in template.resources:
            for right in rights_of(template.resources[self.resource.logical]):
                yield from self._right(right)

    def _actions(self) -> frozenset[str]:
        if named := WITHOUT_HANDLERS.get(self.kind):
            return frozenset(named[self.verb])
        handlers = schemas.schema(self.kind).get("handlers", {})
        actions = frozenset(handlers.get(self.verb, {}).get("permissions", ()))
        if not actions:
            JUDGES[0].skip(f"{self.kind} {self.verb}: no handler says what it calls")
        if self.verb == "create" and self.kind in CREATION:
            actions &= CREATION[self.kind]
        if self.verb == "create":
            actions -= NOT_ON_CREATION.get(self.kind, frozenset())
        # The schema names the older prefix alone; it follows that of the connection's ARN (Service Authorization
        # Reference, AWS CodeConnections and AWS CodeStar Connections).
        if PASS_CONNECTION in {action.partition(":")[2] for action in actions}:
            passed = {f"{match[1]}:{PASS_CONNECTION}" for match in CONNECTION.finditer(self.text)}
            actions = frozenset(passed).union(each for each in actions if not each.endswith(f":{PASS_CONNECTION}"))
        # Rows of the caller's rights say for which service.
        return actions - {"iam:CreateServiceLinkedRole"}

    def _resources(self, action: str) -> Iterable[tuple[str, Context]] | None:
        """What an action is asked about, each with more of its context; None for what nobody knows."""
        service = action.partition(":")[0]
        own = self._filled(ARNS.get(self.kind, ()))
        if action == "iam:PassRole":
            passed, receivers = self._roles(), self._receivers()
            if passed and not receivers:
                return None
            return [(role, {"iam:PassedToService": name}) for role in passed for name in receivers]
        if action in ("iam:AttachRolePolicy", "iam:DetachRolePolicy"):
            return [(arn, {"iam:PolicyARN": str(policy)}) for arn in own for policy in self._attached()]
        if service in ("codeconnections", "codestar-connections"):
            return [(match[0], {}) for match in CONNECTION.finditer(self.text) if match[1] == service]
        if service == "kms" and not self.kind.startswith("AWS::KMS::"):
            return [(arn, {}) for arn in self._keys()]
        if action in INSTEAD:
            return [(arn, {}) for arn in self._filled(INSTEAD[action])]
        if own and own[0].split(":")[2] == service and not self._is_origin(action):
            return [(arn, {}) for arn in dict.fromkeys([*own, *self._filled(ALSO.get(action, ()))])]
        others = self._others(action)
        return None if others is None else [(arn, {}) for arn in others]

    def _is_origin(self, action: str) -> bool:
        """Whether an action is about the VPC origins of a distribution."""
        return action == "cloudfront:GetVpcOrigin" and self.kind != "AWS::CloudFront::VpcOrigin"

    def _others(self, action: str) -> list[str] | None:
        """The resources of other types that an action is asked about; None for what nobody knows."""
        if self._is_origin(action):
            return self._filled(f"cloudfront:{ACCOUNT}:vpcorigin/{name}" for name in ORIGIN.findall(self.text))
        if action.startswith("s3:") and self.kind.startswith("AWS::ElasticBeanstalk::"):
            # Its own bucket of the Region (Elastic Beanstalk developer guide, AWSHowTo.S3).
            place = "/new" if action.endswith("Object") else ""
            return self._filled((f"s3:::elasticbeanstalk-{{region}}-{{account}}{place}",))
        if action == "iam:GetRole":
            return self._roles()
        if action.startswith("cloudwatch:") and self.kind.startswith("AWS::ApplicationAutoScaling::"):
            # Application Auto Scaling user guide, target-tracking-scaling-policy-overview: the names of its alarms.
            return self._filled((f"cloudwatch:{PLACE}:alarm:TargetTracking-{{ResourceId}}-AlarmHigh-new",))
        if action == "route53:ChangeResourceRecordSets":  # ACM validates a name by a record
            return self._filled(f"route53:::hostedzone/{name}" for name in ZONE.findall(self.text))
        if action in OTHERS:
            return self._filled(OTHERS[action])
        return ["*"] if READING.search(action) else None

    def _filled(self, forms: Iterable[str]) -> list[str]:
        arns = []
        if self.place["id"].startswith("arn:"):
            forms = ["{id}" if "{id}" in form else form for form in forms]
        for form in forms:
            values = [form]
            for name in re.findall(r"\{(\w+)\}", form):
                value = self.place.get(name) or self.properties.get(name) or "new"
                inner = value if isinstance(value, list) else [value]
                values = [text.replace(f"{{{name}}}", str(each)) for text in values for each in inner]
            arns += [_arn(self.account, text) for text in values]
        return arns

    def _context(self, action: str, resource: str) -> dict[str, str | list[str]]:
        context: dict[str, str | list[str]] = {"aws:RequestedRegion": self.account.services.region}
        if action == "route53:ChangeResourceRecordSets":
            context |= self._records()
        context |= {f"aws:RequestTag/{key}": value for key, value in self.tags.items()}
        if self.kind == "AWS::IAM::Role" and action in KNOW_BOUNDARY and (boundary := self._boundary()):
            context["iam:PermissionsBoundary"] = boundary
        if action.startswith("kms:"):
            service = self.kind.split("::")[1].lower()
            context["kms:ViaService"] = f"{service}.{self.account.services.region}.amazonaws.com"
            context["kms:GrantIsForAWSResource"] = "true"
            # Tags of a new key count minutes later (kms developerguide, abac).
            if self.verb == "create":
                return context
        tags = self._tags_of(resource)
        if tags is None:
            tags = {} if MAKING.search(action) or not _count(self.kind, self.properties) else self.tags
        return context | {f"aws:ResourceTag/{key}": value for key, value in tags.items()}

    def _records(self) -> dict[str, list[str]]:
        """Names and types of the records of a request, the names in lower case and without the dot at their end (Route
        53 developer guide, specifying-conditions-route53). ACM validates a name by a CNAME below it (acm userguide,
        dns-validation)."""
        name = str(self.properties.get("Name", "")).lower().rstrip(".")
        validating = [f"_new.{entry['DomainName']}" for entry in self.properties.get("DomainValidationOptions", ())]
        key = "route53:ChangeResourceRecordSets"
        return {
            f"{key}NormalizedRecordNames": validating or [name],
            f"{key}RecordTypes": ["CNAME"] if validating else [str(self.properties.get("Type", ""))],
        }

    def _tags_of(self, arn: str) -> dict[str, str] | None:
        """The tags of what an ARN names, where a stack made it; None for the resource itself."""
        number = re.split(r"[:/]", arn)[-1]
        for stack in tuple(self.account.stacks.values()):
            for other in tuple(stack.resources.values()):
                if other is not self.resource and (
                    other.physical in (arn, number) or number in map(str, other.attributes.values())
                ):
                    tags = other.properties.get(schemas.tagging(other.kind), ())
                    return dict(shapes.tags(tags)) if _count(other.kind, other.properties) else {}
        return None

    def _keys(self) -> list[str]:
        return sorted(set(KEY.findall(self.text)))

    def _roles(self) -> list[str]:
        if self.kind == STACK:  # the child's stack has the role of its root
            return [self.role]
        if self.kind == "AWS::IAM::InstanceProfile":  # by name, and under its own path
            return self._filled(ALSO["iam:AddRoleToInstanceProfile"])
        return sorted(set(ROLE.findall(self.text)))

    def _receivers(self) -> set[str]:
        """The services to which a type passes roles."""
        if self.kind == STACK:
            return {"cloudformation.amazonaws.com"}
        return {
            service for (kind, place), (service, *_) in TRUST.items() if kind == self.kind and f"'{place}'" in self.text
        }

    def _boundary(self) -> str:
        """The permissions boundary that a call on a role is judged with: the one that the template gives it, else the
        one that it has. That the handler puts a new one before it writes policies is documented nowhere."""
        return str((self.verb != "delete" and self.properties.get("PermissionsBoundary")) or self._held_boundary())

    def _held_boundary(self) -> str:
        boundaries = [moto_patches.role_boundary(arn) for arn in self._filled(ARNS[self.kind])]
        return boundaries[0][0] if boundaries and boundaries[0] else ""

    def _boundary_change(self) -> frozenset[str]:
        """What an update does to the boundary of a role: asked whatever the templates are said never to need, because
        a template may be somebody else's."""
        if self.kind != "AWS::IAM::Role" or self.verb != "update":
            return frozenset()
        before, after = self._held_boundary(), str(self.properties.get("PermissionsBoundary", ""))
        if before == after:
            return frozenset()
        return frozenset({PUT_BOUNDARY if after else DELETE_BOUNDARY})

    def _attached(self) -> list[Any]:
        return list(self.properties.get("ManagedPolicyArns", ()))

    def _right(self, right: CallerRight) -> Iterator[Request]:
        """The questions of one right of the caller."""
        services = self.account.services
        pseudo = {"Partition": services.partition, "Region": services.region, "AccountId": services.account}

        def concrete(text: str) -> str:
            for name, value in pseudo.items():
                text = text.replace(f"${{AWS::{name}}}", value)
            return text

        context = {key: concrete(value) for key, value in right.when.items()}
        on = concrete(right.on)
        for action in right.actions:
            resources = self._of_right(right, action, on)
            if resources is None:
                JUDGES[0].skip(f"{self.kind} {self.verb}: {action} on {on}")
            for resource in resources or ():
                yield Request(action, resource, {**self._context(action, resource), **context})

    def _of_right(self, right: CallerRight, action: str, on: str) -> list[str] | None:
        """The resources of a right of the caller, whose row may name a whole kind of them; None for unknown ones."""
        if "/aws-service-role/" in on:
            return [f"{on.removesuffix('*')}new"]
        if ":kms:" in on:
            return self._keys()
        if action == "secretsmanager:GetSecretValue":
            return sorted(set(SECRET.findall(self.text)))
        if "Logging" in right.place:
            bucket = str(self.properties["DistributionConfig"]["Logging"]["Bucket"]).partition(".s3.")[0]
            return [_arn(self.account, f"s3:::{bucket}")]
        if self.kind == STACK and action == "s3:GetObject":
            return [_arn(self.account, f"s3:::{'/'.join(s3_object(str(self.properties['TemplateURL'])))}")]
        if self.kind == STACK and on.endswith(":stack/*"):
            return self._filled(ARNS[STACK])
        if on.endswith(":changeSet/*") and self.stack.root.change_set:  # nested ones are named after the root's
            return [self.stack.root.change_set]
        if right.subject.startswith("AWS::ElasticBeanstalk::") and on != "*":  # names that it makes itself
            pattern = on.replace(
                "s3:::elasticbeanstalk-*/", f"s3:::elasticbeanstalk-env-resources-{self.place['region']}/"
            )
            return [f"{pattern.replace('*', 'new')}{'/new' if ':stack/' in on else ''}"]
        return [on] if on == "*" or "*" not in on else None


def _arn(account: Account, rest: str) -> str:
    return rest if rest.startswith("arn:") or rest == "*" else f"arn:{account.services.partition}:{rest}"


def _count(kind: str, properties: Mapping[str, Any]) -> bool:
    """Whether a service looks at the tags of a resource: S3 does where that is switched on (Amazon S3 user guide,
    "Enabling ABAC in general purpose buckets")."""
    return kind != "AWS::S3::Bucket" or properties.get("AbacStatus") == "Enabled"
