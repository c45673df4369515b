"""What services refuse while something uses a resource, and moto lets pass: patches of moto's backends.

Each has the source of the fact; codes and words are AWS's own where it documents them.
"""

from collections.abc import Callable, Iterator, Mapping
from copy import copy
from typing import Any

from generator.cfn.quotas import MANAGED_POLICIES
from scripts.local_aws.moto_patches import is_aws_policy, replace

# Parameters of UpdateService that start a deployment when they change: botocore's model of ECS says of each parameter
# whether it does ("This parameter triggers a new service deployment").
DEPLOYED = (
    "load_balancers",
    "network_configuration",
    "platform_version",
    "service_connect_configuration",
    "service_registries",
    "task_definition",
    "volume_configurations",
    "vpc_lattice_configurations",
)


def install() -> None:
    """Puts all of them in place."""
    _subnets()
    _security_groups()
    _nat_gateways()
    _internet_gateways()
    _interfaces()
    _balancers()
    _target_groups()
    _certificates()
    _scaling()
    _services()
    _boundaries()
    _attachments()
    _addresses()
    _subscriptions()


def _refusing(owner: type, name: str, check: Callable[..., None]) -> None:
    """Lets a method of a backend run only when `check`, which is given the same arguments, raises nothing."""
    method = getattr(owner, name)

    def checked(backend: Any, *arguments: Any, **named: Any) -> Any:
        check(backend, *arguments, **named)
        return method(backend, *arguments, **named)

    replace(owner, name, checked)


def _balancers_of(ec2: Any) -> Iterator[Any]:
    """The load balancers of the account and Region of an EC2 backend."""
    from moto.elbv2.models import elbv2_backends

    yield from elbv2_backends[ec2.account_id][ec2.region_name].load_balancers.values()


def _subnets() -> None:
    """EC2 API reference, DeleteSubnet: everything in the subnet has to go first; "Error codes": DependencyViolation."""
    from moto.ec2.exceptions import DependencyViolationError
    from moto.ec2.models.subnets import SubnetBackend

    def check(ec2: Any, subnet_id: str) -> None:
        interfaces = [interface.id for interface in ec2.enis.values() if interface.subnet.id == subnet_id]
        balancers = [
            balancer.arn for balancer in _balancers_of(ec2) if subnet_id in [subnet.id for subnet in balancer.subnets]
        ]
        if interfaces or balancers:
            raise DependencyViolationError(f"The subnet '{subnet_id}' has dependencies and cannot be deleted.")

    _refusing(SubnetBackend, "delete_subnet", check)


def _security_groups() -> None:
    """EC2 API reference, DeleteSecurityGroup: a group that an interface uses or a rule of another group names is in use
    (DependencyViolation); a load balancer has interfaces with its groups."""
    from moto.ec2.exceptions import DependencyViolationError
    from moto.ec2.models.security_groups import SecurityGroupBackend

    def names(group: Any) -> set[str]:
        rules = [*group.ingress_rules, *group.egress_rules]
        return {(rule.source_group or {}).get("GroupId", "") for rule in rules}

    def check(ec2: Any, group_id: str) -> None:
        groups = [group for groups in ec2.groups.values() for group in groups.values()]
        used = {group.id for interface in ec2.enis.values() for group in interface.group_set}
        used |= {group for balancer in _balancers_of(ec2) for group in balancer.security_groups or ()}
        used |= {named for group in groups if group.id != group_id for named in names(group)}
        if group_id in used:
            raise DependencyViolationError(f"resource {group_id} has a dependent object")

    _refusing(SecurityGroupBackend, "delete_security_group", check)


