"""Rules on what can be reached, from where, and how."""

from collections.abc import Iterator
from typing import Any

from generator.cfn.intrinsics import choices, render
from generator.cfn.templates import Resource, TemplateSet
from generator.gate.rules.rule import Fault, Rule, must, values
from generator.gate.rules.secrets import RESOLVE
from generator.gate.rules.storage import equals

BALANCER, DISTRIBUTION = ("AWS::ElasticLoadBalancingV2::LoadBalancer", "AWS::CloudFront::Distribution")
LISTENER, LISTENER_RULE = ("AWS::ElasticLoadBalancingV2::Listener", "AWS::ElasticLoadBalancingV2::ListenerRule")
ATTRIBUTES = {"routing.http.drop_invalid_header_fields.enabled": "true", "access_logs.s3.enabled": "true"}
# TLS policies without TLS 1.0 and 1.1 and without old ciphers (botocore cloudfront, MinimumProtocolVersion).
TLS = ("TLSv1.2_2021", "TLSv1.2_2025", "TLSv1.3_2025")
HEADERS = "AWS::CloudFront::ResponseHeadersPolicy"
GUARDS = {
    "ContentSecurityPolicy", "ContentTypeOptions", "FrameOptions", "ReferrerPolicy", "StrictTransportSecurity"
}  # fmt: skip
CONTENT_POLICY = (
    "ResponseHeadersPolicyConfig", "SecurityHeadersConfig", "ContentSecurityPolicy", "ContentSecurityPolicy"
)  # fmt: skip
STRICT = ("'self'", "'none'")  # where scripts may come from
ANYWHERE = ("0.0.0.0/0", "::/0")


def _ingress(templates: TemplateSet) -> Iterator[Fault]:
    for resource in templates.resources("AWS::EC2::SecurityGroup", "AWS::EC2::SecurityGroupIngress"):
        own = resource.type == "AWS::EC2::SecurityGroupIngress"
        for rules in [[resource.properties]] if own else values(resource, "SecurityGroupIngress"):
            for rule in rules or ():
                if any(rule.get(name) in ANYWHERE for name in ("CidrIp", "CidrIpv6")):
                    yield Fault(resource.address, "admits the whole internet")
                if rule.get("IpProtocol") in ("-1", -1):
                    yield Fault(resource.address, "admits every protocol and port")


def _attributes(templates: TemplateSet) -> Iterator[Fault]:
    for resource in templates.resources(BALANCER):
        for listed in values(resource, "LoadBalancerAttributes"):
            attributes = {entry.get("Key"): entry.get("Value") for entry in listed or ()}
            for key, expected in ATTRIBUTES.items():
                if attributes.get(key) != expected:
                    yield Fault(resource.address, f"does not set {key} to {expected}")


def _public_balancers(templates: TemplateSet) -> Iterator[Fault]:
    """A load balancer that is public under some outcome of the conditions, in clear or for anybody under the same."""
    for balancer in templates.resources(BALANCER):
        beside = [
            resource
            for resource in templates.resources(LISTENER, LISTENER_RULE)
            if resource.template == balancer.template
        ]
        together = {resource.logical_id: dict(resource.properties) for resource in [balancer, *beside]}
        for _, decided in choices(together):
            if decided[balancer.logical_id].get("Scheme") == "internal":
                continue
            for resource in beside:
                properties = decided[resource.logical_id]
                if resource.type == LISTENER and not (
                    properties.get("Protocol") == "HTTPS" and properties.get("Certificates")
                ):
                    yield Fault(balancer.address, f"is public, and {resource.logical_id} takes clear text")
                if resource.type == LISTENER_RULE and not _asks_for_a_secret(properties):
                    yield Fault(balancer.address, f"is public, and {resource.logical_id} answers to any distribution")


def _asks_for_a_secret(rule: dict[str, Any]) -> bool:
    headers = [condition.get("HttpHeaderConfig", {}).get("Values") for condition in rule.get("Conditions", ())]
    return any(values and all(RESOLVE in render(value) for value in values) for values in headers)


def _configurations(templates: TemplateSet) -> Iterator[tuple[Resource, Any]]:
    for resource in templates.resources(DISTRIBUTION):
        for configuration in values(resource, "DistributionConfig"):
            yield resource, configuration


def _viewers(templates: TemplateSet) -> Iterator[Fault]:
    for resource, configuration in _configurations(templates):
        for behaviour in [configuration.get("DefaultCacheBehavior", {}), *configuration.get("CacheBehaviors", ())]:
            if behaviour.get("ViewerProtocolPolicy") not in ("redirect-to-https", "https-only"):
                path = behaviour.get("PathPattern", "the default behaviour")
                yield Fault(resource.address, f"serves {path} without TLS")


