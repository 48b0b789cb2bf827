"""A captured call as a `grpcurl` command, and as a Python script: to be pasted, and to work.

Pure. Whatever the wire held is written in printable ASCII, quoted for where it goes: nothing of it can end a quotation
or reach a terminal as an escape.
"""

from __future__ import annotations

import base64
import json
import re
import shlex
from collections.abc import Sequence
from typing import Final

from inspector.errors import RequestError
from inspector.model.call import Call, CallKind
from inspector.schema.catalog import Catalog
from inspector.schema.forms import Format
from inspector.schema.payload import read_bytes
from inspector.views.as_sent import Sent, as_sent
from inspector.views.text import clean

_PRINTABLE: Final = re.compile(r"[ -~]*")
_LONGEST_COMMENT: Final = 100


def grpcurl_command(call: Call, catalog: Catalog, target: str, schema_options: Sequence[str] = ()) -> str:
    """One line for a POSIX shell; `schema_options` are grpcurl's own, for a server without reflection.

    Raises RequestError where grpcurl could not send the same: without a schema, or with bytes that JSON cannot give.
    """
    sent = as_sent(call, catalog)
    words = ["grpcurl", *([] if sent.is_secure else ["-plaintext"]), *schema_options]
    if sent.authority and _host(sent.authority) != _host(target):
        words += ["-authority", sent.authority]
    if sent.options.deadline is not None:
        words += ["-max-time", f"{sent.options.deadline:.15g}"]
    for name, value in sent.options.metadata:
        words += ["-H", f"{name}: {value if isinstance(value, str) else base64.b64encode(value).decode()}"]
    if sent.messages:
        words += ["-d", " ".join(_json(sent, message, catalog) for message in sent.messages)]
    words += [target, sent.path.lstrip("/")]
    for word in words:
        if not _PRINTABLE.fullmatch(word):
            raise RequestError(f"No command line can carry {clean(word)}.", "Copy the call as Python.")
    return " ".join(map(shlex.quote, words))


def python_script(call: Call, catalog: Catalog, target: str) -> str:
    """A script for Python with grpcio and nothing else: it sends the same bytes, and prints every reply.

    Raises RequestError for a call that is not known well enough.
    """
    sent = as_sent(call, catalog)
    options = [f"timeout={sent.options.deadline!r}"] if sent.options.deadline is not None else []
    if sent.options.metadata:
        options.insert(0, "metadata=metadata")
    if sent.options.is_compressed:
        options.append("compression=grpc.Compression.Gzip")
    channel = [_text(target)]
    if sent.is_secure:
        channel.append("grpc.ssl_channel_credentials()")
    if sent.authority and _host(sent.authority) != _host(target):
        channel.append(f'options=[("grpc.default_authority", {_text(sent.authority)})]')
    opening = f"grpc.{'secure' if sent.is_secure else 'insecure'}_channel({', '.join(channel)})"
    return "\n".join(
        (
            "import grpc",
            "",
            *_requests(sent, catalog),
            *_metadata(sent),
            "",
            f"with {opening} as channel:",
            *(f"    {line}" for line in _calling(sent, ", ".join(options))),
            "",
        )
    )


def _calling(sent: Sent, options: str) -> tuple[str, ...]:
    more = f", {options}" if options else ""
    one = len(sent.messages) == 1
    if sent.kind is CallKind.UNARY and one:
        kind, replies = "unary_unary", f"[call(requests[0]{more})]"
    elif sent.kind is CallKind.CLIENT_STREAMING:
        kind, replies = "stream_unary", f"[call(iter(requests){more})]"
    elif sent.kind is CallKind.SERVER_STREAMING and one:
        kind, replies = "unary_stream", f"call(requests[0]{more})"
    else:
        kind, replies = "stream_stream", f"call(iter(requests){more})"
    return (
        f"call = channel.{kind}({_text(sent.path)})",
        "try:",
        f"    for reply in {replies}:",
        "        print(reply)",
        "except grpc.RpcError as error:",
        '    raise SystemExit(f"{error.code().name}: {error.details()}")',
    )


def _requests(sent: Sent, catalog: Catalog) -> list[str]:
    lines = []
    for message in sent.messages:
        try:
            comment = _json(sent, message, catalog)
        except RequestError:
            comment = ""
        short = comment if len(comment) <= _LONGEST_COMMENT else f"{comment[:_LONGEST_COMMENT]} ..."
        lines.append(f"    {message!r}," + (f"  # {short}" if short else ""))
    return ["requests = [", *lines, "]"] if lines else ["requests = []"]


def _metadata(sent: Sent) -> list[str]:
    pairs = [
        f"    ({_text(name)}, {_text(value) if isinstance(value, str) else repr(value)}),"
        for name, value in sent.options.metadata
    ]
    return ["metadata = [", *pairs, "]"] if pairs else []


def _text(text: str) -> str:
    """A Python literal in ASCII; an unpaired surrogate stays its escape."""
    return ascii(text)


def _json(sent: Sent, message: bytes, catalog: Catalog) -> str:
    method = catalog.method(sent.path)
    reading = read_bytes(message, method.request_type if method else None, catalog)
    if method is None or reading.format is not Format.PROTOBUF:
        why = "No schema gives the type of its messages" if method is None else reading.reason.rstrip(".")
        raise RequestError(f"grpcurl cannot send this call: {why}.", "Give the schema, or copy the call as Python.")
    return json.dumps(reading.value)  # escapes all that is not ASCII


def _host(address: str) -> str:
    return address.rpartition(":")[0] or address
