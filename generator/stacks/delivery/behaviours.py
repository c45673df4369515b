"""How CloudFront treats a request: a page from the bucket, or the API behind the load balancer."""

from __future__ import annotations

from troposphere import GetAtt, Join, Ref, Sub, cloudfront

from generator.core.stack import Stack
from generator.project import Project

# AWS's own policies, by id (AmazonCloudFront DeveloperGuide, using-managed-cache-policies,
# using-managed-origin-request-policies).
CACHING_OPTIMIZED = "658327ea-f89d-4fab-a63d-7e88639e58f6"
CACHING_DISABLED = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
ALL_VIEWER = "216adef6-5c7f-47e4-b989-5492eafa07d3"

A_YEAR = 365 * 86_400

API, SITE = "api", "site"
EVERY_METHOD = ["GET", "HEAD", "OPTIONS", "PUT", "PATCH", "POST", "DELETE"]
# What a page is made of ends in one of these; any other path is a route of the application, with a dot in it or not,
# such as /clients/acme.com. What stands in a folder for machines has no ending at times (RFC 8615).
FILES = (
    "avif|bmp|css|csv|cur|eot|gif|gz|htm|html|ico|jpeg|jpg|js|json|map|md|mjs|mp3|mp4|ogg|otf|pdf|png|svg|ttf|txt|wasm|"
    "wav|webm|webmanifest|webp|woff|woff2|xml|zip"
)
PAGE_ROUTING = [
    f"var FILE = /^\\/\\.well-known\\/|\\.({FILES})$/i;",
    "function handler(event) {",
    "  var request = event.request;",
    "  if (!FILE.test(request.uri)) {",
    "    request.uri = '/index.html';",
    "  }",
    "  return request;",
    "}",
]
# An address of another host, or of another port, is left alone.
REDIRECTS = [
    "function handler(event) {",
    "  var response = event.response;",
    "  var location = response.headers.location;",
    "  var own = 'http://' + event.request.headers.host.value;",
    "  if (location && location.value.indexOf(own) === 0 && '/?#'.indexOf(location.value.charAt(own.length)) !== -1) {",
    "    location.value = 'https' + location.value.substring('http'.length);",
    "  }",
    "  return response;",
    "}",
]


def headers(stack: Stack, project: Project) -> Ref:
    """The security headers of every answer: those of AWS's own policy, with a content security policy, which that one
    lacks, for X-XSS-Protection, which browsers have given up. Where the application sends one of them itself, it knows
    better; sniffing is never allowed."""
    policy = stack.add(
        cloudfront.ResponseHeadersPolicy(
            "SecurityHeaders",
            ResponseHeadersPolicyConfig=cloudfront.ResponseHeadersPolicyConfig(
                Name=Sub(f"{project.name}-${{Environment}}-${{AWS::Region}}"),
                SecurityHeadersConfig=cloudfront.SecurityHeadersConfig(
                    ContentSecurityPolicy=cloudfront.ContentSecurityPolicy(
                        ContentSecurityPolicy=project.frontend.policy, Override=False
                    ),
                    ContentTypeOptions=cloudfront.ContentTypeOptions(Override=True),
                    FrameOptions=cloudfront.FrameOptions(FrameOption="SAMEORIGIN", Override=False),
                    ReferrerPolicy=cloudfront.ReferrerPolicy(
                        ReferrerPolicy="strict-origin-when-cross-origin", Override=False
                    ),
                    StrictTransportSecurity=cloudfront.StrictTransportSecurity(
                        AccessControlMaxAgeSec=A_YEAR, IncludeSubdomains=False, Override=False
                    ),
                ),
            ),
        ),
        "Security headers of every answer, a content security policy among them.",
        ["RUN-2"],
    )
    if hosts := project.frontend.hosts:
        stack.template.metadata["PageHosts"] = {f"{host.directive} {host.origin}": host.because for host in hosts}
    return Ref(policy)


def page(stack: Stack, project: Project, frontend: str, headers: Ref) -> dict[str, object]:
    """Pages and assets: cached, routed to index.html by a function that exists under the condition `frontend`."""
    routing = stack.add(
        cloudfront.Function(
            "PageRouting",
            AutoPublish=True,
            Condition=frontend,
            FunctionCode=Join("\n", PAGE_ROUTING),
            FunctionConfig=cloudfront.FunctionConfig(
                Comment="Routes of the single-page application to index.html", Runtime="cloudfront-js-2.0"
            ),
            Name=Sub(f"{project.short}-${{Environment}}-${{AWS::Region}}-pages"),
        ),
        "Serves index.html for routes of the application, on the page behaviour only.",
        ["RUN-3"],
    )
    return {
        "AllowedMethods": ["GET", "HEAD", "OPTIONS"],
        "CachePolicyId": CACHING_OPTIMIZED,
        "CachedMethods": ["GET", "HEAD"],
        "Compress": True,
        "FunctionAssociations": [
            cloudfront.FunctionAssociation(
                EventType="viewer-request", FunctionARN=GetAtt(routing, "FunctionMetadata.FunctionARN")
            )
        ],
        "ResponseHeadersPolicyId": headers,
        "TargetOriginId": SITE,
        "ViewerProtocolPolicy": "redirect-to-https",
    }


def redirects(stack: Stack, project: Project, backend: str) -> GetAtt:
    """Behind an HTTP listener a load balancer says `X-Forwarded-Proto: http`, whatever the viewer used, and the
    application redirects to `http://`; on a page that came over TLS the browser blocks that (elasticloadbalancing
    application, x-forwarded-headers). The function exists under the condition `backend`."""
    function = stack.add(
        cloudfront.Function(
            "ApiRedirects",
            AutoPublish=True,
            Condition=backend,
            FunctionCode=Join("\n", REDIRECTS),
            FunctionConfig=cloudfront.FunctionConfig(
                Comment="Redirects of the application to its own address stay on https", Runtime="cloudfront-js-2.0"
            ),
            Name=Sub(f"{project.short}-${{Environment}}-${{AWS::Region}}-redirects"),
        ),
        "Turns redirects of the application to its own address into https.",
        ["RUN-2"],
    )
    return GetAtt(function, "FunctionMetadata.FunctionARN")


def api(headers: Ref, redirects: GetAtt) -> dict[str, object]:
    """The API: every method, nothing cached, everything that the viewer sent forwarded."""
    return {
        "FunctionAssociations": [cloudfront.FunctionAssociation(EventType="viewer-response", FunctionARN=redirects)],
        "AllowedMethods": EVERY_METHOD,
        "CachePolicyId": CACHING_DISABLED,
        "Compress": True,
        "OriginRequestPolicyId": ALL_VIEWER,
        "ResponseHeadersPolicyId": headers,
        "TargetOriginId": API,
        "ViewerProtocolPolicy": "redirect-to-https",
    }
