"""The frontend's build, run on copies of the sample application."""

import hashlib
import json
from typing import Any
from xml.etree import ElementTree

import pytest

from scripts.rehearsal.builds.phases import Outcome, Runner, run_buildspec
from tests.support.buildspecs.running import COMMIT, SAMPLE, Workshop, buildspec

VARIABLES = {
    "BUILD_VARIABLES": "",
    "FRONTEND_DIRECTORY": "frontend",
    "NODE_VERSION": "22",
    "OUTPUT_DIRECTORY": "build",
    "ASSETS_DIRECTORY": "static",
    "CONTENT_POLICY": "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:",
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


def phase(sample: Workshop, name: str, **variables: str) -> Outcome:
    """One phase alone."""
    spec = buildspec("frontend")
    part = {key: value for key, value in spec.items() if key in ("version", "env")}
    environment = {"PATH": str(sample.machine.programs), "HOME": str(sample.machine.folder)}
    environment |= {"CODEBUILD_RESOLVED_SOURCE_VERSION": COMMIT, **VARIABLES, **variables}
    body = {**part, "phases": {name: spec["phases"][name]}}
    return run_buildspec(body, sample.source, environment, Runner(sample.machine.folder / "shell"))


def page(sample: Workshop, built: dict[str, str], **variables: str) -> Outcome:
    """What is said of the page, when the build made these files."""
    for name, text in built.items():
        sample.write(f"frontend/{name}", text)
    return phase(sample, "post_build", **variables)


def jest(sample: Workshop, status: int, *results: dict[str, Any]) -> None:
    """Prepares what Jest writes with --json for one test file (docs of jest-cli, --json and --outputFile)."""
    outcome = "failed" if status else "passed"
    file = {
        "name": "App.test.js",
        "status": outcome,
        "message": "Cannot find module",
        "assertionResults": list(results),
    }
    sample.machine.answer("npm run test", {"testResults": [file]}, status=status)
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
        "RESULT packages: npm, from frontend/package-lock.json",
        "RESULT lint: SKIPPED, package.json has no script named lint",
        "RESULT tests: NONE, the application has no tests",
    ]
    assert outcome.variables == {"COMMIT": COMMIT, "INDEX_SHA256": hashlib.sha256(PAGE.encode()).hexdigest()}
    assert outcome.runtimes == {"nodejs": "22"}
    assert outcome.cache_key.startswith("npm-22-")
    assert len(outcome.cache_key) == len("npm-22-") + 64
    assert all(f"DURATION {phase} " in outcome.log for phase in ("install", "pre_build", "build", "post_build"))
    assert [call[1:] for call in sample.machine.calls("npm")] == [
        ["ci", "--include=dev", "--no-audit", "--no-fund"],
        ["run", "build"],
    ]
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
    file = sample.source / "release-reports/jest.json"
    options = ["--coverage", "--json", f"--outputFile={file}", "--passWithNoTests", "--watchAll=false"]
    assert sample.machine.calls("npm", "run", "test") == [["npm", "run", "test", "--", *options]]
    assert sample.machine.variables("npm run test")["CI"] == "true"


def test_failing_tests_are_reported_and_do_not_block(sample: Workshop) -> None:
    jest(sample, 1, PASSED, FAILED)
    outcome = build(sample)
    assert outcome.succeeded, outcome.log
    assert "RESULT tests: FAILED, reported only (TESTS_BLOCK=false)" in outcome.result_lines()
    assert cases(outcome) == {"App one": [], "App two": ["failure"]}
    [report] = outcome.reports["tests"]
    assert report.read_text().splitlines()[1:] == [
        '<testsuite name="unit"><testcase classname="App.test.js" name="App one" time="0.012" />'
        '<testcase classname="App.test.js" name="App two" time="0.0"><failure>expected &lt;1&gt;, got 2</failure>'
        "</testcase></testsuite>"
    ]


def test_failing_tests_block_when_the_project_says_so(sample: Workshop) -> None:
    jest(sample, 1, FAILED)
    outcome = build(sample, TESTS_BLOCK="true")
    assert outcome.phases == {"install": True, "pre_build": True, "build": False, "post_build": False}
    assert "ERROR failing tests stop the build (TESTS_BLOCK=true)" in outcome.result_lines()
    assert cases(outcome) == {"App two": ["failure"]}
    assert not sample.machine.calls("npm", "run", "build")


