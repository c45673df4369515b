"""Whatever is wrong with how a person reaches AWS is one line with a remedy, and nothing has happened."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.deployment.errors import Exit
from tests.cli.typed import typed

KEYS = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_REGION": "eu-west-1"}
CASES: dict[str, tuple[str, dict[str, str], str]] = {
    "a program that is not there": ("credential_process = /not/there/program --json", {}, "/not/there/program"),
    "a program that fails": ("credential_process = /bin/false", {}, "credential"),
    "a program that says no JSON": ("credential_process = /bin/echo hello", {}, "Expecting value"),
    "a program that says too little": ("credential_process = /bin/echo {}", {}, "Unsupported version"),
    "a program whose words have no end": ('credential_process = "/bin/echo hello', {}, "credential_process: "),
    "a program that is empty": ("credential_process =", {}, "credential_process: "),
    "a program that says a list": ("credential_process = /bin/echo []", {}, "credential_process: "),
    "a timeout that is none": ("", {"AWS_METADATA_SERVICE_TIMEOUT": "soon"}, "(in AWS_METADATA_SERVICE_TIMEOUT)"),
    "a single sign-on that has not been done": (
        "sso_session = s\nsso_account_id = 111122223333\nsso_role_name = x\n[sso-session s]\nsso_region = eu-west-1\n"
        "sso_start_url = https://x.test/start",
        {},
        "aws sso login",
    ),
    "a proxy that is none": ("", KEYS | {"HTTPS_PROXY": ":::::"}, "HTTPS_PROXY"),
    "a token file that is not there": (
        "",
        {"AWS_ROLE_ARN": "arn:aws:iam::111122223333:role/x", "AWS_WEB_IDENTITY_TOKEN_FILE": "/not/there"},
        "AWS_WEB_IDENTITY_TOKEN_FILE",
    ),
    "an address without a scheme": ("", KEYS | {"AWS_ENDPOINT_URL": "localhost:4566"}, "AWS_ENDPOINT_URL"),
    "an address with spaces": ("", KEYS | {"AWS_ENDPOINT_URL": "http://a b"}, "AWS_ENDPOINT_URL"),
    "a container's token that is not there": (
        "",
        {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:9/x",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/not/there",
        },
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    ),
    "a container's host that is forbidden": (
        "",
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.1.1/x"},
        "169.254.1.1",
    ),
    "a configuration that is none": ("[[[ no section\n  = ", {}, "config"),
    "a role of a profile that is not there": (
        "role_arn = arn:aws:iam::111122223333:role/x\nsource_profile = nobody",
        {},
        "nobody",
    ),
    "roles that are each other's": (
        "role_arn = arn:aws:iam::111122223333:role/x\nsource_profile = two\n[profile two]\n"
        "role_arn = arn:aws:iam::111122223333:role/y\nsource_profile = mine",
        {},
        "mine",
    ),
    "half of a single sign-on": ("sso_start_url = https://x\nsso_region = eu-west-1", {}, "No AWS credentials"),
    "no credentials": ("", {"AWS_EC2_METADATA_DISABLED": "true"}, "No AWS credentials"),
    "half of the keys": ("", {"AWS_ACCESS_KEY_ID": "a"}, "incomplete"),
    "a mode that there is not": ("", KEYS | {"AWS_DEFAULTS_MODE": "odd"}, "variables that begin with AWS_"),
    "a file of certificates without a name": ("", KEYS | {"AWS_CA_BUNDLE": ""}, "variables that begin with AWS_"),
    "a region that is none": ("", KEYS | {"AWS_REGION": "eu west\n"}, "region"),
}


@pytest.mark.parametrize("name", CASES)
def test_it_is_told_in_a_line_with_a_remedy(tmp_path: Path, name: str) -> None:
    profile, more, message = CASES[name]
    config = tmp_path / ".aws/config"
    config.parent.mkdir()
    config.write_text(f"[profile mine]\nregion = eu-west-1\n{profile}\n", encoding="utf-8")
    words = ["--profile", "mine"] if profile else []
    done = typed("plan", "staging", *words, HOME=str(tmp_path), **{"AWS_REGION": "eu-west-1", **more})
    assert done.returncode in (Exit.REFUSED, Exit.USAGE), done.stderr
    assert "Traceback" not in done.stderr and message.lower() in done.stderr.lower(), done.stderr
    assert 1 < len(done.stderr.splitlines()) <= 4, done.stderr


@pytest.mark.parametrize(
    "more",
    [
        KEYS | {"AWS_SESSION_TOKEN": "hunter2\nhunter2"},
        KEYS | {"AWS_ACCESS_KEY_ID": "hunter2\n"},
        KEYS | {"AWS_ENDPOINT_URL": "http://me:hunter2@127.0.0.1:9", "AWS_MAX_ATTEMPTS": "1"},
    ],
)
def test_no_secret_is_shown(tmp_path: Path, more: dict[str, str]) -> None:
    """A token with a line break, as it is copied, cannot be sent: Python's own words about it hold all of it."""
    more = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", **more, "HOME": str(tmp_path)}
    done = typed("status", "staging", "--debug", **more)
    assert done.returncode == Exit.REFUSED and "AWS_" in done.stderr, done.stderr
    assert "hunter2" not in done.stdout + done.stderr


@pytest.mark.parametrize("content", ["{ no json", "[]", '{"Credentials": {}}', '{"Credentials": null}', ""])
def test_a_cache_that_is_spoiled(tmp_path: Path, content: str) -> None:
    """The session of an assumed role is kept by the AWS command line; its file may be anything."""
    (tmp_path / ".aws/cli/cache").mkdir(parents=True)
    keys = "aws_access_key_id = a\naws_secret_access_key = b\n"
    role = "role_arn = arn:aws:iam::111122223333:role/x\nsource_profile = keys\n"
    text = f"[profile mine]\nregion = eu-west-1\n{role}[profile keys]\n{keys}"
    (tmp_path / ".aws/config").write_text(text, encoding="utf-8")
    from hashlib import sha1

    # The name of the file: botocore, `AssumeRoleCredentialFetcher._create_cache_key`.
    name = sha1(b'{"RoleArn": "arn:aws:iam::111122223333:role/x"}', usedforsecurity=False).hexdigest()
    (tmp_path / f".aws/cli/cache/{name}.json").write_text(content, encoding="utf-8")
    more = {"HOME": str(tmp_path), "AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_MAX_ATTEMPTS": "1"}
    done = typed("plan", "staging", "--profile", "mine", **more)
    assert done.returncode == Exit.REFUSED and "Traceback" not in done.stderr, done.stderr
    assert len(done.stderr.splitlines()) <= 4, done.stderr
