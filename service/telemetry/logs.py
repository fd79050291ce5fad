"""The server's log: one line a record on standard error, as text for people or JSON for programs.

`configuration(format, level)` is for `logging.config.dictConfig`. Every record made while a request
is answered carries its id. Whatever was in a message, it stays one line: a path can hold a line
break or an escape sequence, which would forge lines or steer a terminal.

What people look for is theirs: no text, picture or filter of a query is logged unless the setting
PICTOR_LOG_QUERIES says so, nor any query string (it holds cursors and signed addresses) or header
(keys, cookies). A key that a caller puts where none belongs, in a path say, is masked.
"""

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from service.access.keys import hidden
from service.telemetry.current import current

LogFormat = Literal["text", "json"]
LogLevel = Literal["debug", "info", "warning", "error"]
FIELDS = "fields"  # a record's own, a mapping: logging's `extra={FIELDS: {...}}`
ROOMS = ("service", "index", "models", "cli", "uvicorn")


def configuration(format: LogFormat = "text", level: LogLevel = "info") -> dict[str, Any]:  # noqa: A002
    """Of the rooms at the level, of all libraries from warnings on, all in one format."""
    formatter = JsonFormatter if format == "json" else TextFormatter
    room = {"handlers": ["stderr"], "level": level.upper(), "propagate": False}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": formatter}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "loggers": dict.fromkeys(ROOMS, room),
        "root": {"handlers": ["stderr"], "level": "WARNING"},
    }


class JsonFormatter(logging.Formatter):
    """{"time": "2026-11-26T14:00:00.123Z", "level": "info", "logger": ..., "message": ..., ...}"""

    def format(self, record: logging.LogRecord) -> str:
        content: dict[str, object] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if (request := current()) is not None:
            content["request_id"] = request.id
        content |= _fields(record)
        if record.exc_info:
            content["exception"] = self.formatException(record.exc_info)
        # ASCII only: a path may hold lone surrogates, which UTF-8 cannot
        return hidden(json.dumps(content, ensure_ascii=True, default=str))


class TextFormatter(logging.Formatter):
    """2026-11-26T14:00:00.123Z INFO message name=value ... request_id=..."""

    def format(self, record: logging.LogRecord) -> str:
        fields = dict(_fields(record))
        if (request := current()) is not None:
            fields["request_id"] = request.id
        words = [_time(record), record.levelname, record.getMessage(), *_pairs(fields)]
        line = one_line(" ".join(words))
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return hidden(line)


def one_line(text: str) -> str:
    """With everything escaped that is not printed: line breaks, control characters, surrogates."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _pairs(fields: Mapping[str, object]) -> list[str]:
    """{"a": 1, "b": {"c": 2}} -> ["a=1", "b.c=2"]"""
    pairs = []
    for name, value in fields.items():
        if isinstance(value, Mapping):
            pairs += [f"{name}.{inner}" for inner in _pairs(value)]
        else:
            pairs.append(f"{name}={value if isinstance(value, int | float) else _word(value)}")
    return pairs


def _word(value: object) -> str:
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if not text or set(text) & set(' "=') else text


def _fields(record: logging.LogRecord) -> Mapping[str, object]:
    fields: Mapping[str, object] = getattr(record, FIELDS, {})
    return fields


def _time(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
