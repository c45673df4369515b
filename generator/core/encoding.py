"""From troposphere's and awacs' objects to plain dicts, lists and scalars.

The same as `to_dict()` of troposphere (a test compares them for every resource), but each value is encoded once:
troposphere encodes what stands n levels deep n times, which is a third of the time that rendering takes.
"""

from __future__ import annotations

from typing import Any

from troposphere import AWSHelperFn, BaseAWSObject, Tags, encode_to_dict

PLAIN = frozenset({str, int, float, bool, type(None)})


def plain(value: Any) -> Any:
    """A value with everything in it encoded. Raises what troposphere and awacs find wrong with an object in it."""
    kind = type(value)
    if kind in PLAIN:
        return value
    # Most values are scalars: looking at them here saves two calls of three.
    if kind is dict:
        return {name: inner if type(inner) in PLAIN else plain(inner) for name, inner in value.items()}
    if kind is list or kind is tuple:
        return [inner if type(inner) in PLAIN else plain(inner) for inner in value]
    if isinstance(value, BaseAWSObject) and kind.to_dict is BaseAWSObject.to_dict and value.properties:
        if value.do_validation:
            value._validate_props()
            value.validate()
        return plain(value.resource)
    if isinstance(value, AWSHelperFn) and kind.to_dict is AWSHelperFn.to_dict:
        return plain(value.data)
    if hasattr(value, "JSONrepr"):  # awacs' objects
        return plain(value.JSONrepr())
    if isinstance(value, Tags):
        return plain(value.tags)
    return encode_to_dict(value)
