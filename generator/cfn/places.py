"""Places inside JSON: the way to a value, and every value with the way to it."""

from collections.abc import Iterator
from typing import Any

Place = tuple[str | int, ...]  # keys of objects, positions in lists


def walk(value: Any, place: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Every value inside `value`, itself first, with the way to it; objects and lists before what they hold."""
    left = [(place, value)]
    while left:
        place, value = left.pop()
        yield place, value
        if isinstance(value, dict):
            left += [((*place, key), inner) for key, inner in reversed(value.items())]
        elif isinstance(value, list):
            left += [((*place, position), inner) for position, inner in enumerate(value)][::-1]


def spell(place: Place) -> str:
    """A place as text: `Policies[0].PolicyName`, `Statement[Sid=Logs].Action`."""
    return "".join(f"[{step}]" if "=" in f"{step}" or isinstance(step, int) else f".{step}" for step in place).lstrip(
        "."
    )
