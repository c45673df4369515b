"""Availability zones that lack something an environment needs, by their ids.

The name of a zone (`us-east-1a`) is another zone in another account; its id (`use1-az4`) is the same in all of them.
"""

from __future__ import annotations

# CloudFront developer guide, private-content-vpc-origins, supported AWS Regions.
WITHOUT_VPC_ORIGINS = frozenset({"apne1-az3", "cac1-az3", "use1-az3", "usw1-az2"})
# ECS developer guide, AWS_Fargate-Regions: us-west-1 has usw1-az1 and usw1-az3 only, ap-northeast-1 has apne1-az1,
# apne1-az2 and apne1-az4 only.
WITHOUT_FARGATE = frozenset({"apne1-az3", "usw1-az2"})
UNFIT = WITHOUT_VPC_ORIGINS | WITHOUT_FARGATE
