"""What of the account decides whether a first deployment works: roles, quotas, sandboxes, services that are closed.

Quotas are found by their name, because AWS gives codes no meaning; names as Service Quotas shows them. Defaults that
would stop a first deployment: five VPCs and five addresses, and in a new account one build at a time or none.
"""

import re
from collections.abc import Iterator

from generator.cfn import template_names
from generator.cfn.zones import gaps
from scripts.deployment import stacks
from scripts.deployment.aws import Aws
from scripts.deployment.environment import PREFIX_LIST, fit_zones
from scripts.deployment.errors import AwsError
from scripts.operations.linked_roles import ROLES, exists
from scripts.operations.optional_parts import zones_with
from scripts.operations.preflight.check import Check, Survey, fault, good, warning

STANDARD, FAMILIES = "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances", "acdhimrtz"


def missing_roles(survey: Survey) -> list[str]:
    """The services whose role the environment needs and the account does not have."""
    return [service for service, (role, kind) in ROLES.items() if survey.count(kind) and not exists(survey.aws, role)]


def roles(survey: Survey) -> Iterator[Check]:
    """Service-linked roles."""
    if missing := missing_roles(survey):
        yield warning("service-linked roles", f"missing: {', '.join(missing)}", "`apply` creates them first.")
    else:
        yield good("service-linked roles", "all that are needed")


def quotas(survey: Survey) -> Iterator[Check]:
    """Quotas with what is used of them already."""
    network = survey.count("AWS::EC2::VPC")
    if network and not survey.exists:
        pages = survey.aws.pages("ec2", "describe_vpcs")
        used = sum(len(page["Vpcs"]) for page in pages)
        yield _room(survey.aws, "VPCs", "vpc", "VPCs per Region", used, network)
        addresses = survey.aws.call("ec2", "describe_addresses")["Addresses"]
        needed = survey.count("AWS::EC2::EIP")
        yield _room(survey.aws, "addresses", "ec2", "EC2-VPC Elastic IPs", len(addresses), needed)
    if survey.count("AWS::ECS::Service"):
        # While a deployment replaces the tasks, twice as many run.
        cpus = 2 * int(survey.values[template_names.MOST_TASKS]) * int(survey.values[template_names.TASK_CPU]) / 1024
        yield _room(survey.aws, "vCPUs of Fargate", "fargate", "Fargate On-Demand vCPU resource count", 0, cpus)
    if survey.count("AWS::ElasticBeanstalk::Environment"):
        yield from _instances(survey)
    if survey.count("AWS::CodeBuild::Project"):
        size = survey.values[template_names.BUILD_COMPUTE].rpartition("_")[2].capitalize()
        name = f"Concurrently running builds for Linux/{size} environment"
        # A build that exceeds the quota is refused, not queued.
        at_once = 2 if survey.values.get(template_names.BUILD_LAYOUT) == "PARALLEL" else 1
        yield _room(survey.aws, "builds at a time", "codebuild", name, 0, at_once)


def _instances(survey: Survey) -> Iterator[Check]:
    """The instance type in this Region, and room for twice as many instances, which run while a release is deployed."""
    kind = survey.values[template_names.INSTANCE]
    try:
        details = survey.aws.call("ec2", "describe_instance_types", InstanceTypes=[kind])["InstanceTypes"][0]
    except AwsError as error:
        if error.code != "InvalidInstanceType":  # EC2 API reference, "Client error codes"
            raise
        yield fault("instance type", f"{survey.aws.region} has no {kind}", "Choose another InstanceType.")
        return
    yield good("instance type", kind)
    if kind[0] in FAMILIES:
        cpus = 2 * int(survey.values[template_names.MOST_TASKS]) * details["VCpuInfo"]["DefaultVCpus"]
        yield _room(survey.aws, "vCPUs of instances", "ec2", STANDARD, 0, cpus)


