"""What of a change weakens a protection: something is opened, switched off, no longer encrypted, watched or approved.

Rights are compared in `generator.cfn.broadening`, and what is at risk in `loss`; this is what stands beside both in the
properties of resources. It is a table of what AWS's own guides call secure, compared as settled values: what cannot be
told is left to the reader of the resource's own lines.
Sources: the resource schemas of the types that are named; AWS Foundational Security Best Practices of Security Hub
(S3.8, S3.12, S3.14, KMS.4, EC2.8, EC2.15, EC2.19, ECS.2, ECS.4, ECS.5, ECS.12, ECS.17, ECR.1, ECR.2, ELB.5, ELB.6,
CloudFront.3, CloudWatch.15, ElasticBeanstalk.2, ElasticBeanstalk.3). That none of the properties that our templates set
is missing from it, tests/review/test_switches.py finds with the schemas of cfn-lint.
"""

import ipaddress
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from generator.cfn import difference
from generator.cfn.places import Place, spell, walk
from generator.cfn.templates import Resource
from scripts.review.model import Risk


class Switch(NamedTuple):
    """The values of a property that are safe, and the value that it has where nobody sets it."""

    safe: tuple[str, ...]
    default: str


ON, OFF = Switch(("true",), "false"), Switch(("false",), "false")
AUTHENTICATED = ("authenticate-cognito", "authenticate-oidc", "jwt-validation")
# By the end of the way to a property; an entry of a list counts by its name.
SWITCHES: Mapping[str, Switch] = {
    "BlockPublicAcls": ON,
    "BlockPublicPolicy": ON,
    "IgnorePublicAcls": ON,
    "RestrictPublicBuckets": ON,
    "AbacStatus": Switch(("Enabled",), "Disabled"),  # without it no denial by a bucket's tags holds
    "ObjectOwnership": Switch(("BucketOwnerEnforced",), "BucketOwnerEnforced"),
    "SSEAlgorithm": Switch(("aws:kms", "aws:kms:dsse"), "AES256"),
    "VersioningConfiguration.Status": Switch(("Enabled",), ""),
    "EnableKeyRotation": ON,
    "SSEEnabled": ON,
    "EncryptionType": Switch(("KMS", "KMS_DSSE"), "AES256"),
    "ScanOnPush": ON,
    "ImageTagMutability": Switch(("IMMUTABLE", "IMMUTABLE_WITH_EXCLUSION"), "MUTABLE"),
    "ReadonlyRootFilesystem": ON,
    "NetworkMode": Switch(("awsvpc", "none"), "bridge"),
    "Privileged": OFF,
    "PrivilegedMode": OFF,
    "EnableExecuteCommand": OFF,
    "EncryptionDisabled": OFF,
    "AssignPublicIp": Switch(("DISABLED",), "DISABLED"),
    "MapPublicIpOnLaunch": OFF,
    "DeploymentConfiguration.Alarms.Enable": ON,
    "DeploymentConfiguration.Alarms.Rollback": ON,
    "DeploymentCircuitBreaker.Enable": ON,
    "DeploymentCircuitBreaker.Rollback": ON,
    "OnFailure.Result": Switch(("ROLLBACK",), ""),
    "containerInsights": Switch(("enabled", "enhanced"), "disabled"),
    "RealtimeMetricsSubscriptionStatus": Switch(("Enabled",), "Disabled"),
    "ActionsEnabled": Switch(("true",), "true"),
    "Scheme": Switch(("internal",), "internet-facing"),
    "TrafficType": Switch(("ALL",), ""),
    "DefaultActions.Type": Switch(("fixed-response", "redirect", *AUTHENTICATED), ""),
    "Actions.Type": Switch(AUTHENTICATED, ""),
    "OriginProtocolPolicy": Switch(("https-only",), ""),
    "SigningBehavior": Switch(("always", "always-amz-auth"), ""),
    "IncludeCookies": OFF,  # sessions of viewers in a log
    "IncludeSubdomains": ON,
    "FrameOption": Switch(("DENY",), ""),
    "ReferrerPolicy.ReferrerPolicy": Switch(
        ("no-referrer", "same-origin", "strict-origin", "strict-origin-when-cross-origin"), ""
    ),
    "ViewerProtocolPolicy": Switch(("redirect-to-https", "https-only"), ""),
    "CloudWatchLogs.Status": Switch(("ENABLED",), "ENABLED"),
    "access_logs.s3.enabled": ON,
    "deletion_protection.enabled": ON,
    "routing.http.drop_invalid_header_fields.enabled": ON,
    "aws:autoscaling:launchconfiguration=DisableIMDSv1": ON,
    "aws:autoscaling:launchconfiguration=DisableDefaultEC2SecurityGroup": ON,
    "aws:ec2:vpc=AssociatePublicIpAddress": OFF,
    "aws:elasticbeanstalk:cloudwatch:logs=StreamLogs": ON,
    "aws:elasticbeanstalk:cloudwatch:logs=DeleteOnTerminate": OFF,
    "aws:elasticbeanstalk:managedactions=ManagedActionsEnabled": ON,
    "TESTS_BLOCK": ON,
    "LINT_BLOCKS": ON,
    "SCAN_FINDINGS_BLOCK": Switch(("CRITICAL", "HIGH", "MEDIUM", "LOW", "INFORMATIONAL", "UNDEFINED"), "NONE"),
}
# The same of one type alone, because the name means something else elsewhere.
TYPED: Mapping[tuple[str, str], Switch] = {
    ("AWS::Events::Rule", "State"): Switch(("ENABLED", "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"), "ENABLED"),
    ("AWS::ElasticLoadBalancingV2::Listener", "Protocol"): Switch(("HTTPS", "TLS"), ""),
    ("AWS::ElasticLoadBalancingV2::TargetGroup", "Protocol"): Switch(("HTTPS", "TLS"), ""),
}
# Who is told, and to what a policy belongs: each entry counts.
LISTENERS = frozenset({"AlarmActions", "Subscribers", "Subscription", "Topics", "Queues"})
# What protects or watches by being there.
PRESENT = frozenset(
    (
        *("PublicAccessBlockConfiguration", "BucketEncryption", "SSESpecification", "EncryptionConfiguration"),
        *("EncryptionKey", "KmsKeyId", "KmsMasterKeyId", "KMSMasterKeyId", "KMSMasterKeyID", "KmsKey"),
        *("LoggingConfiguration", "Logging", "LogConfiguration", "LinuxParameters", "DeploymentCircuitBreaker"),
        *("PermissionsBoundary", "ResponseHeadersPolicyId", "OriginAccessControlId", "WebACLId"),
        *("SecurityHeadersConfig", "ContentSecurityPolicy", "ContentTypeOptions", "FrameOptions"),
        *("StrictTransportSecurity", "OwnershipControls", "VpcConfig", *LISTENERS),
    )
)
# The lowest version of TLS. Where none is set it is the lowest that there is: the security policy of CloudFront's own
# certificate is TLSv1 (API reference, "ViewerCertificate"), a listener's is ELBSecurityPolicy-2016-08 (Application Load
# Balancer, "Security policies").
TLS = frozenset({"MinimumProtocolVersion", "SslPolicy"})
OPTION = ("Namespace", "OptionName")  # of Elastic Beanstalk
IMAGES = frozenset({"Image", "ImageUri"})
UNKNOWN = "none"  # in place of the image that the deploy script fills in
CURATED = "aws/codebuild/"  # AWS's own images of CodeBuild, which are named by version (CodeBuild User Guide)
ALARM, PIPELINE, GROUP, ROUTE, LISTENER_RULE = (
    "AWS::CloudWatch::Alarm",
    "AWS::CodePipeline::Pipeline",
    "AWS::EC2::SecurityGroup",
    "AWS::EC2::Route",
    "AWS::ElasticLoadBalancingV2::ListenerRule",
)
# What a pipeline does, by the category of its type (CodePipeline User Guide, "Action structure reference" and "Rule
# structure reference").
APPROVAL, DEPLOYMENT = "approval", "deployment"
ACTIONS = {
    "Approval": APPROVAL,
    "Build": "action",
    "Compute": "action",
    "Deploy": DEPLOYMENT,
    "Invoke": "action",
    "Rule": "rule",
    "Source": "source",
    "Test": "action",
}
DIRECTIONS = {"Ingress": "from", "Egress": "to"}
# Of a rule: the other side, as the schemas of SecurityGroupIngress and SecurityGroupEgress name it.
OTHERS = (
    *("CidrIp", "CidrIpv6", "SourcePrefixListId", "SourceSecurityGroupId", "SourceSecurityGroupName"),
    *("DestinationPrefixListId", "DestinationSecurityGroupId"),
)
LATER = ("EvaluationPeriods", "DatapointsToAlarm", "Period")  # an alarm with more of them comes later
WATCHED = ("MetricName", "Namespace", "Dimensions", "Metrics", "Statistic", "ExtendedStatistic", "ComparisonOperator")


