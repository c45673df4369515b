"""The distributions of the account, served on this machine for as long as a rehearsal takes."""

import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from scripts.deployment.aws import Aws
from scripts.deployment.errors import AwsError
from scripts.rehearsal import edge, serve
from scripts.rehearsal.commands import Hook
from scripts.rehearsal.declared import declared
from scripts.rehearsal.errors import Unsupported


@dataclass
class Sites:
    """Distributions by id: their names on the network, and where they are served here."""

    aws: Aws
    backend_url: str
    names: dict[str, set[str]] = field(default_factory=dict)
    running: dict[str, serve.Running] = field(default_factory=dict)

    def open(self) -> None:
        """Starts serving all there are, with the pages that visitors have asked for before the release."""
        listed = self.aws.call("cloudfront", "list_distributions")["DistributionList"].get("Items", ())
        for one in listed:
            config = self.aws.call("cloudfront", "get_distribution_config", Id=one["Id"])["DistributionConfig"]
            self._complete(one["Id"], config)
            names = config.get("Aliases", {}).get("Items", ())
            self.names[one["Id"]] = {one["DomainName"], *names}
            found = serve.start(
                config, self._functions(config), self._policies(config), self._objects(config), self.backend_url
            )
            self.running[one["Id"]] = found
            for path in ("/", f"/{config.get('DefaultRootObject', '')}"):
                with suppress(urllib.error.HTTPError):  # before the first release there is no page
                    urllib.request.urlopen(found.url + path, timeout=10).read()

    def point(self, backend_url: str) -> None:
        """Sends what goes to the backend to another address from now on."""
        self.backend_url = backend_url
        for one in self.running.values():
            one.backend_url = backend_url

    def local(self, value: str) -> str:
        """The address that stands for one of a distribution, or an empty text."""
        parts = urlsplit(value)
        for identity, names in self.names.items():
            if parts.scheme == "https" and parts.hostname in names:
                return self.running[identity].url + parts.path
        return ""

    def stop(self) -> None:
        for one in self.running.values():
            one.stop()

    def hooks(self) -> dict[str, Hook]:
        """Invalidations work at once here, and are completed as soon as somebody asks."""
        return {"cloudfront.create_invalidation": self._invalidate, "cloudfront.get_invalidation": _completed}

    def _invalidate(self, asked: Mapping[str, Any], _: dict[str, Any]) -> None:
        self.running[asked["DistributionId"]].invalidate(asked["InvalidationBatch"]["Paths"]["Items"])

    def _complete(self, identity: str, config: dict[str, Any]) -> None:
        """Adds what the local AWS does not hold: what kind an origin is, and the functions of behaviours."""
        held = declared(self.aws, identity)
        for origin in config["Origins"]["Items"]:
            for one in held.find("Id", "DomainName"):
                if one["Id"] == origin["Id"]:
                    lost = {key: value for key, value in one.items() if key not in origin}
                    origin.update(
                        {key: held.attribute(value) if _named(value) else value for key, value in lost.items()}
                    )
        for behavior in [config["DefaultCacheBehavior"], *config.get("CacheBehaviors", {}).get("Items", ())]:
            for one in held.find("TargetOriginId", "FunctionAssociations"):
                if one.get("PathPattern") == behavior.get("PathPattern"):
                    items = [
                        {"EventType": each["EventType"], "FunctionARN": held.attribute(each["FunctionARN"])}
                        for each in one["FunctionAssociations"]
                    ]
                    behavior["FunctionAssociations"] = {"Quantity": len(items), "Items": items}

    def _functions(self, config: Mapping[str, Any]) -> dict[str, str]:
        """The code of the functions that the behaviours name, by ARN."""
        behaviors = [config["DefaultCacheBehavior"], *config.get("CacheBehaviors", {}).get("Items", ())]
        arns = {
            association["FunctionARN"]
            for one in behaviors
            for association in one.get("FunctionAssociations", {}).get("Items", ())
        }
        found = {}
        for arn in arns:
            answer = self.aws.call("cloudfront", "get_function", Name=arn.rsplit("/", 1)[-1])
            found[arn] = answer["FunctionCode"].read().decode()
        return found

    def _policies(self, config: Mapping[str, Any]) -> dict[str, edge.Added]:
        """What the response headers policies of the behaviours add. The local AWS holds none of them: their stack's
        template says it."""
        behaviors = [config["DefaultCacheBehavior"], *config.get("CacheBehaviors", {}).get("Items", ())]
        named = {one.get("ResponseHeadersPolicyId", "") for one in behaviors} - {""}
        return {
            policy: edge.added(found.properties["ResponseHeadersPolicyConfig"])
            for policy in named
            if (found := declared(self.aws, policy)).properties
        }

    def _objects(self, config: Mapping[str, Any]) -> Callable[[str], serve.StoredObject | None]:
        """The objects of the bucket among the origins; a backend alone has none."""
        domains = [one["DomainName"] for one in config["Origins"]["Items"]]
        buckets = {domain.partition(".s3")[0] for domain in domains if ".s3." in domain or ".s3-" in domain}
        if len(buckets) > 1:
            raise Unsupported(f"a distribution has {len(buckets)} buckets among its origins, one is imitated")

        def read(key: str) -> serve.StoredObject | None:
            if not buckets:
                return None
            [bucket] = buckets
            try:
                answer = self.aws.call("s3", "get_object", Bucket=bucket, Key=key)
            except AwsError as error:
                if error.code in ("NoSuchKey", "AccessDenied"):
                    return None
                raise
            return serve.StoredObject(answer["Body"].read(), answer["ContentType"], answer.get("CacheControl"))

        return read


def _completed(_: Mapping[str, Any], answer: dict[str, Any]) -> None:
    answer["Invalidation"]["Status"] = "Completed"


def _named(value: Any) -> bool:
    return isinstance(value, dict) and bool(value.keys() & {"Ref", "Fn::GetAtt"})
