"""What each thing that we use needs from the role that it runs as: one row a need, each with its source.

A row's `on` is the ARN in the form of the Service Authorization Reference (SAR), `*` where an action knows no
resource. `<Name>` stands for a configuration key of the action or a fact of the resource (`needs_of.py` collects
them), `<--option>` for what a command's option is given. `when` are the context keys that AWS sends and that
our statements ask for; `aws:ResourceAccount` is this account unless a row says so.

An empty entry needs nothing. What has no entry is not known, and `compare` refuses it by its name.

Long because it is one table: a need is one row.
"""

from collections.abc import Mapping

from generator.cfn.role_needs import beanstalk
from generator.cfn.role_needs.row import ARN, FROM_ACCOUNT, PLACE, Row
from generator.cfn.role_needs.row import of as _of
from generator.cfn.role_needs.row import via as _via

OBJECTS, BUCKET, ECS = (f"{ARN}:s3:::<Bucket>/*", f"{ARN}:s3:::<Bucket>", f"{ARN}:ecs:{PLACE}")
REPOSITORY, LOGS = (f"{ARN}:ecr:{PLACE}:repository", f"{ARN}:logs:{PLACE}:log-group:<Group>:*")
REPORTS, PARAMETER = (f"{ARN}:codebuild:{PLACE}:report-group/<Report>", f"{ARN}:ssm:{PLACE}:parameter")
DISTRIBUTION = f"{ARN}:cloudfront::${{AWS::AccountId}}:distribution/<--distribution-id>"
IN_CLUSTER = {"ecs:cluster": f"{ECS}:cluster/<ClusterName>"}

CUSTOM_ROLE = "codepipeline user guide, how-to-custom-role"
BUILD_ROLE = "codebuild user guide, setting-up-service-role"
WRITE_KEY = "Encrypt GenerateDataKey GenerateDataKeyWithoutPlaintext ReEncryptFrom ReEncryptTo"
ECS_ACTION = "codepipeline user guide, action-reference-ECS"
TASKS_ROLE = "ECS developer guide, task_execution_IAM_role"
CLOUDFRONT, DYNAMODB = "SAR, Amazon CloudFront", "SAR, Amazon DynamoDB"
SAR_ECS, SAR_SSM = "SAR, Amazon Elastic Container Service", "SAR, AWS Systems Manager"

# Who assumes a role because of a resource: (resource type, property) -> service, context, source.
TRUST: Mapping[tuple[str, str], tuple[str, Mapping[str, str], str]] = {
    # No context: whether CodePipeline sends aws:SourceAccount is not documented.
    ("AWS::CodePipeline::Pipeline", "RoleArn"): ("codepipeline.amazonaws.com", {}, CUSTOM_ROLE),
    ("AWS::CodeBuild::Project", "ServiceRole"): ("codebuild.amazonaws.com", FROM_ACCOUNT, BUILD_ROLE),
    ("AWS::ECS::TaskDefinition", "ExecutionRoleArn"): ("ecs-tasks.amazonaws.com", FROM_ACCOUNT, TASKS_ROLE),
    ("AWS::ECS::TaskDefinition", "TaskRoleArn"): (
        "ecs-tasks.amazonaws.com",
        FROM_ACCOUNT,
        "ECS developer guide, task-iam-roles",
    ),
    ("AWS::ECS::Service", "LoadBalancers"): ("ecs.amazonaws.com", {}, "ECS developer guide, infrastructure_IAM_role"),
    ("AWS::Events::Rule", "Targets"): (
        "events.amazonaws.com",
        FROM_ACCOUNT,
        "eventbridge user guide, eb-use-identity-based",
    ),
    ("AWS::StepFunctions::StateMachine", "RoleArn"): (
        "states.amazonaws.com",
        FROM_ACCOUNT,
        "step functions developer guide, procedure-create-iam-role",
    ),
    # An instance profile names its roles; the instances that have the profile become them.
    ("AWS::IAM::InstanceProfile", "Roles"): ("ec2.amazonaws.com", {}, "IAM user guide, id_roles_use_switch-role-ec2"),
    **beanstalk.TRUST,
    ("AWS::EC2::FlowLog", "DeliverLogsPermissionArn"): (
        "vpc-flow-logs.amazonaws.com",
        {**FROM_ACCOUNT, "aws:SourceArn": f"{ARN}:ec2:{PLACE}:vpc-flow-log/*"},
        "VPC user guide, flow-logs-iam-role",
    ),
}

# AWS's own policies, whose statements nobody reads here: policy -> type and property of what the role that has it is
# for, and where AWS asks for it.
MANAGED: Mapping[str, tuple[str, str, str]] = {
    **beanstalk.MANAGED,
    f"{ARN}:iam::aws:policy/AmazonECSInfrastructureRolePolicyForLoadBalancers": (
        "AWS::ECS::Service",
        "LoadBalancers",
        "the one policy that AWS documents for shifting traffic (ECS developer guide, alb-resources-for-blue-green)",
    ),
}

