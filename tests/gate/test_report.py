"""The gate's findings as programs read them: `python -m generator --gate --format sarif|junit|json|github`.

That the command writes them is shown in tests/generator/test_command.py; here are findings of every kind.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest

from generator.cfn.sources import Place
from generator.cfn.templates import from_bodies, load
from generator.cfn.visible import visible
from generator.gate import parameter_files
from generator.gate.finding import FORMATS, Finding
from generator.gate.report import WRITERS, PlacedFinding, report
from generator.gate.rules import storage
from generator.version import VERSION

HOSTILE = "]]> <b>\x1b[2J\n::error file=x::owned%0A, 50% \u202e\u2066\u00ad\U000e0041\udcff\0\ufffe [a](https://x.test)"
OBEYED = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\U000e0000-\U000e0fff]"
)


@pytest.fixture(scope="module")
def checkout(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout with a parameter file that names what there is not."""
    folder = tmp_path_factory.mktemp("gate") / "checkout"
    folder.mkdir()
    (folder / "generator").symlink_to(repository / "generator")
    (folder / "templates").symlink_to(repository / "templates")
    shutil.copytree(repository / "params", folder / "params")
    file = folder / "params/staging.json"
    body = json.loads(file.read_text(encoding="utf-8"))
    body["Parameters"]["TaskCpu"] = "3"
    file.write_text(json.dumps(body, indent=2), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def findings(checkout: Path) -> list[Finding]:
    """One finding or more of each kind that there is."""
    bodies = {template.name: json.loads(json.dumps(template.body)) for template in load(checkout / "templates")}
    del bodies["storage"]["Resources"]["Artifacts"]["Properties"]["PublicAccessBlockConfiguration"]
    broken = from_bodies(bodies)
    return [
        *(finding for rule in storage.RULES for finding in rule.findings(broken)),
        *parameter_files.findings(checkout / "params", load(checkout / "templates")),
        Finding("templates/registry.json", "Outputs/RegistryArn/Value", "E1010", HOSTILE, "a fix"),
        Finding("templates/backend.json", "Resources/TaskRole/Properties", "E3002", "no such property", "a fix"),
        Finding("templates/backend.json", "Parameters/ServiceName/Type", "E0003", "no such type", "a fix"),
        Finding("templates/data.json", "Metadata.cfn-lint", "LINT001", "holds settings of cfn-lint", "remove it"),
        Finding("docs/permissions-ledger.md", "backend.TaskRole", "REASON", "now also allows s3:*", "update it"),
        Finding("generator/project.py", "line 7", "RENDER", "ValueError: no", ""),
        Finding(".cfnlintrc", "file", "LINT001", "is a configuration file of cfn-lint", "remove it"),
    ]


def line(checkout: Path, place: dict[str, Any]) -> str:
    text: str = (checkout / place["file"]).read_text(encoding="utf-8").splitlines()[place["line"] - 1]
    return text


def test_every_format_has_a_writer() -> None:
    assert tuple(WRITERS) == FORMATS


def test_the_place_is_the_generators_line_and_the_templates_stands_beside_it(
    checkout: Path, findings: list[Finding], repository: Path
) -> None:
    import jsonschema  # its grammar of addresses takes longer than this file, in every process that collects it

    document = json.loads(report(findings, "json", checkout))
    jsonschema.validate(document, json.loads((repository / "docs/schemas/gate.json").read_text(encoding="utf-8")))
    assert not document["passed"] and len(document["findings"]) == len(findings) >= 8
    by_rule = {(entry["rule"], entry["where"]): entry for entry in document["findings"]}
    bucket = next(entry for entry in document["findings"] if entry["where"] == "Artifacts")
    assert bucket["source"]["file"].startswith("generator/") and '"Artifacts"' in line(checkout, bucket["source"])
    assert line(checkout, bucket["rendered"]) == '    "Artifacts": {'
    role = by_rule["E3002", "Resources/TaskRole/Properties"]
    assert role["source"]["file"].startswith("generator/stacks/backend/") and "TaskRole" in line(
        checkout, role["source"]
    )
    assert line(checkout, role["rendered"]) == '    "TaskRole": {'
    assert by_rule["REASON", "backend.TaskRole"]["source"] == role["source"]
    assert line(checkout, by_rule["E1010", "Outputs/RegistryArn/Value"]["rendered"]) == '    "RegistryArn": {'
    parameter = by_rule["E0003", "Parameters/ServiceName/Type"]
    assert line(checkout, parameter["rendered"]) == '    "ServiceName": {'
    assert parameter["source"] == {"file": "generator/stacks/backend/ecs.py", "line": 1}, "no line names a parameter"
    assert by_rule["RENDER", "line 7"]["source"] == {"file": "generator/project.py", "line": 7}
    parameter = next(entry for entry in document["findings"] if entry["rule"] == "PARAMS")
    assert parameter["rendered"] is None and '"TaskCpu": "3"' in line(checkout, parameter["source"])


def spoken(text: str) -> str:
    """The text that a message string of SARIF stands for (3.11.5): doubled braces are braces, and no others are in it,
    because they would begin or end a placeholder."""
    assert not set(re.sub(r"\{\{|\}\}", "", text)) & {"{", "}"}, text
    return text.replace("{{", "{").replace("}}", "}")


def test_sarif_is_what_its_standard_asks_for(checkout: Path, findings: list[Finding]) -> None:
    """SARIF 2.1.0 (OASIS): sections 3.13 (log), 3.14 (run), 3.27 (result), 3.29 and 3.30 (location, region), 3.4
    (artifact location: `uri` is a relative reference), 3.49 (rules)."""
    log = json.loads(report(findings, "sarif", checkout))
    assert log["version"] == "2.1.0" and log["$schema"].endswith("/sarif-schema-2.1.0.json")
    [run] = log["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert run["tool"]["driver"]["name"] and len(set(rules)) == len(rules)
    assert len(run["results"]) == len(findings)
    fingerprints = set()
    for result, finding in zip(run["results"], findings, strict=True):
        assert rules[result["ruleIndex"]] == result["ruleId"] == finding.rule
        assert result["level"] in ("none", "note", "warning", "error") and visible(finding.message).replace(
            "](", "] ("
        ) in spoken(result["message"]["text"])
        for location in (*result["locations"], *result.get("relatedLocations", ())):
            physical = location["physicalLocation"]
            uri = physical["artifactLocation"]["uri"]
            assert re.fullmatch(r"[\w.~%/-]+", uri) and not uri.startswith("/")
            file = checkout / unquote(uri)
            assert finding.file == ".cfnlintrc" or file.is_file(), file
            assert physical["region"]["startLine"] >= 1
        fingerprints.add(result["partialFingerprints"]["finding/v1"])
    texts = [rule["help"]["text"] for rule in run["tool"]["driver"]["rules"]]
    assert texts and all(map(spoken, texts))
    assert len(fingerprints) == len(findings)


def test_junit_counts_each_file_that_is_looked_at(checkout: Path, findings: list[Finding]) -> None:
    [suite] = ElementTree.fromstring(report(findings, "junit", checkout))
    cases = {case.get("name"): case for case in suite}
    files = [
        f"{folder}/{path.name}" for folder in ("templates", "params") for path in (checkout / folder).glob("*.json")
    ]
    assert set(files) < set(cases) and suite.get("tests") == str(len(cases)) == str(len(suite))
    failed = {name for name, case in cases.items() if case.find("failure") is not None}
    assert {"templates/storage.json", "params/staging.json", "templates/registry.json", ".cfnlintrc"} <= failed
    assert suite.get("failures") == str(len(failed)) and "templates/network.json" not in failed
    text = "".join(cases["templates/registry.json"].itertext())
    assert r"<b>\x1b[2J\n::error" in text and not OBEYED.search(text)


def test_a_finding_is_obeyed_nowhere(checkout: Path, findings: list[Finding]) -> None:
    """Its file name, its place and its words; nor does any of it end a report."""
    more = [*findings, Finding("params/\udcff\u202e,\n.json", HOSTILE, "X", HOSTILE, HOSTILE)]
    for form in FORMATS:
        text = report(more, form, checkout)
        assert not OBEYED.search(text), form
        text.encode("utf-8")
    assert "](https:" not in report(more, "sarif", checkout)
    assert str(more[-1]).count("\n") == 1 and not OBEYED.search(str(more[-1])), "the line of the fix alone"
    assert "::error" not in {line.lstrip()[:7] for line in str(more[-1]).splitlines()}


def test_an_annotation_is_one_command_whatever_a_finding_says(checkout: Path, findings: list[Finding]) -> None:
    lines = report(findings, "github", checkout).splitlines()
    assert len(lines) == len(findings)
    for text in lines:
        match = re.fullmatch(r"::error file=([^,:]+),line=(\d+),title=([^,:]+)::(.+)", text)
        assert match, text
    [hostile] = [text for text in lines if "E1010" in text]
    assert r"\n::error file=x::owned%250A, 50%25" in hostile


def test_no_finding_is_a_document_too(checkout: Path) -> None:
    assert json.loads(report([], "json", checkout)) == {"schema": "delivery/gate/1", "passed": True, "findings": []}
    assert json.loads(report([], "sarif", checkout))["runs"][0]["results"] == []
    [suite] = ElementTree.fromstring(report([], "junit", checkout))
    assert suite.get("failures") == "0" and len(suite) > 20
    assert report([], "github", checkout) == ""


def test_a_parameter_file_that_cannot_be_read_hides_no_other(checkout: Path, tmp_path: Path) -> None:
    shutil.copy(checkout / "params/staging.json", tmp_path / "staging.json")
    (tmp_path / "broken.json").write_text("{\n", encoding="utf-8")
    findings = parameter_files.findings(tmp_path, load(checkout / "templates"))
    assert [(finding.file.rpartition("/")[2], finding.where) for finding in findings][:2] == [
        ("broken.json", "line 2"),
        ("staging.json", ""),
    ]
    assert 'TaskCpu = "3" is not allowed' in findings[1].message


def test_a_finding_in_a_file_that_is_no_text_has_its_line_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "params").mkdir()
    (tmp_path / "params/x.json").write_bytes(b'{\n "\xff": 1,\n "TaskCpu": 3\n}')
    finding = Finding("params/x.json", "", "PARAMS", "TaskCpu = 3 is not allowed", "")
    [entry] = json.loads(report([finding], "json", tmp_path))["findings"]
    assert (entry["source"], entry["rendered"]) == ({"file": "params/x.json", "line": 3}, None)
    [entry] = json.loads(report([replace(finding, file="params/gone.json")], "json", tmp_path))["findings"]
    assert entry["source"] == {"file": "params/gone.json", "line": 1}


# --- each format, whole, of a finding with two places and of another one without a fix

OPEN = PlacedFinding(
    Finding("storage.json", "Files", "STO001", "is public", "close it"),
    Place("generator/stacks/storage.py", 7),
    Place("templates/storage.json", 3),
)
AGAIN = replace(OPEN, finding=replace(OPEN.finding, where="Logs", fix=""), source=Place("generator/a b.py", 9))
WRONG = PlacedFinding(Finding("params/a.json", "", "PARAMS", "is [no](x) ${Value}", ""), Place("params/a.json", 2))


def physical(uri: str, line: int) -> dict[str, Any]:
    place = {"artifactLocation": {"uri": uri, "uriBaseId": "%SRCROOT%"}, "region": {"startLine": line}}
    return {"physicalLocation": place}


def test_sarif_of_three_findings(tmp_path: Path) -> None:
    def result(rule: str, index: int, text: str, *places: dict[str, Any], mark: PlacedFinding) -> dict[str, Any]:
        related = {
            "relatedLocations": [
                {"id": 1, **each, "message": {"text": "in the rendered template"}} for each in places[1:]
            ]
        }
        return {
            "ruleId": rule,
            "ruleIndex": index,
            "level": "error",
            "message": {"text": text},
            "locations": [places[0]],
            "partialFingerprints": {"finding/v1": mark.fingerprint},
            **(related if places[1:] else {}),
        }

    rendered = physical("templates/storage.json", 3)
    assert json.loads(WRITERS["sarif"]([OPEN, WRONG, AGAIN], tmp_path)) == {
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "generator gate",
                        "version": VERSION,
                        "rules": [
                            {"id": "STO001", "shortDescription": {"text": "STO001"}, "help": {"text": "close it"}},
                            {
                                "id": "PARAMS",
                                "shortDescription": {"text": "PARAMS"},
                                "help": {"text": "is [no] (x) ${{Value}}"},
                            },
                        ],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "results": [
                    result(
                        "STO001", 0, "Files: is public Fix: close it",
                        physical("generator/stacks/storage.py", 7), rendered, mark=OPEN,
                    ),
                    result("PARAMS", 1, "is [no] (x) ${{Value}}", physical("params/a.json", 2), mark=WRONG),
                    result("STO001", 0, "Logs: is public", physical("generator/a%20b.py", 9), rendered, mark=AGAIN),
                ],
            }
        ],
    }  # fmt: skip


