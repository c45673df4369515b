"""The report of a release, line by line."""

from __future__ import annotations

from dataclasses import replace

from scripts.rehearsal.messages import Message
from scripts.rehearsal.permissions import Usage
from scripts.rehearsal.report import ActionResult, Release, StageResult, report_lines
from scripts.terminal.text import GREEN, RED, YELLOW

FAILED = Release(
    pipeline="dashboard",
    id="0f0f0f0f",
    commit="0123456789abcdef0123456789abcdef01234567",
    started="by a push to main, rule OnPush",
    stages=(
        StageResult("Source", (ActionResult("Source/Fetch", "CodeCommit", 0.24, "commit 0123456789ab, 3 files"),)),
        StageResult("Approve", (), skipped="Same: #{Changes.ANY} is none, not NE none"),
        StageResult(
            "Deploy",
            (
                ActionResult("Deploy/ToEcs", "ECS", 12.0, "revision 7, desired count 2, images:0123"),
                ActionResult(
                    "Deploy/Verify", "CodeBuild", 3.06, "log last/verify.log", "phase build failed: RED\nmore"
                ),
            ),
            consequence="rolled back to the release of commit fedcba987654 (execution 1e1e)",
        ),
    ),
    messages=(
        Message("Failures", "arn:aws:sns:us-east-1:1:alerts", '{\n  "status": "FAILED"\n}'),
        Message("Failures", "arn:aws:sns:us-east-1:1:other", "{}", "events.amazonaws.com may not sns:Publish"),
    ),
    artifacts={"Files": "3 files, 1,024 bytes, dashboard/Files/1"},
    usage=(
        Usage("AlarmRole", (), ("sns:Publish",)),
        Usage("BuildRole", ("s3:GetObject",), ()),
        Usage("PipelineRole", ("ecs:UpdateService", "iam:PassRole"), ("s3:PutObject",)),
        Usage("TaskRole", (), ("dynamodb:GetItem",)),
    ),
    notes=("ECS: the tasks of a service are one process here",),
    seconds=20.0,
    overhead=5.0,
    not_reached=("Deploy_Frontend",),
)
REPORT = """
dashboard: the release of commit 0123456789ab would have FAILED
  started by a push to main, rule OnPush; execution 0f0f0f0f
Source
  ✓ Fetch   CodeCommit    0.2 s  commit 0123456789ab, 3 files
Approve
  skipped by Same: #{Changes.ANY} is none, not NE none
Deploy  failed
  ✓ ToEcs   ECS          12.0 s  revision 7, desired count 2, images:0123
  ✗ Verify  CodeBuild     3.1 s  phase build failed: RED log last/verify.log
  -> rolled back to the release of commit fedcba987654 (execution 1e1e)
not reached: Deploy_Frontend
artifacts
  Files: 3 files, 1,024 bytes, dashboard/Files/1
permissions
  AlarmRole: assumed by its service; what is done with it is not checked here
  BuildRole: 1 action used, none unused
  PipelineRole: 2 actions used; unused: s3:PutObject
  TaskRole: assumed by its service; what is done with it is not checked here
different from AWS
  ECS: the tasks of a service are one process here
notification to alerts by Failures
{
  "status": "FAILED"
}
notification to other by Failures
  NOT DELIVERED: events.amazonaws.com may not sns:Publish
{}
20.0 s, of which the rehearsal itself 5.0 s (25%)"""


def test_a_failed_release() -> None:
    assert "\n".join(map(str, report_lines(FAILED))) == REPORT
    red = [text for line in report_lines(FAILED) for text, style in line.parts if style == RED]
    assert red == ["would have FAILED", "  failed", "✗", "NOT DELIVERED: events.amazonaws.com may not sns:Publish"]


def test_a_good_release_has_nothing_red() -> None:
    good = Release("p", "1", "0" * 40, "by hand", FAILED.stages[:2], (), {}, (), (), 0.0, 0.0)
    styled = [(text, style) for line in report_lines(good) for text, style in line.parts]
    assert ("would have succeeded", GREEN) in styled and RED not in {style for _, style in styled}
    assert str(list(report_lines(good))[-1]) == "0.0 s, of which the rehearsal itself 0.0 s (0%)"


def test_a_release_that_is_not_judged_says_what_it_lacks() -> None:
    unjudged = replace(FAILED, unjudged=("the image has a RUN", "the network"), usage=(), messages=(), artifacts={})
    lines = list(report_lines(replace(unjudged, notes=(), stages=(), not_reached=())))
    texts = [str(line) for line in lines]
    assert texts == [
        "",
        "dashboard: the release of commit 0123456789ab was NOT JUDGED: it ended here for want of what this machine "
        "does not have",
        "  started by a push to main, rule OnPush; execution 0f0f0f0f",
        "not judged",
        "  the image has a RUN",
        "  the network",
        "permissions",
        "20.0 s, of which the rehearsal itself 5.0 s (25%)",
    ]
    assert YELLOW in {style for _, style in lines[1].parts}


def test_a_stage_has_succeeded_when_the_last_attempt_of_each_action_has() -> None:
    first, again = ActionResult("S/A", "P", 1.0, "", "it had to"), ActionResult("S/A", "P", 1.0, "fine")
    other = ActionResult("S/B", "P", 1.0, "", "it had to")
    assert StageResult("S", (first, again)).succeeded
    assert not StageResult("S", (again, first)).succeeded
    assert not StageResult("S", (first, again, other)).succeeded
    assert StageResult("S", ()).succeeded
    good = replace(FAILED, stages=(StageResult("S", (again,)),))
    assert not good.succeeded and replace(good, not_reached=()).succeeded
