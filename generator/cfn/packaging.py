"""A root template with all that it nests, as it is stored for CloudFormation: under keys made of their content, so that
a key never changes its meaning; and whether what somebody else holds is the same. Pure."""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from generator.cfn.names import TEMPLATES, bucket_name
from generator.cfn.templates import Body, Template

SHOWN = 120  # characters of a value in a difference


@dataclass(frozen=True)
class Bucket:
    """The packaging bucket of an application, one for each account and region."""

    name: str
    region: str
    account: str

    @property
    def address(self) -> dict[str, str]:
        """What every call about the bucket says: nobody else's bucket of this name is ever used."""
        return {"Bucket": self.name, "ExpectedBucketOwner": self.account}

    @property
    def url(self) -> str:
        """Where CloudFormation finds it: it takes https addresses of S3 only (API reference, CreateChangeSet)."""
        return f"https://{self.name}.s3.{self.region}.amazonaws.com"

    @classmethod
    def of(cls, application: str, account: str, region: str) -> "Bucket":
        return cls(bucket_name(application, account, region), region, account)


@dataclass(frozen=True)
class Packaged:
    """One template as it is stored."""

    name: str
    key: str
    url: str
    body: Body = field(hash=False, repr=False)

    @cached_property
    def content(self) -> bytes:
        """What is uploaded: indented, because people read it in the console."""
        return json.dumps(self.body, sort_keys=True, indent=1).encode()

    @cached_property
    def checksum(self) -> str:
        """SHA-256 of the content, as S3 writes it (API reference, PutObject: ChecksumSHA256)."""
        return base64.b64encode(hashlib.sha256(self.content).digest()).decode()


@dataclass(frozen=True)
class PackagedSet:
    """A root template with everything that it nests; the root comes last."""

    templates: tuple[Packaged, ...]

    @property
    def root(self) -> Packaged:
        return self.templates[-1]

    def nested(self, url: str) -> Packaged | None:
        """The template at an address, if it is one of the set."""
        return next((each for each in self.templates if each.url == url), None)


def package(root: Template, address: str, environment: str) -> PackagedSet:
    """`root` and what it nests, with each `TemplateURL` rewritten to the child as it is stored at `address`, below the
    prefix of `environment`: who deploys one environment writes no template of another one. It is remembered with the
    root, which never changes."""
    key = package, address, environment
    if key not in root.results:
        done: dict[str, Packaged] = {}
        _package(root, address, f"{TEMPLATES}{environment}/", done)
        root.results[key] = PackagedSet(tuple(done.values()))
    packaged: PackagedSet = root.results[key]
    return packaged


def _package(template: Template, address: str, prefix: str, done: dict[str, Packaged]) -> Packaged:
    if template.name in done:
        return done[template.name]
    resources = dict(template.body["Resources"])
    for child in template.children():
        url = _package(child.template, address, prefix, done).url
        properties = {**child.resource.properties, "TemplateURL": url}
        resources[child.resource.logical_id] = {**child.resource.body, "Properties": properties}
    body = {**template.body, "Resources": resources}
    # Independent of the order of keys. Compact, which takes a fifth of the time: most templates are stored already.
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    key = f"{prefix}{template.name}-{digest[:32]}.json"
    done[template.name] = Packaged(template.name, key, f"{address}/{key}", body)
    return done[template.name]


def bucket_policy(bucket: str) -> dict[str, Any]:
    """The policy of the bucket that templates are stored in: nothing without TLS, and no template over another one.
    Sources: S3 User Guide, "Restrict access to only HTTPS requests" and "Enforce conditional writes on Amazon S3
    buckets"; the parts of a multipart upload take no such header, its completion does."""
    arn = f"arn:aws:s3:::{bucket}"
    deny = {"Effect": "Deny", "Principal": "*"}
    tls = {"Action": "s3:*", "Resource": [arn, f"{arn}/*"], "Condition": {"Bool": {"aws:SecureTransport": "false"}}}
    overwrites = {"Null": {"s3:if-none-match": "true"}, "Bool": {"s3:ObjectCreationOperation": "true"}}
    once = {"Action": "s3:PutObject", "Resource": f"{arn}/{TEMPLATES}*", "Condition": overwrites}
    statements = [{"Sid": "TlsOnly", **deny, **tls}, {"Sid": "TemplatesAreWrittenOnce", **deny, **once}]
    return {"Version": "2012-10-17", "Statement": statements}


def parse(text: str) -> Any:
    """The value of a JSON text. Raises `ValueError` for what is none, and for a key that is there twice: readers differ
    in which of the two they take."""
    try:
        return json.loads(text, object_pairs_hook=_unique)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _unique(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        twice = next(key for key, _ in pairs if sum(other == key for other, _ in pairs) > 1)
        raise ValueError(f"the key {json.dumps(twice)} is there twice")
    return content


def first_difference(ours: Any, theirs: Any, place: str = "") -> str:
    """Where two values of JSON differ first, as a place and what is there; empty where they are the same. A number and
    a Boolean are never the same, though Python calls 1 and true equal."""
    if json.dumps(ours, sort_keys=True) == json.dumps(theirs, sort_keys=True):
        return ""
    if isinstance(ours, Mapping) and isinstance(theirs, Mapping):
        for key in [*ours, *(key for key in theirs if key not in ours)]:
            here = f"{place}/{json.dumps(key)[1:-1]}"
            if key not in theirs:
                return f"{here} is missing"
            if key not in ours:
                return f"{here} is not ours: {_shortened(theirs[key])}"
            if difference := first_difference(ours[key], theirs[key], here):
                return difference
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        pairs = enumerate(zip(ours, theirs, strict=True))
        differences = (first_difference(mine, other, f"{place}/{number}") for number, (mine, other) in pairs)
        return next(filter(None, differences))
    return f"{place or '/'} is {_shortened(theirs)} instead of {_shortened(ours)}"


def _shortened(value: Any) -> str:
    text = json.dumps(value, sort_keys=True)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"
