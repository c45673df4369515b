# Two documents about what is released: what is in it (CycloneDX 1.6) and where it comes from (SLSA provenance v1 in an
# in-toto statement). Part of the programs in push.yml and seal.yml, which have a line `#: documents.py` where
# `generator/stacks/codebuild/buildspecs.py` puts it. Nothing of the application runs here: what it left is data.
# The same content and build give the same bytes.
#
# From the project: ARTIFACT_BUCKET. From the action: COMMIT and EXECUTION.
import base64
import binascii
import hashlib
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tarfile
import tempfile
import urllib.parse

variables = os.environ
bucket, commit = variables["ARTIFACT_BUCKET"], variables["COMMIT"]
if not re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", commit):
    sys.exit(f"ERROR COMMIT is {commit!r}, it must be the id of a commit")


def run(command, unless=None):
    """What a command prints; None where it fails with the error `unless`."""
    done = subprocess.run(shlex.split(command), stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode and unless and f"({unless})" in done.stderr:
        return None
    if done.returncode:
        sys.exit(f"ERROR `{command}` failed: {done.stderr.strip()}")
    return done.stdout


def aws(command):
    return json.loads(run(command) or "{}")


def written(body):
    return json.dumps(body, sort_keys=True, separators=(",", ":")).encode()


def component(kind, name, version, **more):
    """A package as CycloneDX has it. Sources: CycloneDX 1.6, JSON reference; Package URL specification, types deb, npm,
    pypi: names of the last are normal, those of npm's may begin with a scope."""
    name = re.sub(r"[-_.]+", "-", name).lower() if kind == "pypi" else name
    place = "/".join(urllib.parse.quote(part, safe="") for part in name.split("/")) if kind == "npm" else name
    place = place if kind == "npm" else urllib.parse.quote(name, safe="")
    purl = f"pkg:{kind}/{place}" + (f"@{urllib.parse.quote(version, safe='')}" if version else "")
    numbered = {"version": version} if version else {}
    return {"type": "library", "bom-ref": purl, "name": name, "purl": purl, **numbered, **more}


def bill(subject, phase, components):
    """What is in something, each package once. `phase` is one of CycloneDX's lifecycles: of a finished image
    (post-build), or of the lists by which it is built (pre-build)."""
    unique = {entry["bom-ref"]: entry for entry in components}
    body = {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1}
    metadata = {"component": subject, "lifecycles": [{"phase": phase}]}
    return {**body, "metadata": metadata, "components": [unique[name] for name in sorted(unique)]}


def provenance(step, subjects):
    """Where something comes from; `subjects` are names with their SHA-256. Sources: in-toto attestation framework,
    Statement v1; SLSA provenance v1."""
    build = {
        "buildType": f"urn:delivery:buildspecs:{step}:1",
        "externalParameters": {"commit": commit},
        "internalParameters": {"execution": variables["EXECUTION"]},
        "resolvedDependencies": [{"name": "source", "digest": {"gitCommit": commit}}],
    }
    details = {
        "builder": {"id": f"urn:delivery:codebuild:{variables['CODEBUILD_BUILD_ID'].rpartition(':')[0]}"},
        "metadata": {"invocationId": variables["CODEBUILD_BUILD_ID"]},
    }
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": name, "digest": {"sha256": digest}} for name, digest in subjects],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {"buildDefinition": build, "runDetails": details},
    }


def store(key, content):
    """Stores a document, and returns where it lies with its checksum."""
    with tempfile.TemporaryDirectory() as folder:
        document = pathlib.Path(folder, "document")
        document.write_bytes(content)
        aws(f"aws s3api put-object --bucket {bucket} --key {key} --body {document}")
    return {"key": key, "sha256": hashlib.sha256(content).hexdigest()}


def documents(place, step, subjects, bom, why):
    """Stores both documents below `place`, and returns where. Without a bill of materials none is stored, and the log
    says `why`."""
    stored = {}
    if bom is None:
        print(f"RESULT bill of materials: NONE, {why}")
    else:
        stored["sbom"] = store(f"{place}.cdx.json", written(bom))
        count, kept = len(bom["components"]), stored["sbom"]
        print(f"RESULT bill of materials: {count} packages{why}, s3://{bucket}/{kept['key']} {kept['sha256']}")
    kept = stored["provenance"] = store(f"{place}.provenance.json", written(provenance(step, subjects)))
    print(f"RESULT provenance: s3://{bucket}/{kept['key']} {kept['sha256']}")
    return stored


