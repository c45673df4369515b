"""What `apply local` costs without the deploy script: the same calls in plain boto3, nothing checked, shown or kept.

`python -m tests.bench.bare URL PARAMS`; the benchmark holds `python -m scripts.deploy` against it.
"""

import hashlib
import json
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

APPLICATION, REGION = "cloud-health-dashboard", "us-east-1"
TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
# The root's template, by the name of the parameter file and the end of the stack's name; in the order of deployment.
ROOTS = {"shared": "shared", "local": "environment"}
ELSEWHERE = ("access", "shared-access", "edge")  # roots that a local environment does not have
PREFIX_LIST = "com.amazonaws.global.cloudfront.origin-facing"


def main(url: str, params: Path) -> None:
    session = boto3.Session(region_name=REGION)  # with the credentials of the environment variables
    clients = {name: session.client(name, endpoint_url=url) for name in ("sts", "s3", "cloudformation", "ec2")}
    account = clients["sts"].get_caller_identity()["Account"]
    bucket = f"{APPLICATION}-templates-{account}-{REGION}"
    urls = publish(clients["s3"], bucket)
    shared = apply(clients["cloudformation"], "shared", urls, values(params, "shared"), tags(params, "shared"))
    local = values(params, "local") | computed_values(clients["ec2"], shared["RepositoryName"])
    apply(clients["cloudformation"], "local", urls, local, tags(params, "local"))


def _read(file: Path) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return body


def values(params: Path, name: str) -> dict[str, str]:
    """The parameters of a root: its file has those of its access stack, too."""
    taken = _read(TEMPLATES / f"{ROOTS[name]}.json")["Parameters"]
    return {key: value for key, value in _read(params / f"{name}.json")["Parameters"].items() if key in taken}


def tags(params: Path, name: str) -> dict[str, str]:
    body: dict[str, str] = _read(params / f"{name}.json")["Tags"]
    return body


def computed_values(ec2: Any, repository: str) -> dict[str, str]:
    """The computed parameters: what is not found is what it is before anything is known."""
    computed = _read(TEMPLATES / f"{ROOTS['local']}.json")["Metadata"]["Computed"]
    expected = [{"Name": "prefix-list-name", "Values": [PREFIX_LIST]}]
    lists = ec2.describe_managed_prefix_lists(Filters=expected)["PrefixLists"]
    first = {name: item["First"] for name, item in computed.items()}
    return {**first, "RepositoryName": repository, "CloudFrontPrefixListId": lists[0]["PrefixListId"]}


def publish(s3: Any, bucket: str) -> dict[str, str]:
    present = set()
    try:
        s3.get_bucket_policy(Bucket=bucket)
        present = {content["Key"] for content in s3.list_objects_v2(Bucket=bucket, Prefix="bare/").get("Contents", ())}
    except ClientError:
        s3.create_bucket(Bucket=bucket)
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": []}))
    urls: dict[str, str] = {}
    # Roots come last: they hold the addresses of all others.
    for file in sorted(TEMPLATES.glob("*.json"), key=lambda file: file.stem in ROOTS.values()):
        if file.stem in ELSEWHERE:
            continue
        body = _read(file)
        for resource in body["Resources"].values():
            if resource["Type"] == "AWS::CloudFormation::Stack":
                child = resource["Properties"]["TemplateURL"].removesuffix(".json")
                resource["Properties"]["TemplateURL"] = urls[child]
        content = json.dumps(body).encode()
        key = f"bare/{file.stem}-{hashlib.sha256(content).hexdigest()[:32]}.json"
        if key not in present:
            s3.put_object(Bucket=bucket, Key=key, Body=content)
        urls[file.stem] = f"https://{bucket}.s3.{REGION}.amazonaws.com/{key}"
    return urls


def apply(
    cloudformation: Any, name: str, urls: dict[str, str], parameters: dict[str, str], tagged: dict[str, str]
) -> dict[str, str]:
    stack = f"{APPLICATION}-{name}"
    try:
        cloudformation.describe_stacks(StackName=stack)
        cloudformation.list_change_sets(StackName=stack)
        kind = "UPDATE"
    except ClientError:
        kind = "CREATE"
    created = cloudformation.create_change_set(
        StackName=stack,
        ChangeSetName=f"bare-{uuid.uuid4().hex[:8]}",
        ChangeSetType=kind,
        TemplateURL=urls[ROOTS[name]],
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        Tags=[{"Key": key, "Value": value} for key, value in tagged.items()],
        Capabilities=["CAPABILITY_IAM"],
        IncludeNestedStacks=True,
    )
    planned = describe(cloudformation, created["Id"])
    if planned["Status"] != "FAILED":
        cloudformation.describe_stack_events(StackName=stack)
        cloudformation.execute_change_set(ChangeSetName=created["Id"], DisableRollback=False)
        while cloudformation.describe_stack_events(StackName=stack)["StackEvents"][0]["LogicalResourceId"] != stack or (
            cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"].endswith("_IN_PROGRESS")
        ):
            time.sleep(0.2)
    cloudformation.delete_change_set(ChangeSetName=created["Id"])
    result = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
    assert result["StackStatus"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE"), result["StackStatus"]
    return {output["OutputKey"]: output["OutputValue"] for output in result.get("Outputs", ())}


def describe(cloudformation: Any, change_set: str) -> dict[str, Any]:
    """The change set with those of all children, as a plan needs them."""
    while True:
        result: dict[str, Any] = cloudformation.describe_change_set(
            ChangeSetName=change_set, IncludePropertyValues=True
        )
        if result["Status"] in ("CREATE_COMPLETE", "FAILED"):
            break
        time.sleep(0.1)
    for change in result.get("Changes", ()):
        if below := change["ResourceChange"].get("ChangeSetId"):
            describe(cloudformation, below)
    return result


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
