"""Buckets for artifacts and for access logs.

Two, because they have different readers and encryption: artifacts are ours and use our key, while load balancers,
CloudFront and S3 itself deliver logs with keys of S3's own only. The artifact bucket keeps versions for as long as a
release can be rolled back to: a rollback re-uses the old run's artifacts (codepipeline userguide, stage-rollback). What
documents an image has to live as long as the image, which is kept by count and not by age: so the records of images do
not end. They are a few kilobytes for each.
"""

from __future__ import annotations

from awacs import s3 as do
from awacs.aws import ArnLike
from troposphere import GetAtt, Ref, Sub, s3

from generator.constructs.buckets import bucket, expire, tls_only
from generator.core import arns, iam, ports
from generator.core.names import BUCKET_LOGS, CACHES, IMAGE_RECORDS, LOAD_BALANCER_LOGS, PIPELINE_PREFIX, pipeline
from generator.core.stack import Stack
from generator.project import Project


def build(project: Project) -> Stack:
    stack = Stack("storage", __name__, "artifact bucket and log bucket", project)
    days = stack.takes(ports.ARTIFACT_DAYS)
    log_days = stack.takes(ports.LOG_DAYS)

    logs = stack.add(
        # CloudFront's standard logging still writes with an ACL (AmazonCloudFront DeveloperGuide, AccessLogs).
        bucket("Logs", None, [expire("OldLogs", log_days, 7)], ownership="BucketOwnerPreferred"),
        "Access logs of the load balancer, the distribution and the buckets.",
        ["RUN-1", "RUN-9"],
    )
    artifacts = stack.add(
        bucket(
            "Artifacts",
            stack.takes(ports.KEY_ARN),
            [
                expire("OldArtifacts", days, days, pipeline(project.name)[:PIPELINE_PREFIX]),
                expire("OldCaches", 30, 1, f"{CACHES}/"),
                expire("OldRecords", None, days, f"{IMAGE_RECORDS}/"),
            ],
            # S3 is let into the log bucket before it is told to write there.
            DependsOn="LogsPolicy",
            LoggingConfiguration=s3.LoggingConfiguration(
                DestinationBucketName=Ref(logs), LogFilePrefix=f"{BUCKET_LOGS}artifacts/"
            ),
        ),
        "Pipeline artifacts and build caches, kept for as long as a release can be rolled back to, and what documents "
        "images.",
        ["PIP-6", "BLD-9"],
    )
    for name, store, grants in (
        ("LogsPolicy", logs, _log_policy(logs)),
        ("ArtifactsPolicy", artifacts, [tls_only(GetAtt(artifacts, "Arn"))]),
    ):
        stack.add(
            s3.BucketPolicy(name, Bucket=Ref(store), PolicyDocument=iam.document(grants)),
            f"Who may reach the {store.title.lower()} bucket beside the account's own roles.",
            ["PIP-8"],
            grants,
        )
    stack.gives(ports.ARTIFACT_BUCKET_NAME, Ref(artifacts))
    stack.gives(ports.ARTIFACT_BUCKET_ARN, GetAtt(artifacts, "Arn"))
    stack.gives(ports.LOG_BUCKET_NAME, Ref(logs))
    stack.gives(ports.LOG_BUCKET_DOMAIN, GetAtt(logs, "DomainName"))
    return stack


def _log_policy(logs: s3.Bucket) -> list[iam.Grant]:
    """Sources: elasticloadbalancing application, enable-access-logging; AmazonS3 userguide,
    enable-server-access-logging."""
    arn = GetAtt(logs, "Arn")
    return [
        tls_only(arn),
        iam.allow(
            "LoadBalancersDeliver",
            [do.PutObject],
            [arns.objects(arn, f"{LOAD_BALANCER_LOGS}/AWSLogs/${{AWS::AccountId}}/*")],
            "load balancers of this account deliver their access logs; the path holds the account",
            to=iam.service("logdelivery.elasticloadbalancing"),
        ),
        iam.allow(
            "BucketsDeliver",
            [do.PutObject],
            [arns.objects(arn, f"{BUCKET_LOGS}*")],
            "buckets of this account deliver their access logs",
            [iam.same_account(), ArnLike({"aws:SourceArn": Sub("arn:${AWS::Partition}:s3:::*")})],
            iam.service("logging.s3"),
        ),
    ]
