"""Seeded pull requests against this repository's own templates and parameter files, each a small edit of one kind.

Each is a function that edits the files of a checkout; what its reviewer has to read in the first five lines stands in
`tests/review/golden/NAME.md`.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from generator.cfn import verdict

# Who commits in a checkout of a test.
NAMED = ("-c", "user.name=n", "-c", "user.email=e@x.test", "-c", "commit.gpgsign=false")
Edit = Callable[[Path], None]


def template(folder: Path, name: str, edit: Callable[[dict[str, Any]], None]) -> None:
    """Edits one rendered template as JSON, and what it is rendered from."""
    source(folder, name)
    _edit(folder / f"templates/{name}.json", edit)


def source(folder: Path, name: str) -> None:
    """A change of the module that a template is rendered from: without one the template was edited by hand."""
    module = folder / f"generator/stacks/{name}.py"
    module.parent.mkdir(parents=True, exist_ok=True)
    module.write_text("# changes\n", encoding="utf-8")


def params(folder: Path, name: str, **values: str) -> None:
    """Sets parameters of one environment's file."""
    _edit(folder / f"params/{name}.json", lambda body: body["Parameters"].update(values))


def _edit(path: Path, edit: Callable[[dict[str, Any]], None]) -> None:
    body = json.loads(path.read_text(encoding="utf-8"))
    edit(body)
    path.write_text(json.dumps(body, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def checkout_of(repository: Path, folder: Path) -> Path:
    """A checkout with one commit of a repository's templates, parameter files and buildspecs, called `base`; the gate
    has passed for it."""
    folder.mkdir()
    for name in ("templates", "params", "buildspecs"):
        shutil.copytree(repository / name, folder / name)
    for words in (["init", "-q", "-b", "main"], ["add", "."], [*NAMED, "commit", "-qm", "one"], ["tag", "base"]):
        subprocess.run(["git", "-C", str(folder), *words], check=True)
    (folder / ".cache").mkdir()
    record = {"templates": verdict.template_digests(folder / "templates")}
    (folder / verdict.FILE).write_text(json.dumps(record), encoding="utf-8")
    (folder / ".git/info/exclude").write_text(".cache/\n", encoding="utf-8")
    return folder


def judged(folder: Path, name: str) -> None:
    """The gate has run for a checkout after a pull request: what it has found stands in its record."""
    digests = {kind: verdict.template_digests(folder / kind) for kind in ("params", "templates")}
    first, count = FINDINGS.get(name, ("", 0))
    refused = {**digests, "findings": [f"{first} …", *["another"] * (count - 1)]}
    verdict.write_record(folder / verdict.FILE, **({"refused": refused} if count else {**digests, "refused": {}}))


def commit(folder: Path) -> None:
    """Commits everything, as the new `base`."""
    for words in (["add", "."], [*NAMED, "commit", "-qm", "next"], ["tag", "-f", "base"]):
        subprocess.run(["git", "-C", str(folder), *words], check=True, capture_output=True)


def resource(body: dict[str, Any], name: str) -> dict[str, Any]:
    """The properties of one resource of a template."""
    properties: dict[str, Any] = body["Resources"][name]["Properties"]
    return properties


def statements(body: dict[str, Any], role: str) -> list[dict[str, Any]]:
    """The statements of a role's first inline policy."""
    inline: list[dict[str, Any]] = resource(body, role)["Policies"][0]["PolicyDocument"]["Statement"]
    return inline


def _rename(folder: Path, name: str, before: str, after: str) -> None:
    source(folder, name)
    path = folder / f"templates/{name}.json"
    path.write_text(path.read_text(encoding="utf-8").replace(f'"{before}"', f'"{after}"'), encoding="utf-8")


def harmless_rename(folder: Path) -> None:
    """A logical id is renamed, wherever it is referred to: another rule that does the same."""
    _rename(folder, "monitoring", "ActionFailed", "FailedAction")


def rename_that_is_refused(folder: Path) -> None:
    """The logical id of something that keeps its own name is renamed: CloudFormation cannot create it."""
    _rename(folder, "monitoring", "Dashboard", "Overview")


def new_variable(folder: Path) -> None:
    """The application is told a new value."""

    def edit(body: dict[str, Any]) -> None:
        other = json.loads(json.dumps(body["Resources"]["LogLevelName"]))
        other["Properties"] |= {"Value": "blue"}
        other["Properties"]["Name"] = json.loads(
            json.dumps(other["Properties"]["Name"]).replace("LOG_LEVEL", "BANNER_COLOUR")
        )
        body["Resources"]["BannerColour"] = other

    template(folder, "configuration", edit)


def parameters_only(folder: Path) -> None:
    """One environment's file changes, and no template."""
    params(folder, "production", NatGatewayCount="1", MinimumTasks="4")


def default_that_one_environment_overrides(folder: Path) -> None:
    """A default changes: it is told for the environments that take it, and for no other."""
    params(folder, "staging", LogLevel="INFO")
    template(folder, "environment", lambda body: body["Parameters"]["LogLevel"].update(Default="DEBUG"))


def right_broadened_in_a_child(folder: Path) -> None:
    """One statement of one role of a nested stack is let loose."""
    template(folder, "backend", lambda body: statements(body, "TaskRole")[0].update(Resource="*"))


def right_broadened_in_a_rename(folder: Path) -> None:
    """A bucket is renamed, and among the statements that follow it one becomes broader."""
    source(folder, "storage")
    path = folder / "templates/storage.json"
    path.write_text(path.read_text(encoding="utf-8").replace("Artifacts", "Releases"), encoding="utf-8")
    path = folder / "templates/environment.json"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("Outputs.Artifacts", "Outputs.Releases"), encoding="utf-8")
    template(folder, "build", lambda body: statements(body, "VerifyRole")[0].update(Action="s3:*", Resource="*"))


def right_broadened_in_a_condition(folder: Path) -> None:
    """A statement loses the condition that limits it."""

    def edit(body: dict[str, Any]) -> None:
        for entry in statements(body, "PipelineRole"):
            entry.pop("Condition", None)

    template(folder, "pipeline", edit)


def replaced_bucket(folder: Path) -> None:
    """A bucket gets a name: another bucket is created."""
    template(folder, "site", lambda body: resource(body, "Site").update(BucketName="cloud-health-site"))


def removed_alarm(folder: Path) -> None:
    """An alarm disappears."""

    def edit(body: dict[str, Any]) -> None:
        name = next(
            name for name, properties in body["Resources"].items() if properties["Type"] == "AWS::CloudWatch::Alarm"
        )
        del body["Resources"][name]

    template(folder, "monitoring", edit)


def wrong_container_name(folder: Path) -> None:
    """The container of the task has another name than the deploy action expects."""

    def edit(body: dict[str, Any]) -> None:
        resource(body, "Task")["ContainerDefinitions"][0]["Name"] = "api"

    template(folder, "backend", edit)


def table_unprotected(folder: Path) -> None:
    """A table is no longer kept when its stack goes."""
    template(folder, "data", lambda body: body["Resources"]["Clients"].update(DeletionPolicy="Delete"))


def buildspec_without_its_source(folder: Path) -> None:
    """A command changes inside a template."""
    path = folder / "templates/build.json"
    text = path.read_text(encoding="utf-8")
    assert "pytest" in text
    path.write_text(text.replace("pytest", "pytest -x", 1), encoding="utf-8")


def source_without_its_template(folder: Path) -> None:
    """A buildspec changes, and the template that carries it does not."""
    path = folder / "buildspecs/backend.yml"
    path.write_text(path.read_text(encoding="utf-8") + "# a comment\n", encoding="utf-8")


def formatting_only(folder: Path) -> None:
    """The same JSON with another indentation and order."""
    for path in (folder / "templates").glob("*.json"):
        body = json.loads(path.read_text(encoding="utf-8"))
        path.write_text(json.dumps(body, indent=1), encoding="utf-8")


def version_bump(folder: Path) -> None:
    """The set's version alone."""
    for name in ("environment", "edge", "shared", "shared-access", "access"):
        template(folder, name, lambda body: body["Metadata"]["Generator"].update(Version="9.9.9"))


def new_environment(folder: Path) -> None:
    """A parameter file is added."""
    body = json.loads((folder / "params/staging.json").read_text(encoding="utf-8"))
    body["Parameters"]["Environment"] = "qa"
    (folder / "params/qa.json").write_text(json.dumps(body), encoding="utf-8")


def removed_environment(folder: Path) -> None:
    """A parameter file is removed; the stacks of a living environment stay."""
    (folder / "params/small.json").unlink()


def broken_parameter_file(folder: Path) -> None:
    """A parameter file that is not JSON: nothing about its environment may look good."""
    (folder / "params/production.json").write_text('{"Parameters": {', encoding="utf-8")


def hostile_names(folder: Path) -> None:
    """Names and values that would be markup, a mention, a link, an escape sequence or another line."""

    def edit(body: dict[str, Any]) -> None:
        value = "``` [approve](https://evil.test) @everyone <img src=x onerror=alert(1)>\n## passed\x1b[2J\u202e"
        resource(body, "LogLevelName")["Value"] = value
        resource(body, "LogLevelName")["Description"] = value

    template(folder, "configuration", edit)


def shorter_retention(folder: Path) -> None:
    """Logs are kept for a shorter time: what is older is gone for good."""
    params(folder, "production", LogRetentionDays="30")


def policy_near_its_limit(folder: Path) -> None:
    """A policy gets a long statement: nothing is refused, and little is left for the next."""

    def edit(body: dict[str, Any]) -> None:
        actions = [f"iam:Action{number:02}OfALongName" for number in range(60)]
        statement = {"Sid": "Long", "Effect": "Allow", "Action": actions, "Resource": "arn:aws:iam::aws:policy/None"}
        resource(body, "DeployingIdentity")["PolicyDocument"]["Statement"].append(statement)

    template(folder, "access", edit)


PULL_REQUESTS: dict[str, Edit] = {
    edit.__name__: edit
    for edit in (
        harmless_rename,
        rename_that_is_refused,
        new_variable,
        parameters_only,
        default_that_one_environment_overrides,
        right_broadened_in_a_child,
        right_broadened_in_a_rename,
        right_broadened_in_a_condition,
        replaced_bucket,
        removed_alarm,
        wrong_container_name,
        table_unprotected,
        buildspec_without_its_source,
        source_without_its_template,
        formatting_only,
        version_bump,
        new_environment,
        removed_environment,
        broken_parameter_file,
        hostile_names,
        shorter_retention,
        policy_near_its_limit,
    )
}
# How the first finding of the gate in a pull request begins, and how many there are; a test of the soak asks the gate.
FINDINGS: dict[str, tuple[str, int]] = {
    "right_broadened_in_a_child": (
        "backend.json ClientsTableArn: CON001 <-> environment.Backend: ClientsTableArn is passed and nothing",
        11,
    ),
    "right_broadened_in_a_rename": ("build.json VerifyRole: CON006 lacks logs:CreateLogStream on", 38),
    "replaced_bucket": (
        "site.json Site: NAM001 is always called cloud-health-site; the second environment in the account",
        2,
    ),
    "wrong_container_name": (
        "backend.json Service: CON005 <-> backend.Task: names the container backend; there are ['api']; the",
        4,
    ),
    "table_unprotected": (
        "data.json Clients: STO011 has no DeletionPolicy: RetainExceptOnCreate; removing or replacing it by",
        1,
    ),
    "broken_parameter_file": (
        "params/production.json line 1: PARAMS is not JSON: Expecting property name enclosed in double quotes",
        1,
    ),
    "hostile_names": (
        "configuration.json LogLevel: CON001 <-> environment.Configuration: LogLevel is passed and nothing",
        2,
    ),
    "policy_near_its_limit": (
        "access.json DeployingIdentity: IAM004 statement Long has no entry in Metadata.Reasons; a statement",
        61,
    ),
}