def test_a_test_file_that_cannot_be_run_is_an_error(sample: Workshop) -> None:
    jest(sample, 1)
    outcome = build(sample)
    assert cases(outcome) == {"the file could not be run": ["error"]}
    [report] = outcome.reports["tests"]
    assert report.read_text().splitlines()[1:] == [
        '<testsuite name="unit"><testcase classname="App.test.js" name="the file could not be run">'
        "<error>Cannot find module</error></testcase></testsuite>"
    ]


def test_a_runner_that_breaks_is_an_error(sample: Workshop) -> None:
    sample.machine.answer("npm run test", status=1)
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
    verdict = {
        (0, "true"): "clean",
        (1, "false"): "failed, reported only (LINT_BLOCKS=false)",
        (1, "true"): "failed, and LINT_BLOCKS=true stops the build",
    }[status, blocks]
    assert f"RESULT lint: {verdict}" in outcome.result_lines()
    assert len(sample.machine.calls("npm", "run", "lint")) == 1


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
    file = sample.source / "release-reports/tests-unit.xml"
    options = ["--run", "--coverage.enabled=false", "--passWithNoTests", "--reporter=default", "--reporter=junit"]
    call = ["npm", "run", "test", "--", *options, f"--outputFile.junit={file}"]
    assert sample.machine.calls("npm", "run", "test") == [call]


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
    # It ends with what is wrong: nothing is tried without the output.
    assert outcome.result_lines()[-2] == complaint and "Traceback" not in outcome.log


OUTPUT = "FrontendOutput in the parameter file, or output in generator/application.py"
ASSETS = "FrontendAssets in the parameter file, or assets in generator/application.py"


@pytest.mark.parametrize(
    ("files", "line"),
    [
        ({"dist/index.html": "<p>"}, f"ERROR index.html is in dist: correct {OUTPUT}"),
        (
            {"out/web/index.html": "<p>", "dist/index.html": ""},
            f"ERROR index.html is in dist, out/web: correct {OUTPUT}",
        ),
        (
            {"src/x/index.html": "", "node_modules/x/index.html": ""},
            f"ERROR index.html is in no folder below it: correct {OUTPUT}",
        ),
        ({"build/index.html": "<p>", "build/js/a.js": ""}, f"ERROR build has the folders js: correct {ASSETS}"),
        ({"build/index.html": "<p>"}, f"ERROR build has the folders (none): correct {ASSETS}"),
    ],
)
def test_where_the_output_is_instead_is_told(sample: Workshop, files: dict[str, str], line: str) -> None:
    outcome = build(sample, files)
    assert outcome.phases["post_build"] is False
    assert outcome.result_lines()[-1] == line


NPM = ["npm", "install", "--prefix"]
MANIFEST = json.dumps({"name": "web"})


# How each package manager installs exactly what the lock file says, with what only the build needs, and where its cache
# lies: in the folder that CodeBuild keeps.
INSTALLATIONS: dict[str, tuple[str, dict[str, str]]] = {
    "npm": ("npm ci --include=dev --no-audit --no-fund", {}),
    "pnpm": ("pnpm install --frozen-lockfile --prod=false --store-dir HOME/.npm/_pnpm", {"CI": "true"}),
    "classic": (
        "yarn install --frozen-lockfile --production=false --non-interactive",
        {"YARN_CACHE_FOLDER": "HOME/.npm/_yarn"},
    ),
    "yarn": ("yarn install --immutable", {"YARN_GLOBAL_FOLDER": "HOME/.npm/_berry", "YARN_ENABLE_TELEMETRY": "0"}),
    "bun": ("bun install --frozen-lockfile", {"BUN_INSTALL_CACHE_DIR": "HOME/.npm/_bun"}),
}


