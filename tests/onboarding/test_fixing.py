"""`onboard --fix`: what an application lacks, on a branch of it; the person's working tree stays as it is."""

from __future__ import annotations

import ast
import json
import subprocess
from pathlib import Path

import pytest

from scripts.deployment.errors import RefusedError
from scripts.onboarding import fixing
from scripts.onboarding.fixing import BASE, BASE_IMAGES, BRANCH, FIXES, Fixes, NotFixedError, fix
from scripts.onboarding.reading import read_application
from tests.support.onboarding import MAIN, PACKAGE, folder

NPM = """#!/bin/sh
[ "$*" = "install --package-lock-only --ignore-scripts --no-audit --no-fund" ] && echo '{}' > package-lock.json
"""
LACKING = {
    "api__src__shop__main.py": MAIN.replace("/healthz", "/hello"),
    "api__src__requirements.txt": "fastapi\n",
    "web__package.json": json.dumps({**PACKAGE, "scripts": {"dev": "vite"}}, indent=4),
    "web__package-lock.json": None,
    "web__vite.config.js": "export default { base: '/shop/' }\r\n",
}
WHOLE_BUT_FOR_THE_LOCK = {
    "api__src__shop__main.py": MAIN,
    "api__src__Dockerfile": "FROM x\n",
    "web__package.json": json.dumps(PACKAGE),
    "web__vite.config.js": "export default {}\n",
}


