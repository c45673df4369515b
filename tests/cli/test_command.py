"""`delivery VERB ENVIRONMENT`: what is meant, how it ends, and that nothing but the status and the text decides."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.cli import ADMINISTRATION, ALIASES, CONNECTING, EXAMPLES, GROUPS, STARTING, SYNONYMS, VERBS
from scripts.deployment.errors import Exit
from tests.cli.typed import DELIVERY, typed, variables
from tests.conftest import ROOT

DOORS = {"scripts.cli": ["cost", "staging"], "scripts.deploy": ["cost", "staging"], "scripts.cost": ["staging"]}


def test_help_names_every_verb_and_status() -> None:
    done = typed("--help")
    assert done.returncode == 0
    assert all(f"\n  {verb} " in done.stdout for verb in VERBS)
    assert "  70  an unexpected error" in done.stdout


def test_every_verb_is_in_exactly_one_group() -> None:
    assert sorted(verb for verbs in GROUPS.values() for verb in verbs) == sorted(VERBS)
    shown = typed("--help").stdout
    assert all(shown.count(f"\n  {verb} ") == 1 for verb in VERBS) and all(f"\n{title}:\n" in shown for title in GROUPS)


@pytest.mark.parametrize("columns", ["60", "80"])
def test_help_fits_the_terminal(columns: str) -> None:
    for words in ([], ["access"], ["why"]):
        shown = typed(*words, "--help", COLUMNS=columns).stdout
        assert [line for line in shown.splitlines() if len(line) > int(columns)] == []
        assert "\n              " in shown or words, "what is too long goes on below itself"


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(verb: str) -> None:
    """With its examples, and every option of what it does besides."""
    done = typed(verb, "--help")
    assert done.returncode == 0 and f"delivery {verb}" in done.stdout and "--debug" in done.stdout
    assert all(f"delivery {example}\n" in done.stdout for example in EXAMPLES.get(verb, ()))
    if verb in ("apply", "config", "migrate"):  # they deploy
        assert all(option in done.stdout for option in ("--yes", "--allow-replace", "--allow-broader")), done.stdout


def test_what_is_said_of_a_verb_is_said_of_one_that_there_is() -> None:
    for names in (EXAMPLES, ALIASES.values(), SYNONYMS.values(), STARTING, CONNECTING, ADMINISTRATION):
        assert set(names) <= set(VERBS)
    assert all(example.partition(" ")[0] == verb for verb, examples in EXAMPLES.items() for example in examples)


@pytest.mark.parametrize(
    ("verb", "forms"),
    [
        ("cost", "terminal, markdown, json"),
        ("why", "terminal, json"),
        ("show", "terminal, json"),
        ("outputs", "table, json, shell"),
        ("status", "terminal, json"),
        ("plan", "terminal, markdown, json"),
    ],
)
def test_a_form_that_there_is_not_is_refused_with_those_that_there_are(verb: str, forms: str) -> None:
    done = typed(verb, "staging", "--format", "xml")
    shown = done.stderr.replace("'", "")
    assert done.returncode == Exit.USAGE and f"invalid choice: xml (choose from {forms}" in shown, done.stderr


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["pln", "staging"], "there is no verb 'pln'; did you mean plan?"),
        (["up", "staging"], "did you mean apply?"),
        (["plan", "stagin"], "did you mean staging?"),
        (["plan", "params/staging.json"], "did you mean staging?"),
        (["plan", "staging", "--profil", "x"], "there is no option --profil; did you mean --profile?"),
        (["destroy", "staging", "--empty-bucket"], "did you mean --empty-buckets"),
        (["plan", "staging", "production"], "nothing that 'production' could be"),
    ],
)
def test_what_was_meant(words: list[str], meant: str) -> None:
    done = typed(*words)
    assert (done.returncode, done.stdout) == (Exit.USAGE, "") and meant in done.stderr, done.stderr


def test_a_beginning_of_an_option_is_none() -> None:
    """`--allow-del` must not depend on which other options there are."""
    done = typed("apply", "staging", "--allow-del", "Data.Clients")
    assert done.returncode == Exit.USAGE and "there is no option --allow-del" in done.stderr


def test_the_make_target_is_a_verb_too() -> None:
    assert typed("deploy", "--help").stdout == typed("apply", "--help").stdout


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("safe", ["", "1"])
def test_every_door_leads_to_the_same(door: str, safe: str) -> None:
    """With PYTHONSAFEPATH, too: the modules are then those of the installed checkout."""
    more = {"PYTHONSAFEPATH": safe, "PYTHONPATH": str(ROOT)} if safe else {}
    done = typed(*DOORS[door], command=[sys.executable, "-m", door], **more)
    assert done.returncode == 0 and done.stdout.startswith("staging: US dollars a month"), done.stderr


def test_what_a_door_calls_itself_can_be_typed() -> None:
    """It stands before each of its hints and errors: `python -m scripts rehearse` would be no module."""
    files = (ROOT / "scripts").rglob("*.py")
    sources = [file for file in files if "import entry\n" in file.read_text(encoding="utf-8")]
    assert len(sources) >= 4, "deploy, rehearse, cost, review"
    for file in sources:
        door = ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__main__")
        shown = typed("--help", command=[sys.executable, "-m", door]).stdout
        name = re.match(r"usage: python ((?: ?[\w.-]+)+?) (?=[A-Z[])", shown)
        assert name, f"{door}: {shown}"
        assert typed("--help", command=[sys.executable, *name[1].split()]).stdout == shown, door


def shell(line: str, **more: str) -> subprocess.CompletedProcess[str]:
    """A line of bash in which `delivery` is the command; its status is the command's."""
    command = " ".join(f'"{word}"' for word in DELIVERY)
    script = f'delivery() {{ {command} "$@"; }}\n{line}'
    return subprocess.run(
        ["bash", "-c", script],
        cwd=ROOT,
        env=variables(**more),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_reader_that_has_seen_enough_is_no_failure() -> None:
    done = shell("delivery cost staging | head -1; exit ${PIPESTATUS[0]}")
    assert (done.returncode, done.stderr) == (0, "") and done.stdout.startswith("staging: US dollars")
    assert shell("delivery cost nowhere | head -1; exit ${PIPESTATUS[0]}").returncode == Exit.USAGE


@pytest.mark.skipif(not os.access("/dev/full", os.W_OK), reason="no /dev/full")
def test_an_output_that_is_full_is_told_and_has_a_status() -> None:
    done = shell("delivery cost staging > /dev/full")
    assert done.returncode == Exit.OUTPUT and "could not be written: No space left" in done.stderr
    assert shell("delivery cost nowhere > /dev/full").returncode == Exit.USAGE


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
def test_closed_streams(closed: str) -> None:
    assert shell(f"delivery cost staging {closed}").returncode == 0
    assert shell(f"delivery cost nowhere {closed}").returncode == Exit.USAGE


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8", "cp437", "utf-16"])
def test_any_encoding(encoding: str) -> None:
    """What an encoding lacks is replaced; nothing ends for that."""
    code = "from scripts.cli import *; streams.prepare(); print('a → b … ✓ ü 漢')"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=variables(PYTHONIOENCODING=encoding),
        capture_output=True,
        timeout=60,
        check=True,
    )
    text = done.stdout.decode(encoding)
    expected = {"ascii": "a -> b ... v ? ?\n", "latin-1": "a -> b ... v ü ?\n"}
    assert text == expected.get(encoding, text) and text.startswith("a ") and text.endswith("\n")


