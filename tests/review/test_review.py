"""`delivery review` as it is typed: what it shows, what it never shows as something else, and what it refuses."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from generator.cfn import verdict as passed
from generator.cfn.effects import ALLOWED, NOTICE, QUIET, REFUSED
from generator.cfn.stacks import Stack
from generator.cfn.template_names import BOOTSTRAP
from scripts import cli
from scripts.deployment.environment import load
from scripts.operations import parameter_effects
from scripts.review.command import review
from scripts.review.verdict import verdict
from scripts.terminal.markup import escaped
from tests.support import pull_requests
from tests.support.documents import problems
from tests.support.pull_requests import NAMED

LIMIT = 60_000


def shown(capsys: pytest.CaptureFixture[str], folder: Path, *words: str) -> str:
    assert cli.main(["review", *words, "--project", str(folder)]) == 0
    return capsys.readouterr().out


def test_nothing_is_said_to_be_nothing(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys, checkout, "base")
    assert text.splitlines()[0] == "- ✅ **Environments:** none changes"
    assert len(text.splitlines()) == 5


def test_two_revisions_are_compared_whatever_the_working_tree_holds(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pull_requests.parameters_only(checkout)
    subprocess.run(["git", "-C", str(checkout), *NAMED, "commit", "-qam", "two"], check=True)
    pull_requests.broken_parameter_file(checkout)
    text = shown(capsys, checkout, "base", "HEAD")
    assert "gate: passed" in text.splitlines()[4], "only parameters differ, and the templates passed"
    assert "production: MinimumTasks 2 → 4, NatGatewayCount 2 → 1, 2 removed (" in text.splitlines()[0]
    assert "`NatGatewayCount`: `2` → `1` (in the parameter file)" in text


def test_what_a_rollback_takes_back_is_reviewed_like_any_change(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pull_requests.replaced_bucket(checkout)
    pull_requests.new_variable(checkout)
    for words in (["add", "."], [*NAMED, "commit", "-qm", "two"]):
        subprocess.run(["git", "-C", str(checkout), *words], check=True)
    forward = shown(capsys, checkout, "base", "HEAD").splitlines()
    # What passed last is the working tree's: of another revision that says nothing, neither good nor bad.
    assert forward[4].endswith("gate: not looked at: check out HEAD, then \\`make templates\\` runs it")
    lines = shown(capsys, checkout, "HEAD", "base").splitlines()
    assert "2 REPLACED (" in lines[0] and "1 removed (Configuration.BannerColour)" in lines[0]
    assert "Site.Site (all 6 environments): holds data: replaced (BucketName)" in lines[1]
    assert "COLOUR: blue → (none)" in lines[3]


def test_a_default_is_told_for_the_environments_that_take_it(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pull_requests.default_that_one_environment_overrides(checkout)
    text = shown(capsys, checkout, "base")
    assert "## bluegreen, local, production, small (shown as bluegreen)" in text and "## beanstalk\n" in text
    assert "`LogLevel`: `INFO` → `DEBUG` (by its default)" in text
    assert "## staging" not in text


def test_an_environment_is_reviewed_as_it_lives(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """After its first release it has what the bootstrap leaves out: autoscaling."""
    pull_requests.params(checkout, "small", MaximumTasks="5")
    text = shown(capsys, checkout, "base")
    assert text.splitlines()[0].endswith(" small: MaximumTasks 1 → 5, 1 changed in place (Backend.Scaling)")
    assert "`Scaling` (AWS::ApplicationAutoScaling::ScalableTarget): in place" in text
    assert "`MaxCapacity`: `1` → `5`" in text and "no environment here has" not in text


def test_a_resource_that_is_replaced_is_followed_to_what_refers_to_it(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pull_requests.params(checkout, "production", VpcCidr="10.9.0.0/16")
    text = shown(capsys, checkout, "base", "--full")
    assert "`Vpc` (AWS::EC2::VPC): replacement because of `CidrBlock`" in text
    assert "`FirstTargets` (AWS::ElasticLoadBalancingV2::TargetGroup): replacement because of `VpcId`" in text


def test_what_changes_in_words_alone_hides_no_change_behind_it(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def edit(body: dict[str, Any]) -> None:
        for resource in body["Resources"].values():
            resource["Metadata"]["Description"] += " In other words."
        body["Resources"]["Security"]["Properties"]["TableClass"] = "STANDARD_INFREQUENT_ACCESS"

    pull_requests.template(checkout, "data", edit)
    text = shown(capsys, checkout, "base", "--full")
    assert "`Security` (AWS::DynamoDB::Table)" in text and "TableClass" in text
    assert "`Clients` (AWS::DynamoDB::Table)" not in text


def test_a_review_says_of_parameters_what_a_plan_says(checkout: Path) -> None:
    """Both are made from the table of effects: what is told, what has to be named, what is refused."""
    names = ("production", "staging", "small")
    old = {name: living_values(checkout, name) for name in names}
    pull_requests.params(checkout, "production", VpcCidr="10.9.0.0/16", LogLevel="DEBUG")
    pull_requests.params(checkout, "staging", ClientsTable="Other", LogRetentionDays="14")
    pull_requests.params(checkout, "small", BackendTarget="NONE")
    reviewed = {each.name: each for each in review(checkout, "base").environments}
    for name in names:
        root = load(name, checkout / "templates", checkout / "params")["environment"]
        previous = Stack("s", "arn", "UPDATE_COMPLETE", parameters=old[name])
        notices, losses, refused = parameter_effects.of_update(root, previous, living_values(checkout, name))
        changes = {change.name: change for change in reviewed[name].parameters}
        assert {notice.where: notice.text for notice in notices} == {
            name: change.effect for name, change in changes.items() if change.level in (NOTICE, ALLOWED)
        }
        assert {loss.name for loss in losses} == {name for name, change in changes.items() if change.level == ALLOWED}
        assert [f"refused on a living environment: {refusal.why}" for refusal in refused] == [
            risk.what for risk in reviewed[name].risks if risk.type == "parameter"
        ]
    assert {change.level for each in reviewed.values() for change in each.parameters} == {
        QUIET,
        NOTICE,
        ALLOWED,
        REFUSED,
    }
    whole = verdict(review(checkout, "base"))
    assert "BackendTarget for users: the API is gone" in whole[0].text
    assert "VpcCidr (production): refused on a living environment" in whole[1].text


def living_values(folder: Path, name: str) -> dict[str, str]:
    """The parameters of an environment's stack after its first release."""
    root = load(name, folder / "templates", folder / "params")["environment"]
    return {**root.values(root.first_values), BOOTSTRAP: "false"}


