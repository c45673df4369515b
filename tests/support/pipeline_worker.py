"""Runs the executions of a pipeline in the local AWS by ending each as succeeded at once: `python -m
tests.support.pipeline_worker URL KEY PIPELINE REGION --execution ID`, as the local AWS starts it."""

from __future__ import annotations

import json
import sys
import urllib.request

from scripts.local_aws.server import KEY_HEADER
from scripts.loopback import urlopen


def main() -> None:
    url, key, pipeline, region, _, execution = sys.argv[1:]
    body = json.dumps({"id": execution, "status": "Succeeded"}).encode()
    page = f"{url}/local-aws/pipeline-executions?pipeline={pipeline}&region={region}"
    with urlopen(urllib.request.Request(page, body, {KEY_HEADER: key}, method="PUT"), timeout=30):
        pass


if __name__ == "__main__":
    main()
