"""The backend's build, run on copies of the sample application.

Long because it is one test for each thing that one buildspec does.
"""

import hashlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from scripts.rehearsal.builds.phases import Outcome
from tests.support.buildspecs.running import COMMIT, SAMPLE, Workshop, workshop
from tests.support.buildspecs.stubs import NOTHING_COLLECTED, SAVED

VARIABLES = {
    "BACKEND_DIRECTORY": "backend",
    "PYTHON_VERSION": "3.11",
    "APPLICATION_MODULE": "app.main:app",
    "LINT_COLUMNS": "120",
    "LINT_BLOCKS": "false",
    "TESTS_BLOCK": "false",
    "MAKES_IMAGE": "true",
    "CONFIGURATION": json.dumps({"plain": {"MODE": "x"}, "generated": {"KEY": 40}, "fernet": [], "filled": []}),
    "PORT": "8000",
    "BASE_IMAGE": "public.ecr.aws/docker/library/python:3.11-slim",
    "BASE_DIGESTS": f"3.10=sha256:{'dead' * 16} 3.11=sha256:{'0123' * 16} 3.12=sha256:{'beef' * 16}",
}
# Of an application that has none: nothing runs as root, and what pip downloaded is not in the image.
DOCKERFILE = f"""\
FROM public.ecr.aws/docker/library/python:3.11-slim@sha256:{"0123" * 16}
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
RUN useradd --create-home --uid 10001 application
WORKDIR /home/application
COPY *.txt ./

RUN python -m pip install --no-cache-dir --disable-pip-version-check -r requirements.txt
COPY . .
USER 10001
EXPOSE 8000
# Only the load balancer can reach the port, so its forwarding headers are trusted.
CMD ["uvicorn", "app.main:app", "--host", "0.0.0.0", "--port", "8000", \
  "--proxy-headers", "--forwarded-allow-ips", "*"]
"""
GREEN, RED = "def test_green():\n    assert True\n", "def test_red():\n    assert 1 == 2\n"
UNIT, INTEGRATION = ("backend/tests/unit/test_unit.py", "backend/tests/integration/test_integration.py")


def build(sample: Workshop, **variables: str) -> Outcome:
    return sample.build("backend", {**VARIABLES, **variables})


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workshop, Outcome]:
    """The sample as it is but for a test beside its code, built once: no Dockerfile, requirements in the root, lint
    findings."""
    sample = workshop(tmp_path_factory.mktemp("plain"), SAMPLE)
    sample.machine.answer("flake8", status=1)
    sample.machine.answer("bandit", status=1)
    sample.write("backend/app/__pycache__/main.cpython-311.pyc", "")
    sample.write("backend/app/.env", "JWT_SECRET_KEY=x")
    sample.write("backend/app/tests/test_inside.py", GREEN)
    return sample, build(sample)


def test_the_sample_as_it_is(once: tuple[Workshop, Outcome]) -> None:
    sample, plain = once
    assert plain.succeeded, plain.log
    assert list(plain.phases) == ["install", "pre_build", "build", "post_build"]
    assert plain.result_lines() == [
        "RESULT requirements: taken from the root of the repository",
        "RESULT left out of the release, because no code of it imports or names them: test_connection.py",
        "RESULT lint: findings, reported only (LINT_BLOCKS=false)",
        "RESULT security: findings, reported only",
        "RESULT test scripts that are not run, because they are in no folder of tests: ./test_connection.py",
        "RESULT unit tests: passed",
        "RESULT integration tests: NONE, the application has no integration tests",
        "RESULT Dockerfile: the default one, the application has none",
        "RESULT image: built, to be pushed by another project",
    ]
    assert plain.variables == {"COMMIT": COMMIT}
    assert plain.runtimes == {"python": "3.11"}
    assert all(f"DURATION {phase} " in plain.log for phase in plain.phases)

    bundle = plain.artifacts[""]
    modules = {f"app/{name}.py" for name in ("__init__", "legacy", "main", "settings", "tables")}
    assert set(bundle) == modules | {"requirements.txt", "Procfile", "release-image.tar"}
    assert bundle["Procfile"].read_text() == "web: uvicorn app.main:app --host 127.0.0.1 --port 8000 --workers 2\n"
    assert bundle["release-image.tar"].read_text() == SAVED

    assert [path.name for path in plain.reports["tests"]] == ["tests-unit.xml", "tests-integration.xml"]
    assert "test_green" in plain.reports["tests"][0].read_text()
    assert "<skipped/>" in plain.reports["tests"][1].read_text()
    assert len(plain.reports["coverage"]) == 1

    dockerfile = sample.source / "release.Dockerfile"
    assert dockerfile.read_text() == DOCKERFILE
    assert [call[1:] for call in sample.machine.calls("docker")] == [
        ["build", "--file", str(dockerfile), "--tag", "release:built", str(sample.source / "release-bundle")],
        ["save", "--output", str(sample.source / "release-bundle/release-image.tar"), "release:built"],
    ]
    assert not sample.machine.calls("aws"), "what runs the application's code asks AWS for nothing"


def test_a_base_image_without_a_digest_for_this_python_is_not_built_from(sample: Workshop) -> None:
    outcome = build(sample, PYTHON_VERSION="3.14")
    assert not outcome.succeeded and not sample.machine.calls("docker")
    assert f"ERROR BASE_DIGESTS has no digest of {VARIABLES['BASE_IMAGE']} for Python 3.14" in outcome.log