class Opening(NamedTuple):
    """One rule of a security group: `first` and `last` are ports, -1 for all of them."""

    group: str
    direction: str
    protocol: str
    first: float
    last: float
    other: str

    def __str__(self) -> str:
        protocol = "every protocol" if self.protocol == "-1" else self.protocol
        ports = (
            ""
            if self.first < 0
            else f" {self.first:g}"
            if self.first == self.last
            else f" {self.first:g}-{self.last:g}"
        )
        return f"opens {protocol}{ports} {DIRECTIONS[self.direction]} {self.other}"

    def covers(self, narrow: "Opening") -> bool:
        """Whether this rule already opens all that the other one does."""
        ports = self.protocol == "-1" or self.first < 0 or (self.first <= narrow.first and narrow.last <= self.last)
        return (
            (self.group, self.direction) == (narrow.group, narrow.direction)
            and self.protocol in ("-1", narrow.protocol)
            and ports
            and _inside(narrow.other, self.other)
        )


def weakened(old: Mapping[str, Resource], new: Mapping[str, Resource]) -> Iterator[Risk]:
    """Every protection that the change weakens, by resource."""
    before = [opening for path, resource in old.items() for opening in _openings(path, resource)]
    for path, now in new.items():
        was = old.get(path)
        if was is not None and was.properties == now.properties:
            continue
        for opening in _openings(path, now):
            if not any(known.covers(opening) for known in before):
                yield Risk(path, now.type, str(opening))
        if was is None:
            yield from (Risk(path, now.type, what) for what in _unsafe(now.type, (), dict(now.properties)))
        elif was.type == now.type:
            yield from (Risk(path, now.type, what) for what in dict.fromkeys(_weaker(was, now)))


