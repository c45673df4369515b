# mypy: ignore-errors
"""Orders of a small shop."""

from fastapi import APIRouter, FastAPI

from orders.prices import total

app = FastAPI()
router = APIRouter(prefix="/api/v1")


@app.get("/healthz")
def health():
    """Whether the process answers."""
    return {"status": "ok"}


@router.get("/orders/{amount}")
def order(amount: int):
    """An order of so many pieces."""
    return {"amount": amount, "total": total(amount, 250)}


app.include_router(router)
