"""Certificates of the root `edge` that a new domain or zone has replaced.

The root goes before the environment, whose distribution answers with the old certificate until it has the new one, and
ACM deletes none that is in use (ACM user guide, gs-acm-delete). So the template retains it, and it is deleted here,
after the environment. What carries the environment's tags and is in no stack of its is one of these.
"""

from collections.abc import Collection, Iterator

from generator.cfn.environments import EDGE, ENVIRONMENT, Environment
from generator.cfn.stacks import Stack
from scripts.deployment.aws import Aws
from scripts.deployment.deploy_root import RootDeployment
from scripts.deployment.errors import AwsError
from scripts.operations.all_resources import all_resources

CERTIFICATE = "AWS::CertificateManager::Certificate"


def remove_replaced(root: RootDeployment, stack: Stack) -> Iterator[str]:
    """Deletes them after an environment was deployed; a line for each, also for one that is in use still."""
    edge = root.other_stacks.get(EDGE)
    if root.name != ENVIRONMENT or edge is None:
        return
    aws = root.aws.at(root.context.roots[EDGE].region)
    own = {*_certificates(aws, edge), *_certificates(root.aws, stack)}
    for arn in replaced_certificates(aws, root.environment, own):
        try:
            aws.call("acm", "delete_certificate", CertificateArn=arn)
        except AwsError as error:
            # Code: `ResourceInUseException` in botocore's model of ACM.
            if error.code != "ResourceInUseException":
                raise
            yield f"the replaced certificate {arn} is in use still: the next `apply` removes it"
        else:
            yield f"the replaced certificate {arn} is removed"


def replaced_certificates(aws: Aws, environment: Environment, own: Collection[str]) -> Iterator[str]:
    """The ARNs of the environment's certificates that are none of `own`."""
    listed = [
        str(entry["CertificateArn"])
        for page in aws.pages("acm", "list_certificates")
        for entry in page["CertificateSummaryList"]
    ]
    for arn in listed:
        if arn not in own:
            answer = aws.call("acm", "list_tags_for_certificate", CertificateArn=arn)
            tags = {tag["Key"]: tag.get("Value", "") for tag in answer.get("Tags", ())}
            if (tags.get("Application"), tags.get("Environment")) == (environment.application, environment.name):
                yield arn


def _certificates(aws: Aws, stack: Stack) -> Iterator[str]:
    return (each.physical_id for each in all_resources(aws, stack.id) if each.type == CERTIFICATE)
