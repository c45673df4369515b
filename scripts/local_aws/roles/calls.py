"""What IAM is asked about a call: action, resource and context keys.

A call whose resource nobody has written down here is asked about `*`, so that only a statement on everything allows it:
what is missing here is refused, never let through.
Sources: Service Authorization Reference of each service; for change sets by their ARN, widdix/
complete-aws-iam-reference issue 6 and aws-cdk issue 18096; for the permissions that a call needs beside its own, the
pages that are named where they stand.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote

from generator.cfn.evaluate import Request
from scripts.local_aws.account import Account, s3_object
from scripts.local_aws.services import ResourceError
from scripts.local_aws.values import RefusedCallError
from scripts.local_aws.wire import Call

# IAM's prefix of a service that boto3 calls otherwise.
PREFIXES = {
    "elbv2": "elasticloadbalancing",
    "s3control": "s3",
    "sesv2": "ses",
    "service-quotas": "servicequotas",
    "efs": "elasticfilesystem",
    "stepfunctions": "states",
}
# IAM's name of what S3's API calls otherwise (Service Authorization Reference, Amazon S3, Actions).
S3_ACTIONS = {
    "DeleteObjects": "DeleteObject",
    "HeadBucket": "ListBucket",
    "HeadObject": "GetObject",
    "ListBuckets": "ListAllMyBuckets",
    "ListObjects": "ListBucket",
    "ListObjectVersions": "ListBucketVersions",
    "ListObjectsV2": "ListBucket",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
}
OF_OBJECTS = ("DeleteObject", "GetObject", "PutObject")
# No permission is needed (AWS STS API reference, GetCallerIdentity).
FREE = {"sts.GetCallerIdentity"}
IN_PLACE = "{region}:{account}"
ENVIRONMENT = f"elasticbeanstalk:{IN_PLACE}:environment/{{application}}"
# Call -> ARN without `arn:PARTITION:`; `{Name}` is a parameter of the call, a list of them is one resource each.
RESOURCES: Mapping[str, str] = {
    "acm.DeleteCertificate": "{CertificateArn}",
    "acm.ListTagsForCertificate": "{CertificateArn}",
    "application-autoscaling.RegisterScalableTarget": f"application-autoscaling:{IN_PLACE}:scalable-target/any",
    "codebuild.BatchGetBuilds": f"codebuild:{IN_PLACE}:project/{{ids}}",
    "codebuild.BatchGetProjects": f"codebuild:{IN_PLACE}:project/{{names}}",
    "codebuild.ListBuildsForProject": f"codebuild:{IN_PLACE}:project/{{projectName}}",
    "codecommit.AssociateApprovalRuleTemplateWithRepository": f"codecommit:{IN_PLACE}:{{repositoryName}}",
    "codecommit.DisassociateApprovalRuleTemplateFromRepository": f"codecommit:{IN_PLACE}:{{repositoryName}}",
    "codecommit.GetBranch": f"codecommit:{IN_PLACE}:{{repositoryName}}",
    "codecommit.GetRepository": f"codecommit:{IN_PLACE}:{{repositoryName}}",
    "codecommit.ListAssociatedApprovalRuleTemplatesForRepository": f"codecommit:{IN_PLACE}:{{repositoryName}}",
    "codeconnections.GetConnection": "{ConnectionArn}",
    "codepipeline.GetPipeline": f"codepipeline:{IN_PLACE}:{{name}}",
    "codepipeline.GetPipelineExecution": f"codepipeline:{IN_PLACE}:{{pipelineName}}",
    "codepipeline.GetPipelineState": f"codepipeline:{IN_PLACE}:{{name}}",
    "codepipeline.ListActionExecutions": f"codepipeline:{IN_PLACE}:{{pipelineName}}",
    "codepipeline.ListPipelineExecutions": f"codepipeline:{IN_PLACE}:{{pipelineName}}",
    "codepipeline.PutApprovalResult": f"codepipeline:{IN_PLACE}:{{pipelineName}}/{{stageName}}/{{actionName}}",
    "codepipeline.RollbackStage": f"codepipeline:{IN_PLACE}:{{pipelineName}}/{{stageName}}",
    "codepipeline.StartPipelineExecution": f"codepipeline:{IN_PLACE}:{{name}}",
    "codepipeline.StopPipelineExecution": f"codepipeline:{IN_PLACE}:{{pipelineName}}",
    "dynamodb.DescribeTable": f"dynamodb:{IN_PLACE}:table/{{TableName}}",
    "dynamodb.ListTagsOfResource": "{ResourceArn}",
    "ec2.DeleteSecurityGroup": f"ec2:{IN_PLACE}:security-group/{{GroupId}}",
    "ecr.DescribeRepositories": f"ecr:{IN_PLACE}:repository/{{repositoryNames}}",
    "ecr.ListTagsForResource": "{resourceArn}",
    "ecs.DescribeServices": f"ecs:{IN_PLACE}:service/{{cluster}}/{{services}}",
    "ecs.DescribeTasks": "{tasks}",
    "ecs.UpdateService": f"ecs:{IN_PLACE}:service/{{cluster}}/{{service}}",
    "elasticbeanstalk.DescribeEnvironments": f"{ENVIRONMENT}/{{EnvironmentNames}}",
    "elasticbeanstalk.ListPlatformVersions": "elasticbeanstalk:{region}::platform/any",
    "events.DisableRule": f"events:{IN_PLACE}:rule/{{Name}}",
    "events.EnableRule": f"events:{IN_PLACE}:rule/{{Name}}",
    "iam.ListEntitiesForPolicy": "{PolicyArn}",
    "kms.DescribeKey": f"kms:{IN_PLACE}:key/{{KeyId}}",
    "logs.GetLogEvents": f"logs:{IN_PLACE}:log-group:{{logGroupName}}:log-stream:{{logStreamName}}",
    "route53.GetHostedZone": "route53:::hostedzone/{path}",
    "secretsmanager.DescribeSecret": f"secretsmanager:{IN_PLACE}:secret:{{SecretId}}",
    "secretsmanager.PutSecretValue": f"secretsmanager:{IN_PLACE}:secret:{{SecretId}}",
    "sesv2.GetEmailIdentity": f"ses:{IN_PLACE}:identity/{{path}}",
    "sns.ListSubscriptionsByTopic": "{TopicArn}",
    "sts.AssumeRole": "{RoleArn}",
    "ssm.DeleteParameters": f"ssm:{IN_PLACE}:parameter{{Names}}",
    "ssm.GetParameter": f"ssm:{IN_PLACE}:parameter{{Name}}",
    "ssm.GetParametersByPath": f"ssm:{IN_PLACE}:parameter{{Path}}",
}


def parameters(environ: Mapping[str, Any], body: bytes) -> dict[str, Any]:
    """The parameters of a call: those of a form flat (`Tags.member.1.Key`), those of JSON as they are, for the REST
    protocols the path alone."""
    if "HTTP_X_AMZ_TARGET" in environ:
        return dict(json.loads(body or b"{}"))
    if body:
        return dict(parse_qsl(body.decode(), keep_blank_values=True))
    path = unquote(str(environ.get("RAW_URI") or environ["PATH_INFO"]).partition("?")[0]).lstrip("/")
    return {"path": path, "object-ownership": environ.get("HTTP_X_AMZ_OBJECT_OWNERSHIP", "")}


def requests(call: Call, parameters: Mapping[str, Any], account: Account) -> Iterator[Request]:
    """What IAM is asked about a call with these parameters."""
    if call.name in FREE:
        return
    action = f"{PREFIXES.get(call.service, call.service)}:{call.operation}"
    context = {"aws:RequestedRegion": account.services.region}
    if call.name == "sts.AssumeRole":
        context["aws:ResourceAccount"] = str(parameters["RoleArn"]).split(":")[4]
    if call.service == "cloudformation":
        yield from _stacks(action, parameters, account, context)
    elif call.service == "s3":
        yield from _bucket(call, parameters, account, context)
    elif call.name == "iam.CreateServiceLinkedRole":
        service = parameters["AWSServiceName"]
        arn = _arn(account, f"iam::{account.services.account}:role/aws-service-role/{service}/any")
        yield Request(action, arn, {**context, "iam:AWSServiceName": service})
    elif call.name == "iam.GetRole":
        yield Request(action, _role(account, parameters["RoleName"]), context)
    elif call.name == "iam.SimulatePrincipalPolicy":
        yield Request(action, parameters["PolicySourceArn"], context)
    else:
        for arn in _named(call, parameters, account):
            yield Request(action, arn, {**context, **_tags(call, parameters, account), **_cluster(parameters, account)})
    if call.name == "secretsmanager.PutSecretValue":
        yield from _encryption(parameters, account, context)


def _arn(account: Account, rest: str) -> str:
    return rest if rest.startswith("arn:") else f"arn:{account.services.partition}:{rest}"


def _named(call: Call, parameters: Mapping[str, Any], account: Account) -> list[str]:
    """The ARNs of the resources that a call names; `*` where it names none."""
    form = RESOURCES.get(call.name, "*")
    if form == "*":
        return ["*"]
    place = {"region": account.services.region, "account": account.services.account}
    if "{application}" in form:
        place["application"] = _application(account, str(parameters.get("EnvironmentNames.member.1", "")))
    resources = [form]
    for name in re.findall(r"\{(\w+)\}", form):
        keys = (name, f"{name}.1", f"{name}.member.1")
        value = place.get(name) or next((parameters[key] for key in keys if parameters.get(key)), "*")
        if name == "path":
            value = str(value).rpartition("/")[2]
        values = value if isinstance(value, list) else [value]
        if name == "ids":  # of builds, which begin with the project's name
            values = [each.partition(":")[0] for each in values]
        resources = [
            each if str(each).startswith("arn:") else resource.replace(f"{{{name}}}", str(each))
            for resource in resources
            for each in values
        ]
    return [_arn(account, resource) for resource in resources]


def _application(account: Account, environment: str) -> str:
    """The application of an Elastic Beanstalk environment; `any` where there is no such environment."""
    named = {"EnvironmentNames": [environment]}
    environments = account.services.call("elasticbeanstalk", "describe_environments", named)["Environments"]
    return next((str(each["ApplicationName"]) for each in environments), "any")


def _role(account: Account, name: str) -> str:
    """The ARN of a role by its name; one that does not exist has no path."""
    try:
        return str(account.services.call("iam", "get_role", {"RoleName": name})["Role"]["Arn"])
    except ResourceError:
        return _arn(account, f"iam::{account.services.account}:role/{name}")


def _tags(call: Call, parameters: Mapping[str, Any], account: Account) -> dict[str, str]:
    """The tags of the resource, for the calls that our statements tell apart by them."""
    if call.service == "secretsmanager" and "SecretId" in parameters:
        return _resource_tags(_secret(parameters, account).get("Tags", ()))
    if call.name == "ec2.DeleteSecurityGroup":
        try:
            answer = account.services.call("ec2", "describe_security_groups", {"GroupIds": [parameters["GroupId"]]})
        except ResourceError:
            return {}
        return _resource_tags(answer["SecurityGroups"][0].get("Tags", ()))
    if call.name == "acm.DeleteCertificate":
        named = {"CertificateArn": parameters["CertificateArn"]}
        try:
            return _resource_tags(account.services.call("acm", "list_tags_for_certificate", named).get("Tags", ()))
        except ResourceError:
            return {}
    return {}


def _cluster(parameters: Mapping[str, Any], account: Account) -> dict[str, str]:
    """The condition key of ECS's calls that name a cluster (Service Authorization Reference, Amazon ECS)."""
    cluster = str(parameters.get("cluster", ""))
    place = f"ecs:{account.services.region}:{account.services.account}:cluster/{cluster}"
    return {"ecs:cluster": _arn(account, cluster if cluster.startswith("arn:") else place)} if cluster else {}