def _headers(templates: TemplateSet) -> Iterator[Fault]:
    """Every behaviour names a response headers policy of its own template, and that policy guards the page."""
    for resource, configuration in _configurations(templates):
        own = {policy.logical_id for policy in templates.resources(HEADERS) if policy.template == resource.template}
        for behaviour in [configuration.get("DefaultCacheBehavior", {}), *configuration.get("CacheBehaviors", ())]:
            named = behaviour.get("ResponseHeadersPolicyId")
            if not (isinstance(named, dict) and named.get("Ref") in own):
                path = behaviour.get("PathPattern", "the default behaviour")
                yield Fault(resource.address, f"answers {path} without a response headers policy of ours")
    for policy in templates.resources(HEADERS):
        for headers in values(policy, "ResponseHeadersPolicyConfig", "SecurityHeadersConfig"):
            for name in sorted(GUARDS - (headers or {}).keys()):
                yield Fault(policy.address, f"has no {name}")
        for text in values(policy, *CONTENT_POLICY):
            directives = {name: words for name, *words in filter(None, map(str.split, render(text or "").split(";")))}
            scripts = directives.get("script-src", directives.get("default-src", ["*"]))
            # Hosts that the facts of the application name, with a reason that the reviewer reads.
            named = {place.split()[-1] for place in templates[policy.template].metadata.get("PageHosts", {})}
            if loose := [word for word in scripts if word not in STRICT and word not in named]:
                yield Fault(policy.address, f"lets scripts come from {' '.join(loose)}")


def _certificates(templates: TemplateSet) -> Iterator[Fault]:
    for resource, configuration in _configurations(templates):
        certificate = configuration.get("ViewerCertificate", {})
        own = {"AcmCertificateArn", "IamCertificateId"} & certificate.keys()
        if own and certificate.get("MinimumProtocolVersion") not in TLS:
            yield Fault(resource.address, f"accepts {certificate.get('MinimumProtocolVersion', 'any TLS version')}")


def _origins(templates: TemplateSet) -> Iterator[Fault]:
    for resource in templates.resources("AWS::S3::Bucket"):
        if any(value is not None for value in values(resource, "WebsiteConfiguration")):
            yield Fault(resource.address, "serves a website by itself")
    for resource in templates.resources("AWS::CloudFront::CloudFrontOriginAccessIdentity"):
        yield Fault(resource.address, "is an origin access identity")
    for resource, configuration in _configurations(templates):
        for origin in configuration.get("Origins", ()):
            signed = origin.get("OriginAccessControlId") and not origin.get("S3OriginConfig", {}).get(
                "OriginAccessIdentity"
            )
            if "S3OriginConfig" in origin and not signed:
                yield Fault(resource.address, f"reads the origin {origin.get('Id')} without an origin access control")
            if "CustomOriginConfig" in origin:
                yield from (
                    Fault(resource.address, f"reaches the origin {origin.get('Id')} {how}") for how in _exposed(origin)
                )


def _exposed(origin: dict[str, Any]) -> Iterator[str]:
    """What is wrong with the way to an origin on the internet."""
    if origin["CustomOriginConfig"].get("OriginProtocolPolicy") != "https-only":
        yield "over the internet in clear"
    if not any(RESOLVE in render(header.get("HeaderValue", "")) for header in origin.get("OriginCustomHeaders", ())):
        yield "over the internet without a secret header"


def _flow_logs(templates: TemplateSet) -> Iterator[Fault]:
    logged = {(log.template, str(log.get("ResourceId"))) for log in templates.resources("AWS::EC2::FlowLog")}
    for vpc in templates.resources("AWS::EC2::VPC"):
        if (vpc.template, str({"Ref": vpc.logical_id})) not in logged:
            yield Fault(vpc.address, "has no flow log")


RULES = (
    Rule(
        "NET001",
        "the tasks would be on the internet",
        "set AssignPublicIp to DISABLED and leave through NAT",
        must(
            "AWS::ECS::Service",
            ("NetworkConfiguration", "AwsvpcConfiguration", "AssignPublicIp"),
            "gives its tasks public addresses",
            equals("DISABLED"),
        ),
    ),
    Rule(
        "NET002",
        "whatever is started in it would be on the internet",
        "set MapPublicIpOnLaunch to false",
        must(
            "AWS::EC2::Subnet",
            ("MapPublicIpOnLaunch",),
            "gives out public addresses",
            lambda value: value in (None, False),
        ),
    ),
    Rule(
        "NET003",
        "anybody could reach it without passing CloudFront",
        "admit a security group or prefix list on one port",
        _ingress,
    ),
    Rule(
        "NET004",
        "tokens would travel in clear, or past CloudFront",
        "set Scheme to internal and reach it through a VPC origin; or let its listeners take HTTPS with a certificate, "
        "and every rule ask for a header whose value is a secret",
        _public_balancers,
    ),
    Rule(
        "NET005",
        "malformed headers smuggle requests, and without access logs nobody can tell what came in",
        "set the attribute to true",
        _attributes,
    ),
    Rule("NET006", "tokens would travel in clear", "set ViewerProtocolPolicy to redirect-to-https", _viewers),
    Rule("NET007", "old TLS can be broken", f"set MinimumProtocolVersion to one of {', '.join(TLS)}", _certificates),
    Rule(
        "NET008",
        "the origin would have to be open to everybody",
        "reach a bucket through an origin access control, and a load balancer through a VPC origin or over HTTPS with "
        "a header whose value is a secret",
        _origins,
    ),
    Rule(
        "NET009", "after an intrusion nobody could tell what was reached", "add an AWS::EC2::FlowLog for it", _flow_logs
    ),
    Rule(
        "NET010",
        "a script that somebody wrote into the page would run, or the page would be shown inside another",
        "give the behaviour the response headers policy of the stack, with every security header and scripts from "
        "'self' and hosts that the application's facts name (`PageHost`) alone",
        _headers,
    ),
)
