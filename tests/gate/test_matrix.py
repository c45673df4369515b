"""The matrix of two small environments by rules of our own: what is a finding, and every part of the page."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from generator.cfn.reachability.account import Account
from generator.cfn.reachability.search import Identity, Reach
from generator.cfn.reachability.terms import ADMINISTRATOR, SHARED_ASSET, Step, domain_of
from generator.cfn.templates import from_bodies
from generator.gate.finding import Finding
from generator.gate.reachability import matrix
from generator.gate.reachability.accepted import LIMIT, MEANT, OPEN, Rule
from generator.gate.reachability.matrix import Matrix
from tests.conftest import ROOT

RULES = (
    Rule("build.Role of {E}", "data of {O}", "build.Role Shared", "one account", LIMIT),
    Rule("build.Role of {E}", "data of *", "build.Role *", "the builds work with data"),
    Rule("somebody", "build.Role of {E}", "build.Role Trust*", "not mended", OPEN, "17"),
    Rule("nobody", "build.Role of {E}", "build.Role Trust", "never", OPEN),
)


def own(name: str) -> Step:
    return Step(f"build.Role of {name}", f"data of {name}", "build.Role Own", "reads its table")


def shared(name: str, other: str) -> Step:
    return Step(f"build.Role of {name}", f"data of {other}", "build.Role Shared", "reads every table")


TRUST = Step("somebody", "build.Role of one", "build.Role Trust", "assumes it")
NEW = Step("build.Role of one", ADMINISTRATOR, "build.Role New", "makes a role")
SOMEBODY, KEEPER = Identity("somebody", ("somebody",)), Identity("the keeper", ("data of two",))


def build_of(name: str) -> Identity:
    return Identity(f"a build of {name}", (f"build.Role of {name}",))


def of(
    *steps: Step,
    identities: tuple[Identity, ...] = (SOMEBODY, build_of("one")),
    assets: tuple[str, ...] = (ADMINISTRATOR, "data of one", "data of two"),
    environments: tuple[str, ...] = ("one", "two"),
    unread: tuple[str, ...] = (),
) -> Matrix:
    return Matrix(Reach(identities, assets, steps, unread), environments)


@pytest.fixture(autouse=True)
def _rules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matrix, "RULES", RULES)


def test_the_first_rule_that_fits_says_what_a_step_is() -> None:
    steps = {
        own("one"): RULES[1],
        shared("one", "two"): RULES[0],
        shared("two", "one"): RULES[0],
        shared("one", "one"): RULES[1],
        TRUST: RULES[2],
        NEW: None,
        Step("somebody", "build.Role of three", "build.Role Trust", "assumes it"): None,
        Step("Somebody", "build.Role of one", "build.Role Trust", "assumes it"): None,
        Step("somebody", "build.Role of one", "build.role Trust", "assumes it"): None,
    }
    accepting = of(*steps)
    assert accepting.accepted == steps
    assert [accepting.kind(step) for step in steps] == [MEANT, LIMIT, LIMIT, MEANT, OPEN, "new", "new", "new", "new"]


def test_a_cell_has_the_best_kind_of_way_and_not_the_shortest() -> None:
    """A way that is meant counts before a shorter one that is a limit, and any of these before one that is new."""
    detour = Step("data of three", "data of two", "build.Role Trust", "copies")
    there = Step("build.Role of one", "data of three", "build.Role Own", "reads its table")
    direct, new = shared("one", "two"), Step("data of one", "data of two", "x.Y Z", "copies it")
    build, somebody = build_of("one"), SOMEBODY
    assert of(direct, there, detour).cell(build, "data of two") == (LIMIT, (direct,))
    assert of(own("one"), new).cell(build, "data of two") == ("new", (own("one"), new))
    assert of(own("one"), new, direct).cell(build, "data of two") == (LIMIT, (direct,))
    assert of(TRUST, own("one")).cell(somebody, "data of one") == (OPEN, (TRUST, own("one")))
    assert of(own("one")).cell(somebody, "data of one") == ("", ())
    assert of().cell(KEEPER, "data of two") == (MEANT, ())


FIX = "narrow the statement, or accept the step from {!r} to {!r} with a reason in " + matrix.SOURCE


def finding(step: Step, text: str) -> Finding:
    return Finding("build.json", "Role", "REACH", text, FIX.format(step.source, step.target))


def test_a_finding_says_where_steps_are_accepted() -> None:
    assert (Path(__file__).parents[2] / matrix.SOURCE).is_file()


def test_a_new_step_is_a_finding_with_the_shortest_way_that_it_opens() -> None:
    way = "a build of one can reach administrator: is build.Role of one; makes a role [build.Role New] -> administrator"
    assert matrix.findings(of(NEW, own("one"))) == [finding(NEW, way)]
    assert matrix.findings(of(NEW, TRUST), of(NEW, TRUST)) == [
        finding(NEW, f"{way}; 1 more such ways lead through this step")
    ]
    only = of(NEW, TRUST, identities=(SOMEBODY,))
    assert matrix.findings(only) == [
        finding(
            NEW,
            "somebody can reach administrator: assumes it [build.Role Trust] -> build.Role of one; "
            "makes a role [build.Role New] -> administrator",
        )
    ]


def test_a_way_to_what_was_out_of_reach_says_more_than_a_shorter_one_to_what_was_not() -> None:
    new = Step("build.Role of one", "data of one", "build.Role2 New", "reads the table")
    on = Step("data of one", "data of two", "build.Role Trust3", "copies")
    known = own("one")
    result = matrix.findings(of(known, new, on, identities=(build_of("one"),)))
    assert [each.message for each in result if "reads the table" in each.message] == [
        "a build of one can reach data of two: is build.Role of one; reads the table [build.Role2 New] -> data of one; "
        "copies [build.Role Trust3] -> data of two; 1 more such ways lead through this step"
    ]


def test_a_new_step_to_nothing_is_a_finding_and_one_that_nobody_can_take_is_none() -> None:
    nowhere = Step("build.Role of one", "queue of one", "build.Role New", "writes")
    away = Step("build.Role of two", ADMINISTRATOR, "build.Role New", "makes a role")
    assert matrix.findings(of(nowhere, away)) == [
        finding(nowhere, "build.Role of one may become or write queue of one: writes (build.Role New)")
    ]
    assert matrix.findings(of(own("one"), TRUST)) == []


FIRST = of(
    own("one"), shared("one", "two"), TRUST, NEW,
    identities=(SOMEBODY, build_of("one"), KEEPER), unread=("build.Role of one: Foreign",),
)  # fmt: skip
SECOND = of(
    own("beanstalk"), shared("beanstalk", "two"), shared("two", "beanstalk"),
    identities=(build_of("beanstalk"), build_of("two")), assets=("data of beanstalk", "data of two"),
    environments=("beanstalk", "two"), unread=("app.Role of two: Another",),
)  # fmt: skip
HEADING = "| from | to | by | steps | kind | because |\n| --- | --- | --- | --- | --- | --- |\n"


def accepted(*numbers: int) -> str:
    rows = (
        "| build.Role of {E} | data of {O} | `build.Role Shared` |", "| limit | one account |",
        "| build.Role of {E} | data of * | `build.Role *` |", "| meant | the builds work with data |",
        "| somebody | build.Role of {E} | `build.Role Trust*` |", "| open 17 | not mended |",
        "| nobody | build.Role of {E} | `build.Role Trust` |", "| open | never |",
    )  # fmt: skip
    table = "".join(f"{a} {n} {b}\n" for a, n, b in zip(rows[::2], numbers, rows[1::2], strict=True))
    intro = "\n## Every step that is accepted\n\nOne row a rule, with the number of steps in both accounts.\n\n"
    return intro + HEADING + table


def test_the_page_of_two_accounts() -> None:
    assert matrix.page((FIRST, SECOND)) == (
        matrix.HEAD
        + """|  | administrator | data of one | data of two |