def test_pytest_ends_as_its_stand_in_does_when_there_is_nothing_to_collect(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", "."], cwd=tmp_path, capture_output=True)
    assert done.returncode == NOTHING_COLLECTED == pytest.ExitCode.NO_TESTS_COLLECTED


def test_the_tools_are_asked_for_what_the_project_says(once: tuple[Workshop, Outcome]) -> None:
    """Bandit's messages quote the passwords that it finds: they are not shown."""
    sample = once[0]
    reports = sample.source / "release-reports"
    assert sample.machine.calls("flake8") == [["flake8", "app", "--isolated", "--max-line-length=120", "--count"]]
    template = "{relpath}:{line} {test_id} {severity}"
    assert sample.machine.calls("bandit") == [["bandit", "-q", "-r", "app", "-f", "custom", "--msg-template", template]]
    pytest_call = ["-m", "pytest", "./app/tests", "--ignore=tests/integration"]
    assert sample.machine.calls("coverage") == [
        ["coverage", "run", "--append", "--source=app", *pytest_call, f"--junitxml={reports / 'tests-unit.xml'}"],
        ["coverage", "xml", "-o", str(reports / "coverage.xml")],
    ]


def test_the_tools_are_there_before_the_application_brings_a_pip_of_its_own(once: tuple[Workshop, Outcome]) -> None:
    """What is installed after it comes by the tools' pip, into environments that have none."""
    sample = once[0]
    folder, source = sample.source.parent / "release-tools", sample.source
    quiet, locked = ["--disable-pip-version-check", "--no-compile"], ["--no-deps", "--require-hashes"]
    of_tools = ["--python", str(folder / "bin/python"), "install", "--quiet", *quiet]
    of_tests = ["--python", str(folder / "tests/bin/python"), "install", *quiet]
    wheels = ["--only-binary", ":all:", "-r"]
    requirements = str(source / "release-requirements/requirements.txt")
    assert [call[1:] for call in sample.machine.calls("pip")] == [
        [*of_tools, *locked, *wheels, str(source / "release-tools.txt")],
        ["install", "--disable-pip-version-check", "-r", requirements],
        [*of_tests, *locked, *wheels, str(source / "release-missing.txt")],
    ]


def test_the_cache_key_follows_the_requirements(once: tuple[Workshop, Outcome], sample: Workshop) -> None:
    unchanged = once[1].cache_key
    assert unchanged.startswith("pip-3.11-")
    sample.write("README.md", "changed")
    assert build(sample, LINT_BLOCKS="ends the build here").cache_key == unchanged
    sample.write("backend/requirements.txt", "fastapi\n")
    assert build(sample, LINT_BLOCKS="ends the build here").cache_key not in ("", unchanged)


def test_tests_that_pass_are_reported_from_both_folders(sample: Workshop) -> None:
    sample.write(UNIT, GREEN)
    sample.write(INTEGRATION, GREEN.replace("green", "integrated"))
    outcome = build(sample, TESTS_BLOCK="true")
    assert outcome.succeeded, outcome.log
    assert {"RESULT unit tests: passed", "RESULT integration tests: passed"} <= set(outcome.result_lines())
    named = [re.findall(r'name="(test_\w+)"', path.read_text()) for path in outcome.reports["tests"]]
    assert named == [["test_green"], ["test_integrated"]]
    assert ["--append" in call for call in sample.machine.calls("coverage", "run")] == [True, True]
    assert not [name for name in outcome.artifacts[""] if "test" in name]


def test_failing_tests_are_reported_and_do_not_block(sample: Workshop) -> None:
    sample.write(UNIT, RED)
    outcome = build(sample)
    assert outcome.succeeded, outcome.log
    assert "RESULT unit tests: FAILED, reported only (TESTS_BLOCK=false)" in outcome.result_lines()
    assert "<failure" in outcome.reports["tests"][0].read_text()
    assert sample.machine.calls("docker", "save")


@pytest.mark.parametrize("content", [pytest.param(RED, marks=pytest.mark.soak), "import not_there\n"])
def test_failing_tests_block_when_the_project_says_so(sample: Workshop, content: str) -> None:
    """Also tests that cannot be imported; the report is kept, and nothing is published."""
    sample.write(UNIT, content)
    outcome = build(sample, TESTS_BLOCK="true")
    assert outcome.phases == {"install": True, "pre_build": True, "build": False, "post_build": False}
    assert "ERROR failing tests stop the build (TESTS_BLOCK=true): unit" in outcome.result_lines()
    assert "RESULT unit tests: FAILED" in outcome.result_lines()
    assert "The build failed, nothing is published" in outcome.log
    assert 'name="tests.unit.test_unit' in outcome.reports["tests"][0].read_text().replace("classname", "name")
    assert not sample.machine.calls("docker")
    assert not sample.machine.calls("aws")


def test_a_broken_pytest_is_a_failure_that_blocks_as_any_other(sample: Workshop) -> None:
    sample.write(UNIT, GREEN)
    sample.write("backend/pytest.ini", "[pytest]\naddopts = --no-such-option\n")
    outcome = build(sample)
    assert outcome.succeeded, outcome.log
    line = "RESULT unit tests: FAILED, pytest itself ended with status 4, reported only (TESTS_BLOCK=false)"
    assert line in outcome.result_lines()
    assert "<error/>" in outcome.reports["tests"][0].read_text()
    assert not build(sample, TESTS_BLOCK="true").phases["build"]


@pytest.mark.parametrize(
    ("file", "runs"),
    [
        ("backend/tests/test_it.py", True),
        pytest.param("backend/test/deep/test_it.py", True, marks=pytest.mark.soak),
        pytest.param("backend/app/tests/test_it.py", True, marks=pytest.mark.soak),
        pytest.param("backend/app/part/it_test.py", True, marks=pytest.mark.soak),
        pytest.param("backend/services/tests/test_it.py", True, marks=pytest.mark.soak),
        pytest.param("backend/tests/app/tests/test_it.py", True, marks=pytest.mark.soak),
        pytest.param("backend/qa/deep/test_it.py", True, marks=pytest.mark.soak),
        ("backend/scripts/test_it.py", False),
        ("backend/.venv/lib/site-packages/other/tests/test_it.py", False),
        pytest.param("backend/node_modules/other/tests/test_it.py", False, marks=pytest.mark.soak),
    ],
)
def test_tests_are_run_where_projects_keep_them(sample: Workshop, file: str, runs: bool) -> None:
    sample.write(file, RED)
    if "/qa/" in file:
        sample.write("backend/pytest.ini", "[pytest]\ntestpaths = q* none\n")
    outcome = build(sample)
    assert outcome.succeeded, outcome.log
    if runs:
        assert "RESULT unit tests: FAILED, reported only (TESTS_BLOCK=false)" in outcome.result_lines()
        assert outcome.reports["tests"][0].read_text().count("<failure") == 1
    else:
        is_loose = file == "backend/scripts/test_it.py"
        outcome_line = "NOT RUN, those that there are lie" if is_loose else "NONE, the application has no unit tests"
        assert f"RESULT unit tests: {outcome_line}" in outcome.log
        assert not sample.machine.calls("coverage", "run")
    named = f"in no folder of tests: ./{file.removeprefix('backend/')}" in outcome.log
    assert named is (file == "backend/scripts/test_it.py")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        pytest.param("pytest.toml", "[pytest]\ntestpaths = ['qa']\n", marks=pytest.mark.soak),
        ("pyproject.toml", "[tool.pytest.ini_options]\ntestpaths = 'qa'\n"),
        pytest.param("pyproject.toml", "[tool.pytest]\ntestpaths = ['qa', '.']\n", marks=pytest.mark.soak),
        pytest.param("setup.cfg", "[tool:pytest]\ntestpaths =\n    qa\n    %none\n", marks=pytest.mark.soak),
        pytest.param("tox.ini", "[tox]\nx = y\n[pytest]\ntestpaths = qa/test_it.py\n", marks=pytest.mark.soak),
    ],
)
def test_the_settings_of_pytest_say_where_tests_are(sample: Workshop, name: str, text: str) -> None:
    sample.write("backend/qa/test_it.py", GREEN)
    sample.write(f"backend/{name}", text)
    outcome = build(sample)
    assert "RESULT unit tests: passed" in outcome.result_lines(), outcome.log


