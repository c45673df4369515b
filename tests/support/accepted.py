"""Findings of checkov and parliament that we accept: one list, each with the narrowest scope and the reason."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Accepted:
    """One finding: the tool's check, the place (template and logical id), and why it is right as it is."""

    check: str
    place: str
    because: str


BOUNDARY = "a boundary allows nothing by itself; it denies what carries another environment's tags"
CHECKOV = (
    Accepted(
        "CKV_AWS_2",
        "ingress.Listener",
        "the load balancer is internal and reached by CloudFront inside the VPC; TLS ends at the edge, and a "
        "certificate here would need a domain",
    ),
    Accepted("CKV_AWS_103", "ingress.Listener", "as CKV_AWS_2: an HTTP listener has no TLS version"),
    Accepted(
        "CKV_AWS_111", "access.DeployingDelivery", "what makes a distribution or a function has no resource in IAM"
    ),
    Accepted("CKV_AWS_111", "access.RoleBoundary", BOUNDARY),
    Accepted("CKV_AWS_109", "access.RoleBoundary", BOUNDARY),
    Accepted("CKV_AWS_18", "storage.Logs", "the log bucket would log its own log deliveries without end"),
    Accepted(
        "CKV_AWS_68", "delivery.Distribution", "a web ACL is a later part of the root edge; the design names none"
    ),
    Accepted(
        "CKV_AWS_174",
        "delivery.Distribution",
        "with a domain the policy is TLSv1.2_2021; CloudFront's own certificate lets nobody choose",
    ),
)

AS_TEXT = "AWS's own example compares the ARN of a boundary as text (IAM user guide, access_policies_boundaries)"
LIST_TASKS = (
    "the only resource of ListTasks is a container instance, which Fargate has none of; a condition names the cluster"
)
OLDER = "parliament's list of actions and resources is older than the handlers of the CloudFormation schemas"
EITHER = (
    "one statement names the kinds of resource that a call touches, and parliament wants each action on all of them"
)
CREATED = "the newest reference names no resource for making a distribution, a function or a policy of headers"
LAUNCHED = "Elastic Beanstalk starts instances as its caller; what RunInstances names is known to it alone"
PARLIAMENT = (
    Accepted("RESOURCE_MISMATCH", "access.DeployingBalancing", EITHER),
    Accepted("RESOURCE_MISMATCH", "access.DeployingStorage", EITHER),
    Accepted(
        "RESOURCE_MISMATCH",
        "access.DeployingIdentity",
        "a change set that is named by its ARN is judged by that, and parliament knows stacks alone",
    ),
    Accepted(
        "RESOURCE_POLICY_PRIVILEGE_ESCALATION",
        "access.DeployingDelivery",
        "CloudFront lets itself into the log bucket by the bucket's ACL, with the rights of the caller",
    ),
    Accepted("RESOURCE_STAR", "access.RoleBoundary", BOUNDARY),
    Accepted("RESOURCE_MISMATCH", "access.RoleBoundary", EITHER),
    Accepted("MISMATCHED_TYPE", "access.DeployingIdentity", AS_TEXT),
    Accepted("MISMATCHED_TYPE_BUT_USABLE", "access.DeployingIdentity", AS_TEXT),
    Accepted("UNKNOWN_ACTION", "access.ApprovalProtection", OLDER),
    Accepted("UNKNOWN_ACTION", "access.DeployingNetwork", OLDER),
    Accepted("UNKNOWN_ACTION", "access.DeployingStorage", OLDER),
    Accepted("UNKNOWN_ACTION", "access.DeployingRuntime", OLDER),
    Accepted("UNKNOWN_ACTION", "access.DeployingConfiguration", OLDER),
    Accepted("UNKNOWN_ACTION", "access.DeployRole Job", OLDER),
    Accepted("UNKNOWN_ACTION", "shared-access.DeployRole Job", OLDER),
    Accepted("UNKNOWN_ACTION", "shared-access.ExecutionRole DeployingRepository", OLDER),
    Accepted("RESOURCE_MISMATCH", "shared-access.ExecutionRole DeployingRepository", EITHER),
    Accepted("UNKNOWN_ACTION", "build.PushRole SignsImages", OLDER),
    Accepted(
        "RESOURCE_STAR",
        "shared-access.ExecutionRole DeployingRepository",
        "a repository that is renamed has another name than the parameter says: its tags tell it",
    ),
    Accepted("RESOURCE_STAR", "access.Recovering", LIST_TASKS),
    Accepted("RESOURCE_STAR", "access.DeployingDelivery", CREATED),
    Accepted("RESOURCE_STAR", "build.VerifyRole OnEcs", LIST_TASKS),
    Accepted("RESOURCE_STAR", "pipeline.PipelineRole OnEcs", LIST_TASKS),
    Accepted(
        "RESOURCE_POLICY_PRIVILEGE_ESCALATION",
        "pipeline.DeployRole Job",
        "Elastic Beanstalk looks after the policy of its own bucket as its caller; the role reads its objects anyhow",
    ),
    Accepted("RESOURCE_STAR", "pipeline.DeployRole Job", LAUNCHED),
    Accepted("RESOURCE_STAR", "access.ExecutionRole DeployingBeanstalk", LAUNCHED),
    Accepted("RESOURCE_MISMATCH", "pipeline.DeployRole Job", EITHER),
    Accepted("RESOURCE_MISMATCH", "access.ExecutionRole DeployingBeanstalk", EITHER),
    Accepted(
        "RESOURCE_MISMATCH",
        "beanstalk.InstanceRole Job",
        "AWSElasticBeanstalkWebTier allows DescribeLogGroups on the same groups; it takes a resource by now",
    ),
    Accepted(
        "RESOURCE_POLICY_PRIVILEGE_ESCALATION",
        "access.ExecutionRole DeployingBeanstalk",
        "Elastic Beanstalk gives its own bucket its policy, with the rights of whoever makes the first application",
    ),
)
