"""The pipeline's actions as values: what runs, from which artifacts, with which configuration.

Each action provider that we use is one function here; configuration values are text, as CodePipeline wants them.
Configuration keys: codepipeline userguide, action-reference-CodeCommit, -CodestarConnectionSource, -CodeBuild, -ECS,
-Beanstalk, -S3Deploy and approvals-action-add.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from troposphere import codepipeline

from generator.core.arns import Text
from generator.core.stack import only_if


class Action(NamedTuple):
    """One action. `provider` is (category, provider); `order` is the run order, equal orders run side by side;
    `timeout` in minutes applies to manual approval only; `when` is a condition as in `only_if()`, None for always."""

    name: str
    provider: tuple[str, str]
    configuration: Mapping[str, Text]
    inputs: Sequence[Text] = ()
    outputs: Sequence[str] = ()
    order: int = 1
    namespace: str = ""
    timeout: Text | None = None
    extras: Mapping[str, object] = MappingProxyType({})
    when: str | None = None

    def render(self) -> object:
        category, provider = self.provider
        more: dict[str, object] = dict(self.extras)
        if self.namespace:
            more["Namespace"] = self.namespace
        if self.timeout is not None:
            more["TimeoutInMinutes"] = self.timeout
        if self.inputs:
            more["InputArtifacts"] = [codepipeline.InputArtifacts(Name=name) for name in self.inputs]
        if self.outputs:
            more["OutputArtifacts"] = [codepipeline.OutputArtifacts(Name=name) for name in self.outputs]
        action = codepipeline.Actions(
            ActionTypeId=codepipeline.ActionTypeId(Category=category, Owner="AWS", Provider=provider, Version="1"),
            Configuration=dict(self.configuration),
            Name=self.name,
            RunOrder=self.order,
            **more,
        )
        return only_if(self.when, action) if self.when else action


def codecommit(name: str, repository: Text, branch: Text, output: str) -> Action:
    """The whole repository at the pushed commit. Polling is on unless it is switched off."""
    return Action(
        name,
        ("Source", "CodeCommit"),
        {
            "BranchName": branch,
            "OutputArtifactFormat": "CODE_ZIP",
            "PollForSourceChanges": "false",
            "RepositoryName": repository,
        },
        outputs=[output],
        namespace="Source",
    )


def connection(name: str, arn: Text, repository: Text, branch: Text, output: str) -> Action:
    """The whole repository at the pushed commit, through a connection. `repository` is owner/name. Change detection is
    off, because a trigger with filters starts the pipeline."""
    return Action(
        name,
        ("Source", "CodeStarSourceConnection"),
        {
            "BranchName": branch,
            "ConnectionArn": arn,
            "DetectChanges": "false",
            "FullRepositoryId": repository,
            "OutputArtifactFormat": "CODE_ZIP",
        },
        outputs=[output],
        namespace="Source",
    )


def codebuild(
    name: str,
    project: Text,
    inputs: Sequence[Text],
    outputs: Sequence[str] = (),
    order: int = 1,
    variables: Text = "",
    namespace: str = "",
) -> Action:
    """A run of a project, in the first of the inputs. `variables` are this action's own, as `environment()` writes
    them."""
    configuration: dict[str, Text] = {"ProjectName": project}
    if len(inputs) > 1:
        configuration["PrimarySource"] = inputs[0]
    if variables:
        configuration["EnvironmentVariables"] = variables
    return Action(name, ("Build", "CodeBuild"), configuration, inputs, outputs, order, namespace)


def environment(**variables: str) -> str:
    """Variables of one build action, at most 1,000 characters (action-reference-CodeBuild)."""
    return json.dumps([{"name": key, "type": "PLAINTEXT", "value": value} for key, value in variables.items()])


def ecs(name: str, cluster: Text, service: Text, file: str, artifact: str, minutes: Text) -> Action:
    """Registers a revision with the new image and waits up to `minutes` (1 to 60) for the service to be steady."""
    return Action(
        name,
        ("Deploy", "ECS"),
        {"ClusterName": cluster, "DeploymentTimeout": minutes, "FileName": file, "ServiceName": service},
        [artifact],
    )


def beanstalk(name: str, application: Text, environment: Text, artifact: str, role: Text) -> Action:
    """Makes a version of the artifact and waits until the environment runs it; its `role` is assumed by the
    pipeline's."""
    return Action(
        name,
        ("Deploy", "ElasticBeanstalk"),
        {"ApplicationName": application, "EnvironmentName": environment},
        [artifact],
        extras={"RoleArn": role},
    )


def s3(name: str, bucket: Text, artifact: str, cache_control: str, order: int) -> Action:
    """Extracts an artifact into a bucket; one Cache-Control for all its files, and nothing is ever deleted."""
    return Action(
        name,
        ("Deploy", "S3"),
        {"BucketName": bucket, "CacheControl": cache_control, "Extract": "true"},
        [artifact],
        order=order,
    )


def approval(name: str, topic: Text, message: str, link: Text, minutes: Text, order: int) -> Action:
    """Waits for a person, `minutes` (5 to 86,400) at most, and says so through the topic. Variables are for the
    message alone: nothing documents them for the link, and they were seen unresolved in it."""
    return Action(
        name,
        ("Approval", "Manual"),
        {"CustomData": message, "ExternalEntityLink": link, "NotificationArn": topic},
        order=order,
        timeout=minutes,
    )
