"""For each project rule the faults that it must find in our own rendered templates.

One table, and longer than other files for it: a rule without an entry fails a test.

Long because it is one table: an entry is a fault.
"""

from generator.gate.rules import storage as storage_rules
from tests.support.mutating import (
    PIPELINE,
    ROLE,
    SERVICE,
    STATEMENT,
    TASK,
    Mutation,
    action,
    alike,
    attribute,
    base_digests,
    build_may,
    build_variable,
    buildspec_line,
    child_parameter,
    clear_text_allowed,
    drop,
    grant,
    in_question,
    metadata,
    no_flow_log,
    not_allowed,
    not_given,
    not_granted,
    not_passed,
    not_run,
    not_taken,
    only_tagged,
    option,
    policy,
    put,
    renamed_container,
    resource,
    section,
    skipped_by,
    trust,
    unchecked,
    without_one_output,
)

BUCKET, TABLE, REGISTRY, PROJECT = (
    "AWS::S3::Bucket",
    "AWS::DynamoDB::Table",
    "AWS::ECR::Repository",
    "AWS::CodeBuild::Project",
)
SECRET, GROUP, TOPIC = ("AWS::SecretsManager::Secret", "AWS::Logs::LogGroup", "AWS::SNS::Topic")
VPC = "AWS::EC2::VPC"
BALANCER, SUBNET = "AWS::ElasticLoadBalancingV2::LoadBalancer", "AWS::EC2::Subnet"
DISTRIBUTION, CONFIGURATION = "AWS::CloudFront::Distribution", "DistributionConfig"
HEADERS, CSP = "AWS::CloudFront::ResponseHeadersPolicy", "ContentSecurityPolicy"
PAGE, SECURITY = (("DefaultCacheBehavior", "Fn::If", 1), ("ResponseHeadersPolicyConfig", "SecurityHeadersConfig"))
PUBLIC_ORIGIN = (CONFIGURATION, "Origins", 1, "Fn::If", 2, "Fn::If", 1)
HEADER = ("Resources", "ProductionRule", "Properties", "Conditions", 1, "Fn::If", 1, "HttpHeaderConfig", "Values")

