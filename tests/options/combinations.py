"""Combinations of the options of an environment: every pair of values of two options at least once.

An option is a parameter of the root with a list of values, or one that may be empty. What the root's `Rules` refuse is
no combination; a pair that no combination can hold is refused, and the rule says why.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from generator.reading import assertions
from generator.reading.graph import mentions
from generator.reading.parameters import SECTIONS, ParameterFile
from generator.reading.templates import Template

ACCOUNT = "000000000000"
ID = "0000000a-0000-4000-8000-00000000000a"
# A value for each option that may be empty.
SAMPLES = {
    "BuildVariables": "VITE_TITLE=Dashboard",
    "CertificateArn": f"arn:aws:acm:us-east-1:{ACCOUNT}:certificate/{ID}",
    "ConnectionArn": f"arn:aws:codeconnections:us-east-1:{ACCOUNT}:connection/{ID}",
    "DomainName": "dashboard.cloud-health.test",
    "EdgeCertificateArn": f"arn:aws:acm:us-east-1:{ACCOUNT}:certificate/{ID}",
    "ExistingEncryptionSecretArn": f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:seed-AbCdEf",
    "ExistingKeyArn": f"arn:aws:kms:us-east-1:{ACCOUNT}:key/{ID}",
    "ExistingRepositoryName": "surviving-images",
    "HostedZoneId": "Z0000000000000000000",
    "LoadBalancerCertificateArn": f"arn:aws:acm:us-east-1:{ACCOUNT}:certificate/{ID}",
    "NotificationEmail": "devops@cloud-health.test",
    "NotificationPhone": "+441632960961",
    "RedisUrl": "rediss://cache.cloud-health.test:6379",
    "SenderEmail": "dashboard@cloud-health.test",
    "SourceRepository": "team/dashboard",
}
# What every environment has to say, and the check of a file wants.
GIVEN = {
    "Environment": "options",
    "BranchName": "develop",
    "TablePrefix": "options",
    **{f"{stem}Table": f"{stem}-options" for stem in ("Clients", "Metrics", "Costs", "Security", "Recommendations")},
}
Values = Mapping[str, str]


class Pair(NamedTuple):
    """Two values of two options."""

    first: tuple[str, str]
    second: tuple[str, str]


def options(root: Template) -> dict[str, tuple[str, ...]]:
    """Every option of the root with its values."""
    found: dict[str, tuple[str, ...]] = {}
    for name, declared in root.parameters.items():
        if "AllowedValues" in declared:
            found[name] = tuple(map(str, declared["AllowedValues"]))
        elif declared.get("AllowedPattern", "").startswith("|"):
            found[name] = ("", SAMPLES[name])
    return found


def pairs(choices: Mapping[str, Sequence[str]]) -> Iterator[Pair]:
    """Every pair of values."""
    for one, other in itertools.combinations(choices, 2):
        for first, second in itertools.product(choices[one], choices[other]):
            yield Pair((one, first), (other, second))


class Rules:
    """The rules of a root, each with the parameters that it asks about."""

    def __init__(self, root: Template) -> None:
        self._root = root
        self.asks = {
            name: {target for _, how, target, _ in mentions(rule) if how == "Ref"}
            for name, rule in root.body.get("Rules", {}).items()
        }

    def broken(self, values: Values) -> list[str]:
        """What the rules say against `values`, those that ask about more than is given left out."""
        asked = {name: rule for name, rule in self._root.body["Rules"].items() if self.asks[name] <= values.keys()}
        body = {"Parameters": self._root.parameters, "Rules": asked}
        return [one.description for one in assertions.broken(body, values)]

    def refuses(self, pair: Pair, choices: Mapping[str, Sequence[str]]) -> str | None:
        """Why no combination can hold a pair, None when one can: all values of the options that the rules ask about
        together with these are tried."""
        given = dict(pair)
        near: set[str] = set(given)
        while more := {name for asks in self.asks.values() if asks & near for name in asks} - near:
            near |= more
        free = sorted(name for name in near - given.keys() if name in choices)
        why = ""
        for values in itertools.product(*(choices[name] for name in free)):
            said = self.broken({**given, **dict(zip(free, values, strict=True))})
            if not said:
                return None
            why = said[0]
        return why


def combinations(root: Template) -> list[dict[str, str]]:
    """Combinations that no rule refuses, so that each possible pair of values is in one; greedy, always the same."""
    choices, rules = options(root), Rules(root)
    left = dict.fromkeys(pair for pair in pairs(choices) if rules.refuses(pair, choices) is None)
    found = []
    while left:
        row = _filled(dict(next(iter(left))), choices, rules, left)
        found.append(row)
        for pair in pairs({name: [row[name]] for name in choices}):
            left.pop(pair, None)
    return found


def _filled(
    row: dict[str, str], choices: Mapping[str, Sequence[str]], rules: Rules, left: Collection[Pair]
) -> dict[str, str]:
    """The row with a value for every option, each the one that holds most of what is left, as far as rules allow."""
    name = next((name for name in choices if name not in row), None)
    if name is None:
        return row

    def gain(value: str) -> int:
        here, order = (name, value), list(choices)
        return sum(Pair(*sorted((here, other), key=lambda one: order.index(one[0]))) in left for other in row.items())

    for value in sorted(choices[name], key=gain, reverse=True):
        if not rules.broken(more := {**row, name: value}) and (full := _filled(more, choices, rules, left)):
            return full
    return {}


def as_file(root: Template, values: Values) -> ParameterFile:
    """A combination as the parameter file that a person would write."""
    computed: Mapping[str, Any] = root.metadata["Computed"]
    chosen = {name: value for name, value in {**GIVEN, **values}.items() if name not in computed}
    return ParameterFile("options.json", *({"Parameters": chosen}.get(section, {}) for section in SECTIONS))