def _resource_tags(tags: Any) -> dict[str, str]:
    return {
        f"aws:ResourceTag/{tag.get('Key', tag.get('TagKey'))}": tag.get("Value", tag.get("TagValue")) for tag in tags
    }


def _secret(parameters: Mapping[str, Any], account: Account) -> Mapping[str, Any]:
    try:
        answer: Mapping[str, Any] = account.services.call(
            "secretsmanager", "describe_secret", {"SecretId": parameters["SecretId"]}
        )
    except ResourceError:
        return {}
    return answer


def _encryption(parameters: Mapping[str, Any], account: Account, context: Mapping[str, str]) -> Iterator[Request]:
    """A secret under a key of the account is encrypted with the rights of whoever writes it (Secrets Manager user
    guide, security-encryption)."""
    key = _secret(parameters, account).get("KmsKeyId")
    if not key:
        return
    services = account.services
    number = str(key).rpartition("/")[2]
    tags = _resource_tags(services.call("kms", "list_resource_tags", {"KeyId": number})["Tags"])
    via = {"kms:ViaService": f"secretsmanager.{services.region}.amazonaws.com"}
    for action in ("kms:Decrypt", "kms:GenerateDataKey"):
        arn = _arn(account, f"kms:{services.region}:{services.account}:key/{number}")
        yield Request(action, arn, {**context, **tags, **via})