ANYWHERE = {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}
CONDITION = {"Fn::Equals": [{"Ref": "Environment"}, "mutant"]}
AWS_POLICY = {"Fn::Sub": "arn:${AWS::Partition}:iam::aws:policy/AdministratorAccess"}
ENVIRONMENT = [{"Name": "DB_PASSWORD", "Type": "PLAINTEXT", "Value": {"Ref": "Environment"}}]
NOTHING = {"Ref": "AWS::NoValue"}
DEPLOYMENTS, LISTENER_RULE = ("DeploymentConfiguration", "AWS::ElasticLoadBalancingV2::ListenerRule")
FORWARDED = ("Actions", 0, "ForwardConfig", "TargetGroups")
SHIFTED = ("LoadBalancers", 0, "AdvancedConfiguration", "Fn::If", 1)
BEANSTALK = "AWS::ElasticBeanstalk::Environment"
MANY_INPUTS = ("Stages", 3, "Fn::If", 1, "Fn::If", 1, "Actions", 1, "Configuration")
LOST = {"Fn::GetAtt": ["Signing", "Outputs.Lost"]}
OPEN = [{"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80}]

# By rule; with a text where the message must tell which of several faults it is.
MUTATIONS: dict[str, list[Mutation | tuple[Mutation, str]]] = {
    "IAM001": [
        grant(Action=["s3:*"]),
        grant(Action="*"),
        grant(Action=["s3:Get*"]),
        grant(Action=None, NotAction=["iam:*"]),
        policy("AWS::KMS::Key", Action=["kms:*"]),
    ],
    "IAM002": [
        grant(Resource="*"),
        grant(Resource=["arn:aws:s3:::bucket/key", "*"]),
        grant(Resource=[{"Fn::Sub": "arn:${AWS::Partition}:s3:::*"}]),
        grant(Resource=None, NotResource=["arn:aws:s3:::bucket/key"]),
        grant(Resource=["arn:aws:s3:::bucket/key"], wildcards=True),
    ],
    "IAM003": [
        grant(Action=["iam:PassRole"], Resource=[{"Ref": "TaskRoleArn"}]),
        grant(Action=["iam:PassRole"], Resource="*", Condition=ANYWHERE, wildcards=True),
        grant(Action=["iam:PassRole"], Resource=["arn:aws:iam::1:role/*"], Condition=ANYWHERE),
    ],
    "IAM004": [
        (grant(Sid=None), "a statement in Job has no Sid"),
        (grant(Sid="Another"), "statement Another has no entry in Metadata.Reasons"),
        (grant(STATEMENT, STATEMENT), "two statements are called Mutant"),
        (grant(Sid="Another"), "Metadata.Reasons has Mutant, and there is no such statement"),
    ],
    "IAM005": [
        trust(Principal="*"),
        trust(Principal={"AWS": "*"}),
        trust(Principal={"AWS": "123456789012"}),
        trust(Principal={"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::123456789012:root"}}),
        trust(Principal=None, NotPrincipal={"AWS": "123456789012"}),
    ],
    "IAM006": [trust(Condition={}), trust(Condition={"StringEquals": {"aws:RequestedRegion": "us-east-1"}})],
    "IAM007": [policy("AWS::SNS::TopicPolicy", Condition={}), policy("AWS::KMS::Key", Condition={})],
    "IAM008": [
        policy("AWS::SNS::TopicPolicy", Principal="*"),
        policy("AWS::KMS::Key", Principal={"AWS": "*"}),
        policy("AWS::SNS::TopicPolicy", Principal=None, NotPrincipal={"AWS": "123456789012"}),
    ],
    "IAM009": [
        put(ROLE, "RoleName", value={"Fn::Sub": "role-${Environment}"}),
        resource("AWS::IAM::ManagedPolicy", ManagedPolicyName="policy"),
    ],
    "IAM010": [
        put(ROLE, "ManagedPolicyArns", value=[AWS_POLICY]),
        put(ROLE, "ManagedPolicyArns", value={"Fn::If": ["Running", [AWS_POLICY], NOTHING]}),
    ],
    "IAM011": [
        drop(ROLE, "PermissionsBoundary"),
        put(ROLE, "PermissionsBoundary", value=AWS_POLICY),
        put(ROLE, "PermissionsBoundary", value={"Fn::If": ["Running", {"Ref": "PermissionsBoundaryArn"}, NOTHING]}),
    ],
    "IAM012": [grant(Action=["iam:CreateRole"])],
    "STO001": [
        drop(BUCKET, "PublicAccessBlockConfiguration"),
        put(BUCKET, "PublicAccessBlockConfiguration", "RestrictPublicBuckets", value=False),
        put(BUCKET, "PublicAccessBlockConfiguration", "BlockPublicAcls", value={"Ref": "Environment"}),
    ],
    "STO002": [drop(BUCKET, "BucketEncryption")],
    "STO003": [
        drop(BUCKET, "OwnershipControls"),
        put(BUCKET, "OwnershipControls", "Rules", 0, "ObjectOwnership", value="ObjectWriter"),
    ],
    "STO004": [
        clear_text_allowed(Effect="Allow"),
        clear_text_allowed(Condition={}),
        clear_text_allowed(Condition={"Bool": {"aws:SecureTransport": True}}),
        clear_text_allowed(Resource=[{"Fn::GetAtt": ["Artifacts", "Arn"]}]),
        clear_text_allowed(Principal={"AWS": "123456789012"}),
        clear_text_allowed(Action=["s3:GetObject"]),
        section("storage", "Resources", "ArtifactsPolicy", "Properties", "Bucket", value="another", at="Artifacts"),
    ],
    "STO005": [
        drop(BUCKET, "VersioningConfiguration"),
        put(BUCKET, "VersioningConfiguration", "Status", value="Suspended"),
    ],
    "STO006": [drop("AWS::KMS::Key", "EnableKeyRotation"), put("AWS::KMS::Key", "EnableKeyRotation", value=False)],
    "STO007": [
        *(drop(kind, *place) for kind, place in storage_rules.KEYS.items() if kind != "AWS::SQS::Queue"),
        put(TOPIC, "KmsMasterKeyId", value="alias/aws/sns"),
        resource("AWS::SQS::Queue"),
        put(GROUP, "KmsKeyId", value={"Fn::If": ["Bootstrap", {"Ref": "KeyArn"}, NOTHING]}),
    ],
    "STO008": [
        put(TABLE, "SSESpecification", "SSEEnabled", value=False),
        put(TABLE, "SSESpecification", "SSEType", value="AES256"),
        drop(TABLE, "PointInTimeRecoverySpecification"),
    ],
    "STO009": [
        put(REGISTRY, "ImageTagMutability", value="MUTABLE"),
        drop(REGISTRY, "ImageScanningConfiguration"),
        put(REGISTRY, "EncryptionConfiguration", "EncryptionType", value="AES256"),
    ],
    "STO010": [drop(GROUP, "RetentionInDays")],
    "STO011": [
        *(attribute(kind, "DeletionPolicy", "Delete") for kind in sorted(storage_rules.HOLDS_DATA)),
        attribute(BUCKET, "UpdateReplacePolicy", None),
    ],
    "NET001": [
        put(SERVICE, "NetworkConfiguration", "AwsvpcConfiguration", "AssignPublicIp", value="ENABLED"),
        drop(SERVICE, "NetworkConfiguration"),
    ],
    "NET002": [put(SUBNET, "MapPublicIpOnLaunch", value=True)],
    "NET003": [
        put("AWS::EC2::SecurityGroup", "SecurityGroupIngress", value=[{**OPEN[0], "CidrIp": "0.0.0.0/0"}]),
        put("AWS::EC2::SecurityGroupIngress", "CidrIpv6", value="::/0"),
        put("AWS::EC2::SecurityGroupIngress", "IpProtocol", value="-1"),
    ],
    "NET004": [
        drop(BALANCER, "Scheme"),
        put(BALANCER, "Scheme", value="internet-facing"),
        section("ingress", "Resources", "Listener", "Properties", "Protocol", value="HTTP", at="LoadBalancer"),
        section("ingress", "Resources", "Listener", "Properties", "Certificates", value=[], at="LoadBalancer"),
        section("ingress", "Resources", "ProductionRule", "Properties", "Conditions", value=[], at="LoadBalancer"),
        section("ingress", *HEADER, value=[], at="LoadBalancer"),
        section("ingress", *HEADER, value=["hunter2"], at="LoadBalancer"),
    ],
    "NET005": [put(BALANCER, "LoadBalancerAttributes", value=[]), drop(BALANCER, "LoadBalancerAttributes")],
    "NET006": [
        put(
            DISTRIBUTION, CONFIGURATION, "DefaultCacheBehavior", "Fn::If", 1, "ViewerProtocolPolicy", value="allow-all"
        ),
        put(
            DISTRIBUTION,
            CONFIGURATION,
            "CacheBehaviors",
            "Fn::If",
            1,
            "Fn::If",
            1,
            0,
            "ViewerProtocolPolicy",
            value="allow-all",
        ),
    ],
    "NET007": [
        put(DISTRIBUTION, CONFIGURATION, "ViewerCertificate", "Fn::If", 1, "MinimumProtocolVersion", value="TLSv1"),
        drop(DISTRIBUTION, CONFIGURATION, "ViewerCertificate", "Fn::If", 1, "MinimumProtocolVersion"),
    ],
    "NET008": [
        put(BUCKET, "WebsiteConfiguration", value={"IndexDocument": "index.html"}),
        resource("AWS::CloudFront::CloudFrontOriginAccessIdentity"),
        drop(DISTRIBUTION, CONFIGURATION, "Origins", 0, "Fn::If", 1, "OriginAccessControlId"),
        put(
            DISTRIBUTION,
            CONFIGURATION,
            "Origins",
            0,
            "Fn::If",
            1,
            "S3OriginConfig",
            value={"OriginAccessIdentity": "x"},
        ),
        put(DISTRIBUTION, *PUBLIC_ORIGIN, "CustomOriginConfig", "OriginProtocolPolicy", value="match-viewer"),
        put(DISTRIBUTION, *PUBLIC_ORIGIN, "OriginCustomHeaders", value=[]),
        put(DISTRIBUTION, *PUBLIC_ORIGIN, "OriginCustomHeaders", 0, "HeaderValue", value="hunter2"),
    ],
    "NET009": [no_flow_log],
    "NET010": [
        (drop(DISTRIBUTION, CONFIGURATION, *PAGE, "ResponseHeadersPolicyId"), "answers the default behaviour without"),
        put(DISTRIBUTION, CONFIGURATION, *PAGE, "ResponseHeadersPolicyId", value={"Ref": "Mutant"}),
        (drop(HEADERS, *SECURITY, "StrictTransportSecurity"), "has no StrictTransportSecurity"),
        (drop(HEADERS, *SECURITY, *[CSP] * 2), "lets scripts come from *"),
        (put(HEADERS, *SECURITY, *[CSP] * 2, value="default-src https:"), "lets scripts come from https:"),
        (
            put(HEADERS, *SECURITY, *[CSP] * 2, value="script-src 'self' 'unsafe-inline'"),
            "lets scripts come from 'unsafe-inline'",
        ),
    ],
    "SEC001": [
        put(
            TASK,
            "ContainerDefinitions",
            0,
            "Environment",
            0,
            value={"Name": "JWT_SECRET_KEY", "Value": {"Ref": "Environment"}},
        ),
        put(TASK, "ContainerDefinitions", 0, "Environment", 0, "Value", value="AKIA" + "ABCDEFGHIJKLMNOP"),
        put(PROJECT, "Environment", "EnvironmentVariables", value=ENVIRONMENT),
        put(PROJECT, "Environment", "EnvironmentVariables", value=[{"Fn::If": ["Backend", *ENVIRONMENT, NOTHING]}]),
        put("AWS::SSM::Parameter", "Name", value={"Fn::Sub": "${ConfigurationPrefix}/API_TOKEN"}),
        resource("AWS::Lambda::Function", Environment={"Variables": {"PASSWORD": "x"}}),
        resource("AWS::ElasticBeanstalk::Environment", OptionSettings=[{"OptionName": "PASSWORD", "Value": "x"}]),
    ],
    "SEC002": [
        put(TOPIC, "DisplayName", value="AKIA" + "ABCDEFGHIJKLMNOP"),
        metadata(TOPIC, "Description", "-----BEGIN RSA PRIVATE " + "KEY-----"),
    ],
    "SEC003": [
        child_parameter("Mutant", {"Type": "String", "Description": "x", "NoEcho": True}),
        child_parameter("DatabasePassword", {"Type": "String", "Description": "x", "Default": "hunter2"}),
    ],
    "SEC004": [
        resource("AWS::IAM::AccessKey", UserName="x"),
        resource("AWS::IAM::User"),
        put(TASK, "ContainerDefinitions", 0, "Secrets", 0, "Name", value="YOUR_AWS_ACCESS_KEY_ID"),
        put(PROJECT, "Environment", "EnvironmentVariables", 0, "Name", value="AWS_SECRET_ACCESS_KEY"),
    ],
    "SEC005": [put(SECRET, "SecretString", value="hunter2"), put(SECRET, "SecretString", value={"Ref": "Environment"})],
    "NAM001": [
        put(TOPIC, "TopicName", value="alarms"),
        put(TOPIC, "TopicName", value={"Fn::Sub": "alarms-${AWS::Region}"}),
        put(PIPELINE, "Name", value={"Fn::If": ["Approval", {"Ref": "PipelineName"}, "pipeline"]}),
        put("AWS::CloudFront::Function", "Name", value={"Fn::Sub": "pages-${Environment}"}),
        put("AWS::Budgets::Budget", "Budget", "BudgetName", value="budget"),
        # Once per account, and called alike in every Region.
        put(
            "AWS::CloudFront::OriginAccessControl",
            "OriginAccessControlConfig",
            "Name",
            value={"Fn::Sub": "x-${Environment}"},
        ),
        put(
            "AWS::CloudFront::ResponseHeadersPolicy",
            "ResponseHeadersPolicyConfig",
            "Name",
            value={"Fn::Sub": "x-${Environment}"},
        ),
        put("AWS::CloudFront::VpcOrigin", "VpcOriginEndpointConfig", "Name", value={"Fn::Sub": "x-${Environment}"}),
    ],
    "NAM002": [
        put(BUCKET, "BucketName", value={"Fn::Sub": "bucket-${Environment}"}),
        put(GROUP, "LogGroupName", value={"Ref": "Environment"}),
        put(TABLE, "TableName", value={"Fn::Sub": "clients-${Environment}"}),
    ],
    "NAM003": [
        put(TOPIC, "Tags", 0, "Value", value={"Ref": "TopicName"}),
        put(TOPIC, "Tags", 0, "Value", value="0f1e2d3c4b5a69788796a5b4c3d2e1f001234567"),
        put("AWS::SSM::Parameter", "Tags", "Application", value="1.2.3"),
    ],
    "NAM004": [put(TOPIC, "Tags", 0, "Key", value="Mutant"), drop("AWS::SSM::Parameter", "Tags", "Component")],
    "NAM005": [alike("AWS::CloudWatch::Alarm", "AlarmName")],
    "RUN001": [
        put(SERVICE, DEPLOYMENTS, "Alarms", "Rollback", value=False),
        put(SERVICE, DEPLOYMENTS, "DeploymentCircuitBreaker", value={"Enable": True, "Rollback": False}),
        put(SERVICE, DEPLOYMENTS, "DeploymentCircuitBreaker", value={"Enable": True, "Rollback": True}),
        drop(SERVICE, DEPLOYMENTS, "BakeTimeInMinutes"),
    ],
    "RUN002": [
        put(LISTENER_RULE, *FORWARDED, 1, "Weight", value=1),
        put(LISTENER_RULE, *FORWARDED, 1, "TargetGroupArn", value={"Ref": "FirstTargets"}),
        put(SERVICE, *SHIFTED, "ProductionListenerRule", value={"Ref": "TargetGroupArn"}),
        drop(SERVICE, *SHIFTED, "RoleArn"),
    ],
    "RUN003": [
        option("LoadBalancerType", "classic"),
        option("LoadBalancerIsShared", None),
        option("SharedLoadBalancer", ""),
        option("DeploymentPolicy", "AllAtOnce"),
        option("DisableIMDSv1", "false"),
        put(BEANSTALK, "VersionLabel", value="1"),
    ],
    "MON001": [section("edge", "Metadata", "Region", value="eu-west-1", at="CloudFrontErrors")],
    "MON002": [
        drop("AWS::CloudWatch::Alarm", "AlarmActions"),
        put("AWS::CloudWatch::Alarm", "OKActions", value=[]),
        put("AWS::CloudWatch::Alarm", "AlarmActions", value={"Fn::If": ["Backend", [NOTHING], NOTHING]}),
    ],
    "STR001": [
        metadata(TOPIC, "Description", " "),
        metadata(TOPIC, "Requirements", []),
        metadata(TOPIC, "Requirements", ["PIP-8", "pip-8"]),
    ],
    "STR002": [
        section("storage", "Metadata", value={}),
        section("storage", "Metadata", "Generator", "Module", value="x"),
    ],
    "STR003": [
        child_parameter("Mutant", {"Type": "String"}),
        section("environment", "Parameters", "Mutant", value={"Type": "String", "Description": "x"}, at="Mutant"),
        (
            section(
                "environment",
                "Parameters",
                "Mutant",
                value={"Type": "String", "Description": "x", "AllowedPattern": "a+"},
                at="Mutant",
            ),
            "has a pattern and does not say in words what it takes",
        ),
    ],
    "STR004": [
        child_parameter("Mutant", {"Type": "String", "Description": "x", "AllowedPattern": ".+"}),
        child_parameter("Mutant", {"Type": "AWS::SSM::Parameter::Value<String>", "Description": "x"}),
        child_parameter("Mutant", {"Type": "Number", "Description": "x"}),
    ],
    "STR005": [
        section("storage", "Transform", value="AWS::LanguageExtensions"),
        section("storage", "Resources", "Fn::ForEach::Buckets", value={"Type": "x"}, at="Fn::ForEach::Buckets"),
        put(TOPIC, "DisplayName", value={"Fn::Transform": {"Name": "x"}}),
    ],
    "STR006": [
        drop(PIPELINE, "PipelineType"),
        put(PIPELINE, "PipelineType", value="V1"),
        action("CodeCommit", Configuration={"PollForSourceChanges": False}),
        action("CodeCommit", Configuration={"PollForSourceChanges": "true"}),
        action("S3", Configuration={"Extract": True}),
        *(
            (put(PIPELINE, *MANY_INPUTS, "PrimarySource", value=value), "does not say in which of its inputs")
            for value in (None, "Mutant")
        ),
    ],
    "STR007": [
        section("storage", "Conditions", value={f"Mutant{number}": CONDITION for number in range(5)}),
        section("pipeline", "Conditions", value={f"Mutant{number}": CONDITION for number in range(9)}),
    ],
    "STR008": [
        section("storage", "Metadata", "cfn-lint", value={"config": {"ignore_checks": ["E3012"]}}),
        metadata(BUCKET, "checkov", {"skip": []}),
    ],
    "STR009": [
        section("storage", "Outputs", "Mutant", value={"Value": "x", "Export": {"Name": "x"}}, at="Mutant"),
        put(TOPIC, "DisplayName", value={"Fn::ImportValue": "x"}),
    ],
    "STR010": [
        put(VPC, "CidrBlock", value={"Fn::Select": [0, {"Fn::Split": [",", {"Ref": "VpcCidr"}]}]}),
        put(VPC, "CidrBlock", value={"Fn::Select": [0, {"Ref": "VpcCidr"}]}),
    ],
    # What only a real account refuses: rights that no handler names.
    "ACC001": [
        (not_allowed("DeployingDelivery", "s3:PutBucketAcl"), "may not s3:PutBucketAcl"),
        (not_allowed("DeployingDelivery", "cloudfront:CreateFunction"), "may not cloudfront:CreateFunction on *"),
        (not_allowed("DeployingBalancing", "iam:CreateServiceLinkedRole"), "may not iam:CreateServiceLinkedRole"),
        (
            not_allowed("DeployingIdentity", "cloudformation:ExecuteChangeSet"),
            "may not cloudformation:ExecuteChangeSet",
        ),
        (not_allowed("DeployingConfiguration", "kms:GenerateDataKey"), "may not kms:GenerateDataKey"),
        (not_allowed("ExecutionRole", "autoscaling:AttachInstances"), "may not autoscaling:AttachInstances"),
        (not_allowed("ExecutionRole", "s3:GetObject"), "may not s3:GetObject on arn:${AWS::Partition}:s3:::elastic"),
    ],
    "ACC002": [
        (only_tagged("DeployingStorage", sid), f"statement {sid} asks for a tag")
        for sid in ("DynamoDBTableGrant", "DynamoDBTableKey", "ECRRepositorySeeKey", "KMSAliasNew", "KMSKeyNew")
    ],
    "ACC003": [put(ROLE, "ManagedPolicyArns", value=[AWS_POLICY] * 10)],
    "ACC004": [put(SUBNET, "AvailabilityZone", value={"Fn::Select": [0, {"Fn::GetAZs": ""}]})],
    "ACC005": [
        (in_question("#{Source.CommitMessage}"), "puts CommitMessage, whose length nobody limits"),
        (in_question("#{Plan.TITLE}" * 9), "has a configuration value of up to"),
    ],
    "ACC006": [section("environment", "Parameters", "Environment", "AllowedPattern", value="[a-z][a-z0-9-]{1,15}")],
    "CON001": [
        not_passed,
        not_taken,
        not_given,
        section("shared", "Outputs", "SigningProfileArn", "Value", value=LOST, at="SigningProfileArn"),
    ],
    "CON002": [action("ECS", InputArtifacts=[{"Name": "Mutant"}])],
    "CON003": [
        action("CodeBuild", Configuration={"EnvironmentVariables": "#{Mutant.X}"}),
        action("CodeBuild", Configuration={"EnvironmentVariables": "#{Source.Mutant}"}),
        action("Manual", Configuration={"CustomData": "#{BackendBuild.MUTANT}"}),
    ],
    "CON004": [without_one_output, action("CodeBuild", Configuration={"ProjectName": "mutant"})],
    "CON005": [renamed_container],
    "CON006": [
        grant(Action=["sqs:SendMessage"]),
        not_granted,
        not_run,
        action("S3", ActionTypeId={"Category": "Deploy", "Owner": "AWS", "Provider": "Mutant", "Version": "1"}),
    ],
    "CON007": [
        buildspec_line("$LINT_COLUMNS", "$LINT_COLUMN"),
        build_variable("CONTAINER_NAME", "CONTAINER", "Push"),
        build_variable("SITE_BUCKET", "BUCKET", "VerifyFrontend"),
    ],
    "CON008": [buildspec_line("  coverage:", "  covered:"), put("AWS::CodeBuild::ReportGroup", "Name", value="mutant")],
    "CON009": [put(PROJECT, "Cache", value={"Type": "NO_CACHE"}), buildspec_line("cache:", "cached:")],
    "CON010": [action("ECS", Configuration={"FileName": "images.json"})],
    "CON011": [
        (
            action("CodeStarSourceConnection", Configuration={"DetectChanges": "true"}),
            "SourceAction <-> AWS::Events::Rule",
        ),
        (put(PIPELINE, "Triggers", value=NOTHING), "SourceAction <-> Triggers: has no trigger"),
        section("pipeline", "Resources", "StartRule", "Condition", value="Backend", at="Pipeline"),
        section("pipeline", "Resources", "StartRule", "Properties", "Targets", value=[], at="Pipeline"),
    ],
    "CON012": [
        (
            unchecked("Deploy_Backend", "BackendChanged"),
            "Deploy_Backend <-> pipeline.Pipeline Build_Backend: takes Back",
        ),
        (
            unchecked("Deploy_Frontend", "FrontendChanged"),
            "Deploy_Frontend <-> pipeline.Pipeline Build_Frontend: takes",
        ),
        (unchecked("Deploy_Frontend", "AnythingChanged"), "Deploy_Frontend <-> pipeline.Pipeline Build: takes Sealed"),
        (skipped_by("DeploymentWindow"), "Build_Backend <-> BeforeEntry: skips by DeploymentWindow"),
    ],
    "CON013": [buildspec_line("phases:", "phases: ["), buildspec_line("version: 0.2", "version 0.2")],
    "BUI001": [
        *(
            (buildspec_line("python3 -I -u -", "python3 -u -", project), "calls `python3 -u -` without -I")
            for project in ("Changes", "Push", "Verify", "VerifyFrontend")
        ),
        (buildspec_line("python3 -I -", "python -"), "calls `python -` without -I"),
        (buildspec_line("python3 -I -", "python -m json.tool", "Raise"), "calls `python -m` without -I"),
    ],
    "BUI002": [
        (build_may("ecr:PutImage", "${RegistryUri}"), "runs the application's code and may ecr:PutImage"),
        (build_may("s3:PutObject", "${ArtifactBucketArn}/*"), "runs the application's code and may write"),
        (build_may("ssm:PutParameter", "${ReleasesPath}"), "runs the application's code and may ssm:PutParameter"),
    ],
    "BUI003": [(in_question("#{BackendBuild.COMMIT}"), "Approve/ApproveRelease takes #{BackendBuild.COMMIT}")],
    "BUI004": [
        (
            buildspec_line("FROM $BASE_IMAGE@$base_digest", "FROM $BASE_IMAGE"),
            "has a Dockerfile that starts from $BASE_IMAGE, which is no digest",
        ),
        (base_digests("3.11=sha256:0"), "knows no digest of its base image for Python 3.11"),
        (base_digests(f"3.11=sha256:{'0' * 64}"), "knows no digest of its base image for Python 3.12"),
    ],
    "BUI005": [
        (
            action("S3", InputArtifacts=[{"Name": "FrontendAssets"}]),
            "Deploy_Frontend/DeployAssetsToS3 takes FrontendAssets, which a later build may write over",
        ),
        (
            action("ElasticBeanstalk", InputArtifacts=[{"Name": "BackendBuildOutput"}]),
            "Deploy_Backend/DeployToBeanstalk takes BackendBuildOutput, which a later build may write over",
        ),
    ],
}
