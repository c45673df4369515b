"""The frontend's build, run on copies of the sample application."""

import hashlib
import json
from typing import Any
from xml.etree import ElementTree

import pytest

from scripts.rehearsal.builds.phases import Outcome
from tests.support.buildspecs.running import COMMIT, SAMPLE, Workshop

VARIABLES = {
    "BUILD_VARIABLES": "",
    "FRONTEND_DIRECTORY": "frontend",
    "NODE_VERSION": "22",
    "OUTPUT_DIRECTORY": "build",
    "ASSETS_DIRECTORY": "static",
    "LINT_BLOCKS": "false",
    "TESTS_BLOCK": "false",
    "REACT_APP_BASE_URL": "/api/v1",
}
PAGE = "<!DOCTYPE html>\n"
BUILT = {
    "build/index.html": PAGE,
    "build/asset-manifest.json": "{}",
    "build/robots.txt": "",
    "build/static/js/main.0a1b2c3d.js": "1",
    "build/static/css/main.0a1b2c3d.css": "",
}
TEST = "frontend/src/App.test.js"


def build(sample: Workshop, built: dict[str, str] = BUILT, **variables: str) -> Outcome:
    sample.machine.answer("npm run build", built)
    return sample.build("frontend", {**VARIABLES, **variables})


def jest(sample: Workshop, status: int, *results: dict[str, Any]) -> None:
    """Prepares what Jest writes with --json for one test file (docs of jest-cli, --json and --outputFile)."""
    outcome = "failed" if status else "passed"
    file = {
        "name": "App.test.js",
        "status": outcome,
        "message": "Cannot find module",
        "assertionResults": list(results),
    }
    sample.machine.answer("npm test", {"testResults": [file]}, status=status)
    sample.write(TEST, "test('one', () => {});\n")


def package(sample: Workshop, **changes: Any) -> None:
    file = sample.source / "frontend" / "package.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))


def cases(outcome: Outcome) -> dict[str, list[str]]:
    """The test cases of the report, with what is said of each beside its name."""
    (path,) = outcome.reports["tests"]
    cases = ElementTree.parse(path).getroot().iter("testcase")
    return {case.attrib["name"]: [child.tag for child in case] for case in cases}


PASSED = {"fullName": "App one", "status": "passed", "duration": 12, "failureMessages": []}
FAILED = {"fullName": "App two", "status": "failed", "duration": None, "failureMessages": ["expected <1>, got 2"]}
PENDING = {"fullName": "App three", "status": "pending", "failureMessages": []}


def test_the_sample_as_it_is(sample: Workshop) -> None:
    outcome = build(sample)
    assert outcome.succeeded, outcome.log
    assert outcome.result_lines() == [
        "RESULT lint: SKIPPED, package.json has no script named lint",
        "RESULT tests: NONE, the application has no tests",
    ]
    assert outcome.variables == {"COMMIT": COMMIT, "INDEX_SHA256": hashlib.sha256(PAGE.encode()).hexdigest()}
    assert outcome.runtimes == {"nodejs": "22"}
    assert outcome.cache_key.startswith("npm-22-")
    assert len(outcome.cache_key) == len("npm-22-") + 64
    assert all(f"DURATION {phase} " in outcome.log for phase in ("install", "pre_build", "build", "post_build"))
    assert [call[1:] for call in sample.machine.calls("npm")] == [["ci", "--no-audit", "--no-fund"], ["run", "build"]]
    assert cases(outcome) == {"tests: none, without single results": ["skipped"]}
    assert set(outcome.artifacts) == {"", "FrontendAssets", "FrontendDocuments"}
    assert set(outcome.artifacts["FrontendAssets"]) == {"static/js/main.0a1b2c3d.js", "static/css/main.0a1b2c3d.css"}
    assert set(outcome.artifacts["FrontendDocuments"]) == {"index.html", "asset-manifest.json", "robots.txt"}


@pytest.mark.parametrize("blocks", ["false", "true"])
def test_warnings_are_errors_only_when_lint_blocks(sample: Workshop, blocks: str) -> None:
    assert build(sample, LINT_BLOCKS=blocks).succeeded
    assert sample.machine.variables("npm run build")["CI"] == blocks


def test_no_script_is_written_into_the_page(sample: Workshop) -> None:
    assert build(sample).succeeded
    assert sample.machine.variables("npm run build")["INLINE_RUNTIME_CHUNK"] == "false"


def test_the_build_has_its_variables(sample: Workshop) -> None:
    assert build(sample).succeeded
    variables = sample.machine.variables("npm run build")
    assert (variables["REACT_APP_BASE_URL"], variables["REACT_APP_VERSION"]) == ("/api/v1", COMMIT[:12])


def test_a_version_that_is_given_stays(sample: Workshop) -> None:
    assert build(sample, REACT_APP_VERSION="2.0").succeeded
    assert sample.machine.variables("npm run build")["REACT_APP_VERSION"] == "2.0"


def test_an_environment_has_variables_of_its_own(sample: Workshop) -> None:
    settings = "REACT_APP_BASE_URL=https://api.test/v1?a=b&c=*,VITE_EMPTY=,REACT_APP_VERSION=3.1"
    outcome = build(sample, BUILD_VARIABLES=settings)
    assert outcome.succeeded, outcome.log
    variables = sample.machine.variables("npm run build")
    assert variables["REACT_APP_BASE_URL"] == "https://api.test/v1?a=b&c=*"
    assert (variables["VITE_EMPTY"], variables["REACT_APP_VERSION"]) == ("", "3.1")
    assert "RESULT build variable: VITE_EMPTY=" in outcome.result_lines()