@pytest.mark.parametrize("file", ["tests/test_api.py", pytest.param("qa/api_test.py", marks=pytest.mark.soak)])
def test_tests_outside_of_the_backend_are_not_denied(sample: Workshop, file: str) -> None:
    sample.write(file, GREEN)
    sample.write("scripts/test_by_hand.py", "print('no test')\n")
    outcome = build(sample)
    line = f"RESULT tests that are not run, because they are outside of backend: 1 files, such as {file}"
    assert line in outcome.result_lines(), outcome.log
    assert (
        "RESULT unit tests: NOT RUN, those that there are lie where no tests are looked for" in outcome.result_lines()
    )


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        (".coveragerc", "[run]\nparallel = true\n"),
        pytest.param(
            "setup.cfg", "[coverage:run]\nparallel = true\n[flake8]\nexit-zero = true\n", marks=pytest.mark.soak
        ),
        ("conftest.py", "def pytest_sessionfinish(session):\n    session.exitstatus = 1\n"),
    ],
)
def test_the_applications_settings_do_not_change_the_outcome(sample: Workshop, settings: str, text: str) -> None:
    """Such as a limit of its coverage, which ends pytest with a status of its own although every test passes."""
    sample.write(UNIT, GREEN)
    sample.write(f"backend/{settings}", text)
    outcome = build(sample, TESTS_BLOCK="true")
    assert outcome.succeeded, outcome.log
    assert "RESULT unit tests: passed" in outcome.result_lines()
    assert "--isolated" in sample.machine.calls("flake8")[0]


BASE = "fastapi==0.1  # comment\n"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"requirements.txt": BASE.encode("utf-16")}, {"requirements.txt": BASE}),
        ({"requirements.txt": BASE.encode("utf-8-sig")}, {"requirements.txt": BASE}),
        pytest.param(
            {"requirements.txt": "# -*- coding: latin-1 -*-\n# é\n".encode("latin-1")},
            {"requirements.txt": "# -*- coding: latin-1 -*-\n# é\n"},
            marks=pytest.mark.soak,
        ),
        (
            {"requirements.txt": b"-r requirements/base.txt\n", "requirements/base.txt": BASE.encode()},
            {"requirements.txt": BASE},
        ),
        pytest.param(
            {
                "requirements.txt": b"--requirement=a/b.txt\nuvicorn\n",
                "a/b.txt": b"-r c.txt\n",
                "a/c.txt": BASE.encode(),
            },
            {"requirements.txt": BASE + "uvicorn\n"},
            marks=pytest.mark.soak,
        ),
        (
            {"requirements.txt": b"-c limits.txt\nuvicorn\n", "limits.txt": b"uvicorn<1\n"},
            {"requirements.txt": "-c constraints-0.txt\nuvicorn\n", "constraints-0.txt": "uvicorn<1\n"},
        ),
        (
            {"requirements.txt": b"-r 'more of it/${PORT}.txt'\r\n", "more of it/8000.txt": BASE.encode()},
            {"requirements.txt": BASE},
        ),
        (
            {"requirements.txt": b"a==1 \\\n    --hash=sha256:00\n-r https://example.com/more.txt\n"},
            {"requirements.txt": "a==1 \\\n    --hash=sha256:00\n-r https://example.com/more.txt\n"},
        ),
    ],
    ids=[
        "UTF-16",
        "mark of UTF-8",
        "named encoding",
        "include",
        "include of an include",
        "constraint",
        "quotes and variables",
        "hashes and address",
    ],
)
def test_requirements_in_whatever_form_pip_takes_them(
    sample: Workshop, files: dict[str, bytes], expected: dict[str, str]
) -> None:
    (sample.source / "requirements.txt").unlink()
    folder = "." if "a/b.txt" in files else "backend"
    for name, content in files.items():
        (sample.source / folder / name).parent.mkdir(exist_ok=True)
        (sample.source / folder / name).write_bytes(content)
    outcome = build(sample)
    assert outcome.succeeded, outcome.log
    bundle = {name: path.read_text("utf-8") for name, path in outcome.artifacts[""].items() if name.endswith(".txt")}
    assert bundle == expected
    assert "COPY *.txt ./" in (sample.source / "release.Dockerfile").read_text()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param("./libs/own-1.0-py3-none-any.whl", "./wheels/own-1.0-py3-none-any.whl", marks=pytest.mark.soak),
        ("own @ file:./libs/own-1.0-py3-none-any.whl ; python_version > '3'", None),
        ("libs/own-1.0-py3-none-any.whl[extra]  # ours", "./wheels/own-1.0-py3-none-any.whl[extra]  # ours"),
        pytest.param("-r libs/more.txt", "./wheels/own-1.0-py3-none-any.whl", marks=pytest.mark.soak),
        ("--no-index --find-links=libs", "--no-index --find-links=wheels"),
    ],
)
def test_packages_of_the_repository_itself_are_in_image_and_bundle(
    sample: Workshop, line: str, expected: str | None
) -> None:
    (sample.source / "requirements.txt").unlink()
    sample.write("backend/libs/own-1.0-py3-none-any.whl", "a package")
    sample.write("backend/libs/more.txt", "./own-1.0-py3-none-any.whl\n")
    sample.write("backend/requirements.txt", f"fastapi\n{line}\n")
    outcome = build(sample)
    assert outcome.succeeded, outcome.log
    bundle = outcome.artifacts[""]
    lines = bundle["requirements.txt"].read_text().splitlines()
    assert lines == ["fastapi", expected or "./wheels/own-1.0-py3-none-any.whl ; python_version > '3'"]
    assert bundle["wheels/own-1.0-py3-none-any.whl"].read_text() == "a package"
    assert "\nCOPY wheels ./wheels\n" in (sample.source / "release.Dockerfile").read_text()


