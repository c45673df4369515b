"""Scans of images: made where the repository says so, and never with an invented finding."""

import json

import pytest
from botocore.exceptions import ClientError

from tests.local_aws.support import Aws, wrong

MANIFEST = json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.v2+json"})


def test_an_image_is_scanned_when_it_is_pushed_and_nothing_is_invented(aws: Aws) -> None:
    ecr = aws.client("ecr")
    for name, on in (("scanned", True), ("unscanned", False)):
        ecr.create_repository(repositoryName=name, imageScanningConfiguration={"scanOnPush": on})
        ecr.put_image(repositoryName=name, imageManifest=MANIFEST, imageTag="one")
    answer = ecr.describe_image_scan_findings(repositoryName="scanned", imageId={"imageTag": "one"})
    status, findings = answer["imageScanStatus"], answer["imageScanFindings"]
    assert status == {"status": "COMPLETE", "description": "the local AWS looks into no image"}
    assert (findings["findings"], findings["findingSeverityCounts"]) == ([], {})
    assert wrong(ecr.meta.service_model.operation_model("DescribeImageScanFindings").output_shape, answer) == ""
    with pytest.raises(ClientError, match="ScanNotFoundException"):
        ecr.describe_image_scan_findings(repositoryName="unscanned", imageId={"imageTag": "one"})
