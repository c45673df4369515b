"""A CloudFront distribution's configuration as values: which behaviour a request takes, and what it does to it.

Pure. Whatever a configuration has that is not modelled is an error, so that nothing is served otherwise than AWS would
without anybody noticing. Sources: botocore's model of `GetDistributionConfig` for the names, and of the Amazon
CloudFront Developer Guide the pages using-managed-cache-policies, using-managed-origin-request-policies,
understanding-response-headers-policies, Expiration, ServingCompressedFiles and DefaultRootObject.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from scripts.rehearsal.errors import UnsupportedError

# Who asks, logs, pays and resolves names makes no difference to what an address on loopback answers.
WITHOUT_EFFECT = {
    "": {"Aliases", "CallerReference", "Comment", "HttpVersion", "IsIPV6Enabled", "Logging", "PriceClass",
         "ViewerCertificate"},
    "Origin": {"ConnectionAttempts", "ConnectionTimeout", "DomainName", "ResponseCompletionTimeout"},
    "Behavior": set(),
}  # fmt: skip
MODELLED = {
    "": {"CacheBehaviors", "DefaultCacheBehavior", "DefaultRootObject", "Enabled", "Origins"},
    "Origin": {"CustomHeaders", "CustomOriginConfig", "Id", "OriginAccessControlId", "S3OriginConfig",
               "VpcOriginConfig"},
    "Behavior": {"AllowedMethods", "CachePolicyId", "Compress", "FunctionAssociations", "OriginRequestPolicyId",
                 "PathPattern", "ResponseHeadersPolicyId", "TargetOriginId", "ViewerProtocolPolicy"},
}  # fmt: skip
# How the API says that a setting is not used.
UNUSED = ("", None, False, 0, "none", "direct")

# How CloudFront asks an origin, by its OriginProtocolPolicy; the address on loopback stands for the viewers' https.
PROTOCOLS = {"http-only": "http", "https-only": "https", "match-viewer": "https"}
VIEWER_PROTOCOLS = ("redirect-to-https", "https-only", "allow-all")
ALL_VIEWER = "216adef6-5c7f-47e4-b989-5492eafa07d3"
# What a response headers policy adds: value, and whether it replaces what the origin sent.
AddedHeaders = Mapping[str, tuple[str, bool]]


class UnmodelledError(UnsupportedError):
    """The distribution has something that the rehearsal cannot simulate; the message names it."""


@dataclass(frozen=True)
class CachePolicy:
    """A managed cache policy; the keys of both have neither headers nor query strings nor cookies."""

    name: str
    shortest: int
    usual: int
    longest: int
    compresses: bool

    def seconds(self, cache_control: str) -> int:
        """How long a response with this Cache-Control header is kept (Expiration)."""
        directives = dict(re.findall(r"([a-z-]+)(?:=\"?(\d+))?", cache_control.lower()))
        if directives.keys() & {"no-cache", "no-store", "private"}:
            return self.shortest
        age = directives.get("s-maxage") or directives.get("max-age") or ""
        return max(self.shortest, min(int(age), self.longest)) if age else max(self.shortest, self.usual)


CACHE_POLICIES = {
    "658327ea-f89d-4fab-a63d-7e88639e58f6": CachePolicy("CachingOptimized", 1, 86_400, 31_536_000, True),
    "4135ea2d-6df8-44a3-9df3-4b5a84be39ad": CachePolicy("CachingDisabled", 0, 0, 0, False),
}


@dataclass(frozen=True)
class Behavior:
    """What happens to the requests whose path matches the pattern.

    `protocol` is the one in which CloudFront asks the origin, http or https, `origin_headers` what it adds to that
    (in lower case, instead of the viewer's), `viewer_protocol` what viewers over HTTP
    get (ViewerProtocolPolicy); the functions are ARNs.
    """

    pattern: str
    on_s3: bool
    protocol: str
    origin_headers: Mapping[str, str]
    viewer_protocol: str
    methods: frozenset[str]
    request_function: str | None
    response_function: str | None
    cache: CachePolicy
    all_viewer: bool
    headers: AddedHeaders
    compresses: bool

    def matches(self, path: str) -> bool:
        """`*` stands for any number of characters and `?` for one; the leading slash is optional (PathPattern)."""
        pattern = re.escape(self.pattern.removeprefix("/")).replace(r"\*", ".*").replace(r"\?", ".")
        return re.fullmatch(pattern, path.removeprefix("/"), re.DOTALL) is not None


@dataclass(frozen=True)
class Distribution:
    """The behaviours in the order in which they are asked, the default one last, and the default root object."""

    behaviors: tuple[Behavior, ...]
    root: str

    def behavior(self, path: str) -> Behavior:
        """The first behaviour that matches; the default one matches everything."""
        return next(behavior for behavior in self.behaviors if behavior.matches(path))


def added_headers(policy: Mapping[str, Any]) -> AddedHeaders:
    """The headers of a `ResponseHeadersPolicyConfig` as its template declares it. Raises `UnmodelledError`."""
    where, settings = f"response headers policy {policy.get('Name')}", dict(policy.get("SecurityHeadersConfig", {}))
    if unknown := policy.keys() - {"Name", "Comment", "SecurityHeadersConfig"}:
        raise UnmodelledError(f"{where}: {sorted(unknown)[0]}, which the rehearsal does not simulate")
    headers: dict[str, tuple[str, bool]] = {}
    for name, (header, value) in {
        "ContentSecurityPolicy": ("Content-Security-Policy", "{ContentSecurityPolicy}"),
        "ContentTypeOptions": ("X-Content-Type-Options", "nosniff"),
        "FrameOptions": ("X-Frame-Options", "{FrameOption}"),
        "ReferrerPolicy": ("Referrer-Policy", "{ReferrerPolicy}"),
        "StrictTransportSecurity": ("Strict-Transport-Security", "max-age={AccessControlMaxAgeSec}"),
    }.items():
        if setting := settings.pop(name, None):
            if setting.get("IncludeSubdomains") or setting.get("Preload"):
                raise UnmodelledError(f"{where}: {name} with more than an age, which the rehearsal does not simulate")
            headers[header] = (value.format_map(setting), bool(setting["Override"]))
    if settings:
        raise UnmodelledError(f"{where}: {sorted(settings)[0]}, which the rehearsal does not simulate")
    return headers


def read_distribution(
    config: Mapping[str, Any], functions: Collection[str], policies: Mapping[str, AddedHeaders]
) -> Distribution:
    """The values of a `DistributionConfig` as `cloudfront get-distribution-config` answers it, and in each
    `VpcOriginConfig` the `OriginProtocolPolicy` of its VPC origin, which is a resource of its own.

    `functions` are the ARNs of the functions that can be run, `policies` what the response headers policies add, by
    their ids. Raises `UnmodelledError`.
    """
    _refuse("", "DistributionConfig", config)
    if not config.get("Enabled"):
        raise UnmodelledError("DistributionConfig.Enabled is false: a distribution that is switched off serves nothing")
    origins = {origin["Id"]: _origin(origin) for origin in _items(config, "Origins")}
    context = _Surroundings(origins, functions, policies)
    behaviors = [_behavior(behavior["PathPattern"], behavior, context) for behavior in _items(config, "CacheBehaviors")]
    behaviors.append(_behavior("*", config["DefaultCacheBehavior"], context))
    return Distribution(tuple(behaviors), config.get("DefaultRootObject") or "")


@dataclass(frozen=True)
class _Surroundings:
    """What behaviours may refer to: origins by id and what they are, functions, policies."""

    origins: Mapping[str, "_Origin"]
    functions: Collection[str]
    policies: Mapping[str, AddedHeaders]


def _behavior(pattern: str, settings: Mapping[str, Any], context: _Surroundings) -> Behavior:
    where = f"behaviour {pattern}"
    _refuse("Behavior", where, settings)
    origin = context.origins[_choice(f"{where}: TargetOriginId", settings["TargetOriginId"], context.origins)]
    cache = CACHE_POLICIES[_choice(f"{where}: CachePolicyId", settings.get("CachePolicyId"), CACHE_POLICIES)]
    forwarded, headers = (settings.get("OriginRequestPolicyId"), settings.get("ResponseHeadersPolicyId"))
    if forwarded:
        _choice(f"{where}: OriginRequestPolicyId", forwarded, [ALL_VIEWER])
    if headers:
        _choice(f"{where}: ResponseHeadersPolicyId", headers, context.policies)
    if origin.on_s3 and forwarded:
        raise UnmodelledError(
            f"{where}: AllViewer sends the viewer's Host to the bucket, which S3 refuses; leave it out"
        )
    policy = settings.get("ViewerProtocolPolicy")
    methods = settings.get("AllowedMethods") or {"Items": ["GET", "HEAD"]}
    if "OPTIONS" in (methods.get("CachedMethods") or {}).get("Items", ()):
        raise UnmodelledError(f"{where}: CachedMethods has OPTIONS, only answers to GET and HEAD are cached")
    associated = {}
    for association in _items(settings, "FunctionAssociations"):
        event, arn = association["EventType"], association["FunctionARN"]
        _choice(f"{where}: FunctionAssociations.EventType", event, ["viewer-request", "viewer-response"])
        associated[event] = _choice(f"{where}: FunctionAssociations.FunctionARN", arn, context.functions)
    return Behavior(
        pattern=pattern,
        on_s3=origin.on_s3,
        protocol=origin.protocol,
        origin_headers=origin.headers,
        viewer_protocol=_choice(f"{where}: ViewerProtocolPolicy", policy, VIEWER_PROTOCOLS),
        methods=frozenset(methods["Items"]),
        request_function=associated.get("viewer-request"),
        response_function=associated.get("viewer-response"),
        cache=cache,
        all_viewer=bool(forwarded),
        headers=context.policies[headers] if headers else {},
        compresses=bool(settings.get("Compress")) and cache.compresses,
    )


@dataclass(frozen=True)
class _Origin:
    """Whether an origin is a bucket, in which protocol CloudFront asks it, and with which headers of its own."""

    on_s3: bool
    protocol: str
    headers: Mapping[str, str]


def _origin(origin: Mapping[str, Any]) -> _Origin:
    where = f"origin {origin['Id']}"
    _refuse("Origin", where, origin)
    kinds = [
        kind for kind in ("S3OriginConfig", "VpcOriginConfig", "CustomOriginConfig") if origin.get(kind) is not None
    ]
    if len(kinds) != 1:
        raise UnmodelledError(
            f"{where} has {' and '.join(kinds) or 'no configuration'}: it must have one of S3OriginConfig, "
            "VpcOriginConfig and CustomOriginConfig; where the API does not show it, take it from the template"
        )
    if kinds == ["S3OriginConfig"]:
        if origin["S3OriginConfig"].get("OriginAccessIdentity"):
            raise UnmodelledError(
                f"{where}: S3OriginConfig.OriginAccessIdentity is set, only access controls are simulated"
            )
        if not origin.get("OriginAccessControlId"):
            raise UnmodelledError(
                f"{where}: OriginAccessControlId is missing, a private bucket would refuse CloudFront"
            )
        return _Origin(True, "https", {})
    where = f"{where}: {kinds[0]}.OriginProtocolPolicy"
    policy = origin[kinds[0]].get("OriginProtocolPolicy")
    headers = {header["HeaderName"].lower(): header["HeaderValue"] for header in _items(origin, "CustomHeaders")}
    return _Origin(False, PROTOCOLS[_choice(where, policy, PROTOCOLS)], headers)


def _items(holder: Mapping[str, Any], name: str) -> list[Any]:
    """The API leaves `Items` out where `Quantity` is 0."""
    return list((holder.get(name) or {}).get("Items") or ())


def _choice(where: str, value: Any, choices: Collection[str]) -> str:
    if value not in choices:
        raise UnmodelledError(f"{where} is {value!r}, the rehearsal simulates: {', '.join(sorted(choices)) or 'none'}")
    return str(value)


def _refuse(kind: str, where: str, holder: Mapping[str, Any]) -> None:
    for name, value in holder.items():
        if name not in MODELLED[kind] | WITHOUT_EFFECT[kind] and not _unused(value):
            raise UnmodelledError(f"{where}: {name} is {value!r}, which the rehearsal does not simulate")


def _unused(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(_unused(inside) for inside in value.values())
    return not value if isinstance(value, list) else value in UNUSED