def _weaker(old: Resource, new: Resource) -> Iterator[str]:
    yield from _pipeline(old, new) if new.type == PIPELINE else ()
    yield from _conditions_gone(old, new) if new.type == LISTENER_RULE else ()
    yield from _alarm(old, new) if new.type == ALARM else ()
    if new.type == ROUTE and "GatewayId" in new.properties and "GatewayId" not in old.properties:
        yield f"leads straight to {new.properties['GatewayId']}"
    for _, place, was, now in difference.values(dict(old.properties), dict(new.properties)):
        yield from _difference(new.type, place, was, now)


def _difference(resource_type: str, place: Place, was: Any, now: Any) -> Iterator[str]:
    name, where = _name(place), _spelled(place)
    by_name = _by_name(was), _by_name(now)
    if all(by_name):
        # A name that stands twice would hide every entry of the list: what counts is the last.
        for _, inner, was, now in difference.values(*by_name, place):
            yield from _difference(resource_type, inner, was, now)
        return
    if (name in PRESENT and was not in (None, [], "") and now in (None, [], "")) or (
        name in LISTENERS and _fewer(was, now)
    ):
        yield f"{where} is gone" if now in (None, [], "") else f"{where} are fewer"
        return
    switch = _switch(resource_type, place)
    if switch and not isinstance(now if was is None else was, (dict, list)):
        before, after = (switch.default if value is None else _plain(value) for value in (was, now))
        if before in switch.safe and after not in switch.safe:
            yield f"{where} {before} → {after or '(none)'}"
        return
    if name in TLS and isinstance(was, str) and (now is None or (isinstance(now, str) and _tls(now) < _tls(was))):
        yield f"{where} {was} → {now or '(none)'}"
    if (was is None and now is not None) or name in IMAGES or name == "SecretString":
        yield from _unsafe(resource_type, place, now)
    elif now in (None, [], {}) and isinstance(was, (dict, list)):
        yield from _gone(resource_type, place, was)
    else:
        yield from _unsafe_entries(resource_type, place, was, now)


def _unsafe(resource_type: str, place: Place, value: Any) -> Iterator[str]:
    """What is not safe inside something new; what merely is not set there is no change of anything."""
    for inner, leaf in walk(value, place):
        name = _name(inner)
        switch = _switch(resource_type, inner)
        if (
            switch
            and switch.default in switch.safe
            and not isinstance(leaf, (dict, list))
            and _plain(leaf) not in switch.safe
        ):
            yield f"{_spelled(inner)} {_plain(leaf)}"
        if name in IMAGES and isinstance(leaf, str) and not _pinned(leaf):
            yield f"{spell(inner)} {leaf} has no digest"
        if name == "SecretString" and isinstance(leaf, str) and "${" not in leaf and "{{resolve:" not in leaf:
            yield f"{spell(inner)} is written in the template"


