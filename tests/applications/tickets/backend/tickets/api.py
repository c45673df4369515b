# mypy: ignore-errors
"""Tickets."""

from fastapi import FastAPI


def create():
    """The application."""
    api = FastAPI()

    @api.get("/health")
    def health():
        return {"status": "ok"}

    @api.get("/api/tickets")
    def tickets():
        return [{"number": 1}]

    return api


api = create()