| --- | --- | --- | --- |
| **somebody** | **new** | **open** 17 | **open** 17 |
| **a build of one** | **new** | meant | limit |
| **the keeper** | · | · | meant |
"""
        + matrix.BESIDE
        + """|  | data of beanstalk | data of two |
| --- | --- | --- |
| **a build of beanstalk** | meant | limit |
| **a build of two** | limit | · |

What is not meant of it:

- **a build of beanstalk → data of two**
  1. is build.Role of beanstalk
  1. reads every table (`build.Role Shared`), and so reaches **data of two**

## Open

Faults that are known and not closed yet, each with the shortest way.

- **somebody → data of one**
  1. assumes it (`build.Role Trust`), and so reaches **build.Role of one**
  1. reads its table (`build.Role Own`), and so reaches **data of one**
- **somebody → data of two**
  1. assumes it (`build.Role Trust`), and so reaches **build.Role of one**
  1. reads every table (`build.Role Shared`), and so reaches **data of two**

## What one account cannot keep apart

Known ways that no policy closes without stopping the work itself.

- **a build of one → data of two**
  1. is build.Role of one
  1. reads every table (`build.Role Shared`), and so reaches **data of two**

## What is meant

The shortest way of each job.

- **a build of one → data of one**
  1. is build.Role of one
  1. reads its table (`build.Role Own`), and so reaches **data of one**
