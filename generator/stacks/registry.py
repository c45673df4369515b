"""The registry for the backend's images.

Tags are immutable, so that a release is what it was when it was tested; images are scanned when pushed. Tasks pull the
image that runs at every start, so it must not expire, however old it is and however many are pushed after it: the
verification of a release gives its image a second tag, and images with that tag are kept by count. All others are kept
for longer than one can wait for its approval.
"""

from __future__ import annotations

from troposphere import GetAtt, Ref, Sub, ecr

from generator.core import canonical, ports
from generator.core.names import RELEASED_TAG
from generator.core.stack import Stack
from generator.project import Project

# Longer than an approval can wait: 86,400 minutes are 60 days (botocore's model of CodePipeline,
# ActionTimeoutInMinutes).
UNRELEASED_DAYS = 90


def build(project: Project) -> Stack:
    stack = Stack("registry", __name__, "registry for the backend's images", project)
    stack.takes(ports.IMAGES_KEPT)
    repository = stack.add(
        ecr.Repository(
            "Images",
            EncryptionConfiguration=ecr.EncryptionConfiguration(
                EncryptionType="KMS", KmsKey=stack.takes(ports.KEY_ARN)
            ),
            ImageScanningConfiguration=ecr.ImageScanningConfiguration(ScanOnPush=True),
            ImageTagMutability="IMMUTABLE",
            LifecyclePolicy=ecr.LifecyclePolicy(LifecyclePolicyText=Sub(_lifecycle())),
        ),
        "Images of the backend, one immutable tag for each commit.",
        ["BLD-8", "PIP-6"],
    )
    stack.gives(ports.REGISTRY_NAME, Ref(repository))
    stack.gives(ports.REGISTRY_ARN, GetAtt(repository, "Arn"))
    stack.gives(ports.REGISTRY_URI, GetAtt(repository, "RepositoryUri"))
    return stack


def _lifecycle() -> str:
    """The lifecycle policy with `${ImagesKept}` to be filled in, as one line: ECR stores it as text. The first rule
    that selects an image is the one that counts for it (CDK API reference, aws_ecr.LifecycleRule: rulePriority)."""
    released = {"tagStatus": "tagged", "tagPrefixList": [RELEASED_TAG], "countType": "imageCountMoreThan"}
    others = {"tagStatus": "any", "countType": "sinceImagePushed", "countUnit": "days"}
    rules = (
        ("keep the images of the newest good releases", {**released, "countNumber": "COUNT"}),
        ("keep the others while their release may wait", {**others, "countNumber": UNRELEASED_DAYS}),
    )
    policy = canonical.text(
        {
            "rules": [
                {"rulePriority": number, "description": says, "selection": selected, "action": {"type": "expire"}}
                for number, (says, selected) in enumerate(rules, 1)
            ]
        }
    )
    return " ".join(policy.split()).replace('"COUNT"', "${ImagesKept}")