def test_what_no_environment_here_has_is_told_all_the_same(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A right behind a condition that no parameter file meets is somebody's next environment."""

    def edit(body: dict[str, object]) -> None:
        edge = json.loads(json.dumps(body))
        policy = {"Statement": [{"Sid": "All", "Effect": "Allow", "Action": "*", "Resource": "*"}]}
        role = {"Properties": {"Policies": [{"PolicyName": "All", "PolicyDocument": policy}]}, "Type": "AWS::IAM::Role"}
        condition = next(iter(edge["Conditions"]))
        edge["Resources"]["Hidden"] = {**role, "Condition": condition}
        body.update(edge)

    pull_requests.template(checkout, "edge", edit)
    lines = shown(capsys, checkout, "base").splitlines()
    assert "1 change of resources that no environment here has" in lines[0]
    assert "🛑 **Permissions and protection:** 1 broader: edge.Hidden may \\* on \\* without a condition" in lines[2]


def test_what_no_resource_shows_is_in_the_first_line(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An output that another root reads, a transform, and the program that checks: all of it was five good lines."""

    def edit(body: dict[str, Any]) -> None:
        del body["Outputs"]["PublicUrl"]
        body["Transform"] = "AWS::Include"

    pull_requests.template(checkout, "environment", edit)
    workflow = checkout / ".github/workflows/review.yml"
    workflow.parent.mkdir(parents=True)
    workflow.write_text("on: pull_request_target\n", encoding="utf-8")
    assert shown(capsys, checkout, "base").splitlines()[0] == (
        "- 🛑 **Environments:** none changes; environment.Transform changes; output environment.PublicUrl is gone;"
        " WHAT CHECKS OR DEPLOYS changes: .github/workflows/review.yml"
    )


def test_what_cannot_be_read_is_named(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pull_requests.template(
        checkout,
        "environment",
        lambda body: pull_requests.resource(body, "Site").update(TemplateURL="https://evil.test/x.json"),
    )
    assert cli.main(["review", "base", "--project", str(checkout)]) == 3
    assert "The templates cannot be compared: there is no template for environment.Site" in capsys.readouterr().err
    (checkout / "templates/site.json").write_bytes(b"\xff")
    assert cli.main(["review", "base", "--project", str(checkout)]) == 3
    assert "templates/site.json cannot be read" in capsys.readouterr().err


def test_a_pull_request_cannot_write_markup(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pull_requests.hostile_names(checkout)
    text = shown(capsys, checkout, "base", "--full")
    assert "evil.test" in text
    tokens = MarkdownIt("gfm-like", {"html": True, "linkify": False}).parse(text)
    inline = [inner for token in tokens for inner in (token.children or [])]
    assert inline
    assert not {"link_open", "image"} & {token.type for token in inline}
    html = [token.content.strip() for token in (*tokens, *inline) if token.type.startswith("html")]
    assert html
    for content in html:
        assert re.fullmatch(r"(</?details>|</?summary>|[^<@]|\n)*", content), content
    prose = "".join(token.content for token in inline if token.type == "text")
    assert prose and "@everyone" not in prose
    assert not [
        token
        for token in tokens
        if token.type == "heading_open" and "passed" in tokens[tokens.index(token) + 1].content
    ]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a :white_check_mark: :100: b", r":\u200bwhite\\_check\\_mark: :\u200b100: b"),
        ("closes #12 of a/b#3", r"closes #\u200b12 of a/b#\u200b3"),
        (r"$\large{ok}$", r"\\$\\\\large{ok}\\$"),
        ("AWS::DynamoDB::Table: 1 $ a: b", r"AWS::DynamoDB::Table: 1 \\$ a: b"),
        # What a reader copies has nothing in it that he does not see.
        ("params/x.json:12: is", "params/x.json:12: is"),
        ("arn:aws:iam::aws:policy/None", "arn:aws:iam::aws:policy/None"),
        ("arn:aws:sns:${AWS::Region}:*:x:rocket:", r"arn:aws:sns:\\${AWS::Region}:\\*:x:\u200brocket:"),
    ],
)
def test_no_picture_link_or_formula_is_made_of_our_own_words(text: str, shown: str) -> None:
    """GitHub Docs, "Basic writing and formatting syntax" and "Writing mathematical expressions"."""
    assert escaped(text).encode("unicode_escape").decode().endswith(shown)


@pytest.mark.parametrize("form", ["markdown", "terminal", "html"])
def test_nothing_that_a_terminal_obeys_is_shown(form: str, checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pull_requests.hostile_names(checkout)
    text = shown(capsys, checkout, "base", "--format", form)
    assert "BANNER" not in text
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", text)
    assert "\\x1b" in text


def test_a_page_loads_and_runs_nothing_of_a_pull_request(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pull_requests.hostile_names(checkout)
    text = shown(capsys, checkout, "base", "--format", "html")
    assert "<img src=x" not in text and "&lt;img src=x" in text
    assert not re.search(r'(src|href)="(?!#)', text)
    assert "default-src 'none'" in text
    assert '<a class="stack good' in text


def test_a_stack_with_a_broader_right_stands_out_in_the_picture(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pull_requests.right_broadened_in_a_child(checkout)
    text = shown(capsys, checkout, "base", "--format", "html")
    assert re.search(r'<a class="stack bad[^"]*" href="#stack-Backend"', text)


def test_a_resource_is_linked_to_its_lines(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pull_requests.replaced_bucket(checkout)
    address = "https://host.test/team/delivery/blob/abc"
    text = shown(capsys, checkout, "base", "--format", "html", "--links", address)
    # In the outline and in the table of all changes.
    [number] = set(re.findall(rf'href="{address}/templates/site\.json#L(\d+)">templates/site\.json:\1<', text))
    line = (checkout / "templates/site.json").read_text(encoding="utf-8").splitlines()[int(number) - 1]
    assert line == '    "Site": {'
    assert "javascript:" not in shown(capsys, checkout, "base", "--format", "html", "--links", "javascript:alert(1)")


def test_a_review_is_never_longer_than_a_comment(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every resource changes, each in another way: the verdict stays, and what is left out is counted."""
    number = 0
    for path in (checkout / "templates").glob("*.json"):
        body = json.loads(path.read_text(encoding="utf-8"))
        for resource in body["Resources"].values():
            number += 1
            resource.setdefault("Properties", {})[f"Other{number}"] = {"text": f"{number} " * 60}
        path.write_text(json.dumps(body), encoding="utf-8")
    short, full = (shown(capsys, checkout, "base", *words) for words in ((), ("--full",)))
    assert len(full) > LIMIT >= len(short)
    assert short.splitlines()[:5] == full.splitlines()[:5]
    assert re.search(r"\d+ lines are left out here; the whole is shown by `delivery review base", short)
    assert short.count("<details>") == short.count("</details>")


def test_requirements_are_told_by_their_rows(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = "| SRC-1 | covered | a | `x` | `y` |\n| SRC-2 | {} | b | `x` | `y` |\n| {} | covered | c | `x` | `y` |\n"
    page = checkout / "docs/conformance.md"
    page.parent.mkdir()
    page.write_text(rows.format("narrowed", "SRC-10"), encoding="utf-8")
    pull_requests.commit(checkout)
    page.write_text(rows.format("covered", "SRC-9").replace("| a |", "| another |"), encoding="utf-8")
    section = shown(capsys, checkout, "base").partition("## Requirements")[2].partition("<details>")[0]
    assert [line for line in section.splitlines() if line] == [
        "- `SRC-1`: covered, with another text, resource or proof",
        "- `SRC-2`: narrowed → covered",
        "- `SRC-9`: new, covered",
        "- `SRC-10`: gone, it was covered",
    ]
    document = json.loads(shown(capsys, checkout, "base", "--format", "json"))
    assert problems(document) == []
    assert {"row": "SRC-2", "before": "narrowed", "after": "covered"} in document["result"]["requirements"]


def test_a_new_way_is_in_the_verdict(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    head = "|  | administrator | data of production |\n| --- | --- | --- |\n"
    rows = "| **a build of staging** | {} | {} |\n| **the approver** | {} | meant |\n\n| from | to |\n| --- | --- |\n"
    page = checkout / "docs/reachability.md"
    page.parent.mkdir(exist_ok=True)
    page.write_text(head + rows.format("·", "**open** S6", "·"), encoding="utf-8")
    pull_requests.commit(checkout)
    page.write_text(head + rows.format("**open** S1", "·", "·"), encoding="utf-8")
    text = shown(capsys, checkout, "base")
    assert "NEW WAY: a build of staging → administrator (open S1)" in text
    section = text.partition("## Who can reach what")[2].partition("<details>")[0]
    assert [line for line in section.splitlines() if line] == [
        "- 🛑 **new way:** `a build of staging → administrator`: `·` → `open S1`",
        "- `a build of staging → data of production`: `open S6` → `·`",
    ]
    document = json.loads(shown(capsys, checkout, "base", "--format", "json"))
    assert problems(document) == []
    assert [change["asset"] for change in document["result"]["reach"]] == ["administrator", "data of production"]


def test_what_comes_near_to_a_limit_is_told_before_it_is_refused(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pull_requests.policy_near_its_limit(checkout)
    text = shown(capsys, checkout, "base")
    before, after, most = measured("- `access.DeployingIdentity`: ", text.partition("## Limits that come near")[2])
    assert before < 0.8 * most < after < most == 6144
    assert "near a limit: access.DeployingIdentity" in text.splitlines()[4]
    document = json.loads(shown(capsys, checkout, "base", "--format", "json"))
    assert problems(document) == []
    [change] = document["result"]["quotas"]
    assert (change["before"], change["after"], change["most"]) == (before, after, most)
    assert "production" in change["environments"]


def test_what_exceeds_a_limit_stands_out(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def edit(body: dict[str, dict[str, object]]) -> None:
        body["Outputs"] |= {f"Output{number}": {"Value": "x"} for number in range(200)}

    pull_requests.template(checkout, "storage", edit)
    last = shown(capsys, checkout, "base").splitlines()[4]
    assert last.startswith("- 🛑 ") and re.search(r"TOO MANY: storage \d+ → 2\d\d of 200 outputs", last)


def test_what_is_near_to_a_limit_and_gets_no_nearer_is_not_told(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pull_requests.policy_near_its_limit(checkout)
    pull_requests.commit(checkout)
    pull_requests.template(
        checkout, "access", lambda body: body["Resources"]["DeployingIdentity"].update(DeletionPolicy="Retain")
    )
    text = shown(capsys, checkout, "base")
    assert "DeployingIdentity" in text and "limit" not in text


def measured(start: str, text: str) -> tuple[int, ...]:
    """The figures before and after, and the limit, in the line of a review that starts so."""
    [line] = re.findall(re.escape(start) + "(.*)", text)
    return tuple(int(figure.replace(",", "")) for figure in re.findall(r"\d[\d,]*", line)[:3])


def test_a_name_that_is_a_part_of_the_type_s_name_is_renamed_all_the_same(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`Dashboard` is in AWS::CloudWatch::Dashboard and in DashboardBody: those words stay."""
    pull_requests.rename_that_is_refused(checkout)
    text = shown(capsys, checkout, "base")
    assert "1 REPLACED" in text.splitlines()[0] and "removed" not in text.splitlines()[0]
    assert "`Overview` (AWS::CloudWatch::Dashboard)" in text and "was `Monitoring.Dashboard`" in text


def test_a_review_is_a_value_for_programs(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pull_requests.shorter_retention(checkout)
    value = json.loads(shown(capsys, checkout, "base", "--format", "json"))["result"]
    [production] = [environment for environment in value["environments"] if environment["state"] != "unchanged"]
    assert production["name"] == "production"
    assert {risk["path"] for risk in production["risks"]} >= {"Backend.TaskLogs", "Storage.Logs"}


def test_a_secret_in_a_value_is_not_shown(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    secret = "AKIAABCDEFGHIJKLMNOP"
    pull_requests.template(
        checkout, "configuration", lambda body: pull_requests.resource(body, "LogLevelName").update(Value=secret)
    )
    for form in ("markdown", "terminal", "html", "json"):
        assert secret not in shown(capsys, checkout, "base", "--format", form)


def test_one_option_among_many_is_told_by_its_name(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A list with a secret in it is not hidden as a whole, and a widget that moves is no other one."""

    def edit(body: dict[str, Any]) -> None:
        options = pull_requests.resource(body, "BackendEnvironment")["OptionSettings"]
        [disk] = [option for option in options if option.get("OptionName") == "RootVolumeSize"]
        disk["Value"] = "20"
        namespace = "aws:elasticbeanstalk:application:environment"
        options[:0] = [
            {"Namespace": namespace, "OptionName": "COLOUR", "Value": "blue"},
            {"Namespace": namespace, "OptionName": "API_TOKEN", "Value": "unguessable"},
        ]

    pull_requests.template(checkout, "beanstalk", edit)
    file = checkout / "templates/monitoring.json"
    file.write_text(file.read_text(encoding="utf-8").replace('"   \\"x\\": 12', '"   \\"x\\": 11'), encoding="utf-8")
    text = shown(capsys, checkout, "base")
    assert "`OptionSettings[aws:autoscaling:launchconfiguration=RootVolumeSize].Value`: `10` → `20`" in text
    assert "`OptionSettings[aws:elasticbeanstalk:application:environment=COLOUR].Value`: (none) → `blue`" in text
    assert "API_TOKEN].Value`: (none) → `(not shown: it looks like a secret, by its name)`" in text
    assert "unguessable" not in text
    # What is to be strong is, and no asterisk is left over.
    html = MarkdownIt().render(text)
    assert "<strong>people know its address</strong>" in html and "**" not in html
    assert "- widgets[title=Builds].x: 12" in text and "+ widgets[title=Builds].x: 11" in text


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["no-such-branch"], "no revision no-such-branch here.\nName a revision that git knows."),
        (["base", "--output=x"], "there is no option --output"),
    ],
)
def test_what_is_no_revision_is_refused(
    words: list[str], says: str, checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        status = cli.main(["review", *words, "--project", str(checkout)])
    except SystemExit as error:
        status = int(str(error.code))
    assert status in (3, 64)
    assert says in capsys.readouterr().err


def test_what_passed_to_the_byte_is_not_judged_anew(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The gate writes down templates and parameter files; of any other bytes the files are checked again."""
    folders = {name: passed.template_digests(checkout / name) for name in ("params", "templates")}
    passed.write_record(checkout / passed.FILE, **folders)

    def check(*_: object) -> list[str]:
        return ["params/staging.json: judged"]

    monkeypatch.setattr("generator.cfn.environments.problems", check)
    assert review(checkout, "base").gate == "passed"
    pull_requests.params(checkout, "staging", LogLevel="DEBUG")
    assert review(checkout, "base").gate.startswith("refuses params/staging.json: judged")


def test_another_value_of_an_output_and_what_a_pipeline_no_longer_does_are_named(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def other_value(body: dict[str, Any]) -> None:
        body["Outputs"]["PublicUrl"]["Value"] = "https://elsewhere.test"

    def without_the_seal(body: dict[str, Any]) -> None:
        text = json.dumps(body)
        for name in ("SealBundle", "VerifyBackend"):
            assert f'"Name": "{name}"' in text
            text = text.replace(f'"Name": "{name}"', '"Name": "Deleted"')
        body |= json.loads(text)

    pull_requests.template(checkout, "environment", other_value)
    pull_requests.template(checkout, "pipeline", without_the_seal)
    first = shown(capsys, checkout, "base").splitlines()[:5]
    assert "output environment.PublicUrl is ANOTHER VALUE" in first[0]
    assert "the action SealBundle is gone, the action VerifyBackend is gone" in first[2]


def test_an_index_that_is_deleted_is_at_risk(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    index = {"IndexName": "ByMail", "KeySchema": [], "Projection": {"ProjectionType": "ALL"}}

    def indexed(body: dict[str, Any]) -> None:
        pull_requests.resource(body, "Clients")["GlobalSecondaryIndexes"] = [index]

    pull_requests.template(checkout, "data", indexed)
    pull_requests.commit(checkout)
    pull_requests.template(
        checkout, "data", lambda body: pull_requests.resource(body, "Clients").pop("GlobalSecondaryIndexes")
    )
    lines = shown(capsys, checkout, "base").splitlines()
    assert "Data.Clients (all 6 environments): the index ByMail is deleted: every query" in lines[1]
    assert lines[1].startswith("- 🛑 ")


def test_what_templates_are_made_from_is_no_tick_without_them(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    facts = checkout / "generator/application.py"
    facts.parent.mkdir()
    facts.write_text("PORT = 1\n", encoding="utf-8")
    assert shown(capsys, checkout, "base").splitlines()[0] == (
        "- 🔶 **Environments:** none changes; WHAT TEMPLATES ARE MADE FROM changes (generator/application.py)"
        " and no template does: \\`python -m generator --check\\` decides"
    )


@pytest.mark.parametrize(
    ("words", "side"), [(("base",), "the working tree"), (("HEAD", "base"), "HEAD")], ids=["new", "old"]
)
def test_a_key_that_stands_twice_in_a_template_is_refused_by_its_name(
    words: tuple[str, ...], side: str, checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = checkout / "templates/data.json"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace('"Type": ', '"Type": "AWS::SNS::Topic", "Type": ', 1), encoding="utf-8")
    if side == "HEAD":
        subprocess.run(["git", "-C", str(checkout), *NAMED, "commit", "-qam", "twice"], check=True)
    assert cli.main(["review", *words, "--project", str(checkout)]) == 3
    error = " ".join(capsys.readouterr().err.split())
    assert f"The templates of {side} cannot be read: templates/data.json: the key Type is twice in one object" in error


def test_more_resources_than_cloudformation_takes_are_not_followed_and_no_good_sign(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def edit(body: dict[str, Any]) -> None:
        body["Resources"] |= {f"Topic{number}": {"Type": "AWS::SNS::Topic"} for number in range(500)}

    pull_requests.template(checkout, "storage", edit)
    lines = shown(capsys, checkout, "base").splitlines()
    assert "cannot be compared: " in lines[0]
    assert "(the working tree: storage.json has 504 resources, CloudFormation takes 500)" in lines[0]
    assert not any("✅" in line for line in lines[:5])
    assert cli.main(["version", "base", "--project", str(checkout)]) == 3
    assert "no version is known to be enough" in capsys.readouterr().err


def test_many_that_are_renamed_at_once_are_renames(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def topics(body: dict[str, Any]) -> None:
        body["Resources"] |= {
            f"TopicA{number}": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": f"{number}"}}
            for number in range(100)
        }

    pull_requests.template(checkout, "storage", topics)
    pull_requests.commit(checkout)
    file = checkout / "templates/storage.json"
    file.write_text(file.read_text(encoding="utf-8").replace('"TopicA', '"TopicB'), encoding="utf-8")
    assert "100 REPLACED (Storage.TopicA0 → Storage.TopicB0" in shown(capsys, checkout, "base").splitlines()[0]


def test_a_base_that_has_moved_on_is_told_and_a_merge_of_it_is_reviewed_alone(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What others merged since a branch began is not what the branch takes back."""

    def git(*words: str) -> None:
        subprocess.run(["git", "-C", str(checkout), *NAMED, *words], check=True, capture_output=True)

    git("checkout", "-qb", "topic")
    pull_requests.params(checkout, "small", LogLevel="DEBUG")
    git("commit", "-qam", "ours")
    git("checkout", "-q", "main")
    pull_requests.params(checkout, "production", NatGatewayCount="1")
    git("commit", "-qam", "theirs")
    before = shown(capsys, checkout, "main", "topic").splitlines()[0]
    assert before.startswith("- 🔶 ") and "production: NatGatewayCount 1 → 2" in before
    assert "topic LACKS 1 commit of main, whose changes are shown as taken back" in before
    git("checkout", "-q", "topic")
    git("merge", "-q", "--no-edit", "main")
    after = shown(capsys, checkout, "main", "topic").splitlines()[0]
    assert "small: LogLevel INFO → DEBUG" in after and "production" not in after and "LACKS" not in after
    assert "LogLevel INFO → DEBUG" in shown(capsys, checkout, "HEAD^2").splitlines()[0]
    document = json.loads(shown(capsys, checkout, "topic", "main", "--format", "json"))
    assert problems(document) == [] and document["result"]["missing"] == 2