def _room(aws: Aws, what: str, service: str, name: str, used: int, needed: float) -> Check:
    pages = aws.pages("service-quotas", "list_service_quotas", ServiceCode=service)
    limit = next((quota["Value"] for page in pages for quota in page["Quotas"] if quota["QuotaName"] == name), None)
    if limit is None:
        return warning(what, f"Service Quotas has no {name!r} of {service}", "Look at the quota in the console.")
    usage = f"{used} of {limit:g} used, {needed:g} wanted"
    if used + needed > limit:
        return fault(
            what, usage, f"Ask for more of {name!r} ({service}) in Service Quotas, or remove what is not needed."
        )
    return good(what, usage)


def prefix_list(survey: Survey) -> Iterator[Check]:
    """The list that the load balancer's group admits weighs almost as much as a group may hold."""
    if not survey.count("AWS::EC2::VPC"):
        return
    filters = [{"Name": "prefix-list-name", "Values": [PREFIX_LIST]}]
    pages = survey.aws.pages("ec2", "describe_managed_prefix_lists", Filters=filters)
    lists = [entry for page in pages for entry in page["PrefixLists"]]
    if not lists:
        yield fault("CloudFront's prefix list", f"{survey.aws.region} has none", "Deploy to another region.")
        return
    weight = lists[0].get("MaxEntries", 0)
    yield _room(
        survey.aws, "rules of a security group", "vpc", "Inbound or outbound rules per security group", 0, weight
    )


def zones(survey: Survey) -> Iterator[Check]:
    """Two availability zones with all that the network needs, by their ids; a living environment keeps its own."""
    if not survey.count("AWS::EC2::VPC") or survey.exists:
        return
    instances = survey.values[template_names.INSTANCE] if survey.count("AWS::ElasticBeanstalk::Environment") else ""
    fit = fit_zones(survey.aws)
    if instances:
        offering = zones_with(survey.aws, instances)
        fit = [(zone_id, name) for zone_id, name in fit if name in offering]
    names = ", ".join(f"{name} ({zone_id})" for zone_id, name in fit[:2])
    if len(fit) < 2:
        remedy = "Deploy to another Region, or choose another InstanceType."
        yield fault("zones", f"two are needed, and there are: {names or 'none'}", remedy)
    else:
        yield good("zones", names)


def edge_logs(survey: Survey) -> Iterator[Check]:
    """Whether CloudFront delivers its logs into a bucket of this Region."""
    kind = "AWS::CloudFront::Distribution"
    if gaps(kind, region=survey.aws.region) and survey.count(kind):
        remedy = "Deploy to another Region."
        yield fault("CloudFront's logs", f"CloudFront delivers none to {survey.aws.region}, an opt-in Region", remedy)


def mail(survey: Survey) -> Iterator[Check]:
    """SES starts in a sandbox, in which it sends to verified addresses only."""
    sender = survey.values.get(template_names.SENDER, "")
    if not sender:
        return
    if not survey.aws.call("sesv2", "get_account").get("ProductionAccessEnabled"):
        yield warning(
            "mail", "SES is in its sandbox and sends to verified addresses only", "Ask for production access."
        )
    for identity in (sender, sender.partition("@")[2]):
        try:
            about = survey.aws.call("sesv2", "get_email_identity", EmailIdentity=identity)
        except AwsError as error:
            # Code: `NotFoundException` in botocore's model of SES v2.
            if error.code != "NotFoundException":
                raise
            continue
        if about.get("VerifiedForSendingStatus"):
            yield good("mail", f"{identity} is verified")
            return
    yield warning("mail", f"neither {sender} nor its domain is verified in SES", "Verify one, or no mail leaves.")


def messages(survey: Survey) -> Iterator[Check]:
    """SMS start in a sandbox, too."""
    if survey.values.get(template_names.PHONE):
        if survey.aws.call("sns", "get_sms_sandbox_account_status")["IsInSandbox"]:
            yield warning("SMS", "SNS sends to verified numbers only", "Verify the number, or leave the sandbox.")
        else:
            yield good("SMS", "out of the sandbox")