def _nat_gateways() -> None:
    """moto leaves the interface of a gateway that was deleted or could not be made, and the address of the first
    associated. EC2 user guide, "Work with NAT gateways": deleting one takes its interface away and disassociates its
    Elastic IP address; an address that is in use: terraform-provider-aws issue 709 (Resource.AlreadyAssociated)."""
    from moto.ec2.exceptions import ResourceAlreadyAssociatedError
    from moto.ec2.models.nat_gateways import NatGatewayBackend

    delete = NatGatewayBackend.delete_nat_gateway

    def delete_whole(ec2: Any, nat_gateway_id: str) -> Any:
        gateway = delete(ec2, nat_gateway_id)
        for address in ec2.addresses:
            if address.eni is gateway._eni:
                address.eni = address.association_id = None
        ec2.enis.pop(gateway._eni.id, None)
        return gateway

    def check(ec2: Any, *, allocation_id: str | None, **_: Any) -> None:
        if any(address.eni for address in ec2.addresses if allocation_id and address.allocation_id == allocation_id):
            raise ResourceAlreadyAssociatedError(str(allocation_id))

    replace(NatGatewayBackend, "delete_nat_gateway", delete_whole)
    _refusing(NatGatewayBackend, "create_nat_gateway", check)


def _internet_gateways() -> None:
    """A gateway stays while something in its network has a public address: NAT gateways, internet-facing load
    balancers. The words: jenkins-x/terraform-aws-eks-jx issue 373; the code: EC2 API reference, "Error codes"."""
    from moto.ec2.exceptions import DependencyViolationError
    from moto.ec2.models.internet_gateways import InternetGatewayBackend

    def check(ec2: Any, internet_gateway_id: str, vpc_id: str) -> None:  # noqa: ARG001 - moto's own arguments
        mapped = [
            gateway
            for gateway in ec2.nat_gateways.values()
            if gateway.vpc_id == vpc_id and gateway.state != "deleted" and gateway.connectivity_type != "private"
        ]
        facing = [
            balancer
            for balancer in _balancers_of(ec2)
            if balancer.vpc_id == vpc_id and balancer.scheme == "internet-facing"
        ]
        if mapped or facing:
            raise DependencyViolationError(
                f"Network {vpc_id} has some mapped public address(es). "
                "Please unmap those public address(es) before detaching the gateway."
            )

    _refusing(InternetGatewayBackend, "detach_internet_gateway", check)


def _interfaces() -> None:
    """EC2 API reference, DescribeNetworkInterfaces, has the filter group-name, moto has not."""
    from moto.ec2.models.elastic_network_interfaces import NetworkInterface

    value = NetworkInterface.get_filter_value

    def with_group_names(interface: Any, filter_name: str, method_name: str | None = None) -> Any:
        if filter_name == "group-name":
            return [group.name for group in interface.group_set]
        return value(interface, filter_name, method_name)

    replace(NetworkInterface, "get_filter_value", with_group_names)


def _balancers() -> None:
    """A load balancer stays in its network, and is not deleted while it is protected from that. Elastic Load Balancing
    API reference, SetSubnets and SetSecurityGroups: InvalidConfigurationRequest, InvalidSecurityGroup;
    DeleteLoadBalancer: OperationNotPermitted; for subnets of another network: aws-cdk issue 16869."""
    from moto.elbv2.exceptions import ELBClientError
    from moto.elbv2.models import ELBv2Backend

    def check_subnets(elb: Any, arn: str, subnets: list[str], subnet_mappings: list[dict[str, Any]]) -> None:
        balancer = elb.load_balancers.get(arn)
        for name in [*subnets, *(mapping["SubnetId"] for mapping in subnet_mappings)]:
            if balancer and (vpc := elb.ec2_backend.get_subnet(name).vpc_id) != balancer.vpc_id:
                message = f"The subnet '{name}' is in '{vpc}', the load balancer in '{balancer.vpc_id}'"
                raise ELBClientError("InvalidConfigurationRequest", message)

    def check_groups(elb: Any, arn: str, sec_groups: list[str]) -> None:
        balancer = elb.load_balancers.get(arn)
        for name in sec_groups:
            group = elb.ec2_backend.get_security_group_from_id(name)
            if balancer and group and group.vpc_id != balancer.vpc_id:
                message = f"The security group '{name}' does not belong to the VPC of the load balancer"
                raise ELBClientError("InvalidSecurityGroup", message)

    def check_protection(elb: Any, arn: str) -> None:
        balancer = elb.load_balancers.get(arn)
        if balancer and balancer.attrs.get("deletion_protection.enabled") == "true":
            message = f"Load balancer '{arn}' cannot be deleted because deletion protection is enabled"
            raise ELBClientError("OperationNotPermitted", message)

    _refusing(ELBv2Backend, "delete_load_balancer", check_protection)
    _refusing(ELBv2Backend, "set_subnets", check_subnets)
    _refusing(ELBv2Backend, "set_security_groups", check_groups)


