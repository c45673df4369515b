"""Which mutants are tried: drawn by a seed, so many of each package, at most a few of a file."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from tests.mutants.operators import Mutation, changes, mutations, text_mutations

TEXTS = "texts"
# The packages with their part of the sample, their folders, and what is left out of these. Texts are what all of the
# others say to people: they come on top, and change nothing about what a seed draws of the others.
PACKAGES: dict[str, tuple[int, tuple[str, ...], tuple[str, ...]]] = {
    "deployment": (30, ("scripts/deployment",), ()),
    "operations": (30, ("scripts",), ("scripts/deployment", "scripts/local_aws", "scripts/rehearsal")),
    "generator": (26, ("generator",), ("generator/gate", "generator/cfn")),
    "gate and cfn": (24, ("generator/gate", "generator/cfn"), ()),
    "local AWS": (20, ("scripts/local_aws",), ()),
    "rehearsal": (20, ("scripts/rehearsal",), ()),
    TEXTS: (20, ("generator", "scripts"), ()),
}
PER_FILE = 2


def files(root: Path, package: str) -> list[str]:
    """The files of a package, as paths from the root of the checkout."""
    _, inside, outside = PACKAGES[package]
    paths = (
        path for each in inside for path in ([root / each] if each.endswith(".py") else (root / each).rglob("*.py"))
    )
    names = sorted(str(path.relative_to(root)) for path in paths if path.is_file())
    return [name for name in names if not name.startswith(tuple(f"{each}/" for each in outside))]


def shares(count: int) -> dict[str, int]:
    """How many mutants of each package `count` are, and how many of the texts come on top of them."""
    total = sum(part for name, (part, _, _) in PACKAGES.items() if name != TEXTS)
    return {name: max(1, round(count * part / total)) for name, (part, _, _) in PACKAGES.items()}


def sample(root: Path, seed: int, count: int, packages: Sequence[str] = tuple(PACKAGES)) -> list[tuple[str, Mutation]]:
    """The mutants with their packages. A larger `count` begins with the mutants of a smaller one."""
    return [
        (package, mutation)
        for package, number in shares(count).items()
        if package in packages
        for _, mutation in zip(range(number), drawn(root, seed, package), strict=False)
    ]


@cache
def all_places(root: Path, package: str) -> tuple[Mutation, ...]:
    """Every mutation of a package, those too that `changes` refuses."""
    every = text_mutations if package == TEXTS else mutations
    return tuple(each for name in files(root, package) for each in every(name, (root / name).read_bytes()))


def drawn(root: Path, seed: int, package: str) -> Iterator[Mutation]:
    """The mutants of a package in the order in which they are drawn: first an operator, then one of its places, so that
    the rare faults are tried too."""
    chance = random.Random(f"{seed} {package}")
    sources = {name: (root / name).read_bytes() for name in files(root, package)}
    places: dict[str, list[Mutation]] = {}
    for mutation in all_places(root, package):
        places.setdefault(mutation.operator, []).append(mutation)
    drawn_from: Counter[str] = Counter()
    limit = PER_FILE
    while any(places.values()):
        operators = sorted(
            name for name, left in places.items() if any(drawn_from[mutation.path] < limit for mutation in left)
        )
        if not operators:
            limit += 1  # every file has given what it may: another round
            continue
        left = places[chance.choice(operators)]
        mutation = left.pop(chance.randrange(len(left)))
        if drawn_from[mutation.path] < limit and changes(mutation, sources[mutation.path]):
            drawn_from[mutation.path] += 1
            yield mutation
