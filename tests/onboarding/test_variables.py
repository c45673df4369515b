"""Variables of settings classes: their names are those that pydantic-settings reads, and a prefix hides no meaning."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from scripts.onboarding.reading import read_application
from tests.support.onboarding import folder

HEAD = """
from typing import Annotated, ClassVar, Optional
from pydantic import AliasChoices, AliasPath, BaseModel, Field
from pydantic_settings import BaseSettings, SettingsConfigDict
"""
PREFIXED = "model_config = SettingsConfigDict(env_prefix='SHOP_')"
# The code, whose last line makes the settings, and the variables that it reads.
SHAPES: dict[str, tuple[str, list[str]]] = {
    "a prefix": (f"class S(BaseSettings):\n    {PREFIXED}\n    level: str\nS()", ["SHOP_LEVEL"]),
    "a prefix in a dictionary": (
        "class S(BaseSettings):\n    model_config = {'env_prefix': 'SHOP_'}\n    level: str\nS()",
        ["SHOP_LEVEL"],
    ),
    "a prefix of pydantic 1": (
        "class S(BaseSettings):\n    level: str\n    class Config:\n        env_prefix = 'SHOP_'\nS()",
        ["SHOP_LEVEL"],
    ),
    "a prefix beside the base": ("class S(BaseSettings, env_prefix='SHOP_'):\n    level: str\nS()", ["SHOP_LEVEL"]),
    "a prefix by its name": (
        "NAME = 'SHOP'\nclass S(BaseSettings):\n    model_config = SettingsConfigDict(env_prefix=NAME + '_')\n"
        "    level: str\nS()",
        ["SHOP_LEVEL"],
    ),
    "a prefix of the base": (
        f"class B(BaseSettings):\n    {PREFIXED}\nclass S(B):\n    level: str\nS()",
        ["SHOP_LEVEL"],
    ),
    "a prefix for what is inherited": (
        f"class B(BaseSettings):\n    mode: str\nclass S(B):\n    {PREFIXED}\n    level: str\nS()",
        ["SHOP_MODE", "SHOP_LEVEL"],
    ),
    "both with and without": (
        f"class B(BaseSettings):\n    mode: str\nclass S(B):\n    {PREFIXED}\n    level: str\nS(), B()",
        ["MODE", "SHOP_MODE", "SHOP_LEVEL"],
    ),
    "an alias": (
        f"class S(BaseSettings):\n    {PREFIXED}\n    level: str = Field(alias='LOG_LEVEL')\n"
        "    mode: str = Field('x', validation_alias='MODE')\n    seat: str\nS()",
        ["LOG_LEVEL", "MODE", "SHOP_SEAT"],
    ),
    "an alias before another": (
        "class S(BaseSettings):\n    level: str = Field(alias='A', validation_alias='B')\nS()",
        ["B"],
    ),
    "the first of several": (
        "class S(BaseSettings):\n    level: str = Field(validation_alias=AliasChoices('LOG_LEVEL', 'LEVEL'))\nS()",
        ["LOG_LEVEL"],
    ),
    "an annotated alias": (
        "class S(BaseSettings):\n    level: Annotated[str, Field(alias='LOG_LEVEL')] = 'x'\n"
        "    mode: Annotated[str, Field(min_length=1)]\nS()",
        ["LOG_LEVEL", "MODE"],
    ),
    "an alias with the prefix": (
        "class S(BaseSettings):\n    model_config = SettingsConfigDict(env_prefix='SHOP_', env_prefix_target='all')\n"
        "    level: str = Field(alias='LOG_LEVEL')\n    mode: str\nS()",
        ["SHOP_LOG_LEVEL", "SHOP_MODE"],
    ),
    "case that counts": (
        "class S(BaseSettings):\n    model_config = SettingsConfigDict(case_sensitive=True, env_prefix='shop_')\n"
        "    Level: str\nS()",
        ["shop_Level"],
    ),
    "a nested model": (
        "class Site(BaseModel):\n    title: str\n    words: str = Field('x', alias='KEYWORDS')\n"
        "class Mail(BaseModel):\n    host: str\n    site: Site\n"
        "class S(BaseSettings):\n"
        "    model_config = SettingsConfigDict(env_prefix='SHOP_', env_nested_delimiter='__')\n"
        "    mail: Mail\n    other: Optional[Site] = None\nS()",
        [
            *("SHOP_MAIL__HOST", "SHOP_MAIL__SITE__TITLE", "SHOP_MAIL__SITE__KEYWORDS"),
            *("SHOP_OTHER__TITLE", "SHOP_OTHER__KEYWORDS"),
        ],
    ),
    "settings within settings": (
        "class Mail(BaseSettings):\n    model_config = SettingsConfigDict(env_prefix='MAIL_')\n    host: str\n"
        "class S(BaseSettings):\n    mail: Mail = Field(default_factory=Mail)\n    level: str\nS()",
        ["MAIL_HOST", "LEVEL"],
    ),
}


@pytest.mark.parametrize(("code", "names"), SHAPES.values(), ids=SHAPES)
def test_the_variables_are_those_that_pydantic_settings_reads(tmp_path: Path, code: str, names: list[str]) -> None:
    application = read_application(folder(tmp_path, **{"api/src/shop/settings.py": HEAD + code}))
    assert [setting.name for setting in application.settings] == names
    # The code runs with a mark in each variable: its last line shows what the application then has.
    marks = {name: f"mark{number}." for number, name in enumerate(names)}
    classes, _, last = f"{HEAD}{code}".rpartition("\n")
    scope: dict[str, Any] = {"__name__": "shop.settings"}
    with patch.dict(os.environ, marks), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of pydantic 1's form
        exec(compile(classes, "settings.py", "exec", dont_inherit=True), scope)
        shown = repr(eval(last, scope))
    assert [mark for mark in marks.values() if mark not in shown] == []


@pytest.mark.parametrize(
    ("name", "kind", "value"),
    [
        ("public_url: str = 'http://localhost:3000'", "given", "${PublicUrl}"),
        ("cors_origins: list[str] = []", "given", '["${PublicUrl}"]'),
        ("allowed_host: str = 'x'", "given", "${PublicUrl}"),
        ("region: str = 'eu-central-1'", "given", "${AWS::Region}"),
        ("environment: str = 'local'", "given", "production"),
        ("secret_key: str", "generated", ""),
        ("database_url: str", "filled", ""),
        ("fernet_key: str", "fernet", ""),
        ("page_size: int = 20", "chosen", "20"),
        ("host: str = '0.0.0.0'", "chosen", "0.0.0.0"),
        ("orders_table: str = ''", "chosen", ""),
    ],
)
def test_a_prefix_hides_no_meaning(tmp_path: Path, name: str, kind: str, value: str) -> None:
    code = f"{HEAD}class S(BaseSettings):\n    {PREFIXED}\n    {name}\nFernet(S().key)\n"
    application = read_application(folder(tmp_path, **{"api/src/shop/settings.py": code}))
    [setting] = application.settings
    assert setting.name == f"SHOP_{name.partition(':')[0].upper()}"
    assert (setting.kind, setting.value) == (kind, value)


NESTED = """
class Site(BaseModel):
    public_url: str = "http://localhost"
    title: str = "Shop"