def _target_groups() -> None:
    """A target group has one load balancer: botocore's model, TargetGroupAssociationLimit; coverage-roadmap issue 780,
    aws-cdk issue 33253."""
    from moto.elbv2.exceptions import ELBClientError
    from moto.elbv2.models import ELBv2Backend

    def check_groups_of(elb: Any, balancer: str, actions: list[dict[str, Any]]) -> None:
        for action in actions:
            for arn in elb._get_target_group_arns_from(action_data=action):
                known = elb.target_groups[arn].load_balancer_arns if arn in elb.target_groups else ()
                if any(other != balancer and other in elb.load_balancers for other in known):
                    message = (
                        f"The following target groups cannot be associated with more than one load balancer: {arn}"
                    )
                    raise ELBClientError("TargetGroupAssociationLimit", message)

    def check_listener(elb: Any, load_balancer_arn: str, *, actions: list[dict[str, Any]], **_: Any) -> None:
        check_groups_of(elb, load_balancer_arn, actions)

    def check_rule(elb: Any, listener_arn: str, *, actions: list[dict[str, Any]], **_: Any) -> None:
        check_groups_of(elb, elb.describe_listeners(None, [listener_arn])[0].load_balancer_arn, actions)

    _refusing(ELBv2Backend, "create_listener", check_listener)
    _refusing(ELBv2Backend, "create_rule", check_rule)


def _certificate_users(acm: Any, arn: str) -> Iterator[str]:
    """The ARNs of listeners and distributions that have a certificate."""
    from moto.cloudfront.models import cloudfront_backends
    from moto.elbv2.models import elbv2_backends

    for balancer in elbv2_backends[acm.account_id][acm.region_name].load_balancers.values():
        for listener in balancer.listeners.values():
            if arn in listener.certificates:
                yield listener.arn
    for backends in cloudfront_backends[acm.account_id].values():
        for distribution in backends.distributions.values():
            if vars(distribution.distribution_config)["ViewerCertificate"].acm_certificate_arn == arn:
                yield distribution.arn


def _certificates() -> None:
    """ACM API reference, DeleteCertificate: ResourceInUseException while another AWS service uses the certificate.
    moto knows no distribution as a user, and never forgets a listener that was one."""
    from moto.acm.models import AWSCertificateManagerBackend
    from moto.core.exceptions import AWSError

    class ResourceInUseError(AWSError):
        TYPE = "ResourceInUseException"

    def check(acm: Any, arn: str) -> None:
        if any(_certificate_users(acm, arn)):
            raise ResourceInUseError(f"Certificate {arn} in account {acm.account_id} is in use.")

    describe = AWSCertificateManagerBackend.describe_certificate

    def describe_with_users(acm: Any, arn: str) -> Any:
        certificate = describe(acm, arn)
        certificate.in_use_by = list(_certificate_users(acm, arn))
        return certificate

    replace(AWSCertificateManagerBackend, "describe_certificate", describe_with_users)
    _refusing(AWSCertificateManagerBackend, "delete_certificate", check)


