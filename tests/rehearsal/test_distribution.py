"""What a distribution's configuration becomes, and that nothing of it is passed over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from scripts.rehearsal.edge import distribution as edge
from tests.support.rehearsal.serving import FUNCTION, POLICY, distribution

Change = Callable[[dict[str, Any]], object]


def read(config: dict[str, Any]) -> edge.Distribution:
    _, functions, headers = distribution()
    return edge.read_distribution(config, [*functions], headers)


def test_ours_is_read() -> None:
    ours = read(distribution()[0])
    assert [behavior.pattern for behavior in ours.behaviors] == ["/api/*", "/health", "*"]
    api, health, page = ours.behaviors
    assert ours.root == "index.html"
    for behavior in (api, health):
        assert (behavior.on_s3, behavior.all_viewer, behavior.cache.name) == (False, True, "CachingDisabled")
        assert len(behavior.methods) == 7 and behavior.request_function is None and not behavior.compresses
    assert (page.on_s3, page.all_viewer, page.cache.name) == (True, False, "CachingOptimized")
    assert page.request_function == FUNCTION and page.compresses
    assert page.methods == {"GET", "HEAD", "OPTIONS"}


@pytest.mark.parametrize(
    ("path", "pattern"),
    [
        ("/api/v1/clients", "/api/*"),
        ("/api/", "/api/*"),
        ("/api", "*"),
        ("/health", "/health"),
        ("/health/", "*"),
        ("/API/v1", "*"),
        ("/", "*"),
    ],
)
def test_the_first_pattern_that_matches_wins(path: str, pattern: str) -> None:
    assert read(distribution()[0]).behavior(path).pattern == pattern


def test_question_marks_stand_for_one_character_and_other_signs_for_themselves() -> None:
    config = distribution()[0]
    config["CacheBehaviors"]["Items"][0]["PathPattern"] = "a?c.[x]"
    changed = read(config)
    assert changed.behavior("/abc.[x]").pattern == "a?c.[x]"
    assert changed.behavior("/abcdx").pattern == "*" and changed.behavior("/ac.[x]").pattern == "*"


@pytest.mark.parametrize(
    ("cache_control", "seconds"),
    [
        ("", 86_400),
        ("public, max-age=31536000, immutable", 31_536_000),
        ("max-age=99999999", 31_536_000),
        ("max-age=0", 1),
        ("max-age=60, s-maxage=5", 5),
        ("no-cache", 1),
        ("private, max-age=60", 1),
        ("No-Store", 1),
    ],
)
def test_how_long_the_managed_policies_keep(cache_control: str, seconds: int) -> None:
    page, api = (read(distribution()[0]).behavior("/"), read(distribution()[0]))
    assert page.cache.seconds(cache_control) == seconds
    assert api.behavior("/api/x").cache.seconds(cache_control) == 0


def api(config: dict[str, Any]) -> dict[str, Any]:
    behavior: dict[str, Any] = config["CacheBehaviors"]["Items"][0]
    return behavior


def page(config: dict[str, Any]) -> dict[str, Any]:
    behavior: dict[str, Any] = config["DefaultCacheBehavior"]
    return behavior


def site(config: dict[str, Any]) -> dict[str, Any]:
    origin: dict[str, Any] = config["Origins"]["Items"][0]
    return origin


def origin(config: dict[str, Any]) -> dict[str, Any]:
    api_origin: dict[str, Any] = config["Origins"]["Items"][1]
    return api_origin


UNKNOWN, SIMULATED = ", which the rehearsal does not simulate", ", the rehearsal simulates: "
POLICIES = ", ".join(sorted(edge.CACHE_POLICIES))
FUNCTIONS = ", ".join(f"arn:aws:cloudfront::123456789012:function/{name}" for name in ("ApiRedirects", "PageRouting"))
ERRORS = {"Quantity": 1, "Items": [{"ErrorCode": 403, "ResponseCode": "200", "ResponsePagePath": "/index.html"}]}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (
            lambda c: page(c).pop("ViewerProtocolPolicy"),
            "behaviour *: ViewerProtocolPolicy is None" + SIMULATED + "allow-all, https-only, redirect-to-https",
        ),
        (
            lambda c: c["Origins"]["Items"][1]["VpcOriginConfig"].pop("OriginProtocolPolicy"),
            "origin api: VpcOriginConfig.OriginProtocolPolicy is None"
            + SIMULATED
            + "http-only, https-only, match-viewer",
        ),
        (
            lambda c: c.update(CustomErrorResponses=ERRORS),
            f"DistributionConfig: CustomErrorResponses is {ERRORS!r}" + UNKNOWN,
        ),
        (lambda c: c.update(WebACLId="arn:aws:wafv2:x"), "DistributionConfig: WebACLId is 'arn:aws:wafv2:x'" + UNKNOWN),
        (
            lambda c: c.update(Enabled=False),
            "DistributionConfig.Enabled is false: a distribution that is switched off serves nothing",
        ),
        (
            lambda c: c.update(Restrictions={"GeoRestriction": {"RestrictionType": "whitelist"}}),
            "DistributionConfig: Restrictions is {'GeoRestriction': {'RestrictionType': 'whitelist'}}" + UNKNOWN,
        ),
        (lambda c: c.update(SomethingNew="x"), "DistributionConfig: SomethingNew is 'x'" + UNKNOWN),
        (
            lambda c: api(c).update(PathPattern="/x", TargetOriginId="gone"),
            "behaviour /x: TargetOriginId is 'gone'" + SIMULATED + "api, site",
        ),
        (
            lambda c: api(c).update(CachePolicyId="mine"),
            "behaviour /api/*: CachePolicyId is 'mine'" + SIMULATED + POLICIES,
        ),
        (lambda c: page(c).pop("CachePolicyId"), "behaviour *: CachePolicyId is None" + SIMULATED + POLICIES),
        (
            lambda c: api(c).update(OriginRequestPolicyId="mine"),
            "behaviour /api/*: OriginRequestPolicyId is 'mine'" + SIMULATED + edge.ALL_VIEWER,
        ),
        (
            lambda c: page(c).update(ResponseHeadersPolicyId="mine"),
            "behaviour *: ResponseHeadersPolicyId is 'mine'" + SIMULATED + "${SecurityHeaders}",
        ),
        (
            lambda c: page(c).update(OriginRequestPolicyId=edge.ALL_VIEWER),
            "behaviour *: AllViewer sends the viewer's Host to the bucket, which S3 refuses; leave it out",
        ),
        (lambda c: page(c).update(MinTTL=5), "behaviour *: MinTTL is 5" + UNKNOWN),
        (
            lambda c: page(c).update(ForwardedValues={"QueryString": True}),
            "behaviour *: ForwardedValues is {'QueryString': True}" + UNKNOWN,
        ),
        (
            lambda c: page(c).update(TrustedKeyGroups={"Enabled": True}),
            "behaviour *: TrustedKeyGroups is {'Enabled': True}" + UNKNOWN,
        ),
        (
            lambda c: page(c)["AllowedMethods"]["CachedMethods"]["Items"].append("OPTIONS"),
            "behaviour *: CachedMethods has OPTIONS, only answers to GET and HEAD are cached",
        ),
        (
            lambda c: page(c)["FunctionAssociations"]["Items"][0].update(EventType="origin-request"),
            "behaviour *: FunctionAssociations.EventType is 'origin-request'"
            + SIMULATED
            + "viewer-request, viewer-response",
        ),
        (
            lambda c: page(c)["FunctionAssociations"]["Items"][0].update(FunctionARN="x"),
            "behaviour *: FunctionAssociations.FunctionARN is 'x'" + SIMULATED + FUNCTIONS,
        ),
        (
            lambda c: site(c).pop("S3OriginConfig"),
            "origin site has no configuration: it must have one of S3OriginConfig, VpcOriginConfig and"
            " CustomOriginConfig; where the API does not show it, take it from the template",
        ),
        (
            lambda c: site(c).pop("OriginAccessControlId"),
            "origin site: OriginAccessControlId is missing, a private bucket would refuse CloudFront",
        ),
        (
            lambda c: site(c).update(S3OriginConfig={"OriginAccessIdentity": "x"}),
            "origin site: S3OriginConfig.OriginAccessIdentity is set, only access controls are simulated",
        ),
        (lambda c: site(c).update(OriginPath="/live"), "origin site: OriginPath is '/live'" + UNKNOWN),
    ],
)
def test_what_is_not_played_is_an_error(change: Change, named: str) -> None:
    config = distribution()[0]
    change(config)
    with pytest.raises(edge.UnmodelledError) as raised:
        read(config)
    assert str(raised.value) == named


def test_settings_that_are_said_and_not_used_are_none() -> None:
    """As the API shows a distribution without them; moto shows `ForwardedValues` beside a cache policy."""
    config = distribution()[0]
    config.update(
        CustomErrorResponses={"Quantity": 0},
        OriginGroups={"Quantity": 0},
        Restrictions={"GeoRestriction": {"RestrictionType": "none", "Quantity": 0}},
        WebACLId="",
        ConnectionMode="direct",
    )
    page(config).update(
        ForwardedValues={"QueryString": False, "Cookies": {"Forward": "none"}},
        LambdaFunctionAssociations={"Quantity": 0},
        MinTTL=0,
        TrustedSigners={"Enabled": False, "Quantity": 0, "Items": []},
    )
    site(config).update(OriginShield={"Enabled": False}, OriginPath="", CustomHeaders={"Quantity": 0, "Items": []})
    assert read(config) == read(distribution()[0])


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"CorsConfig": {}}, "response headers policy x: CorsConfig" + UNKNOWN),
        (
            {"SecurityHeadersConfig": {"XSSProtection": {"Protection": True, "Override": False}}},
            "response headers policy x: XSSProtection" + UNKNOWN,
        ),
        (
            {"SecurityHeadersConfig": {"StrictTransportSecurity": {"AccessControlMaxAgeSec": 1, "Preload": True}}},
            "response headers policy x: StrictTransportSecurity with more than an age" + UNKNOWN,
        ),
    ],
)
def test_a_policy_with_other_headers_is_an_error(change: dict[str, Any], named: str) -> None:
    with pytest.raises(edge.UnmodelledError) as raised:
        edge.added_headers({"Name": "x", **change})
    assert str(raised.value) == named


def test_what_our_policy_adds() -> None:
    added = distribution()[2][POLICY]
    assert {name: always for name, (_, always) in added.items()} == {
        "Content-Security-Policy": False,
        "X-Content-Type-Options": True,
        "X-Frame-Options": False,
        "Referrer-Policy": False,
        "Strict-Transport-Security": False,
    }
