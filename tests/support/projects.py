"""Applications that nobody here delivers: other values of the facts."""

from __future__ import annotations

import dataclasses

from generator.application import APPLICATION
from generator.project import (
    FILLED,
    GENERATED,
    BuildVariable,
    Choice,
    Index,
    PageHost,
    Project,
    Reach,
    Secret,
    SmokeRequest,
    Table,
    Variable,
)

OPTIONAL = tuple(
    Variable(
        name,
        logical,
        choice=Choice(f"{logical}Url", logical, f"{name}; empty for none", "", pattern=r"|https?://\S+", rule="a URL"),
        optional=True,
    )
    for name, logical in (
        ("SEARCH", "Search"),
        ("QUEUE", "Queue"),
        ("CACHE", "Cache"),
        ("MAPS", "Maps"),
        ("AUTH", "Auth"),
    )
)


def shop() -> Project:
    """Vite instead of Create React App, another port, tables with keys of their own, five optional variables, a
    secret that a person gives, a host outside whose scripts the page runs; no mail, no clients, nothing read."""
    return dataclasses.replace(
        APPLICATION,
        name="corner-shop",
        short="shop",
        title="Corner Shop",
        description="A shop",
        backend=dataclasses.replace(
            APPLICATION.backend, directory="api", module="shop.app:api", port=9000, container="shop", health_answer=()
        ),
        frontend=dataclasses.replace(
            APPLICATION.frontend,
            directory="web",
            output="dist",
            assets="assets",
            variables=(BuildVariable("VITE_API", "/api"),),
            variable_prefixes=("VITE_",),
            hosts=(PageHost("script-src", "https://js.payments.example", "the payment form is theirs"),),
        ),
        variables=(
            Variable("MODE", "Mode", "production"),
            Variable("STAGE", "Stage", "${Environment} in ${AWS::Region} at ${PublicUrl}"),
            Variable("PAGE", "Page", choice=Choice("PageSize", "Page size", "Goods on a page", "20", between=(1, 100))),
            *OPTIONAL,
        ),
        secrets=(
            Secret("SESSION", "Session", GENERATED, "Signs the sessions.", length=48),
            Secret("PAYMENTS_KEY", "Payments", FILLED, "Key of the payment service; without it nobody can pay."),
        ),
        reaches=(Reach("CACHE", "Valkey", 6380, "ToValkey"),),
        tables=(
            Table("ORDERS", "Orders", "ShopOrders", (Index("ByDay", "day:N", "id"),), partition="id", sort="created:N"),
            Table("GOODS", "Goods", "ShopGoods", ttl="gone", partition="sku", sort=""),
        ),
        reads=None,
        mail="",
        client_secrets="",
        client_roles="",
        smoke=(SmokeRequest("GET", "/health", 200),),
        protected_branch="trunk",
    )


def bare() -> Project:
    """The least that an application says: one variable, no secret, no table."""
    return dataclasses.replace(
        shop(),
        name="bare-service",
        short="bare",
        variables=(Variable("MODE", "Mode", "x"),),
        secrets=(),
        tables=(),
        reaches=(),
    )
