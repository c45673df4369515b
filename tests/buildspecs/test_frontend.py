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
    built = {"dist/index.html": PAGE, "dist/assets/index-0a1b2c3d.js": "1"}
    outcome = build(sample, built, OUTPUT_DIRECTORY="dist", ASSETS_DIRECTORY="assets", VITE_API_URL="/api/v1")
    assert outcome.succeeded, outcome.log
    assert set(outcome.artifacts["FrontendAssets"]) == {"assets/index-0a1b2c3d.js"}
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


def test_only_what_has_a_hash_in_its_name_is_kept_for_a_year(sample: Workshop) -> None:
    """As create-react-app and Vite write them; what a project puts beside them is asked for again."""
    hashed = (
        "js/main.0a1b2c3d.js",
        "js/453.0a1b2c3d.chunk.js",
        "js/index-BkH3dT8x.js",
        "media/logo.6ce24c58023cc2f8.svg",
    )
    plain = ("logo.svg", "js/vendor.js", "img/logo-horizontal.svg", "fonts/inter-variable.woff2")
    built = {**BUILT, **{f"build/static/{name}": "x" for name in (*hashed, *plain)}}
    outcome = build(sample, built)
    assert outcome.succeeded, outcome.log
    assert {f"static/{name}" for name in hashed} <= set(outcome.artifacts["FrontendAssets"])
    assert {f"static/{name}" for name in plain} <= set(outcome.artifacts["FrontendDocuments"])
    assert not {f"static/{name}" for name in plain} & set(outcome.artifacts["FrontendAssets"])
    assert "RESULT no hash in its name, so browsers ask for it again: static/logo.svg" in outcome.result_lines()


@pytest.mark.parametrize(
    ("page", "missing"),
    [
        ('<script src="/static/js/main.0a1b2c3d.js"></script>', ""),
        ('<script src="./static/js/main.0a1b2c3d.js?v=1"></script>', ""),
        ('<link rel="stylesheet" href="static/css/main.0a1b2c3d.css">', ""),
        ('<link rel="icon" href="/favicon.ico"><script>var inline;</script><img src="/gone.png">', ""),
        ('<script src="/dash/static/js/main.0a1b2c3d.js"></script>', "dash/static/js/main.0a1b2c3d.js"),
        ('<link rel="preload stylesheet" href="/dash/main.css">', "dash/main.css"),
        ("<LINK REL=modulepreload HREF=/gone.js>", "gone.js"),
    ],
)
def test_what_the_page_loads_has_to_be_there(sample: Workshop, page: str, missing: str) -> None:
    outcome = build(sample, {**BUILT, "build/index.html": PAGE + page})
    assert outcome.succeeded is (not missing), outcome.log
    problem = [line for line in outcome.result_lines() if line.startswith("ERROR")]
    advice = "`homepage` in package.json or `base` of Vite must be /, or be left out"
    named = [f"ERROR index.html loads /{missing}, which the build did not make: {advice}"]
    assert problem == (named if missing else [])


def test_a_script_of_another_host_is_named(sample: Workshop) -> None:
    outcome = build(sample, {**BUILT, "build/index.html": '<script src="//cdn.test/x.js"></script>'})
    assert outcome.succeeded
    named = "RESULT the page loads from another host, which its policy has to allow: //cdn.test/x.js"
    assert named in outcome.result_lines()


def test_assets_without_any_hash_are_an_error(sample: Workshop) -> None:
    built = {name.replace(".0a1b2c3d", ""): text for name, text in BUILT.items()}
    outcome = build(sample, built)
    assert not outcome.succeeded
    assert "ERROR static: no file has a hash in its name" in outcome.result_lines()


@pytest.mark.parametrize("file", ["e2e/login.spec.ts", "cypress/e2e/login.cy.js", "playwright/a.test.ts"])
def test_end_to_end_tests_are_named_and_not_run(sample: Workshop, file: str) -> None:
    sample.write(f"frontend/{file}", "")
    outcome = build(sample, TESTS_BLOCK="true")
    assert outcome.succeeded, outcome.log
    assert "RESULT tests: NONE, the application has no tests" in outcome.result_lines()
    assert "RESULT end-to-end tests: not run here, 1 files of another runner" in outcome.result_lines()
    assert not sample.machine.calls("npm", "test")


def test_a_byte_order_mark_in_package_json(sample: Workshop) -> None:
    """npm takes it."""
    file = sample.source / "frontend/package.json"
    file.write_text(file.read_text(), "utf-8-sig")
    outcome = build(sample)
    assert outcome.succeeded, outcome.log