# --- what is installed in an image

METADATA = re.compile(r"[^/]+\.(dist-info/METADATA|egg-info/PKG-INFO)")
DEBIAN = "var/lib/dpkg/status"


def fields(text):
    """The first lines of a text that are `Name: value`, up to an empty one."""
    head = re.split(r"\r?\n\r?\n", text, maxsplit=1)[0]
    return dict(re.findall(r"^([A-Za-z-]+):[ \t]*(.*?)\r?$", head, re.M))


def packages(path, text):
    """The packages that a file of the image says are installed."""
    if path != DEBIAN:
        return [component("pypi", fields(text).get("Name", ""), fields(text).get("Version", ""))]
    entries = [fields(entry) for entry in re.split(r"\n\n+", text)]
    return [
        component("deb/debian", entry.get("Package", ""), entry.get("Version", ""))
        for entry in entries
        if entry.get("Status", "").endswith(" installed")
    ]


def contents(members, layers):
    """The packages in the files of an image. A layer takes files of those below it away by the names `.wh.NAME` and
    `.wh..wh..opq` (OCI image specification, layer.md, "Whiteouts")."""
    files = {}
    for layer in layers:
        taken, added = [], {}
        with tarfile.open(fileobj=members.extractfile(layer)) as tree:
            for entry in tree:
                path = entry.name.removeprefix("./")
                folder, _, name = path.rpartition("/")
                if name == ".wh..wh..opq":
                    taken.append(folder)
                elif name.startswith(".wh."):
                    taken.append(f"{folder}/{name[4:]}".lstrip("/"))
                elif entry.isfile() and (path == DEBIAN or METADATA.fullmatch("/".join(path.split("/")[-2:]))):
                    added[path] = tree.extractfile(entry).read(64 * 1024 * 1024).decode("utf-8", "replace")
        kept = {
            path: text
            for path, text in files.items()
            if not any(path == place or path.startswith(f"{place}/") for place in taken)
        }
        files = {**kept, **added}
    return [package for path, text in files.items() for package in packages(path, text) if package["name"]]


# --- what a bundle and a page are built by

# How many bytes a hash has; names as in an integrity value (W3C Subresource Integrity) and as in CycloneDX.
HASHES = {"sha1": ("SHA-1", 20), "sha256": ("SHA-256", 32), "sha384": ("SHA-384", 48), "sha512": ("SHA-512", 64)}


def required(text):
    """The packages that a file of requirements names. A version that is not exact is none, and stands as the property
    `requirement`; where a package is fetched from may hold a password, and is left out."""
    for line in text.splitlines():
        named = re.match(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*([^;#]*)", line)
        if not named:
            continue
        versions = "" if "@" in named[2] else named[2].replace("\\", "").split("--hash")[0].strip()
        exact = re.fullmatch(r"={2,3}\s*([^\s,*]+)", versions)
        more = {"properties": [{"name": "requirement", "value": versions}]} if versions and not exact else {}
        yield component("pypi", named[1], exact[1] if exact else "", **more)


def hashes(integrity):
    """The hashes in an integrity value, in hexadecimal digits."""
    for name, encoded in re.findall(r"(sha\d+)-([A-Za-z0-9+/=]+)", integrity):
        try:
            digest = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            continue
        algorithm, length = HASHES.get(name, ("", -1))
        if len(digest) == length:
            yield {"alg": algorithm, "content": digest.hex()}


def locked(body):
    """The packages of package-lock.json, each with its hashes and with where it comes from. What is for development
    alone is not left out: the page is made by it. Source: documentation of npm, package-lock.json (`packages` since
    version 2; `dependencies`, one in another, before)."""

    def older(entries):
        for name, entry in entries.items():
            yield name, entry
            yield from older(entry.get("dependencies", {}))

    entries = body["packages"].items() if "packages" in body else older(body.get("dependencies", {}))
    for path, entry in entries:
        if not path or entry.get("link"):
            continue
        name = entry.get("name") or path.rpartition("node_modules/")[2]
        more = {"scope": "optional"} if entry.get("optional") else {}
        if digests := list(hashes(str(entry.get("integrity", "")))):
            more["hashes"] = digests
        # A password before the host is no part of where a package comes from.
        if re.fullmatch(r"https?://[^/@\s]+/\S*", str(entry.get("resolved", ""))):
            more["externalReferences"] = [{"type": "distribution", "url": entry["resolved"]}]
        yield component("npm", name, str(entry.get("version", "")), **more)
