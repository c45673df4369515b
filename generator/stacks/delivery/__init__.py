"""The CloudFront distribution: the one public address of the environment.

Page and API share it, so that HTTPS works without a domain and the page calls the API on its own origin. Routes of
the single-page application are rewritten by a function on the page behaviour and not by custom error responses:
those hold for the whole distribution and would turn an API's 404 into a page. API behaviours cache nothing and
forward everything; without AllViewer the Authorization header and the query string would be lost. With one side
only, that side is the default behaviour. A public load balancer is an origin like any on the internet: reached over
TLS only, with the secret header that it asks for.
"""

from __future__ import annotations

from awacs import s3 as do
from awacs.aws import StringEquals
from troposphere import And, Condition, Equals, GetAtt, If, Not, NoValue, Ref, Sub, cloudfront, s3

from generator.constructs.buckets import tls_only
from generator.core import arns, conditions, iam, ports
from generator.core.names import CLOUDFRONT_LOGS, LISTENER_PORT, ORIGIN_HEADER, PUBLIC, PUBLIC_LISTENER_PORT
from generator.core.stack import Stack, switched_on
from generator.project import Project
from generator.stacks.delivery import behaviours

# Seconds, the most without a raised quota (AmazonCloudFront DeveloperGuide, DownloadDistValuesOrigin): 30, the default,
# is short for a request that walks the accounts of clients.
READ_TIMEOUT = 60


def build(project: Project) -> Stack:
    stack = Stack("delivery", __name__, "CloudFront distribution", project)
    backend, frontend = conditions.add_to(stack)
    has_domain = stack.when("HasDomain", switched_on(stack.takes(ports.DOMAIN_NAME), ""))

    headers = behaviours.headers(stack, project)
    page, origins = (behaviours.page(stack, project, frontend, headers), _origins(stack, project, backend, frontend))
    api = behaviours.api(headers, behaviours.redirects(stack, project, backend))
    api_paths = [cloudfront.CacheBehavior(PathPattern=path, **api) for path in project.frontend.api_paths]
    distribution = stack.add(
        cloudfront.Distribution(
            "Distribution",
            DistributionConfig=cloudfront.DistributionConfig(
                Aliases=If(has_domain, [stack.takes(ports.DOMAIN_NAME)], NoValue),
                CacheBehaviors=If(backend, If(frontend, api_paths, NoValue), NoValue),
                Comment=Sub(f"{project.title}, ${{Environment}}"),
                DefaultCacheBehavior=If(
                    frontend, cloudfront.DefaultCacheBehavior(**page), cloudfront.DefaultCacheBehavior(**api)
                ),
                DefaultRootObject=If(frontend, "index.html", NoValue),
                Enabled=True,
                HttpVersion="http2and3",
                IPV6Enabled=True,
                Logging=cloudfront.Logging(
                    Bucket=stack.takes(ports.LOG_BUCKET_DOMAIN), IncludeCookies=False, Prefix=CLOUDFRONT_LOGS
                ),
                Origins=origins,
                PriceClass=stack.takes(ports.PRICE_CLASS),
                ViewerCertificate=If(
                    has_domain,
                    cloudfront.ViewerCertificate(
                        AcmCertificateArn=stack.takes(ports.VIEWER_CERTIFICATE),
                        MinimumProtocolVersion="TLSv1.2_2021",
                        SslSupportMethod="sni-only",
                    ),
                    # CloudFront's own certificate; its TLS policy cannot be chosen.
                    cloudfront.ViewerCertificate(CloudFrontDefaultCertificate=True),
                ),
            ),
        ),
        "Public address of the environment: the page, and the API on the same origin.",
        ["RUN-2", "RUN-3", "RUN-9"],
    )
    _site_policy(stack, frontend, distribution)
    stack.gives(ports.DISTRIBUTION_ID, Ref(distribution))
    stack.gives(ports.DISTRIBUTION_DOMAIN, GetAtt(distribution, "DomainName"))
    stack.gives(ports.DISTRIBUTION_ARN, arns.global_arn("cloudfront", "distribution/${Id}", Id=Ref(distribution)))
    stack.gives(
        ports.PUBLIC_URL, If(has_domain, Sub("https://${DomainName}"), Sub("https://${Distribution.DomainName}"))
    )
    return stack


