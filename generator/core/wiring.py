"""How the root connects its children: every input of a child gets exactly one offer, and every offer is taken.

Offers come from the root's own parameters, from names computed in the root, and from the outputs of children. An
offer knows the condition under which it exists; a child that may live without it gets `Fn::If` with what stands in.
Two children may offer the same port when their conditions exclude each other; a taker gets the one that exists.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from troposphere import GetAtt, If

from generator.core.arns import Text
from generator.core.ports import Port
from generator.core.stack import Stack


class LooseEndError(ValueError):
    """A connection that is missing, unused, doubled or of the wrong kind; the message names both ends."""


class Offer(NamedTuple):
    """A value that children may take: what it is, who gives it, under which condition it exists, and what stands in
    for it otherwise. `module` is where the giver is built, empty for the root's own values."""

    port: Port
    giver: str
    value: Text
    condition: str | None = None
    otherwise: Text = ""
    module: str = ""


def _named(stack: str, module: str) -> str:
    return f"`{stack}` ({module})" if module else f"`{stack}`"


class Wiring:
    """The offers of one root, and who took them. `implies` says of each condition which others hold with it,
    `either` of some which exclude each other and of which one holds whenever it does."""

    def __init__(
        self,
        root: str,
        implies: Mapping[str, frozenset[str]],
        either: Mapping[str, frozenset[str]] = MappingProxyType({}),
    ) -> None:
        self.root = root
        self._implies = implies
        self._either = either
        self._offers: dict[str, list[Offer]] = {}
        self._taken: set[str] = set()

    def offer(self, offer: Offer) -> None:
        """Adds an offer. Raises `LooseEndError` when another giver offers the same name at the same time, or as
        something else."""
        known = self._offers.setdefault(offer.port.name, [])
        for other in known:
            if not self._excluded(offer.condition, other.condition):
                raise LooseEndError(f"{offer.giver} and {other.giver} both give {offer.port.name}")
            if (offer.port.kind, offer.otherwise) != (other.port.kind, other.otherwise):
                raise LooseEndError(f"{offer.giver} and {other.giver} give {offer.port.name} in two meanings")
        known.append(offer)

    def offer_outputs(self, child: Stack, logical: str, condition: str | None, otherwise: Mapping[str, Text]) -> None:
        """Adds a child's outputs; `otherwise` are what stands in for them while the child does not exist."""
        for name in otherwise:
            if name not in child.outputs:
                raise LooseEndError(f"{self.root} replaces {name}, which {child.name} does not provide")
        for name, port in child.outputs.items():
            value = GetAtt(logical, f"Outputs.{name}")
            self.offer(Offer(port, child.name, value, condition, otherwise.get(name, ""), child.module))

    def connect(self, child: Stack, condition: str | None) -> dict[str, Text]:
        """The parameters of a child's stack resource: the value of the offer for each of its inputs."""
        return {
            name: self.take(port, child.name, condition, child.module) for name, port in sorted(child.inputs.items())
        }

    def take(self, port: Port, taker: str, condition: str | None = None, module: str = "") -> Text:
        """The value of one offer, for a taker that exists under the condition; `module` is where the
        taker is built.

        Raises `LooseEndError`.
        """
        offers = self._offers.get(port.name)
        if offers is None:
            import difflib  # late: only whoever mistypes a name pays for it

            near = difflib.get_close_matches(port.name, self._offers, 1)
            hint = ""
            if near:
                similar = self._offers[near[0]][0]
                hint = f" Similar: `{near[0]}`, from {_named(similar.giver, similar.module)}."
            raise LooseEndError(
                f"Stack {_named(taker, module)} needs `{port.name}`, but no earlier stack of root `{self.root}` "
                f"provides it.{hint}"
            )
        first = offers[0]
        if first.port.kind is not port.kind:
            raise LooseEndError(
                f"{first.giver} gives {port.name} as {first.port.kind}, and {taker} takes it as {port.kind}"
            )
        self._taken.add(port.name)
        holding = self._holding(condition)
        for offer in offers:
            if offer.condition is None or offer.condition in holding:
                return offer.value
        left = [
            offer
            for offer in offers
            if not any(self._excluded(offer.condition, condition_held) for condition_held in holding)
        ]
        value = first.otherwise
        if any(
            self._either.get(condition_held) == frozenset(str(offer.condition) for offer in left)
            for condition_held in holding
        ):
            value = left.pop().value
        for offer in reversed(left):
            value = If(offer.condition, offer.value, value)
        return value

    def finish(self) -> None:
        """Raises `LooseEndError` when an offer was never taken."""
        for name, offers in self._offers.items():
            if name not in self._taken:
                raise LooseEndError(
                    f"{_named(offers[0].giver, offers[0].module)} provides `{name}`, but nothing in root `{self.root}` "
                    "uses it."
                )

    def _excluded(self, first: str | None, other: str | None) -> bool:
        """Whether at most one of the two conditions holds."""
        return first != other and any({first, other} <= conditions for conditions in self._either.values())

    def _holding(self, condition: str | None) -> frozenset[str]:
        """The conditions that certainly hold where the taker exists."""
        if condition is None:
            return frozenset()
        return self._implies.get(condition, frozenset()) | {condition}