class Database(BaseModel):
    url: str
    pool: int = 5
    user: str
class S(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="SHOP_", env_nested_delimiter="__")
    site: Site = Site(title="Other")
    database: Database
    replica: Database | None = None
    spare: Database = Field(default_factory=lambda: Database(url="x", user="ann"))
    many: list[Site] = []
"""


def test_the_fields_of_a_nested_model_are_variables_with_the_defaults_that_hold_there(tmp_path: Path) -> None:
    application = read_application(folder(tmp_path, **{"api/src/shop/settings.py": HEAD + NESTED}))
    assert {setting.name: (setting.kind, setting.value) for setting in application.settings} == {
        "SHOP_SITE__PUBLIC_URL": ("given", "${PublicUrl}"),
        "SHOP_SITE__TITLE": ("chosen", "Other"),
        "SHOP_DATABASE__URL": ("filled", ""),
        "SHOP_DATABASE__POOL": ("chosen", "5"),
        "SHOP_DATABASE__USER": ("chosen", "unset"),
        "SHOP_REPLICA__URL": ("chosen", ""),
        "SHOP_REPLICA__POOL": ("chosen", "5"),
        "SHOP_REPLICA__USER": ("chosen", ""),
        "SHOP_SPARE__URL": ("chosen", "x"),
        "SHOP_SPARE__POOL": ("chosen", "5"),
        "SHOP_SPARE__USER": ("chosen", "ann"),
        "SHOP_MANY": ("chosen", ""),
    }
    lacks = [lack.what for lack in application.missing if "must have a value" in lack.what]
    assert [what.partition(" must")[0] for what in lacks] == ["SHOP_DATABASE__USER"]


def test_without_a_delimiter_a_nested_model_is_one_variable(tmp_path: Path) -> None:
    code = HEAD + NESTED.replace(', env_nested_delimiter="__"', "")
    application = read_application(folder(tmp_path, **{"api/src/shop/settings.py": code}))
    names = [setting.name for setting in application.settings]
    assert names == ["SHOP_SITE", "SHOP_DATABASE", "SHOP_REPLICA", "SHOP_SPARE", "SHOP_MANY"]


def test_a_model_that_nests_itself_ends(tmp_path: Path) -> None:
    code = (
        "class Node(BaseModel):\n    name: str = ''\n    below: Optional['Node'] = None\n    next: Node | None = None\n"
        "class S(BaseSettings, env_nested_delimiter='__'):\n    node: Node\n"
    )
    application = read_application(folder(tmp_path, **{"api/src/shop/settings.py": HEAD + code}))
    names = [setting.name for setting in application.settings]
    deepest = "NODE__NEXT__NEXT__NEXT__NEXT"
    assert names[:3] == ["NODE__NAME", "NODE__BELOW", "NODE__NEXT__NAME"] and names[-1] == deepest


def test_a_prefix_that_only_the_running_code_knows_is_told(tmp_path: Path) -> None:
    code = (
        "class S(BaseSettings):\n    model_config = SettingsConfigDict(env_prefix=prefix())\n    level: str = 'x'\n"
        "class T(S):\n    ignored: ClassVar[str] = ''\n    _own: str = ''\n"
    )
    application = read_application(folder(tmp_path, **{"api/src/shop/settings.py": code}))
    assert [setting.name for setting in application.settings] == ["LEVEL"]
    lacks = [(lack.what, lack.stops) for lack in application.missing if "prefix" in lack.what]
    what = "the prefix of settings is not a text (api/src/shop/settings.py:2), so their variables are read without it"
    assert lacks == [(what, False)]
