"""The verify build of a backend on Elastic Beanstalk: green only when the files that this run built are those of the
version that runs, on every instance."""

from __future__ import annotations

import base64
import copy
import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import botocore.session
import pytest
from botocore import xform_name
from botocore.validate import ParamValidator

from scripts.rehearsal.builds.phases import Outcome
from tests.support.buildspecs.releases import HEALTHY, PARAMETER, SMOKE, Site, changed_after
from tests.support.buildspecs.running import Workshop

FILES = {"Procfile": "web: true\n", "app/main.py": "app = 1\n", ".ebextensions/01.config": "x: y\n"}
INSTANCE = {"InstanceId": "i-1", "HealthStatus": "Ok", "Deployment": {"VersionLabel": "run-7", "Status": "Deployed"}}
SPACE = "aws:elasticbeanstalk:application:environment"


def option(space: str, name: str, value: str) -> dict[str, str]:
    return {"Namespace": space, "OptionName": name, "Value": value}


ANSWERS: dict[str, Any] = {
    "elasticbeanstalk describe-environments": {
        "Environments": [
            {"EnvironmentName": "backend", "Status": "Terminated", "VersionLabel": "run-1"},
            {"EnvironmentName": "backend", "Status": "Ready", "VersionLabel": "run-7"},
        ]
    },
    "elasticbeanstalk describe-application-versions": {
        "ApplicationVersions": [{"SourceBundle": {"S3Bucket": "bundles", "S3Key": "a folder/run-7.zip"}}]
    },
    "elasticbeanstalk describe-instances-health": {"InstanceHealthList": [INSTANCE, {**INSTANCE, "InstanceId": "i-2"}]},
    "elasticbeanstalk describe-configuration-settings": {
        "ConfigurationSettings": [
            {
                "OptionSettings": [
                    option(SPACE, "COSTS_TABLE", "CloudHealthCosts"),
                    option("aws:autoscaling:asg", "MIGRATED_TABLE", "of another kind"),
                    option(f"{SPACE}secrets", "CLIENTS_TABLE", PARAMETER),
                ]
            }
        ]
    },
    "ssm get-parameters": {"Parameters": [{"Value": "CloudHealthClients"}]},
    "ssm put-parameter": {"Version": 2},
    "dynamodb describe-table": {"Table": {"TableStatus": "ACTIVE"}},
}


def bundle(files: dict[str, str]) -> dict[str, str]:
    """A bundle as S3 gives it, with an entry for a folder as some tools write them."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("app/", "")
        for name, text in files.items():
            archive.writestr(name, text)
    return {"Base64": base64.b64encode(stream.getvalue()).decode()}


def verify(empty: Workshop, site: Site, answers: dict[str, Any], files: dict[str, str], /, **variables: str) -> Outcome:
    """Verifies a release whose version has these files."""
    site.answers |= {
        "GET /health": (200, HEALTHY),
        **{f"{each['method']} {each['path']}": reply(each) for each in SMOKE},
    }
    for call, answer in answers.items():
        empty.machine.answer(call, answer)
    empty.machine.answer("s3api get-object", bundle(files))
    for name, text in FILES.items():
        empty.write(name, text)
    return empty.build(
        "verify",
        {
            "BACKEND_TARGET": "BEANSTALK",
            "PUBLIC_URL": site.url,
            "CLUSTER": "cloud-health",
            "SERVICE": "backend",
            "CONTAINER_NAME": "",
            "HEALTH_ANSWER": "{}",
            "HEALTH_PATH": "/health",
            "TABLE_VARIABLES": "CLIENTS_TABLE,COSTS_TABLE",
            "SMOKE_REQUESTS": json.dumps(SMOKE),
            "DOCUMENTS_RECORD": "/cloud-health/production/documents",
            "LAST_RELEASE_PARAMETER": "/cloud-health/production/last-version",
            "BACKEND_RECORD": "/cloud-health/production/backend",
            "RELEASE": "run:0123:d1",
            "RELEASED_TAG": "released-",
            "WAIT_SECONDS": "0",
            "PAUSE_SECONDS": "0.1",
            **variables,
        },
    )


def reply(request: dict[str, Any]) -> tuple[int, str]:
    return request["status"], request["body"] or ""


def test_a_good_release_is_green_and_remembered(empty: Workshop, site: Site) -> None:
    outcome = verify(empty, site, ANSWERS, FILES)
    assert outcome.succeeded, outcome.log
    assert outcome.result_lines() == [
        "GREEN version: 2 instances run run-7, with the 3 files of this run",
        "GREEN tables: active: CloudHealthClients, CloudHealthCosts",
        "GREEN health: answers 200",
        "GREEN smoke: 3 requests answered as wanted",
        "RESULT what runs: /cloud-health/production/last-version is now run-7",
        "RESULT last good release: run:0123:d1",
    ]
    environments = "describe-environments --application-name cloud-health --environment-names backend"
    settings = "describe-configuration-settings --application-name cloud-health --environment-name backend"
    versions = "describe-application-versions --application-name cloud-health --version-labels run-7"
    instances = "describe-instances-health --environment-name backend --attribute-names HealthStatus Deployment"
    assert [" ".join(call[2:]) for call in empty.machine.calls("aws", "elasticbeanstalk")] == [
        *(environments, versions, instances, settings, environments)
    ]
    [stored] = empty.machine.calls("aws", "s3api")
    assert stored[:-1] == ["aws", "s3api", "get-object", "--bucket", "bundles", "--key", "a folder/run-7.zip"]
    assert [call[3:] for call in empty.machine.calls("aws", "ssm", "put-parameter")] == [
        ["--name", f"/cloud-health/production/{name}", "--value", value, "--type", "String", "--overwrite"]
        for name, value in (("last-version", "run-7"), ("backend", "run:0123:d1"))
    ]


def test_the_stub_answers_as_aws_does() -> None:
    """What the checks read stands in AWS's models of the answers."""
    service = botocore.session.get_session().get_service_model("elasticbeanstalk")
    names = {xform_name(name, "-"): name for name in service.operation_names}
    mine = {call.split()[1]: answer for call, answer in ANSWERS.items() if call.startswith("elasticbeanstalk")}
    assert len(mine) == 4
    for command, answer in mine.items():
        shape = service.operation_model(names[command]).output_shape
        assert not ParamValidator().validate(answer, shape).has_errors(), command
        assert answer.keys() <= shape.members.keys(), command


