"""What of a change would hurt: data or an address that goes, is no longer protected, or is kept for a shorter time."""

from collections.abc import Iterator, Mapping, Sequence

from generator.cfn.losses import ADDRESSES, KEEPS, keeps
from generator.cfn.places import Place, spell, walk
from generator.cfn.templates import Resource
from scripts.review.model import HAS_ADDRESS, HOLDS_DATA, REMOVED, REPLACED, ResourceChange, Risk

# Properties that say for how long something is kept, in days or in pieces: when they fall, what is older goes for good.
# Sources: the resource schemas of Logs::LogGroup, S3::Bucket; ECR User Guide, "Lifecycle policy parameters".
KEEPING = ("RetentionInDays", "ExpirationInDays", "NoncurrentDays", "countNumber", "BackupRetentionPeriod")
GLOBAL = "GlobalSecondaryIndexes"  # the only ones that can be deleted from a table that lives (Local: a replacement)
PROTECTING = ("DeletionProtectionEnabled", "DeletionProtection", "PointInTimeRecoveryEnabled")


def value(old: Resource | None, new: Resource | None) -> str:
    """Why the loss of a resource would hurt; empty when it would not."""
    sides = [resource for resource in (old, new) if resource is not None]
    if any(keeps(resource) for resource in sides):
        return HOLDS_DATA
    return HAS_ADDRESS if any(resource.type in ADDRESSES for resource in sides) else ""


def risks(
    changes: Sequence[ResourceChange], old: Mapping[str, Resource], new: Mapping[str, Resource]
) -> Iterator[Risk]:
    """Everything of the changes that somebody has to agree to by name."""
    for change in changes:
        if change.value and change.action in (REMOVED, REPLACED):
            goes = "deleted" if change.action == REMOVED else "replaced"
            because = f" ({', '.join(change.because)})" if change.because else " (renamed)" if change.before else ""
            stays = "; the old one is kept, outside the stack" if change.kept else ""
            yield Risk(change.path, change.type, f"{change.value}: {goes}{because}{stays}")
        was, now = old.get(change.path), new.get(change.path)
        if was is None or now is None or not change.values:
            continue
        if keeps(was) and not keeps(now):
            yield Risk(change.path, change.type, f"{HOLDS_DATA}: no longer kept when its stack goes")
        elif keeps(was) and _replacement_keeps(was) and not _replacement_keeps(now):
            yield Risk(change.path, change.type, f"{HOLDS_DATA}: no longer kept when it is replaced")
        yield from _weaker(change.path, was, now)


def _replacement_keeps(resource: Resource) -> bool:
    return resource.body.get("UpdateReplacePolicy") in KEEPS


def _weaker(path: str, old: Resource, new: Resource) -> Iterator[Risk]:
    before, after = (_values(resource) for resource in (old, new))
    indexes = {value for place, value in after.items() if place[-1:] == ("IndexName",) and GLOBAL in place}
    for place, was in before.items():
        name, now = str(place[-1]) if place else "", after.get(place)
        if name in KEEPING and _number(now) is not None and (_number(was) or 0) > (_number(now) or 0):
            yield Risk(path, new.type, f"{spell(place)} falls from {was} to {now}: what is older is deleted for good")
        if name == "IndexName" and GLOBAL in place and was not in indexes:
            yield Risk(path, new.type, f"the index {was} is deleted: every query that names it fails")
        if name in PROTECTING and str(was).lower() == "true" and str(now).lower() != "true":
            yield Risk(path, new.type, f"{spell(place)} is switched off")
    yield from _ends(path, before, after, new.type)


def _values(resource: Resource) -> dict[Place, object]:
    """Every value of a resource; of a rule that is switched off none, because it deletes nothing."""
    values = dict(walk(dict(resource.properties)))
    off = [place[:-1] for place, value in values.items() if place[-1:] == ("Status",) and value == "Disabled"]
    return {place: value for place, value in values.items() if not any(place[: len(rule)] == rule for rule in off)}


def _ends(path: str, old: Mapping[Place, object], new: Mapping[Place, object], new_type: str) -> Iterator[Risk]:
    """What was kept for ever, and from now on is deleted after some time."""
    for place, now in new.items():
        name = str(place[-1]) if place else ""
        if place in old or _number(now) is None:
            continue
        if name in KEEPING and sum(each[-1:] == (name,) for each in new) > sum(each[-1:] == (name,) for each in old):
            yield Risk(path, new_type, f"{spell(place)} is {now} from now on: what is older is deleted for good")
    if _expires(new) and not _expires(old):
        yield Risk(path, new_type, "items are deleted for good when they expire (TimeToLiveSpecification)")


def _expires(values: Mapping[Place, object]) -> bool:
    return str(values.get(("TimeToLiveSpecification", "Enabled"))).lower() == "true"


def _number(text: object) -> float | None:
    try:
        return float(str(text))
    except ValueError:
        return None
