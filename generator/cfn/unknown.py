"""What stands in a change set for a value that only its execution will know, and who feeds such values. Pure.

Two spellings are known; which of them AWS writes where is documented nowhere: `{{changeSet:KNOWN_AFTER_APPLY}}`
(cloudformation-coverage-roadmap issue 2113) and `{{IntrinsicFunction:STACK/Child.Outputs.X/Fn::GetAtt}}`
(serverless-application-model pull request 3824).
"""

import re
from collections.abc import Mapping
from typing import Any

from generator.cfn import graph
from generator.cfn.templates import STACK

KNOWN_AFTER_APPLY = "{{changeSet:KNOWN_AFTER_APPLY}}"
_UNKNOWN = re.compile(r"\{\{(changeSet:KNOWN_AFTER_APPLY|IntrinsicFunction:[^{}]*)\}\}")


def is_unknown(value: object) -> bool:
    """Whether a text is, or holds, a placeholder of either spelling."""
    return isinstance(value, str) and _UNKNOWN.search(value) is not None


def fed_by_siblings(body: Mapping[str, Any]) -> dict[str, frozenset[str]]:
    """Per nested stack of a template, by logical id, the parameters whose values depend on other resources: a change
    set cannot know them, whatever it writes for them."""
    resources = body.get("Resources", {})
    fed: dict[str, frozenset[str]] = {}
    for name, resource in resources.items():
        if resource["Type"] == STACK:
            parameters = resource.get("Properties", {}).get("Parameters", {})
            fed[name] = frozenset(
                parameter
                for parameter, value in parameters.items()
                if any(how != "Condition" and target in resources for _, how, target, _ in graph.mentions(value))
            )
    return fed
