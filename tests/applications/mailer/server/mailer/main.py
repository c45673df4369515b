# mypy: ignore-errors
"""Sends mail through a service outside."""

from fastapi import FastAPI

from mailer.settings import settings

app = FastAPI()


@app.get("/health")
def health():
    """Whether the process answers."""
    return {"status": "ok"}


@app.get("/api/state")
def state():
    """What is set."""
    return {"sends": bool(settings.MAIL_SENDER), "batch": settings.BATCH_SIZE}
