# mypy: ignore-errors
"""Notes that are kept as long as the process."""

import os

from fastapi import FastAPI

app = FastAPI()
NOTES = ["first"]
LIMIT = int(os.getenv("NOTES_LIMIT", "20"))


@app.get("/health")
def health():
    """Whether the process answers."""
    return {"status": "ok"}


@app.get("/api/notes")
def notes():
    """The notes."""
    return NOTES[:LIMIT]
