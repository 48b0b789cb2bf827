"""Exports a captured call as a grpcurl command or as a Python script."""

from __future__ import annotations

import base64
import binascii
import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from inspector.client.options import CallSettings
from inspector.diagnosis.call_facts import method_name
from inspector.errors import RequestError
from inspector.http2.framings import BINARY_SUFFIX
from inspector.model.call import Call, CallKind, HeaderBlock
from inspector.model.frame import HeaderSource
from inspector.model.secrets import DEFAULT_NAMES, NO_MASK, Mask, Secrets, scheme_of
from inspector.schema.catalog import Catalog
from inspector.schema.decode import Format, read_bytes
from inspector.text import clean

_NOT_METADATA: Final = frozenset({"te", "content-type", "user-agent", "host", "connection", "content-length"})
"""Headers that the client library or HTTP adds; so are those that begin with `:` or `grpc-`."""
_TIMEOUT: Final = re.compile(r"(\d{1,8})([HMSmun])")
_SECONDS: Final = {"H": 3600.0, "M": 60.0, "S": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9}
_CERTAIN: Final = (None, HeaderSource.RECOVERED)
"""The sources of header values that can be sent again: read from the wire, or recovered from bytes."""


@dataclass(frozen=True, slots=True)
class ResendableCall:
    """What is needed to send a captured call again."""

    path: str
    kind: CallKind | None
    """None without a schema; the call can then be sent as a bidirectional one."""
    messages: tuple[bytes, ...]
    options: CallSettings
    authority: str | None
    is_secure: bool
    """True if the call went over TLS."""


def resendable_call(call: Call, catalog: Catalog) -> ResendableCall:
    """Return what to send to repeat a call. Raises RequestError if a part of it is missing or uncertain."""
    known = method_name(call, catalog)
    if known.method is None:
        raise RequestError("The method of this call is unknown, so it cannot be sent again.", "Give its schema.")
    if not re.fullmatch(r"/[!-~]+", known.method):
        raise RequestError(f"{clean(known.method)} is not a method that can be called.")
    method = catalog.method(known.method)
    return ResendableCall(
        known.method,
        method.kind if method else None,
        tuple(_messages(call)),
        CallSettings(tuple(_metadata(call.request_headers)), _deadline(call.request_headers), _is_compressed(call)),
        call.authority,
        call.request_headers is not None and call.request_headers.first(":scheme") == "https",
    )


def _messages(call: Call) -> Iterator[bytes]:
    for number, message in enumerate(call.requests, 1):
        if message.data is None:
            raise RequestError(
                f"Message {number} of this call is incomplete: {message.problem or 'bytes are missing'}."
            )
        yield message.data


def _metadata(block: HeaderBlock | None) -> Iterator[tuple[str, str | bytes]]:
    sources = dict(block.sources) if block else {}
    for index, (name, value) in enumerate(block.headers if block else ()):
        if name.startswith((":", "grpc-")) or name in _NOT_METADATA:
            continue
        if sources.get(index) not in _CERTAIN:
            raise RequestError(
                f"The metadata {clean(name) or 'of this call'} was not read from the wire with certainty."
            )
        if name.endswith(BINARY_SUFFIX):
            yield from ((name, each) for each in _bytes(name, value))
        else:
            yield name, value


def _bytes(name: str, value: str) -> Iterator[bytes]:
    for part in value.split(","):
        try:
            yield base64.b64decode(part + "=" * (-len(part) % 4), validate=True)
        except (binascii.Error, ValueError) as error:
            raise RequestError(f"The metadata {clean(name)} is not base64.") from error


def _deadline(block: HeaderBlock | None) -> float | None:
    """Return the `grpc-timeout` (gRPC over HTTP/2, Timeout) in seconds."""
    match = _TIMEOUT.fullmatch((block.first("grpc-timeout") if block else None) or "")
    return int(match[1]) * _SECONDS[match[2]] if match else None


def _is_compressed(call: Call) -> bool:
    return any(message.encoding == "gzip" for message in call.requests)


_PRINTABLE: Final = re.compile(r"[ -~]*")
_LONGEST_COMMENT: Final = 100
_EXPANDED: Final = re.compile(r"\$(?=\{\w+\})")
"""Matches the `$` of what `grpcurl -expand-headers` takes for a variable; it has no escape for it."""
_DOLLAR: Final = "DOLLAR"


def grpcurl_command(
    call: Call, catalog: Catalog, target: str, schema_options: Sequence[str] = (), mask: Mask = NO_MASK
) -> str:
    """Return a command line for a POSIX shell; `schema_options` are for a server without reflection.

    Raises:
        RequestError: grpcurl cannot send the same call, as there is no schema, or JSON cannot express its bytes.
    """
    sent = resendable_call(call, catalog)
    headers = _header_options(sent, mask)
    arguments = ["grpcurl", *([] if sent.is_secure else ["-plaintext"]), *schema_options]
    if sent.authority and _host(sent.authority) != _host(target):
        arguments += ["-authority", sent.authority]
    if sent.options.deadline is not None:
        arguments += ["-max-time", f"{sent.options.deadline:.15g}"]
    arguments += headers
    if sent.messages:
        arguments += ["-d", " ".join(_json(sent, message, catalog) for message in sent.messages)]
    arguments += [target, sent.path.lstrip("/")]
    for argument in arguments:
        if not _PRINTABLE.fullmatch(argument):
            raise RequestError(f"No command line can carry {clean(argument)}.", "Copy the call as Python.")
    command = " ".join(map(shlex.quote, arguments))
    return f"{_DOLLAR}='$' {command}" if f"${{{_DOLLAR}}}" in command else command


