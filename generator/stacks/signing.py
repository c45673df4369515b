"""Signatures of images, which ECR makes when an image is pushed, with a profile of AWS Signer.

The signing configuration is the registry's, so that all environments share it, and of each account and Region there is
one: this stack has the whole of it. Its one rule signs the images of this application and no others, because ECR signs
with the rights of whoever pushes, who would need them. A child of its own, because CloudFormation refuses a template
with a type that its Region does not have, whatever the template's conditions say: by the schemas that cfn-lint carries,
both types are missing in ap-northeast-3 and in Regions that have to be switched on.
Sources: AmazonECR userguide, managed-signing; ECR API reference, PutSigningConfiguration; Signer developer guide,
image-signing-steps (platform).
"""

from __future__ import annotations

from troposphere import GetAtt, ecr, signer

from generator.core import ports
from generator.core.stack import Stack
from generator.project import Project

PLATFORM = "Notation-OCI-SHA384-ECDSA"


def build(project: Project) -> Stack:
    stack = Stack("signing", __name__, "signatures of images", project)
    profile = stack.add(
        signer.SigningProfile("Profile", PlatformId=PLATFORM),
        "What images are signed with: key and certificate are AWS's, and a signature is valid for 135 months.",
        ["BLD-8"],
    )
    stack.add(
        ecr.SigningConfiguration(
            "Registry",
            Rules=[
                ecr.Rule(
                    # Registries are called after the stacks that make them.
                    RepositoryFilters=[ecr.RepositoryFilter(Filter=f"{project.name}-*", FilterType="WILDCARD_MATCH")],
                    SigningProfileArn=GetAtt(profile, "Arn"),
                )
            ],
        ),
        "Lets the account's registry sign each image of the application when it is pushed.",
        ["BLD-8"],
    )
    stack.gives(ports.SIGNING_PROFILE, GetAtt(profile, "Arn"))
    return stack
