"""The build's own tools: which files they are is written in the buildspec, and renewed by a command."""

import json
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

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


class Pip:
    """A pip that has wheels: of `fast` one for each platform, of `pure` one for all, which needs `fast`. A newer `fast`
    has none for the last Python. What was asked is kept."""

    def __init__(self) -> None:
        self.commands: list[list[str]] = []
        self.status = 0

    def run(self, command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        assert options["stdin"] is subprocess.DEVNULL and command[:3] == [sys.executable, "-m", "pip"]
        self.commands.append(command)
        python, platform = command[command.index("--python-version") + 1], command[command.index("--platform") + 1]
        version = "1.0" if python == PYTHONS[-1] else "2.0"
        wheels = {
            f"fast=={version}": (f"fast-{version}-cp-{platform}.whl", f"{version}{platform}"),
            "pure==3.0": ("Pure_Python-3.0-py3-none-any.whl#sha256=x", "pure"),
        }
        asked_for = ["pure==3.0", f"fast=={version}"] if "--no-deps" not in command else command[-1:]
        entries = []
        for requirement in asked_for:
            file, digest = wheels[requirement]
            name, _, number = requirement.partition("==")
            archive = {"hashes": {"sha256": digest}}
            metadata = {"name": name if name == "fast" else "Pure_.Python", "version": number}
            entries.append(
                {"metadata": metadata, "download_info": {"url": f"https://x/{file}", "archive_info": archive}}
            )
        Path(command[command.index("--report") + 1]).write_text(json.dumps({"install": entries}), encoding="utf-8")
        return subprocess.CompletedProcess(command, self.status, "", " no such package \n")


def test_every_wheel_that_a_build_may_take_has_its_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wheel for all platforms has one; of a version that some Pythons do not have, a marker says for which it is."""
    pip = Pip()
    monkeypatch.setattr(subprocess, "run", pip.run)
    firsts = [platform[0] for platform in PLATFORMS]
    older, newer = ([f"    --hash=sha256:{number}{each}" for each in sorted(firsts)] for number in ("1.0", "2.0"))

    def entry(head: str, hashes: list[str]) -> list[str]:
        return [f"{head} \\", *(f"{line} \\" for line in hashes[:-1]), hashes[-1]]

    assert pin_tools.pinned(["pure"]) == [
        *entry(f'fast==1.0 ; python_version == "{PYTHONS[-1]}"', older),
        *entry("fast==2.0 ; " + " or ".join(f'python_version == "{each}"' for each in PYTHONS[:-1]), newer),
        *entry("pure-python==3.0", ["    --hash=sha256:pure"]),
    ]
    deep, alone = [each for each in pip.commands if "--no-deps" not in each], pip.commands[len(PYTHONS) :]
    assert len(deep) == len(PYTHONS) and len(alone) == len(PYTHONS) * (len(PLATFORMS) - 1)
    first = deep[0]
    options = ["install", "--dry-run", "--quiet", "--ignore-installed", "--disable-pip-version-check"]
    assert first[3:11] == [*options, "--only-binary", ":all:", "--target"]
    assert first[12] == "--report" and first[14:] == [
        *("--python-version", PYTHONS[0]),
        *(word for tag in PLATFORMS[0] for word in ("--platform", tag)),
        "pure",
    ]
    assert alone[0][14:] == [
        *("--python-version", PYTHONS[0]),
        *(word for tag in PLATFORMS[1] for word in ("--platform", tag)),
        "--no-deps",
        "fast==2.0",
    ]


def test_what_pip_does_not_find_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    pip = Pip()
    pip.status = 1
    monkeypatch.setattr(subprocess, "run", pip.run)
    with pytest.raises(PinError) as raised:
        pin_tools.pinned(["pure"])
    place = f"Python {PYTHONS[0]} on {PLATFORMS[0][0]}"
    assert str(raised.value) == f"pip finds no wheels for {place}: no such package"


def test_the_lists_that_are_named_are_renewed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "backend.yml"
    file.write_text(text("backend"), encoding="utf-8")
    monkeypatch.setattr(pin_tools, "BUILDSPEC", file)
    monkeypatch.setattr(pin_tools, "pinned", lambda tools: [f"{name}==1" for name in tools])
    renewed = "buildspecs/backend.yml is renewed: run `python -m generator`\n"
    assert (pin_tools.main(["UV"]), capsys.readouterr()) == (0, (renewed, ""))
    assert file.read_text(encoding="utf-8") == with_list(text("backend"), "UV", ["uv==1"])
    assert (pin_tools.main(["UV"]), capsys.readouterr()) == (0, ("unchanged\n", ""))
    assert (pin_tools.main(), capsys.readouterr()) == (0, (renewed, ""))
    expected = text("backend")
    for name, tools in LISTS.items():
        expected = with_list(expected, name, [f"{tool}==1" for tool in tools])
    assert file.read_text(encoding="utf-8") == expected


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
