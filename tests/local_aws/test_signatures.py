"""Signatures of images: with the profile of the rule that fits the repository, while the registry has it, and of
nothing that was pushed before."""

import json

import pytest
from botocore.exceptions import ClientError

from tests.local_aws.support import Aws, wrong

PROFILE = "arn:aws:signer:us-east-1:123456789012:/signing-profiles/ours"
RULE = {"signingProfileArn": PROFILE, "repositoryFilters": [{"filter": "ours-*", "filterType": "WILDCARD_MATCH"}]}


def manifest(name: str) -> str:
    kind = "application/vnd.docker.distribution.manifest.v2+json"
    return json.dumps({"schemaVersion": 2, "mediaType": kind, "config": {"digest": name}})


def test_an_image_counts_as_signed_while_a_rule_fits(aws: Aws) -> None:
    ecr = aws.client("ecr")

    def profiles(repository: str, tag: str) -> list[str]:
        answer = ecr.describe_image_signing_status(repositoryName=repository, imageId={"imageTag": tag})
        assert wrong(ecr.meta.service_model.operation_model("DescribeImageSigningStatus").output_shape, answer) == ""
        return [status["signingProfileArn"] for status in answer["signingStatuses"] if status["status"] == "COMPLETE"]

    for name in ("ours-one", "other"):
        ecr.create_repository(repositoryName=name)
    ecr.put_image(repositoryName="ours-one", imageManifest=manifest("before"), imageTag="before")
    with pytest.raises(ClientError, match="SigningConfigurationNotFoundException"):
        ecr.get_signing_configuration()
    ecr.put_signing_configuration(signingConfiguration={"rules": [RULE]})
    assert ecr.get_signing_configuration()["signingConfiguration"] == {"rules": [RULE]}
    for name in ("ours-one", "other"):
        ecr.put_image(repositoryName=name, imageManifest=manifest("since"), imageTag="since")
    assert (profiles("ours-one", "before"), profiles("ours-one", "since"), profiles("other", "since")) == (
        [],
        [PROFILE],
        [],
    )
    ecr.delete_signing_configuration()
    with pytest.raises(ClientError, match="SigningConfigurationNotFoundException"):
        ecr.delete_signing_configuration()
    ecr.put_image(repositoryName="ours-one", imageManifest=manifest("after"), imageTag="after")
    assert (profiles("ours-one", "since"), profiles("ours-one", "after")) == ([PROFILE], [])
    with pytest.raises(ClientError, match="ImageNotFoundException"):
        profiles("ours-one", "never")
