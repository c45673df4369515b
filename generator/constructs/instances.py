"""What the instances of Elastic Beanstalk have left, for the alarms and the dashboard.

The environment's own metrics have neither CPU nor disk, and its instances and their group come and go under names that
no template knows; so a query reads those that there are.

Sources: elasticbeanstalk dg, health-enhanced-cloudwatch (the metrics, and the document that publishes them);
AmazonCloudWatch monitoring, Create_Metrics_Insights_Alarm (an alarm on a query follows the resources that match it)
and cloudwatch-metrics-insights-querylanguage. That the metrics have the dimensions EnvironmentName and InstanceId is
written in the documentation of a monitoring service that collects them alone (Dynatrace, cloudwatch-elastic-beanstalk),
and stands in docs/unverified.md.
"""

from __future__ import annotations

import json

CPU_IDLE, DISK_USED = "CPUIdle", "RootFilesystemUtil"
# Seconds between two values: the one interval that the service knows. Each is a custom metric in the bill.
PUBLISHED = json.dumps({"CloudWatchMetrics": {"Instance": {CPU_IDLE: 60, DISK_USED: 60}}, "Version": 1})


def query(function: str, metric: str, environment: str) -> str:
    """The query of one metric over all instances of an environment; `function` is AVG or MAX, `environment` a name or
    the `${Name}` of one."""
    source = 'SCHEMA("AWS/ElasticBeanstalk", EnvironmentName, InstanceId)'
    return f"SELECT {function}({metric}) FROM {source} WHERE EnvironmentName = '{environment}'"
