"""An estimate as lines for a terminal, as Markdown and as a document."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from scripts.costs.estimate import Estimate
from scripts.costs.rules import Level
from scripts.terminal.text import BOLD, DIM, Line, line


def lines(estimate: Estimate) -> Iterator[Line]:
    """A table for a terminal: each line, each category beside the design's figure, and the sum."""
    width = max(len(cost.what) for cost in estimate.lines) + 2
    yield line((f"{estimate.environment}: US dollars a month in {estimate.region}, prices of {estimate.date}", BOLD))
    for category in dict.fromkeys(cost.category for cost in estimate.lines):
        total = f"{category:{width}}  {_money(estimate.total(category)):>18}{_design(estimate, category)}"
        yield line((total, BOLD), depth=1)
        for cost in estimate.lines:
            if cost.category == category:
                quantity = f"{_amount(cost.quantity)} at {cost.price:g} per {cost.unit}"
                free = f", {cost.free:g} of them free" if cost.free else ""
                yield line(f"{cost.what:{width}}{_money(cost.cost):>18}", (f"   {quantity}{free}", DIM), depth=2)
    total = f"{'Total':{width}}  {_money(estimate.total()):>18}   specification: {_money(_designed(estimate))}"
    yield line((total, BOLD), depth=1)
    yield line("low and high usage (scripts/costs/prices.json):", depth=1)
    yield from (line(f"{says:{width + 26}}{_amount(level)}", depth=2) for says, level in estimate.usage.items())


def markdown(estimate: Estimate) -> Iterator[str]:
    """The categories as a table for a page."""
    yield f"| {estimate.environment}, US dollars a month | low | high | specification |"
    yield "|---|---:|---:|---:|"
    for category in dict.fromkeys(cost.category for cost in estimate.lines):
        low, high = estimate.total(category)
        design = estimate.design.get(category)
        yield f"| {category} | {low:.0f} | {high:.0f} | {_money(design) if design else ''} |"
    low, high = estimate.total()
    yield f"| **Total** | **{low:.0f}** | **{high:.0f}** | {_money(_designed(estimate))} |"


def document(estimate: Estimate) -> dict[str, Any]:
    """The whole value, with the sum, for programs."""
    return {**asdict(estimate), "total": estimate.total()._asdict()}


def _design(estimate: Estimate, category: str) -> str:
    return f"   specification: {_money(estimate.design[category])}" if category in estimate.design else ""


def _designed(estimate: Estimate) -> Level:
    return Level(
        sum(level.low for level in estimate.design.values()), sum(level.high for level in estimate.design.values())
    )


def _money(level: Level) -> str:
    return f"{level.low:.2f} to {level.high:.2f}" if level.high < 10 else f"{level.low:.0f} to {level.high:.0f}"


def _amount(level: Level) -> str:
    low, high = (f"{value:,.4g}" if value < 1000 else f"{value:,.0f}" for value in level)
    return low if low == high else f"{low} to {high}"
