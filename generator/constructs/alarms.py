"""One shape for every alarm: named for people, silent without data, told to the topic when it starts and ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from troposphere import Sub, cloudwatch

from generator.core import ports
from generator.core.arns import Text
from generator.core.stack import Stack


def alarm(
    stack: Stack,
    title: str,
    says: str,
    serves: Sequence[str],
    metric: tuple[str, str, str],
    dimensions: Mapping[str, Text],
    threshold: Text | float,
    minutes: int = 5,
    periods: int = 1,
    condition: str | None = None,
    topic: Text | None = None,
    name: str = "",
    page: str = "",
) -> cloudwatch.Alarm:
    """Adds an alarm on one metric and returns it.

    `metric` is (namespace, name, statistic), a percentile such as `p95` counting as a statistic; the alarm starts
    when the value reaches the threshold in each of `periods` periods of `minutes` minutes. A metric without data is
    no alarm: a pipeline that does not run and a service at zero are not broken. `name` is the last part of its own
    name, the title unless another stack has an alarm of that title; `page` is as for `add()`.
    """
    namespace, metric_name, statistic = metric
    extended = statistic.startswith("p")
    return add(
        stack,
        title,
        says,
        serves,
        condition,
        topic,
        name,
        page,
        Dimensions=_dimensions(dimensions),
        EvaluationPeriods=periods,
        MetricName=metric_name,
        Namespace=namespace,
        Period=minutes * 60,
        Threshold=threshold,
        **{"ExtendedStatistic" if extended else "Statistic": statistic},
    )


def measured(
    name: str, metric: tuple[str, str, str], dimensions: Mapping[str, Text], minutes: int = 5
) -> cloudwatch.MetricDataQuery:
    """A metric that an expression calls `name`; the other arguments are those of `alarm()`."""
    namespace, metric_name, statistic = metric
    return cloudwatch.MetricDataQuery(
        Id=name,
        MetricStat=cloudwatch.MetricStat(
            Metric=cloudwatch.Metric(Dimensions=_dimensions(dimensions), MetricName=metric_name, Namespace=namespace),
            Period=minutes * 60,
            Stat=statistic,
        ),
        ReturnData=False,
    )


def _dimensions(dimensions: Mapping[str, Text]) -> list[cloudwatch.MetricDimension]:
    return [cloudwatch.MetricDimension(Name=key, Value=value) for key, value in dimensions.items()]


def add(
    stack: Stack,
    title: str,
    says: str,
    serves: Sequence[str],
    condition: str | None,
    topic: Text | None = None,
    name: str = "",
    page: str = "",
    **properties: object,
) -> cloudwatch.Alarm:
    """Adds an alarm whose metric part is given in CloudFormation's own properties, for metric math.

    It notifies the environment's topic, or `topic` where there is another; `name` as in `alarm()`. The description,
    which every message quotes, names the alarm's section in the runbook, and `page`, a console page with `${Port}`
    filled in.
    """
    topic = topic or stack.takes(ports.TOPIC_ARN)
    description = f"{says} Runbook: docs/runbook.md#{title.lower()}"
    if condition:
        properties["Condition"] = condition
    return stack.add(
        cloudwatch.Alarm(
            title,
            AlarmActions=[topic],
            AlarmDescription=Sub(f"{description} {page}") if page else description,
            AlarmName=Sub(f"{stack.project.name}-${{Environment}}-{name or title}"),
            OKActions=[topic],
            TreatMissingData="notBreaching",
            **{"ComparisonOperator": "GreaterThanOrEqualToThreshold", **properties},
        ),
        says,
        serves,
    )
