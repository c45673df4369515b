"""The five lines of a verdict, whole: what each says of a review, and how much it matters."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from generator.cfn.broadening import Grant
from generator.cfn.effects import ALLOWED, NOTICE, QUIET
from generator.cfn.permissions import Condition
from scripts.review.model import (
    ADDED,
    CHANGED,
    REMOVED,
    REPLACED,
    TAKEN,
    UNCHANGED,
    CostChange,
    Deployed,
    EnvironmentReview,
    ParameterChange,
    QuotaChange,
    ReachChange,
    ResourceChange,
    Review,
    Risk,
    ValueChange,
)
from scripts.review.verdict import BAD, GOOD, LOOK, verdict

HERE = {"base": "main", "head": "topic", "gate": "passed"}
FILES = ("a", "b", "c", "d")


def environment(name: str = "blue", state: str = CHANGED, **values: Any) -> EnvironmentReview:
    return EnvironmentReview(name, state, **values)


def review(*environments: EnvironmentReview, **values: Any) -> Review:
    return Review(**{**HERE, **values}, environments=environments)


def resource(path: str, action: str = CHANGED, effect: str = "", **values: Any) -> ResourceChange:
    return ResourceChange(path, "T", action, effect or ("in place" if action == CHANGED else action), **values)


def parameter(name: str, before: str | None, after: str | None, origin: str = "file", **values: str) -> ParameterChange:
    return ParameterChange(name, before, after, origin, **values)


def value(place: str, before: str | None = "a", after: str | None = "b") -> ValueChange:
    return ValueChange(place, before, after)


def in_blue(**values: Any) -> Review:
    return review(environment(**values))


@pytest.mark.parametrize(
    ("changes", "weight", "text"),
    [
        (review(), GOOD, "none changes"),
        (review(environment(state=UNCHANGED)), GOOD, "none changes"),
        (review(version=value("version", "1.0.0", "1.0.1")), GOOD, "none changes; version 1.0.0 → 1.0.1"),
        (
            review(environment(), missing=1, version=value("version", "1.0.0", "1.0.1")),
            LOOK,
            "blue: parameters alone, no resource; topic LACKS 1 commit of main, whose changes are shown as taken back; "
            "version 1.0.0 → 1.0.1",
        ),
        (in_blue(state=ADDED), LOOK, "blue: a new environment"),
        (in_blue(state=REMOVED), LOOK, "blue: its parameter file is gone; a living one stays until it is destroyed"),
        (in_blue(), GOOD, "blue: parameters alone, no resource"),
        (in_blue(settings=(value("tag Owner"),)), LOOK, "blue: tag changes, no resource"),
        (
            in_blue(settings=(value("stack policy"), value("tag A"), value("tag B"))),
            LOOK,
            "blue: tag changes, stack policy changes, no resource",
        ),
        (
            in_blue(
                parameters=(
                    parameter("A", "1", "2"),
                    parameter("B", "1", "", "default"),
                    parameter("New", None, "x"),
                    parameter("Gone", "x", None, "gone"),
                )
            ),
            GOOD,
            "blue: A 1 → 2, B 1 →  by default, no resource",
        ),
        (
            in_blue(parameters=tuple(parameter(name, "1", "2") for name in "ABCDE")),
            GOOD,
            "blue: A 1 → 2, B 1 → 2, C 1 → 2, 2 more parameters, no resource",
        ),
        (
            in_blue(parameters=tuple(parameter(name, "1", "2") for name in "ABC")),
            GOOD,
            "blue: A 1 → 2, B 1 → 2, C 1 → 2, no resource",
        ),
        (
            in_blue(parameters=(parameter("A", "x" * 60, "x" * 41 + "y" * 20),)),
            GOOD,
            f"blue: A {'x' * 60} → {'x' * 40}…{'y' * 19}, no resource",
        ),
        (
            in_blue(
                parameters=(
                    parameter("A", "1", "2", level=NOTICE, users="an error"),
                    parameter("B", "1", "2", level=ALLOWED, users="nothing happens"),
                    parameter("C", "1", "2", level=QUIET, users="never said"),
                )
            ),
            GOOD,
            "blue: A 1 → 2, B 1 → 2, C 1 → 2, A for users: an error, no resource",
        ),
        (in_blue(resources=(resource("S.A"),)), GOOD, "blue: 1 changed in place (S.A)"),
        (in_blue(resources=tuple(resource(f"S.{name}") for name in FILES)), GOOD, "blue: 4 changed in place"),
        (
            in_blue(resources=tuple(resource(f"S.{name}", ADDED) for name in FILES)),
            GOOD,
            "blue: 4 added (S.a, S.b, S.c and 1 more)",
        ),
        (
            in_blue(
                resources=(
                    resource("S.C"),
                    resource("S.G", REMOVED),
                    resource("S.N", ADDED),
                    resource("S.R", REPLACED, before="S.Old"),
                )
            ),
            LOOK,
            "blue: 1 added (S.N), 1 REPLACED (S.Old → S.R), 1 removed (S.G), 1 changed in place (S.C)",
        ),
        (in_blue(resources=(resource("S.G", REMOVED),)), LOOK, "blue: 1 removed (S.G)"),
        (in_blue(resources=(resource("S.N", ADDED, TAKEN),)), BAD, f"blue: 1 added (S.N), {TAKEN}"),
        (
            in_blue(resources=(resource("S.A", effect="slowly"), resource("S.B", effect="slowly"))),
            GOOD,
            "blue: 2 changed in place (S.A, S.B), slowly",
        ),
        *(
            (
                in_blue(resources=(resource("S.A", action, values=(value(place),)),)),
                LOOK,
                f"blue: 1 {word} (S.A), other code runs: S.A",
            )
            for action, word, place in (
                (CHANGED, "changed in place", "ContainerDefinitions[Name=api].Image"),
                (CHANGED, "changed in place", "Definition.States.A"),
                (CHANGED, "changed in place", "Source.BuildSpec"),
                (REPLACED, "REPLACED", "Code.ZipFile"),
            )
        ),
        (
            in_blue(
                resources=(
                    resource("S.A", ADDED, values=(value("Image"),)),
                    resource("S.B", values=(value("ImageTag"),)),
                )
            ),
            GOOD,
            "blue: 1 added (S.A), 1 changed in place (S.B)",
        ),
        (
            in_blue(resources=tuple(resource(f"S.{name}", values=(value("Command"),)) for name in FILES)),
            LOOK,
            "blue: 4 changed in place, other code runs: S.a, S.b, S.c and 1 more",
        ),
        (
            review(*(environment(name) for name in ("blue", "green")), environment("red", UNCHANGED)),
            GOOD,
            "blue, green: parameters alone, no resource",
        ),
        (
            review(*(environment(name) for name in ("blue", "green", "red")), environment("shared", UNCHANGED)),
            GOOD,
            "all 3 environments: parameters alone, no resource",
        ),
        (review(environment("blue"), environment("green")), GOOD, "blue, green: parameters alone, no resource"),
        (
            review(*(environment(name, parameters=(parameter("A", "1", name),)) for name in ("b", "c", "d"))),
            GOOD,
            "b: A 1 → b, no resource; c: A 1 → c, no resource; d: A 1 → d, no resource",
        ),
        # More sentences than anybody reads to the end: then it is counted.
        (
            review(
                *(
                    environment(name, parameters=(parameter("A", "1", name),), resources=(resource(f"S.{name}"),))
                    for name in FILES
                )
            ),
            GOOD,
            "all 4 environments: 1 changed in place",
        ),
        # Of what cannot be compared the reason is told, and of the others what happens to them.
        (in_blue(problems=("why", "another")), BAD, "1 of 1 cannot be compared: blue (why)"),
        (
            review(*(environment(name, problems=(f"{name}!",)) for name in FILES), version=value("version")),
            BAD,
            "4 of 4 cannot be compared: a (a!), b (b!), c (c!) and 1 more; version a → b",
        ),
        (
            review(*(environment(name, problems=("why",)) for name in FILES)),
            BAD,
            "4 of 4 cannot be compared: all 4 environments (why)",
        ),
        (
            review(environment("a", problems=("why",)), environment("b", UNCHANGED), environment("c", UNCHANGED)),
            BAD,
            "1 of 3 cannot be compared: a (why); none of the others changes",
        ),
        (
            review(
                environment("a", problems=("why",)),
                environment("b", parameters=(parameter("A", "1", "2"),)),
                environment("c", problems=("why",)),
                environment("d", ADDED),
                missing=1,
            ),
            BAD,
            "2 of 4 cannot be compared: a, c (why); b: A 1 → 2, no resource; d: a new environment; "
            "topic LACKS 1 commit of main, whose changes are shown as taken back",
        ),
        (
            review(
                environment("0", problems=("why",)),
                *(
                    environment(name, parameters=(parameter("A", "1", name),), resources=(resource(f"S.{name}"),))
                    for name in FILES
                ),
            ),
            BAD,
            "1 of 5 cannot be compared: 0 (why); a, b, c, d: 1 changed in place",
        ),
        (review(missing=1), LOOK, "none changes; topic LACKS 1 commit of main, whose changes are shown as taken back"),
        (
            review(missing=1200),
            LOOK,
            "none changes; topic LACKS 1,200 commits of main, whose changes are shown as taken back",
        ),
        (review(deployed=Deployed("blue", "UPDATE_COMPLETE")), GOOD, "none changes"),
        (
            review(deployed=Deployed("blue", unknown=("the account",))),
            LOOK,
            "none changes; blue: not everything is known of what is deployed",
        ),
        *(
            (review(deployed=deployed), LOOK, "none changes; blue DIFFERS from what is deployed, see below")
            for deployed in (
                Deployed("blue", missing=1),
                Deployed("blue", drifted=("S.A: B",)),
                Deployed("blue", different=("S.A: added",), unknown=("the account",)),
            )
        ),
        (
            review(latent=(value("x"),), choices=(value("x"), value("y"))),
            LOOK,
            "none changes; 1 change of resources that no environment here has; 2 changes of what may be chosen",
        ),
        (
            review(
                interface=(
                    value("output environment.A Value", "1", "2"),
                    value("output environment.A Export", "1", "2"),
                    value("output environment.B", "there", None),
                    value("environment.Metadata.Computed"),
                    value("output environment.C", None, "there"),
                    value("output environment.D", None, "there"),
                )
            ),
            LOOK,
            "none changes; environment.Metadata.Computed changes; output environment.B is gone; "
            "output environment.A is ANOTHER VALUE; 2 changes of outputs",
        ),
        (
            review(interface=tuple(value(f"output environment.{name}", "there", None) for name in FILES)),
            LOOK,
            "none changes; output environment.a is gone; output environment.b is gone; "
            "output environment.c is gone; 1 more of this kind",
        ),
        (review(interface=(value("edge.Transform"),)), BAD, "none changes; edge.Transform changes"),
        (
            in_blue(settings=(value("tag A"),), resources=(resource("S.A"),)),
            LOOK,
            "blue: 1 changed in place (S.A), tag changes",
        ),
        *(
            (review(files={kind: FILES}), LOOK, "none changes; WHAT CHECKS OR DEPLOYS changes: a, b, c and 1 more")
            for kind in ("checks of pull requests", "rules of the gate", "scripts")
        ),
        (review(files={"documents": FILES, "tests": FILES}), GOOD, "none changes"),
        *(
            (
                review(files={kind: FILES[:1]}),
                LOOK,
                "none changes; WHAT TEMPLATES ARE MADE FROM changes (a) and no template does: "
                "`python -m generator --check` decides",
            )
            for kind in ("facts of the application", "generator")
        ),
        (review(files={"generator": ("generator/a.py",), "templates": ("a",)}), GOOD, "none changes"),
    ],
)
def test_the_first_line_says_what_happens_to_which_environment(changes: Review, weight: str, text: str) -> None:
    first, *others = verdict(changes)
    assert first == ("Environments", text, weight)
    titles = ["Data and addresses", "Permissions and protection", "Application", "Cost and gate"]
    assert [line.title for line in others] == titles


RISKS = tuple(Risk(path, "T", what) for path, what in (("S.A", "gone"), ("S.B", "gone"), ("S.A", "opened")))


@pytest.mark.parametrize(
    ("changes", "weight", "text"),
    [
        (in_blue(), GOOD, "none at risk"),
        (in_blue(risks=RISKS[:1]), BAD, "S.A (blue): gone"),
        (in_blue(risks=RISKS[:2]), BAD, "S.A, S.B (blue): gone"),
        # What happens to the same resource is one entry.
        (in_blue(risks=(RISKS[0], RISKS[2])), BAD, "S.A (blue): gone, opened"),
        (review(*(environment(name, risks=RISKS[:1]) for name in ("a", "b"))), BAD, "S.A (a, b): gone"),
        (
            in_blue(risks=tuple(Risk(f"S.{name}", "T", "gone") for name in FILES)),
            BAD,
            "S.a, S.b, S.c and 1 more (blue): gone",
        ),
        (in_blue(risks=tuple(Risk("S.A", "T", what) for what in FILES)), BAD, "S.A (blue): a, b, c and 1 more"),
        (
            in_blue(risks=tuple(Risk(f"S.{name}", "T", name) for name in FILES)),
            BAD,
            "S.a (blue): a; S.b (blue): b; S.c (blue): c and 1 more",
        ),
        (review(environment("a", problems=("why",)), environment("b")), LOOK, "a not known; none at risk"),
        (
            review(environment("a", problems=("why",)), environment("b", risks=RISKS[:1])),
            BAD,
            "a not known; S.A (b): gone",
        ),
    ],
)
def test_the_second_line_says_what_is_at_risk(changes: Review, weight: str, text: str) -> None:
    assert verdict(changes)[1] == ("Data and addresses", text, weight)


def grant(holder: str = "S.Role", effect: str = "Allow", *actions: str, **values: Any) -> Grant:
    return Grant(holder, effect, actions or ("s3:Get",), **{"broader": True, **values})


MAY = Condition("StringEquals", "aws:ResourceTag/A", ("b",))


@pytest.mark.parametrize(
    ("changes", "weight", "text"),
    [
        (in_blue(), GOOD, "none broader"),
        (in_blue(gained=(grant(broader=False),)), GOOD, "none broader; some are narrower or gone"),
        (in_blue(lost=(grant(broader=False),)), GOOD, "none broader; some are narrower or gone"),
        (
            review(environment("a", ADDED), environment("b", ADDED), environment("c", REMOVED)),
            GOOD,
            "none broader; a, b: roles of its own",
        ),
        (in_blue(gained=(grant(),)), BAD, "1 broader: S.Role may s3:Get (blue)"),
        (in_blue(lost=(grant("S.Role", "Deny"),)), BAD, "1 broader: S.Role is no longer denied s3:Get (blue)"),
        (in_blue(gained=(grant("S.Role", "policy", "Admin"),)), BAD, "1 broader: S.Role gets the policy Admin (blue)"),
        (
            in_blue(gained=(grant("S.Role", "boundary", "Fence"),)),
            BAD,
            "1 broader: S.Role loses the boundary Fence (blue)",
        ),
        (
            in_blue(gained=(grant("S.Role", "Allow", *FILES, resources=("x", "y", "z"), principals=("p", "q")),)),
            BAD,
            "1 broader: S.Role may a, b, c and 1 more on x, y and 1 more for p, q (blue)",
        ),
        (
            in_blue(gained=(grant("S.Role", "Allow", "*", resources=("*",)),)),
            BAD,
            "1 broader: S.Role may * on * without a condition (blue)",
        ),
        (in_blue(gained=(grant("S.Role", "Allow", "*", conditions=(MAY,)),)), BAD, "1 broader: S.Role may * (blue)"),
        (in_blue(lost=(grant("S.Role", "Deny", "*"),)), BAD, "1 broader: S.Role is no longer denied * (blue)"),
        (
            in_blue(gained=(grant(without=(MAY,)),)),
            BAD,
            f"1 broader: S.Role may s3:Get, no longer only if {MAY} (blue)",
        ),
        # Environments that differ in their own names alone say the same.
        (
            review(*(environment(name, gained=(grant(resources=(f"arn:{name}-x",)),)) for name in ("a", "b"))),
            BAD,
            "1 broader: S.Role may s3:Get on arn:ENVIRONMENT-x (a, b)",
        ),
        (
            in_blue(gained=tuple(grant(f"S.{name}") for name in FILES)),
            BAD,
            "4 broader: S.a may s3:Get (blue); S.b may s3:Get (blue); S.c may s3:Get (blue) and 1 more",
        ),
        (review(latent_grants=(grant(),)), BAD, "1 broader: S.Role may s3:Get (in no environment here)"),
        (
            review(reach=tuple(ReachChange(name, "data", "·", "open S1") for name in FILES)),
            BAD,
            "none broader; NEW WAY: a → data (open S1); NEW WAY: b → data (open S1); "
            "NEW WAY: c → data (open S1) and 1 more",
        ),
        (review(reach=(ReachChange("a", "data", "open S1", "·"),)), GOOD, "none broader"),
        (in_blue(weaker=RISKS[:1]), BAD, "none broader; WEAKER: S.A (blue): gone"),
        (
            in_blue(weaker=tuple(Risk(f"S.{name}", "T", name) for name in FILES), gained=(grant(),)),
            BAD,
            "1 broader: S.Role may s3:Get (blue); WEAKER: S.a (blue): a; S.b (blue): b; S.c (blue): c and 1 more",
        ),
        (review(environment("a", problems=("why",))), LOOK, "a not known; none broader"),
    ],
)
def test_the_third_line_says_who_may_more_and_what_is_weaker(changes: Review, weight: str, text: str) -> None:
    assert verdict(changes)[2] == ("Permissions and protection", text, weight)


@pytest.mark.parametrize(
    ("changes", "weight", "text"),
    [
        (in_blue(), GOOD, "gets the same values"),
        (review(environment("a", ADDED)), GOOD, "gets the same values; a: values of its own"),
        (in_blue(variables=(value("A", "1", "2"),)), LOOK, "gets A: 1 → 2 (blue)"),
        (
            in_blue(variables=(value("A", None, "2"), value("B", "2", None))),
            LOOK,
            "gets A: (none) → 2 (blue); B: 2 → (none) (blue)",
        ),
        (
            review(*(environment(name, variables=(value("A", "1", "2"),)) for name in ("a", "b"))),
            LOOK,
            "gets A: 1 → 2 (a, b)",
        ),
        (
            in_blue(variables=tuple(value(name) for name in FILES)),
            LOOK,
            "gets a: a → b (blue); b: a → b (blue); c: a → b (blue) and 1 more",
        ),
        (
            in_blue(variables=(value("A", "\u202e", "2\n3\t4\r"), value("B", "1", "\u202e2"))),
            BAD,
            "gets A: \u202e → 2\n3\t4\r (blue); B: 1 → \u202e2 (blue); HIDDEN CHARACTERS in a value",
        ),
        (in_blue(variables=(value("A", "\u202e", "2\n3\t4\r"),)), LOOK, "gets A: \u202e → 2\n3\t4\r (blue)"),
    ],
)
def test_the_fourth_line_says_what_the_application_gets(changes: Review, weight: str, text: str) -> None:
    assert verdict(changes)[3] == ("Application", text, weight)


def costs(before: tuple[float, float] | None, after: tuple[float, float] | None, unknown: str = "") -> Any:
    return {"cost": CostChange(before, after, unknown)}


def quota(after: int, before: int = 0, path: str = "S.A") -> QuotaChange:
    return QuotaChange(path, "characters", before, after, 1000)


BY_HAND = "the templates change and nothing that they are rendered from: run `make templates`"
BUILDSPECS = "the buildspecs change and the templates that carry them do not: run `make templates`"


@pytest.mark.parametrize(
    ("changes", "weight", "text"),
    [
        (in_blue(), GOOD, "no difference; gate: passed"),
        (in_blue(**costs((1, 2), (3, 5))), GOOD, "blue +2.00 to +3.00 US dollars a month; gate: passed"),
        (in_blue(**costs((3, 5), (1, 3))), GOOD, "blue -2.00 US dollars a month; gate: passed"),
        (in_blue(**costs((1, 2), (1.004, 2.004))), GOOD, "no difference; gate: passed"),
        (in_blue(**costs((1, 2), (1, 2.01))), GOOD, "blue +0.00 to +0.01 US dollars a month; gate: passed"),
        (in_blue(**costs(None, (3, 5))), GOOD, "no difference; gate: passed"),
        (in_blue(**costs((3, 5), None)), GOOD, "no difference; gate: passed"),
        (in_blue(state=ADDED, **costs(None, (3, 5))), GOOD, "blue +3.00 to +5.00 US dollars a month; gate: passed"),
        (in_blue(state=ADDED), GOOD, "no difference; gate: passed"),
        (in_blue(**costs((1, 2), None, "no price")), LOOK, "cost of blue not known (no price); gate: passed"),
        (
            review(environment("a", **costs((1, 1), (2, 2))), environment("b", **costs((1, 1), (2, 2), "no price"))),
            LOOK,
            "a +1.00 US dollars a month; cost of b not known (no price); gate: passed",
        ),
        (
            review(environment("a", **costs((1, 1), (2, 2))), environment("b", **costs((1, 1), (3, 3)))),
            GOOD,
            "a +1.00, b +2.00 US dollars a month; gate: passed",
        ),
        (review(gate="refuses x"), BAD, "no difference; gate: refuses x"),
        (review(gate="not looked at"), LOOK, "no difference; gate: not looked at"),
        (review(files={"buildspecs": ("buildspecs/a.yml",)}), BAD, f"no difference; gate: {BUILDSPECS}"),
        (review(files={"templates": ("templates/a.json",)}), BAD, f"no difference; gate: {BY_HAND}"),
        *(
            (review(files={"templates": ("templates/a.json",), "x": (path,)}), GOOD, "no difference; gate: passed")
            for path in ("generator/a.py", "buildspecs/a.yml", "setup.cfg")
        ),
        (
            review(quotas=(quota(900),)),
            LOOK,
            "no difference; gate: passed; near a limit: S.A 0 → 900 of 1,000 characters",
        ),
        (
            review(quotas=(quota(900, 800),)),
            LOOK,
            "no difference; gate: passed; near a limit: S.A 800 → 900 of 1,000 characters",
        ),
        (review(quotas=(quota(900, 801),)), GOOD, "no difference; gate: passed"),
        (review(quotas=(quota(1000, 999),)), GOOD, "no difference; gate: passed"),
        (
            review(quotas=(quota(1001, 999),)),
            BAD,
            "no difference; gate: passed; TOO MANY: S.A 999 → 1,001 of 1,000 characters",
        ),
        (
            review(gate="refuses x", quotas=tuple(quota(900, path=name) for name in FILES)),
            BAD,
            "no difference; gate: refuses x; near a limit: a 0 → 900 of 1,000 characters; near a limit: b 0 → 900 of "
            "1,000 characters; near a limit: c 0 → 900 of 1,000 characters and 1 more",
        ),
    ],
)
def test_the_fifth_line_says_what_it_costs_and_whether_the_gate_passes(changes: Review, weight: str, text: str) -> None:
    assert verdict(changes)[4] == ("Cost and gate", text, weight)


def test_shared_is_no_environment_when_all_are_counted() -> None:
    changes = review(*(environment(name, parameters=(parameter("A", "1", "2"),)) for name in ("a", "b", "c")))
    with_shared = replace(changes, environments=(*changes.environments, environment("shared", UNCHANGED)))
    assert verdict(with_shared)[0].text == "all 3 environments: A 1 → 2, no resource"
    one_less = replace(changes, environments=(*changes.environments, environment("d", UNCHANGED)))
    assert verdict(one_less)[0].text == "a, b, c: A 1 → 2, no resource"
