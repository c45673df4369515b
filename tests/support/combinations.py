"""Combinations of the options of an environment: every pair of values of two options at least once.

An option is a parameter of the root with a list of values, or one that may be empty. What the root's `Rules` refuse is
no combination; a pair that no combination can hold is refused, and the rule says why.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from generator.cfn import assertions
from generator.cfn.graph import mentions
from generator.cfn.parameters import SECTIONS, ParameterFile
from generator.cfn.templates import Template

ACCOUNT = "000000000000"
ID = "0000000a-0000-4000-8000-00000000000a"
# A value for each option that may be empty.
SAMPLES = {
    "BuildVariables": "VITE_TITLE=Dashboard",
    "CertificateArn": f"arn:aws:acm:us-east-1:{ACCOUNT}:certificate/{ID}",
    "AccountSharedBecause": "both environments belong to one team",
    "ConnectionArn": f"arn:aws:codeconnections:us-east-1:{ACCOUNT}:connection/{ID}",
    "DomainName": "dashboard.cloud-health.test",
    "EdgeCertificateArn": f"arn:aws:acm:us-east-1:{ACCOUNT}:certificate/{ID}",
    "ExistingJwtSecretArn": f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:sessions-AbCdEf",
    "ExistingEncryptionSecretArn": f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:seed-AbCdEf",
    "ExistingKeyArn": f"arn:aws:kms:us-east-1:{ACCOUNT}:key/{ID}",
    "ExistingRepositoryName": "surviving-images",
    "HostedZoneId": "Z0000000000000000000",
    "LoadBalancerCertificateArn": f"arn:aws:acm:us-east-1:{ACCOUNT}:certificate/{ID}",
    "NotificationEmail": "devops@cloud-health.test",
    "NotificationPhone": "+441632960961",
    "RedisUrl": "rediss://cache.cloud-health.test:6379",
    "RoleBoundaryArn": f"arn:aws:iam::{ACCOUNT}:policy/boundary",
    "SigningProfileArn": f"arn:aws:signer:us-east-1:{ACCOUNT}:/signing-profiles/ours",
    "SenderEmail": "dashboard@cloud-health.test",
    "SourceRepository": "team/dashboard",
}
# What every environment has to say, and the check of a file wants.
FIXED = {
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
    by_name: dict[str, tuple[str, ...]] = {}
    for name, declared in root.parameters.items():
        if "AllowedValues" in declared:
            by_name[name] = tuple(map(str, declared["AllowedValues"]))
        elif declared.get("AllowedPattern", "").startswith("|"):
            by_name[name] = ("", SAMPLES[name])
    return by_name


def pairs(choices: Mapping[str, Sequence[str]]) -> Iterator[Pair]:
    """Every pair of values."""
    for combination, other in itertools.combinations(choices, 2):
        for first, second in itertools.product(choices[combination], choices[other]):
            yield Pair((combination, first), (other, second))


class Rules:
    """The rules of a root, each with the parameters that it asks about."""

    def __init__(self, root: Template) -> None:
        self._root = root
        self.asks = {
            name: {target for _, how, target, _ in mentions(rule) if how == "Ref"}
            for name, rule in root.body.get("Rules", {}).items()
        }
        self._said: dict[tuple[str, tuple[tuple[str, str], ...]], list[str]] = {}
        # In this order a rule is decided as soon as may be, so that a search turns back early.
        self._refused: dict[str, str | None] = {}
        self.asked = list(dict.fromkeys(name for asks in self.asks.values() for name in sorted(asks)))

    def broken(self, values: Values, rules: Collection[str]) -> list[str]:
        """What these rules say against `values`, those that ask about more than is given left out."""
        return [
            why
            for name in rules
            if self.asks[name] <= values.keys()
            for why in self._says(name, tuple((ask, values[ask]) for ask in sorted(self.asks[name])))
        ]

    def _says(self, rule: str, values: tuple[tuple[str, str], ...]) -> list[str]:
        """What one rule says against the values that it asks about: a search asks for the same again and again."""
        key = (rule, values)
        if key not in self._said:
            body = {"Parameters": self._root.parameters, "Rules": {rule: self._root.body["Rules"][rule]}}
            self._said[key] = [item.description for item in assertions.broken(body, dict(values))]
        return self._said[key]

    def refuses(self, pair: Pair, choices: Mapping[str, Sequence[str]]) -> str | None:
        """Why no combination can hold a pair, None when one can: all values of what the rules ask about are tried. The
        reason is the rule that forbids it alone, or the last one of those that do together."""
        values = {name: value for name, value in pair if name in self.asked}
        key = json.dumps(values)
        if key not in self._refused:
            self._refused[key] = self._why(values, {name: choices[name] for name in self.asked if name in choices})
        return self._refused[key]

    def _why(self, values: Values, free: Mapping[str, Sequence[str]]) -> str | None:
        if self.filled(values, free, self.asks):
            return None
        alone = (name for name in self.asks if not self.filled(values, free, [name]))
        messages: str = self._root.body["Rules"][next(alone, list(self.asks)[-1])]["Assertions"][0]["AssertDescription"]
        return messages

    def filled(
        self,
        row: Values,
        choices: Mapping[str, Sequence[str]],
        rules: Collection[str],
        gain: Callable[[Values, str, str], int] | None = None,
    ) -> dict[str, str]:
        """The row with a value for every option, each the one with the most gain, as far as the rules allow; empty when
        they do not."""
        return {} if self.broken(row, rules) else self._filled(row, choices, rules, gain)

    def _filled(
        self,
        row: Values,
        choices: Mapping[str, Sequence[str]],
        rules: Collection[str],
        gain: Callable[[Values, str, str], int] | None,
    ) -> dict[str, str]:
        name = next((name for name in choices if name not in row), None)
        if name is None:
            return dict(row)
        values, about = choices[name], [rule for rule in rules if name in self.asks[rule]]
        if gain:
            values = sorted(values, key=lambda value: gain(row, name, value), reverse=True)
        for value in values:
            more = {**row, name: value}
            if not self.broken(more, about) and (full := self._filled(more, choices, rules, gain)):
                return full
        return {}


def combinations(root: Template) -> list[dict[str, str]]:
    """Combinations that no rule refuses, so that each possible pair of values is in one; greedy, always the same."""
    choices, rules = options(root), Rules(root)
    left = dict.fromkeys(pair for pair in pairs(choices) if rules.refuses(pair, choices) is None)
    order = {name: place for place, name in enumerate(choices)}
    first = {name: choices[name] for name in [*(item for item in rules.asked if item in choices), *choices]}

    def gain(row: Values, name: str, value: str) -> int:
        here = (name, value)
        return sum(Pair(*sorted((here, other), key=lambda item: order[item[0]])) in left for other in row.items())

    result = []
    while left:
        row = rules.filled(dict(next(iter(left))), first, rules.asks, gain)
        result.append(row)
        for pair in pairs({name: [row[name]] for name in choices}):
            left.pop(pair, None)
    return result


def as_file(root: Template, values: Values) -> ParameterFile:
    """A combination as the parameter file that a person would write."""
    computed: Mapping[str, Any] = root.metadata["Computed"]
    chosen = {name: value for name, value in {**FIXED, **values}.items() if name not in computed}
    return ParameterFile("options.json", *({"Parameters": chosen}.get(section, {}) for section in SECTIONS))
