"""What is no fact of an application: refused where it is written, by its name, with what it must be."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from generator.application import APPLICATION
from generator.project import (
    FERNET,
    FILLED,
    GENERATED,
    AcceptedFinding,
    Backend,
    BuildVariable,
    Choice,
    FactError,
    Frontend,
    Index,
    PageHost,
    Reach,
    Reads,
    Secret,
    SmokeRequest,
    Table,
    Variable,
)

BACKEND = Backend("api", "app.main:app", "3.12", 8000, "/health", "backend", 120, "python:3.12")
FRONTEND = Frontend("web", "22", "dist", "assets", (), ("VITE_",), ("/api/*",))
NUMBER = Choice("Minutes", "Token", "How long.", "5", between=(1, 10))
TEXT = Choice("Word", "Word", "A word.", "a", pattern="[a-z]*", rule="letters")
NAMED = Variable("URL", "Url", choice=TEXT, optional=True)
PLAIN, REDIS = Variable("MODE", "Mode", "x"), replace(NAMED, name="REDIS_URL", logical="Redis")
PATH = "must be a path that begins with /, such as /health, got"
FOLDER = "must be a folder below the repository's root, such as backend, got"
NAME_OF_VARIABLE = "must be the name of an environment variable, got"
LOGICAL = "must be letters and digits, a capital first, got"
ATTRIBUTE = "must be the name of an attribute, with :N or :B behind it for no text, got"
TABLE_NAME = "must be 3 to 255 letters, digits, underscores, dots or dashes, got"


PROJECT = replace(
    APPLICATION,
    variables=(PLAIN,),
    secrets=(),
    tables=(),
    reaches=(),
    mail="",
    client_secrets="",
    client_secrets_tagged=False,
)


EXAMPLES: dict[str, Any] = {
    "Backend": BACKEND,
    "BuildVariable": BuildVariable("A", "x"),
    "PageHost": PageHost("script-src", "https://x.test", "why"),
    "Frontend": FRONTEND,
    "Index": Index("name", "id"),
    "Table": Table("A", "One", "name"),
    "Choice": NUMBER,
    "Variable": Variable("A", "A", "x"),
    "Secret": Secret("A", "A", GENERATED, "why"),
    "Reach": Reach("A", "cache", 1, "A"),
    "SmokeRequest": SmokeRequest("GET", "/", 200),
    "AcceptedFinding": AcceptedFinding("CVE-1", "why"),
    "Reads": Reads(("s3:GetObject",), "why"),
    "Project": PROJECT,
}
# The facts that are wrong, beside an example that works, and what is said; the name of the class comes before it.
WRONG: dict[str, list[tuple[dict[str, Any], str]]] = {
    "Backend": [
        ({"directory": "/api"}, f"directory {FOLDER} '/api'"),
        ({"directory": "a/../b"}, f"directory {FOLDER} 'a/../b'"),
        ({"module": "app"}, "module must be module:attribute, such as app.main:app, got 'app'"),
        ({"python": "2.7"}, "python must be a version of Python, such as 3.11, got '2.7'"),
        ({"port": 0}, "port must be between 1 and 65535, got 0"),
        ({"port": 65536}, "port must be between 1 and 65535, got 65536"),
        ({"port": True}, "port must be int, got True"),
        ({"health_path": "health"}, f"health_path {PATH} 'health'"),
        ({"health_path": "/a#b"}, f"health_path {PATH} '/a#b'"),
        (
            {"health_answer": ("status=ok", "status=")},
            "health_answer must be key=text, such as status=healthy, got 'status='",
        ),
        ({"container": "a.b"}, "container must be letters, digits, underscores or dashes, got 'a.b'"),
        ({"lint_columns": 39}, "lint_columns must be between 40 and 1000, got 39"),
        ({"lint_columns": 1001}, "lint_columns must be between 40 and 1000, got 1001"),
        (
            {"base_image": "python@sha256:0"},
            "base_image must be the name of an image with its tag; its digest is in buildspecs/base_images.json, got "
            "'python@sha256:0'",
        ),
        ({"user": "0"}, "user must be the id of a user that is not root, got '0'"),
        ({"writable": ("tmp",)}, "writable must be the absolute path of a folder, got 'tmp'"),
        ({"writable": "/tmp"}, "writable must be tuple, got '/tmp'"),
    ],
    "BuildVariable": [({"name": "1A"}, f"name {NAME_OF_VARIABLE} '1A'")],
    "PageHost": [
        ({"directive": "script"}, "directive must be a directive, such as script-src, got 'script'"),
        (
            {"origin": "http://x.test"},
            "origin must be an origin, such as https://maps.example.com, got 'http://x.test'",
        ),
        (
            {"directive": "form-action", "origin": "wss://x.test", "because": " "},
            "because must say why the page needs it, got ' '",
        ),
    ],
    "Frontend": [
        ({"directory": "../web"}, f"directory {FOLDER} '../web'"),
        ({"assets": "."}, f"assets {FOLDER} '.'"),
        (
            {"output": "/dist"},
            "output must be a folder, from the frontend's own, such as dist or ../backend/static, got '/dist'",
        ),
        ({"output": "../../dist"}, "output must be inside of the repository, got '../../dist' from 'web'"),
        ({"directory": ".", "output": "../dist"}, "output must be inside of the repository, got '../dist' from '.'"),
        ({"node": "22.1"}, "node must be a major version of Node.js, such as 22, got '22.1'"),
        ({"variable_prefixes": ("A-",)}, f"variable_prefixes {NAME_OF_VARIABLE} 'A-'"),
        ({"api_paths": ("api/*",)}, "api_paths must be a path pattern that begins with /, such as /api/*, got 'api/*'"),
        (
            {"content_policy": ("img-src 'self'; x",)},
            "content_policy must be one directive with its sources, such as img-src 'self' data:, got "
            "\"img-src 'self'; x\"",
        ),
    ],
    "Index": [
        ({"name": "ab"}, f"name {TABLE_NAME} 'ab'"),
        ({"hash": "id:X"}, f"hash {ATTRIBUTE} 'id:X'"),
        ({"range": "id:X"}, f"range {ATTRIBUTE} 'id:X'"),
    ],
    "Table": [
        ({"variable": "A B"}, f"variable {NAME_OF_VARIABLE} 'A B'"),
        ({"logical": "one"}, f"logical {LOGICAL} 'one'"),
        ({"name": "a b c"}, f"name {TABLE_NAME} 'a b c'"),
        ({"partition": ""}, f"partition {ATTRIBUTE} ''"),
        ({"sort": "a b"}, f"sort {ATTRIBUTE} 'a b'"),
        ({"indexes": (Index("name", "pk:N"),)}, "indexes gives the attribute pk two types"),
        ({"indexes": (Index("name", "x", "sk:B"), Index("other", "x"))}, "indexes gives the attribute sk two types"),
    ],
    "Choice": [
        ({"parameter": "a"}, f"parameter {LOGICAL} 'a'"),
        ({"between": ()}, "pattern must be the only one of allowed, between and pattern"),
        ({"allowed": ("5",)}, "between must be the only one of allowed, between and pattern"),
        ({"between": (10, 1)}, "between must be the smallest and the largest number, got (10, 1)"),
        ({"between": (1, 5, 10)}, "between must be the smallest and the largest number, got (1, 5, 10)"),
        (
            {"between": (), "pattern": "[", "rule": "letters", "default": "a"},
            "pattern is not a regular expression: unterminated character set at position 0",
        ),
        (
            {"between": (), "pattern": "[a-z]*", "rule": "", "default": "a"},
            "rule must say in words what the pattern asks for",
        ),
        (
            {"between": (), "pattern": "[a-z]*", "rule": "letters", "default": "1"},
            "default must be a value that the limits allow, got '1'",
        ),
        ({"default": "11"}, "default must be a value that the limits allow, got '11'"),
        ({"default": "five"}, "default must be a value that the limits allow, got 'five'"),
    ],
    "Variable": [
        ({"name": "A="}, f"name {NAME_OF_VARIABLE} 'A='"),
        ({"logical": "a"}, f"logical {LOGICAL} 'a'"),
        ({"value": ""}, "value must be given, unless there is a choice: one of the two"),
        ({"choice": NUMBER}, "value must be given, unless there is a choice: one of the two"),
        (
            {"value": "", "logical": "Minutes", "choice": NUMBER},
            "logical must be other than the parameter's name Minutes",
        ),
        (
            {"value": "${Environment}-${AWS::AccountId}"},
            "value knows AWS::Region, Environment, PublicUrl, not ${AWS::AccountId}",
        ),
        ({"optional": True}, "optional needs a choice that may be empty"),
        ({"value": "", "choice": NUMBER, "optional": True}, "optional needs a choice that may be empty"),
        (
            {"value": "", "choice": TEXT},
            "optional must be True where the choice may be empty: Parameter Store holds no empty value",
        ),
    ],
    "Secret": [
        ({"name": "A.B", "kind": FILLED}, f"name {NAME_OF_VARIABLE} 'A.B'"),
        ({"logical": "a", "kind": FILLED}, f"logical {LOGICAL} 'a'"),
        ({"kind": "BOUGHT"}, "kind must be GENERATED, FERNET or FILLED, got 'BOUGHT'"),
        ({"length": 15}, "length must be between 16 and 4096, got 15"),
        ({"length": 4097}, "length must be between 16 and 4096, got 4097"),
        (
            {"logical": "Other", "kind": FERNET},
            "logical must be Encryption for a FERNET key, by which an earlier one is adopted",
        ),
    ],
    "Reach": [
        ({"variable": "1"}, f"variable {NAME_OF_VARIABLE} '1'"),
        ({"port": 0}, "port must be between 1 and 65535, got 0"),
        ({"logical": "a"}, f"logical {LOGICAL} 'a'"),
    ],
    "SmokeRequest": [
        ({"method": "get"}, "method must be an HTTP method, such as GET, got 'get'"),
        ({"path": ""}, f"path {PATH} ''"),
        ({"status": 99}, "status must be between 100 and 599, got 99"),
        ({"status": 600}, "status must be between 100 and 599, got 600"),
    ],
    "AcceptedFinding": [
        ({"name": "cve-1"}, "name must be the name of a finding, such as CVE-2023-45853, got 'cve-1'"),
        ({"because": ""}, "because must say why the application is safe with it, got ''"),
        ({"because": 1}, "because must be str, got 1"),
    ],
    "Reads": [
        ({"actions": ("s3:GetObject", "s3")}, "actions must be service:Action, such as s3:ListAllMyBuckets, got 's3'")
    ],
    "Project": [
        ({"name": "ab"}, "name must be 3 to 41 lower-case letters, digits or dashes, got 'ab'"),
        ({"short": "a" * 22}, f"short must be 3 to 21 lower-case letters, digits or dashes, got '{'a' * 22}'"),
        ({"client_secrets": "no/slash"}, "client_secrets must be a prefix of names that ends with /, got 'no/slash'"),
        (
            {"client_secrets": "", "client_secrets_tagged": True},
            "client_secrets_tagged is for an application with client_secrets",
        ),
        ({"protected_branch": "a b"}, "protected_branch must be the name of a git branch, got 'a b'"),
        ({"variables": ()}, "variables must have one at least, such as the mode that the application runs in"),
        ({"variables": (PLAIN, replace(PLAIN, logical="B"))}, "variables names something twice: MODE"),
        ({"variables": (PLAIN, replace(PLAIN, name="B"))}, "variables names something twice: Mode"),
        ({"variables": (NAMED, REDIS)}, "variables names something twice: Word"),
        ({"secrets": (Secret("MODE", "S", FILLED, "why"),)}, "variables names something twice: MODE"),
        ({"tables": (Table("MODE", "One", "name"),)}, "tables names something twice: MODE"),
        ({"tables": (Table("A", "One", "name"), Table("B", "One", "name"))}, "tables names something twice: One"),
        (
            {"accepted_findings": (AcceptedFinding("CVE-1", "a"), AcceptedFinding("CVE-1", "b"))},
            "accepted_findings names something twice: CVE-1",
        ),
        ({"mail": "MODE"}, "mail must name an optional variable, got 'MODE'"),
        ({"reaches": (Reach("X", "x", 1, "X"),)}, "reaches must name an optional variable, got 'X'"),
        ({"tables": ("Clients",)}, "tables must be tuple, got ('Clients',)"),
    ],
}


@pytest.mark.parametrize(("owner", "facts", "message"), [(owner, *case) for owner in WRONG for case in WRONG[owner]])
def test_a_wrong_fact_is_refused(owner: str, facts: dict[str, Any], message: str) -> None:
    with pytest.raises(FactError) as refused:
        replace(EXAMPLES[owner], **facts)
    assert str(refused.value) == f"{owner}.{message}"
    assert refused.value.fact == message.split(" ")[0]


def test_the_smallest_and_the_largest_that_work() -> None:
    for port in (1, 65535):
        assert replace(BACKEND, port=port).port == Reach("A", "x", port, "A").port == port
    assert [replace(BACKEND, lint_columns=number).lint_columns for number in (40, 1000)] == [40, 1000]
    assert [SmokeRequest("GET", "/", number).status for number in (100, 599)] == [100, 599]
    assert [Secret("A", "A", GENERATED, "why", number).length for number in (16, 4096)] == [16, 4096]
    assert replace(BACKEND, directory=".").directory == replace(FRONTEND, directory=".").directory == "."
    assert replace(FRONTEND, directory="a/b", output="../../dist").output == "../../dist"
    assert [NUMBER.takes(value) for value in ("0", "1", "10", "11", "", "1.5")] == [
        False,
        True,
        True,
        False,
        False,
        False,
    ]
    assert replace(NUMBER, between=(5, 5)).takes("5") and replace(NUMBER, between=(-5, 5), default="-5").takes("-5")
    assert TEXT.takes("") and not TEXT.takes("1")
    one_of = Choice("Word", "Word", "A word.", "a", allowed=("a", "b"))
    assert one_of.takes("b") and not one_of.takes("c")


def test_what_follows_from_facts() -> None:
    table = Table("A", "One", "name", (Index("one", "x", "y:N"), Index("two", "x")), partition="id", sort="")
    assert table.key_attributes() == ["id", "x", "y:N", "x"]
    plain = replace(PROJECT, variables=(PLAIN, NAMED))
    assert plain.variable("URL") is NAMED
    with pytest.raises(StopIteration):
        plain.variable("Nothing")
    shared = replace(PROJECT, client_secrets="clients/")
    assert shared.shares_client_secrets and not plain.shares_client_secrets
    assert not replace(shared, client_secrets_tagged=True).shares_client_secrets
    assert not replace(shared, client_secrets="${Environment}/clients/").shares_client_secrets


def test_the_policy_of_a_page_begins_as_the_default_does() -> None:
    """A directive that is named replaces the default, and whoever may nothing may not have a host beside it."""
    page = replace(
        FRONTEND,
        content_policy=("default-src 'none'", "img-src 'self' data:"),
        hosts=(
            PageHost("img-src", "https://a.test", "pictures"),
            PageHost("script-src", "https://b.test", "maps"),
            PageHost("script-src", "https://c.test", "maps"),
        ),
    )
    assert page.policy == (
        "default-src 'none'; img-src 'self' data: https://a.test; script-src https://b.test https://c.test"
    )
    bare = replace(FRONTEND, content_policy=("img-src 'self'",), hosts=(PageHost("font-src", "https://a.test", "x"),))
    assert bare.policy == "img-src 'self'; font-src 'self' https://a.test"