def _origins(stack: Stack, project: Project, backend: str, frontend: str) -> list[object]:
    access = stack.add(
        cloudfront.OriginAccessControl(
            "SiteAccess",
            Condition=frontend,
            OriginAccessControlConfig=cloudfront.OriginAccessControlConfig(
                Name=Sub(f"{project.name}-${{Environment}}-${{AWS::Region}}"),
                OriginAccessControlOriginType="s3",
                SigningBehavior="always",
                SigningProtocol="sigv4",
            ),
        ),
        "Signs what CloudFront asks of the site bucket.",
        ["RUN-4"],
    )
    is_public = Equals(stack.takes(ports.LOAD_BALANCER_SCHEME), PUBLIC)
    in_vpc = stack.when("InVpc", And(Condition(backend), Not(is_public)))
    # An origin that a distribution uses cannot be updated, not even its tags: never change this resource in place.
    # The way is a second one under a new logical id, swapped in, before the first is removed.
    vpc_origin = stack.add(
        cloudfront.VpcOrigin(
            "ApiOrigin",
            Condition=in_vpc,
            VpcOriginEndpointConfig=cloudfront.VpcOriginEndpointConfig(
                Arn=stack.takes(ports.LOAD_BALANCER_ARN),
                HTTPPort=LISTENER_PORT,
                Name=Sub(f"{project.name}-${{Environment}}-${{AWS::Region}}"),
                OriginProtocolPolicy="http-only",
            ),
        ),
        "CloudFront's way into the VPC, to the internal load balancer.",
        ["RUN-1", "RUN-2"],
    )
    site = cloudfront.Origin(
        DomainName=stack.takes(ports.SITE_BUCKET_DOMAIN),
        Id=behaviours.SITE,
        OriginAccessControlId=Ref(access),
        S3OriginConfig=cloudfront.S3OriginConfig(OriginAccessIdentity=""),
    )
    balancer = {"DomainName": stack.takes(ports.LOAD_BALANCER_DNS), "Id": behaviours.API}
    inside = cloudfront.Origin(
        **balancer,
        VpcOriginConfig=cloudfront.VpcOriginConfig(OriginReadTimeout=READ_TIMEOUT, VpcOriginId=Ref(vpc_origin)),
    )
    # The load balancer's certificate is for the domain and not for its own name: CloudFront accepts one that matches
    # the Host header which it forwards (AmazonCloudFront DeveloperGuide, http-502-bad-gateway).
    outside = cloudfront.Origin(
        **balancer,
        CustomOriginConfig=cloudfront.CustomOriginConfig(
            HTTPSPort=PUBLIC_LISTENER_PORT,
            OriginProtocolPolicy="https-only",
            OriginReadTimeout=READ_TIMEOUT,
            OriginSSLProtocols=["TLSv1.2"],
        ),
        OriginCustomHeaders=[
            cloudfront.OriginCustomHeader(
                HeaderName=ORIGIN_HEADER,
                HeaderValue=Sub(
                    f"{{{{resolve:secretsmanager:${{{stack.takes(ports.ORIGIN_SECRET_ARN).data['Ref']}}}}}}}"
                ),
            )
        ],
    )
    return [If(frontend, site, NoValue), If(in_vpc, inside, If(backend, outside, NoValue))]


def _site_policy(stack: Stack, frontend: str, distribution: cloudfront.Distribution) -> None:
    """Source: AmazonCloudFront DeveloperGuide, private-content-restricting-access-to-s3; Amazon S3 API reference,
    GetObject: who may list a bucket gets 404 for a missing object, and 403 otherwise."""
    site = stack.takes(ports.SITE_BUCKET_ARN)
    source = arns.global_arn("cloudfront", "distribution/${Id}", Id=Ref(distribution))
    grants = [
        tls_only(site),
        iam.allow(
            "CloudFrontReads",
            [do.GetObject],
            [arns.objects(site)],
            "this distribution, and no other, reads the page",
            [StringEquals({"aws:SourceArn": source})],
            iam.service("cloudfront"),
        ),
        iam.allow(
            "CloudFrontTellsMissing",
            [do.ListBucket],
            [site],
            "a missing file is answered with 404; nobody gets a list, because no query string is sent",
            [StringEquals({"aws:SourceArn": source})],
            iam.service("cloudfront"),
        ),
    ]
    stack.add(
        s3.BucketPolicy(
            "SitePolicy",
            Bucket=stack.takes(ports.SITE_BUCKET_NAME),
            Condition=frontend,
            PolicyDocument=iam.document(grants),
        ),
        "Lets this distribution, and nobody else, read the site bucket.",
        ["RUN-4"],
        grants,
    )