def test_beside_hashes_a_package_of_the_repository_has_one(sample: Workshop) -> None:
    sample.write("own-1.0-py3-none-any.whl", "a package")
    sample.write("requirements.txt", f"a==1 --hash=sha256:{'0' * 64}\n./own-1.0-py3-none-any.whl\n")
    lines = build(sample).artifacts[""]["requirements.txt"].read_text().splitlines()
    digest = hashlib.sha256(b"a package").hexdigest()
    assert lines[1] == f"./wheels/own-1.0-py3-none-any.whl --hash=sha256:{digest}"


@pytest.mark.parametrize(
    "line",
    [
        "-e .",
        *(pytest.param(line, marks=pytest.mark.soak) for line in ("--editable=./libs/own", "./libs/own[extra]")),
        "own @ file:./libs/own",
    ],
)
def test_a_folder_that_is_a_package_is_made_one(sample: Workshop, line: str) -> None:
    """And it is told when that cannot be: here no pip makes it."""
    sample.write("libs/own/pyproject.toml", "[project]\nname = 'own'\nversion = '1'\n")
    sample.write("requirements.txt", f"{line}\n")
    outcome = build(sample)
    assert outcome.phases == {"install": False}
    assert f"ERROR requirements: {line}: no package can be made of that folder" in outcome.result_lines()
    [call] = sample.machine.calls("pip", "wheel")
    assert call[-1] == str(sample.source / ("" if line == "-e ." else "libs/own")).rstrip("/")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"-r missing.txt\n", "missing.txt cannot be read"),
        (b"-r requirements.txt\n", "requirements.txt names itself with -r or -c"),
        (b"# coding: no-such\n", "cannot be read: unknown encoding"),
    ],
)
def test_requirements_that_pip_would_not_take_are_told(sample: Workshop, content: bytes, problem: str) -> None:
    (sample.source / "backend/requirements.txt").write_bytes(content)
    outcome = build(sample)
    assert outcome.phases == {"install": False} and len(sample.machine.calls("pip")) == 1  # the tools
    [line] = [line for line in outcome.result_lines() if line.startswith("ERROR")]
    assert problem in line and "Traceback" not in outcome.log


@pytest.mark.parametrize(
    "file",
    [
        "requirements-dev.txt",
        "backend/requirements/test.txt",
        *(
            pytest.param(file, marks=pytest.mark.soak)
            for file in (
                "backend/requirements-dev.txt",
                "test-requirements.txt",
                "backend/requirements_test.txt",
                "requirements.dev.txt",
                "backend/tests/requirements.txt",
            )
        ),
    ],
)
def test_requirements_of_the_tests_are_installed(sample: Workshop, file: str) -> None:
    sample.write(file, "pytest-cov\n")
    outcome = build(sample)
    installed = [call[-1].rpartition("/")[2] for call in sample.machine.calls("pip")]
    assert installed[2] == file.rpartition("/")[2]
    assert [line for line in outcome.result_lines() if line.startswith("RESULT requirements of the tests")]


def test_a_compile_error_always_fails(sample: Workshop) -> None:
    sample.write("backend/app/broken.py", "def broken(:\n")
    outcome = build(sample)
    assert outcome.phases == {"install": True, "pre_build": False}
    assert "SyntaxError" in outcome.log
    assert "ERROR app does not compile" in outcome.result_lines()


def test_lint_blocks_when_the_project_says_so(sample: Workshop) -> None:
    sample.machine.answer("flake8", status=1)
    outcome = build(sample, LINT_BLOCKS="true")
    assert outcome.phases == {"install": True, "pre_build": False}
    assert "RESULT lint: findings, and LINT_BLOCKS=true stops the build" in outcome.result_lines()


@pytest.mark.parametrize("tool", ["flake8", pytest.param("bandit", marks=pytest.mark.soak)])
def test_a_broken_tool_is_no_finding(sample: Workshop, tool: str) -> None:
    sample.machine.answer(tool, status=2)
    outcome = build(sample)
    assert outcome.phases == {"install": True, "pre_build": False}
    assert f"ERROR {tool} itself failed with status 2" in outcome.result_lines()


