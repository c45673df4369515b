"""What every setting of a resource asks of the roles that it names, in a template of a few lines with rows of our own.

The rows say nothing but which fact of the resource a need is about; what AWS asks for stands in the real table.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from generator.cfn.role_needs.row import Row
from generator.cfn.templates import from_bodies
from generator.gate.role_needs import collect
from generator.gate.role_needs.terms import Terms

ON = {
    "artifact store": "<Bucket>",
    "artifact store with a key": "<Key>",
    "action CodeCommit": "<RepositoryName>",
    "action CodeBuild": "<ProjectName>",
    "action Manual": "",
    "approval with a topic": "<NotificationArn>",
    "approval with an encrypted topic": "<Key>",
    "action ECS": "<ClusterName> <Family>",
    "role of a task": "<Role>",
    "rule VariableCheck": "*",
    "action ElasticBeanstalk": "<Bucket>/*/<Artifact>* of <ApplicationName>",
    "bundle with a key": "<Key>",
    "role of an instance": "<Role>",
    "instance": "<ApplicationName>/<EnvironmentName>",
    "instance parameter": "<ValueFrom>",
    "task image": "*",
    "task log awslogs": "<Group>",
    "task parameter": "<ValueFrom>",
    "task secret": "<ValueFrom>",
    "task secret with a key": "<Key>",
    "build log": "<Group>",
    "build with a key": "<Key>",
    "build cache": "<Cache> in <CacheBucket> at <CachePath>",
    "build input": "<Bucket>",
    "build output": "<Bucket>/*/<Artifact>*",
    "push that is signed": "<Profile>",
    "build report JUNITXML": "<Report>",
    "build report COBERTURAXML": "<Report>",
    "aws ecs register-task-definition": "<--family> <--task-role-arn> <--execution-role-arn>",
    "aws s3api get-object": "<--bucket>/<--key>",
    "target codepipeline": "<Arn>",
    "target sns": "<Arn>",
    "target sns with a key": "<Key>",
    "state aws-sdk:codepipeline:stopPipelineExecution": "<PipelineName>",
    "state states:startExecution": "<StateMachineName>",
    "state sns:publish": "<TopicArn>",
    "state sns:publish with a key": "<Key>",
    "flow log": "<Group>",
}


@pytest.fixture(autouse=True)
def _rows(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = {thing: (Row(("a:Do",), on, "page", {"a:On": on}),) if on else () for thing, on in ON.items()}
    monkeypatch.setattr(collect, "ROWS", rows)


def arn(name: str) -> dict[str, Any]:
    return {"Fn::GetAtt": [name, "Arn"]}


def ref(name: str) -> dict[str, str]:
    return {"Ref": name}


def act(name: str, provider: str, category: str = "Build", **more: Any) -> dict[str, Any]:
    return {"Name": name, "ActionTypeId": {"Provider": provider, "Category": category}, **more}


OTHERS: Mapping[str, Any] = {
    "Bucket": {"Type": "AWS::S3::Bucket"},
    "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"KmsMasterKeyId": ref("TopicKey")}},
    "Plain": {"Type": "AWS::SNS::Topic"},
    "Closed": {"Type": "AWS::SecretsManager::Secret", "Properties": {"KmsKeyId": arn("Key")}},
    "Open": {"Type": "AWS::SecretsManager::Secret"},
    "Profile": {"Type": "AWS::IAM::InstanceProfile", "Properties": {"Roles": [ref("Instance")]}},
    "Service": {"Type": "AWS::ECS::Service", "Properties": {"Cluster": "ring", "TaskDefinition": ref("Task")}},
    "Task": {
        "Type": "AWS::ECS::TaskDefinition",
        "Properties": {
            "Family": "clock",
            "TaskRoleArn": arn("App"),
            "ExecutionRoleArn": arn("Start"),
            "ContainerDefinitions": [],
        },
    },
}


def needed_by(kind: str, properties: Mapping[str, Any], more: Mapping[str, Any] | None = None) -> list[str]:
    """What a resource `X` of these properties needs: role, who, thing and on what; who lets it in left out."""
    body = {"Type": kind, "Properties": properties}
    templates = from_bodies({"shop": {"Resources": {**OTHERS, **(more or {}), "X": body}}})
    resource = templates["shop"].resources["X"]
    lines = []
    for need in collect.needs(Terms(templates), resource, properties):
        if need.action == "a:Do":
            assert (need.source, need.when, need.service) == ("page", {"a:On": need.on}, "")
        what = {"": "unknown", "a:Do": need.on}.get(need.action) or f"{need.action} for {need.service} ({need.source})"
        if not need.service or need.thing != kind:
            lines.append(f"{need.role} {need.who}: {need.thing}: {what}{'' if need.certain else ' perhaps'}")
    return lines


def pipeline(*actions: Any, **more: Any) -> dict[str, Any]:
    store = {"Location": ref("Bucket"), "Type": "S3"}
    return {
        "Name": "shop",
        "RoleArn": arn("Pipe"),
        "ArtifactStore": store,
        "Stages": [{"Name": "S", "Actions": [*actions]}],
        **more,
    }


PIPE, STORE = "${shop.Pipe.Arn} shop.X", "${shop.Pipe.Arn} shop.X: artifact store: ${shop.Bucket}"
KEYED = {"Location": ref("Bucket"), "EncryptionKey": {"Id": arn("Key"), "Type": "KMS"}}
NAME = {"Fn::GetAtt": ["Service", "Name"]}
BY_SERVICE = {"ClusterName": "ring", "ServiceName": NAME}
RULE = {"Conditions": [{"Rules": [{"Name": "R", "RuleTypeId": {"Provider": "VariableCheck"}}]}]}
BUNDLE = act(
    "B", "ElasticBeanstalk", "Deploy", RoleArn=arn("Deploy"),
    InputArtifacts=[{"Name": "BackendBundleOfShop"}], Configuration={"ApplicationName": "clock"},
)  # fmt: skip


@pytest.mark.parametrize(
    ("properties", "needed"),
    [
        (pipeline(), [STORE]),
        (pipeline(ArtifactStore=KEYED), [STORE, f"{PIPE}: artifact store with a key: ${{shop.Key.Arn}}"]),
        (
            pipeline(ArtifactStore={}),
            [f"{PIPE}: pipeline without one artifact store: unknown"],
        ),
        (
            pipeline(act("C", "CodeCommit", Configuration={"RepositoryName": "code"})),
            [STORE, f"{PIPE} S/C: action CodeCommit: code"],
        ),
        (
            pipeline(act("C", "CodeCommit")),
            [STORE, f"{PIPE} S/C: action CodeCommit without RepositoryName: unknown"],
        ),
        (
            pipeline(
                act("C", "CodeCommit", Configuration={"RepositoryName": "code", "OutputArtifactFormat": "CODE_ZIP"})
            ),
            [STORE, f"{PIPE} S/C: action CodeCommit: code"],
        ),
        (
            pipeline(act("C", "CodeCommit", Configuration={"RepositoryName": "code", "OutputArtifactFormat": "REF"})),
            [STORE, f"{PIPE} S/C: action CodeCommit: code", f"{PIPE} S/C: source as REF: unknown"],
        ),
        (
            pipeline(
                act("P", "S3", RoleArn=arn("Other"), Configuration={"CannedACL": "x", "KMSEncryptionKeyARN": "k"})
            ),
            [
                STORE,
                f"{PIPE} S/P: action S3: unknown",
                f"{PIPE} S/P: action with CannedACL: unknown",
                f"{PIPE} S/P: action with KMSEncryptionKeyARN: unknown",
                f"{PIPE} S/P: action with RoleArn: unknown",
            ],
        ),
        (pipeline(act("A", "Manual")), [STORE]),
        (
            pipeline(act("A", "Manual", Configuration={"NotificationArn": ref("Plain")})),
            [STORE, f"{PIPE} S/A: approval with a topic: ${{shop.Plain}}"],
        ),
        (
            pipeline(act("A", "Manual", Configuration={"NotificationArn": ref("Topic")})),
            [
                STORE,
                f"{PIPE} S/A: approval with a topic: ${{shop.Topic}}",
                f"{PIPE} S/A: approval with an encrypted topic: ${{TopicKey}}",
            ],
        ),
        (
            pipeline(act("D", "ECS", Configuration=BY_SERVICE)),
            [
                STORE,
                f"{PIPE} S/D: role of a task: ${{shop.App.Arn}}",
                f"{PIPE} S/D: role of a task: ${{shop.Start.Arn}}",
                f"{PIPE} S/D: action ECS: ring clock",
            ],
        ),
        (
            pipeline(act("D", "ECS", Configuration={"ClusterName": "ring", "ServiceName": ref("Plain")})),
            [STORE, f"{PIPE} S/D: service ${{shop.Plain}}, which no template makes: unknown"],
        ),
        (
            pipeline(Stages=[{"Name": "S", "BeforeEntry": RULE, "Actions": []}]),
            [STORE, f"{PIPE}: rule VariableCheck: *"],
        ),
        (
            pipeline(BUNDLE),
            [
                STORE,
                "${shop.Deploy.Arn} shop.X S/B: action: sts:AssumeRole for AWS:${Pipe.Arn} "
                "(STS API reference, AssumeRole)",
                "${shop.Deploy.Arn} shop.X S/B: action ElasticBeanstalk: ${shop.Bucket}/*/BackendBun* of clock",
                "${shop.Deploy.Arn} shop.X S/B: role of an instance: ${TaskRoleArn}",
                "${shop.Deploy.Arn} shop.X S/B: role of an instance: ${ExecutionRoleArn}",
            ],
        ),
    ],
)  # fmt: skip
def test_a_pipeline(properties: dict[str, Any], needed: list[str]) -> None:
    assert needed_by("AWS::CodePipeline::Pipeline", properties) == needed


def test_a_bundle_in_an_encrypted_store() -> None:
    needed = needed_by("AWS::CodePipeline::Pipeline", pipeline(BUNDLE, ArtifactStore=KEYED))
    assert "${shop.Deploy.Arn} shop.X S/B: bundle with a key: ${shop.Key.Arn}" in needed


def project(*lines: str, **more: Any) -> dict[str, Any]:
    spec = "\n".join(("version: 0.2", *lines, ""))
    return {
        "Name": "build",
        "ServiceRole": arn("Build"),
        "Environment": {"EnvironmentVariables": []},
        "LogsConfig": {"CloudWatchLogs": {"Status": "DISABLED"}},
        "Source": {"Type": "CODEPIPELINE", "BuildSpec": spec},
        **more,
    }


def variables(**values: Any) -> dict[str, Any]:
    listed = [
        {"Name": name, **({"Value": value} if isinstance(value, str) else value)} for name, value in values.items()
    ]
    return {"Environment": {"EnvironmentVariables": listed}}


def commands(*lines: str) -> tuple[str, ...]:
    return ("phases:", "  build:", "    commands:", *(f"      - {line}" for line in lines))


BUILD = "${shop.Build.Arn} shop.X"
REGISTER = 'aws ecs register-task-definition --cli-input-json "$JSON"'
RUNNING = act(
    "R", "CodeBuild", Configuration={"ProjectName": "build"},
    OutputArtifacts=[{"Name": "BackendBuildOutput"}, {"Name": "BackendBuildOther"}, {"Name": "Notes"}],
)  # fmt: skip


@pytest.mark.parametrize(
    ("properties", "needed"),
    [
        (project(), []),
        (project(LogsConfig={}), ["build log without GroupName: unknown"]),
        (project(LogsConfig={"CloudWatchLogs": {"GroupName": "logs"}}), ["build log: logs"]),
        (
            project(LogsConfig={"CloudWatchLogs": {"Status": "DISABLED"}, "S3Logs": {"Status": "ENABLED"}}),
            ["build with S3 logs: unknown"],
        ),
        (project(LogsConfig={"CloudWatchLogs": {"Status": "DISABLED"}, "S3Logs": {"Status": "DISABLED"}}), []),
        (project(VpcConfig={}, FileSystemLocations=[]), [
            "build with FileSystemLocations: unknown", "build with VpcConfig: unknown",
        ]),
        (project(BuildBatchConfig={}, SecondarySources=[], SecondaryArtifacts=[]), [
            "build with BuildBatchConfig: unknown", "build with SecondaryArtifacts: unknown",
            "build with SecondarySources: unknown",
        ]),
        (
            project(**variables(
                A={"Value": "x", "Type": "SECRETS_MANAGER"}, B={"Value": "y", "Type": "PARAMETER_STORE"},
                C={"Value": "z", "Type": "PLAINTEXT"}, D="plain",
            )),
            ["build variable of type PARAMETER_STORE: unknown", "build variable of type SECRETS_MANAGER: unknown"],
        ),
        (project(EncryptionKey=arn("Key")), ["build with a key: ${shop.Key.Arn}"]),
        (project(**variables(SIGNING_PROFILE="signer")), ["push that is signed: signer"]),
        (project(**variables(SIGNING_PROFILE="")), []),
        (
            project(Cache={"Type": "S3", "Location": {"Fn::Sub": "${Bucket}/cache/build"}}),
            ["build cache: ${shop.Bucket}/cache/build in ${shop.Bucket} at cache/build"],
        ),
        (project(Cache={"Type": "LOCAL"}), []),
        (project(Source={"BuildSpec": "build.yml"}), ["buildspec that is not in the template: unknown"]),
        (
            project("env:", "  parameter-store:", "    A: a", "  secrets-manager:", "    B: b"),
            ["buildspec with parameter-store: unknown", "buildspec with secrets-manager: unknown"],
        ),
        (
            project("reports:", "  unit:", "    files: [x]", "  lines:", "    file-format: COBERTURAXML"),
            ["build report JUNITXML: build-unit", "build report COBERTURAXML: build-lines"],
        ),
        (
            project(*commands("aws s3api get-object --bucket $STORE --key notes"), **variables(STORE="store")),
            ["aws s3api get-object: store/notes perhaps"],
        ),
        (
            project(*commands("aws s3api get-object --bucket $STORE --key notes")),
            ["aws s3api get-object: */notes perhaps"],
        ),
        (
            project(*commands("docker pull x  # only with IMAGE"), **variables(IMAGE="")),
            [],
        ),
        (
            project(*commands("docker pull x  # only with IMAGE"), **variables(IMAGE="i")),
            ["docker pull: unknown"],
        ),
        (
            project(*commands("docker run x  # only with IMAGE", "docker pull x"), **variables(IMAGE="")),
            ["docker pull: unknown"],
        ),
        (project(*commands("docker pull x  # only with IMAGE")), ["docker pull: unknown"]),
        (
            project(*commands("aws --debug s3 ls", "docker pull x")),
            [
                "command that cannot be read (what does '- aws --debug s3 ls' call? Write `aws SERVICE COMMAND`, both "
                "as plain words, options after them): unknown"
            ],
        ),
        (
            project(*commands(REGISTER), **variables(SERVICE={"Value": NAME})),
            ["aws ecs register-task-definition: clock ${shop.App.Arn} ${shop.Start.Arn} perhaps"],
        ),
        (project(*commands(REGISTER)), ["aws ecs register-task-definition: * * * perhaps"]),
    ],
)  # fmt: skip
def test_a_project(properties: dict[str, Any], needed: list[str]) -> None:
    result = [
        line.replace(" perhaps", "") if "unknown" in line else line
        for line in needed_by("AWS::CodeBuild::Project", properties)
    ]
    assert result == [f"{BUILD}: {line}" for line in needed]


def test_a_project_reads_and_writes_the_artifacts_of_the_pipelines_that_run_it() -> None:
    """Names of artifacts are cut in keys, so that two that begin alike are one."""
    other = {**RUNNING, "Configuration": {"ProjectName": "another"}}
    twice = {"Pipeline": {"Type": "AWS::CodePipeline::Pipeline", "Properties": pipeline(RUNNING, RUNNING, other)}}
    assert sorted(needed_by("AWS::CodeBuild::Project", project(), twice)) == [
        f"{BUILD}: build input: ${{shop.Bucket}}",
        f"{BUILD}: build output: ${{shop.Bucket}}/*/BackendBui*",
        f"{BUILD}: build output: ${{shop.Bucket}}/*/Notes*",
    ]
    unused = {"Pipeline": {"Type": "AWS::CodePipeline::Pipeline", "Properties": pipeline(other)}}
    assert needed_by("AWS::CodeBuild::Project", project(), unused) == []


LEVEL = "arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter/l"
SECRETS: list[dict[str, Any]] = [
    {"Name": "LEVEL", "ValueFrom": {"Fn::Sub": LEVEL}},
    {"Name": "OPEN", "ValueFrom": ref("Open")},
    {"Name": "CLOSED", "ValueFrom": ref("Closed")},
    {"Name": "ODD", "ValueFrom": ref("Plain")},
]
LOGGED = {"LogDriver": "awslogs", "Options": {"awslogs-group": "logs"}}


def test_a_task() -> None:
    full = {"Name": "one", "LogConfiguration": LOGGED, "Secrets": SECRETS}
    private = {"Name": "two", "RepositoryCredentials": {}}
    assert needed_by(
        "AWS::ECS::TaskDefinition", {"ExecutionRoleArn": arn("Start"), "ContainerDefinitions": [full, private]}
    ) == [
        f"${{shop.Start.Arn}} shop.X: {line}"
        for line in (
            "task image: *",
            "task log awslogs: logs",
            f"task parameter: {LEVEL}",
            "task secret: ${shop.Open}",
            "task secret: ${shop.Closed}",
            "task secret with a key: ${shop.Key.Arn}",
            "value of ODD from ${shop.Plain}: unknown",
            "task image: *",
            "task log None: unknown",
            "task with RepositoryCredentials: unknown",
        )
    ]
    assert needed_by("AWS::ECS::TaskDefinition", {"ContainerDefinitions": [{"LogConfiguration": LOGGED}]}) == [
        "no role shop.X: task image: *",
        "no role shop.X: task log awslogs: logs",
    ]


def test_instances() -> None:
    def option(name: str, value: Any, space: str = "aws:autoscaling:launchconfiguration") -> dict[str, Any]:
        return {"Namespace": space, "OptionName": name, "Value": value}

    secrets = "aws:elasticbeanstalk:application:environmentsecrets"
    options = [
        "an option that is left out",
        option("InstanceType", "t4g.nano"),
        option("IamInstanceProfile", ref("Profile")),
        option("LEVEL", SECRETS[0]["ValueFrom"], secrets),
        option("CLOSED", ref("Closed"), secrets),
    ]
    named = {"ApplicationName": "clock", "EnvironmentName": "clock-one"}
    assert needed_by("AWS::ElasticBeanstalk::Environment", {**named, "OptionSettings": options}) == [
        f"${{shop.Instance.Arn}} shop.X: {line}"
        for line in (
            "instance: clock/clock-one",
            f"instance parameter: {LEVEL}",
            "task secret: ${shop.Closed}",
            "task secret with a key: ${shop.Key.Arn}",
        )
    ]
    assert needed_by("AWS::ElasticBeanstalk::Environment", named) == ["no role shop.X: instance: clock/clock-one"]


def test_a_service_has_no_role_but_that_of_its_balancer() -> None:
    balanced = {"LoadBalancers": [{"AdvancedConfiguration": {"RoleArn": arn("Shift")}}]}
    assert needed_by("AWS::ECS::Service", balanced) == []
    assert needed_by("AWS::ECS::Service", {"EnableExecuteCommand": False}) == []
    assert needed_by("AWS::ECS::Service", {"EnableExecuteCommand": True, "Role": "x", "Hooks": [{"RoleArn": "y"}]}) == [
        " shop.X: service with EnableExecuteCommand: unknown",
        " shop.X: service with Role: unknown",
        " shop.X: service with RoleArn: unknown",
    ]


def test_the_targets_of_a_rule() -> None:
    shop = "arn:${AWS::Partition}:codepipeline:${AWS::Region}:${AWS::AccountId}:shop"
    targets = [
        {"Arn": {"Fn::Sub": shop}, "RoleArn": arn("Begin")},
        {"Arn": ref("Plain"), "RoleArn": arn("Begin")},
        {"Arn": ref("Topic"), "RoleArn": arn("Begin")},
        {"Arn": "arn:aws:sqs:x:1:q", "RoleArn": arn("Begin")},
        {"Arn": "odd", "RoleArn": arn("Begin")},
        {"Arn": ref("Topic")},
    ]
    assert needed_by("AWS::Events::Rule", {"Targets": targets}) == [
        f"${{shop.Begin.Arn}} shop.X: {line}"
        for line in (
            f"target codepipeline: {shop}",
            "target sns: ${shop.Plain}",
            "target sns: ${shop.Topic}",
            "target sns with a key: ${TopicKey}",
            "target sqs: unknown",
            "target odd: unknown",
        )
    ]
    assert needed_by("AWS::Events::Rule", {}) == []


def test_the_states_of_a_state_machine() -> None:
    def task(call: str, **parameters: Any) -> dict[str, Any]:
        resource = {"Fn::Sub": f"arn:${{AWS::Partition}}:states:::{call}"}
        return {"Type": "Task", "Resource": resource, "Parameters": parameters}

    states = {
        "Wait": {"Type": "Wait"},
        "Choose": {"Type": "Choice"},
        "Go": {"Type": "Pass"},
        "Good": {"Type": "Succeed"},
        "Bad": {"Type": "Fail"},
        "Each": {"Type": "Map"},
        "Stop": task("aws-sdk:codepipeline:stopPipelineExecution", PipelineName="shop"),
        "Again": task("states:startExecution", **{"StateMachineArn.$": "$$.StateMachine.Id"}),
        "Other": task("states:startExecution", **{"StateMachineArn.$": "$.other"}),
        "Tell": task("sns:publish", TopicArn=ref("Topic"), Message="x"),
        "Say": task("sns:publish", TopicArn=ref("Plain")),
        "Queue": task("sqs:sendMessage"),
    }
    machine = {"RoleArn": arn("Watch"), "StateMachineName": "watch", "Definition": {"States": states}}
    assert needed_by("AWS::StepFunctions::StateMachine", machine) == [
        f"${{shop.Watch.Arn}} shop.X{line}"
        for line in (
            ": state of type Map: unknown",
            " Stop: state aws-sdk:codepipeline:stopPipelineExecution: shop",
            " Again: state states:startExecution: watch",
            " Other: state states:startExecution without StateMachineName: unknown",
            " Tell: state sns:publish: ${shop.Topic}",
            " Tell: state sns:publish with a key: ${TopicKey}",
            " Say: state sns:publish: ${shop.Plain}",
            " Queue: state sqs:sendMessage: unknown",
        )
    ]
    assert needed_by("AWS::StepFunctions::StateMachine", {"RoleArn": arn("Watch")}) == [
        "${shop.Watch.Arn} shop.X: state machine without Definition: unknown"
    ]


def test_a_flow_log() -> None:
    role = {"DeliverLogsPermissionArn": arn("Flow")}
    kind, flow = "AWS::EC2::FlowLog", "${shop.Flow.Arn} shop.X: flow log"
    assert needed_by(kind, {**role, "LogGroupName": "flows"}) == [f"{flow}: flows"]
    assert needed_by(kind, role) == [f"{flow} without LogGroupName: unknown"]
    assert needed_by(kind, {"LogGroupName": "flows"}) == []


@pytest.mark.parametrize(
    ("kind", "properties", "roles"),
    [
        ("AWS::CodePipeline::Pipeline", pipeline(), ["Pipe codepipeline.amazonaws.com"]),
        ("AWS::CodePipeline::Pipeline", pipeline(RoleArn="arn:aws:iam::1:role/x"), []),
        ("AWS::IAM::InstanceProfile", {"Roles": [ref("Instance")]}, ["Instance ec2.amazonaws.com"]),
        (
            "AWS::Events::Rule",
            {"Targets": [{"Arn": arn("Queue"), "RoleArn": arn("Begin")}, {"Arn": arn("Queue")}]},
            ["Begin events.amazonaws.com"],
        ),
        (
            "AWS::ECS::Service",
            {"LoadBalancers": [{"AdvancedConfiguration": {"RoleArn": arn("Shift")}, "TargetGroupArn": ref("Group")}]},
            ["Shift ecs.amazonaws.com"],
        ),
        ("AWS::S3::Bucket", {"RoleArn": arn("Pipe")}, []),
    ],
)
def test_whom_a_role_has_to_let_in(kind: str, properties: dict[str, Any], roles: list[str]) -> None:
    templates = from_bodies({"shop": {"Resources": {**OTHERS, "X": {"Type": kind, "Properties": properties}}}})
    needs = collect.needs(Terms(templates), templates["shop"].resources["X"], properties)
    trusting = [need for need in needs if need.service]
    assert [f"{need.role} {need.service}" for need in trusting] == [
        f"${{shop.{name}.Arn}} {service}" for name, service in (role.split() for role in roles)
    ]
    assert all((need.action, need.who, need.thing) == ("sts:AssumeRole", "shop.X", kind) for need in trusting)
    assert all(need.source and need.certain for need in trusting)
