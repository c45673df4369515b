"""The dashboard that a person on call opens first: pipeline, builds, service, load balancer, distribution.

A CloudWatch dashboard is JSON text. It is carried line by line, so that a change of one widget is a small diff.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from troposphere import If, Join, Sub

from generator.constructs import instances
from generator.core import ports
from generator.core.arns import Text
from generator.core.stack import Stack

HALF, HEIGHT = 12, 6
# Ports that the graphs below refer to by `${Name}`.
GRAPHED = (
    ports.PIPELINE,
    ports.WATCH_ARN,
    ports.RUNNING_CLUSTER,
    ports.RUNNING_SERVICE,
    ports.BACKEND_BUILD,
    ports.FRONTEND_BUILD,
    ports.DISTRIBUTION_ID,
    ports.LOAD_BALANCER_METRIC,
)


class Graph(NamedTuple):
    """One graph: metrics as (namespace, name, dimensions by name, statistic); dimension values may use `${Port}`.
    `region` is where the metrics live, empty for the stack's own; `queries` are further lines, each by its label."""

    title: str
    metrics: Sequence[tuple[str, str, Mapping[str, str], str]]
    region: str = ""
    queries: Mapping[str, str] = {}

    def widget(self, row: int, column: int) -> dict[str, object]:
        return {
            "type": "metric",
            "x": column * HALF,
            "y": row * HEIGHT,
            "width": HALF,
            "height": HEIGHT,
            "properties": {
                "title": self.title,
                "region": self.region or "${AWS::Region}",
                "view": "timeSeries",
                "period": 300,
                "metrics": [
                    [namespace, name, *(part for pair in dimensions.items() for part in pair), {"stat": statistic}]
                    for namespace, name, dimensions, statistic in self.metrics
                ]
                + [
                    [{"expression": query, "id": f"query{number}", "label": label}]
                    for number, (label, query) in enumerate(self.queries.items())
                ],
            },
        }


def body(stack: Stack, backend: str, ecs: str) -> Text:
    """The dashboard's text: graphs that always exist, those of a backend and those of where it runs, behind the
    conditions `backend` and `ecs`."""
    for port in GRAPHED:
        stack.takes(port)
    always, with_backend, on_ecs, on_beanstalk = _graphs()
    there = If(ecs, _text([*always, *on_ecs, *with_backend]), _text([*always, *on_beanstalk, *with_backend]))
    return If(backend, there, _text(always))


def _text(graphs: Sequence[Graph]) -> Join:
    widgets = [graph.widget(*divmod(place, 2)) for place, graph in enumerate(graphs)]
    lines = json.dumps({"widgets": widgets}, indent=1).splitlines()
    return Join("\n", [Sub(line) if "${" in line else line for line in lines])


def _graphs() -> tuple[list[Graph], ...]:
    pipeline = {"PipelineName": "${Pipeline}"}
    service = {"ClusterName": "${RunningCluster}", "ServiceName": "${RunningService}"}
    balancer = {"LoadBalancer": "${LoadBalancerFullName}"}
    distribution = {"DistributionId": "${DistributionId}", "Region": "Global"}
    builds = [{"ProjectName": "${BackendBuild}"}, {"ProjectName": "${FrontendBuild}"}]
    always = [
        Graph(
            "Pipeline",
            [
                ("AWS/CodePipeline", "FailedPipelineExecutions", pipeline, "Sum"),
                ("AWS/CodePipeline", "PipelineDuration", pipeline, "Maximum"),
                ("AWS/States", "ExecutionsFailed", {"StateMachineArn": "${WatchArn}"}, "Sum"),
            ],
        ),
        Graph(
            "Builds",
            [("AWS/CodeBuild", name, build, "Maximum") for build in builds for name in ("Duration", "FailedBuilds")],
        ),
        Graph(
            "Distribution",
            [
                ("AWS/CloudFront", "Requests", distribution, "Sum"),
                ("AWS/CloudFront", "4xxErrorRate", distribution, "Average"),
                ("AWS/CloudFront", "5xxErrorRate", distribution, "Average"),
            ],
            "us-east-1",
        ),
    ]
    ecs = [
        Graph(
            "Tasks",
            [
                ("ECS/ContainerInsights", "DesiredTaskCount", service, "Average"),
                ("ECS/ContainerInsights", "RunningTaskCount", service, "Average"),
            ],
        ),
        Graph(
            "CPU and memory",
            [("AWS/ECS", "CPUUtilization", service, "Average"), ("AWS/ECS", "MemoryUtilization", service, "Average")],
        ),
    ]
    environment = {"EnvironmentName": "${RunningService}"}
    beanstalk = [
        Graph("Environment", [("AWS/ElasticBeanstalk", "EnvironmentHealth", environment, "Maximum")]),
        Graph(
            "CPU and disk",
            [],
            queries={
                "CPU idle, percent": instances.query("AVG", instances.CPU_IDLE, "${RunningService}"),
                "fullest disk, percent": instances.query("MAX", instances.DISK_USED, "${RunningService}"),
            },
        ),
    ]
    backend = [
        Graph(
            "Answers",
            [
                ("AWS/ApplicationELB", "RequestCount", balancer, "Sum"),
                ("AWS/ApplicationELB", "HTTPCode_Target_5XX_Count", balancer, "Sum"),
                ("AWS/ApplicationELB", "HTTPCode_ELB_5XX_Count", balancer, "Sum"),
            ],
        ),
        Graph(
            "Latency",
            [
                ("AWS/ApplicationELB", "TargetResponseTime", balancer, "p50"),
                ("AWS/ApplicationELB", "TargetResponseTime", balancer, "p95"),
            ],
        ),
    ]
    return always, backend, ecs, beanstalk
