"""An account of a few resources, put together by hand: what the search for who can reach what is tried on."""

from __future__ import annotations

from typing import Any

from generator.cfn.permissions import Permission
from generator.cfn.reachability.account import AccountResource, Principal

NUMBER = "111122223333"
OUR_POLICY = f"arn:aws:iam::{NUMBER}:policy/edge.Boundary"


def arn(service: str, rest: str, region: str = "eu-central-1") -> str:
    return f"arn:aws:{service}:{region}:{NUMBER}:{rest}"


def allow(*actions: str, sid: str = "Hole", holder: str = "shop.Mallory", **more: Any) -> Permission:
    return Permission(holder, "identity", "", sid, "Allow", actions=actions, **{"resources": ("*",), **more})


def role(address: str, *services: str, **properties: Any) -> tuple[Principal, AccountResource]:
    """A role that services may become, as somebody and as a resource."""
    name = arn("iam", f"role/{address}", "")
    trust = Permission(
        address, "trust", "", "Trust", "Allow", tuple(f"Service:{each}" for each in services), ("sts:AssumeRole",)
    )
    boundary = str(properties.get("PermissionsBoundary", ""))
    bounding = (allow("s3:*", holder="edge.Boundary"),) if boundary else None
    return (
        Principal(f"{address} of one", "one", address, name, (), (trust,), bounding, boundary),
        AccountResource("one", address, "AWS::IAM::Role", (name,), {}, properties),
    )


def resource(
    address: str, kind: str, *arns: str, policy: tuple[Permission, ...] = (), **properties: Any
) -> AccountResource:
    return AccountResource("one", address, kind, arns, {}, properties, policy)


def action(name: str, category: str, provider: str, **more: Any) -> dict[str, Any]:
    return {"Name": name, "ActionTypeId": {"Category": category, "Provider": provider}, **more}
