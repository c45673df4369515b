"""Where a person finds in the sources what a template has: the line that is named is the one to edit, or none is named.

That every resource of our templates has such a line is shown in tests/operations/test_causes.py.
"""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from generator.cfn import sources
from generator.cfn.sources import rendered_lines

FILES = {
    "generator/stacks/shop.py": """
        from generator.constructs import tables
        from generator.constructs.shelf import shelf
        from generator.stacks.elsewhere import Thing
        import os

        def build(stack, side):
            x = "Ordered"
            stack.add(Queue("Ordered"))
            Ref("Mentioned")
            Sub("AlsoMentioned", x)
            stack.add(Topic(name="Named"), "Second")
            stack.add(Queue(f"{side}Queue"))
            stack.add(f"Ware{side}house")
            stack.add(f"{side}By")
            stack.add(Queue("LeftQueue"))
            shelf.Ref("Far")
        """,
    "generator/constructs/tables.py": """
        from generator.constructs.deeper import deeper

        TABLES = ["Orders", "Ordered"]
        """,
    "generator/constructs/shelf.py": 'shelf = Shelf("Shelf", "Deepest")',
    "generator/constructs/deeper.py": 'from generator.core.deepest import deepest\n\nlevel = Level("Deeper")',
    "generator/core/deepest.py": 'level = Level("Deepest")\nother = Level("TooDeep")',
    "generator/stacks/elsewhere.py": 'Thing = Table("Foreign")',
    "generator/stacks/market/__init__.py": """
        from generator.stacks.market import stalls
        from generator.project import PROJECT
        """,
    "generator/stacks/market/stalls.py": 'stall = Stall("Stall")',
    "generator/project.py": "class Project: ...",
    "generator/application.py": 'PROJECT = Project("Clients")',
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("project")
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(dedent(text).strip() + "\n", encoding="utf-8")
    return root


@pytest.mark.parametrize(
    ("title", "place"),
    [
        ("Ordered", "generator/stacks/shop.py:8"),  # what is made, and not the same text above it
        ("Named", "generator/stacks/shop.py:11"),
        ("Second", "generator/stacks/shop.py:11"),
        ("LeftQueue", "generator/stacks/shop.py:15"),  # as it stands, before the pattern above it
        ("RightQueue", "generator/stacks/shop.py:12"),
        ("Warenhouse", "generator/stacks/shop.py:13"),
        ("Warenhouses", ""),
        ("PassedBy", ""),  # two letters fit too much
        ("Mentioned", ""),  # a reference makes nothing
        ("AlsoMentioned", ""),
        ("Far", ""),
        ("Orders", "generator/constructs/tables.py:3"),  # a helper
        ("Shelf", "generator/constructs/shelf.py:1"),
        ("Deeper", "generator/constructs/deeper.py:3"),  # the helper of a helper
        ("Deepest", "generator/constructs/shelf.py:1"),
        ("TooDeep", ""),  # and no further, or any name would be found somewhere
        ("Foreign", ""),  # another stack has a template of its own
    ],
)
def test_the_line_is_that_of_what_makes_it(project: Path, title: str, place: str) -> None:
    assert str(sources.find("generator.stacks.shop", title, project) or "") == place


def test_a_stack_of_several_files_is_looked_through_and_so_is_the_application(project: Path) -> None:
    assert str(sources.find("generator.stacks.market", "Stall", project)) == "generator/stacks/market/stalls.py:1"
    assert str(sources.find("generator.stacks.market", "Clients", project)) == "generator/application.py:1"
    assert sources.find("generator.stacks.shop", "Clients", project) is None, "it takes no value of the application"


def test_what_is_no_resource_has_no_line_by_a_pattern(project: Path) -> None:
    """A parameter `ServiceName` was once said to be made where the names of tables are put together."""
    assert sources.find("generator.stacks.shop", "RightQueue", project, patterns=False) is None
    assert str(sources.find("generator.stacks.shop", "LeftQueue", project, patterns=False)) == (
        "generator/stacks/shop.py:15"
    )


def test_the_file_of_a_module(project: Path) -> None:
    assert sources.file_of("generator.stacks.shop", project) == "generator/stacks/shop.py"
    assert sources.file_of("generator.stacks.market", project) == "generator/stacks/market/__init__.py"


def test_the_line_in_the_rendered_template_is_that_of_the_resource() -> None:
    """Another section may have the same name, before the resources or behind them; deeper names count nowhere."""
    text = dedent("""\
        {
          "Conditions": {
            "Queue": {
              "Fn::Equals": []
            }
          },
          "Resources": {
            "Queue": {
              "Topic": {}
            }
          },
          "Outputs": {
            "Queue": {},
            "Url": {}
          }
        }
        """)
    assert rendered_lines(text) == {"Queue": 8, "Url": 14}
