"""Exact ARNs in the partition, region and account of the stack.

awacs' own ARN classes write the partition `aws`, so these are the only ones in use. Shapes: Service Authorization
Reference (resource types of each service). Each argument is a name: text, or an intrinsic function.
"""

from __future__ import annotations

from typing import TypeAlias

from troposphere import AWSHelperFn, GetAtt, Ref, Sub

from generator.cfn.names import bucket_name
from generator.core.ports import ENVIRONMENT

Text: TypeAlias = str | AWSHelperFn


def _sub(pattern: str, **names: Text) -> Sub:
    """A `Fn::Sub` with text, parameters and attributes in the pattern itself, so that the JSON reads like an ARN."""
    others: dict[str, Text] = {}
    for name, value in names.items():
        if isinstance(value, Ref):
            pattern = pattern.replace(f"${{{name}}}", f"${{{value.data['Ref']}}}")
        elif isinstance(value, GetAtt):
            pattern = pattern.replace(f"${{{name}}}", f"${{{'.'.join(value.data['Fn::GetAtt'])}}}")
        elif isinstance(value, str):
            pattern = pattern.replace(f"${{{name}}}", value)
        else:
            others[name] = value
    return Sub(pattern, **others)


def arn(service: str, resource: str, **names: Text) -> Sub:
    """An ARN with region and account; `resource` may hold `${name}` for each of the names."""
    return _sub(f"arn:${{AWS::Partition}}:{service}:${{AWS::Region}}:${{AWS::AccountId}}:{resource}", **names)


def global_arn(service: str, resource: str, **names: Text) -> Sub:
    """An ARN of a service without regions: IAM, CloudFront, Budgets."""
    return _sub(f"arn:${{AWS::Partition}}:{service}::${{AWS::AccountId}}:{resource}", **names)


def objects(bucket_arn: Text, prefix: str = "*") -> Sub:
    """The objects of a bucket whose keys match the prefix."""
    return _sub(f"${{BucketArn}}/{prefix}", BucketArn=bucket_arn)


def aws_policy(path: str) -> Sub:
    """One of AWS's own managed policies, by its path and name."""
    return Sub(f"arn:${{AWS::Partition}}:iam::aws:policy/{path}")


def account_root() -> Sub:
    """The account itself as a principal: whoever its own IAM policies allow."""
    return Sub("arn:${AWS::Partition}:iam::${AWS::AccountId}:root")


def codecommit_repository(name: Text) -> Sub:
    return arn("codecommit", "${Name}", Name=name)


def codebuild_project(name: Text) -> Sub:
    return arn("codebuild", "project/${Name}", Name=name)


def codebuild_report_group(project: Text, report: str) -> Sub:
    return arn("codebuild", f"report-group/${{Project}}-{report}", Project=project)


def codepipeline(name: Text, below: str = "") -> Sub:
    """A pipeline, or what stands below it: `/Stage` or `/Stage/Action`."""
    return arn("codepipeline", f"${{Name}}{below}", Name=name)


def state_machine(name: Text) -> Sub:
    return arn("states", "stateMachine:${Name}", Name=name)


def ecs_cluster(name: Text) -> Sub:
    return arn("ecs", "cluster/${Name}", Name=name)


def ecs_service(cluster: Text, name: Text) -> Sub:
    return arn("ecs", "service/${Cluster}/${Name}", Cluster=cluster, Name=name)


def ecs_task(cluster: Text) -> Sub:
    """Every task of a cluster; a task's own id is random."""
    return arn("ecs", "task/${Cluster}/*", Cluster=cluster)


def ecs_task_definition(family: Text) -> Sub:
    """Every revision of a family: the pipeline registers a new one for each release."""
    return arn("ecs", "task-definition/${Family}:*", Family=family)


def edge_certificates() -> Sub:
    """The certificates where CloudFront looks for them."""
    return Sub("arn:${AWS::Partition}:acm:us-east-1:${AWS::AccountId}:certificate/*")


def beanstalk_application(name: Text) -> Sub:
    return arn("elasticbeanstalk", "application/${Name}", Name=name)


