"""Places inside JSON: the way to a value, and every value with the way to it."""

from collections.abc import Iterator
from typing import Any

Place = tuple[str | int, ...]  # keys of objects, positions in lists
HOLDERS = (dict, list)  # what holds other values


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


def objects(value: Any) -> Iterator[tuple[Place, dict[str, Any]]]:
    """The objects of `walk`, in half its time: it goes past what holds nothing, and most of a template is text."""
    left: list[tuple[Place, Any]] = [((), value)]
    while left:
        place, value = left.pop()
        if isinstance(value, dict):
            yield place, value
            left += [((*place, key), inner) for key, inner in value.items() if isinstance(inner, HOLDERS)][::-1]
        elif isinstance(value, list):
            left += [((*place, at), inner) for at, inner in enumerate(value) if isinstance(inner, HOLDERS)][::-1]


def spell(place: Place) -> str:
    """A place as text: `Policies[0].PolicyName`, `Statement[Sid=Logs].Action`."""
    return "".join(f"[{step}]" if "=" in f"{step}" or isinstance(step, int) else f".{step}" for step in place).lstrip(
        "."
    )
