"""`make templates` and `python -m generator`, as a user runs them, in a copy of the checkout."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from generator.cfn.verdict import FILE
from generator.gate import cache
from tests.support.gate import unverified_templates

Refused = tuple[Path, subprocess.CompletedProcess[str]]  # a copy, and what the gate says of it
PARTS = ("generator", "templates", "docs", "params", "buildspecs", "scripts", "setup.cfg")


def copied(repository: Path, folder: Path) -> Path:
    for part in PARTS:
        if (repository / part).is_dir():
            shutil.copytree(repository / part, folder / part)
        else:
            shutil.copy(repository / part, folder / part)
    return folder


@pytest.fixture
def copy(repository: Path, tmp_path: Path) -> Path:
    """As after a search for who can reach what that found no new way, as in this checkout: that it finds none is proved
    by tests/gate/test_reachability.py, and that it is made where something has changed by tests below."""
    folder = copied(repository, tmp_path)
    cache.remember_searched(folder, texts(folder))
    return folder


def texts(folder: Path) -> dict[str, str]:
    return {file.name: file.read_text(encoding="utf-8") for file in (folder / "templates").glob("*.json")}


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "generator", *words], cwd=folder, capture_output=True, text=True)


def stems(folder: Path) -> list[str]:
    return sorted(file.stem for file in (folder / "templates").glob("*.json"))


def edit(file: Path, before: str, after: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert before in text
    file.write_text(text.replace(before, after), encoding="utf-8")


def linted(folder: Path, *but: str) -> None:
    """As after a gate that passed: until a template changes, cfn-lint has nothing to look at `but` those named. That it
    finds nothing in any of them is proved by tests/gate/test_lint.py and by `make templates` below."""
    cache.remember_linted(folder, but)


def test_a_finding_of_cfn_lint_fails_the_gate_and_is_not_remembered(copy: Path) -> None:
    linted(copy)
    edit(copy / "generator/stacks/registry.py", 'GetAtt(repository, "Arn")', 'GetAtt(repository, "Arnn")')
    result = run(copy, "--gate", "--format", "sarif")
    assert result.returncode == 1, result.stdout
    assert "templates/registry.json Outputs/RegistryArn/Value" in result.stderr
    [sarif] = json.loads(result.stdout)["runs"]
    assert sarif["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].startswith("generator/")
    assert not cache.is_fresh(copy) and cache.unlinted_templates(copy) == ["registry.json"]


def test_the_gate_passes_and_then_answers_at_once(copy: Path) -> None:
    linted(copy, "storage.json", "edge.json")
    first = run(copy, "--gate")
    assert first.returncode == 0, first.stdout + first.stderr
    assert cache.unlinted_templates(copy) == []
    assert "none changed" in first.stdout and "gate: passed, no findings" in first.stdout
    again = run(copy, "--gate")
    assert (again.returncode, again.stdout) == (0, "templates: nothing has changed since the gate passed.\n")
    written = run(copy, "--gate", "--format", "json", "--out", "gate.json")
    assert (written.returncode, written.stdout) == (0, "")
    assert json.loads((copy / "gate.json").read_text(encoding="utf-8"))["passed"] is True


def test_facts_that_do_not_render_are_a_finding_for_programs_too(copy: Path) -> None:
    edit(copy / "generator/application.py", 'health_path="/health"', 'health_path="health"')
    result = run(copy, "--gate", "--format", "json")
    assert result.returncode == 1
    [finding] = json.loads(result.stdout)["findings"]
    assert finding["rule"] == "RENDER" and finding["source"]["file"] == "generator/application.py"
    assert run(copy, "--format", "json").returncode == 64


def test_answering_at_once_imports_nothing_heavy(copy: Path) -> None:
    code = (
        "import sys\nfrom generator import __main__ as m\nfrom generator.gate import cache\n"
        "cache.remember_pass(m.ROOT)\nassert m.main(['--gate']) == 0\n"
        "heavy = {'troposphere', 'awacs', 'boto3', 'botocore', 'cfnlint', 'yaml'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=copy, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_a_changed_fact_is_said_and_written(copy: Path) -> None:
    edit(copy / "generator/application.py", 'health_path="/health"', 'health_path="/alive"')
    stale = run(copy, "--check")
    assert stale.returncode == 1 and "templates/ingress.json is stale" in stale.stdout
    written = run(copy)
    assert written.returncode == 0
    assert 'HealthCheckPath: "/health" -> "/alive"' in written.stdout
    assert run(copy, "--check").stdout == "templates: fresh\n"


def test_an_interrupt_is_said_without_a_traceback(copy: Path) -> None:
    """Ctrl-C reaches every process of the terminal, so also the one that the gate has begun."""
    cache.remember_linted(copy, ("site.json",))
    edit(copy / "generator/stacks/site.py", "every release is a version", "each release is a version")
    command = [sys.executable, "-m", "generator", "--gate"]
    with subprocess.Popen(
        command, cwd=copy, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as gate:
        assert gate.stdout is not None
        while not gate.stdout.readline().startswith("gate: "):
            assert gate.poll() is None
        os.killpg(gate.pid, signal.SIGINT)
        _, errors = gate.communicate()
    assert errors == "Interrupted; the same command again goes on from there.\n"
    # Interrupted while it executes a text (a dataclass is made of one), Python ends by the signal itself, which every
    # shell and make call 130, too (CPython, pythonrun.c, `run_eval_code_obj`).
    assert gate.returncode in (130, -signal.SIGINT)
    assert not cache.is_fresh(copy)


def test_the_gate_needs_no_fork(copy: Path) -> None:
    """macOS starts processes anew, and so does Python from 3.14 on (library reference, multiprocessing, "Contexts and
    start methods"): what the gate begins there has to be found by its module."""
    cache.remember_linted(copy, ("site.json",))
    edit(copy / "generator/stacks/site.py", "every release is a version", "each release is a version")
    code = "import multiprocessing, runpy, sys; multiprocessing.set_start_method('spawn'); sys.argv[1:] = ['--gate']; "
    code += "runpy.run_module('generator', run_name='__main__', alter_sys=True)"
    result = subprocess.run([sys.executable, "-c", code], cwd=copy, capture_output=True, text=True)
    assert result.returncode == 0 and result.stderr == "" and cache.is_fresh(copy), result.stderr


def test_a_template_that_nothing_makes_is_removed(copy: Path) -> None:
    shutil.copy(copy / "templates/site.json", copy / "templates/left_over.json")
    assert "templates/left_over.json is made by nothing" in run(copy, "--check").stdout
    assert run(copy).returncode == 0
    assert not (copy / "templates/left_over.json").exists()


@pytest.mark.parametrize(
    ("file", "before", "after", "says"),
    [
        pytest.param(
            "stacks/storage.py",
            "do.PutObject",
            "do.PutObjct",
            "awacs.s3' has no attribute 'PutObjct'",
            marks=pytest.mark.soak,
        ),
        ("stacks/registry.py", "ImageTagMutability=", "ImageTagMutabilty=", "ImageTagMutabilty"),
        ("stacks/site.py", "    stack.gives(ports.SITE_BUCKET_NAME, Ref(site))\n", "", "needs `SiteBucketName`"),
    ],
)
def test_an_error_names_file_and_line_of_the_typo(copy: Path, file: str, before: str, after: str, says: str) -> None:
    edit(copy / "generator" / file, before, after)
    result = run(copy, "--gate")
    assert result.returncode == 1
    assert says in result.stderr and "generator/" in result.stderr.splitlines()[0]
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('health_path="/health",', 'health_path="health",'),
        pytest.param('        output="build",', '        output="../../build",', marks=pytest.mark.soak),
    ],
)
def test_a_wrong_fact_is_reported_with_the_line_of_its_value(copy: Path, before: str, after: str) -> None:
    source = copy / "generator/application.py"
    edit(source, before, after)
    lines = source.read_text(encoding="utf-8").splitlines()
    [line] = [number for number, text in enumerate(lines, 1) if after.strip() in text]
    result = run(copy)
    assert result.returncode == 1
    place, _, rest = result.stderr.partition(": FactError: ")
    assert place == f"generator/application.py:{line}"
    assert after.strip() in rest
    assert "Traceback" not in result.stderr