def _scaling() -> None:
    """Application Auto Scaling API reference, RegisterScalableTarget: ValidationException; the words:
    terraform-provider-aws, appautoscaling_scheduled_action. PutScalingPolicy: a policy needs its scalable target
    (ObjectNotFoundException), and one that exists is updated: moto makes another one, with an ARN of its own."""
    from moto.applicationautoscaling.exceptions import AWSValidationException
    from moto.applicationautoscaling.models import ApplicationAutoscalingBackend
    from moto.core.exceptions import JsonRESTError

    def check_target(scaling: Any, _: str, r_id: str, dimension: str, **capacity: Any) -> None:
        target = scaling.targets.get(dimension, {}).get(r_id)
        least, most = capacity["min_capacity"], capacity["max_capacity"]
        least = target.min_capacity if target and least is None else least
        most = target.max_capacity if target and most is None else most
        if least is not None and most is not None and int(least) > int(most):
            raise AWSValidationException("Maximum capacity cannot be less than minimum capacity")

    def check_policy(scaling: Any, *, resource_id: str, scalable_dimension: str, **_: Any) -> None:
        if resource_id not in scaling.targets.get(scalable_dimension, {}):
            message = f"No scalable target registered for resource ID: {resource_id}"
            raise JsonRESTError("ObjectNotFoundException", message)

    put = ApplicationAutoscalingBackend.put_scaling_policy

    def put_under_its_arn(scaling: Any, **arguments: Any) -> Any:
        arns = {key: policy.policy_arn for key, policy in scaling.policies.items()}
        policy = put(scaling, **arguments)
        for key, arn in arns.items():
            scaling.policies[key].policy_arn = arn
        return policy

    replace(ApplicationAutoscalingBackend, "put_scaling_policy", put_under_its_arn)
    _refusing(ApplicationAutoscalingBackend, "register_scalable_target", check_target)
    _refusing(ApplicationAutoscalingBackend, "put_scaling_policy", check_policy)


def _services() -> None:
    """moto starts a deployment of a service only when it is forced. Source: `DEPLOYED`. A cluster stays while it has
    services (ECS API reference, DeleteCluster: ClusterContainsServicesException)."""
    from moto.core.utils import utcnow
    from moto.ecs.exceptions import ECSException
    from moto.ecs.models import EC2ContainerServiceBackend
    from moto.moto_api._internal import mock_random

    update = EC2ContainerServiceBackend.update_service

    def values(service: Any) -> dict[str, Any]:
        return {name: getattr(service, name, None) for name in DEPLOYED}

    def update_deployed(ecs: Any, service_properties: dict[str, Any]) -> Any:
        request: Mapping[str, Any] = dict(service_properties)
        service = ecs._get_service(request.get("cluster", "default"), request["service"].split("/")[-1])
        before = values(service)
        updated = update(ecs, service_properties)
        if updated.deployments and (request.get("force_new_deployment") or values(updated) != before):
            fresh = {"id": f"ecs-svc/{mock_random.randint(0, 32**12)}", "createdAt": utcnow(), "updatedAt": utcnow()}
            updated.deployments[0] |= {**fresh, "taskDefinition": updated.task_definition}
        return updated

    def check_cluster(ecs: Any, cluster_str: str) -> None:
        cluster = ecs._get_cluster(cluster_str)
        if any(service.cluster_name == cluster.name for service in ecs.services.values() if service.status == "ACTIVE"):
            message = "The Cluster cannot be deleted while Services are active."
            raise ECSException("ClusterContainsServicesException", message)

    replace(EC2ContainerServiceBackend, "update_service", update_deployed)
    _refusing(EC2ContainerServiceBackend, "delete_cluster", check_cluster)


