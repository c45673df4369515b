"""The tool that measures the suite: its faults, its samples, its verdicts and its report."""

from __future__ import annotations

import ast
import hashlib
import json
import shlex
import subprocess
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.mutants import report
from tests.mutants.__main__ import Versions, known, not_looked_at, parsed
from tests.mutants.contexts import Choice, Contexts, defined, module_pattern
from tests.mutants.nearby import WIDE, Nearby
from tests.mutants.operators import Mutation, changes, mutations, text_mutations
from tests.mutants.report import Result
from tests.mutants.sample import PACKAGES, TEXTS, drawn, files, sample, shares
from tests.mutants.trial import KILLED, NOT_RUN, SURVIVED, TIMED_OUT, UNDECIDED, Round, Trials, Verdict, clone
from tests.support.processes import gone


def faults(text: str, operator: str, every: Callable[[str, bytes], list[Mutation]] = mutations) -> set[str]:
    """What a text becomes by an operator."""
    source = text.encode()
    changed = [each for each in every("x.py", source) if each.operator == operator and changes(each, source)]
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
        "Place = tuple[str | int, ...]\nSay = Callable[[str, int], None]\n",
        "Value = str | int | tuple['Value', ...]\n",
    ],
)
def test_what_does_not_run_is_left_alone(text: str) -> None:
    assert mutations("x.py", text.encode()) == []


@pytest.mark.parametrize(
    ("operator", "text", "becomes"),
    [
        ("renamed key", "FIRST = names['k']\n", {"FIRST = names['kX']\n"}),
        ("renamed key", "def f():\n    Kind = names['k']\n", {"def f():\n    Kind = names['kX']\n"}),
        ("removed element", "Kinds = (a, b)\n", {"Kinds = (b)\n", "Kinds = (a)\n"}),
        ("constant + 1", "ALL = 1 | a[2]\n", {"ALL = 2 | a[2]\n", "ALL = 1 | a[3]\n"}),
    ],
)
def test_what_looks_like_the_name_of_a_type_and_is_none_is_not_left_alone(
    operator: str, text: str, becomes: set[str]
) -> None:
    assert faults(text, operator) == becomes


@pytest.mark.parametrize(
    ("operator", "text", "becomes"),
    [
        ("dropped placeholder", "x = f'é {a!r:>{b}} of {c}'\n", {"x = f'é  of {c}'\n", "x = f'é {a!r:>{b}} of '\n"}),
        ("dropped placeholder", "x = f'{{a}} {b}'\n", {"x = f'{{a}} '\n"}),
        ("dropped placeholder", "x = 'not formatted: {a}'\n", set()),
        ("dropped placeholder", "x = f'{a[\"}\"]}'\n", {"x = f''\n"}),
        (
            "exchanged placeholders",
            "x = f'{a} of {b}, {c}'\n",
            {"x = f'{b} of {a}, {c}'\n", "x = f'{a} of {c}, {b}'\n"},
        ),
        ("exchanged placeholders", "x = f'{a} of {a}'\n", set()),
        (  # literals in a row are a text, and a comment between them is none
            "exchanged placeholders",
            'x = (f"\\"{a}"  # don\'t\n    "{b}" f"{c}")\n',
            {'x = (f"\\"{c}"  # don\'t\n    "{b}" f"{a}")\n'},
        ),
        (
            "dropped not",
            "x = 'is not there'\ny = f'{a} cannot be'\n",
            {"x = 'is there'\ny = f'{a} cannot be'\n", "x = 'is not there'\ny = f'{a} can be'\n"},
        ),
        ("dropped not", "x = f'{not a}'\ny = 'not'\n", set()),
        ("another option", "x = f'say --yes to {a}'\n", {"x = f'say --other to {a}'\n"}),
        ("another option", "x = '--yes'\ny = 'p { --paper: 1; color: var(--ink) }'\n", set()),
        ("another command", "x = f'run `delivery plan {a}`'\n", {"x = f'run `delivery other {a}`'\n"}),
        ("another command", "x = 'Run `make templates`.'\n", {"x = 'Run `make other`.'\n"}),
        ("another command", "x = 'make it so'\n", set()),
        ("another command", "x = '`python -m scripts.pin_tools` does'\n", {"x = '`python -m other` does'\n"}),
    ],
)
def test_each_operator_of_texts_changes_one_span(operator: str, text: str, becomes: set[str]) -> None:
    assert faults(text, operator, text_mutations) == becomes