def test_what_the_application_brings_is_used(sample: Workshop) -> None:
    sample.write("backend/requirements.txt", "fastapi\n")
    sample.write("backend/Dockerfile", "FROM scratch\n")
    sample.write("backend/Procfile", "web: own\n")
    sample.write("backend/.ebextensions/01.config", "{}\n")
    outcome = build(sample)
    assert outcome.succeeded, outcome.log
    assert [line for line in outcome.result_lines() if "file" in line] == ["RESULT Dockerfile: the application's own"]
    bundle = outcome.artifacts[""]
    assert bundle["requirements.txt"].read_text() == "fastapi\n"
    assert bundle["Procfile"].read_text() == "web: own\n"
    assert ".ebextensions/01.config" in bundle
    (call,) = sample.machine.calls("docker", "build")
    assert (call[3], call[-1]) == (str(sample.source / "backend/Dockerfile"), str(sample.source / "backend"))


@pytest.mark.parametrize("call", ["docker build", pytest.param("docker save", marks=pytest.mark.soak)])
def test_an_image_that_cannot_be_built_fails(sample: Workshop, call: str) -> None:
    sample.machine.answer(call, status=1)
    outcome = build(sample)
    assert outcome.phases["post_build"] is False
    assert "release-image.tar" not in outcome.artifacts.get("", {})


@pytest.mark.parametrize(
    ("variables", "complaint"),
    [
        ({"LINT_BLOCKS": "True"}, "ERROR LINT_BLOCKS is 'True', it must be true or false"),
        ({"APPLICATION_MODULE": "api.main:app"}, "ERROR APPLICATION_MODULE: backend/api is missing"),
        ({"BACKEND_DIRECTORY": "server"}, "server: No such file or directory"),
        ({"CODEBUILD_RESOLVED_SOURCE_VERSION": ""}, "the pipeline gave no commit"),
    ],
)
def test_wrong_settings_are_named(sample: Workshop, variables: dict[str, str], complaint: str) -> None:
    outcome = build(sample, **variables)
    assert outcome.phases == {"install": False}
    assert complaint in outcome.log
    assert not sample.machine.calls("pip")


def test_without_an_image_the_bundle_is_the_release(sample: Workshop) -> None:
    """On Elastic Beanstalk. A project that does not say which it is is a fault."""
    outcome = build(sample, MAKES_IMAGE="false")
    assert outcome.succeeded, outcome.log
    assert "RESULT image: NONE, the bundle is the release" in outcome.result_lines()
    assert "Procfile" in outcome.artifacts[""] and "release-image.tar" not in outcome.artifacts[""]
    assert not sample.machine.calls("docker")
    forgotten = build(sample, MAKES_IMAGE="")
    assert forgotten.phases == {"install": False} and "ERROR MAKES_IMAGE is ''" in forgotten.log


def test_requirements_must_be_somewhere(sample: Workshop) -> None:
    (sample.source / "requirements.txt").unlink()
    outcome = build(sample)
    assert not outcome.phases["install"]
    assert "ERROR requirements.txt is neither in backend nor above it, and no lock file is" in outcome.result_lines()


def test_the_release_is_what_the_code_imports(sample: Workshop) -> None:
    """Whatever it is called and however it is imported; and no tests that nobody imports."""
    sample.write("backend/app/routers/__init__.py", "")
    sample.write("backend/app/routers/tests/__init__.py", "from .parts import NAME\n")
    sample.write("backend/app/routers/tests/parts.py", "NAME = 'laboratory tests'\n")
    sample.write(
        "backend/app/extra.py",
        "from .routers.tests import NAME\nfrom common.words import WORD\nPLUGIN = 'plugins.one'\n",
    )
    sample.write("backend/app/tests/test_inside.py", "from fixtures import nothing\n")
    sample.write("backend/common/words.py", "import settings_of_ours\nWORD = 1\n")
    sample.write("backend/common/tests/test_words.py", GREEN)
    sample.write("backend/settings_of_ours.py", "")
    sample.write("backend/plugins/one.py", "")
    sample.write("backend/fixtures/__init__.py", "")
    sample.write("backend/common/words.json", "{}")
    outcome = build(sample)
    assert outcome.succeeded, outcome.log
    bundle = set(outcome.artifacts[""])
    assert {"app/routers/tests/__init__.py", "app/routers/tests/parts.py", "app/extra.py"} <= bundle
    assert {"common/words.py", "common/words.json", "settings_of_ours.py", "plugins/one.py"} <= bundle
    assert not [name for name in bundle if "test_" in name or name.startswith("fixtures")]
    left = "RESULT left out of the release, because no code of it imports or names them: fixtures, test_connection.py"
    assert left in outcome.result_lines()


def test_the_release_has_what_the_code_names(sample: Workshop) -> None:
    """Folders and files beside the package that it reads while it runs; neither secrets nor tests."""
    for file in (
        "templates/page.html",
        "static/a.css",
        "alembic.ini",
        "data/words.json",
        ".env",
        "other/x",
        "tests/x.json",
    ):
        sample.write(f"backend/{file}", "x")
    sample.write(
        "backend/app/extra.py",
        "from pathlib import Path\n"
        "NAMES = ['templates', './static/a.css', 'alembic.ini', '.env', '/other', 'tests/x.json']\n"
        "WORDS = Path(__file__).parents[1] / 'data' / 'words.json'\n",
    )
    bundle = set(build(sample).artifacts[""])
    assert {"templates/page.html", "static/a.css", "alembic.ini", "data/words.json"} <= bundle
    assert not [name for name in bundle if name.startswith((".env", "other", "tests"))]


CONFIGURATION = {"plain": {"MODE": "production"}, "generated": {"KEY": 40}, "fernet": ["LOCK"], "filled": []}