def _boundaries() -> None:
    """A role gets only a policy that exists as its permissions boundary (botocore's model of IAM,
    PutRolePermissionsBoundary: NoSuchEntity), and a policy that bounds a role is in use (GetPolicy,
    `PermissionsBoundaryUsageCount`; DeletePolicy: DeleteConflict)."""
    from moto.iam.exceptions import DeleteConflictException, NotFoundException
    from moto.iam.models import IAMBackend

    def exists(iam: Any, arn: str | None) -> None:
        if arn and arn not in iam.managed_policies and not is_aws_policy(arn):
            raise NotFoundException(f"Scope ARN: {arn} does not exist or is not attachable.")

    def check_creation(iam: Any, *arguments: Any, **named: Any) -> None:
        exists(iam, named.get("permissions_boundary", arguments[3] if len(arguments) > 3 else None))

    def check_change(iam: Any, _role_name: str, permissions_boundary: str) -> None:
        exists(iam, permissions_boundary)

    def check_deletion(iam: Any, policy_arn: str) -> None:
        if policy_arn in {role.permissions_boundary_arn for role in iam.get_roles()}:
            raise DeleteConflictException("Cannot delete a policy attached to entities.")

    _refusing(IAMBackend, "create_role", check_creation)
    _refusing(IAMBackend, "put_role_permissions_boundary", check_change)
    _refusing(IAMBackend, "delete_policy", check_deletion)


def _attachments() -> None:
    """A role has ten managed policies at most, those that are about to go included. IAM user guide, "IAM and AWS STS
    quotas"; code and words: aws/eks-hybrid issue 741."""
    from moto.iam.exceptions import LimitExceededException
    from moto.iam.models import IAMBackend

    def check(iam: Any, policy_arn: str, role_name: str) -> None:
        attached = {policy.arn for policy in iam.get_role(role_name).managed_policies.values()}
        if len({*attached, policy_arn}) > MANAGED_POLICIES:
            raise LimitExceededException(f"Cannot exceed quota for PoliciesPerRole: {MANAGED_POLICIES}")

    _refusing(IAMBackend, "attach_role_policy", check)


def _addresses() -> None:
    """A Region has a quota of Elastic IP addresses. EC2 API reference, "Error codes": AddressLimitExceeded."""
    from moto.ec2.exceptions import EC2ClientError
    from moto.ec2.models.elastic_ip_addresses import ElasticAddressBackend

    from scripts.local_aws.account import account

    def check(ec2: Any, *_: Any, **__: Any) -> None:
        quota = account(ec2.account_id, ec2.region_name).behaviour.addresses
        if quota and len(ec2.addresses) >= quota:
            raise EC2ClientError("AddressLimitExceeded", "The maximum number of addresses has been reached.")

    _refusing(ElasticAddressBackend, "allocate_address", check)


def _subscriptions() -> None:
    """Whoever is subscribed by mail gets nothing until the link in it has been clicked. SNS developer guide,
    sns-email-notifications; botocore's model, GetSubscriptionAttributes: PendingConfirmation. Lists have that word in
    the place of its ARN until then."""
    from moto.sns.models import SNSBackend

    subscribe, listed = SNSBackend.subscribe, SNSBackend.list_subscriptions_by_topic

    def subscribe_pending(sns: Any, topic_arn: str, endpoint: str, protocol: str) -> Any:
        known = sns._find_subscription(topic_arn, endpoint, protocol)
        subscription = subscribe(sns, topic_arn, endpoint, protocol)
        if known is None and protocol.startswith("email"):
            subscription.attributes["PendingConfirmation"] = True
        return subscription

    def shown(subscription: Any) -> Any:
        if not subscription.attributes.get("PendingConfirmation"):
            return subscription
        unconfirmed = copy(subscription)
        unconfirmed.arn = "PendingConfirmation"
        return unconfirmed

    def list_with_pending(sns: Any, topic_arn: str, next_token: Any = None) -> Any:
        subscriptions, token = listed(sns, topic_arn, next_token=next_token)
        return [shown(each) for each in subscriptions], token

    replace(SNSBackend, "subscribe", subscribe_pending)
    replace(SNSBackend, "list_subscriptions_by_topic", list_with_pending)
