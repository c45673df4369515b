"""Renews the digests of the images that the default Dockerfile starts from, in `buildspecs/base_images.json`.

`python -m scripts.pin_base_image` asks the registry of each image which digest its tag has now, and writes those; with
names (`HOST/NAME:TAG`) also images that the file does not have yet. The image of a digest is what the Dockerfile names,
so a change of the file is a change that somebody reviews. No password is sent: public images only. Source: OCI
Distribution Specification v1.1, "Pulling manifests"; Docker's token authentication, for the anonymous token.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from scripts import loopback

FILE = Path(__file__).resolve().parents[1] / "buildspecs/base_images.json"
# An image for several platforms first: builds and a rehearsal on another kind of computer take the same digest.
TYPES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
IMAGE = re.compile(r"([a-z0-9.-]+(?::\d+)?)/([a-z0-9._/-]+):([A-Za-z0-9_][\w.-]*)")
SECONDS = 30.0
LARGEST = 4 * 1024 * 1024  # bytes; the specification asks registries to take manifests of this size


class BaseImageError(Exception):
    """An image cannot be pinned; the message says which and why."""


def main(arguments: Sequence[str] | None = None, file: Path = FILE) -> int:
    """Renews the file; returns the exit status. Nothing is written unless every image has its digest."""
    names = list(sys.argv[1:] if arguments is None else arguments)
    try:
        before: dict[str, str] = json.loads(file.read_text(encoding="utf-8"))
        after = {name: digest(name) for name in sorted({*before, *names})}
    except BaseImageError as error:
        print(f"pin_base_image: {error}", file=sys.stderr)
        return 1
    for name in after:
        if before.get(name) != after[name]:
            print(f"{name}: {before.get(name, 'new')} -> {after[name]}")
    file.write_text(json.dumps(after, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    print("unchanged" if after == before else "buildspecs/base_images.json is renewed: run `python -m generator`")
    return 0


def digest(image: str) -> str:
    """The digest that the tag of an image has now: the SHA-256 over the manifest, which the registry has to name as
    well. Raises `BaseImageError`."""
    match = IMAGE.fullmatch(image)
    if match is None:
        raise BaseImageError(f"{image} is not HOST/NAME:TAG")
    host, name, tag = match.groups()
    address = f"{_scheme(host)}://{host}/v2/{name}/manifests/{tag}"
    headers = {"Accept": ", ".join(TYPES)}
    status, answered, body = _get(address, headers)
    if status == 401:
        token = _token(image, answered.get("WWW-Authenticate", ""))
        status, answered, body = _get(address, {**headers, "Authorization": f"Bearer {token}"})
    if status != 200:
        raise BaseImageError(f"{image}: the registry answers {status} {body[:200]!r}")
    computed = f"sha256:{hashlib.sha256(body).hexdigest()}"
    named = answered.get("Docker-Content-Digest", computed)
    if named != computed:
        raise BaseImageError(f"{image}: the registry says {named}, and what it sent is {computed}")
    if answered.get("Content-Type", "").partition(";")[0] not in TYPES:
        raise BaseImageError(f"{image}: the registry sent {answered.get('Content-Type', 'something')}, no manifest")
    return computed


def _token(image: str, challenge: str) -> str:
    """An anonymous token, as the challenge asks for it. Raises `BaseImageError`."""
    fields = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
    realm = fields.pop("realm", "")
    if not challenge.startswith("Bearer ") or urlsplit(realm).scheme != _scheme(urlsplit(realm).netloc):
        raise BaseImageError(f"{image}: the registry asks for {challenge!r}, and only an anonymous token is fetched")
    status, _, body = _get(f"{realm}?{urlencode(fields)}", {})
    try:
        answer = json.loads(body)
        return str(answer.get("token") or answer["access_token"])
    except (ValueError, KeyError, AttributeError) as error:
        raise BaseImageError(f"{image}: {realm} gives no token ({status})") from error


def _scheme(host: str) -> str:
    return "http" if urlsplit(f"//{host}").hostname in loopback.HOSTS else "https"


def _get(address: str, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
    request = urllib.request.Request(address, headers=headers)
    try:
        with _open(request) as answer:
            return answer.status, _named(answer.headers), answer.read(LARGEST)
    except urllib.error.HTTPError as answer:
        with answer:
            return answer.code, _named(answer.headers), answer.read(LARGEST)
    except OSError as error:
        raise BaseImageError(f"{address}: no answer, {error}") from error


def _open(request: urllib.request.Request) -> Any:
    if urlsplit(request.full_url).scheme == "http":
        return loopback.urlopen(request, SECONDS)
    return urllib.request.urlopen(request, timeout=SECONDS)


def _named(headers: Any) -> dict[str, str]:
    """Headers by the names that are asked for here: whatever letters a registry writes them in."""
    names = ("WWW-Authenticate", "Docker-Content-Digest", "Content-Type")
    return {name: headers[name] for name in names if headers[name]}


if __name__ == "__main__":
    sys.exit(main())
