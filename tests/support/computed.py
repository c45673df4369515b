"""What the computed parameters of an environment are worked out from, in prepared answers."""

from __future__ import annotations

from typing import Any

from scripts.deployment.environment import PREFIX_LIST, Computed
from tests.support.service import Prepared

LISTS = {"PrefixLists": [{"PrefixListId": "pl-1", "PrefixListName": PREFIX_LIST}]}


def zones(*ids: str) -> dict[str, list[dict[str, str]]]:
    """Availability zones of these ids, whose names are in another order, as they are in most accounts."""
    return {"AvailabilityZones": [{"ZoneId": zone, "ZoneName": f"name-of-{zone}"} for zone in reversed(ids)]}


def aws(**answers: Any) -> Prepared:
    answers.setdefault("ec2__describe_availability_zones", zones("euw1-az1", "euw1-az2", "euw1-az3"))
    return Prepared(ec2__describe_managed_prefix_lists=LISTS, **answers)


def values(computed: list[Computed]) -> dict[str, tuple[str, str]]:
    return {parameter.name: (parameter.value, parameter.state) for parameter in computed}
