"""The tool that measures the suite: its faults, its samples, its verdicts and its report."""

from __future__ import annotations

import ast
import json
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.mutants import report
from tests.mutants.contexts import Contexts
from tests.mutants.nearby import WIDE, Nearby
from tests.mutants.operators import Mutation, changes, mutations
from tests.mutants.report import Result
from tests.mutants.sample import PACKAGES, drawn, files, sample, shares
from tests.mutants.trial import KILLED, NOT_RUN, SURVIVED, TIMED_OUT, UNDECIDED, Trials, Verdict, clone


def faults(text: str, operator: str) -> set[str]:
    """What a text becomes by an operator."""
    source = text.encode()
    changed = [each for each in mutations("x.py", source) if each.operator == operator and changes(each, source)]
    return {each.applied(source).decode() for each in changed}


@pytest.mark.parametrize(
    ("operator", "text", "becomes"),
    [
        ("comparison", "a = é == b < c\n", {"a = é != b < c\n", "a = é == b <= c\n"}),
        ("comparison", "x = a not in b\n", {"x = a in b\n"}),
        ("comparison", "x = a  is  not b\n", {"x = a  is b\n"}),
        ("negated condition", "if a or b:\n    c()\n", {"if not (a or b):\n    c()\n"}),
        ("negated condition", "x = [a for a in b if a]\n", {"x = [a for a in b if not (a)]\n"}),
        ("and / or", "x = a and b or c\n", {"x = a and b and c\n", "x = a or b or c\n"}),
        ("constant + 1", "x = (1, 2.5, True)\n", {"x = (2, 2.5, True)\n", "x = (1, 3.5, True)\n"}),
        ("removed call", '"""A text."""\na(b)\n', {'"""A text."""\npass\n'}),
        ("removed raise", "raise A from b\n", {"pass\n"}),
        ("early return", "def f():\n    'x'\n    return a\n", {"def f():\n    'x'\n    return None\n    return a\n"}),
        ("removed decorator", "@cache\ndef f(): pass\n", {"\ndef f(): pass\n"}),
        ("removed decorator", "@property\ndef f(): pass\n", set()),
        ("swapped arguments", "f(a, b, c)\n", {"f(b, a, c)\n"}),
        ("swapped arguments", "f(a, a, *c)\n", set()),
        ("dropped keyword argument", "f(a, b=1, c=2)\n", {"f(a, c=2)\n", "f(a, b=1)\n"}),
        ("dropped keyword argument", "f(b=1)\n", {"f()\n"}),
        ("renamed key", "f(b=x['k'])\n", {"f(Xb=x['k'])\n", "f(b=x['kX'])\n"}),
        ("renamed key", "x.get('k', 'other key')\n", {"x.get('kX', 'other key')\n"}),
        ("removed element", "x = [1, 2]\n", {"x = [2]\n", "x = [1]\n"}),
        ("removed element", "x = {'a': 1, **b}\n", {"x = {**b}\n", "x = {'a': 1}\n"}),
        ("removed element", "a, b = c\n", set()),
        (
            "emptied handler",
            "try:\n    a()\nexcept B:\n    c()\n    d()\nfinally:\n    e()\n    f()\n",
            {
                "try:\n    a()\nexcept B:\n    pass\nfinally:\n    e()\n    f()\n",
                "try:\n    a()\nexcept B:\n    c()\n    d()\nfinally:\n    pass\n",
            },
        ),
        ("emptied handler", "with suppress(A, B):\n    c()\n", {"with suppress():\n    c()\n"}),
        ("continue / break", "for a in b:\n    continue\n", {"for a in b:\n    break\n"}),
    ],
)
def test_each_operator_changes_one_span(operator: str, text: str, becomes: set[str]) -> None:
    assert faults(text, operator) == becomes


@pytest.mark.parametrize(
    "text",
    [
        "x: Dict['a', 1] = b\n",
        "def f(a: X[1]) -> Y[2]: ...\n",
        "x = f'{a == b}'\n",
        "if TYPE_CHECKING:\n    import a\n",
        "if __name__ == '__main__':\n    main()\n",
    ],
)
def test_what_does_not_run_is_left_alone(text: str) -> None:
    assert mutations("x.py", text.encode()) == []