Change = Callable[[dict[str, Any]], object]


def of_environment(**facts: str) -> Change:
    return lambda answers: answers["elasticbeanstalk describe-environments"]["Environments"][1].update(facts)


def of_second_instance(**facts: Any) -> Change:
    return lambda answers: answers["elasticbeanstalk describe-instances-health"]["InstanceHealthList"][1].update(facts)


def without(call: str, name: str) -> Change:
    return lambda answers: answers[f"elasticbeanstalk {call}"].update({name: []})


NOT_THERE = "environments backend of application cloud-health: wanted 1, found 0"
NOT_READY = "status of the environment: wanted 'Ready', found 'Updating'"


@pytest.mark.parametrize(
    ("change", "files", "red"),
    [
        (without("describe-environments", "Environments"), FILES, [f"version: {NOT_THERE}"]),
        (of_environment(Status="Terminated"), FILES, [f"version: {NOT_THERE}"]),
        (of_environment(Status="Updating"), FILES, [f"version: {NOT_READY}"]),
        (
            without("describe-application-versions", "ApplicationVersions"),
            FILES,
            ["version: versions run-7: wanted 1, found 0"],
        ),
        (
            None,
            {**FILES, "Procfile": "web: false\n"},
            ["version: files in which version run-7 is not what this run built: wanted [], found ['Procfile']"],
        ),
        (
            None,
            {f"more/{number}.py": "" for number in range(6)} | FILES,
            [
                "version: files in which version run-7 is not what this run built: wanted [], found "
                "['more/0.py', 'more/1.py', 'more/2.py', 'more/3.py', 'more/4.py']"
            ],
        ),
        (
            None,
            {name: text for name, text in FILES.items() if name != "app/main.py"},
            ["version: files in which version run-7 is not what this run built: wanted [], found ['app/main.py']"],
        ),
        (
            without("describe-instances-health", "InstanceHealthList"),
            FILES,
            ["version: no instance of backend is running"],
        ),
        (
            of_second_instance(Deployment={"VersionLabel": "run-6", "Status": "Deployed"}),
            FILES,
            [
                "version: versions on the instances: wanted [('run-7', 'Deployed')], found "
                "[('run-6', 'Deployed'), ('run-7', 'Deployed')]"
            ],
        ),
        (
            of_second_instance(Deployment={"VersionLabel": "run-7", "Status": "In Progress"}),
            FILES,
            [
                "version: versions on the instances: wanted [('run-7', 'Deployed')], found "
                "[('run-7', 'Deployed'), ('run-7', 'In Progress')]"
            ],
        ),
        (
            of_second_instance(HealthStatus="Degraded"),
            FILES,
            ["version: health of the instances: wanted ['Ok'], found ['Degraded', 'Ok']"],
        ),
        (
            lambda answers: answers["elasticbeanstalk describe-configuration-settings"][
                "ConfigurationSettings"
            ].clear(),
            FILES,
            ["tables: the application is not given CLIENTS_TABLE, COSTS_TABLE"],
        ),
    ],
)
def test_what_is_not_as_this_run_built_it_is_red(
    empty: Workshop, site: Site, change: Change | None, files: dict[str, str], red: list[str]
) -> None:
    answers = copy.deepcopy(ANSWERS)
    if change:
        change(answers)
    outcome = verify(empty, site, answers, files)
    assert not outcome.succeeded and "Traceback" not in outcome.log
    assert [line for line in outcome.result_lines() if line.startswith("RED")] == [f"RED {line}" for line in red]
    assert f"ERROR red: {red[0].partition(':')[0]}\n" in outcome.log
    assert not empty.machine.calls("aws", "ssm", "put-parameter"), "a red release is no last good version"


def test_an_environment_without_a_version_has_no_file_of_this_run(empty: Workshop, site: Site) -> None:
    answers = copy.deepcopy(ANSWERS)
    del answers["elasticbeanstalk describe-environments"]["Environments"][1]["VersionLabel"]
    outcome = verify(empty, site, answers, FILES)
    assert not outcome.succeeded and not empty.machine.calls("aws", "s3api")
    assert f"found {sorted(FILES)}" in outcome.log


def test_another_target_is_not_verified(empty: Workshop, site: Site) -> None:
    outcome = verify(empty, site, ANSWERS, FILES, BACKEND_TARGET="NONE")
    assert not outcome.succeeded and not empty.machine.calls("aws")
    assert "ERROR BACKEND_TARGET is 'NONE', it must be one of ECS, BEANSTALK\n" in outcome.log


def test_the_time_in_which_traffic_shifts_is_waited_for_besides(empty: Workshop, site: Site) -> None:
    """Instances of before run on for as long."""
    site.answers["GET /later"] = (502, "")
    with changed_after(
        lambda: site.requests.count("GET /later") > 1, lambda: site.answers.update({"GET /later": (200, "")})
    ):
        outcome = verify(empty, site, ANSWERS, FILES, HEALTH_PATH="/later", SHIFT_MINUTES="1 2")
    assert outcome.succeeded, outcome.log
    assert "waiting, health: status: wanted 200, found 502" in outcome.log