def test_documentation_annotations_and_what_only_a_process_runs_are_no_texts() -> None:
    text = '"""Is not a text."""\ndef f(a: "not b") -> "not c":\n    "Is not."\n'
    text += "if __name__ == '__main__':\n    f('not d')\n"
    assert text_mutations("x.py", text.encode()) == []


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
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    (folder / ".gitignore").write_text("__pycache__\n.venv\n.cache\n", encoding="utf-8")
    commit(folder)
    return folder


def fault(project: Path, name: str, before: str, after: str) -> Mutation:
    source = (project / name).read_bytes()
    start = source.index(before.encode())
    return Mutation(name, "x", start, start + len(before.encode()), after, source.count(b"\n", 0, start) + 1, before)


Lane = Callable[..., Trials]


@pytest.fixture
def lane(project: Path, tmp_path: Path) -> Iterator[Lane]:
    """Makes the lane in which mutants of the project are tried; `green` are tests that are known to pass."""
    lanes: list[Trials] = []

    def begin(*green: str) -> Trials:
        lanes.append(Trials(project, tmp_path / "work", dict.fromkeys(green, 1.0)))
        return lanes[-1]

    yield begin
    for each in lanes:
        each.close()


def looks(*names: str, limit: float = 60.0) -> list[Round]:
    return [Round(names, limit)]


def test_a_fault_that_a_test_sees_is_killed_and_the_checkout_stays(project: Path, lane: Lane) -> None:
    before = (project / "code_.py").read_bytes()
    trials = lane()
    verdict = trials.verdict(fault(project, "code_.py", "number + 1", "number"), looks("test_code.py::test_more"))
    assert (verdict.how, verdict.by) == (KILLED, "test_code.py::test_more")
    assert (project / "code_.py").read_bytes() == before == (trials.folder / "code_.py").read_bytes()
    # A fault of the same size and the same second is another one.
    same = [fault(project, "code_.py", "number + 1", f"number + {digit}") for digit in (2, 3)]
    assert [trials.verdict(each, looks("test_code.py")).how for each in same] == [KILLED, KILLED]
    assert trials.verdict(fault(project, "code_.py", "a + 1", "a + 2"), looks("test_code.py")).how == SURVIVED


@pytest.mark.soak
def test_a_fault_that_no_test_sees_survives(project: Path, lane: Lane) -> None:
    unseen = fault(project, "code_.py", "a + 1", "a")
    trials = lane()
    assert trials.verdict(unseen, [*looks("test_code.py::test_more"), *looks("test_code.py")]).how == SURVIVED
    assert trials.verdict(unseen, looks()).how == NOT_RUN


@pytest.mark.soak
def test_the_rounds_end_with_the_first_that_sees_the_fault(project: Path, lane: Lane) -> None:
    seen = fault(project, "code_.py", "number + 1", "number")
    rounds = iter([*looks("test_loop.py"), *looks("test_code.py"), *looks("test_slow.py")])
    assert lane().verdict(seen, rounds).by == "test_code.py::test_more"
    assert len(list(rounds)) == 1


@pytest.mark.soak
def test_a_test_that_is_red_without_the_fault_has_seen_nothing(project: Path, lane: Lane) -> None:
    names = ["test_red.py::test_always_red", "test_code.py::test_more"]
    trials = lane()
    assert trials.verdict(fault(project, "code_.py", "a + 1", "a"), looks(*names)).how == SURVIVED
    seen = fault(project, "code_.py", "number + 1", "number")
    assert trials.verdict(seen, looks(*names)).by == "test_code.py::test_more"
    # What is known to pass is not asked again; at the end all of these are, together.
    believed = lane("test_red.py::test_always_red")
    assert believed.verdict(seen, looks(*names)).by == "test_red.py::test_always_red"
    assert believed.failing(names) == ["test_red.py::test_always_red"]


@pytest.mark.soak
def test_what_cannot_be_imported_is_seen_and_a_missing_test_sees_nothing(project: Path, lane: Lane) -> None:
    trials = lane()
    broken = fault(project, "code_.py", "def more", "raise OSError\n\n\ndef more")
    assert trials.verdict(broken, looks("test_code.py::test_more")).how == KILLED
    unseen = fault(project, "code_.py", "a + 1", "a")
    assert trials.verdict(unseen, [*looks("test_gone.py::test_gone"), *looks("test_code.py")]).how == SURVIVED


@pytest.mark.soak
def test_a_fault_that_never_ends_is_seen(project: Path, lane: Lane) -> None:
    endless = fault(project, "loop.py", "at += 1", "at -= 1")
    assert lane().verdict(endless, looks("test_loop.py::test_count", limit=4)).how == TIMED_OUT


