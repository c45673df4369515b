# mypy: ignore-errors
"""The API, through the client that its development packages bring."""

from fastapi.testclient import TestClient
from orders.main import app


def test_an_order_has_its_total():
    assert TestClient(app).get("/api/v1/orders/3").json()["total"] == 750
