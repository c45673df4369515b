"""The gate's findings for programs: SARIF, JUnit, JSON, and annotations of GitHub's workflow runs.

The place of a finding is the line of the generator that makes what is wrong; the line of the rendered template stands
beside it. Sources of the formats: SARIF 2.1.0 (OASIS standard, 27 March 2020; sections at the functions); the JUnit
schema of Apache Ant's `junitreport`, as GitLab's and CodeBuild's documentation of test reports name it; GitHub Docs,
"Workflow commands for GitHub Actions", and `toolkit/packages/core/src/command.ts` for what is escaped in them.
"""

import hashlib
import json
import re
import string
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from generator.cfn import sources
from generator.cfn.sources import Place
from generator.cfn.templates import FolderMissingError, TemplatesError, TemplateSet, load
from generator.cfn.visible import visible
from generator.gate.finding import GITHUB, JSON, JUNIT, SARIF, Finding
from generator.version import VERSION

SCHEMA = "delivery/gate/1"  # of the JSON form: docs/schemas/gate.json
SARIF_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
LEDGER = "docs/permissions-ledger.md"
UNRESERVED = f"{string.ascii_letters}{string.digits}-._~/"
# XML 1.0, production 2 (`Char`): everything else cannot stand in a document, escaped or not.
NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class PlacedFinding:
    """A finding with its places: `source` is the line to edit, `rendered` the line of the template that shows it, None
    where `source` is all there is."""

    finding: Finding
    source: Place
    rendered: Place | None = None

    @property
    def fingerprint(self) -> str:
        """The same for the same fault, wherever its lines move to."""
        finding = self.finding
        text = "\0".join((finding.file, finding.where, finding.rule, finding.message))
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def report(findings: Sequence[Finding], form: str, root: Path) -> str:
    """The findings of the gate on the checkout at `root` as a text in one of `finding.FORMATS`."""
    return WRITERS[form]([_placed(finding, root) for finding in findings], root)


def _placed(finding: Finding, root: Path) -> PlacedFinding:
    file, where = finding.file, finding.where
    if file == LEDGER:  # `where` is the role that gained something
        name, _, where = where.partition(".")
        file = f"templates/{name}.json"
    elif "/" not in file and file.endswith(".json"):  # what a rule calls a template
        file = f"templates/{file}"
    if match := re.fullmatch(r"line (\d+)", where):
        return PlacedFinding(finding, Place(file, int(match[1])))
    if not file.startswith("templates/"):
        return PlacedFinding(finding, Place(file, _named_line(root / file, finding.message)))
    steps = [step for step in re.split(r"[./\[\]]", where) if step]
    name = (steps[1] if len(steps) > 1 and steps[0] in sources.SECTIONS else steps[0]) if steps else ""
    rendered = Place(file, sources.rendered_lines(_text(root / file)).get(name, 1))
    templates, template = _templates(root), Path(file).stem
    if templates is None or template not in templates or not (module := templates[template].module):
        return PlacedFinding(finding, rendered)
    line = sources.find(module, name, root, patterns=name in templates[template].resources)
    source = line or Place(sources.file_of(module, root), 1)
    return PlacedFinding(finding, source, rendered)


def _named_line(file: Path, message: str) -> int:
    """The first line of a parameter file that names something that the message names; the first one otherwise."""
    words = set(re.findall(r"\w+", message))
    for number, line in enumerate(_text(file).splitlines(), 1):
        if (match := re.match(r'\s*"(\w+)":', line)) and match[1] in words and match[1] != "Parameters":
            return number
    return 1