@pytest.mark.soak
def test_tests_that_take_too_long_without_the_fault_decide_nothing(project: Path, lane: Lane) -> None:
    unseen = fault(project, "code_.py", "a + 1", "a")
    assert lane().verdict(unseen, looks("test_slow.py", limit=2)).how == UNDECIDED


@pytest.mark.soak
def test_a_test_that_fails_now_and_then_has_seen_nothing(project: Path, lane: Lane, tmp_path: Path) -> None:
    """It fails with the fault, passes without it, and passes with it when it is asked again."""
    text = f"from pathlib import Path\n\n\ndef test_now():\n    file = Path({str(tmp_path / 'was')!r})\n"
    text += "    was = file.exists()\n    file.touch()\n    assert was\n"
    (project / "test_now.py").write_text(text, encoding="utf-8")
    commit(project)
    assert lane().verdict(fault(project, "code_.py", "a + 1", "a"), looks("test_now.py")).how == SURVIVED


@pytest.mark.soak
def test_what_a_trial_starts_ends_with_it(project: Path, tmp_path: Path, lane: Lane) -> None:
    """Servers have sessions of their own."""
    (project / "test_server.py").write_text(
        "import subprocess\n\n\ndef test_serves():\n"
        f"    process = subprocess.Popen(['sleep', '600'], start_new_session=True)\n"
        f"    open({str(tmp_path / 'pid')!r}, 'w').write(str(process.pid))\n",
        encoding="utf-8",
    )
    commit(project)
    assert lane().verdict(fault(project, "code_.py", "a + 1", "a"), looks("test_server.py")).how == SURVIVED
    assert gone(int((tmp_path / "pid").read_text(encoding="utf-8")))


def commit(project: Path) -> None:
    for words in (["add", "-A"], ["-c", "user.name=x", "-c", "user.email=x@x", "commit", "-qm", "x"]):
        subprocess.run(["git", *words], cwd=project, check=True)


def test_a_clone_is_what_is_committed(project: Path, tmp_path: Path) -> None:
    (project / "code_.py").write_text("broken", encoding="utf-8")
    (project / ".venv").mkdir()
    (project / ".cache").mkdir()
    (project / ".cache/gate.json").write_text("{}", encoding="utf-8")
    folder = clone(project, tmp_path / "work/clone")
    assert "def more" in (folder / "code_.py").read_text(encoding="utf-8") and (folder / ".venv").is_symlink()
    assert (folder / ".cache/gate.json").read_text(encoding="utf-8") == "{}"
    # The next run takes the same folder, as it is committed then.
    (folder / "code_.py").write_text("broken", encoding="utf-8")
    (folder / "left.py").write_text("", encoding="utf-8")
    (project / "code_.py").write_text("better = 1\n", encoding="utf-8")
    commit(project)
    clone(project, folder)
    assert (folder / "code_.py").read_text(encoding="utf-8") == "better = 1\n" and not (folder / "left.py").exists()


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
    owned = [name for package in PACKAGES if package != TEXTS for name in files(ROOT, package)]
    modules = [path for folder in ("generator", "scripts") for path in (ROOT / folder).rglob("*.py")]
    assert sorted(owned) == sorted(str(path.relative_to(ROOT)) for path in modules)
    assert sorted(files(ROOT, TEXTS)) == sorted(owned)
    # What is in texts comes on top: a seed draws of the others what it drew before.
    assert shares(150).pop(TEXTS) == 20 and sum(shares(150).values()) == 170


def test_a_sample_of_the_texts_has_faults_of_texts() -> None:
    """Each of them is another program, and those of two placeholders begin and end with one."""
    operators = set()
    for mutation in islice(drawn(ROOT, 1, TEXTS), 60):
        source = (ROOT / mutation.path).read_bytes()
        operators.add(mutation.operator)
        before = source[mutation.start : mutation.end].decode()
        assert "placeholder" not in mutation.operator or (before[0], before[-1]) == ("{", "}"), mutation
    assert len(operators) == 5


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
    assert lines[0] == "a.py:1  comparison: a == b" and "survived all tests that were asked" in lines[1]
    assert "undecided" in lines[3] and "equivalent: the same" in lines[5]  # what counts for nothing comes last
    assert report.read(report.entry(results[3], {"tests": "1"})) == (results[3], {"tests": "1"})
    assert json.loads(report.document(results, {"seed": 1}))["results"][0]["key"] == "a.py | comparison | a == b | !="


def seen(package: str, faults: int, of: int) -> list[Result]:
    """Results of which so many were seen."""
    mutation = Mutation("a.py", "comparison", 3, 5, "!=", 1, "a == b")
    hows = [KILLED] * faults + [SURVIVED] * (of - faults)
    return [Result(package, mutation, Verdict(how, "", 1.0, wide=False)) for how in hows]