@pytest.mark.parametrize(
    ("files", "result", "tool", "manager"),
    [
        ({"frontend/package-lock.json": "{}"}, "npm, from frontend/package-lock.json", "", "npm"),
        pytest.param(
            {"frontend/npm-shrinkwrap.json": "{}"},
            "npm, from frontend/npm-shrinkwrap.json",
            "",
            "npm",
            marks=pytest.mark.soak,
        ),
        pytest.param(
            {"frontend/pnpm-lock.yaml": "lockfileVersion: '9.0'\n"},
            "pnpm 10.34.8, from frontend/pnpm-lock.yaml",
            "pnpm@10.34.8",
            "pnpm",
            marks=pytest.mark.soak,
        ),
        (
            {"frontend/pnpm-lock.yaml": "lockfileVersion: '6.1'\n"},
            "pnpm 8.15.9, from frontend/pnpm-lock.yaml",
            "pnpm@8.15.9",
            "pnpm",
        ),
        (
            {"frontend/yarn.lock": "# yarn lockfile v1\n"},
            "yarn 1.22.22, from frontend/yarn.lock",
            "yarn@1.22.22",
            "classic",
        ),
        (
            {"frontend/yarn.lock": "# by yarn\r\n\r\n__metadata:\r\n  version: 8\r\n"},
            "yarn 4.18.1, from frontend/yarn.lock",
            "@yarnpkg/cli-dist@4.18.1",
            "yarn",
        ),
        pytest.param(
            {"frontend/yarn.lock": "__metadata:\n  version: 6\n"},
            "yarn 3.8.7, from frontend/yarn.lock",
            "@yarnpkg/cli-dist@3.8.7",
            "yarn",
            marks=pytest.mark.soak,
        ),
        ({"frontend/bun.lock": "{}"}, "bun 1.4.5, from frontend/bun.lock", "bun@1.4.5", "bun"),
        (
            {"frontend/pnpm-lock.yaml": "", "frontend/package.json": '{"packageManager": "pnpm@9.1.0+sha512.ab"}'},
            "pnpm 9.1.0, from frontend/pnpm-lock.yaml",
            "pnpm@9.1.0",
            "pnpm",
        ),
        (
            {"yarn.lock": "", "package.json": '{"workspaces": ["front*"], "packageManager": "yarn@1.22.0"}'},
            "yarn 1.22.0, from yarn.lock, whose workspace frontend belongs to",
            "yarn@1.22.0",
            "classic",
        ),
        (
            {"package-lock.json": "{}", "package.json": '{"workspaces": {"packages": ["./frontend/"]}}'},
            "npm, from package-lock.json, whose workspace frontend belongs to",
            "",
            "npm",
        ),
        (
            {
                "pnpm-lock.yaml": "lockfileVersion: 5.4\n",
                "pnpm-workspace.yaml": "# all\npackages:\n  # the page\n  - 'front*' # here\n\ncatalog:\n  - other\n",
                "package.json": MANIFEST,
            },
            "pnpm 7.33.7, from pnpm-lock.yaml, whose workspace frontend belongs to",
            "pnpm@7.33.7",
            "pnpm",
        ),
    ],
)
def test_the_lock_file_says_which_package_manager_it_is(
    sample: Workshop, files: dict[str, str], result: str, tool: str, manager: str
) -> None:
    (sample.source / "frontend/package-lock.json").unlink()
    for name, text in files.items():
        sample.write(name, text)
    outcome = phase(sample, "install")
    assert outcome.succeeded, outcome.log
    assert outcome.result_lines() == [f"RESULT packages: {result}"]
    tools = str(sample.source.parent / "release-tools")
    assert sample.machine.calls(*NPM) == ([[*NPM, tools, "--no-save", "--no-audit", "--no-fund", tool]] if tool else [])
    program, *options = INSTALLATIONS[manager][0].replace("HOME", str(sample.machine.folder)).split()
    assert sample.machine.calls(program, options[0]) == [[program, *options]]
    variables = sample.machine.variables(f"{program} {options[0]}")
    expected = {
        name: text.replace("HOME", str(sample.machine.folder)) for name, text in INSTALLATIONS[manager][1].items()
    }
    assert {name: variables.get(name) for name in expected} == expected
    assert variables["PWD"] == str(sample.source / ("frontend" if "from frontend/" in result else ""))


def workspace(sample: Workshop, **packages: dict[str, Any]) -> None:
    """A workspace of npm: the page, and packages beside it, each with a script `build` unless it says otherwise."""
    (sample.source / "frontend/package-lock.json").unlink()
    sample.write("package-lock.json", "{}")
    sample.write("package.json", json.dumps({"workspaces": ["frontend", "packages/*"]}))
    for name, body in packages.items():
        file = "frontend/package.json" if name == "page" else f"packages/{name}/package.json"
        sample.write(file, json.dumps({"name": f"@x/{name}", "scripts": {"build": "tsc"}, **body}))


