"""Runtime: the public address, the page behind it and the API on the same origin."""

import json
import subprocess
from typing import Any

import pytest

from generator.cfn.intrinsics import render
from generator.cfn.templates import TemplateSet
from tests.support.design import (
    BACKEND_ONLY,
    BOTH,
    FRONTEND_ONLY,
    declaration,
    default,
    exists,
    grants,
    real,
    ref,
    sub,
    under,
)

# AWS's own policies (AmazonCloudFront DeveloperGuide, using-managed-cache-policies and the two pages beside it).
CACHING_OPTIMIZED = "658327ea-f89d-4fab-a63d-7e88639e58f6"
CACHING_DISABLED = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
ALL_VIEWER = "216adef6-5c7f-47e4-b989-5492eafa07d3"
EVERY_METHOD = {"GET", "HEAD", "OPTIONS", "PUT", "PATCH", "POST", "DELETE"}
FUNCTION = """\
function handler(event) {
  var request = event.request;
  if (!FILE.test(request.uri)) {
    request.uri = '/index.html';
  }
  return request;
}"""


def configuration(templates: TemplateSet, **values: str) -> dict[str, Any]:
    properties = under(templates, "delivery.Distribution", **{"DomainName": "", **values})
    result: dict[str, Any] = properties.get("DistributionConfig", {})
    assert result, "the distribution has no configuration"
    return result


def is_api(behaviour: dict[str, Any]) -> bool:
    """Everything reaches the load balancer: every method, nothing cached, all headers and the query string."""
    return (
        set(behaviour["AllowedMethods"]) == EVERY_METHOD
        and behaviour["CachePolicyId"] == CACHING_DISABLED
        and behaviour["OriginRequestPolicyId"] == ALL_VIEWER
        and behaviour["TargetOriginId"] == "api"
        and behaviour["ViewerProtocolPolicy"] == "redirect-to-https"
    )


def test_https_and_one_origin(templates: TemplateSet) -> None:
    both = configuration(templates, **BOTH)
    assert [cache_behavior["PathPattern"] for cache_behavior in both["CacheBehaviors"]] == ["/api/*", "/health"]
    assert all(is_api(cache_behavior) for cache_behavior in both["CacheBehaviors"])
    page = both["DefaultCacheBehavior"]
    assert (page["TargetOriginId"], page["ViewerProtocolPolicy"]) == ("site", "redirect-to-https")
    alone = configuration(templates, **BACKEND_ONLY)
    assert is_api(alone["DefaultCacheBehavior"])
    assert "CacheBehaviors" not in alone
    assert "CacheBehaviors" not in configuration(templates, **FRONTEND_ONLY)
    own = configuration(templates, **BOTH, DomainName="dashboard.cloud-health.test")
    assert own["Aliases"] == [ref("DomainName")]
    assert own["ViewerCertificate"] == {
        "AcmCertificateArn": ref("ViewerCertificateArn"),
        "MinimumProtocolVersion": "TLSv1.2_2021",
        "SslSupportMethod": "sni-only",
    }


def test_the_application_knows_its_public_address(templates: TemplateSet) -> None:
    [container] = templates.resource("backend.Task").get("ContainerDefinitions", default=[])
    assert {"Name": "FORWARDED_ALLOW_IPS", "Value": "*"} in container["Environment"]
    for name, value in (("FrontendAddress", "${PublicUrl}"), ("AllowedOrigins", '["${PublicUrl}"]')):
        assert render(templates.resource(f"configuration.{name}").get("Value")) == value
    outputs = templates["delivery"].outputs
    assert outputs["PublicUrl"]["Value"] == {
        "Fn::If": ["HasDomain", sub("https://${DomainName}"), sub("https://${Distribution.DomainName}")]
    }
    assert templates.resource("environment.Configuration").get("Parameters", "PublicUrl") == {
        "Fn::GetAtt": ["Delivery", "Outputs.PublicUrl"]
    }


def test_page_routing(templates: TemplateSet) -> None:
    settings = configuration(templates, **BOTH)
    function = templates.resource("delivery.PageRouting")
    first, _, rest = render(function.get("FunctionCode")).partition("\n")
    assert first.startswith(r"var FILE = /^\/\.well-known\/|\.(avif|") and first.endswith("|zip)$/i;")
    assert rest == FUNCTION
    assert function.get("FunctionConfig", "Runtime") == "cloudfront-js-2.0"
    assert function.get("AutoPublish") is True
    association = {
        "EventType": "viewer-request",
        "FunctionARN": {"Fn::GetAtt": ["PageRouting", "FunctionMetadata.FunctionARN"]},
    }
    assert settings["DefaultCacheBehavior"]["FunctionAssociations"] == [association]
    assert settings["DefaultRootObject"] == "index.html"
    # An API error stays an error.
    api = [*settings["CacheBehaviors"], configuration(templates, **BACKEND_ONLY)["DefaultCacheBehavior"]]
    events = [association["EventType"] for behavior in api for association in behavior["FunctionAssociations"]]
    assert events == ["viewer-response"] * len(api)
    assert "CustomErrorResponses" not in settings