@pytest.mark.parametrize(
    ("results", "problems"),
    [
        (seen("gate", 93, 100), []),
        (seen("gate", 186, 201), ["all: 92 % are seen, and 93 % are asked for"]),  # 92.54: not rounded up
        (seen("gate", 8, 9) + seen("local", 90, 90), ["gate: 88 % are seen, and 90 % are asked for"]),
    ],
)
def test_a_share_is_never_rounded_up_to_what_is_asked_for(results: list[Result], problems: list[str]) -> None:
    assert report.too_few(results) == problems
    text = "\n".join(report.target(results))
    assert text == "\n".join(problems) if problems else text.startswith("Enough: at least 93 %")


def test_a_survivor_of_the_measured_tests_alone_is_told_so() -> None:
    """Others may see it: they were not asked."""
    assert "no others were asked" in list(report.unseen_faults(seen("gate", 0, 1)))[1]


def test_what_was_not_looked_at_is_said(tmp_path: Path) -> None:
    measured = contexts(tmp_path, "generator/gate/code.py", b"a = 1\nb = 2\n", {FIRST: [1]})
    (tmp_path / "tests/test_b.py").write_bytes(b"")
    (tmp_path / "generator/gate").mkdir(parents=True)
    (tmp_path / "generator/gate/code.py").write_bytes(b"a = 1\nb = 2\n")
    (tmp_path / "generator/gate/other.py").write_bytes(b"c = 3\n")
    chosen = sample(tmp_path, 1, 1, ["gate and cfn"])
    text = "\n".join(not_looked_at(measured, chosen, ["gate and cfn"], 0.0))
    assert "faults: 2 of 3 places, in 1 of 2 files none" in text
    assert "test files that are not measured, 1 of 2: not asked" in text
    assert "tests/bench" in text and f"red without any fault, and not asked: {THIRD}" in text
    assert "up to 60 seconds" in "\n".join(not_looked_at(measured, chosen, ["gate and cfn"], 60.0))