def test_tests_that_pass(sample: Workshop) -> None:
    jest(sample, 0, PASSED, PENDING)
    outcome = build(sample, TESTS_BLOCK="true")
    assert outcome.succeeded, outcome.log
    assert "RESULT tests: passed" in outcome.result_lines()
    assert cases(outcome) == {"App one": [], "App three": ["skipped"]}
    (call,) = sample.machine.calls("npm", "test")
    assert call[2:6] == ["--", "--coverage", "--watchAll=false", "--json"]
    assert sample.machine.variables("npm test")["CI"] == "true"


def test_failing_tests_are_reported_and_do_not_block(sample: Workshop) -> None:
    jest(sample, 1, PASSED, FAILED)
    outcome = build(sample)
    assert outcome.succeeded, outcome.log
    assert "RESULT tests: FAILED, reported only (TESTS_BLOCK=false)" in outcome.result_lines()
    assert cases(outcome) == {"App one": [], "App two": ["failure"]}


def test_failing_tests_block_when_the_project_says_so(sample: Workshop) -> None:
    jest(sample, 1, FAILED)
    outcome = build(sample, TESTS_BLOCK="true")
    assert outcome.phases == {"install": True, "pre_build": True, "build": False, "post_build": False}
    assert "ERROR failing tests stop the build (TESTS_BLOCK=true)" in outcome.result_lines()
    assert cases(outcome) == {"App two": ["failure"]}
    assert not sample.machine.calls("npm", "run", "build")


def test_a_test_file_that_cannot_be_run_is_an_error(sample: Workshop) -> None:
    jest(sample, 1)
    assert cases(build(sample)) == {"the file could not be run": ["error"]}


def test_a_runner_that_breaks_is_an_error(sample: Workshop) -> None:
    sample.machine.answer("npm test", status=1)
    sample.write(TEST, "")
    outcome = build(sample)
    assert "RESULT tests: FAILED, reported only (TESTS_BLOCK=false)" in outcome.result_lines()
    assert cases(outcome) == {"tests: failed, without single results": ["error"]}


@pytest.mark.parametrize(("status", "blocks", "green"), [(0, "true", True), (1, "false", True), (1, "true", False)])
def test_a_lint_script_is_run(sample: Workshop, status: int, blocks: str, green: bool) -> None:
    package(sample, scripts={"lint": "eslint src", "build": "react-scripts build"})
    sample.machine.answer("npm run lint", status=status)
    outcome = build(sample, LINT_BLOCKS=blocks)
    assert outcome.succeeded == green, outcome.log
    verdict = {0: "clean"}.get(status, "failed")
    assert [line for line in outcome.result_lines() if line.startswith(f"RESULT lint: {verdict}")]


def test_vite_is_built_by_parameters(sample: Workshop) -> None:
    package(
        sample,
        dependencies={},
        devDependencies={"vite": "7", "vitest": "4"},
        scripts={"test": "vitest", "build": "vite"},
    )
    sample.write("frontend/src/App.spec.ts", "")
    built = {"dist/index.html": PAGE, "dist/assets/index-0a1b.js": "1"}
    outcome = build(sample, built, OUTPUT_DIRECTORY="dist", ASSETS_DIRECTORY="assets", VITE_API_URL="/api/v1")
    assert outcome.succeeded, outcome.log
    assert set(outcome.artifacts["FrontendAssets"]) == {"assets/index-0a1b.js"}
    assert set(outcome.artifacts["FrontendDocuments"]) == {"index.html"}
    (call,) = sample.machine.calls("npm", "test")
    assert call[3:6] == ["--run", "--reporter=default", "--reporter=junit"]


@pytest.mark.parametrize(
    ("missing", "complaint"),
    [
        (tuple(BUILT), "ERROR the build made no frontend/build"),
        (("build/index.html",), "ERROR the build made no frontend/build/index.html"),
        (tuple(name for name in BUILT if "static" in name), "ERROR the build made no frontend/build/static"),
    ],
)
def test_a_build_without_its_output_fails(sample: Workshop, missing: tuple[str, ...], complaint: str) -> None:
    outcome = build(sample, {name: text for name, text in BUILT.items() if name not in missing})
    assert outcome.phases["post_build"] is False
    assert complaint in outcome.result_lines()


@pytest.mark.parametrize(("call", "ended"), [("npm ci", "install"), ("npm run build", "build")])
def test_npm_failures_fail(sample: Workshop, call: str, ended: str) -> None:
    sample.machine.answer("npm run build", BUILT)
    sample.machine.answer(call, BUILT, status=1)
    outcome = sample.build("frontend", VARIABLES)
    assert outcome.phases[ended] is False
    assert not outcome.artifacts.get("FrontendDocuments")


def test_a_lock_file_is_needed(sample: Workshop) -> None:
    (sample.source / "frontend" / "package-lock.json").unlink()
    outcome = build(sample)
    assert outcome.phases == {"install": False}
    assert "ERROR frontend/package-lock.json is missing" in outcome.result_lines()


def test_the_lock_file_of_the_sample_is_small_and_names_no_registry() -> None:
    lock = json.loads((SAMPLE / "frontend" / "package-lock.json").read_text())
    assert 1 < len(lock["packages"]) < 10
    assert "http" not in json.dumps(lock)
