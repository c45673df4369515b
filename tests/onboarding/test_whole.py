"""All that is read of two applications, to the letter: one with something of everything, one that lacks it.

`GOLDEN=write` writes the files of `golden/` anew: read their diff as who wrote the application.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from scripts.onboarding.reading import read_application, reading_lines
from scripts.onboarding.source import application_source
from tests.support.onboarding import MAIN, PACKAGE, folder

GOLDEN = Path(__file__).parent / "golden"
SETTINGS = """import os
from typing import ClassVar, Literal, Optional
from cryptography.fernet import Fernet
from pydantic import AnyUrl, EmailStr, Field
from pydantic_settings import BaseSettings
class Settings(BaseSettings):
    model_config = {"extra": "ignore"}
    KNOWN: ClassVar[int] = 1
    log_level: str = "INFO"
    page_size: int = 20
    ratio: float = 0.5
    debug: bool = False
    dark: bool
    mode: Literal["light", "dark"]
    hosts: list[str]
    contact: EmailStr
    shop_page: AnyUrl
    seats: int = Field(..., ge=1)
    rows: int = Field(default=3, alias="ROW_COUNT")
    tags: list[str] = Field(default_factory=list)
    nickname: Optional[str] = None
    cors_origins: list[str] = []
    public_url: str = ""
    environment: str = "local"
    aws_region: str = "us-east-1"
    secret_key: str
    encryption_key: str
    stripe_api_key: str
    password_hint: str = "none"
    sender: str = "shop@example.com"
    redis_url: str | None = None
    orders_table: str = "ShopOrders"
class Mail(BaseSettings):
    model_config = {"env_prefix": "MAIL_"}
    host: str = "smtp"
class Unrelated:
    ignored: str = "x"
REGION = os.environ["AWS_REGION"]
SEARCH = os.getenv("SEARCH_URL", "https://search.test")
DEPTH = os.environ.get("DEPTH", default=2)
VIA = os.environ["MAIL_VIA"]
os.environ["WRITTEN"] = "no"
HOME = os.getenv("HOME")
BOX = Fernet(Settings().encryption_key)
"""
RICH = {
    "api/src/shop/settings.py": SETTINGS,
    "api/src/shop/main.py": MAIN + "@app.post('/login')\ndef login(): ...\n@app.get('/{slug}')\ndef page(): ...\n",
    "api/src/shop/store.py": "def get(table, a, b): return table.get_item(Key={'tenant': a, 'order': b})\n",
    "api/.env.example": "DARK=true\nMAIL_VIA='smtp.test'\nHOSTS=$(hostname)\nSEATS=4 # at least\n",
    "api/.python-version": "3.13.1\n",
    "api/Dockerfile": "FROM python:3.12\nEXPOSE 5000\n",
    "web/.nvmrc": "v22\n",
    "web/package.json": json.dumps({**PACKAGE, "engines": {}}),
    "web/index.html": "<title>%VITE_TITLE%</title>",
    "web/.env": "VITE_TITLE=Shop\n",
}
REACT = {"scripts": {"test": "x"}, "dependencies": {"react-scripts": "5"}, "homepage": "https://shop.test/page"}
POOR = {
    "README.md": "no heading\n",
    "api/src/shop/main.py": (
        "from fastapi import FastAPI\nfrom .v import *\napp = FastAPI()\napp.include_router(x, prefix=y())\n"
    ),
    "api/src/shop/settings.py": None,
    "api/src/shop/store.py": "import os\nTABLE = os.getenv('ORDERS_TABLE', 'ShopOrders')\n",
    "api/pyproject.toml": "requires-python = '<3.9'\n",
    "web/package.json": json.dumps(REACT),
    "web/package-lock.json": None,
    "web/vite.config.js": None,
    "web/.env": "BUILD_PATH=out\n",
    "web/src/main.js": "fetch(process.env.REACT_APP_API)",
}


@pytest.mark.parametrize(("name", "files"), [("rich", RICH), ("poor", POOR)])
def test_all_that_is_read(name: str, files: dict[str, str | None], tmp_path: Path) -> None:
    application = read_application(folder(tmp_path, **files))
    lines = [*reading_lines(application), "", application_source(application, ("LogLevel",))]
    text = "\n".join(lines)
    file = GOLDEN / f"{name}.txt"
    if os.environ.get("GOLDEN") == "write":
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")
