"""What every service that runs an application does alike: it tells it its configuration, and asks after its health."""

import json
import urllib.error
import urllib.request

from scripts.deployment.aws import Aws
from scripts.rehearsal.permissions import Judge


def credentials(aws: Aws) -> dict[str, str]:
    """How the application reaches the AWS of this machine, in the place of its role's own credentials."""
    endpoint = aws.endpoint
    if endpoint is None:
        return {}
    return {"AWS_ACCESS_KEY_ID": endpoint.key, "AWS_SECRET_ACCESS_KEY": "local", "AWS_ENDPOINT_URL": endpoint.url}


def kept(aws: Aws, judge: Judge, role: str, source: str) -> str:
    """The value of a parameter or secret by its ARN, read in the name of a role. Raises `Denied`."""
    parts = source.split(":")
    if parts[2] == "ssm":
        judge.need(role, "task parameter", {"ValueFrom": source})
        name = source.partition(":parameter")[2]
        return str(aws.call("ssm", "get_parameter", Name=name, WithDecryption=True)["Parameter"]["Value"])
    arn, key = ":".join(parts[:7]), (parts[7:] or [""])[0]
    judge.need(role, "task secret", {"ValueFrom": arn})
    kms = aws.call("secretsmanager", "describe_secret", SecretId=arn).get("KmsKeyId", "")
    if kms.startswith("arn:"):
        judge.need(role, "task secret with a key", {"Key": kms})
    text = aws.call("secretsmanager", "get_secret_value", SecretId=arn)["SecretString"]
    return str(json.loads(text)[key] if key else text)


def unhealthy(url: str, path: str, wanted: str) -> str:
    """What a health check of `path` finds at `url`; empty when the status is one of `wanted`, with commas between."""
    try:
        found = str(urllib.request.urlopen(url + path, timeout=10).status)
    except urllib.error.HTTPError as error:
        found = str(error.code)
    except OSError as error:
        found = str(error)
    return "" if found in wanted.split(",") else f"the health check GET {path} was answered {found}, wanted {wanted}"