def _unsafe_entries(resource_type: str, place: Place, was: Any, now: Any) -> Iterator[str]:
    """What is not safe in the entries that a list has from now on; nothing for what is no list."""
    if isinstance(was, list) and isinstance(now, list):
        for number, entry in enumerate(now):
            if entry not in was:
                yield from _unsafe(resource_type, (*place, number), entry)


def _gone(resource_type: str, place: Place, value: Any) -> Iterator[str]:
    """What was on inside something that is no longer there, a list that is emptied included. Of a list's entry that is
    gone only its own value counts: a container that is gone has no protection to lose."""
    for inner, leaf in _leaves(place, value):
        entries = [
            number
            for number, step in enumerate(inner)
            if number >= len(place) - 1 and (not isinstance(step, str) or "=" in step)
        ]
        if entries and inner[entries[-1] + 1 :] != ("Value",):
            continue
        switch = _switch(resource_type, inner)
        if switch and _plain(leaf) in switch.safe and switch.default not in switch.safe:
            yield f"{_spelled(inner)} {_plain(leaf)} → (none)"


def _leaves(place: Place, value: Any) -> Iterator[tuple[Place, Any]]:
    """Every plain value inside another one; an entry of a list by its name where it has one."""
    inside = difference.entries(value)
    if inside is None:
        yield place, value
    for key, inner in (inside or {}).items():
        yield from _leaves((*place, key), inner)


def _by_name(entries: Any) -> dict[str, Any]:
    """The entries of a list by what names them, of one name the last; empty where one has no name."""
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        return {}
    for start, keys in (("", OPTION), *((f"{key}=", (key,)) for key in difference.NAMES)):
        if all(isinstance(entry.get(key), str) for entry in entries for key in keys):
            return {start + "=".join(entry[key] for key in keys): entry for entry in entries}
    return {}


def _spelled(place: Place) -> str:
    """A place as text; of an entry that is no more than a name with a value, the name."""
    *_, entry, last = ("", *place)
    return str(entry).partition("=")[2] if last == "Value" and "=" in str(entry) else spell(place)


def _name(place: Place) -> str:
    return next((str(step) for step in reversed(place) if isinstance(step, str)), "")


def _switch(resource_type: str, place: Place) -> Switch | None:
    names = [str(step) for step in place if isinstance(step, str) and step != "Value"]
    if names and names[-1] in SWITCHES:  # an option of Elastic Beanstalk is one in its namespace
        return SWITCHES[names[-1]]
    names = [name.rpartition("=")[2] for name in names]
    if typed := TYPED.get((resource_type, ".".join(names))):
        return typed
    return next((SWITCHES[key] for start in range(len(names)) if (key := ".".join(names[start:])) in SWITCHES), None)


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _fewer(was: Any, now: Any) -> bool:
    return isinstance(was, list) and isinstance(now, list) and len(now) < len(was)


def _tls(policy: str) -> tuple[int, int, int]:
    """How strict a security policy of CloudFront or of a load balancer is: by the lowest version of TLS 1 that it takes
    (SSL is below all, and a policy that names none takes 1.0), by its ciphers, by its year."""
    minor = re.search(r"(?:TLSv|TLS13-|TLS-|FS-)1[.-](\d)(?!\d)", policy)
    ciphers = re.search(r"-(?:(Res)|Ext(\d?))-", policy)
    year = re.search(r"20\d\d", policy)
    return (
        -1 if policy.startswith("SSL") else int(minor[1]) if minor else 0,
        0 if not ciphers else 1 if ciphers[1] else -1 - int(ciphers[2] or 0),
        int(year[0]) if year else 0,
    )


def _pinned(image: str) -> bool:
    """Whether an image cannot become another one; one that AWS or the deploy script fills in is not known here."""
    return image == UNKNOWN or "@sha256:" in image or "${" in image or image.startswith(CURATED)


def _conditions_gone(old: Resource, new: Resource) -> Iterator[str]:
    """The conditions that a rule of a listener has no more: without them it is for more requests."""
    was, now = (
        {
            ".".join(str(value) for place, value in walk(condition) if place[-1:] in (("Field",), ("HttpHeaderName",)))
            for condition in resource.get("Conditions", default=())
        }
        for resource in (old, new)
    )
    yield from (f"the condition {name} is gone" for name in sorted(was - now))


