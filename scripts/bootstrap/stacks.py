"""The steps that other verbs take by themselves: preflight, access, shared, push, environment, secrets, raise."""

import time
from dataclasses import replace

from generator.cfn import template_names
from generator.cfn.environments import ACCESS, SHARED
from scripts.bootstrap.progress import Bootstrap, Progress
from scripts.deployment import stacks
from scripts.deployment.aws import Aws
from scripts.deployment.environment import on_ecs
from scripts.deployment.errors import AwsError, ManualActionRequiredError, RefusedError
from scripts.operations import configuration, migration
from scripts.operations.access_root import deploy_access
from scripts.operations.deploying import deploy, deploy_roots
from scripts.operations.preflight.check import State, Survey
from scripts.operations.preflight.checks import all_checks, lines
from scripts.operations.production import is_deployer
from scripts.operations.run import say
from scripts.terminal import console, prompt

# What preflight says of steps that are still to come here.
LATER = ("branch", "connection", "secret ", "access")
PAUSE = 5.0  # seconds between two looks at what a person completes
AVAILABLE, ISSUED, PENDING = "AVAILABLE", "ISSUED", "PENDING_VALIDATION"
NO_MAIL = ("", "NONE")


def preflight(bootstrap: Bootstrap) -> Progress:
    """Everything that can be known beforehand. Raises `RefusedError` with what would stop a later step."""
    run = bootstrap.run
    stack = stacks.read(run.aws, run.environment.stack)
    survey = Survey(run.aws, run.aws.identity(), run.roots, stack is not None, run.project)
    with console.working(f"checking what {run.environment.stack} needs"):
        checks = [check for check in all_checks(survey) if not check.what.startswith(LATER)]
    say(lines(checks))
    if errors := [check.what for check in checks if check.state is State.ERROR]:
        raise RefusedError(f"The account is not ready: {', '.join(errors)}.", "Each remedy is above.")
    return Progress(f"{len(checks)} checks", already=stack is not None)


def access(bootstrap: Bootstrap) -> Progress:
    """The roles that deploy the environment and what all environments share, unless the caller is one of them."""
    run = bootstrap.run
    standing = stacks.read(run.aws, run.roots[ACCESS].stack) if ACCESS in run.roots else None
    if ACCESS not in run.roots:
        return Progress("this environment has no roles of its own", already=True)
    if is_deployer(run.aws.identity(), standing):
        return Progress("you are the deploy role", already=True)
    if not run.environment.connection:
        bootstrap.check("access", deploy_access(bootstrap.shared_run, bootstrap.deployment))
    bootstrap.check("access", deploy_access(run, bootstrap.deployment))
    return Progress(run.roots[ACCESS].stack, already=standing is not None)


def shared(bootstrap: Bootstrap) -> Progress:
    """What all environments share."""
    run = bootstrap.shared_run
    standing = stacks.read(run.aws, run.environment.stack)
    bootstrap.check("shared", deploy_roots(run, bootstrap.deployment))
    return Progress(run.environment.stack, already=standing is not None)


def source(bootstrap: Bootstrap) -> Progress:
    """The application where the pipeline takes it from: pushed into the shared repository, or behind a connection that
    a person has completed."""
    run = bootstrap.run
    environment = run.environment
    if environment.connection:
        wait_for_connection(run.aws, environment.connection)
        return Progress("the connection is complete", already=True)
    main = run.roots[SHARED].chosen(template_names.PROTECTED_BRANCH)
    branches = dict.fromkeys((environment.chosen(template_names.BRANCH), main))
    names = (template_names.BUILDSPEC_SOURCE, template_names.TARGET, template_names.FRONTEND)
    choices = {name: environment.chosen(name) for name in names}
    migration.check_folder(run.templates, bootstrap.folder, list(branches), [choices])
    shared(bootstrap)
    stack = stacks.read(run.aws, run.roots[SHARED].stack)
    assert stack, "it was deployed just now"
    migration.push(run.aws, bootstrap.folder, stack)
    return Progress(f"all branches and tags are in {stack.outputs[template_names.REPOSITORY]}")