def beanstalk_versions(application: Text) -> Sub:
    """Every version of an application: the pipeline makes a new one for each release."""
    return arn("elasticbeanstalk", "applicationversion/${Application}/*", Application=application)


def beanstalk_environment(application: Text, name: Text) -> Sub:
    return arn("elasticbeanstalk", "environment/${Application}/${Name}", Application=application, Name=name)


def beanstalk_all(application: Text, environment: Text) -> list[Sub]:
    """An application with all that belongs to it, its environment as calls name it that leave the application out, and
    the platforms of AWS. Short, because a policy has so many characters. Source: Service Authorization Reference, AWS
    Elastic Beanstalk, "Resource types"."""
    return [
        beanstalk_application(application),
        arn("elasticbeanstalk", "*/${Name}/*", Name=application),
        beanstalk_environment("*", environment),
        beanstalk_platforms(),
    ]


def beanstalk_bucket() -> Sub:
    """The bucket that Elastic Beanstalk makes for itself, one for each account and region."""
    return Sub("arn:${AWS::Partition}:s3:::elasticbeanstalk-${AWS::Region}-${AWS::AccountId}")


def templates_bucket(application: str, region: str, below: str = "") -> Sub:
    """The bucket with the packaged templates of all environments (`scripts/deployment/package.py`) in a region or in
    `*`; what stands `below` it, with its slash."""
    name = bucket_name(application, "${AWS::AccountId}", region)
    return Sub(f"arn:${{AWS::Partition}}:s3:::{name}{below}")


def beanstalk_buckets() -> Sub:
    """The objects of that bucket and of those in which AWS keeps what Elastic Beanstalk starts environments with."""
    return Sub("arn:${AWS::Partition}:s3:::elasticbeanstalk-*/*")


def beanstalk_logs(environment: Text) -> Sub:
    """The log groups of one environment."""
    return arn("logs", "log-group:/aws/elasticbeanstalk/${Environment}/*", Environment=environment)


def beanstalk_platforms() -> Sub:
    """The platforms of AWS, which are nobody's account's."""
    return Sub("arn:${AWS::Partition}:elasticbeanstalk:${AWS::Region}::platform/*")


def beanstalk_made(service: str, kind: str) -> Sub:
    """What Elastic Beanstalk makes for its environments: it begins the names with `awseb-`. `kind` stands before."""
    return arn(service, f"{kind}awseb-*")


def beanstalk_stacks() -> Sub:
    """The stacks that Elastic Beanstalk keeps its environments' resources in."""
    return arn("cloudformation", "stack/awseb-*/*")


def change_sets(prefix: str, region: str = "${AWS::Region}") -> Sub:
    """The environment's change sets whose names begin with the prefix, by the ARN that IAM judges where one is named by
    its ARN (widdix/complete-aws-iam-reference issue 6; the Service Authorization Reference names the stack alone)."""
    name = f"{prefix}${{{ENVIRONMENT.name}}}-*"
    return Sub(f"arn:${{AWS::Partition}}:cloudformation:{region}:${{AWS::AccountId}}:changeSet/{name}/*")


def dynamodb_table(name: Text) -> Sub:
    return arn("dynamodb", "table/${Name}", Name=name)


def dynamodb_indexes(table_arn: Text) -> Sub:
    return _sub("${TableArn}/index/*", TableArn=table_arn)


def ecr_repository(name: Text) -> Sub:
    return arn("ecr", "repository/${Name}", Name=name)


def secret(prefix: str) -> Sub:
    """Every secret whose name starts with the prefix; Secrets Manager appends six random characters to a name."""
    return arn("secretsmanager", f"secret:{prefix}*")


def ssm_parameter(name: Text, below: str = "") -> Sub:
    """A parameter by its full name, which starts with a slash, or what stands below it: `/KEY` or `/*`."""
    return arn("ssm", f"parameter${{Name}}{below}", Name=name)


def ses_identities() -> Sub:
    return arn("ses", "identity/*")


def log_groups() -> Sub:
    return arn("logs", "log-group:*")
