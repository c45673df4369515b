"""The monthly cost of one environment, from its settled templates and two levels of usage. Pure.

Free allowances belong to an account and are counted for this environment alone, so several environments cost more than
the sum of their estimates.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from generator.cfn.instance import Instance
from generator.cfn.templates import Resource
from scripts.costs.rules import FORGOTTEN, FREE, RULES, Case, Item, Level

PRICES = Path(__file__).with_name("prices.json")


class PriceMissingError(Exception):
    """Something of the templates has no price; the message says what to add and where."""


@dataclass(frozen=True)
class Line:
    """What one price comes to in a month. `category` is the design's, or what the design forgot."""

    category: str
    what: str
    quantity: Level
    unit: str
    price: float
    free: float
    cost: Level


@dataclass(frozen=True)
class Estimate:
    """The lines of one environment, by category, with the design's figures and what the usage means."""

    environment: str
    region: str
    date: str  # the newest of the prices' dates
    lines: tuple[Line, ...]
    design: dict[str, Level]
    usage: dict[str, Level]

    def total(self, category: str | None = None) -> Level:
        """The sum of all lines, or of those of one category."""
        levels = [line.cost for line in self.lines if category in (None, line.category)]
        return Level(sum(level.low for level in levels), sum(level.high for level in levels))


def of_resource(stacks: Sequence[Instance], template: str, name: str, prices: Path = PRICES) -> Level | None:
    """What one resource comes to in a month in the settled `stacks` of an environment, before what AWS gives for free;
    None where the environment does not have it. Raises `PriceMissingError`."""
    book, usage = _book(prices)
    there = [stack for stack in stacks if stack.template.name == template and name in stack.template.resources]
    total = Level(0, 0)
    for stack in there:
        for _, what, price, quantity in _items(stack, stack.template.resources[name], usage):
            if price not in book["prices"]:
                raise PriceMissingError(f"{prices.name} has no price {price!r}, which {what} has")
            total = total.plus(quantity.times(book["prices"][price]["usd"]))
    return total if there else None


def _book(prices: Path) -> tuple[dict[str, Any], dict[str, Level]]:
    """The file of prices, and what is used in a month, by name."""
    book = json.loads(prices.read_text(encoding="utf-8"))
    usage = {name: Level(level["low"], level["high"]) for name, level in book["usage"].items()}
    return book, usage | {"one": Level(1, 1), "hours": Level(book["hours"], book["hours"])}


def estimate(environment: str, stacks: Sequence[Instance], prices: Path = PRICES) -> Estimate:
    """The estimate of the settled `stacks` of one environment. Raises `PriceMissingError`."""
    book, usage = _book(prices)
    # Log groups cost by what is written, whichever of them takes it.
    logs = (("logs taken in", "logs.in"), ("logs kept", "logs.kept"))
    items = [Item(FORGOTTEN, what, price, usage["log_gb"]) for what, price in logs]
    for stack in stacks:
        items += [item for resource in stack.template.resources.values() for item in _items(stack, resource, usage)]
    summed: dict[tuple[str, str, str], Level] = {}
    for category, what, price, quantity in items:
        if price not in book["prices"]:
            raise PriceMissingError(
                f"{prices.name} has no price {price!r}; there are: {', '.join(sorted(book['prices']))}"
            )
        summed[category, what, price] = summed.get((category, what, price), Level(0, 0)).plus(quantity)
    return Estimate(
        environment,
        book["region"],
        max(price["date"] for price in book["prices"].values()),
        tuple(_lines(summed, book["prices"], [*book["design"], FORGOTTEN])),
        {name: Level(*figures) for name, figures in book["design"].items()},
        {level["says"]: Level(level["low"], level["high"]) for level in book["usage"].values()},
    )


def _items(stack: Instance, resource: Resource, usage: Mapping[str, Level]) -> Iterator[Item]:
    if resource.type in RULES:
        yield from RULES[resource.type](Case(stack, resource, usage))
    elif not resource.type.startswith(FREE):
        raise PriceMissingError(
            f"{resource.address} is a {resource.type}, which scripts/costs/rules.py neither prices nor names as free"
        )


def _lines(
    summed: Mapping[tuple[str, str, str], Level], prices: Mapping[str, Any], order: Sequence[str]
) -> Iterator[Line]:
    left = {price: float(prices[price]["free"]) for _, _, price in summed}
    spent = {price: [0.0, 0.0] for price in left}
    for (category, what, price), quantity in sorted(summed.items(), key=lambda entry: order.index(entry[0][0])):
        usd, paid = float(prices[price]["usd"]), []
        for level, amount in enumerate(quantity):
            # A free allowance serves the lines of one price one after the other.
            free = min(amount, left[price] - spent[price][level])
            spent[price][level] += free
            paid.append((amount - free) * usd)
        yield Line(category, what, quantity, prices[price]["unit"], usd, left[price], Level(*paid))