def test_a_place_is_told_as_a_person_finds_it() -> None:
    [mutation] = [
        candidate
        for candidate in mutations("x.py", b"a = 1\n\n\n  \nif x:\n    raise B\n")
        if "raise" in candidate.operator
    ]
    assert (mutation.line, mutation.before, mutation.path) == (6, "raise B", "x.py")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository with one module and its tests."""
    folder = tmp_path / "project"
    texts = {
        "code_.py": "def more(number):\n    return number + 1\n\n\ndef unused(a):\n    return a + 1\n",
        "loop.py": "def count(most):\n    at = 0\n    while at < most:\n        at += 1\n    return at\n",
        "test_code.py": "from code_ import more\n\n\ndef test_more():\n    assert more(1) == 2\n",
        "test_loop.py": "from loop import count\n\n\ndef test_count():\n    assert count(2) == 2\n",
        "test_slow.py": "import time\n\n\ndef test_sleeps():\n    time.sleep(600)\n",
        "test_red.py": "def test_always_red():\n    raise OSError\n",
    }
    folder.mkdir()
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    for words in (["init", "-q"], ["add", "-A"], ["-c", "user.name=x", "-c", "user.email=x@x", "commit", "-qm", "x"]):
        subprocess.run(["git", *words], cwd=folder, check=True)
    return folder


def fault(project: Path, name: str, before: str, after: str) -> Mutation:
    source = (project / name).read_bytes()
    start = source.index(before.encode())
    return Mutation(name, "x", start, start + len(before.encode()), after, source.count(b"\n", 0, start) + 1, before)


def test_a_fault_that_a_test_sees_is_killed_and_the_checkout_stays(project: Path, tmp_path: Path) -> None:
    before = (project / "code_.py").read_bytes()
    trials = Trials(project, tmp_path / "work")
    verdict = trials.verdict(fault(project, "code_.py", "number + 1", "number"), ["test_code.py::test_more"], [])
    assert (verdict.how, verdict.by) == (KILLED, "test_code.py::test_more")
    assert (project / "code_.py").read_bytes() == before and not (tmp_path / "work/mutant").exists()


def test_a_fault_that_no_test_sees_survives(project: Path, tmp_path: Path) -> None:
    unseen = fault(project, "code_.py", "a + 1", "a")
    trials = Trials(project, tmp_path / "work")
    assert trials.verdict(unseen, ["test_code.py::test_more"], ["test_code.py"]).how == SURVIVED
    assert trials.verdict(unseen, [], []).how == NOT_RUN


def test_a_test_that_is_red_without_the_fault_has_seen_nothing(project: Path, tmp_path: Path) -> None:
    unseen = fault(project, "code_.py", "a + 1", "a")
    names = ["test_red.py::test_always_red", "test_code.py::test_more"]
    assert Trials(project, tmp_path / "work").verdict(unseen, names, []).how == SURVIVED


def test_what_cannot_be_imported_is_seen_and_a_missing_test_sees_nothing(project: Path, tmp_path: Path) -> None:
    trials = Trials(project, tmp_path / "work")
    broken = fault(project, "code_.py", "def more", "raise OSError\n\n\ndef more")
    assert trials.verdict(broken, ["test_code.py::test_more"], []).how == KILLED
    unseen = fault(project, "code_.py", "a + 1", "a")
    assert trials.verdict(unseen, ["test_gone.py::test_gone"], ["test_code.py"]).how == SURVIVED


def test_a_fault_that_never_ends_is_seen(project: Path, tmp_path: Path) -> None:
    endless = fault(project, "loop.py", "at += 1", "at -= 1")
    trials = Trials(project, tmp_path / "work", near=4)
    assert trials.verdict(endless, ["test_loop.py::test_count"], []).how == TIMED_OUT


def test_tests_that_take_too_long_without_the_fault_decide_nothing(project: Path, tmp_path: Path) -> None:
    unseen = fault(project, "code_.py", "a + 1", "a")
    assert Trials(project, tmp_path / "work", near=2).verdict(unseen, ["test_slow.py"], []).how == UNDECIDED


def test_what_a_trial_starts_ends_with_it(project: Path, tmp_path: Path) -> None:
    """Servers have sessions of their own."""
    (project / "test_server.py").write_text(
        "import subprocess\n\n\ndef test_serves():\n"
        f"    process = subprocess.Popen(['sleep', '600'], start_new_session=True)\n"
        f"    open({str(tmp_path / 'pid')!r}, 'w').write(str(process.pid))\n",
        encoding="utf-8",
    )
    for words in (["add", "-A"], ["-c", "user.name=x", "-c", "user.email=x@x", "commit", "-qm", "x"]):
        subprocess.run(["git", *words], cwd=project, check=True)
    unseen = fault(project, "code_.py", "a + 1", "a")
    assert Trials(project, tmp_path / "work").verdict(unseen, ["test_server.py"], []).how == SURVIVED
    process = Path("/proc") / (tmp_path / "pid").read_text(encoding="utf-8")
    assert not process.exists() or "Z" in (process / "stat").read_text(encoding="utf-8").split()[2]


def test_a_clone_is_what_is_committed(project: Path, tmp_path: Path) -> None:
    (project / "code_.py").write_text("broken", encoding="utf-8")
    (project / ".venv").mkdir()
    (project / ".cache").mkdir()
    (project / ".cache/gate.json").write_text("{}", encoding="utf-8")
    folder = clone(project, tmp_path / "work/clone")
    assert "def more" in (folder / "code_.py").read_text(encoding="utf-8") and (folder / ".venv").is_symlink()
    assert (folder / ".cache/gate.json").read_text(encoding="utf-8") == "{}"


def test_a_sample_is_the_seeds_and_grows() -> None:
    package = "rehearsal"
    first, again, other = ([next(drawn(ROOT, seed, package)) for _ in "x"] for seed in (1, 1, 2))
    assert first == again != other
    small, large = (sample(ROOT, 1, count, [package]) for count in (30, 60))
    assert [mutation for _, mutation in small] == [mutation for _, mutation in large][: len(small)] and len(
        small
    ) < len(large)
    paths = [mutation.path for _, mutation in large]
    assert max(map(paths.count, paths)) <= 2
    for _, mutation in small:
        source = (ROOT / mutation.path).read_bytes()
        assert ast.parse(mutation.applied(source)) and mutation.before in source.decode()


def test_every_module_belongs_to_one_package() -> None:
    owned = [name for package in PACKAGES for name in files(ROOT, package)]
    modules = [path for folder in ("generator", "scripts") for path in (ROOT / folder).rglob("*.py")]
    assert sorted(owned) == sorted(str(path.relative_to(ROOT)) for path in modules)
    assert sum(shares(150).values()) == 150


def test_the_report_counts_what_is_a_fault() -> None:
    mutation = Mutation("a.py", "comparison", 3, 5, "!=", 1, "a == b")
    verdicts = [Verdict(KILLED, "t", 1.0), Verdict(TIMED_OUT, "", 1.0), Verdict(SURVIVED, "", 1.0)]
    results = [Result("gate", mutation, each) for each in verdicts]
    results += [Result("gate", mutation, verdicts[2], "the same"), Result("local", mutation, verdicts[0])]
    results.append(Result("gate", mutation, Verdict(UNDECIDED, "", 1.0)))
    assert [line.split() for line in report.table(results)][1:] == [
        ["gate", "5", "2", "1", "1", "1", "50", "%"],
        ["local", "1", "1", "0", "0", "0", "100", "%"],
        ["all", "6", "3", "1", "1", "1", "60", "%"],
    ]
    lines = list(report.unseen_faults(results))
    assert lines[0] == "a.py:1  comparison: a == b" and "equivalent: the same" in lines[3]
    assert report.read(report.entry(results[3])) == results[3]
    assert json.loads(report.document(results, {"seed": 1}))["results"][0]["key"] == "a.py | comparison | a == b | !="


def test_equivalents_have_reasons_and_still_exist() -> None:
    for key, reason in report.reasons().items():
        path, operator, before, _ = key.split(" | ", 3)
        assert len(reason) > 20 and before in (ROOT / path).read_text(encoding="utf-8"), key
        assert operator


def test_tests_are_found_by_what_they_ran_before_the_file_changed(tmp_path: Path) -> None:
    """Lines move, and files too."""
    cache = tmp_path / "contexts"
    (cache / "sources").mkdir(parents=True)
    before, now = b"a\nb\nc\n", b"new\na\nb\nchanged\n"
    (cache / "sources/digest").write_bytes(before)
    lines = {"old/code.py@digest": {"tests/test_a.py::test_one": [1, 3], "tests/test_a.py": [2]}}
    body = {"digest": "x", "seconds": {"tests/test_a.py::test_one": 1.0}, "lines": lines}
    (cache / "tests+test_a.py.json").write_text(json.dumps(body), encoding="utf-8")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/test_a.py").write_text("", encoding="utf-8")
    contexts = Contexts(tmp_path, cache)
    contexts.read()
    assert contexts.tests("new/code.py", now, 2, 2) == (["tests/test_a.py::test_one"], ["tests/test_a.py"])
    assert contexts.tests("new/code.py", now, 3, 3) == ([], ["tests/test_a.py"])
    # A line that no test runs by itself runs with the module.
    assert contexts.tests("new/code.py", now, 4, 4) == (["tests/test_a.py::test_one"], ["tests/test_a.py"])
    assert contexts.tests("new/other.py", now, 1, 1) == ([], [])


@pytest.mark.soak
def test_the_likeliest_tests_look_first() -> None:
    """The module's own, then whoever imports it, those with servers last."""
    near, wide = Nearby(ROOT).tests("scripts/operations/verbs/rollback.py")
    assert near[0] == "tests/deployment/test_rollback.py" and len(near) > 1
    assert "tests/system/test_answers.py" in wide or len(wide) == WIDE
    assert Nearby(ROOT).tests("scripts/local_aws/engine.py")[0][0].startswith("tests/local_aws/")
    for path in ("generator/gate/lint.py", "generator/stacks/site.py", "scripts/local_aws/engine.py"):
        assert sum(map(len, Nearby(ROOT).tests(path))) > 2, path