def build_image(survey: Survey) -> Iterator[Check]:
    """CodeBuild's images come and go by region."""
    if template_names.BUILD_IMAGE not in survey.values:
        return
    platforms = survey.aws.call("codebuild", "list_curated_environment_images")["platforms"]
    names = {image["name"] for each in platforms for language in each["languages"] for image in language["images"]}
    image = survey.values[template_names.BUILD_IMAGE]
    if image in names:
        yield good("build image", image)
    else:
        yield fault(
            "build image", f"{image} is not in {survey.aws.region}", f"Choose one of {', '.join(sorted(names))}."
        )


def image_scans(survey: Survey) -> Iterator[Check]:
    """Whether the registry scans what is pushed: with enhanced scanning its filters decide which repositories are
    scanned (ECR API reference, PutRegistryScanningConfiguration), not the repository's own setting. Whether that one
    counts beside filters of basic scanning is written nowhere."""
    if not survey.count("AWS::ECR::Repository"):
        return
    configuration = survey.aws.call("ecr", "get_registry_scanning_configuration").get("scanningConfiguration", {})
    rules, is_enhanced = configuration.get("rules", []), configuration.get("scanType") == "ENHANCED"
    stack = stacks.read(survey.aws, survey.environment.stack)
    name = stack.outputs.get(template_names.REGISTRY_NAME, "") if stack else ""
    # CloudFormation makes the name of a repository up; it begins with that of the stack, in small letters.
    start, called = survey.environment.stack.lower(), name or f"{survey.environment.stack.lower()}-..."
    scanning = [rule for rule in rules if rule["scanFrequency"] != "MANUAL"]
    filters = [each["filter"] for rule in scanning for each in rule["repositoryFilters"]]
    what = "enhanced scanning" if is_enhanced else "basic scanning"
    if any(_has(text, name, start) for text in filters) or (not is_enhanced and not rules):
        yield good("image scans", f"{what} of what is pushed")
        return
    remedy = "Add a filter that has it to the scanning configuration of the registry (ECR, Private registry)."
    listed = f"the filters {', '.join(filters)}" if filters else "no filter"
    if not is_enhanced or (filters and not name) or survey.values.get(template_names.SCAN_BLOCK) == "NONE":
        yield warning("image scans", f"{what} by {listed}: {called} may not be scanned", remedy)
    else:
        yield fault("image scans", f"{what} by {listed}: {called} is not scanned, so no image is released", remedy)


def _has(text: str, name: str, start: str) -> bool:
    """Whether a filter surely has a repository, by its whole name where that is known, otherwise by its beginning.
    "Filters with no wildcard will match all repository names that contain the filter", with wildcards the whole name
    (ECR user guide, "Configuring enhanced scanning for images")."""
    if "*" not in text:
        return text in (name or start)
    pattern = ".*".join(map(re.escape, text.split("*")))
    return bool(re.fullmatch(pattern, name or start)) and (bool(name) or text.endswith("*"))


def hosted_zone(survey: Survey) -> Iterator[Check]:
    """Whether the zone is there, public, and the domain's: in a private one (Route 53 API reference, HostedZoneConfig)
    ACM finds no record that validates a certificate, and nobody outside its VPCs finds the address."""
    zone = survey.values.get(template_names.ZONE, "")
    if not zone:
        return
    try:
        about = survey.aws.call("route53", "get_hosted_zone", Id=zone)["HostedZone"]
    except AwsError as error:
        if error.code != "NoSuchHostedZone":  # botocore's model of Route 53
            raise
        yield fault("hosted zone", f"the account has no zone {zone}", "Correct HostedZoneId.")
        return
    name, domain = about["Name"].rstrip("."), survey.values.get(template_names.DOMAIN, "")
    if about.get("Config", {}).get("PrivateZone"):
        what = f"{name} ({zone}) is private: no certificate is validated there, and users do not find the address"
        yield fault("hosted zone", what, "Name the public zone of the domain in HostedZoneId.")
    elif domain and not f".{domain}".endswith(f".{name}"):
        yield fault(
            "hosted zone", f"{domain} is not in {name} ({zone})", "Name the zone of the domain in HostedZoneId."
        )
    else:
        yield good("hosted zone", name)