def test_redirects_of_the_application_stay_on_https(templates: TemplateSet) -> None:
    """On every path of the API, with a page beside it and without: behind an HTTP listener the load balancer tells the
    application `http` (elasticloadbalancing application, x-forwarded-headers)."""
    function = templates.resource("delivery.ApiRedirects")
    assert (function.get("AutoPublish"), function.get("FunctionConfig", "Runtime")) == (True, "cloudfront-js-2.0")
    association = {
        "EventType": "viewer-response",
        "FunctionARN": {"Fn::GetAtt": ["ApiRedirects", "FunctionMetadata.FunctionARN"]},
    }
    with_page = configuration(templates, **BOTH)["CacheBehaviors"]
    alone = configuration(templates, **BACKEND_ONLY)["DefaultCacheBehavior"]
    assert len(with_page) > 1
    for behavior in (*with_page, alone):
        assert behavior["FunctionAssociations"] == [association]
    assert exists(templates, function.address, **BACKEND_ONLY)
    assert not exists(templates, function.address, **FRONTEND_ONLY)


# Where the application sends a browser, and where the browser is sent.
REDIRECTS = {
    "http://app.example.com/api/v1/clients/": "https://app.example.com/api/v1/clients/",
    "http://app.example.com": "https://app.example.com",
    "http://app.example.com?next=http://app.example.com/": "https://app.example.com?next=http://app.example.com/",
    "http://app.example.com:8443/": "http://app.example.com:8443/",
    "http://app.example.com.evil.example/": "http://app.example.com.evil.example/",
    "https://login.example.com/?back=http://app.example.com/": "https://login.example.com/?back=http://app.example.com/",
    "/api/v1/clients/": "/api/v1/clients/",
    "": "",
}


@pytest.fixture(scope="module")
def redirected(templates: TemplateSet) -> dict[str, str]:
    """What the deployed text makes of each redirect, run by Node.js as the rehearsal runs it, once for all."""
    events = [
        {
            "request": {"headers": {"host": {"value": "app.example.com"}}},
            "response": {"statusCode": 307, "headers": {"location": {"value": location}} if location else {}},
        }
        for location in REDIRECTS
    ]
    code = render(templates.resource("delivery.ApiRedirects").get("FunctionCode"))
    program = f"{code}\nconsole.log(JSON.stringify({json.dumps(events)}.map(event => handler(event))))"
    done = subprocess.run(["node", "-e", program], capture_output=True, text=True, check=True)
    answers = zip(REDIRECTS, json.loads(done.stdout), strict=True)
    return {location: answer["headers"].get("location", {}).get("value", "") for location, answer in answers}


@pytest.mark.parametrize("location", REDIRECTS)
def test_what_the_function_makes_of_a_redirect(redirected: dict[str, str], location: str) -> None:
    assert redirected[location] == REDIRECTS[location]


