"""The dashboard that a person on call opens first: pipeline, builds, service, load balancer, distribution.

A CloudWatch dashboard is JSON text. It is carried line by line, so that a change of one widget is a small diff.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from troposphere import If, Join, Sub

from generator.arns import Text

HALF, HEIGHT = 12, 6


@dataclass(frozen=True)
class Graph:
    """One graph: metrics as (namespace, name, dimensions by name, statistic); dimension values may use `${Port}`.
    `region` is where the metrics live, empty for the stack's own."""

    title: str
    metrics: Sequence[tuple[str, str, Mapping[str, str], str]]
    region: str = ""

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
                ],
            },
        }


def body(always: Sequence[Graph], backend: Sequence[Graph], condition: str) -> Text:
    """The dashboard's text: graphs that always exist, and those of a backend behind the condition."""
    return If(condition, _text([*always, *backend]), _text(always))


def _text(graphs: Sequence[Graph]) -> Join:
    widgets = [graph.widget(*divmod(place, 2)) for place, graph in enumerate(graphs)]
    lines = json.dumps({"widgets": widgets}, indent=1).splitlines()
    return Join("\n", [Sub(line) if "${" in line else line for line in lines])
