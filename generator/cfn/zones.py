"""Where AWS lacks something an environment needs: one table for `preflight`, the choice of zones and the local AWS.

The name of a zone (`us-east-1a`) is another zone in another account; its id (`use1-az4`) is the same in all of them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Gap:
    """What resources of a type cannot do in some zones, by their ids, or in whole Regions; and where AWS says so."""

    type: str
    feature: str
    source: str
    zones: frozenset[str] = frozenset()
    regions: frozenset[str] = frozenset()


GAPS = (
    Gap(
        "AWS::CloudFront::VpcOrigin",
        "VPC origins",
        "CloudFront developer guide, private-content-vpc-origins, supported AWS Regions",
        frozenset({"apne1-az3", "cac1-az3", "use1-az3", "usw1-az2"}),
    ),
    Gap(
        "AWS::ECS::Service",
        "Fargate",
        "ECS developer guide, AWS_Fargate-Regions: us-west-1 has usw1-az1 and usw1-az3 only, ap-northeast-1 has "
        "apne1-az1, apne1-az2 and apne1-az4 only",
        frozenset({"apne1-az3", "usw1-az2"}),
    ),
    Gap(
        "AWS::CloudFront::Distribution",
        "CloudFront's access logs",
        "CloudFront developer guide, AccessLogs; solutions guide of dynamic-image-transformation-for-amazon-cloudfront,"
        " opt-in-regions",
        regions=frozenset({"af-south-1", "ap-east-1", "eu-south-1", "me-south-1"}),
    ),
)
UNFIT = frozenset[str]().union(*(gap.zones for gap in GAPS))


def gaps(kind: str, zones: frozenset[str] = frozenset(), region: str = "") -> list[Gap]:
    """What resources of a type lack in any of these zones, or in the Region."""
    return [gap for gap in GAPS if gap.type == kind and (gap.zones & zones or region in gap.regions)]
