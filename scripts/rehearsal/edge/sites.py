"""The distributions of the account, served on this machine for as long as a rehearsal takes."""

import urllib.error
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from scripts.deployment.aws import Aws
from scripts.deployment.errors import AwsError
from scripts.loopback import urlopen
from scripts.rehearsal.account_view import DeclaredResource, declared_resource
from scripts.rehearsal.builds.aws_cli import Hook
from scripts.rehearsal.edge.distribution import AddedHeaders, Distribution, added_headers, read_distribution
from scripts.rehearsal.edge.functions import Functions
from scripts.rehearsal.edge.server import NoSuchKeyError, ServedDistribution, StoredObject
from scripts.rehearsal.errors import UnsupportedError
from scripts.rehearsal.permissions import AccessDeniedError, PermissionChecker

CLOUDFRONT = "cloudfront.amazonaws.com"
RENAMED = {"OriginCustomHeaders"}  # what the API calls CustomHeaders


@dataclass
class Distributions:
    """Distributions by id: their names on the network, and where they are served here."""

    aws: Aws
    checker: PermissionChecker
    backend_url: str
    names: dict[str, set[str]] = field(default_factory=dict)
    served: dict[str, ServedDistribution] = field(default_factory=dict)
    arns: dict[str, str] = field(default_factory=dict)
    configs: dict[str, dict[str, Any]] = field(default_factory=dict)
    former: list[Functions] = field(default_factory=list)

    def start(self) -> None:
        """Serves all there are, with the pages in their caches that visitors have asked for before the release."""
        summaries = self.aws.call("cloudfront", "list_distributions")["DistributionList"].get("Items", ())
        for summary in summaries:
            name = summary["Id"]
            self.arns[name] = summary["ARN"]
            config = self._config(name)
            self.names[name] = {summary["DomainName"], *config.get("Aliases", {}).get("Items", ())}
            distribution, objects, code = self._read(name, config)
            served = ServedDistribution(distribution, objects, self.backend_url, Functions(code))
            self.served[name] = served
            served.start()
            for path in ("/", f"/{distribution.root}"):
                with suppress(urllib.error.HTTPError):  # before the first release there is no page
                    urlopen(served.url + path, timeout=10).read()

    def refresh(self) -> None:
        """Serves what has changed as it is now, from the next request on; CloudFront takes minutes to reach its edge
        locations, and answers as before until then (developer guide, HowToUpdateDistribution). Raises `AwsError`,
        `UnsupportedError`; what could not be read is served as before."""
        for name, served in self.served.items():
            before, config = self.configs[name], self._config(name)
            if config == before:
                continue
            try:
                distribution, objects, code = self._read(name, config)
            except (AwsError, UnsupportedError):
                self.configs[name] = before  # to be read again
                raise
            if code.items() - served.functions.sources.items():
                # Those of before go on, for a request that is on its way.
                self.former.append(served.functions)
                served.functions = Functions({**served.functions.sources, **code})
            served.distribution, served.objects = distribution, objects

    def _config(self, name: str) -> dict[str, Any]:
        """The configuration of a distribution as the account has it, which is remembered."""
        try:
            config = self.aws.call("cloudfront", "get_distribution_config", Id=name)["DistributionConfig"]
        except AwsError as error:
            if error.code == "NoSuchDistribution" and name in self.configs:  # it is served as long as a cache has it
                return self.configs[name]
            raise
        self.configs[name] = deepcopy(config)
        return dict(config)

    def _read(
        self, name: str, config: dict[str, Any]
    ) -> tuple[Distribution, Callable[[str], StoredObject | None], dict[str, str]]:
        """A distribution with its objects and the code of its functions."""
        self._complete(name, config)
        code = self._function_code(config)
        return (
            read_distribution(config, code, self._response_headers(config)),
            self._objects(self.arns[name], config),
            code,
        )

    def set_backend(self, backend_url: str) -> None:
        """Sends what goes to the backend to another address from now on; returns when the former one is not needed any
        more."""
        self.backend_url = backend_url
        for distribution in self.served.values():
            distribution.lead_to(backend_url)

    def local_address(self, value: str) -> str:
        """The local address instead of one of a distribution; an empty text for anything else."""
        parts = urlsplit(value)
        for identity, names in self.names.items():
            if parts.scheme == "https" and parts.hostname in names:
                return self.served[identity].url + parts.path
        return ""

    def stop(self) -> None:
        """Ends all servers."""
        for distribution in self.served.values():
            distribution.stop()
        for functions in self.former:
            functions.stop()

    def hooks(self) -> dict[str, Hook]:
        """Invalidations work at once here, and are completed as soon as somebody asks."""
        return {"cloudfront.create_invalidation": self._invalidate, "cloudfront.get_invalidation": _completed}

    def _invalidate(self, arguments: Mapping[str, Any], _: dict[str, Any]) -> None:
        self.served[arguments["DistributionId"]].invalidate(arguments["InvalidationBatch"]["Paths"]["Items"])

    def _complete(self, identity: str, config: dict[str, Any]) -> None:
        """Adds what the local AWS does not keep: what kind an origin is, and the functions of behaviours."""
        declared = declared_resource(self.aws, identity)
        for origin in config["Origins"]["Items"]:
            for declaration in declared.objects_with("Id", "DomainName"):
                if declaration["Id"] == origin["Id"]:
                    missing = {key: value for key, value in declaration.items() if key not in {*origin, *RENAMED}}
                    origin.update({key: _resolved(declared.resolve, value) for key, value in missing.items()})
            if "VpcOriginConfig" in origin:
                self._complete_vpc_origin(declared, origin["VpcOriginConfig"])
        for behavior in _behaviors(config):
            for declaration in declared.objects_with("TargetOriginId", "FunctionAssociations"):
                if declaration.get("PathPattern") == behavior.get("PathPattern"):
                    items = [
                        {
                            "EventType": association["EventType"],
                            "FunctionARN": declared.resolve(association["FunctionARN"]),
                        }
                        for association in declaration["FunctionAssociations"]
                    ]
                    behavior["FunctionAssociations"] = {"Quantity": len(items), "Items": items}

    def _complete_vpc_origin(self, declared: DeclaredResource, config: dict[str, Any]) -> None:
        """Adds in which protocol CloudFront asks a VPC origin: that is a setting of the VPC origin's own."""
        vpc_origin = declared_resource(self.aws, declared.resolve(config["VpcOriginId"]))
        for endpoint in vpc_origin.objects_with("OriginProtocolPolicy"):
            config["OriginProtocolPolicy"] = endpoint["OriginProtocolPolicy"]

    def _function_code(self, config: Mapping[str, Any]) -> dict[str, str]:
        """The code of the functions that the behaviours name, by ARN."""
        code = {}
        for behavior in _behaviors(config):
            for association in behavior.get("FunctionAssociations", {}).get("Items", ()):
                arn = association["FunctionARN"]
                answer = self.aws.call("cloudfront", "get_function", Name=arn.rsplit("/", 1)[-1])
                code[arn] = answer["FunctionCode"].read().decode()
        return code

    def _response_headers(self, config: Mapping[str, Any]) -> dict[str, AddedHeaders]:
        """What the response headers policies of the behaviours add. The local AWS keeps none of them: their stack's
        template says it."""
        headers = {}
        for policy in {behavior.get("ResponseHeadersPolicyId", "") for behavior in _behaviors(config)} - {""}:
            properties = declared_resource(self.aws, policy).properties
            if properties:
                headers[policy] = added_headers(properties["ResponseHeadersPolicyConfig"])
        return headers

    def _objects(self, arn: str, config: Mapping[str, Any]) -> Callable[[str], StoredObject | None]:
        """The objects of the bucket among the origins; a backend alone has none. One that is encrypted with a key needs
        the key's policy to let CloudFront decrypt for this distribution. For one that is not there `NoSuchKeyError` is
        raised where the bucket's policy lets CloudFront list it."""
        domains = [origin["DomainName"] for origin in config["Origins"]["Items"]]
        buckets = {domain.partition(".s3")[0] for domain in domains if ".s3." in domain or ".s3-" in domain}
        if len(buckets) > 1:
            raise UnsupportedError(f"a distribution has {len(buckets)} buckets among its origins, one is simulated")

        def allowed(action: str, resource: str) -> bool:
            source = {"aws:SourceArn": arn, "aws:SourceAccount": self.checker.account}
            try:
                self.checker.check_service_call(CLOUDFRONT, action, resource, source)
            except AccessDeniedError:
                return False
            return True

        def read(key: str) -> StoredObject | None:
            if not buckets:
                return None
            [bucket] = buckets
            try:
                answer = self.aws.call("s3", "get_object", Bucket=bucket, Key=key)
            except AwsError as error:
                if error.code == "NoSuchKey" and allowed("s3:ListBucket", f"arn:{arn.split(':')[1]}:s3:::{bucket}"):
                    raise NoSuchKeyError(key) from error
                if error.code in ("NoSuchKey", "AccessDenied"):
                    return None
                raise
            if (key_arn := answer.get("SSEKMSKeyId")) and not allowed("kms:Decrypt", key_arn):
                return None
            return StoredObject(answer["Body"].read(), answer["ContentType"], answer.get("CacheControl"))

        return read


def _behaviors(config: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    yield config["DefaultCacheBehavior"]
    yield from config.get("CacheBehaviors", {}).get("Items", ())


def _completed(_: Mapping[str, Any], answer: dict[str, Any]) -> None:
    answer["Invalidation"]["Status"] = "Completed"


def _resolved(resolve: Callable[[Any], str], value: Any) -> Any:
    return resolve(value) if isinstance(value, dict) and value.keys() & {"Ref", "Fn::GetAtt"} else value