def _pipeline(old: Resource, new: Resource) -> Iterator[str]:
    """The actions and rules of a pipeline that are gone, and what comes after a deployment that it came before."""
    was, now = _actions(old), _actions(new)
    for kind, name in sorted(was.keys() - now.keys()):
        yield f"the {kind} {name} is gone"
    for check in sorted(was.keys() & now.keys()):
        for deployment in sorted(action for action in now if action[0] == DEPLOYMENT and action != check):
            before = was[check] < was[deployment] if deployment in was else check[0] == APPROVAL
            if before and not now[check] < now[deployment]:
                yield f"the {check[0]} {check[1]} does not come before the deployment {deployment[1]}"


def _actions(pipeline: Resource) -> dict[tuple[str, str], tuple[int, float]]:
    """Stage and order of each action by kind and name, of two with one name the first. A rule comes before the actions
    of its stage, or after them."""
    actions = dict[tuple[str, str], tuple[int, float]]()
    for number, stage in enumerate(pipeline.get("Stages", default=())):
        for place, value in walk(stage):
            kind = (value.get("ActionTypeId") or value.get("RuleTypeId")) if isinstance(value, dict) else None
            category = ACTIONS.get(str(kind.get("Category"))) if isinstance(kind, dict) else None
            if category:
                rule = 0 if "BeforeEntry" in place else math.inf
                order = number, _number(value.get("RunOrder", 1)) or 1 if "ActionTypeId" in value else rule
                key = category, str(value.get("Name"))
                actions[key] = min(order, actions.get(key, order))
    return actions


def _alarm(old: Resource, new: Resource) -> Iterator[str]:
    """Why an alarm comes later or never. A metric, its dimensions and the comparison say what it watches."""
    was, now = (dict(resource.properties) for resource in (old, new))
    threshold = [_number(side.get("Threshold")) for side in (was, now)]
    if threshold[0] is not None and threshold[1] is not None and threshold[0] != threshold[1]:
        rises = threshold[1] > threshold[0]
        if rises is str(now.get("ComparisonOperator", "")).startswith("Greater"):
            yield f"Threshold {threshold[0]:g} → {threshold[1]:g}: the alarm comes later or never"
    for name in LATER:
        absent = "EvaluationPeriods" if name == "DatapointsToAlarm" else ""
        before, after = (_number(side.get(name, side.get(absent))) for side in (was, now))
        if before is not None and after is not None and after > before:
            yield f"{name} {before:g} → {after:g}: the alarm comes later"
    if was.get("TreatMissingData") == "breaching" and now.get("TreatMissingData") != "breaching":
        yield f"TreatMissingData breaching → {now.get('TreatMissingData', 'missing')}: silence raises it no more"
    for name in WATCHED:
        before, after = was.get(name), now.get(name)
        if before != after:
            values = f" {before} → {after}" if isinstance(before, str) and isinstance(after, str) else ""
            yield f"{name}{values or ' changes'}: it watches something else"


def _number(value: Any) -> float | None:
    try:
        return float(str(value))
    except ValueError:
        return None


def _openings(path: str, resource: Resource) -> Iterator[Opening]:
    for direction in DIRECTIONS:
        if resource.type == f"{GROUP}{direction}":
            yield _opening(str(resource.get("GroupId", default="")), direction, resource.properties)
        if resource.type == GROUP:
            rules = resource.get(f"{GROUP.rpartition('::')[2]}{direction}", default=())
            for rule in rules if isinstance(rules, list) else ():
                yield _opening(path, direction, rule)


def _opening(group: str, direction: str, rule: Mapping[str, Any]) -> Opening:
    first, last = (_number(rule.get(name)) for name in ("FromPort", "ToPort"))
    name = group.removeprefix("${").removesuffix("}").removesuffix(".GroupId")
    other = next((str(rule[key]) for key in OTHERS if key in rule), "")
    return Opening(
        name,
        direction,
        str(rule.get("IpProtocol", "")),
        -1 if first is None else first,
        -1 if last is None else last,
        other,
    )


def _inside(narrow: str, broad: str) -> bool:
    if narrow == broad:
        return True
    try:
        inner, outer = ipaddress.ip_network(narrow, strict=False), ipaddress.ip_network(broad, strict=False)
    except ValueError:
        return False
    return inner.version == outer.version and inner.subnet_of(outer)  # type: ignore[arg-type]
