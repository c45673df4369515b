"""Creates, reads, changes and deletes one resource by its row."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import jmespath

from scripts.local_aws.handlers import ROWS, readback, shapes
from scripts.local_aws.handlers.row import Properties, Read, Row, Setting
from scripts.local_aws.services import ResourceError, Services


@dataclass
class ResourceHandler:
    """A resource of a type with its properties; `physical` is empty until it exists."""

    services: Services
    row: Row
    properties: dict[str, Any]
    physical: str
    before: Properties = field(default_factory=dict)  # what it is changed from

    @cached_property
    def _words(self) -> dict[str, Any]:
        services = self.services
        return {"region": services.region, "account": services.account, "partition": services.partition}

    def fill(self, value: Any, state: Any = None) -> Any:
        """A row's expression with its places filled."""
        if isinstance(value, str):
            if value.startswith("$"):
                return jmespath.search(value[1:], state)
            last = self.physical.rpartition(":")[2]
            words = {**self.properties, **self._words, "id": self.physical, "parts": self.physical.split("|")}
            unique = hashlib.sha256(json.dumps(self.properties, sort_keys=True).encode()).hexdigest()
            words |= {"last": last, "tail": last.partition("/")[2], "end": last.rpartition("/")[2]}
            words["unique"] = unique[:22]
            return value.format_map(words) if "{" in value else value
        if isinstance(value, list):
            return [self.fill(inner, state) for inner in value]
        return {key: self.fill(inner, state) for key, inner in value.items()} if isinstance(value, dict) else value

    def address(self, own: Mapping[str, Any] | None) -> dict[str, Any]:
        arguments = dict(self.row.address if own is None else own)
        state = self.read() if any(str(value).startswith(("$", "['$")) for value in arguments.values()) else None
        filled: dict[str, Any] = self.fill(arguments, state)
        return filled

    def call(self, operation: str, arguments: Mapping[str, Any]) -> Any:
        """A call to the row's service."""
        return self.services.call(self.row.service, operation, arguments)

    def folded(self, operation: str, properties: Properties) -> dict[str, Any]:
        """Properties in the form of an operation's input. Raises `ResourceError` for one that finds no place."""
        shape, wrap = self.services.model(self.row.service, operation).input_shape, self.row.wrap
        inside = shape.members.get(wrap)
        result: dict[str, Any] = {wrap: {}} if inside else {}
        for name, value in properties.items():
            try:
                if inside and shapes.place(shape, name, {}) is None:
                    result[wrap].update(shapes.fold({name: value}, inside, self.row.rename))
                else:
                    _merge(result, shapes.fold({name: value}, shape, self.row.rename))
            except shapes.NoPlaceError as error:
                raise ResourceError(
                    f"{self.row.kind}: {error} has no place in {self.row.service} {operation}"
                ) from error
        return result

    def takes(self, operation: str, name: str) -> bool:
        """Whether an operation's input has a place for a property."""
        shape = self.services.model(self.row.service, operation).input_shape
        inside = shape.members.get(self.row.wrap)
        return any(shapes.place(part, name, self.row.rename) is not None for part in (shape, inside))

    def prepared(self, properties: Properties) -> dict[str, Any]:
        dropped = readback.WITHHELD.get(self.row.kind, {})
        kept = {name: value for name, value in properties.items() if name not in dropped}
        return self.row.prepare(kept) if self.row.prepare else kept

    def create(self) -> None:
        """Makes it, and all that needs calls of its own. Raises `ResourceError`; `physical` tells how far it came."""
        if self.row.kind in readback.TYPES:
            self.physical = str(self.fill(self.row.identity))
            return
        properties, later = self.prepared(self.properties), []
        for setting in self.row.settings:
            if setting.name in properties and not self.takes(self.row.create, setting.name):
                later.append((setting, properties.pop(setting.name)))
        tags = None
        if "Tags" in properties and self.row.tagging and not self.takes(self.row.create, "Tags"):
            tags = properties.pop("Tags")
        fixed = self.fill(dict(self.row.fixed(self) if callable(self.row.fixed) else self.row.fixed))
        answer = self.call(self.row.create, _merge(self.folded(self.row.create, properties), fixed))
        identity = self.fill(self.row.identity, answer)
        if not identity:
            raise ResourceError(
                f"{self.row.kind}: {self.row.create} made nothing: {answer.get('Unsuccessful', answer)}"
            )
        self.physical = str(identity)
        for setting, value in later:
            self._put(setting, None, value)
        if tags:
            self._tag({}, shapes.tags(tags))

    def update(self, before: Properties) -> None:
        """Changes it from `before` to its properties. Raises `ResourceError` where the service knows no such change."""
        if self.row.kind in readback.TYPES:
            return
        self.before = before
        old, new = self.prepared(before), self.prepared(self.properties)
        changed = {name for name in old.keys() | new.keys() if old.get(name) != new.get(name)}
        if self.row.tagging and "Tags" in changed:
            self._tag(shapes.tags(old.get("Tags")), shapes.tags(new.get("Tags")))
            changed.discard("Tags")
        for setting in self.row.settings:
            if setting.name in changed:
                changed.discard(setting.name)
                self._put(setting, old.get(setting.name), new.get(setting.name))
        if not changed or (not self.row.update and changed <= readback.NOT_SHOWN.get(self.row.kind, {}).keys()):
            return  # what the service never shows, the stack alone remembers
        if self.row.update and all(self.takes(self.row.update, name) for name in changed):
            apart = {setting.name for setting in self.row.settings} | ({"Tags"} if self.row.tagging else set())
            possible = {name: new[name] for name in new if name not in apart and self.takes(self.row.update, name)}
            members = self.services.model(self.row.service, self.row.update).input_shape.members
            own = self.row.update_fixed
            fixed = {**self.address(own(self) if callable(own) else own), **self.address(None)}
            fixed = {name: value for name, value in fixed.items() if name in members}
            self.call(self.row.update, _merge(self.folded(self.row.update, possible), fixed))
        elif self.row.recreate:
            ResourceHandler(self.services, self.row, dict(before), self.physical).delete()
            self.create()
        else:
            raise ResourceError(f"{self.row.kind}: {', '.join(sorted(changed))} cannot be changed on the local AWS")

    def _put(self, setting: Setting, before: Any, value: Any) -> None:
        value = setting.default if value is None and not setting.remove else value
        operation = setting.remove if value is None else setting.put
        if setting.each:
            gone = [item for item in before or () if item not in (value or ())]
            keys = [item[setting.each] if isinstance(item, dict) else item for item in value or ()]
            # What is new comes first, as a whole resource does: whether a handler takes away first is written nowhere.
            for item in value or ():
                if item not in (before or ()):
                    self._put_setting(setting, setting.put, item)
            for item in gone:
                if (item[setting.each] if isinstance(item, dict) else item) not in keys:
                    self._put_setting(
                        setting, setting.remove, {setting.each: item[setting.each]} if isinstance(item, dict) else item
                    )
        elif not operation:
            raise ResourceError(f"{self.row.kind}: {setting.name} cannot be taken away on the local AWS")
        else:
            self._put_setting(setting, operation, before if value is None else value)

    def _put_setting(
        self, setting: Setting, operation: str | Callable[["ResourceHandler", Any], None], value: Any
    ) -> None:
        if not isinstance(operation, str):
            operation(self, value)
            return
        arguments = {**self.address(setting.address), **self.fill(dict(setting.fixed))}
        if self.takes(operation, setting.name):
            arguments = _merge(self.folded(operation, {setting.name: value}), arguments)
        elif setting.each and isinstance(value, dict):
            arguments = _merge(self.folded(operation, value), arguments)
        elif setting.each:
            arguments[setting.each] = value
        elif operation != setting.remove:
            raise ResourceError(f"{self.row.kind}: {setting.name} has no place in {operation}")
        self.call(operation, arguments)

    def _tag(self, before: Mapping[str, str], after: Mapping[str, str]) -> None:
        tagging = self.row.tagging
        assert tagging is not None
        members = self.services.model(self.row.service, tagging.put).input_shape.members
        member = next(name for name in members if name.lower() in ("tags", "resourcetags"))
        # Only what changes is put, and taken away first: moto's tables keep old and equal tags beside the new ones.
        gone = sorted(key for key in before if after.get(key) != before[key])
        address = self.address(tagging.address)
        if gone:
            keyed = self.services.model(self.row.service, tagging.remove).input_shape.members
            keys = next((name for name in keyed if name.lower().endswith("keys")), member)
            pairwise = keys == member and keyed[keys].member.type_name == "structure"
            value: Any = [{"Key": key} for key in gone] if pairwise else gone
            self.call(tagging.remove, {**address, keys: shapes.fold(value, keyed[keys], {})})
        if pairs := [{"Key": key, "Value": after[key]} for key in after if before.get(key) != after[key]]:
            self.call(tagging.put, {**address, member: shapes.fold(pairs, members[member], {})})

    def is_ready(self) -> bool:
        """Whether the service is through with the last change."""
        return self.row.ready(self) if self.row.ready else True

    def exists(self) -> bool:
        """Whether the service knows it."""
        try:
            self._read(self.row.reads[0])
        except ResourceError:
            return False
        return True

    def read(self, whole: bool = True) -> dict[str, Any]:
        """What the service says about it. Raises `ResourceError` when it is not there, or when `whole` a part."""
        state: dict[str, Any] = {}
        for read in self.row.reads:
            if read.only and not self.properties.keys() & read.only.split():
                continue
            try:
                state.update(self._read(read))
            except ResourceError:
                if whole or read is self.row.reads[0]:
                    raise
        return state

    def _read(self, read: Read) -> dict[str, Any]:
        if not isinstance(read.operation, str):
            return read.operation(self)
        answer, take = self.call(read.operation, self.address(read.address)), read.take.replace("<id>", self.physical)
        for number, part in enumerate(self.physical.split("|")):
            take = take.replace(f"<{number}>", part)
        value = jmespath.search(take, answer)
        if value in (None, []) and not read.under:
            raise ResourceError(f"{self.row.kind} {self.physical} does not exist: {read.operation} does not find it")
        if read.under:
            return {read.under: value}
        return dict(value)

    def attributes(self, state: Mapping[str, Any]) -> dict[str, Any]:
        """What `Fn::GetAtt` gives."""
        return {name: self.fill(value, state) for name, value in self.row.attributes.items()}

    def delete(self) -> None:
        """Deletes it; what is gone already is fine."""
        if self.row.kind in readback.TYPES:
            return
        try:
            if isinstance(self.row.delete, str):
                self.call(self.row.delete, self.address(self.row.delete_address))
            else:
                self.row.delete(self)
        except ResourceError as error:
            if "HandlerErrorCode: NotFound" not in str(error):
                raise


def handler_for(services: Services, kind: str, properties: Properties, physical: str = "") -> ResourceHandler:
    """A resource of a type. Raises `ResourceError` for a type without a row."""
    if kind not in ROWS:
        raise ResourceError(f"{kind} has no row in scripts/local_aws/handlers: the local AWS cannot make it")
    return ResourceHandler(services, ROWS[kind], dict(properties), physical)


def _merge(into: dict[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    for key, value in other.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = value
    return into
