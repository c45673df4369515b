"""The build's own tools: which files they are is written in the buildspec, and renewed by a command."""

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from scripts import pin_tools
from scripts.pin_tools import LISTS, PLATFORMS, PYTHONS, PinError, with_list
from tests.support.buildspecs.running import text

ENTRY = re.compile(r"^([\w.-]+)==\S+((?: \\\n    --hash=sha256:[0-9a-f]{64})+)$", re.M)


def lines(name: str) -> str:
    """One list of the buildspec, without its indent."""
    [body] = re.findall(rf"<<'{name}'\n(.*?)^ *{name}$", text("backend"), re.S | re.M)
    return re.sub(r"^ {8}", "", body, flags=re.M)


@pytest.mark.parametrize("name", LISTS)
def test_every_line_of_a_list_is_a_version_with_its_hashes(name: str) -> None:
    entries: dict[str, str] = dict(ENTRY.findall(lines(name)))
    assert ENTRY.sub("", lines(name)).strip() == ""
    assert set(LISTS[name]) <= set(entries)
    # One wheel for every platform, or one for each of them, or one for each of them and each Python version.
    numbers = {1, len(PLATFORMS), len(PLATFORMS) * len(PYTHONS)}
    assert {hashes.count("sha256") for hashes in entries.values()} <= numbers


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
    assert file.read_text(encoding="utf-8") == text("backend")