@pytest.fixture(scope="module")
def refused(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Refused:
    """A copy with a fault in each of two parameter files, and what the gate says of them in one go."""
    folder = copied(repository, tmp_path_factory.mktemp("refused"))
    linted(folder)
    file = folder / "params/production.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    content["Parameters"]["NatGatewayCont"] = "2"
    file.write_text(json.dumps(content), encoding="utf-8")
    edit(folder / "params/staging.json", '"Environment": "staging"', '"Environment": "production"')
    return folder, run(folder, "--gate")


def test_a_finding_fails_the_gate_and_is_not_remembered(refused: Refused) -> None:
    folder, result = refused
    assert result.returncode == 1
    assert "params/production.json" in result.stderr and "NatGatewayCount" in result.stderr
    assert "findings; fix them before deploying" in result.stderr
    assert not cache.is_fresh(folder)


def test_the_gate_refuses_what_the_deploy_script_would(refused: Refused) -> None:
    """A file for an environment of another name: two of them would deploy over each other."""
    result = refused[1]
    assert 'params/staging.json: PARAMS Environment = "production"' in result.stderr
    assert "must be the file's name. Valid: staging." in result.stderr


def test_the_list_and_bad_usage(copy: Path) -> None:
    listed = run(copy, "--list").stdout.splitlines()
    assert len(listed) > 20 and [line.split()[0] for line in listed[1:]] == stems(copy)
    assert listed[0].split() == ["template", "resources", "parameters", "outputs", "KiB"]
    assert run(copy, "--lst").returncode == 64
    assert run(copy, "--list", "--check").returncode == 64


def test_without_templates_there_is_nothing_to_show(copy: Path) -> None:
    shutil.rmtree(copy / "templates")
    result = run(copy, "--list")
    assert (result.returncode, result.stdout) == (1, "")
    assert "templates holds no rendered template (*.json): run `make templates` first" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_template_that_is_no_json_is_named(copy: Path) -> None:
    (copy / "templates/site.json").write_text("{", encoding="utf-8")
    result = run(copy, "--list")
    assert result.returncode == 1 and result.stderr.startswith("site.json:1: no JSON")


def test_a_pass_is_about_the_bytes_that_passed(copy: Path) -> None:
    linted(copy)
    record, templates = copy / FILE, copy / "templates"
    assert run(copy).returncode == 0
    rendered = [f"{stem}.json" for stem in stems(copy)]
    assert unverified_templates(record, templates) == sorted(rendered)  # and judged by nobody
    assert run(copy, "--gate").returncode == 0
    assert unverified_templates(record, templates) == []
    site = templates / "site.json"
    site.write_bytes(site.read_bytes() + b"\n")
    assert unverified_templates(record, templates) == ["site.json"]


@pytest.mark.soak  # the rule itself, wherever the file lies: tests/gate/test_lint.py
def test_a_configuration_of_cfn_lint_fails_the_gate_that_has_passed(copy: Path) -> None:
    linted(copy)
    cache.remember_pass(copy)
    (copy / ".cfnlintrc").write_text("ignore_checks: [E3030]\n", encoding="utf-8")
    result = run(copy, "--gate")
    assert result.returncode == 1
    assert ".cfnlintrc file: LINT001 is a configuration file of cfn-lint" in result.stderr
    assert "gate: 1 finding; fix it before deploying" in result.stderr
    assert not cache.is_fresh(copy)


@pytest.mark.soak  # the rule itself: tests/gate/test_lint.py
def test_a_directive_in_a_template_fails_the_gate(copy: Path) -> None:
    """Written by the module that makes the template: an edited template alone is rendered anew."""
    linted(copy)
    edit(
        copy / "generator/stacks/site.py",
        "    stack.gives(ports.SITE_BUCKET_NAME",
        '    stack.template.metadata["cfn-lint"] = {"config": {"ignore_checks": ["E3030"]}}\n'
        "    stack.gives(ports.SITE_BUCKET_NAME",
    )
    result = run(copy, "--gate")
    assert result.returncode == 1
    assert "templates/site.json Metadata.cfn-lint: LINT001 holds settings of cfn-lint" in result.stderr


def test_another_ledger_is_compared_with_although_nothing_has_changed(copy: Path) -> None:
    cache.remember_pass(copy)
    assert "nothing has changed" in run(copy, "--gate").stdout
    base = (copy / "docs/permissions-ledger.md").read_text(encoding="utf-8")
    (copy / "base.md").write_text(base.replace("codepipeline:PutApprovalResult", "codepipeline:GetPipeline"))
    result = run(copy, "--gate", "--base", "base.md")
    assert result.returncode == 1 and "REASON" in result.stderr


def test_make_templates_says_so(repository: Path) -> None:
    """The Makefile's own command, in the checkout that the tests run in: it must leave no diff."""
    result = subprocess.run(["make", "-s", "templates"], cwd=repository, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "templates:" in result.stdout


def test_the_ledger_is_kept_beside_the_templates(copy: Path) -> None:
    ledger = copy / "docs/permissions-ledger.md"
    text = ledger.read_text(encoding="utf-8")
    ledger.write_text(text + "a note\n", encoding="utf-8")
    stale = run(copy, "--check")
    assert stale.returncode == 1 and "docs/permissions-ledger.md is stale" in stale.stdout
    assert run(copy).returncode == 0
    assert ledger.read_text(encoding="utf-8") == text


def test_a_broadened_permission_needs_a_new_reason(copy: Path) -> None:
    ledger, source = copy / "docs/permissions-ledger.md", copy / "generator/roots/access/approve.py"
    before = ledger.read_text(encoding="utf-8")
    shutil.copy(ledger, copy / "base.md")
    edit(source, "[pipelines.PutApprovalResult],", "[pipelines.PutApprovalResult, pipelines.StartPipelineExecution],")
    refused = run(copy, "--gate")
    assert refused.returncode == 1
    assert refused.stderr.count("REASON") == 1 and "access.ApproverRole: REASON DecideOnRelease" in refused.stderr
    assert "approve.py:" in refused.stderr and "has to name codepipeline:StartPipelineExecution" in refused.stderr
    assert ledger.read_text(encoding="utf-8") == before  # so that asking again changes nothing
    # Deleting the ledger explains nothing to whoever compares with the one of the main branch.
    ledger.unlink()
    assert run(copy).returncode == 0
    assert run(copy, "--check", "--base", "base.md").returncode == 1
    shutil.copy(copy / "base.md", ledger)
    edit(source, "and only this role may answer", "and only this role may answer, or let it run once more")
    assert run(copy).returncode == 1, "other words confirm nothing"
    edit(source, "or let it run once more", "or let it run once more (codepipeline:StartPipelineExecution)")
    assert run(copy).returncode == 0
    assert run(copy, "--check", "--base", "base.md").returncode == 0