@pytest.mark.parametrize(
    ("text", "status", "line"),
    [
        ("app = object()", 0, "RESULT import: app.main:app is there"),
        (
            "import os, base64\nassert os.environ['MODE'] == 'production' and len(os.environ['KEY']) == 40\n"
            "assert len(base64.urlsafe_b64decode(os.environ['LOCK'])) == 32\napp = object()",
            0,
            "RESULT import: app.main:app is there",
        ),
        ("import nowhere", 1, "ERROR import: app/main.py:1: ModuleNotFoundError: No module named 'nowhere'"),
        (
            "\nfrom app.settings import nothing",
            1,
            "ERROR import: app/main.py:2: ImportError: cannot import name 'nothing' from 'app.settings'"
            " (BUNDLE/app/settings.py)",
        ),
        ("\n\nnothing", 1, "ERROR import: app/main.py:3: NameError: name 'nothing' is not defined"),
        ("import app.wrong", 1, "ERROR import: app/main.py:1: SyntaxError: invalid syntax (wrong.py, line 1)"),
        ("application = object()", 1, "ERROR import: AttributeError: module 'app.main' has no attribute 'app'"),
        (
            "raise SystemExit('LOG_LEVEL must be set')",
            1,
            "ERROR import: app/main.py:1: SystemExit: LOG_LEVEL must be set",
        ),
        (
            "class ValidationError(Exception):\n  def errors(self):\n"
            "    return [{'type': 'missing', 'loc': ('TOKEN',)}, {'type': 'other', 'loc': ('PORT',)},\n"
            "      {'type': 'missing', 'loc': ('a', 'LEVEL')}]\nraise ValidationError('many lines')",
            1,
            "ERROR import: app/main.py:5: ValidationError: no value for TOKEN, LEVEL, which no fact in"
            " generator/application.py names, or one that is optional",
        ),
        ("raise OSError('no\\n  credentials')", 0, "RESULT import: not judged, app/main.py:1: OSError: no credentials"),
        (
            "import signal\nassert 50 < signal.alarm(0) <= 60\nsignal.raise_signal(signal.SIGALRM)",
            0,
            "RESULT import: not judged, app/main.py:3: TimeoutError: it takes more than a minute",
        ),
        (
            "import os, sys\nassert 'CONFIGURATION' not in os.environ and sys.dont_write_bytecode\n"
            "assert not [name for name in os.environ if name.startswith('AWS_CONTAINER')]\n"
            "assert os.environ['AWS_EC2_METADATA_DISABLED'] == 'true' and os.getcwd() == sys.path[0] == 'BUNDLE'\n"
            "app = object()",
            0,
            "RESULT import: app.main:app is there",
        ),
        ("raise OSError('x' * 2000)", 0, f"RESULT import: not judged, app/main.py:1: OSError: {'x' * 2000}"[:1000]),
    ],
    ids=[
        *("there", "configured", "module", "name of a module", "name", "syntax", "attribute", "exit", "setting"),
        *("service", "endless", "surroundings", "long"),
    ],
)
def test_the_application_is_imported_before_anything_is_pushed(
    once: tuple[Workshop, Outcome], tmp_path: Path, text: str, status: int, line: str
) -> None:
    """By the script that the build writes, which is run here for itself: a build's programs are stand-ins."""
    sample, plain = once
    assert plain.succeeded
    [call] = sample.machine.calls("release-import")
    bundle = shutil.copytree(sample.source / "release-bundle", tmp_path / "release-bundle")
    (bundle / "app/main.py").write_text(text.replace("BUNDLE", str(bundle)))
    (bundle / "app/wrong.py").write_text("def\n")
    done = imported(call[1], bundle, CONFIGURATION)
    assert done.returncode == status
    assert (done.stdout + done.stderr).splitlines() == [line.replace("BUNDLE", str(bundle))]
    assert not list(bundle.rglob("__pycache__"))


def imported(
    script: str, bundle: Path, configuration: dict[str, Any], module: str = "app.main:app"
) -> subprocess.CompletedProcess[str]:
    variables = {"BUNDLE": str(bundle), "APPLICATION_MODULE": module, "CONFIGURATION": json.dumps(configuration)}
    credentials = {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/x", "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://x"}
    return subprocess.run(
        [sys.executable, "-I", script], env=variables | credentials, capture_output=True, text=True, check=False
    )


def test_an_application_that_ends_because_of_a_secret_without_a_form_is_not_judged(
    once: tuple[Workshop, Outcome], tmp_path: Path
) -> None:
    """Such a secret is filled with anything, and the application may look at what it is given."""
    sample = once[0]
    [call] = sample.machine.calls("release-import")
    bundle = shutil.copytree(sample.source / "release-bundle", tmp_path / "release-bundle")
    (bundle / "app/main.py").write_text(
        "import os\nif os.environ['LICENCE'] == 'x' * 32:\n    raise SystemExit('no licence')\n"
    )
    done = imported(call[1], bundle, {**CONFIGURATION, "filled": ["LICENCE"]})
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "RESULT import: not judged, app/main.py:3: SystemExit: no licence\n"


def test_an_application_may_be_a_part_of_something(once: tuple[Workshop, Outcome], tmp_path: Path) -> None:
    sample = once[0]
    [call] = sample.machine.calls("release-import")
    bundle = shutil.copytree(sample.source / "release-bundle", tmp_path / "release-bundle")
    (bundle / "app/main.py").write_text("class Server:\n    app = object()\n")
    done = imported(call[1], bundle, CONFIGURATION, "app.main:Server.app")
    assert (done.returncode, done.stdout) == (0, "RESULT import: app.main:Server.app is there\n")


def test_an_application_that_cannot_be_imported_ends_its_build_at_once(sample: Workshop) -> None:
    sample.machine.answer("release-import", status=1, error="ERROR import: no module named nowhere")
    outcome = build(sample)
    assert not outcome.succeeded
    assert not sample.machine.calls("docker") and not sample.machine.calls("flake8")


GROUPS = """optional-dependencies = {test = ["httpx"], docs = ["mkdocs"]}
[dependency-groups]
dev = ["respx", {include-group = "docs"}]
"""
LOCKED = {
    "default": {
        "fastapi": {"version": "==0.165.0", "extras": ["standard"]},
        "x": {"version": "==1", "markers": "python_version < '4'"},
    },
    "develop": {"httpx": {"version": "==0.28.0"}},
}


@pytest.mark.parametrize(
    ("files", "place", "lines", "tests"),
    [
        (
            {"backend/Pipfile.lock": json.dumps(LOCKED)},
            "backend/Pipfile.lock",
            ["fastapi[standard]==0.165.0", "x==1; python_version < '4'"],
            ["httpx==0.28.0"],
        ),
        (
            {"pyproject.toml": '[project]\ndependencies = ["fastapi>=0.1", "uvicorn"]\n'},
            "pyproject.toml",
            ["fastapi>=0.1", "uvicorn"],
            [],
        ),
        ({"pyproject.toml": f"[project]\ndependencies = []\n{GROUPS}"}, "pyproject.toml", [], ["httpx", "respx"]),
    ],
)
def test_a_lock_file_or_a_pyproject_says_what_is_needed(
    sample: Workshop, files: dict[str, str], place: str, lines: list[str], tests: list[str]
) -> None:
    (sample.source / "requirements.txt").unlink()
    for name, text in files.items():
        sample.write(name, text)
    outcome = build(sample)
    assert outcome.succeeded, outcome.log
    assert f"RESULT requirements: from {place}" in outcome.result_lines()
    assert outcome.artifacts[""]["requirements.txt"].read_text().splitlines() == lines
    # The packages of its tests are installed, and are no part of the release.
    assert (sample.source / "release-locked-tests.txt").read_text().splitlines() == tests
    installed = [call[-1].rpartition("/")[2] for call in sample.machine.calls("pip")]
    assert ("release-locked-tests.txt" in installed) is bool(tests)


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("pyproject.toml", "[tool.x]\na = 1\n", "ERROR requirements: pyproject.toml has no project.dependencies"),
        ("Pipfile.lock", '{"default": {"x": {"git": "y"}}}', "ERROR requirements: x in Pipfile.lock has no version"),
    ],
)
def test_a_file_that_does_not_say_what_is_needed_ends_the_build(
    sample: Workshop, name: str, text: str, line: str
) -> None:
    (sample.source / "requirements.txt").unlink()
    sample.write(f"backend/{name}", text)
    outcome = build(sample)
    assert not outcome.succeeded and line in outcome.log


