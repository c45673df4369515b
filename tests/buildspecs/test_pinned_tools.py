"""The build's own tools: which files they are is written in the buildspec, and renewed by a command."""

import re
from collections.abc import Iterable
from pathlib import Path

import pytest
from packaging.markers import Marker

from scripts import pin_tools
from scripts.pin_tools import LISTS, PLATFORMS, PYTHONS, PinError, marker, with_list
from tests.support.buildspecs.running import text

ENTRY = re.compile(r"^([\w.-]+)==\S+(?: ; ([^\\\n]+))?((?: \\\n    --hash=sha256:[0-9a-f]{64})+)$", re.M)


def lines(name: str) -> str:
    """One list of the buildspec, without its indent."""
    [body] = re.findall(rf"<<'{name}'\n(.*?)^ *{name}$", text("backend"), re.S | re.M)
    return re.sub(r"^ {8}", "", body, flags=re.M)


@pytest.mark.parametrize("name", LISTS)
def test_every_line_of_a_list_is_a_version_with_its_hashes(name: str) -> None:
    text_of = lines(name)
    assert ENTRY.sub("", text_of).strip() == ""
    assert set(LISTS[name]) <= {name for name, *_ in ENTRY.findall(text_of)}
    for package, versions, hashes in ENTRY.findall(text_of):
        pythons = re.findall(r'python_version == "([^"]+)"', versions) or PYTHONS
        assert set(pythons) <= set(PYTHONS), package
        # One wheel for everything, or from one for each platform, of which both of macOS may share one, to one for each
        # platform and each Python version.
        count = hashes.count("sha256")
        assert count == 1 or len(PLATFORMS) - 1 <= count <= len(PLATFORMS) * len(pythons), package


@pytest.mark.parametrize("name", LISTS)
def test_each_version_of_python_gets_one_version_of_each_package(name: str) -> None:
    """A marker that is missing gives one of them two versions, or none."""
    named: dict[str, list[str]] = {}
    for package, versions, _ in ENTRY.findall(lines(name)):
        named.setdefault(package, []).extend(re.findall(r'python_version == "([^"]+)"', versions) or PYTHONS)
    assert not {package for package, pythons in named.items() if len(set(pythons)) != len(pythons)}
    assert {tuple(sorted(named[tool])) for tool in LISTS[name]} == {PYTHONS}


def test_a_version_for_some_pythons_has_a_marker_that_pip_understands() -> None:
    assert marker(PYTHONS) == ""
    text_of = marker(("3.11", "3.13")).removeprefix(" ; ")
    for python in PYTHONS:
        expected = python in ("3.11", "3.13")
        assert Marker(text_of).evaluate({"python_version": python}) is expected


def test_a_list_is_replaced_and_nothing_else() -> None:
    before = "a\n        cat <<'ONE'\n        old==1\n        ONE\n  b <<'TWO'\n  c\n  TWO\n"
    after = with_list(before, "ONE", ["new==2 \\", "    --hash=sha256:0"])
    assert after == before.replace("        old==1\n", "        new==2 \\\n            --hash=sha256:0\n")
    for wrong in ("nothing", before + before):
        with pytest.raises(PinError, match="no one place for its one"):
            with_list(wrong, "ONE", [])


def test_a_list_that_cannot_be_renewed_leaves_the_buildspec_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first of the lists could be; the command says why the next one could not."""

    def pinned(tools: Iterable[str]) -> list[str]:
        if tools == LISTS["TESTERS"]:
            raise PinError("pytest has no wheel for Python 3.14")
        return ["new==2"]

    file = tmp_path / "backend.yml"
    file.write_text(text("backend"), encoding="utf-8")
    monkeypatch.setattr(pin_tools, "BUILDSPEC", file)
    monkeypatch.setattr(pin_tools, "pinned", pinned)
    assert pin_tools.main() == 1
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", "pin_tools: pytest has no wheel for Python 3.14\n")
    assert pin_tools.main(["NOTHING"]) == 1
    assert capsys.readouterr().err.startswith("pin_tools: there is no list NOTHING; there are ")
    assert file.read_text(encoding="utf-8") == text("backend")
