"""What the frontend's build says of the page as it will be served."""

import base64
import hashlib

import pytest

from scripts.rehearsal.builds.phases import Outcome, Runner, run_buildspec
from tests.support.buildspecs.running import COMMIT, Workshop, buildspec

POLICY = (
    "default-src 'self'; script-src 'self' https://maps.test; style-src 'self' 'unsafe-inline'; img-src 'self' data:"
)
VARIABLES = {"FRONTEND_DIRECTORY": "frontend", "OUTPUT_DIRECTORY": "build", "ASSETS_DIRECTORY": "static"}
SCRIPT, STYLE = "build/static/js/main.0a1b2c3d.js", "build/static/css/main.0a1b2c3d.css"
BUILT = {"build/index.html": "", SCRIPT: "1", STYLE: ""}
SERVED = "`homepage` in package.json or `base` of Vite must be /, or be left out"
HOST = "serve the file from the build, or name the host in generator/application.py"


def built(workshop: Workshop, files: dict[str, str], policy: str = POLICY) -> Outcome:
    """The phase that looks at the page, when the build made these files."""
    for name, text in files.items():
        workshop.write(f"frontend/{name}", text)
    spec = buildspec("frontend")
    environment = {"PATH": str(workshop.machine.programs), "CODEBUILD_RESOLVED_SOURCE_VERSION": COMMIT, **VARIABLES}
    body = {"version": 0.2, "env": spec["env"], "phases": {"post_build": spec["phases"]["post_build"]}}
    body |= {"artifacts": spec["artifacts"]}
    runner = Runner(workshop.machine.folder / "shell")
    return run_buildspec(body, workshop.source, {**environment, "CONTENT_POLICY": policy}, runner)


def test_only_what_has_a_hash_in_its_name_is_kept_for_a_year(empty: Workshop) -> None:
    """As create-react-app and Vite write them; what a project puts beside them is asked for again."""
    hashed = (
        "js/main.0a1b2c3d.js",
        "js/453.0a1b2c3d.chunk.js",
        "js/index-BkH3dT8x.js",
        "js/index-BkHadTqx.js",
        "js/index-D_3kq-9Z.js",
        "media/logo.6ce24c58023cc2f8.svg",
    )
    plain = (
        "logo.svg",
        "js/vendor.js",
        "img/logo-horizontal.svg",
        "img/logo-Portrait.svg",
        "img/logo-OVERVIEW.svg",
        "fonts/inter-variable.woff2",
        "report-20240131.pdf",
        "from-public-BkH3dT8x.svg",
    )
    files = {**BUILT, **{f"build/static/{name}": "x" for name in (*hashed, *plain)}}
    outcome = built(empty, {**files, "public/static/from-public-BkH3dT8x.svg": "x"})
    assert outcome.succeeded, outcome.log
    assert {f"static/{name}" for name in hashed} <= set(outcome.artifacts["FrontendAssets"])
    assert {f"static/{name}" for name in plain} <= set(outcome.artifacts["FrontendDocuments"])
    assert not {f"static/{name}" for name in plain} & set(outcome.artifacts["FrontendAssets"])
    assert "RESULT no hash in its name, so browsers ask for it again: static/logo.svg" in outcome.result_lines()


def test_assets_without_any_hash_are_an_error(empty: Workshop) -> None:
    outcome = built(empty, {name.replace(".0a1b2c3d", ""): text for name, text in BUILT.items()})
    assert not outcome.succeeded
    assert "ERROR static: no file has a hash in its name" in outcome.result_lines()


MAIN, MAIN_STYLE = "static/js/main.0a1b2c3d.js", "static/css/main.0a1b2c3d.css"


def test_what_a_document_loads_has_to_be_there(empty: Workshop) -> None:
    pages = {
        f'<script src="/{MAIN}"></script>': "",
        f'<script src="/{MAIN}?v=1#x"></script>': "",
        f'<link rel="stylesheet" href="/{MAIN_STYLE}">': "",
        f'<script src="/dash/{MAIN}"></script>': f"dash/{MAIN}",
        '<link rel="preload stylesheet" href="/dash/main.css">': "dash/main.css",
        "<LINK REL=modulepreload HREF=/gone.js>": "gone.js",
        f'<base href="/dash/"><script src="{MAIN}"></script>': f"dash/{MAIN}",
    }
    files = {f"build/page{number}.html": text for number, text in enumerate(pages)}
    outcome = built(empty, {**BUILT, **files})
    assert not outcome.succeeded
    assert [line for line in outcome.result_lines() if line.startswith("ERROR")] == [
        f"ERROR page{number}.html loads /{missing}, which the build did not make: {SERVED}"
        for number, missing in enumerate(pages.values())
        if missing
    ]


