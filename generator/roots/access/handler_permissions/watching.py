"""Deploying messages and alarms."""

from __future__ import annotations

from generator.core import arns, ports
from generator.core.ports import ENVIRONMENT
from generator.roots.access.handler_permissions.types import UNUSED, Kind, Kinds, May, Places, do, everywhere, never


def kinds(at: Places) -> Kinds:
    """CloudWatch, EventBridge, SNS, Budgets. Rules are named by CloudFormation and cut (64 characters)."""
    own = f"{at.project.name}-${{{ENVIRONMENT.name}}}"
    topics = [at.named("sns", "${Name}", ports.TOPIC_NAME), at.generated("sns", "")]
    return {
        "AWS::CloudWatch::Alarm": Kind(
            (
                May(
                    do(
                        "cloudwatch",
                        "DeleteAlarms DescribeAlarms ListTagsForResource PutMetricAlarm TagResource UntagResource",
                    ),
                    [at.generated("cloudwatch", "alarm:")],
                ),
            )
        ),
        "AWS::CloudWatch::Dashboard": Kind(
            (
                May(
                    do(
                        "cloudwatch",
                        "DeleteDashboards GetDashboard ListTagsForResource PutDashboard TagResource UntagResource",
                    ),
                    [arns.global_arn("cloudwatch", f"dashboard/{own}")],
                ),
            )
        ),
        "AWS::Events::Rule": Kind(
            (
                May(
                    do(
                        "events",
                        "DeleteRule DescribeRule ListTagsForResource ListTargetsByRule PutRule PutTargets RemoveTargets"
                        " TagResource UntagResource",
                    ),
                    [at.cut("events", "rule/")],
                ),
            )
        ),
        "AWS::SNS::Topic": Kind(
            (
                May(
                    do(
                        "sns",
                        "CreateTopic DeleteTopic GetDataProtectionPolicy GetTopicAttributes ListSubscriptionsByTopic"
                        " ListTagsForResource SetTopicAttributes Subscribe TagResource UntagResource",
                    ),
                    topics,
                ),
                May(do("sns", "Unsubscribe"), everywhere("SNS"), "Unsubscribe"),
            ),
            never(UNUSED, "sns:PutDataProtectionPolicy"),
        ),
        "AWS::SNS::TopicPolicy": Kind((May(do("sns", "SetTopicAttributes"), topics),)),
        "AWS::SNS::Subscription": Kind(
            (
                May(do("sns", "Subscribe"), topics),
                May(
                    do("sns", "GetSubscriptionAttributes SetSubscriptionAttributes Unsubscribe"),
                    everywhere("SNS"),
                    "Change",
                ),
            )
        ),
        "AWS::Budgets::Budget": Kind(
            (
                May(
                    do("budgets", "ListTagsForResource ModifyBudget TagResource UntagResource ViewBudget"),
                    [arns.global_arn("budgets", f"budget/{own}-*")],
                ),
                May(do("billing", "GetBillingViewData"), [arns.global_arn("billing", "billingview/*")], "View"),
            )
        ),
    }