@cache
def _templates(root: Path) -> TemplateSet | None:
    """The rendered templates; None where they cannot be read, which is a finding by itself."""
    try:
        return load(root / "templates")
    except (TemplatesError, FolderMissingError):
        return None


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _sarif(findings: Sequence[PlacedFinding], _root: Path) -> str:
    """One run (3.14) with its rules (3.19.23) and results (3.27)."""
    rules = list(dict.fromkeys(placed.finding.rule for placed in findings))
    driver = {
        "name": "generator gate",
        "version": VERSION,
        "rules": [_rule(rule, next(each.finding for each in findings if each.finding.rule == rule)) for rule in rules],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(placed, rules.index(placed.finding.rule)) for placed in findings],
    }
    return json.dumps({"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


def _rule(rule: str, first: Finding) -> dict[str, Any]:
    text = _message(visible(first.fix or first.message))
    return {"id": rule, "shortDescription": {"text": rule}, "help": {"text": text}}


def _result(placed: PlacedFinding, index: int) -> dict[str, Any]:
    finding = placed.finding
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": index,
        "level": "error",  # whatever the gate finds stops a deployment
        "message": {"text": _message(_sentence(finding))},
        "locations": [_location(placed.source)],
        "partialFingerprints": {"finding/v1": placed.fingerprint},
    }
    if placed.rendered:
        related = _location(placed.rendered)
        result["relatedLocations"] = [{"id": 1, **related, "message": {"text": "in the rendered template"}}]
    return result


def _location(place: Place) -> dict[str, Any]:
    """A physical location (3.29): relative to the repository, as code scanning reads it."""
    artifact = {"uri": _uri(place.file), "uriBaseId": "%SRCROOT%"}
    return {"physicalLocation": {"artifactLocation": artifact, "region": {"startLine": place.line}}}


def _uri(file: str) -> str:
    """A path as a relative reference of RFC 3986: every byte that is not unreserved, or a slash, as a percent code."""
    signs = (
        chr(byte) if chr(byte) in UNRESERVED else f"%{byte:02X}" for byte in file.encode("utf-8", "surrogateescape")
    )
    return "".join(signs)


def _sentence(finding: Finding) -> str:
    """A finding on one line in which every character can be seen."""
    fix = f" Fix: {finding.fix}" if finding.fix else ""
    return visible(f"{finding.where}: {finding.message}{fix}".removeprefix(": "))


def _message(text: str) -> str:
    """A message string of SARIF that stands for this text. Braces are doubled in it, because a placeholder begins with
    one (3.11.5; the help of a rule is a message string, too: 3.12), and nothing is a link: `[text](address)` is one in
    a plain text as well (3.11.6)."""
    return text.replace("{", "{{").replace("}", "}}").replace("](", "] (")


def _junit(findings: Sequence[PlacedFinding], root: Path) -> str:
    """A test case for each file that the gate looks at, and a failure in it for each finding."""
    looked_at = [f"{path.parent.name}/{path.name}" for name in ("templates", "params") for path in _files(root / name)]
    by_file: dict[str, list[PlacedFinding]] = {file: [] for file in looked_at}
    for placed in findings:
        place = placed.rendered or placed.source
        by_file.setdefault(place.file, []).append(placed)
    failed = sum(map(bool, by_file.values()))
    suites = ElementTree.Element("testsuites")
    counts = {"tests": str(len(by_file)), "failures": str(failed), "errors": "0", "skipped": "0"}
    suite = ElementTree.SubElement(suites, "testsuite", {"name": "gate", **counts, "time": "0"})
    for file, members in by_file.items():
        case = ElementTree.SubElement(suite, "testcase", {"classname": "gate", "name": _xml(file), "time": "0"})
        if members:
            case.set("file", _xml(members[0].source.file))
            first = members[0].finding
            details = {"message": _xml(f"{first.rule} {first.message}"), "type": _xml(first.rule)}
            failure = ElementTree.SubElement(case, "failure", details)
            failure.text = _xml("\n".join(f"{each.source.file}:{each.source.line}: {each.finding}" for each in members))
    ElementTree.indent(suites)
    return ElementTree.tostring(suites, encoding="unicode", xml_declaration=True)


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.json"))


def _xml(text: str) -> str:
    return NOT_XML.sub("\ufffd", "\n".join(map(visible, text.split("\n"))))


def _json(findings: Sequence[PlacedFinding], _root: Path) -> str:
    """Version 1; the schema is `docs/schemas/gate.json`."""
    entries = [
        {
            "rule": placed.finding.rule,
            "file": placed.finding.file,
            "where": placed.finding.where,
            "message": placed.finding.message,
            "fix": placed.finding.fix,
            "source": {"file": placed.source.file, "line": placed.source.line},
            "rendered": {"file": placed.rendered.file, "line": placed.rendered.line} if placed.rendered else None,
        }
        for placed in findings
    ]
    return json.dumps({"schema": SCHEMA, "passed": not findings, "findings": entries}, indent=2)


def _github(findings: Sequence[PlacedFinding], _root: Path) -> str:
    return "\n".join(_annotations(findings))


def _annotations(findings: Sequence[PlacedFinding]) -> Iterator[str]:
    for placed in findings:
        values = {"file": placed.source.file, "line": str(placed.source.line), "title": placed.finding.rule}
        properties = ",".join(f"{name}={_escaped(visible(value), ':,')}" for name, value in values.items())
        yield f"::error {properties}::{_escaped(_sentence(placed.finding))}"


def _escaped(text: str, more: str = "") -> str:
    """Text in which nothing is a command: what ends a line or a property stands as a percent code."""
    for sign in f"%\r\n{more}":
        text = text.replace(sign, f"%{ord(sign):02X}")
    return text


WRITERS: Mapping[str, Callable[[Sequence[PlacedFinding], Path], str]] = {
    SARIF: _sarif,
    JUNIT: _junit,
    JSON: _json,
    GITHUB: _github,
}
