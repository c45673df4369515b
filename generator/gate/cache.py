"""Whether the gate has already passed for exactly what lies here: a digest of everything that its answer depends on.

cfn-lint, nearly all of the gate's time, judges a template by itself and by the interfaces of those that it nests. So
each template has an entry of its own, and a gate that has to run again gives cfn-lint only what has changed and what
that feeds. What is kept has the form that `generator/cfn/verdict.py` describes.

Asked on every run, so it must cost next to nothing: the tools' versions are read from the names of their `.dist-info`
folders, because importing `importlib.metadata` alone takes longer than all the rest.
"""

import hashlib
import json
import re
import sys
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from generator.cfn.verdict import FILE, read_record, template_digests, write_record
from generator.gate.finding import Finding

PAGES = ("docs/permissions.md", "docs/permissions-ledger.md", "docs/parameters.md", "docs/reachability.md")
# What a change needs beside its own place.
BESIDE = (
    "docs/runbook.md",
    "tests/generator/logical_ids.txt",
    "scripts/costs/rules.py",
    "scripts/local_aws/handlers/*.py",
)
# cfn-lint's configuration files have no effect, and yet the gate refuses them: they count too.
SOURCES = (
    "generator/**/*.py",
    "setup.cfg",
    "params/*.json",
    "buildspecs/*",
    "templates/*.json",
    ".cfnlintrc*",
    "templates/.cfnlintrc*",
    *PAGES,
    *BESIDE,
)
LONGEST = 300  # characters that are kept of a finding
WARNING = re.compile(r"[WI]\d{4}")  # cfn-lint's, and what it calls informational
# What the search for who can reach what depends on beside the templates, with the page that it writes. It is code of
# these two folders alone: `generator/cfn` imports nothing else of ours, and the search nothing but both.
SEARCH = ("generator/cfn/**/*.py", "generator/cfn/**/*.json", "generator/gate/**/*.py", "params/*.json", PAGES[-1])
NESTS = b'"AWS::CloudFormation::Stack"'
TOOLS = ("troposphere", "awacs", "cfn_lint", "[Pp]y[Yy][Aa][Mm][Ll]")  # PyYAML: as its version writes it


def digest(root: Path, sources: Iterable[str] = SOURCES) -> str:
    """SHA-256 over names and bytes of the sources, and the versions of Python and the tools."""
    sha = hashlib.sha256(f"python {sys.version}\n".encode())
    for tool in TOOLS:
        installed = sorted(info.name for folder in sys.path for info in Path(folder).glob(f"{tool}-*.dist-info"))
        sha.update(f"{tool} {installed}\n".encode())
    for file in sorted({file for pattern in sources for file in root.glob(pattern) if file.is_file()}):
        content = file.read_bytes()
        sha.update(f"{file.relative_to(root).as_posix()} {len(content)}\n".encode() + content)
    return sha.hexdigest()


def is_fresh(root: Path) -> bool:
    """Whether `remember_pass` was called for what lies here now. A record that cannot be read is not fresh."""
    return read_record(root / FILE).get("inputs") == digest(root)


def remember_pass(root: Path) -> None:
    """Writes down that the gate passed for what lies here now, to the byte; call it only then."""
    write_record(root / FILE, inputs=digest(root), refused={}, **_file_digests(root))


def remember_refusal(root: Path, findings: Iterable[Finding]) -> None:
    """Writes down what the gate found in what lies here now: a review says so."""
    write_record(root / FILE, refused={**_file_digests(root), "findings": finding_texts(findings)})


def finding_texts(findings: Iterable[Finding]) -> list[str]:
    """Findings in a line each, what is wrong before cfn-lint's warnings; nobody reads a long one to its end."""
    ordered = sorted(findings, key=lambda finding: bool(WARNING.fullmatch(finding.rule)))
    return [f"{finding.file} {finding.where}: {finding.rule} {finding.message}"[:LONGEST] for finding in ordered]


def _file_digests(root: Path) -> dict[str, dict[str, str]]:
    """The digests of the parameter files and templates that lie here, by folder."""
    return {name: template_digests(root / name) for name in ("params", "templates")}


def is_searched(root: Path, templates: Mapping[str, str]) -> bool:
    """Whether `remember_searched` was called for these templates, texts by file name, and the page that lies here."""
    return read_record(root / FILE).get("searched") == _search(root, templates)


def remember_searched(root: Path, templates: Mapping[str, str]) -> None:
    """Writes down that the search for who can reach what found no new way in these templates, and that the page which
    lies here is the one that it wrote; call it only then."""
    write_record(root / FILE, searched=_search(root, templates))


def _search(root: Path, templates: Mapping[str, str]) -> str:
    sha = hashlib.sha256(digest(root, SEARCH).encode())
    for name, text in sorted(templates.items()):
        content = text.encode()
        sha.update(f"{name} {len(content)}\n".encode() + content)
    return sha.hexdigest()


def unlinted_templates(root: Path) -> list[str]:
    """The file names of the templates that cfn-lint has to look at: changed, or fed by one whose interface changed."""
    linted = read_record(root / FILE).get("linted", {})
    return [name for name, judged in _judged_by(root).items() if linted.get(name) != judged]


def remember_linted(root: Path, faulty: Collection[str] = ()) -> None:
    """Writes down that cfn-lint found nothing in any template but the `faulty` ones; call it only then."""
    clean = {name: judged for name, judged in _judged_by(root).items() if name not in faulty}
    write_record(root / FILE, linted=clean)


def _judged_by(root: Path) -> dict[str, str]:
    """For each template a digest of all that cfn-lint judges it by."""
    tool = digest(root, ("generator/gate/lint.py",))
    files = {file.name: file.read_bytes() for file in sorted(root.glob("templates/*.json"))}
    interfaces = json.dumps({name: _interface(body) for name, body in files.items()}, sort_keys=True).encode()
    return {
        name: hashlib.sha256(tool.encode() + body + (interfaces if NESTS in body else b"")).hexdigest()
        for name, body in files.items()
    }


def _interface(body: bytes) -> object:
    """What a template that nests this one is judged by: the parameters, and the names of the outputs.

    Nothing else of a nested template is read (cfn-lint 1.58, `rules/resources/cloudformation/NestedStackParameters.py`
    and `context/context.py`, `_nested_stack_get_atts`), but for one that is no JSON.
    """
    try:
        template = json.loads(body)
    except ValueError:
        return hashlib.sha256(body).hexdigest()
    if not isinstance(template, dict):
        return template
    outputs = template.get("Outputs")
    return [template.get("Parameters"), sorted(outputs) if isinstance(outputs, dict) else outputs]
