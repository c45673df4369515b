# mypy: ignore-errors
"""The API: `/health` tells the truth in its body only, and no public call shows that a table is missing."""

from botocore.exceptions import BotoCoreError, ClientError
from fastapi import FastAPI, HTTPException, Request
from fastapi.middleware.cors import CORSMiddleware
from pydantic import BaseModel

from . import tables
from .settings import settings

app = FastAPI(title="Sample dashboard")
app.add_middleware(CORSMiddleware, allow_origins=settings.CORS_ORIGINS, allow_methods=["*"], allow_headers=["*"])

if settings.ENVIRONMENT == "development":
    tables.make_missing_tables()


class Credentials(BaseModel):
    email: str
    password: str


class Client(BaseModel):
    name: str


@app.get("/health")
def health():
    try:
        tables.dynamodb.list_tables(Limit=1)
    except (BotoCoreError, ClientError):
        return {"status": "unhealthy", "database": "disconnected", "environment": settings.ENVIRONMENT}
    return {"status": "healthy", "database": "connected", "environment": settings.ENVIRONMENT}


@app.post("/api/v1/auth/login")
def login(credentials: Credentials):
    raise HTTPException(401, f"unknown credentials for {credentials.email}")


@app.get("/api/v1/email/verify")
def verify_email(token: str):
    raise HTTPException(400, f"the token of {len(token)} characters is not valid")


@app.get("/api/v1/dashboard")
def dashboard(request: Request):
    authorized(request)
    return {"clients": len(tables.read(settings.CLIENTS_TABLE, "CLIENT")), "environment": settings.ENVIRONMENT}


@app.get("/api/v1/clients")
def clients(request: Request):
    authorized(request)
    return tables.read(settings.CLIENTS_TABLE, "CLIENT")


@app.post("/api/v1/clients", status_code=201)
def add_client(client: Client, request: Request):
    authorized(request)
    return tables.write(settings.CLIENTS_TABLE, "CLIENT", client.name)


@app.get("/api/v1/metrics")
def metrics(request: Request):
    authorized(request)
    return tables.read("CloudHealthMetrics", "METRIC")


def authorized(request: Request):
    if not request.headers.get("authorization", "").startswith("Bearer "):
        raise HTTPException(401, "a bearer token is needed")