def test_a_backend_may_be_one_module_in_the_root(sample: Workshop) -> None:
    sample.write("main.py", "import helpers\napp = object()\n")
    sample.write("helpers.py", "")
    sample.write("test_main.py", GREEN)
    sample.write("test_by_hand.py", "raise SystemExit(3)\n")
    outcome = build(sample, BACKEND_DIRECTORY=".", APPLICATION_MODULE="main:app")
    assert outcome.succeeded, outcome.log
    assert {"main.py", "helpers.py", "requirements.txt", "Procfile"} <= set(outcome.artifacts[""])
    assert not [name for name in outcome.artifacts[""] if name.startswith(("backend/", "frontend/"))]
    assert sample.machine.calls("flake8")[0][1] == "main.py"
    assert "RESULT unit tests: passed" in outcome.result_lines()


WORKSPACE = (
    'version = 1\n[manifest]\nmembers = ["shop", "words"]\n[[package]]\nsource = { editable = "services/shop" }\n'
)


def test_a_member_of_a_workspace_is_locked_by_it(sample: Workshop) -> None:
    """What counts is which lock file is chosen, and from where uv is asked."""
    (sample.source / "requirements.txt").unlink()
    (sample.source / "backend").rename(sample.source / "services-shop")
    (sample.source / "services").mkdir()
    (sample.source / "services-shop").rename(sample.source / "services/shop")
    sample.write("services/shop/pyproject.toml", '[project]\nname = "shop"\ndependencies = ["fastapi"]\n')
    sample.write("services/words/pyproject.toml", '[project]\nname = "words"\ndependencies = []\n')
    sample.write("uv.lock", WORKSPACE)
    outcome = build(sample, BACKEND_DIRECTORY="services/shop")
    assert "RESULT requirements: services/shop is locked by the workspace that it belongs to" in outcome.result_lines()
    assert sample.machine.calls("uv") == [
        ["uv", str(sample.source / "services/shop"), *UV.split(), "--no-default-groups"]
    ]


UV, POETRY = "export --frozen --no-emit-project --no-hashes --quiet", "export --without-hashes --no-interaction"


@pytest.mark.parametrize(
    ("lock", "settings", "exports"),
    [
        (
            "uv.lock",
            "[dependency-groups]\ntest = []\ndev = []\ndocs = []\n",
            [f"{UV} --no-default-groups", f"{UV} --only-group dev", f"{UV} --only-group test"],
        ),
        ("uv.lock", "[tool.uv]\ndev-dependencies = []\n", [f"{UV} --no-default-groups", f"{UV} --only-group dev"]),
        ("uv.lock", "", [f"{UV} --no-default-groups"]),
        (
            "poetry.lock",
            "[tool.poetry.group.tests.dependencies]\n[tool.poetry.group.dev.dependencies]\n[tool.poetry.group.x]\n",
            [POETRY, f"{POETRY} --only dev,tests"],
        ),
        ("poetry.lock", "[tool.poetry.dev-dependencies]\nx = '1'\n", [POETRY, f"{POETRY} --only dev"]),
        ("poetry.lock", "", [POETRY]),
    ],
)
def test_a_lock_file_is_exported_by_its_tool(sample: Workshop, lock: str, settings: str, exports: list[str]) -> None:
    """Exactly what is locked: the application's packages for the release, those of its tests apart from them."""
    (sample.source / "requirements.txt").unlink()
    sample.write(f"backend/{lock}", "")
    sample.write("backend/pyproject.toml", f"[project]\nname = 'x'\n{settings}")
    outcome = build(sample)
    assert outcome.succeeded, outcome.log
    assert f"RESULT requirements: from backend/{lock}" in outcome.result_lines()
    tool = lock.partition(".")[0]
    folder = str(sample.source / "backend")
    assert sample.machine.calls(tool) == [[tool, folder, *words.split()] for words in exports]
    assert outcome.artifacts[""]["requirements.txt"].read_text().splitlines() == [f"{tool} {exports[0]}"]
    tests = (sample.source / "release-locked-tests.txt").read_text().splitlines()
    assert tests == [f"{tool} {words}" for words in exports[1:]]
    [installed] = [call for call in sample.machine.calls("pip") if call[-1].endswith(f"/release-{tool}.txt")]
    locked = [
        "--no-deps",
        "--require-hashes",
        "--only-binary",
        ":all:",
        "-r",
        str(sample.source / f"release-{tool}.txt"),
    ]
    assert installed[1:] == ["install", "--quiet", "--disable-pip-version-check", "--no-compile", *locked]
    pinned = (sample.source / f"release-{tool}.txt").read_text()
    assert re.search(rf"^{tool}==\d[\d.]* \\$", pinned, re.M) and "--hash=sha256:" in pinned


