"""The rules on what can be reached, branch by branch, on balancers, distributions and networks of a few properties."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.rules import faults, findings

SECRET = "{{resolve:secretsmanager:x}}"
TOPIC = {"Type": "AWS::SNS::Topic"}
HTTPS = {"Protocol": "HTTPS", "Certificates": [{"CertificateArn": "x"}]}
CLEAR, OPEN = "is public, and Listener takes clear text", "is public, and Rule answers to any distribution"


def header(*values: str) -> list[dict[str, Any]]:
    return [{"Field": "path-pattern"}, {"HttpHeaderConfig": {"Values": list(values)}}]


@pytest.mark.parametrize(
    ("listener", "rule", "messages"),
    [
        (HTTPS, {"Conditions": header(SECRET)}, []),
        (HTTPS, {"Conditions": header(SECRET, f"{SECRET}!")}, []),
        ({**HTTPS, "Protocol": "HTTP"}, {"Conditions": header(SECRET)}, [CLEAR]),
        ({"Protocol": "HTTPS", "Certificates": []}, {"Conditions": header(SECRET)}, [CLEAR]),
        (HTTPS, {}, [OPEN]),
        (HTTPS, {"Conditions": header()}, [OPEN]),
        (HTTPS, {"Conditions": header(SECRET, "known")}, [OPEN]),
        ({}, {}, [CLEAR, OPEN]),
    ],
)
def test_a_public_balancer_asks_for_a_secret_in_tls(listener: Any, rule: Any, messages: list[str]) -> None:
    kind = "AWS::ElasticLoadBalancingV2::"
    beside = {
        "Listener": {"Type": f"{kind}Listener", "Properties": listener},
        "Rule": {"Type": f"{kind}ListenerRule", "Properties": rule},
    }
    inside = {"Inside": {"Type": f"{kind}LoadBalancer", "Properties": {"Scheme": "internal"}}}
    public = {"It": {"Type": f"{kind}LoadBalancer", "Properties": {"Scheme": "internet-facing"}}}
    assert faults("NET004", t={"Resources": {**inside, **public, **beside}}) == [f"t.It {text}" for text in messages]
    assert faults("NET004", t={"Resources": {**inside, **beside}}) == []
    assert faults("NET004", t={"Resources": public}, other={"Resources": beside}) == []
    # Public under one outcome alone: in clear there, and inside under the other.
    scheme = {"Fn::If": ["C", "internal", {"Ref": "AWS::NoValue"}]}
    either = {"It": {"Type": f"{kind}LoadBalancer", "Properties": {"Scheme": scheme}}}
    conditions = {"C": {"Fn::Equals": [{"Ref": "A"}, ""]}}
    both = {"Resources": {**either, **beside}, "Conditions": conditions}
    assert faults("NET004", t=both) == [f"t.It {text}" for text in messages]


GUARDED = {"ViewerProtocolPolicy": "redirect-to-https", "ResponseHeadersPolicyId": {"Ref": "Headers"}}
DISTRIBUTION = "AWS::CloudFront::Distribution"


def distribution(rule: str, **configuration: Any) -> list[str]:
    beside = {"Headers": {"Type": "AWS::CloudFront::ResponseHeadersPolicy"}, "Other": TOPIC}
    texts = findings(rule, DISTRIBUTION, {"DistributionConfig": configuration}, beside=beside)
    return [text for text in texts if not text.startswith(("has no ", "lets scripts"))]


@pytest.mark.parametrize("policy", ["redirect-to-https", "https-only", "allow-all", None])
def test_each_behaviour_of_a_distribution_is_in_tls(policy: str | None) -> None:
    served = [] if policy in ("redirect-to-https", "https-only") else ["serves the default behaviour without TLS"]
    behaviour = {"ViewerProtocolPolicy": policy}
    assert distribution("NET006", DefaultCacheBehavior=behaviour) == served
    more = [{**GUARDED, "PathPattern": "/a"}, {**behaviour, "PathPattern": "/b"}]
    path = [text.replace("the default behaviour", "/b") for text in served]
    assert distribution("NET006", DefaultCacheBehavior=GUARDED, CacheBehaviors=more) == path
    assert distribution("NET006") == ["serves the default behaviour without TLS"]


@pytest.mark.parametrize("named", [{"Ref": "Headers"}, {"Ref": "Other"}, "Headers", {"Fn::Sub": "x"}, None])
def test_each_behaviour_of_a_distribution_has_our_headers(named: Any) -> None:
    answers = "without a response headers policy of ours"
    good = named == {"Ref": "Headers"}
    behaviour = {"ResponseHeadersPolicyId": named}
    expected = [] if good else [f"answers the default behaviour {answers}"]
    assert distribution("NET010", DefaultCacheBehavior=behaviour) == expected
    more = [{**GUARDED, "PathPattern": "/a"}, {**behaviour, "PathPattern": "/b"}]
    expected = [] if good else [f"answers /b {answers}"]
    assert distribution("NET010", DefaultCacheBehavior=GUARDED, CacheBehaviors=more) == expected


BUCKET = {"Id": "O", "S3OriginConfig": {}, "OriginAccessControlId": "x"}
UNSIGNED = "reads the origin O without an origin access control"
WEB = {
    "Id": "O",
    "CustomOriginConfig": {"OriginProtocolPolicy": "https-only"},
    "OriginCustomHeaders": [{"HeaderValue": "x"}, {"HeaderValue": SECRET}],
}
IN_CLEAR, TO_ALL = (f"reaches the origin O over the internet {how}" for how in ("in clear", "without a secret header"))


@pytest.mark.parametrize(
    ("origin", "messages"),
    [
        (BUCKET, []),
        ({**BUCKET, "OriginAccessControlId": ""}, [UNSIGNED]),
        ({"Id": "O", "S3OriginConfig": {}}, [UNSIGNED]),
        ({**BUCKET, "S3OriginConfig": {"OriginAccessIdentity": "x"}}, [UNSIGNED]),
        ({**BUCKET, "S3OriginConfig": {"OriginAccessIdentity": ""}}, []),
        ({"Id": "O", "VpcOriginConfig": {}}, []),
        (WEB, []),
        ({**WEB, "CustomOriginConfig": {"OriginProtocolPolicy": "http-only"}}, [IN_CLEAR]),
        ({**WEB, "OriginCustomHeaders": [{"HeaderValue": "x"}, {}]}, [TO_ALL]),
        ({"Id": "O", "CustomOriginConfig": {}}, [IN_CLEAR, TO_ALL]),
    ],
)
def test_an_origin_is_closed_to_all_others(origin: dict[str, Any], messages: list[str]) -> None:
    assert distribution("NET008", Origins=[origin]) == distribution("NET008", Origins=[BUCKET, WEB, origin]) == messages


def test_a_bucket_serves_no_website_and_no_identity_stands_in_for_access_control() -> None:
    kind = "AWS::S3::Bucket"
    buckets = {"Plain": {"Type": kind}, "Site": {"Type": kind, "Properties": {"WebsiteConfiguration": {}}}}
    assert faults("NET008", t={"Resources": buckets}) == ["t.Site serves a website by itself"]
    identity = "AWS::CloudFront::CloudFrontOriginAccessIdentity"
    assert findings("NET008", identity) == ["is an origin access identity"]


def test_a_network_has_a_flow_log_of_its_own() -> None:
    def log(vpc: str) -> dict[str, Any]:
        return {"Type": "AWS::EC2::FlowLog", "Properties": {"ResourceId": {"Ref": vpc}}}

    networks = {name: {"Type": "AWS::EC2::VPC"} for name in ("A", "B")}
    logs = {name: log(name) for name in ("A", "B")}
    assert faults("NET009", t={"Resources": {**networks, "LogA": logs["A"], "LogB": logs["B"]}}) == []
    elsewhere = {"Resources": {"Log": logs["B"]}}
    assert faults("NET009", t={"Resources": {**networks, "Log": logs["A"]}}, u=elsewhere) == ["t.B has no flow log"]