def test_a_fingerprint_is_of_the_fault_and_not_of_its_lines() -> None:
    text = "storage.json\0Files\0STO001\0is public"
    assert OPEN.fingerprint == hashlib.sha256(text.encode()).hexdigest()[:32]
    assert OPEN.fingerprint == replace(OPEN, source=AGAIN.source, rendered=None).fingerprint != AGAIN.fingerprint


def test_junit_of_three_findings(tmp_path: Path) -> None:
    for name in ("templates/site.json", "templates/storage.json", "params/a.json", "params/notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("{}", encoding="utf-8")
    assert WRITERS["junit"]([OPEN, WRONG, AGAIN], tmp_path) == (
        """<?xml version='1.0' encoding='utf-8'?>
<testsuites>
  <testsuite name="gate" tests="3" failures="2" errors="0" skipped="0" time="0">
    <testcase classname="gate" name="templates/site.json" time="0" />
    <testcase classname="gate" name="templates/storage.json" time="0" file="generator/stacks/storage.py">
      <failure message="STO001 is public" type="STO001">generator/stacks/storage.py:7: storage.json Files: STO001 is public
    fix: close it
generator/a b.py:9: storage.json Logs: STO001 is public</failure>
    </testcase>
    <testcase classname="gate" name="params/a.json" time="0" file="params/a.json">
      <failure message="PARAMS is [no](x) ${Value}" type="PARAMS">params/a.json:2: params/a.json: PARAMS is [no](x) ${Value}</failure>
    </testcase>
  </testsuite>
</testsuites>"""  # noqa: E501
    )


def test_json_of_two_findings(tmp_path: Path) -> None:
    assert json.loads(WRITERS["json"]([OPEN, WRONG], tmp_path)) == {
        "schema": "delivery/gate/1",
        "passed": False,
        "findings": [
            {
                "rule": "STO001",
                "file": "storage.json",
                "where": "Files",
                "message": "is public",
                "fix": "close it",
                "source": {"file": "generator/stacks/storage.py", "line": 7},
                "rendered": {"file": "templates/storage.json", "line": 3},
            },
            {
                "rule": "PARAMS",
                "file": "params/a.json",
                "where": "",
                "message": "is [no](x) ${Value}",
                "fix": "",
                "source": {"file": "params/a.json", "line": 2},
                "rendered": None,
            },
        ],
    }


def test_annotations_of_two_findings(tmp_path: Path) -> None:
    assert WRITERS["github"]([OPEN, replace(WRONG, source=Place("params/a,b:c.json", 2))], tmp_path) == (
        "::error file=generator/stacks/storage.py,line=7,title=STO001::Files: is public Fix: close it\n"
        "::error file=params/a%2Cb%3Ac.json,line=2,title=PARAMS::is [no](x) ${Value}"
    )


@pytest.mark.parametrize(
    ("finding", "file", "line"),
    [
        (Finding("odd.json", "Topic", "R", "m", ""), "templates/odd.json", 3),  # of no module of ours
        (Finding("odd.json", "Resources.Topic.Type", "R", "m", ""), "templates/odd.json", 3),
        (Finding("odd.json", "Resources", "R", "m", ""), "templates/odd.json", 1),
        (Finding("odd.json", "template", "R", "m", ""), "templates/odd.json", 1),
        (Finding("odd.json", "", "R", "m", ""), "templates/odd.json", 1),
        (Finding("templates/gone.json", "Topic", "R", "m", ""), "templates/gone.json", 1),
        (Finding("odd.json", "line 12", "R", "m", ""), "templates/odd.json", 12),
        (Finding("docs/runbook.md", "Alarm", "R", "m", ""), "docs/runbook.md", 1),
    ],
)
def test_a_finding_of_which_the_generator_has_no_line(finding: Finding, file: str, line: int, tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    text = json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}, indent=2)
    (tmp_path / "templates/odd.json").write_text(text, encoding="utf-8")
    [entry] = json.loads(report([finding], "json", tmp_path))["findings"]
    assert (entry["source"], entry["rendered"]) == ({"file": file, "line": line}, None)


def test_where_the_templates_cannot_be_read_a_finding_has_the_line_of_the_template_alone(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates/odd.json").write_text('{\n  "Topic": {\n', encoding="utf-8")
    [entry] = json.loads(report([Finding("odd.json", "Topic", "R", "m", "")], "json", tmp_path))["findings"]
    assert entry["source"]["file"] == "templates/odd.json" and entry["rendered"] is None
