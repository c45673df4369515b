"""`onboard` as it is typed, into a checkout whose generator is a stand-in: what is written, said and put back."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from scripts import cli
from scripts.deployment.errors import RefusedError
from scripts.onboarding import command, writing
from scripts.onboarding.fixing import Fixes
from scripts.onboarding.reading import read_application
from scripts.onboarding.standing import FACTS
from scripts.onboarding.writing import Written, facts_text, write
from tests.conftest import ROOT
from tests.support.onboarding import MAIN, folder

TEMPLATE = '{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}'
PARAMETERS = ["local", "production", "staging"]
WRITTEN = [FACTS, "docs/onboarding.md", "docs/permissions-ledger.md", "tests/generator/logical_ids.txt"]
LEFT = [
    "the facts of Cloud Health Dashboard: .cache/onboarding/cloud-health-dashboard.py",
    "its reasons of permissions: the ledger docs/permissions-ledger.md begins anew, and the first review reads all of "
    "it",
    "its logical ids: tests/generator/logical_ids.txt begins anew, because no environment of this application has any",
    "its stacks cloud-health-dashboard-ENVIRONMENT, if there are any: a checkout of before operates and deletes them",
    "its tests: those that name it are left out, and counted, while other facts are here",
]


class Generator:
    """What stands in for the generator: a page of its own at each call, and an end with what it says in `fails`."""

    def __init__(self, project: Path) -> None:
        self.project, self.calls, self.fails = project, list[tuple[str, ...]](), {}  # type: ignore[var-annotated]

    def __call__(self, project: Path, *words: str) -> None:
        assert project == self.project
        self.calls.append(words)
        (project / f"templates/new{len(self.calls)}.json").write_text(TEMPLATE, encoding="utf-8")
        (project / "docs/permissions.md").write_text("made", encoding="utf-8")
        if error := self.fails.get(words):
            raise error


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with the facts of this repository, not in git."""
    checkout = tmp_path / "checkout"
    shutil.copytree(ROOT / "templates", checkout / "templates")
    for name in (FACTS, "docs/permissions-ledger.md", *(f"params/{name}.json" for name in PARAMETERS)):
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, checkout / name)
    ids = checkout / "tests/generator/logical_ids.txt"
    ids.parent.mkdir(parents=True)
    ids.write_text("Clients\n", encoding="utf-8")
    (checkout / "docs/permissions.md").write_text("before", encoding="utf-8")
    return checkout


