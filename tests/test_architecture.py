"""The laws of the house on imports, held by reading the sources."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from tests.conftest import marker
from tests.support.sources import import_statements

ROOT = Path(__file__).resolve().parent.parent
EFFECTS = {"boto3", "botocore", "moto", "requests", "urllib", "http", "socket", "random", "secrets", "subprocess"}


def sources(folder: str) -> list[Path]:
    files = sorted((ROOT / folder).rglob("*.py"))
    assert files, folder
    return files


@cache
def imports(file: Path) -> tuple[str, ...]:
    """Every module that a file imports, wherever in the file, with the names taken from it."""
    return tuple(_imports(file))


def _imports(file: Path) -> Iterator[str]:
    for node, _ in import_statements(file):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        else:
            assert node.level == 0, f"{file}: relative import"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_the_generator_is_pure() -> None:
    """No AWS, no network, no clock, no environment: the same facts give the same bytes."""
    for file in sources("generator"):
        modules = {name.split(".")[0] for name in imports(file)}
        assert not modules & EFFECTS, file
        assert "scripts" not in modules, file
        text = file.read_text(encoding="utf-8")
        assert not re.search(r"os\.environ|getenv|time\.time|datetime|date\.today|perf_counter", text), file


def test_cfn_knows_the_standard_library_only() -> None:
    for file in sources("generator/cfn"):
        foreign = {
            name
            for name in imports(file)
            if name.split(".")[0] not in sys.stdlib_module_names and not name.startswith("generator.cfn")
        }
        assert foreign <= {"generator", "generator.cfn"} or not foreign, (file, foreign)


def test_package_files_stay_empty() -> None:
    """Importing generator.cfn must not import the generator."""
    for package in ("generator", "generator/cfn", "generator/gate"):
        assert (ROOT / package / "__init__.py").read_text(encoding="utf-8") == ""


def test_scripts_see_the_generator_through_cfn_only() -> None:
    for file in sources("scripts"):
        for name in imports(file):
            assert name.split(".")[0] not in {"troposphere", "awacs"}, file
            if name.startswith("generator"):
                assert name == "generator" or name.startswith("generator.cfn"), (file, name)


def test_stacks_do_not_import_each_other() -> None:
    """A stack is a module of `generator/stacks`, or a package there, whose modules may import each other."""
    folder = ROOT / "generator" / "stacks"
    stacks = sources("generator/stacks")
    assert len(stacks) > 14
    for file in stacks:
        own = f"generator.stacks.{file.relative_to(folder).parts[0].removesuffix('.py')}"
        for name in imports(file):
            assert not name.startswith("generator.roots"), (file, name)
            assert not name.startswith("generator.stacks.") or f"{name}.".startswith(f"{own}."), (file, name)


def test_only_roots_know_the_stacks() -> None:
    for file in sources("generator"):
        if not {"roots", "stacks"} & set(file.parts):
            assert not any(name.startswith("generator.stacks") for name in imports(file)), file


def test_aws_is_called_in_one_place() -> None:
    """`credentials.py` signs with botocore what git sends, and calls nothing."""
    for file in (*sources("scripts/deployment"), *sources("scripts/operations")):
        modules = {name.split(".")[0] for name in imports(file)}
        assert file.name in ("aws.py", "credentials.py") or not modules & {"boto3", "botocore"}, file


def module_name(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def modules_imported(file: Path, known: set[str]) -> set[str]:
    """The modules of the project that a file imports when it is run, wherever in the file."""
    imported = set()
    for node, for_types in import_statements(file):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif not for_types:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            imported |= {name if name in known else node.module or "" for name in names}
    return (imported & known) - {module_name(file)}


# The server's process imports what it serves when it starts; everything else that imports `server` must stay cheap.
LATE = {"scripts.local_aws.server": {"scripts.local_aws.application"}}


def test_no_modules_import_each_other_in_a_circle() -> None:
    files = {module_name(file): file for folder in ("generator", "scripts") for file in sources(folder)}
    try:
        graph = {name: modules_imported(files[name], set(files)) - LATE.get(name, set()) for name in files}
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        raise AssertionError(" → ".join(error.args[1])) from error


def test_the_core_of_a_deployment_stands_alone() -> None:
    """The small deploy script needs its own folder and `generator/cfn`: what is beside it uses it, never the other way
    round."""
    for file in sources("scripts/deployment"):
        for name in imports(file):
            if name.startswith(("scripts.", "generator.")):
                assert name.startswith(("scripts.deployment", "generator.cfn")), (file, name)


def test_verbs_import_no_verb() -> None:
    for file in sources("scripts/operations/verbs"):
        assert not [name for name in imports(file) if name.startswith("scripts.operations.verbs.")], file


def test_what_plans_renders_nothing() -> None:
    """What is planned is a value; how it looks is the matter of verbs and of what watches."""
    planners = [*sources("scripts/deployment"), *sources("scripts/operations/diagnose")]
    planners += [ROOT / f"scripts/operations/{name}.py" for name in ("planning", "adoption", "image_first", "refusals")]
    for file in planners:
        for name in imports(file):
            assert not name.startswith(("scripts.operations.output", "scripts.terminal", "rich")), (file, name)


def test_moto_is_touched_by_the_local_aws_only() -> None:
    for folder in ("generator", "scripts"):
        for file in sources(folder):
            if "local_aws" not in file.parts:
                assert not any(name.split(".")[0] == "moto" for name in imports(file)), file


def test_tests_share_no_code_through_test_modules() -> None:
    """What several test modules need stands in `tests/support` or in a conftest: importing a test module runs its
    fixtures and collects its tests twice."""
    borrowed: dict[str, list[str]] = {}
    for file in sources("tests"):
        if file.is_relative_to(ROOT / "tests/applications"):  # others' programs
            continue
        names = {name for name in imports(file) if re.search(r"^tests\.(\w+\.)*test_\w+$", name)}
        borrowed.setdefault(file.parent.relative_to(ROOT).as_posix(), []).extend(f"{file.name}: {n}" for n in names)
    assert borrowed and not any(borrowed.values()), borrowed


def test_no_unit_test_opens_a_browser() -> None:
    """`make unit` is quick, and works where none is installed."""
    files = [file for file in (ROOT / "tests").rglob("test_*.py") if "browser" in file.read_text(encoding="utf-8")]
    opening = [file for file in files if re.search(r"support(\.| import .*)browser", file.read_text(encoding="utf-8"))]
    assert len(opening) > 1 and [file.name for file in opening if marker(file) == "unit"] == []
