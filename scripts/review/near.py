"""Quotas of AWS of which a change uses more and little is left: the next change may be refused."""

from collections.abc import Iterator

from generator.cfn import quotas
from generator.cfn.quotas import Usage
from scripts.review.compare import side
from scripts.review.model import CHANGED, NEAR, EnvironmentReview, QuotaChange
from scripts.review.revision import Revision


def near(before: Revision, after: Revision, environments: tuple[EnvironmentReview, ...]) -> tuple[QuotaChange, ...]:
    """What comes near to a quota in a template or in an environment that changes, the fullest first."""
    changes: dict[tuple[str, str], QuotaChange] = {}
    for name, old, new in (*_templates(before, after), *_environments(before, after, environments)):
        used = old.used if old else 0
        if new.used <= used or new.used <= NEAR * new.most:
            continue
        key = new.path, new.what
        known = changes.get(key)
        names = (*(known.environments if known else ()), *((name,) if name else ()))
        highest = known if known and known.after >= new.used else QuotaChange(*key, used, new.used, new.most)
        changes[key] = QuotaChange(*key, highest.before, highest.after, highest.most, names)
    return tuple(sorted(changes.values(), key=lambda change: (-change.after / change.most, change.path, change.what)))


def _templates(before: Revision, after: Revision) -> Iterator[tuple[str, Usage | None, Usage]]:
    known = {template.name: template for template in before.templates}
    for template in after.templates:
        older = known.get(template.name)
        if older is None or older.body != template.body:
            old = {usage.what: usage for usage in quotas.of_template(older)} if older else {}
            yield from (("", old.get(usage.what), usage) for usage in quotas.of_template(template))


def _environments(
    before: Revision, after: Revision, environments: tuple[EnvironmentReview, ...]
) -> Iterator[tuple[str, Usage | None, Usage]]:
    for environment in environments:
        if environment.state != CHANGED or environment.problems:
            continue
        name = environment.name
        first, second = (quotas.of_resources(side(name, revision).resources) for revision in (before, after))
        moved = {change.before: change.path for change in environment.resources if change.before}
        old = {(moved.get(usage.path, usage.path), usage.what): usage for usage in first}
        yield from ((name, old.get((usage.path, usage.what)), usage) for usage in second)