def _header_options(sent: ResendableCall, mask: Mask) -> list[str]:
    """Return grpcurl's options for the metadata. grpcurl expands variables, so its arguments contain no secrets."""
    named = variables(sent, mask.secrets)
    arguments = ["-expand-headers"] if named else []
    for index, (name, value) in enumerate(sent.options.metadata):
        text = value if isinstance(value, str) else base64.b64encode(value).decode()
        if index in named:
            mask.stand_in(name, named[index])
            text = f"{scheme_of(name, value)} ${{{named[index]}}}".lstrip()
        elif named:
            text = _EXPANDED.sub(f"${{{_DOLLAR}}}", text)
        arguments += ["-H", f"{name}: {text}"]
    return arguments


def variables(sent: ResendableCall, secrets: Secrets) -> dict[int, str]:
    """Return the environment variables for masked metadata, by its index: `AUTHORIZATION`, `X_API_KEY`."""
    found: dict[int, str] = {}
    for index, (name, value) in enumerate(sent.options.metadata):
        if secrets.covers(name, value):
            first = _variable(name)
            names = (first, *(f"{first}_{number}" for number in range(2, index + 3)))
            found[index] = next(each for each in names if each not in found.values())
    return found


def _variable(name: str) -> str:
    variable = re.sub(r"\W", "_", name, flags=re.ASCII).upper()
    # A header may be called `path`, but the variable PATH is always set.
    return variable if name in DEFAULT_NAMES or name.startswith("x-") else f"SECRET_{variable}"


def python_script(call: Call, catalog: Catalog, target: str, mask: Mask = NO_MASK) -> str:
    """Return a Python script that needs only grpcio, sends the same bytes, and prints every reply.

    Raises:
        RequestError: a part of the call is missing or uncertain.
    """
    sent = resendable_call(call, catalog)
    named = variables(sent, mask.secrets)
    is_binary = any(isinstance(sent.options.metadata[index][1], bytes) for index in named)
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
            *(("import base64",) if is_binary else ()),
            *(("import os", "") if named else ()),
            "import grpc",
            "",
            *_requests(sent, catalog),
            *_metadata_options(sent, named, mask),
            "",
            f"with {opening} as channel:",
            *(f"    {line}" for line in _calling(sent, ", ".join(options))),
            "",
        )
    )


def _calling(sent: ResendableCall, options: str) -> tuple[str, ...]:
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


def _requests(sent: ResendableCall, catalog: Catalog) -> list[str]:
    lines = []
    for message in sent.messages:
        try:
            comment = _json(sent, message, catalog)
        except RequestError:
            comment = ""
        short = comment if len(comment) <= _LONGEST_COMMENT else f"{comment[:_LONGEST_COMMENT]} ..."
        lines.append(f"    {message!r}," + (f"  # {short}" if short else ""))
    return ["requests = [", *lines, "]"] if lines else ["requests = []"]


def _metadata_options(sent: ResendableCall, named: Mapping[int, str], mask: Mask) -> list[str]:
    lines = []
    for index, (name, value) in enumerate(sent.options.metadata):
        if index in named:
            mask.stand_in(name, named[index])
            literal = _from_environment(name, value, named[index])
        else:
            literal = _text(value) if isinstance(value, str) else repr(value)
        lines.append(f"    ({_text(name)}, {literal}),")
    note = [f"# Masked when this was copied: set {', '.join(named.values())} in the environment."] if named else []
    return [*note, "metadata = [", *lines, "]"] if lines else []


def _from_environment(name: str, value: str | bytes, variable: str) -> str:
    read = f'os.environ["{variable}"]'
    if isinstance(value, bytes):
        return f"base64.b64decode({read})"
    scheme = scheme_of(name, value)
    return f'"{scheme} " + {read}' if scheme else read


def _text(text: str) -> str:
    """Return a Python literal in ASCII; unpaired surrogates are escaped."""
    return ascii(text)


def _json(sent: ResendableCall, message: bytes, catalog: Catalog) -> str:
    method = catalog.method(sent.path)
    reading = read_bytes(message, method.request_type if method else None, catalog)
    if method is None or reading.format is not Format.PROTOBUF:
        reason = "no schema has the type of its messages" if method is None else reading.reason.rstrip(".")
        raise RequestError(f"grpcurl cannot send this call: {reason}.", "Give the schema, or copy the call as Python.")
    return json.dumps(reading.value)  # in ASCII


def _host(address: str) -> str:
    return address.rpartition(":")[0] or address
