"""The bucket that holds the built frontend.

Private: only CloudFront reads it, through an origin access control whose policy stands in `delivery`, where the
distribution is known. Encrypted with S3's own key, so that CloudFront needs no key policy. Page and API share one
origin, so no CORS rule is needed; with a domain of its own the rule is kept and restricted to it.
"""

from __future__ import annotations

from troposphere import Equals, GetAtt, If, Not, NoValue, Ref, Sub, s3

from generator.constructs.buckets import bucket
from generator.core import ports
from generator.core.names import BUCKET_LOGS
from generator.core.stack import Stack, switched_on
from generator.project import Project


def build(project: Project) -> Stack:
    stack = Stack("site", __name__, "bucket with the built frontend", project)
    domain = stack.takes(ports.DOMAIN_NAME)
    has_domain = stack.when("HasDomain", switched_on(domain, ""))
    acceleration = stack.takes(ports.TRANSFER_ACCELERATION)
    accelerated = stack.when("Accelerated", Not(Equals(acceleration, "Off")))
    site = stack.add(
        bucket(
            "Site",
            None,
            [
                # Old hashed files stay: a page that a browser still holds refers to them. Only versions expire.
                s3.LifecycleRule(
                    Id="OldVersions",
                    Status="Enabled",
                    NoncurrentVersionExpiration=s3.NoncurrentVersionExpiration(
                        NoncurrentDays=stack.takes(ports.ARTIFACT_DAYS)
                    ),
                )
            ],
            AccelerateConfiguration=If(
                accelerated, s3.AccelerateConfiguration(AccelerationStatus=acceleration), NoValue
            ),
            CorsConfiguration=If(has_domain, _cors(), NoValue),
            LoggingConfiguration=s3.LoggingConfiguration(
                DestinationBucketName=stack.takes(ports.LOG_BUCKET_NAME), LogFilePrefix=f"{BUCKET_LOGS}site/"
            ),
        ),
        "The built frontend; every release is a version.",
        ["PIP-4", "PIP-6", "RUN-4", "RUN-9"],
    )
    stack.gives(ports.SITE_BUCKET_NAME, Ref(site))
    stack.gives(ports.SITE_BUCKET_ARN, GetAtt(site, "Arn"))
    stack.gives(ports.SITE_BUCKET_DOMAIN, GetAtt(site, "RegionalDomainName"))
    return stack


def _cors() -> s3.CorsConfiguration:
    """The design's rule, with the site's own origin in place of everybody's."""
    return s3.CorsConfiguration(
        CorsRules=[
            s3.CorsRules(
                AllowedHeaders=["*"],
                AllowedMethods=["GET", "HEAD"],
                AllowedOrigins=[Sub("https://${DomainName}")],
                MaxAge=3000,
            )
        ]
    )