def git(root: Path, *words: str) -> str:
    command = ["git", "-C", str(root), "-c", "user.name=x", "-c", "user.email=x@shop.test", *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def repository(tmp_path: Path, **changes: str | None) -> Path:
    """The shop with what it lacks, committed, and work that is not."""
    root = folder(tmp_path, **{**LACKING, **changes})
    git(root, "init", "-q", "-b", "main")
    git(root, "add", "-A", "--force")
    git(root, "commit", "-q", "-m", "x")
    (root / "README.md").write_text("# Corner Shop\nwork\n", encoding="utf-8")
    return root


@pytest.fixture
def npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/npm").write_text(NPM, encoding="utf-8")
    (tmp_path / "bin/npm").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")


def fixed(root: Path) -> Fixes:
    return fix(root, read_application(root))


def state(root: Path) -> tuple[str, str, str]:
    """What a person sees of their repository: status, branch, and other working trees."""
    return git(root, "status", "--porcelain"), git(root, "branch", "--show-current"), git(root, "worktree", "list")


@pytest.mark.usefixtures("npm")
def test_everything_is_fixed_on_a_branch_and_the_working_tree_stays(tmp_path: Path) -> None:
    root = repository(tmp_path)
    before = state(root)
    fixes = fixed(root)
    assert fixes.branch == BRANCH and len(fixes.fixed) == 5 and not fixes.left
    assert state(root) == before
    git(root, "stash", "-q")
    git(root, "merge", "-q", BRANCH)
    application = read_application(root)
    assert not [lack.what for lack in application.missing] and application.health_path == "/health"
    ast.parse((root / "api/src/shop/main.py").read_text(encoding="utf-8"))
    assert (root / "web/vite.config.js").read_bytes() == b"export default { base: '/' }\r\n"
    package = (root / "web/package.json").read_text(encoding="utf-8")
    assert json.loads(package)["scripts"] == {"dev": "vite", "build": "vite build"} and '\n    "scripts"' in package
    assert 'CMD ["uvicorn", "shop.main:app"' in (root / "api/src/Dockerfile").read_text(encoding="utf-8")


def test_what_cannot_be_fixed_is_left_with_its_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    fixes = fixed(repository(tmp_path))
    assert fixes.branch and [line for line in fixes.left if "web has no lock file: there is no npm" in line]


def test_where_nothing_can_be_fixed_no_branch_and_no_working_tree_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    root = repository(tmp_path, **WHOLE_BUT_FOR_THE_LOCK)
    before = state(root)
    assert fixed(root) == Fixes(left=("web has no lock file: there is no npm on PATH",))
    assert state(root) == before and BRANCH not in git(root, "branch")


@pytest.mark.parametrize(
    ("kind", "changes", "reason"),
    [
        (
            "health",
            {"api__src__shop__main.py": "from shop import app\n"},
            "api/src/shop/main.py does not assign app in a line of its own",
        ),
        ("base", {"web__vite.config.js": "export default {}\n"}, "no vite.config names a base as a text"),
        ("build", {"web__package.json": None}, "web/package.json is in no commit yet"),
    ],
)
def test_what_a_fix_does_not_see_its_place_for_is_left(
    kind: str, changes: dict[str, str | None], reason: str, tmp_path: Path
) -> None:
    application = read_application(folder(tmp_path / "whole"))
    with pytest.raises(NotFixedError) as error:
        FIXES[kind](folder(tmp_path / "tree", **changes), application)
    assert str(error.value) == reason


ROUTE = '''

@app.get("/health")
def {}() -> dict[str, str]:
    """Whether this process answers: the load balancer asks it every few seconds."""
    return {{"status": "healthy"}}
'''


@pytest.mark.parametrize(
    ("before", "behind", "name"),
    [
        ("app = FastAPI()\n", "", "health"),
        ("app: FastAPI = FastAPI(\n    title='x',\n)\n", "", "health"),
        ("app = FastAPI()\n", "\n\ndef health(): ...\n", "delivery_health"),
        ("app = FastAPI()\n", "async def health(): ...\n", "delivery_health"),
        ("other = FastAPI()\napp = FastAPI()\n", "\napp.state.x = 1\n", "health"),
    ],
)
def test_a_health_route_stands_behind_the_line_that_makes_the_application(
    before: str, behind: str, name: str, tmp_path: Path
) -> None:
    """What stands next has two lines of room, as before."""
    root = folder(tmp_path, **{"api__src__shop__main.py": f"{before}{behind}"})
    application = read_application(folder(tmp_path / "whole"))
    application.health_path = "/health"
    FIXES["health"](root, application)
    gap = "\n\n" if behind and not behind.startswith("\n") else ""
    text = (root / "api/src/shop/main.py").read_text(encoding="utf-8")
    assert text == f"{before}{ROUTE.format(name)}{gap}{behind}"


@pytest.mark.parametrize(
    ("kind", "before", "after"),
    [
        (
            "build",
            '{"devDependencies": {"vite": "7"}}',
            {"devDependencies": {"vite": "7"}, "scripts": {"build": "vite build"}},
        ),
        (
            "build",
            '{"dependencies": {"vite": "7"}, "scripts": null}',
            {"dependencies": {"vite": "7"}, "scripts": {"build": "vite build"}},
        ),
        (
            "build",
            '{"scripts": {"test": "x", "build": ""}}',
            {"scripts": {"test": "x", "build": "react-scripts build"}},
        ),
        ("homepage", '\ufeff{"homepage": "/x", "ä": 1}', {"ä": 1}),
        ("homepage", '{"ä": 1}', {"ä": 1}),
    ],
)
@pytest.mark.parametrize("indent", ["\t", "    "])
def test_a_package_keeps_its_order_and_its_indentation(
    kind: str, before: str, after: dict[str, object], indent: str, tmp_path: Path
) -> None:
    """One line has no indentation: then it is npm's."""
    application = read_application(folder(tmp_path / "whole"))
    for source, space in ((before, 2), (before.replace("{", "{\n" + indent, 1), indent)):
        root = folder(tmp_path, **{"web__package.json": source})
        FIXES[kind](root, application)
        text = (root / "web/package.json").read_text(encoding="utf-8")
        assert text == json.dumps(after, indent=space, ensure_ascii=False) + "\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("export default { base: '/shop/' }", "export default { base: '/' }"),
        (
            'const base = "x"\r\nexport default { base : "./" }\r\n',
            'const base = "x"\r\nexport default { base : "/" }\r\n',
        ),
    ],
)
def test_a_page_is_built_for_the_root_of_its_address(before: str, after: str, tmp_path: Path) -> None:
    root = folder(tmp_path, **{"web__vite.config.js": None})
    application = read_application(root)
    (root / "web/vite.config.a.js").write_text("export default {}", encoding="utf-8")
    (root / "web/vite.config.ts").write_bytes(before.encode())
    FIXES["base"](root, application)
    assert (root / "web/vite.config.ts").read_bytes() == after.encode()
    assert (root / "web/vite.config.a.js").read_text(encoding="utf-8") == "export default {}"


IMAGE = """\
FROM {}
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
RUN useradd --create-home --uid 10001 application
WORKDIR /home/application
COPY requirements.txt ./
RUN python -m pip install --no-cache-dir --disable-pip-version-check -r requirements.txt
COPY . .
USER 10001
EXPOSE 8123
# Only the load balancer can reach the port, so its forwarding headers are trusted.
CMD ["uvicorn", "shop.main:app", "--host", "0.0.0.0", "--port", "8123", "--proxy-headers", "--forwarded-allow-ips", "*"]
"""


