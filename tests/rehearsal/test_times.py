"""How long a rehearsal waits for what, how long it keeps what it has made, and how much of a log it shows."""

from __future__ import annotations

import pytest

from scripts.rehearsal import actions, artifacts, engine, keeping
from scripts.rehearsal.builds import aws_cli, codebuild, engines, images, phases
from scripts.rehearsal.edge import functions, server
from scripts.rehearsal.runtime import application, beanstalk, toolchains

MINUTE, DAY = 60, 24 * 60 * 60  # seconds
NUMBERS = [
    # Waiting, in seconds. An approval and a waiter are asked about several times in a second: nothing here takes long.
    (actions.APPROVAL_PAUSE, 0.2),
    (aws_cli.WAITER_PAUSE, 0.1),
    (engines.ANSWER_SECONDS, MINUTE / 2),
    (application.START_SECONDS, MINUTE / 2),
    (application.SETTLED_SECONDS, 1),
    (application.STOP_SECONDS, 5),
    (keeping.KEEP_SECONDS, 2 * MINUTE),
    (phases.COMMAND_SECONDS, MINUTE),
    (engine.WORKER_SECONDS, 10 * MINUTE),
    (toolchains.INSTALL_SECONDS, 10 * MINUTE),
    # CodeBuild API reference, CreateProject, timeoutInMinutes.
    (codebuild.DEFAULT_TIMEOUT, 60),
    # CloudFront developer guide, DownloadDistValuesOrigin, response timeout.
    (server.ORIGIN_SECONDS, 30),
    (server.DRAIN_SECONDS, 5),
    (functions.LOOP_SECONDS, 5),
    # Keeping.
    (images.UNUSED_SECONDS, 30 * DAY),
    (toolchains.UNUSED_SECONDS, 14 * DAY),
    (toolchains.KEPT, 8),
    # Showing, in lines or names.
    (application.SHOWN_LINES, 20),
    (toolchains.SHOWN_LINES, 15),
    (actions.SHOWN_NAMES, 10),
    # What a platform of Elastic Beanstalk passes requests to, the status of timeout(1), the first day of a zip archive.
    (beanstalk.PORT, 8000),
    (phases.TIMED_OUT, 124),
    (artifacts.ZIP_DATE, (1980, 1, 1, 0, 0, 0)),
]


@pytest.mark.parametrize(("number", "expected"), NUMBERS)
def test_a_number_is_what_it_is_said_to_be(number: object, expected: object) -> None:
    assert number == expected
