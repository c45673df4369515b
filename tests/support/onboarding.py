"""An application that nobody here wrote, as a folder; and a checkout of this repository that it is onboarded into."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

from tests.conftest import ROOT

MAIN = """from fastapi import APIRouter, FastAPI
from .settings import settings
app = FastAPI(title="Shop")
router = APIRouter(prefix="/api/v2")
@router.get("/goods")
def goods(): return []
@app.get("/healthz")
def health(): return {"ok": True}
app.include_router(router)
"""
SETTINGS = """import os
from pydantic_settings import BaseSettings
class Settings(BaseSettings):
    log_level: str = "INFO"
    page_size: int = 20
    debug: bool = False
    secret_key: str
    stripe_api_key: str
    redis_url: str | None = None
    cors_origins: list[str] = []
    public_url: str = ""
    orders_table: str = "ShopOrders"
settings = Settings()
REGION = os.environ["AWS_REGION"]
SEARCH = os.getenv("SEARCH_URL")
raise SystemExit("this code is read and never run")
"""
FACTORY = "from fastapi import FastAPI\ndef make():\n    return FastAPI()\napi = make()\n"
STORE = """import boto3
def order(table, id): return table.get_item(Key={"order_id": id})
"""
PACKAGE = {"scripts": {"build": "vite build"}, "devDependencies": {"vite": "^7.0.0"}, "engines": {"node": ">=20"}}


def folder(tmp_path: Path, **changes: str | None) -> Path:
    """A shop with FastAPI and Vite; `changes` are files with other texts, or without."""
    files: dict[str, str | None] = {
        "README.md": "# Corner Shop\n",
        "api/src/shop/__init__.py": "",
        "api/src/shop/main.py": MAIN,
        "api/src/shop/settings.py": SETTINGS,
        "api/src/shop/store.py": STORE,
        "api/src/shop/broken.py": "def (",
        "api/pyproject.toml": '[project]\nrequires-python = ">=3.12"\ndependencies = ["fastapi"]\n',
        "web/package.json": json.dumps(PACKAGE),
        "web/package-lock.json": "{}",
        "web/src/main.js": 'fetch(import.meta.env.VITE_API_URL + "/goods")',
        "web/vite.config.js": 'export default { build: { outDir: "public_html" } }',
        "web/node_modules/vite/main.py": "app = FastAPI()",
        **{name.replace("__", "/"): text for name, text in changes.items()},
    }
    root = tmp_path / "shop"
    for name, text in files.items():
        if text is not None:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text, encoding="utf-8")
    return root


def copy(checkout: Path) -> Path:
    """A checkout of this repository as it lies here."""
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, names.split("\0")):
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, checkout / name)
    return checkout
