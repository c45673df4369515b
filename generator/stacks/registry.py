"""The registry for the backend's images.

Tags are immutable, so that a release is what it was when it was tested; images are scanned when pushed. Only the
newest images are kept, by count and not by age: an old image that still runs in a quiet environment must not expire.
Every push makes an image, released or not, so the count is large: tasks pull the one that runs at every start.
"""

from __future__ import annotations

from troposphere import GetAtt, Ref, Sub, ecr

from generator.core import canonical, ports
from generator.core.stack import Stack
from generator.project import Project


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
    """The lifecycle policy with `${ImagesKept}` to be filled in, as one line: ECR stores it as text."""
    policy = canonical.text(
        {
            "rules": [
                {
                    "rulePriority": 1,
                    "description": "keep the newest images",
                    "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": "COUNT"},
                    "action": {"type": "expire"},
                }
            ]
        }
    )
    return " ".join(policy.split()).replace('"COUNT"', "${ImagesKept}")