def test_what_the_page_needs_of_its_workspace_is_built_before_it(sample: Workshop) -> None:
    """Its own code is what the page imports; each package comes after those that it needs itself."""
    workspace(
        sample,
        page={"dependencies": {"@x/widgets": "*", "react": "^18"}, "devDependencies": {"@x/settings": "*"}},
        widgets={"dependencies": {"@x/tokens": "workspace:*", "@x/page": "*"}},
        tokens={"peerDependencies": {"@x/other": "*"}},
        settings={"scripts": {}},
        other={},
    )
    outcome = phase(sample, "install")
    assert outcome.succeeded, outcome.log
    assert outcome.result_lines()[1:] == [
        "RESULT packages: built before the page, which needs them: packages/tokens, packages/widgets"
    ]
    assert sample.machine.calls("npm")[-2:] == [["npm", "run", "build"]] * 2


def test_a_package_of_the_workspace_that_cannot_be_built_ends_the_build(sample: Workshop) -> None:
    workspace(sample, page={"dependencies": {"@x/widgets": "*"}}, widgets={})
    sample.machine.answer("npm run build", {}, status=2)
    outcome = phase(sample, "install")
    assert not outcome.succeeded
    assert "ERROR packages: the build of widgets, which the page needs, failed" in outcome.log


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        ({}, "no lock file in frontend or above it (npm-shrinkwrap.json, package-lock.json, pnpm-lock.yaml,"),
        ({"deno.lock": ""}, "bun.lockb), only deno.lock, which is not taken: commit the one"),
        (
            {"frontend/yarn.lock": "", "frontend/package.json": '{"packageManager": "deno@2"}'},
            "packageManager deno@2: ",
        ),
        ({"frontend/yarn.lock": "", "frontend/package.json": '{"packageManager": "yarn@4"}'}, "each as NAME@1.2.3"),
        (
            {"frontend/package-lock.json": "", "frontend/package.json": '{"packageManager": "pnpm@9.1.0"}'},
            "and the lock file is package-lock.json: commit the lock file of pnpm, or correct packageManager",
        ),
        (
            {"frontend/pnpm-lock.yaml": "lockfileVersion: '12'"},
            "is of a form that is not known here: name packageManager",
        ),
        (
            {"yarn.lock": "", "package.json": '{"workspaces": ["apps/*", "!frontend"]}'},
            "yarn.lock is not for it: package",
        ),
        (
            {"pnpm-lock.yaml": "", "pnpm-workspace.yaml": "packages:\n  - apps/*\n"},
            "pnpm-workspace.yaml does not have it",
        ),
        ({"package-lock.json": "", "package.json": "{"}, "package.json cannot be read"),
        ({"frontend/package-lock.json": "", "frontend/package.json": "[]"}, "frontend/package.json is no object"),
    ],
)
def test_what_is_not_taken_is_told_with_the_way_out(sample: Workshop, files: dict[str, str], complaint: str) -> None:
    (sample.source / "frontend/package-lock.json").unlink()
    for name, text in files.items():
        sample.write(name, text)
    outcome = phase(sample, "install")
    assert outcome.phases == {"install": False}
    [line] = outcome.result_lines()
    assert line.startswith("ERROR packages: ") and complaint in line, line
    assert not sample.machine.calls("npm")


def test_another_lock_file_that_nobody_reads_is_told(sample: Workshop) -> None:
    sample.write("frontend/yarn.lock", "")
    outcome = phase(sample, "install")
    assert outcome.result_lines()[0].startswith("RESULT packages: package-lock.json is read, yarn.lock is not: delete")


def test_a_script_is_run_by_the_package_manager(sample: Workshop) -> None:
    (sample.source / "frontend/package-lock.json").unlink()
    sample.write("frontend/pnpm-lock.yaml", "lockfileVersion: '9.0'\n")
    sample.write(TEST, "")
    sample.machine.answer("pnpm run test", {"testResults": []})
    sample.machine.answer("pnpm run build", BUILT)
    outcome = sample.build("frontend", VARIABLES)
    assert outcome.succeeded, outcome.log
    assert [call[1:3] for call in sample.machine.calls("pnpm")] == [
        ["install", "--frozen-lockfile"],
        ["run", "test"],
        ["run", "build"],
    ]
    assert "--" not in sample.machine.calls("pnpm", "run", "test")[0]


@pytest.mark.parametrize(("call", "ended"), [("npm ci", "install"), ("npm run build", "build")])
def test_npm_failures_fail(sample: Workshop, call: str, ended: str) -> None:
    sample.machine.answer("npm run build", BUILT)
    sample.machine.answer(call, BUILT, status=1)
    outcome = sample.build("frontend", VARIABLES)
    assert outcome.phases[ended] is False
    assert not outcome.artifacts.get("FrontendDocuments")