@pytest.fixture
def generator(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> Generator:
    generator = Generator(checkout)
    monkeypatch.setattr(writing, "generate", generator)
    monkeypatch.setattr(command, "PROJECT", checkout)
    return generator


def contents(checkout: Path) -> dict[str, bytes]:
    return {str(path.relative_to(checkout)): path.read_bytes() for path in checkout.rglob("*") if path.is_file()}


def onboard(capsys: pytest.CaptureFixture[str], app: Path, *words: str) -> tuple[int, str, str]:
    status = cli.main(["onboard", "--app", str(app), *words])
    shown = capsys.readouterr()
    return status, shown.out, shown.err


def test_another_application_is_written_and_what_is_left_of_the_former_is_told(
    checkout: Path, generator: Generator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(checkout)
    status, out, _ = onboard(capsys, folder(tmp_path))
    assert status == 0 and generator.calls == [(), ("--gate",)]
    files = [*WRITTEN, *(f"params/{name}.json" for name in PARAMETERS)]
    application = read_application(tmp_path / "shop")
    assert (checkout / FACTS).read_text(encoding="utf-8") == facts_text(application, checkout)
    assert out.splitlines()[-7:] == [f"written: {', '.join(files)}", "left behind:", *(f"  {line}" for line in LEFT)]
    now = contents(checkout)
    assert ".cache/onboarding/cloud-health-dashboard.py" in now
    assert now[".cache/onboarding/cloud-health-dashboard.py"] == before[FACTS]
    assert "docs/permissions-ledger.md" not in now and now["tests/generator/logical_ids.txt"] == b""
    page = now["docs/onboarding.md"].decode()
    assert page.startswith("# Corner Shop, as `delivery onboard` read it\n\nThe facts themselves are in ")
    rows = ["| fact | value | read from |", "|---|---|---|", "| name | shop | the folder |"]
    assert "\n".join(["", "", *rows, "| title | Corner Shop | README.md |", ""]) in page
    assert page.endswith("\n## Left behind\n\n" + "".join(f"- {line}\n" for line in LEFT).replace("`", " "))
    staging = json.loads(now["params/staging.json"])
    assert now["params/staging.json"].decode() == json.dumps(staging, indent=2) + "\n"
    assert staging["Tags"]["CostCenter"] == "shop" and now["params/staging.json"].endswith(b"}\n")


def test_the_same_again_changes_nothing_and_keeps_what_was_left_behind(
    checkout: Path, generator: Generator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    onboard(capsys, folder(tmp_path))
    before = contents(checkout)
    status, out, _ = onboard(capsys, tmp_path / "shop")
    assert (status, out.splitlines()[-1]) == (0, "nothing has changed")
    assert len(generator.calls) == 2 and contents(checkout) == before


@pytest.mark.usefixtures("generator")
def test_a_correction_stays_and_is_told_and_replaced_where_somebody_says_so(
    checkout: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    onboard(capsys, folder(tmp_path))
    text = (checkout / FACTS).read_text(encoding="utf-8")
    corrected = text.replace("port=8000", "port=9000")
    (checkout / FACTS).write_text(corrected, encoding="utf-8")
    assert onboard(capsys, tmp_path / "shop")[1].splitlines()[-4:] == [
        "generator/application.py was corrected by hand, and the corrections stay (-: corrected, +: as read):",
        "  -        port=9000,",
        "  +        port=8000,",
        "nothing has changed",
    ]
    assert (checkout / FACTS).read_text(encoding="utf-8") == corrected
    ledger = checkout / "docs/permissions-ledger.md"
    ledger.write_text("reasons", encoding="utf-8")
    status, out, _ = onboard(capsys, tmp_path / "shop", "--replace")
    assert (status, out.splitlines()[-1]) == (0, f"written: {FACTS}")
    assert (checkout / FACTS).read_text(encoding="utf-8") == text
    assert ledger.read_text(encoding="utf-8") == "reasons", "it is the same application"


@pytest.mark.parametrize("words", [(), ("--gate",)], ids=["rendering", "gate"])
@pytest.mark.parametrize("error", [RefusedError("no"), KeyboardInterrupt()], ids=["refused", "Ctrl-C"])
def test_what_ends_before_the_end_leaves_everything_as_it_was(
    words: tuple[str, ...], error: BaseException, checkout: Path, generator: Generator, tmp_path: Path
) -> None:
    before = contents(checkout)
    generator.fails[words] = error
    with pytest.raises(type(error)):
        write(read_application(folder(tmp_path)), checkout)
    now = contents(checkout)
    assert now.pop(".cache/onboarding/cloud-health-dashboard.py") == before[FACTS]
    assert now == before


@pytest.mark.usefixtures("generator")
def test_facts_in_a_commit_are_left_behind_by_its_name(checkout: Path, tmp_path: Path) -> None:
    git = ["git", "-C", str(checkout), "-c", "user.name=x", "-c", "user.email=x@shop.test"]
    for words in (["init", "-q"], ["add", FACTS], ["commit", "-qm", "x"]):
        subprocess.run([*git, *words], check=True)
    [commit] = subprocess.run([*git, "log", "--format=%h"], check=True, capture_output=True, text=True).stdout.split()
    left = write(read_application(folder(tmp_path)), checkout).left_behind
    assert left[0] == f"the facts of Cloud Health Dashboard: `git show {commit}:{FACTS}`" and left[1:] == tuple(
        LEFT[1:]
    )


def test_show_writes_nothing_and_says_what_was_read(
    checkout: Path, generator: Generator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(checkout)
    status, out, _ = onboard(capsys, folder(tmp_path), "--show")
    lines = out.splitlines()
    assert status == 0 and generator.calls == [] and contents(checkout) == before
    width = max(len(line.partition("  ")[0]) for line in lines)
    assert lines[:2] == [f"{'name':{width}}  shop  (the folder)", f"{'title':{width}}  Corner Shop  (README.md)"]
    assert not [line for line in lines if line.startswith(("written", "nothing"))]


@pytest.mark.usefixtures("generator")
def test_programs_get_facts_lacks_and_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lacking = folder(tmp_path, api__src__shop__store_py="x", **{"api/src/shop/store.py": ""})
    status, out, _ = onboard(capsys, lacking, "--format", "json", "--name", "corner")
    document = json.loads(out)
    assert status == 0 and document["result"]["facts"][0] == {"fact": "name", "value": "corner", "source": "--name"}
    [lack] = document["result"]["missing"]
    assert lack.keys() == {"what", "fix", "stops"} and lack["stops"] is False and "ShopOrders" in lack["what"]
    assert document["result"]["written"][:4] == WRITTEN


def test_what_stops_a_release_is_refused_with_what_fixes_it(
    checkout: Path, generator: Generator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    app = folder(tmp_path, **{"api/src/shop/main.py": MAIN.replace("/healthz", "/hello")})
    before = contents(checkout)
    status, out, error = onboard(capsys, app)
    assert status == 3 and generator.calls == [] and contents(checkout) == before
    text = " ".join(error.split())
    assert f"{app} cannot be released as it is; nothing was written:" in text and "no health route" in text
    assert f"onboard --app {app} --fix` makes what it can on a branch of it." in text
    assert [line for line in out.splitlines() if line.startswith("MISSING: ") and "; " in line]
    assert onboard(capsys, tmp_path / "nowhere")[0] == 64


@pytest.mark.usefixtures("generator")
def test_what_no_fix_makes_is_refused_without_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    app = folder(tmp_path, **{"api/src/shop/main.py": None})
    status, _, error = onboard(capsys, app)
    assert status == 3 and "no FastAPI application" in error and "Then run it again." in error and "--fix" not in error


THERE = ("the branch delivery-onboarding of {} has it: read it, merge it, and onboard again",)


@pytest.mark.usefixtures("generator")
@pytest.mark.parametrize(
    ("fixes", "status", "lines"),
    [
        (Fixes("delivery-onboarding", ("a",)), 0, ("fixed: a", *THERE)),
        (Fixes("delivery-onboarding", ("a",), ("b",)), 3, ("fixed: a", "left: b", *THERE)),
        (Fixes(), 0, ("nothing was fixed",)),
    ],
)
def test_a_fix_says_what_it_made_and_what_it_left(
    fixes: Fixes,
    status: int,
    lines: tuple[str, ...],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(command, "fix", lambda *_: fixes)
    app = folder(tmp_path)
    before = contents(tmp_path)
    ended, out, _ = onboard(capsys, app, "--fix")
    assert ended == status and out.splitlines()[-len(lines) :] == [line.format(app) for line in lines]
    result = json.loads(onboard(capsys, app, "--fix", "--format", "json")[1])["result"]
    assert (result["branch"], result["fixed"], result["left"]) == (fixes.branch or None, [*fixes.fixed], [*fixes.left])
    assert contents(tmp_path) == before


def test_the_page_has_what_is_to_look_at_and_no_markup_of_a_folder(tmp_path: Path) -> None:
    application = read_application(folder(tmp_path), "a|b`<i>[x](y)")
    application.missing.clear()
    page = writing.page(application)
    assert page.splitlines()[0] == "# a b  i  x (y), as `delivery onboard` read it"
    assert "## To look at" not in page and "## Left behind" not in page and page.endswith(" |\n")
    lacking = read_application(folder(tmp_path, **{"api/src/shop/store.py": ""}))
    [lack] = lacking.missing
    assert writing.page(lacking).partition("\n## To look at\n\n")[2] == f"- {lack.what}: {lack.fix}\n".replace("`", " ")


@pytest.mark.parametrize("status", [0, 1])
def test_the_generator_is_called_in_the_checkout_and_its_last_words_are_told(status: int, tmp_path: Path) -> None:
    lines = "\n".join(f"line {number}" for number in range(30))
    (tmp_path / "generator").mkdir()
    program = f"""import sys
from pathlib import Path
print({lines!r})
print("last", file=sys.stderr)
Path("words").write_text(" ".join(sys.argv[1:]))
sys.exit({status})
"""
    (tmp_path / "generator/__init__.py").write_text("", encoding="utf-8")
    (tmp_path / "generator/__main__.py").write_text(program, encoding="utf-8")
    if not status:
        writing.generate(tmp_path, "--gate")
    else:
        with pytest.raises(RefusedError) as error:
            writing.generate(tmp_path, "--gate")
        shown = ["The generator does not take the facts:", *(f"line {number}" for number in range(11, 30)), "last"]
        assert error.value.reason.splitlines() == shown and error.value.remedy == "Nothing was changed."
    assert (tmp_path / "words").read_text(encoding="utf-8") == "--gate"


def test_what_was_written_is_told_in_lines() -> None:
    assert list(Written().lines()) == ["nothing has changed"]
    assert list(Written(("a", "b")).lines()) == ["written: a, b"]
