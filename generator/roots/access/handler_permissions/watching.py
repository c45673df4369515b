"""Deploying messages and alarms."""

from __future__ import annotations

from generator.core import arns, ports
from generator.core.iam import Anything
from generator.core.ports import ENVIRONMENT
from generator.roots.access.handler_permissions.types import (
    UNUSED,
    Access,
    ResourceNames,
    TypePermissions,
    TypeTable,
    actions,
    excluded,
)

# Service Authorization Reference, Amazon SNS: the copy in cfn-lint has `topic` for them, older editions nothing.
SUBSCRIPTIONS = Anything("only the newest reference names topics for subscriptions, and no account has tried it")


def kinds(at: ResourceNames) -> TypeTable:
    """CloudWatch, EventBridge, SNS, Budgets. Rules are named by CloudFormation and cut (64 characters)."""
    own = f"{at.project.name}-${{{ENVIRONMENT.name}}}"
    topics = [at.named("sns", "${Name}", ports.TOPIC_NAME), at.generated("sns", "")]
    return {
        "AWS::CloudWatch::Alarm": TypePermissions(
            (
                Access(
                    actions(
                        "cloudwatch",
                        "DeleteAlarms DescribeAlarms ListTagsForResource PutMetricAlarm TagResource UntagResource",
                    ),
                    [at.generated("cloudwatch", "alarm:")],
                ),
            )
        ),
        "AWS::CloudWatch::Dashboard": TypePermissions(
            (
                Access(
                    actions(
                        "cloudwatch",
                        "DeleteDashboards GetDashboard ListTagsForResource PutDashboard TagResource UntagResource",
                    ),
                    [arns.global_arn("cloudwatch", f"dashboard/{own}")],
                ),
            )
        ),
        "AWS::Events::Rule": TypePermissions(
            (
                Access(
                    actions(
                        "events",
                        "DeleteRule DescribeRule ListTagsForResource ListTargetsByRule PutRule PutTargets RemoveTargets"
                        " TagResource UntagResource",
                    ),
                    [at.cut("events", "rule/")],
                ),
            )
        ),
        "AWS::SNS::Topic": TypePermissions(
            (
                Access(
                    actions(
                        "sns",
                        "CreateTopic DeleteTopic GetDataProtectionPolicy GetTopicAttributes ListSubscriptionsByTopic"
                        " ListTagsForResource SetTopicAttributes Subscribe TagResource UntagResource",
                    ),
                    topics,
                ),
                Access(actions("sns", "Unsubscribe"), SUBSCRIPTIONS, "Unsubscribe"),
            ),
            excluded(UNUSED, "sns:PutDataProtectionPolicy"),
        ),
        "AWS::SNS::TopicPolicy": TypePermissions((Access(actions("sns", "SetTopicAttributes"), topics),)),
        "AWS::SNS::Subscription": TypePermissions(
            (
                Access(actions("sns", "Subscribe"), topics),
                Access(
                    actions("sns", "GetSubscriptionAttributes SetSubscriptionAttributes Unsubscribe"),
                    SUBSCRIPTIONS,
                    "Change",
                ),
            )
        ),
        "AWS::Budgets::Budget": TypePermissions(
            (
                Access(
                    actions("budgets", "ListTagsForResource ModifyBudget TagResource UntagResource ViewBudget"),
                    [arns.global_arn("budgets", f"budget/{own}-*")],
                ),
                Access(actions("billing", "GetBillingViewData"), [arns.global_arn("billing", "billingview/*")], "View"),
            )
        ),
    }