def test_the_lock_file_of_the_sample_is_small_and_names_no_registry() -> None:
    lock = json.loads((SAMPLE / "frontend" / "package-lock.json").read_text())
    assert 1 < len(lock["packages"]) < 10
    assert "http" not in json.dumps(lock)


@pytest.mark.parametrize("status", [0, 1])
def test_a_limit_of_coverage_is_no_failing_test(sample: Workshop, status: int) -> None:
    jest(sample, 1, PASSED)
    sample.machine.answer(
        "npm run test", {"testResults": [{"name": "a", "status": "passed", "assertionResults": [PASSED]}]}
    )
    (sample.machine.folder / "answers/npm run test/status").write_text(str(status))
    outcome = build(sample, TESTS_BLOCK="true")
    assert outcome.succeeded and "RESULT tests: passed" in outcome.result_lines()
    assert any("jest ended with status 1, though no test failed" in line for line in outcome.result_lines()) is bool(
        status
    )


VITEST = '<testsuites><testsuite name="a"><testcase name="one">{}</testcase></testsuite></testsuites>'


@pytest.mark.parametrize(
    ("report", "status", "result"),
    [
        (VITEST.format(""), 0, "passed"),
        (VITEST.format("<failure/>"), 1, "FAILED, reported only (TESTS_BLOCK=false)"),
        pytest.param(VITEST.format(""), 1, "FAILED, reported only (TESTS_BLOCK=false)", marks=pytest.mark.soak),
        pytest.param("<testsuites/>", 0, "NONE, the application has no tests", marks=pytest.mark.soak),
        (None, 0, "FAILED, reported only (TESTS_BLOCK=false)"),
    ],
)
def test_what_vitest_reports(sample: Workshop, report: str | None, status: int, result: str) -> None:
    """Errors that no test caught are in its status alone."""
    package(sample, dependencies={}, scripts={"test": "vitest", "build": "vite build"})
    sample.write("frontend/vite.config.ts", 'export default { test: { include: ["checks/*.ts"] } }')
    sample.machine.answer("npm run test", report, status=status)
    assert f"RESULT tests: {result}" in build(sample).result_lines()


@pytest.mark.parametrize(
    ("scripts", "file", "result"),
    [
        ({}, "src/a.test.js", "NOT RUN, there are files of tests, and package.json has no script named test"),
        ({}, "src/a.js", "NONE, the application has no tests"),
        pytest.param(
            {"test": 'echo "Error: no test specified" && exit 1'},
            "src/a.js",
            "NONE, the application has no tests",
            marks=pytest.mark.soak,
        ),
        ({"test": "mocha"}, "test/anything.js", "passed"),
        pytest.param({"test": "jest"}, "spec.js", "FAILED, reported only (TESTS_BLOCK=false)", marks=pytest.mark.soak),
        pytest.param({"test": "vitest run && eslint ."}, "src/a.js", "passed", marks=pytest.mark.soak),
        pytest.param(None, "src/a.js", "NONE, the application has no tests", marks=pytest.mark.soak),
    ],
)
def test_none_is_said_only_where_a_runner_would_find_nothing(
    sample: Workshop, scripts: dict[str, str] | None, file: str, result: str
) -> None:
    package(sample, dependencies={}, scripts=scripts)
    sample.write(f"frontend/{file}", "")
    outcome = build(sample)
    assert f"RESULT tests: {result}" in outcome.result_lines(), outcome.log
    if scripts and "vitest run &&" in scripts.get("test", ""):
        assert sample.machine.calls("npm", "run", "test") == [["npm", "run", "test"]]


@pytest.mark.parametrize("file", ["e2e/login.spec.ts", "cypress/e2e/login.cy.js", "playwright/a.test.ts"])
def test_end_to_end_tests_are_named_and_not_run(sample: Workshop, file: str) -> None:
    sample.write(f"frontend/{file}", "")
    outcome = build(sample, TESTS_BLOCK="true")
    assert outcome.succeeded, outcome.log
    assert "RESULT tests: NONE, the application has no tests" in outcome.result_lines()
    assert "RESULT end-to-end tests: not run here, 1 files of another runner" in outcome.result_lines()
    assert not sample.machine.calls("npm", "run", "test")


def test_a_byte_order_mark_in_package_json(sample: Workshop) -> None:
    """npm takes it."""
    file = sample.source / "frontend/package.json"
    file.write_text(file.read_text(), "utf-8-sig")
    outcome = build(sample)
    assert outcome.succeeded, outcome.log