def test_every_document_is_looked_at(empty: Workshop) -> None:
    """Relative to the address that it has itself."""
    text = '<script src="../static/js/main.0a1b2c3d.js"></script><script src="gone.js"></script>'
    outcome = built(empty, {**BUILT, "build/about/index.html": text})
    errors = [line for line in outcome.result_lines() if line.startswith("ERROR")]
    assert errors == [f"ERROR about/index.html loads /about/gone.js, which the build did not make: {SERVED}"]


CODE = "document.title = 1"
HASHED = f"script-src 'self' 'sha256-{base64.b64encode(hashlib.sha256(CODE.encode()).digest()).decode()}'"
FORBIDS = "because the content security policy forbids"


FIX = "in a file of its own it is allowed; or name it in content_policy of generator/application.py"


@pytest.mark.parametrize(
    ("policy", "pages"),
    [
        (
            POLICY,
            {
                f"<p>\n<script>{CODE}</script>": f":2: a <script> in the page will not run, {FORBIDS} it: {FIX}",
                f'<script type="module">{CODE}</script>': "a <script> in the page will not run",
                '<script type="application/ld+json">{}</script>': "",
                "<style>p {}</style>": "",
                '<body onload="go()">': f":1: onload=... in <body> will not run, {FORBIDS} code in the page: add",
                '<script src="//cdn.test/x.js"></script>': "//cdn.test/x.js is of another host, and browsers will not",
                '<script src="https://maps.test/x.js"></script>': "",
                '<script src="http://maps.test/x.js"></script>': "http://maps.test/x.js is of another host",
                '<link rel=stylesheet href="https://fonts.test/x.css">': f"does not name it: {HOST}",
                '<base href="/dash/">': f"<base href> is /dash/, and it is served at /: {SERVED}",
                '<link rel="icon" href="/favicon.ico">': ":1: /favicon.ico is not there",
                '<img src="data:image/png;base64,AA">': "",
            },
        ),
        (
            f"{HASHED} 'unsafe-inline' https://*.cdn.test; style-src 'self'",
            {
                f"<script>{CODE}</script>": "",
                f"<script>{CODE};</script>": "a <script> in the page will not run",
                "<style>p {}</style>": "a <style> in the page will not count",
                '<script src="https://a.cdn.test/x.js"></script>': "",
                '<script src="https://cdn.test/x.js"></script>': "https://cdn.test/x.js is of another host",
            },
        ),
        ("default-src 'self' 'unsafe-inline'", {f"<script>{CODE}</script><body onload=go()>": ""}),
    ],
)
def test_what_will_not_work_as_it_is_served_is_told_with_what_to_do(
    empty: Workshop, policy: str, pages: dict[str, str]
) -> None:
    files = {f"build/page{number}.html": text for number, text in enumerate(pages)}
    outcome = built(empty, {**BUILT, **files}, policy)
    assert outcome.succeeded, outcome.log
    for number, (text, note) in enumerate(pages.items()):
        notes = [line for line in outcome.result_lines() if line.startswith(f"RESULT page: page{number}.html:")]
        assert (len(notes) == 1 and note in notes[0]) if note else not notes, (text, notes)


def test_relative_addresses_of_the_page_fail_on_its_routes(empty: Workshop) -> None:
    outcome = built(empty, {**BUILT, "build/index.html": f'<script src="./{MAIN}"></script>'})
    note = f"./{MAIN} is relative, so on a route such as /clients/5 browsers ask for it below /clients/"
    assert outcome.succeeded and f"RESULT page: index.html:1: {note}: {SERVED}" in outcome.result_lines()


def test_plain_mistakes_in_scripts_and_styles_are_told(empty: Workshop) -> None:
    texts = {
        "js/a.0a1b2c3d.js": 'fetch("http://localhost:8000/api")',
        "js/b.0a1b2c3d.js": 'x = "http://localhost"; y = "http://www.w3.org/2000/svg"',
        "css/a.0a1b2c3d.css": '@import url("https://fonts.test/css2");',
        "css/b.0a1b2c3d.css": "@font-face{src:url(//fonts.test/a.woff2)}",
        "css/c.0a1b2c3d.css": "/* url(https://fonts.test/x) */ p{background:url(data:image/png;base64,AA)}",
    }
    outcome = built(empty, {**BUILT, **{f"build/static/{name}": text for name, text in texts.items()}})
    notes = [line for line in outcome.result_lines() if line.startswith("RESULT page: ")]
    named = [
        "static/css/a.0a1b2c3d.css loads https://fonts.test/css2, which",
        "static/css/b.0a1b2c3d.css loads //fonts.test/a.woff2, which",
        "static/js/a.0a1b2c3d.js names http://localhost:8000, which is the visitor's own computer",
    ]
    assert len(notes) == len(named)
    assert all(map(str.startswith, notes, [f"RESULT page: {text}" for text in named])), notes