- **the keeper → data of two**
"""
        + accepted(3, 2, 1, 0)
        + matrix.NOT_READ
        + "\nPolicies of AWS on our roles that are not read:\n\n"
        + "- app.Role of two: Another\n- build.Role of one: Foreign\n"
    )


def test_the_committed_page_begins_as_it_is_made() -> None:
    """The rest of it needs the search, and `generator --check` compares it."""
    assert (ROOT / "docs/reachability.md").read_text(encoding="utf-8").startswith(matrix.HEAD)


def test_a_page_has_no_part_without_content() -> None:
    plain = of(identities=(SOMEBODY,), assets=("data of one",))
    table = "|  | data of one |\n| --- | --- |\n| **somebody** | · |\n"
    assert matrix.page((plain, plain)) == (
        matrix.HEAD + table + matrix.BESIDE + table + accepted(0, 0, 0, 0) + matrix.NOT_READ
    )


def test_a_kind_of_which_there_is_no_way_hides_no_other() -> None:
    text = matrix.page((of(shared("one", "two"), own("one"), identities=(build_of("one"),)),))
    titles = [line for line in text.splitlines() if line.startswith("## ")]
    assert titles[-4:-1] == [
        "## What one account cannot keep apart",
        "## What is meant",
        "## Every step that is accepted",
    ]


ENVIRONMENT = {
    "Parameters": {name: {"Type": "String", "Default": ""} for name in ("Environment", "DomainName", "HostedZoneId")},
    "Resources": {
        "Orders": {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {
                "TableName": {"Fn::Sub": "orders-${Environment}"},
                "Tags": [{"Key": "Application", "Value": "shop"}],
            },
        },
        "Record": {
            "Type": "AWS::Route53::RecordSet",
            "Properties": {"Name": {"Ref": "DomainName"}, "HostedZoneId": {"Ref": "HostedZoneId"}, "Type": "A"},
        },
    },
}
COMMON = {
    "Parameters": {"Domain": {"Type": "String", "Default": ""}},
    "Conditions": {"Named": {"Fn::Not": [{"Fn::Equals": [{"Ref": "Domain"}, ""]}]}},
    "Resources": {
        "Code": {
            "Type": "AWS::CodeCommit::Repository",
            "Properties": {"RepositoryName": "shop", "Tags": [{"Key": "Application", "Value": "shop"}]},
            "Condition": "Named",
        }
    },
}


def written(folder: Path, **files: dict[str, str]) -> Path:
    for name, parameters in files.items():
        (folder / f"{name}.json").write_text(json.dumps({"Parameters": parameters}), encoding="utf-8")
    return folder


def test_the_environments_of_an_account_have_the_values_of_their_files_and_a_domain_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    templates = from_bodies({"environment": ENVIRONMENT, "shared": COMMON})
    params = written(tmp_path, shared={}, staging={"Environment": "staging"}, production={"Environment": "production"})
    accounts: list[Account] = []

    def reach(account: Account) -> Reach:
        accounts.append(account)
        return Reach((), (), (), ())

    monkeypatch.setattr(matrix, "reach", reach)
    assert matrix.make_matrix(templates, params).environments == ("staging", "production")
    assert matrix.make_matrix(templates, params).reach is matrix.make_matrix(templates, params).reach
    [account] = accounts
    tables, records = account.of_type("AWS::DynamoDB::Table"), account.of_type("AWS::Route53::RecordSet")
    assert [table.properties["TableName"] for table in tables] == ["orders-staging", "orders-production"]
    assert [(each.properties["Name"], each.properties["HostedZoneId"]) for each in records] == [
        ("staging.example.com", "Z1"),
        ("production.example.com", "Z1"),
    ]
    assert account.environments == ("staging", "production"), "the root that makes nothing is no part of it"


def test_another_value_of_a_file_is_another_account(tmp_path: Path) -> None:
    templates = from_bodies({"environment": ENVIRONMENT, "shared": COMMON})
    names = {name: {"Environment": name} for name in ("staging", "production")}
    first = matrix.make_matrix(templates, written(tmp_path, shared={}, **names)).reach
    second = matrix.make_matrix(templates, written(tmp_path, shared={"Domain": "a.test"}, **names)).reach
    assert SHARED_ASSET not in first.assets and SHARED_ASSET in second.assets
    assert {domain_of("staging"), domain_of("production")} < {*first.assets}


def test_an_environment_on_elastic_beanstalk_has_an_account_of_its_own_where_there_is_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(matrix, "make_matrix", lambda _templates, _params, names: of(environments=names))
    templates = from_bodies({"shop": {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}})
    first = ("staging", "production")
    assert [each.environments for each in matrix.make_matrices(templates, tmp_path)] == [first]
    (tmp_path / "beanstalk.json").write_text("{}", encoding="utf-8")
    both = [first, ("beanstalk", "production")]
    assert [each.environments for each in matrix.make_matrices(templates, tmp_path)] == both