def test_private_site(templates: TemplateSet) -> None:
    site = under(templates, "site.Site", DomainName="")
    assert set(site["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(site["PublicAccessBlockConfiguration"]) == 4
    assert "WebsiteConfiguration" not in site
    assert site["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    access = templates.resource("delivery.SiteAccess").get("OriginAccessControlConfig", default={})
    assert {key: value for key, value in access.items() if key != "Name"} == {
        "OriginAccessControlOriginType": "s3",
        "SigningBehavior": "always",
        "SigningProtocol": "sigv4",
    }
    [origin] = configuration(templates, **FRONTEND_ONLY)["Origins"]
    assert origin["Id"] == "site"
    assert origin["OriginAccessControlId"] == ref("SiteAccess")
    assert origin["S3OriginConfig"] == {"OriginAccessIdentity": ""}
    assert real(templates, "delivery.Distribution", origin["DomainName"]) == "${site.Site.RegionalDomainName}"
    readers = [grant for grant in grants(templates, "delivery.SitePolicy").values() if grant.allows]
    assert [(reader.principals, reader.actions, reader.resources) for reader in readers] == [
        (("Service:cloudfront.amazonaws.com",), ("s3:GetObject",), ("${SiteBucketArn}/*",)),
        (("Service:cloudfront.amazonaws.com",), ("s3:ListBucket",), ("${SiteBucketArn}",)),
    ]
    for reader in readers:
        [condition] = reader.conditions
        assert (condition.operator, condition.key) == ("StringEquals", "aws:SourceArn")
        assert condition.values == ("arn:${AWS::Partition}:cloudfront::${AWS::AccountId}:distribution/${Distribution}",)


def test_cors(templates: TemplateSet) -> None:
    """The design's rule for the site's own origin; without a domain, page and API share an origin and need none."""
    [rule] = under(templates, "site.Site", DomainName="x.test")["CorsConfiguration"]["CorsRules"]
    assert rule == {
        "AllowedHeaders": ["*"],
        "AllowedMethods": ["GET", "HEAD"],
        "AllowedOrigins": [sub("https://${DomainName}")],
        "MaxAge": 3000,
    }
    assert "CorsConfiguration" not in under(templates, "site.Site", DomainName="")


def test_caching_compression_acceleration(templates: TemplateSet) -> None:
    settings = configuration(templates, **BOTH)
    page = settings["DefaultCacheBehavior"]
    assert page["CachePolicyId"] == CACHING_OPTIMIZED
    alone = configuration(templates, **BACKEND_ONLY)["DefaultCacheBehavior"]
    for cache_behavior in (page, alone, *settings["CacheBehaviors"]):
        assert (cache_behavior["ResponseHeadersPolicyId"], cache_behavior["Compress"]) == (ref("SecurityHeaders"), True)
    assert (settings["Enabled"], settings["IPV6Enabled"]) == (True, True)
    assert set(page["AllowedMethods"]) == {"GET", "HEAD", "OPTIONS"}
    assert page["CachedMethods"] == ["GET", "HEAD"]
    assert settings["HttpVersion"] == "http2and3"
    assert settings["PriceClass"] == ref("PriceClass")
    for choice in ("Enabled", "Suspended"):  # without the property S3 goes on as it was told last
        accelerated = under(templates, "site.Site", TransferAcceleration=choice)
        assert accelerated["AccelerateConfiguration"] == {"AccelerationStatus": ref("TransferAcceleration")}
    assert "AccelerateConfiguration" not in under(templates, "site.Site", TransferAcceleration="Off")
    assert default(templates, "TransferAcceleration") == "Off"
    assert declaration(templates, "TransferAcceleration")["AllowedValues"] == ["Off", "Enabled", "Suspended"]


def test_security_headers(templates: TemplateSet) -> None:
    """The page's scripts are files of its own origin; the API is on it too, so that nothing else need be reached."""
    policy = under(templates, "delivery.SecurityHeaders")["ResponseHeadersPolicyConfig"]["SecurityHeadersConfig"]
    assert policy["ContentTypeOptions"] == {"Override": True}
    assert policy["FrameOptions"] == {"FrameOption": "SAMEORIGIN", "Override": False}
    assert policy["StrictTransportSecurity"]["AccessControlMaxAgeSec"] == 31_536_000
    assert policy["ReferrerPolicy"]["ReferrerPolicy"] == "strict-origin-when-cross-origin"
    text = policy["ContentSecurityPolicy"]["ContentSecurityPolicy"]
    directives = {name: words for name, *words in (item.split() for item in text.split("; "))}
    own = ["'self'"]
    assert directives == {
        **dict.fromkeys(
            ("default-src", "script-src", "connect-src", "base-uri", "form-action", "frame-ancestors"), own
        ),
        "style-src": ["'self'", "'unsafe-inline'"],
        "img-src": ["'self'", "data:", "blob:"],
        "font-src": ["'self'", "data:"],
        "object-src": ["'none'"],
    }


def test_access_logs(templates: TemplateSet) -> None:
    """Load balancer, distribution and buckets write to the log bucket, and only they may."""
    attributes = templates.resource("ingress.LoadBalancer").get("LoadBalancerAttributes", default=[])
    balancer = {attribute["Key"]: attribute["Value"] for attribute in attributes}
    assert balancer["access_logs.s3.enabled"] == "true"
    assert balancer["access_logs.s3.bucket"] == ref("LogBucketName")
    assert balancer["access_logs.s3.prefix"] == "load-balancer"
    assert configuration(templates)["Logging"]["Bucket"] == ref("LogBucketDomain")
    for address in ("storage.Artifacts", "site.Site"):
        assert "DestinationBucketName" in templates.resource(address).get("LoggingConfiguration", default={})
    delivered = {
        grant.principals: grant.resources for grant in grants(templates, "storage.LogsPolicy").values() if grant.allows
    }
    assert delivered == {
        ("Service:logdelivery.elasticloadbalancing.amazonaws.com",): (
            "${Logs.Arn}/load-balancer/AWSLogs/${AWS::AccountId}/*",
        ),
        ("Service:logging.s3.amazonaws.com",): ("${Logs.Arn}/s3/*",),
    }


def test_sides(templates: TemplateSet) -> None:
    for address, only, without in (
        ("delivery.ApiOrigin", BACKEND_ONLY, FRONTEND_ONLY),
        ("delivery.SiteAccess", FRONTEND_ONLY, BACKEND_ONLY),
        ("delivery.SitePolicy", FRONTEND_ONLY, BACKEND_ONLY),
        ("delivery.PageRouting", FRONTEND_ONLY, BACKEND_ONLY),
    ):
        assert exists(templates, address, **only)
        assert not exists(templates, address, **without)
        assert exists(templates, address, **BOTH)