BROKEN = "import scripts.cost\ndef run(options): raise ValueError('one\\x1b[31m\\ntwo')\nscripts.cost.run = run\n"


@pytest.mark.parametrize("debug", [False, True])
def test_an_unexpected_error_claims_nothing(tmp_path: Path, debug: bool) -> None:
    code = f"import sys, scripts.terminal.endings as endings\nfrom pathlib import Path\n{BROKEN}"
    code += f"endings.PROJECT = Path({str(tmp_path)!r})\nfrom scripts.cli import delivery\ndelivery()"
    done = typed("cost", "staging", *(["--debug"] * debug), command=[sys.executable, "-c", code])
    assert done.returncode == Exit.INTERNAL and "rolled back" not in done.stderr
    assert "An unexpected error ended `delivery cost staging`: ValueError" in done.stderr
    assert "\\x1b[31m" in done.stderr and "\x1b" not in done.stderr
    assert "`delivery status staging` shows the state of the stacks" in done.stderr
    assert ("Traceback" in done.stderr) is debug
    logs = list((tmp_path / ".cache/errors").glob("*.log"))
    if debug:
        assert not logs
    else:
        assert str(logs[0]) in done.stderr.replace("\n", "") and logs[0].stat().st_mode & 0o77 == 0
        assert "Traceback" in logs[0].read_text(encoding="utf-8")


