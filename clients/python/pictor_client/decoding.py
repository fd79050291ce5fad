"""JSON to the models; unknown fields, which a newer server may have, are left out."""

import types
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


def decoded(model: type[T], content: Any) -> T:  # noqa: ANN401
    """Raises KeyError for a field that is missing, TypeError for what is no object."""
    if not isinstance(content, dict):
        raise TypeError(f"expected an object, got {type(content).__name__}")
    hints = get_type_hints(model)
    known = {field.name for field in fields(model)}  # type: ignore[arg-type]
    return model(
        **{name: _value(hints[name], value) for name, value in content.items() if name in known}
    )


def _value(hint: Any, value: Any) -> Any:  # noqa: ANN401
    if value is None:
        return None
    if isinstance(hint, type) and is_dataclass(hint):
        return decoded(hint, value)
    if get_origin(hint) is list:
        return [_value(get_args(hint)[0], each) for each in value]
    if get_origin(hint) in (types.UnionType, Union):
        inner = [each for each in get_args(hint) if is_dataclass(each)]
        return _value(inner[0], value) if len(inner) == 1 and isinstance(value, dict) else value
    return value