ROWS: Mapping[str, tuple[Row, ...]] = {
    **beanstalk.ROWS,
    # The pipeline's artifact store, and its action providers.
    "artifact store": (
        Row(_of("s3", "GetBucketAcl GetBucketLocation GetBucketVersioning"), BUCKET, CUSTOM_ROLE),
        Row(_of("s3", "GetObject GetObjectVersion PutObject"), OBJECTS, CUSTOM_ROLE),
    ),
    # DescribeKey without S3 in between: AWS's pages and CDK give it without a condition on the service.
    "artifact store with a key": (
        *_via("s3", f"Decrypt {WRITE_KEY}", CUSTOM_ROLE),
        Row(_of("kms", "DescribeKey"), "<Key>", f"{CUSTOM_ROLE}; CDK, aws-codepipeline/lib/pipeline.ts"),
    ),
    "action CodeCommit": (
        Row(
            _of("codecommit", "CancelUploadArchive GetBranch GetCommit GetUploadArchiveStatus UploadArchive"),
            f"{ARN}:codecommit:{PLACE}:<RepositoryName>",
            "codepipeline user guide, action-reference-CodeCommit",
        ),
    ),
    "action CodeStarSourceConnection": tuple(
        Row(
            _of(prefix, "UseConnection"),
            "<ConnectionArn>",
            "codepipeline user guide, action-reference-CodestarConnectionSource; the prefix follows the ARN's: SAR, AWS"
            " CodeConnections, AWS CodeStar Connections",
            {f"{prefix}:FullRepositoryId": "<FullRepositoryId>"},
        )
        for prefix in ("codeconnections", "codestar-connections")
    ),
    "action CodeBuild": (
        Row(
            _of("codebuild", "BatchGetBuilds StartBuild StopBuild"),
            f"{ARN}:codebuild:{PLACE}:project/<ProjectName>",
            "codepipeline user guide, action-reference-CodeBuild; StopBuild: CDK, codebuild/build-action.ts",
        ),
    ),
    "action ECS": (
        Row(_of("ecs", "DescribeServices UpdateService"), f"{ECS}:service/<ClusterName>/<ServiceName>", ECS_ACTION),
        Row(_of("ecs", "DescribeTaskDefinition"), "*", f"{ECS_ACTION}; {SAR_ECS}"),
        Row(_of("ecs", "RegisterTaskDefinition"), f"{ECS}:task-definition/<Family>:*", ECS_ACTION),
        Row(
            _of("ecs", "TagResource"),
            f"{ECS}:task-definition/<Family>:*",
            ECS_ACTION,
            {"ecs:CreateAction": "RegisterTaskDefinition"},
        ),
        Row(_of("ecs", "DescribeTasks"), f"{ECS}:task/<ClusterName>/*", "CDK, ecs/deploy-action.ts", IN_CLUSTER),
        Row(_of("ecs", "ListTasks"), "*", f"CDK, ecs/deploy-action.ts; {SAR_ECS}", IN_CLUSTER),
    ),
    "role of a task": (
        Row(_of("iam", "PassRole"), "<Role>", ECS_ACTION, {"iam:PassedToService": "ecs-tasks.amazonaws.com"}),
    ),
    "action S3": (
        Row(
            _of("s3", "GetBucketAcl GetBucketLocation GetBucketVersioning"),
            f"{ARN}:s3:::<BucketName>",
            "codepipeline user guide, action-reference-S3Deploy",
        ),
        Row(_of("s3", "PutObject"), f"{ARN}:s3:::<BucketName>/*", "codepipeline user guide, action-reference-S3Deploy"),
    ),
    "action Manual": (),
    "rule VariableCheck": (),  # CodePipeline looks at variables of its own
    "approval with a topic": (
        Row(_of("sns", "Publish"), "<NotificationArn>", "codepipeline user guide, approvals-iam-permissions"),
    ),
    "approval with an encrypted topic": _via(
        "sns", "Decrypt GenerateDataKey", "sns developer guide, sns-key-management"
    ),
    # What CodeBuild does by itself.
    "build log": (Row(_of("logs", "CreateLogStream PutLogEvents"), LOGS, BUILD_ROLE),),
    "build input": (
        Row(_of("s3", "GetBucketAcl GetBucketLocation"), BUCKET, BUILD_ROLE),
        Row(_of("s3", "GetObject GetObjectVersion"), OBJECTS, BUILD_ROLE),
    ),
    "build output": (
        Row(
            _of("s3", "PutObject"),
            f"{ARN}:s3:::<Bucket>/*/<Artifact>*",
            f"{BUILD_ROLE}; only with outputs: CDK, codebuild/build-action.ts; the key: generator/core/names.py",
        ),
    ),
    # Reading alone would need less, but AWS documents one set for the project's key.
    "build with a key": (
        *_via("s3", f"Decrypt {WRITE_KEY}", f"{BUILD_ROLE}; CDK, codebuild/project.ts"),
        Row(_of("kms", "DescribeKey"), "<Key>", "codebuild user guide, setting-up-kms"),
    ),
    "build cache": (
        Row(_of("s3", "GetObject PutObject"), f"{ARN}:s3:::<Cache>/*", BUILD_ROLE),
        # Fallback keys are a search by prefix; without a list S3 answers a missing key with 403 (S3 API reference,
        # GetObject, permissions).
        Row(
            _of("s3", "ListBucket"),
            f"{ARN}:s3:::<CacheBucket>",
            "codebuild user guide, build-spec-ref, cache/fallback-keys",
            {"s3:prefix": "<CachePath>*"},
        ),
    ),
    "build report JUNITXML": (
        Row(
            _of("codebuild", "BatchPutTestCases CreateReport CreateReportGroup UpdateReport"),
            REPORTS,
            "codebuild user guide, test-permissions",
        ),
    ),
    "build report COBERTURAXML": (
        Row(
            _of("codebuild", "BatchPutCodeCoverages CreateReport CreateReportGroup UpdateReport"),
            REPORTS,
            "codebuild user guide, test-permissions",
        ),
    ),
    # The commands in buildspecs.
    "aws cloudfront create-invalidation": (Row(_of("cloudfront", "CreateInvalidation"), DISTRIBUTION, CLOUDFRONT),),
    "aws cloudfront wait invalidation-completed": (
        Row(_of("cloudfront", "GetInvalidation"), DISTRIBUTION, f"botocore, cloudfront waiters; {CLOUDFRONT}"),
    ),
    "aws codebuild batch-get-projects": (
        Row(_of("codebuild", "BatchGetProjects"), f"{ARN}:codebuild:{PLACE}:project/<--names>", "SAR, AWS CodeBuild"),
    ),
    "aws codecommit get-commit": (
        Row(_of("codecommit", "GetCommit"), f"{ARN}:codecommit:{PLACE}:<--repository-name>", "SAR, AWS CodeCommit"),
    ),
    "aws dynamodb describe-table": (
        Row(_of("dynamodb", "DescribeTable"), f"{ARN}:dynamodb:{PLACE}:table/<--table-name>", DYNAMODB),
    ),
    "aws ecr batch-get-image": (
        Row(_of("ecr", "BatchGetImage"), f"{REPOSITORY}/<--repository-name>", "SAR, Amazon Elastic Container Registry"),
    ),
    "aws ecr describe-image-scan-findings": (
        Row(
            _of("ecr", "DescribeImageScanFindings"),
            f"{REPOSITORY}/<--repository-name>",
            "SAR, Amazon Elastic Container Registry",
        ),
        Row(_of("inspector2", "ListCoverage ListFindings"), "*", "ECR user guide, image-scanning-enhanced-iam"),
    ),
    "aws ecr describe-image-signing-status": (
        Row(
            _of("ecr", "DescribeImageSigningStatus"),
            f"{REPOSITORY}/<--repository-name>",
            "SAR, Amazon Elastic Container Registry",
        ),
    ),
    "push that is signed": (Row(_of("signer", "SignPayload"), "<Profile>", "ECR user guide, managed-signing"),),
    "aws ecr put-image": (
        Row(_of("ecr", "PutImage"), f"{REPOSITORY}/<--repository-name>", "ECR user guide, image-retag"),
    ),
    "aws ecr get-login-password": (Row(_of("ecr", "GetAuthorizationToken"), "*", "ECR user guide, image-push-iam"),),
    "aws ecs describe-services": (
        Row(_of("ecs", "DescribeServices"), f"{ECS}:service/<--cluster>/<--services>", SAR_ECS),
    ),
    "aws ecs describe-task-definition": (Row(_of("ecs", "DescribeTaskDefinition"), "*", SAR_ECS),),
    "aws ecs describe-tasks": (Row(_of("ecs", "DescribeTasks"), f"{ECS}:task/<--cluster>/*", SAR_ECS),),
    "aws ecs list-tasks": (Row(_of("ecs", "ListTasks"), "*", SAR_ECS, {"ecs:cluster": f"{ECS}:cluster/<--cluster>"}),),
    "aws ecs register-task-definition": (
        Row(_of("ecs", "RegisterTaskDefinition"), f"{ECS}:task-definition/<--family>:*", SAR_ECS),
        Row(
            _of("ecs", "TagResource"),
            f"{ECS}:task-definition/<--family>:*",
            SAR_ECS,
            {"ecs:CreateAction": "RegisterTaskDefinition"},
        ),
        *(
            Row(_of("iam", "PassRole"), role, SAR_ECS, {"iam:PassedToService": "ecs-tasks.amazonaws.com"})
            for role in ("<--task-role-arn>", "<--execution-role-arn>")
        ),
    ),
    "aws ecs update-service": (Row(_of("ecs", "UpdateService"), f"{ECS}:service/<--cluster>/<--service>", SAR_ECS),),
    "aws ecs wait services-stable": (
        Row(
            _of("ecs", "DescribeServices"),
            f"{ECS}:service/<--cluster>/<--services>",
            f"botocore, ecs waiters; {SAR_ECS}",
        ),
    ),
    "aws s3api list-objects-v2": (
        Row(_of("s3", "ListBucket"), f"{ARN}:s3:::<--bucket>", "SAR, Amazon S3", {"s3:prefix": "<--prefix>"}),
    ),
    "aws s3api put-object": (Row(_of("s3", "PutObject"), f"{ARN}:s3:::<--bucket>/<--key>", "SAR, Amazon S3"),),
    "aws s3api get-object": (Row(_of("s3", "GetObject"), f"{ARN}:s3:::<--bucket>/<--key>", "SAR, Amazon S3"),),
    "aws ssm get-parameters": (Row(_of("ssm", "GetParameters"), f"{PARAMETER}*", SAR_SSM),),
    "aws ssm put-parameter": (Row(_of("ssm", "PutParameter"), f"{PARAMETER}<--name>", SAR_SSM),),
    "docker build": (),  # the base image comes from a public registry
    "docker load": (),
    "docker login": (),
    "docker save": (),
    "docker tag": (),
    "docker push": (
        Row(
            _of(
                "ecr",
                "BatchCheckLayerAvailability BatchGetImage CompleteLayerUpload InitiateLayerUpload PutImage"
                " UploadLayerPart",
            ),
            f"{REPOSITORY}/*",
            "ECR user guide, image-push-iam",
        ),
    ),
    # What ECS does to start a task.
    "task image": (
        Row(_of("ecr", "GetAuthorizationToken"), "*", TASKS_ROLE),
        Row(
            _of("ecr", "BatchCheckLayerAvailability BatchGetImage GetDownloadUrlForLayer"),
            f"{REPOSITORY}/*",
            TASKS_ROLE,
        ),
    ),
    "task log awslogs": (Row(_of("logs", "CreateLogStream PutLogEvents"), LOGS, TASKS_ROLE),),
    "task parameter": (
        Row(_of("ssm", "GetParameters"), "<ValueFrom>", "ECS developer guide, secrets-envvar-ssm-paramstore"),
    ),
    "task secret": (
        Row(
            _of("secretsmanager", "GetSecretValue"),
            "<ValueFrom>",
            "ECS developer guide, secrets-envvar-secrets-manager",
        ),
    ),
    "task secret with a key": _via("secretsmanager", "Decrypt", "ECS developer guide, secrets-envvar-secrets-manager"),
    # The rest: EventBridge targets, flow logs.
    "target codepipeline": (
        Row(
            _of("codepipeline", "StartPipelineExecution"),
            "<Arn>",
            "codepipeline user guide, triggering (source changes)",
        ),
    ),
    "target sns": (
        Row(_of("sns", "Publish"), "<Arn>", "AWS, What's New, amazon-eventbridge-iam-execution-role-all-targets"),
    ),
    "target sns with a key": _via("sns", "Decrypt GenerateDataKey", "sns developer guide, sns-key-management"),
    "target states": (Row(_of("states", "StartExecution"), "<Arn>", "eventbridge user guide, eb-use-identity-based"),),
    # The calls of a state machine.
    **{
        f"state aws-sdk:codepipeline:{action[0].lower()}{action[1:]}": (
            Row(_of("codepipeline", action), f"{ARN}:codepipeline:{PLACE}:<PipelineName>", "SAR, AWS CodePipeline"),
        )
        for action in ("GetPipelineExecution", "ListActionExecutions", "StopPipelineExecution")
    },
    "state states:startExecution": (
        Row(
            _of("states", "StartExecution"),
            f"{ARN}:states:{PLACE}:stateMachine:<StateMachineName>",
            "step functions developer guide, stepfunctions-iam",
        ),
    ),
    "state sns:publish": (Row(_of("sns", "Publish"), "<TopicArn>", "step functions developer guide, sns-iam"),),
    "state sns:publish with a key": _via("sns", "Decrypt GenerateDataKey", "sns developer guide, sns-key-management"),
    "flow log": (
        Row(
            _of("logs", "CreateLogStream DescribeLogStreams PutLogEvents"),
            LOGS,
            "VPC user guide, flow-logs-iam-role; without CreateLogGroup and DescribeLogGroups, because the group is"
            " ours: CDK, vpc-flow-logs.ts",
        ),
    ),
}