def test_the_completion_of_bash_asks_the_command(tmp_path: Path) -> None:
    program = tmp_path / "delivery"
    program.write_text(f'#!/bin/sh\nexec {" ".join(DELIVERY)} "$@"\n', encoding="utf-8")
    program.chmod(0o755)

    def complete(*words: str) -> set[str]:
        line = " ".join(f'"{word}"' for word in ("delivery", *words))
        script = f'eval "$(delivery completion bash)"\nCOMP_WORDS=({line}); COMP_CWORD={len(words)}\n_delivery\n'
        path = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
        done = subprocess.run(
            ["bash", "-c", script + 'printf "%s\\n" "${COMPREPLY[@]}"'],
            cwd=ROOT,
            env=variables(**path),
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return set(done.stdout.split())

    assert complete("pl") == {"plan"}
    assert complete("plan", "st") == {"staging"}
    assert complete("plan", "staging", "--form") == {"--format"}
    assert complete("plan", "staging", "--format", "") == {"terminal", "markdown", "json"}
    assert complete("completion", "") == {"bash", "zsh", "fish"}
    assert complete("nothing", "") == set()


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_each_shell_asks_the_command(name: str) -> None:
    done = typed("completion", name)
    assert done.returncode == 0 and f"delivery completion {name} --words" in done.stdout


def test_the_region_is_told_and_where_it_comes_from() -> None:
    """U13: it stands in no parameter file, so another one would get an environment of its own."""
    # Without credentials the first call ends at once.
    files = {"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null"}
    more = {**files, "AWS_EC2_METADATA_DISABLED": "true"}
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        assert (
            f"staging: Region eu-west-1, from {name}"
            in typed("status", "staging", **more, **{name: "eu-west-1"}).stderr
        )
    assert "Region" not in typed("status", "staging", "--region", "eu-west-1", **more).stderr
    assert "the prices are those of us-east-1" in typed("cost", "staging", AWS_REGION="eu-west-1").stderr


AWAY = """[default]
region = eu-west-1
[profile global]
region = eu-west-1
endpoint_url = http://somebody:hunter2@127.0.0.1:9
[profile services]
region = eu-west-1
services = near
[profile ignored]
region = eu-west-1
endpoint_url = http://127.0.0.1:9
services = near
ignore_configured_endpoint_urls = true
[profile harmless]
region = eu-west-1
services = far
[services near]
s3 =
  endpoint_url = http://somebody:hunter2@127.0.0.1:9
[services far]
s3 =
  other = http://127.0.0.1:9
"""
GLOBAL, SECTION = "endpoint_url of the profile global", "the section [services near] of the AWS config file"
ADDRESS = "http://somebody:hunter2@127.0.0.1:9"


@pytest.mark.parametrize(
    ("profile", "more", "led_by"),
    [
        ("", {}, ""),
        ("", {"AWS_ENDPOINT_URL": ""}, ""),
        ("", {"AWS_ENDPOINT_URL_S3": ADDRESS}, "AWS_ENDPOINT_URL_S3"),
        ("", {"AWS_ENDPOINT_URL_S3": ADDRESS, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}, ""),
        ("global", {}, GLOBAL),
        ("services", {"AWS_ENDPOINT_URL": ADDRESS}, f"AWS_ENDPOINT_URL and {SECTION}"),
        ("global", {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "TRUE"}, ""),
        ("ignored", {"AWS_ENDPOINT_URL": ADDRESS}, ""),
        ("harmless", {}, ""),
    ],
)
def test_who_is_led_away_from_aws_is_told_so(tmp_path: Path, profile: str, more: dict[str, str], led_by: str) -> None:
    """A success there is none on AWS. The address may have a password in it, so what has it is named."""
    (tmp_path / "config").write_text(AWAY, encoding="utf-8")
    files = {"AWS_CONFIG_FILE": str(tmp_path / "config"), "AWS_SHARED_CREDENTIALS_FILE": "/dev/null"}
    named = ["--profile", profile] if profile else []
    done = typed("status", "staging", *named, **files, AWS_EC2_METADATA_DISABLED="true", **more)
    lines = ["staging: Region eu-west-1, from the profile"]
    lines += [f"calls do not go to AWS, but where {led_by} says"] if led_by else []
    assert done.stderr.splitlines()[:-2] == lines and "hunter2" not in done.stderr, done.stderr


def test_a_failure_under_make_says_its_status() -> None:
    done = typed("cost", "nowhere", DELIVERY_DOOR="make")
    assert done.returncode == Exit.USAGE and done.stderr.endswith("status 64: bad usage\n")


@pytest.mark.parametrize(("code", "status"), [("", Exit.USAGE), ("'words'", Exit.USAGE), ("3", 3), ("0", 0)])
def test_what_is_ended_without_a_status_is_no_success(code: str, status: int) -> None:
    """A rehearsal ends so on SIGTERM."""
    program = f"import sys, scripts.cost\ndef run(options): sys.exit({code})\nscripts.cost.run = run\n"
    done = typed(
        "cost", "staging", command=[sys.executable, "-c", f"{program}from scripts.cli import delivery; delivery()"]
    )
    assert done.returncode == status and "Traceback" not in done.stderr


def test_a_package_that_is_missing_is_told_with_the_way_to_get_it() -> None:
    code = "import sys; sys.modules['yaml'] = None\nimport scripts.cost\n"
    code += "def run(options): import yaml\nscripts.cost.run = run\nfrom scripts.cli import delivery; delivery()"
    done = typed("cost", "staging", command=[sys.executable, "-c", code])
    assert done.returncode == Exit.INTERNAL and "set_up.py .venv local" in done.stderr


def test_help_is_quick_because_it_imports_little() -> None:
    code = "import sys\nfrom scripts.cli import main\ntry: main(['--help'])\nfinally: print(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    modules = set(re.findall(r"'([\w.]+)'", done.stdout.splitlines()[-1]))
    assert "argparse" in modules
    assert not modules & {"boto3", "botocore", "rich", "json", "urllib.request", "subprocess", "dataclasses", "logging"}


def test_in_another_checkout_its_own_command_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts/cli.py").touch()
    (tmp_path / "params").mkdir()
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from scripts.cli import delivery; delivery()"
    command = [sys.executable, "-P", "-c", code, "cost", "staging"]
    done = subprocess.run(command, cwd=tmp_path, env=variables(), capture_output=True, text=True, check=False)
    assert done.returncode == Exit.USAGE and f"belongs to {ROOT}" in done.stderr, done.stderr
    assert (
        subprocess.run(command, cwd=tmp_path / "params", env=variables(), capture_output=True, check=False).returncode
        == 0
    )
