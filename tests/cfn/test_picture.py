"""The pictures of the stacks follow from the templates, and nothing in a template is markup in them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from generator.cfn.picture import resources_picture, stacks_picture
from generator.cfn.templates import STACK, TemplateSet, from_bodies, load

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def templates(repository: Path) -> TemplateSet:
    return load(repository / "templates")


def test_the_committed_pictures_are_those_of_the_templates(templates: TemplateSet, repository: Path) -> None:
    """`python -m generator` writes them."""
    root = templates["environment"]
    pictures = {"architecture.svg": stacks_picture(root, title="The stacks of one environment")}
    for child in root.children():
        title = f"{child.resource.logical_id}: {len(child.template.resources)} resources"
        pictures[f"pictures/{child.template.name}.svg"] = resources_picture(child.template, title)
    folder = repository / "docs"
    assert {f"pictures/{file.name}" for file in (folder / "pictures").iterdir()} == pictures.keys() - {
        "architecture.svg"
    }
    page = (folder / "architecture.md").read_text(encoding="utf-8")
    for name, text in pictures.items():
        assert (folder / name).read_text(encoding="utf-8") == f"{text}\n", f"{name}: run `make templates`"
    assert "(architecture.svg)" in page and "(pictures)" in page


def test_every_stack_is_a_box_and_every_box_is_inside(templates: TemplateSet) -> None:
    root = templates["environment"]
    picture = ElementTree.fromstring(stacks_picture(root, title="title"))
    width, height = (float(picture.get(name, "")) for name in ("width", "height"))
    places: list[tuple[float, float, float, float]] = []
    for box in picture.iter(f"{SVG}rect"):
        x, y, wide, high = (float(box.get(name, "")) for name in ("x", "y", "width", "height"))
        assert x >= 0 and x + wide <= width and y >= 0 and y + high <= height
        assert not [1 for left, top, _, _ in places if abs(left - x) < wide and abs(top - y) < high]
        places.append((x, y, wide, high))
    names = {text.text for text in picture.iter(f"{SVG}text") if text.get("class") == "name"}
    assert names == {child.resource.logical_id for child in root.children()} | {"viewers", "git push"}


def test_a_description_without_room_says_that_it_goes_on(templates: TemplateSet) -> None:
    """The whole is the title that a browser shows above the box."""
    picture = ElementTree.fromstring(stacks_picture(templates["environment"], title="title"))
    descriptions = [[line.text or "" for line in box.iter(f"{SVG}text")][1:] for box in picture.iter(f"{SVG}a")]
    titles = [box.findtext(f"{SVG}title", "").partition(": ")[2] for box in picture.iter(f"{SVG}a")]
    assert len(titles) > 10
    for lines, title in zip(descriptions, titles, strict=True):
        assert " ".join(lines) == title or (lines[-1].endswith(" …") and title.startswith(" ".join(lines)[:-2]))


def test_requests_releases_and_permissions_are_those_of_the_templates(templates: TemplateSet) -> None:
    """The way of a request and of a release, as docs/architecture.md tells them."""
    from generator.cfn.picture import _between

    root = templates["environment"]
    arrows = {
        (arrow.start, arrow.end, arrow.kind)
        for arrow in _between(root, {c.resource.logical_id: c for c in root.children()})
    }
    assert {
        ("Delivery", "Site", "request"),
        ("Delivery", "Ingress", "request"),
        ("Ingress", "Backend", "request"),
    } <= arrows
    assert {
        ("Pipeline", "Build", "release"),
        ("Pipeline", "Backend", "release"),
        ("Pipeline", "Site", "release"),
    } <= arrows
    assert ("Build", "Registry", "permission") in arrows and not [each for each in arrows if each[1] == "Encryption"]


def test_nothing_in_a_template_is_markup() -> None:
    name = '"><script>alert(1)</script>\x1b[2J\u202e'
    resource = {
        "Type": "AWS::CloudFormation::Stack",
        "Metadata": {"Description": name},
        "Properties": {"TemplateURL": "x.json"},
    }
    root = from_bodies({"environment": {"Resources": {"A<b>": resource}}, "x": {"Resources": {name: {"Type": name}}}})
    for text in (stacks_picture(root["environment"], {"A<b>": (1, "bad")}), resources_picture(root["x"], name)):
        assert "<script" not in text and not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e]", text)
        ElementTree.fromstring(text)


def nested(description: str, **more: Any) -> dict[str, Any]:
    metadata = {"Description": description}
    return {"Type": STACK, "Metadata": metadata, "Properties": {"TemplateURL": "leaf.json"}, **more}


NAME = "ANameOfTwentyLetters"  # the longest that has room


def test_what_changes_is_drawn_into_the_boxes() -> None:
    """The review counts what changes in a stack and colours it; a stack that can be left out has a dashed box."""
    root = {
        "Conditions": {"Some": {"Fn::Equals": ["a", "b"]}},
        "Resources": {
            NAME: nested("Nested stack: Tables & keys"),
            f"{NAME}X": nested("Two lines of text, and then more", Condition="Some", DependsOn=NAME),
        },
    }
    bodies = {"environment": root, "leaf": {"Resources": {"Q": {"Type": "AWS::SQS::Queue"}}}}
    changes = {NAME: (3, "bad"), f"{NAME}X": (0, "good")}
    lines = stacks_picture(from_bodies(bodies)["environment"], changes).splitlines()
    assert lines == [
        '<svg viewBox="0 0 384 90" role="img" aria-label="nested stacks and what they need">',
        '<marker id="needs" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto" '
        'markerUnits="userSpaceOnUse"><path class="tip needs" d="M0 0L8 4L0 8z"/></marker>',
        '<path class="arrow needs" marker-end="url(#needs)" d="M170 45C200 45 184 45 214 45"/>',
        f'<a class="stack bad" href="#stack-{NAME}"><title>{NAME}: Tables &amp; keys</title>'
        f'<rect x="14" y="14" width="156" height="62" rx="8"/><text class="name" x="24" y="35">{NAME}</text>'
        '<text class="badge" x="160" y="35" text-anchor="end">3</text>'
        '<text class="says" x="24" y="51">Tables &amp; keys</text></a>',
        f'<a class="stack good optional" href="#stack-{NAME}X"><title>{NAME}X: Two lines of text, and then more</title>'
        '<rect x="214" y="14" width="156" height="62" rx="8"/>'
        '<text class="name" x="224" y="35">ANameOfTwentyLetter…</text>'
        '<text class="says" x="224" y="51">Two lines of text, and</text>'
        '<text class="says" x="224" y="65">then more</text></a>',
        "</svg>",
    ]
    plain = stacks_picture(from_bodies(bodies)["environment"])
    assert "badge" not in plain and re.findall('<a class="([^"]*)"', plain) == ["stack ", "stack  optional"]