@pytest.mark.parametrize("tool", ["uv", "poetry"])
def test_what_cannot_be_exported_ends_the_build(sample: Workshop, tool: str) -> None:
    (sample.source / "requirements.txt").unlink()
    sample.write(f"backend/{tool}.lock", "")
    sample.machine.answer(f"{tool} export", status=2, error="the lock file is outdated")
    outcome = build(sample)
    assert not outcome.succeeded and "the lock file is outdated" in outcome.log
    assert not outcome.artifacts and not sample.machine.calls("docker")


def test_a_lock_file_of_others_is_none_of_this_project(sample: Workshop) -> None:
    (sample.source / "requirements.txt").unlink()
    sample.write("backend/pyproject.toml", '[project]\ndependencies = ["fastapi"]\n')
    sample.write("uv.lock", WORKSPACE)
    outcome = build(sample)
    assert outcome.succeeded, outcome.log
    assert "RESULT requirements: from backend/pyproject.toml" in outcome.result_lines()


@pytest.mark.parametrize("name", ["uv.lock", "poetry.lock", "Pipfile.lock", "pdm.lock", "pylock.toml"])
def test_a_lock_file_that_is_not_read_is_told(sample: Workshop, name: str) -> None:
    sample.write(name, "")
    line = f"RESULT requirements: requirements.txt is read, {name} beside it is not: "
    assert [result for result in build(sample).result_lines() if result.startswith(line)]


def test_requirements_that_lie_elsewhere_are_named(sample: Workshop) -> None:
    (sample.source / "requirements.txt").unlink()
    sample.write("backend/requirements/prod.txt", "fastapi\n")
    sample.write("backend/pdm.lock", "")
    outcome = build(sample)
    assert not outcome.phases["install"]
    line = "ERROR requirements: not read where they are: backend/pdm.lock, backend/requirements/prod.txt: write a"
    assert [result for result in outcome.result_lines() if result.startswith(line)]


def test_the_release_has_what_its_settings_and_scripts_name(sample: Workshop) -> None:
    """A Procfile names a script, the script a settings file, alembic.ini the folder of its migrations."""
    sample.write("backend/Procfile", "web: ./run/start.sh app.main:app\n")
    sample.write("backend/run/start.sh", "exec gunicorn -c gunicorn_conf.py $1\n")
    sample.write("backend/alembic.ini", "[alembic]\nscript_location = %(here)s/migrations\n")
    sample.write("backend/migrations/env.py", "")
    sample.write("backend/gunicorn_conf.py", "")
    sample.write("backend/app/extra.py", "INI = 'alembic.ini'\n")
    sample.write("backend/unused/x.py", "")
    bundle = set(build(sample).artifacts[""])
    assert {"run/start.sh", "gunicorn_conf.py", "migrations/env.py", "alembic.ini"} <= bundle
    assert "unused/x.py" not in bundle


def _docker_build(sample: Workshop) -> list[str]:
    [call] = sample.machine.calls("docker", "build")
    return [str(Path(word).relative_to(sample.source)) for word in (call[call.index("--file") + 1], call[-1])]


@pytest.mark.parametrize(
    ("files", "text", "context"),
    [
        ({}, "FROM x\nCOPY app ./app\n", "backend"),
        ({"uv.lock": ""}, "FROM x\nCOPY uv.lock ./backend/app /code/\n", "."),
        ({"uv.lock": ""}, 'FROM x\nADD --chown=1 ["uv.lock", "backend/app", "/code/"]\n', "."),
        (
            {"uv.lock": ""},
            "FROM x\nRUN --mount=type=cache,target=/c \\\n  --mount=type=bind,source=uv.lock,target=uv.lock \\\n  y\n",
            ".",
        ),
        ({}, "FROM x AS y\n# COPY uv.lock .\nCOPY --from=y /uv /bin/\nCOPY . .\nCOPY poetry.lock* ./\n", "backend"),
        ({}, "FROM x\nCOPY nowhere .\n", "backend"),
    ],
)
def test_a_dockerfile_is_built_where_its_files_are(
    sample: Workshop, files: dict[str, str], text: str, context: str
) -> None:
    for name, content in {**files, "backend/Dockerfile": text}.items():
        sample.write(name, content)
    outcome = build(sample)
    assert _docker_build(sample) == ["backend/Dockerfile", context], outcome.log
    line = "RESULT Dockerfile: backend/Dockerfile, which copies from the root of the repository"
    assert (line in outcome.result_lines()) is (context == ".")


def test_a_dockerfile_of_the_project_above_its_code(sample: Workshop) -> None:
    (sample.source / "requirements.txt").rename(sample.source / "backend/requirements.txt")
    (sample.source / "backend/src").mkdir()
    (sample.source / "backend/app").rename(sample.source / "backend/src/app")
    sample.write("backend/Dockerfile", "FROM x\nCOPY requirements.txt src /code/\n")
    outcome = build(sample, BACKEND_DIRECTORY="backend/src")
    assert _docker_build(sample) == ["backend/Dockerfile", "backend"], outcome.log
    assert "RESULT Dockerfile: backend/Dockerfile, which copies from backend" in outcome.result_lines()