def _stacks(
    action: str, parameters: Mapping[str, Any], account: Account, context: Mapping[str, str]
) -> Iterator[Request]:
    """CloudFormation's calls: on the stack where one is named, else on the change set by its ARN, else on `*`."""
    own = dict(context)
    if role := parameters.get("RoleARN"):
        own["cloudformation:RoleArn"] = role
    resource, name, change_set = "*", parameters.get("StackName"), parameters.get("ChangeSetName", "")
    if name:
        try:
            resource = account.find(name).id
        except RefusedCallError:
            place = f"{account.services.region}:{account.services.account}"
            resource = name if name.startswith("arn:") else _arn(account, f"cloudformation:{place}:stack/{name}/*")
    elif change_set.startswith("arn:"):
        resource = change_set
    yield Request(action, resource, own)
    if "Tags.member.1.Key" in parameters:  # API reference, CreateChangeSet: tags need it
        yield Request("cloudformation:TagResource", resource, {**own, "cloudformation:CreateAction": "CreateChangeSet"})
    if role:
        yield Request("iam:PassRole", role, {**context, "iam:PassedToService": "cloudformation.amazonaws.com"})
    if url := parameters.get("TemplateURL"):  # CloudFormation reads it with the caller's rights
        yield Request("s3:GetObject", _arn(account, f"s3:::{'/'.join(s3_object(url))}"), context)


def _bucket(
    call: Call, parameters: Mapping[str, Any], account: Account, context: Mapping[str, str]
) -> Iterator[Request]:
    """S3's calls, by the path that names bucket and object."""
    action = S3_ACTIONS.get(call.operation, call.operation)
    bucket, _, key = str(parameters["path"]).partition("/")
    arn = _arn(account, f"s3:::{bucket}/{key or '*'}" if action in OF_OBJECTS else f"s3:::{bucket}" if bucket else "*")
    yield Request(f"s3:{action}", arn if bucket else "*", context)
    if call.operation == "CreateBucket" and parameters["object-ownership"]:  # Amazon S3 API reference, CreateBucket
        yield Request("s3:PutBucketOwnershipControls", arn, context)