def test_arguments_of_make_are_options() -> None:
    make = subprocess.run(
        ["make", "-n", "-o", ".venv/mutants", "mutants", "SEED=4", "ARGS=--wide 0 --measure none"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    [command] = [line for line in make.stdout.splitlines() if "-m tests.mutants" in line]
    options = parsed(shlex.split(command.partition("-m tests.mutants")[2]))
    assert (options.seed, options.wide, options.measure, options.count) == (4, 0.0, "none", 150)


def test_equivalents_have_reasons_and_still_exist() -> None:
    for key, reason in report.reasons().items():
        path, operator, before, _ = key.split(" | ", 3)
        assert len(reason) > 20 and before in (ROOT / path).read_text(encoding="utf-8"), key
        assert operator


FILE = "tests/test_a.py"
FIRST, SECOND, THIRD = (f"{FILE}::test_{name}" for name in ("one", "two", "three"))


def contexts(folder: Path, name: str, source: bytes, lines: dict[str, list[int]]) -> Contexts:
    """What was measured of one source file in a test file of three tests, of which the third is red."""
    (folder / "contexts/sources").mkdir(parents=True)
    (folder / "contexts/sources/digest").write_bytes(source)
    (folder / "tests").mkdir()
    (folder / FILE).write_bytes(b"")
    body = {"digest": hashlib.sha256(b"").hexdigest(), "seconds": {FIRST: 1.0, SECOND: 2.0, THIRD: 3.0}, "red": [THIRD]}
    text = json.dumps({**body, "lines": {f"{name}@digest": lines}})
    (folder / "contexts/tests+test_a.py.json").write_text(text, encoding="utf-8")
    return Contexts(folder, folder / "contexts")


def test_tests_are_found_by_what_they_ran_before_the_file_changed(tmp_path: Path) -> None:
    """Lines move, and files too."""
    before, now = b"a\nb\nc\n", b"new\na\nb\nchanged\n"
    measured = contexts(tmp_path, "old/code.py", before, {SECOND: [1, 3], FIRST: [1], FILE: [2]})
    assert measured.choice("new/code.py", now, 2, 2) == Choice(running=[FIRST, SECOND])
    assert measured.choice("new/code.py", now, 3, 3) == Choice(files=[FILE])
    assert measured.choice("new/code.py", now, 4, 4) == Choice()  # nobody ran it yet
    assert measured.choice("new/other.py", now, 1, 1) == Choice()
    assert measured.green == {FIRST: 1.0, SECOND: 2.0} and measured.green_files == {}
    (tmp_path / FILE).write_bytes(b"# changed\n")  # its tests are others, perhaps
    changed = Contexts(tmp_path, measured.cache)
    assert changed.choice("new/code.py", now, 2, 2) == Choice(files=[FILE]) and changed.green == {}


def test_what_runs_while_a_module_is_imported_is_every_test_s(tmp_path: Path) -> None:
    """Those that run more of the module come first."""
    source = b"A = [\n  1,\n]\ndef f():\n    return A\n"
    measured = contexts(tmp_path, "code.py", source, {"": [1, 4], SECOND: [5]})
    assert measured.choice("code.py", source, 1, 1) == Choice(importing=[SECOND, FIRST, THIRD])
    # A constant in a list of several lines has no line of its own.
    assert measured.choice("code.py", source, 2, 2) == Choice(importing=[SECOND, FIRST, THIRD])


def test_what_runs_once_in_a_process_is_looked_at_by_all_tests_of_the_module(tmp_path: Path) -> None:
    """Coverage knows it of the first test alone."""
    source = b"def install():\n    change()\n"
    measured = contexts(tmp_path, "a.py", source, {SECOND: [2]})
    assert measured.choice("a.py", source, 2, 2) == Choice(running=[SECOND], importing=[SECOND, FIRST, THIRD])
    assert measured.choice("a.py", source, 1, 1) == Choice()


@pytest.mark.parametrize(
    ("name", "text", "unlikely"),
    [
        ("tests/x/test_errors.py", "", 0),
        ("tests/x/test_other.py", "assert REMEDIES\n", 0),
        ("tests/x/test_other.py", "from scripts.deployment.errors import Exit\n", 1),
        ("tests/x/test_other.py", "from scripts.deployment import aws, errors\n", 1),
        ("tests/x/test_other.py", "from scripts.deployment import (\n    aws,\n    errors,\n)\n", 1),
        ("tests/x/test_other.py", "from scripts.deployment import aws\n\nerrors = []\n", 2),
        ("tests/x/test_other.py", "", 2),
    ],
)
def test_a_test_that_names_what_a_line_defines_is_likelier(tmp_path: Path, name: str, text: str, unlikely: int) -> None:
    source = b"A = 1\nREMEDIES = {\n  'x': 1,\n}\n\n\ndef f():\n    return A\n"
    assert [defined(source, line) for line in (1, 3, 5, 8)] == ["A", "REMEDIES", "", "f"]
    (tmp_path / "tests/x").mkdir(parents=True)
    (tmp_path / name).write_text(text, encoding="utf-8")
    pattern = module_pattern("scripts/deployment/errors.py")
    assert Contexts(tmp_path, tmp_path).unlikely(name, "errors", "REMEDIES", pattern) == unlikely


def test_verdicts_hold_while_what_they_rest_on_is_the_same(project: Path, tmp_path: Path) -> None:
    (project / "tests").mkdir()
    (project / "tests/test_a.py").write_text("", encoding="utf-8")
    (project / "tests/test_b.py").write_text("", encoding="utf-8")
    commit(project)
    mutation, kept = fault(project, "code_.py", "a + 1", "a"), tmp_path / "verdicts.jsonl"
    killed = Result("x", mutation, Verdict(KILLED, "tests/test_a.py::test_a", 1.0))
    survived = Result("x", mutation, Verdict(SURVIVED, "", 1.0))

    def hold() -> list[str]:
        return [result.verdict.how for result in known(kept, Versions(project))]

    versions = Versions(project)
    lines = [report.entry(result, versions.of(result)) for result in (killed, survived)]
    kept.write_text("\n".join(lines), encoding="utf-8")
    assert hold() == [KILLED, SURVIVED]
    (project / "tests/test_b.py").write_text("# more\n", encoding="utf-8")
    commit(project)
    assert hold() == [KILLED]
    (project / "tests/test_a.py").write_text("# more\n", encoding="utf-8")
    commit(project)
    assert hold() == []


@pytest.mark.soak
def test_the_likeliest_tests_look_first() -> None:
    """The module's own, then whoever imports it, those with servers last."""
    near, wide = Nearby(ROOT).tests("scripts/operations/verbs/rollback.py")
    assert near[0] == "tests/operations/test_rollback.py" and len(near) > 1
    assert "tests/system/test_answers.py" in wide or len(wide) == WIDE
    assert Nearby(ROOT).tests("scripts/local_aws/engine.py")[0][0].startswith("tests/local_aws/")
    for path in ("generator/gate/lint.py", "generator/stacks/site.py", "scripts/local_aws/engine.py"):
        assert sum(map(len, Nearby(ROOT).tests(path))) > 2, path