def test_an_image_starts_the_application_from_a_base_with_its_digest(tmp_path: Path) -> None:
    digests = json.loads(BASE_IMAGES.read_text(encoding="utf-8"))
    application = read_application(folder(tmp_path))
    for python, base in (("3.13", BASE.format(python="3.13")), ("2.7", BASE.format(python="2.7"))):
        application.python, application.port = python, 8123
        FIXES["dockerfile"](tmp_path / "shop", application)
        text = (tmp_path / "shop/api/src/Dockerfile").read_text(encoding="utf-8")
        whole = f"{base}@{digests[base]}" if python == "3.13" else base
        assert text == IMAGE.format(whole)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo 'no such package' >&2; echo more >&2; exit 1", "web has no lock file: no such package"),
        ("exit 3", "web has no lock file: npm ended with status 3"),
        ("exit 0", "web has no lock file: npm ended with status 0"),
    ],
)
@pytest.mark.usefixtures("npm")
def test_what_npm_says_is_told(script: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "bin/npm").write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    fixes = fixed(repository(tmp_path))
    assert fixes.branch and fixes.left == (reason,)


@pytest.mark.usefixtures("npm")
def test_an_npm_that_gives_no_answer_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fixing, "NPM_SECONDS", 0.05)
    (tmp_path / "bin/npm").write_text("#!/bin/sh\nexec sleep 5\n", encoding="utf-8")
    fixes = fixed(repository(tmp_path))
    assert fixes.left == ("web has no lock file: npm gave no answer within 0.05 s",)


@pytest.mark.usefixtures("npm")
def test_a_branch_that_is_there_is_left_alone(tmp_path: Path) -> None:
    root = repository(tmp_path)
    git(root, "branch", BRANCH)
    with pytest.raises(RefusedError, match="has a branch delivery-onboarding already"):
        fixed(root)


def test_a_folder_without_a_commit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="has no commit to begin from"):
        fixed(folder(tmp_path, **LACKING))


@pytest.mark.usefixtures("npm")
def test_a_link_is_not_written_through(tmp_path: Path) -> None:
    """The last commit may have a link where the working tree has a file."""
    outside = tmp_path / "outside.py"
    outside.write_text(MAIN, encoding="utf-8")
    root = repository(tmp_path)
    entry = root / "api/src/shop/main.py"
    text = entry.read_text(encoding="utf-8")
    entry.unlink()
    entry.symlink_to(outside)
    git(root, "commit", "-qam", "a link")
    entry.unlink()
    entry.write_text(text, encoding="utf-8")
    fixes = fixed(root)
    assert any("main.py is a link" in line for line in fixes.left) and outside.read_text(encoding="utf-8") == MAIN


@pytest.mark.usefixtures("npm")
def test_nothing_to_fix_leaves_no_branch(tmp_path: Path) -> None:
    root = folder(tmp_path)
    git(root, "init", "-q")
    assert fixed(root) == Fixes() and BRANCH not in git(root, "branch")


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.usefixtures("npm")
def test_the_commit_is_who_git_says_or_nobodys(known: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = repository(tmp_path)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    git(root, "config", "user.useConfigOnly", "true")
    if known:
        git(root, "config", "user.name", "Ann")
        git(root, "config", "user.email", "ann@shop.test")
    assert fixed(root).branch == BRANCH
    author, subject = git(root, "log", "-1", "--format=%an <%ae>%n%s", BRANCH).splitlines()
    assert subject and (author == "Ann <ann@shop.test>" if known else "Ann" not in author)
    assert git(root, "rev-list", "--count", f"main..{BRANCH}") == "1\n"


@pytest.mark.usefixtures("npm")
def test_a_part_of_a_repository_is_refused_with_its_root(tmp_path: Path) -> None:
    root = repository(tmp_path)
    with pytest.raises(RefusedError) as error:
        fix(root / "api", read_application(root))
    assert error.value.reason == f"{root / 'api'} is a part of the repository {root}."
    assert error.value.remedy == "Name the repository's root with --app."


@pytest.mark.usefixtures("npm")
def test_a_fix_that_a_second_reading_does_not_see_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = repository(tmp_path)
    monkeypatch.setitem(FIXES, "health", lambda *_: None)
    fixes = fixed(root)
    [left] = fixes.left
    assert left.startswith("no health route: ") and left.endswith(": a second reading does not see the fix")


def test_what_no_fix_makes_is_left_with_what_to_do(tmp_path: Path) -> None:
    root = folder(tmp_path, **{"api/src/shop/main.py": None})
    application = read_application(root)
    [lack] = [lack for lack in application.missing if lack.stops]
    assert fix(root, application) == Fixes(left=(f"{lack.what}: {lack.fix}",))
