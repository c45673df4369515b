"""Records as Route 53 takes them: moto puts a second one beside the first where AWS refuses it."""

from typing import Any


def install() -> None:
    """Puts the refusal before moto's own change."""
    from moto.route53.models import Route53Backend

    change = Route53Backend.change_resource_record_sets

    def strict(backend: Any, zoneid: str, change_list: list[dict[str, Any]]) -> Any:
        _refuse(backend.get_hosted_zone(zoneid), change_list)
        return change(backend, zoneid, change_list)

    setattr(Route53Backend, "change_resource_record_sets", strict)  # noqa: B010


def _refuse(zone: Any, changes: list[dict[str, Any]]) -> None:
    """Source: Route53 APIReference, ChangeResourceRecordSets: CREATE makes what does not exist yet."""
    from moto.route53.exceptions import ResourceRecordAlreadyExists

    there = {(one.name.rstrip("."), one.type) for one in zone.rrsets}
    for one in changes:
        name, kind = one["ResourceRecordSet"]["Name"], one["ResourceRecordSet"]["Type"]
        if one["Action"] == "CREATE" and (name.rstrip("."), kind) in there:
            raise ResourceRecordAlreadyExists(name, kind)