def wait_for_connection(aws: Aws, arn: str) -> None:
    """Waits until a person has completed a connection (CodeConnections: it is pending until somebody has signed in at
    the provider). Raises `ManualActionRequiredError` where nobody is there to do it."""
    how = "Open the console (Developer Tools, Settings, Connections) and choose Update pending connection"
    shown = False
    while True:
        connection = aws.call("codeconnections", "get_connection", ConnectionArn=arn)["Connection"]
        # Statuses: `ConnectionStatus` in botocore's model of CodeConnections.
        if connection["ConnectionStatus"] == AVAILABLE:
            return
        reason = f"The connection {connection['ConnectionName']} is {connection['ConnectionStatus']}"
        if not prompt.attended():
            raise ManualActionRequiredError(f"{reason}.", f"{how}; then run the same again.")
        if not shown:
            say([f"{reason}. {how}: this goes on as soon as it is {AVAILABLE}."])
            shown = True
        time.sleep(PAUSE)


def environment(bootstrap: Bootstrap) -> Progress:
    """The environment, without a task before its first release."""
    run = bootstrap.run
    standing = stacks.read(run.aws, run.environment.stack)
    if not run.aws.endpoint:
        check_certificate(bootstrap)
    bootstrap.check("environment", deploy(run, bootstrap.deployment))
    receiver = run.environment.chosen(template_names.EMAIL)
    if not run.aws.endpoint and standing is None and receiver not in NO_MAIL:
        bootstrap.leave(f"{receiver} has a mail with a subscription to confirm: no message is sent before")
    return Progress(run.environment.stack, already=standing is not None)


def check_certificate(bootstrap: Bootstrap) -> None:
    """Raises `ManualActionRequiredError` with the records to make while a certificate of the person's own is not
    validated: CloudFront takes none before. One that the stacks make validates itself through the hosted zone."""
    run = bootstrap.run
    arn = run.environment.chosen(template_names.OWN_CERTIFICATE)
    if not arn:
        return
    aws = run.aws.at(arn.split(":")[3])
    try:
        certificate = aws.call("acm", "describe_certificate", CertificateArn=arn)["Certificate"]
    except AwsError as error:
        say([f"whether {arn} is validated is not known: {error.code}"])
        return
    # Statuses and records: botocore's model of ACM, DescribeCertificate.
    if certificate["Status"] == PENDING:
        options = certificate.get("DomainValidationOptions", ())
        records = [option["ResourceRecord"] for option in options if "ResourceRecord" in option]
        shown = "\n".join(f"  {record['Name']} {record['Type']} {record['Value']}" for record in records)
        raise ManualActionRequiredError(
            f"The certificate {arn} waits for its validation.",
            f"Make these records where the domain's DNS is, wait for {ISSUED}, and run the same again:\n{shown}",
        )


def secrets(bootstrap: Bootstrap) -> Progress:
    """The secrets that only a person can give, before a task starts that reads them. Raises
    `ManualActionRequiredError` where nobody is there to give one."""
    run = bootstrap.run
    stack = bootstrap.stack()
    names = configuration.unfilled(run.aws, run.environment, stack)
    for name in names:
        command = f"`config {run.environment.name} --secret {name}`"
        missing = ManualActionRequiredError(
            f"{name} has no value, and no task starts without it.",
            f"{command} asks for it, or reads it from standard input; then run the same again.",
        )
        if not prompt.attended():
            raise missing
        try:
            value = prompt.secret(f"The application needs {name}, which only you know (nothing is shown): ")
        except prompt.NobodyAnsweredError:
            raise missing from None
        if not value:
            raise missing
        configuration.fill(run.aws, run.environment, stack, name, value)
        say([f"{name} is written"])
    return Progress(", ".join(names) or "none waits for a person", already=not names)


def raise_tasks(bootstrap: Bootstrap) -> Progress:
    """The environment once more, now that there is an image: autoscaling owns the number of tasks from here on."""
    stack = bootstrap.stack()
    if not on_ecs(stack):
        return Progress("there is no service on ECS", already=True)
    if stack.parameters.get(template_names.BOOTSTRAP, "false") == "false":
        return Progress("autoscaling owns the number of tasks", already=True)
    bootstrap.check("raise", deploy_roots(bootstrap.run, replace(bootstrap.deployment, wait=True)))
    return Progress("autoscaling owns the number of tasks")
