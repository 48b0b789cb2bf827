"""A captured call as a `grpcurl` command, and as a Python script: to be pasted, and to work.

Pure. Whatever the wire held is written in printable ASCII, quoted for where it goes: nothing of it can end a quotation
or reach a terminal as an escape. A masked secret is read from an environment variable, which `variables` names: without
it the command and the script fail at once and say which one is missing, so a call without its credentials is never sent
by mistake.
"""

from __future__ import annotations

import base64
import json
import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Final

from inspector.errors import RequestError
from inspector.model.call import Call, CallKind
from inspector.model.secrets import DEFAULT_NAMES, NO_MASK, Mask, Secrets, scheme_of
from inspector.schema.catalog import Catalog
from inspector.schema.forms import Format
from inspector.schema.payload import read_bytes
from inspector.views.as_sent import Sent, as_sent
from inspector.views.text import clean

_PRINTABLE: Final = re.compile(r"[ -~]*")
_LONGEST_COMMENT: Final = 100
_EXPANDED: Final = re.compile(r"\$(?=\{\w+\})")
"""The `$` of what `grpcurl -expand-headers` takes for a variable; it knows no escape."""
_DOLLAR: Final = "DOLLAR"


def grpcurl_command(
    call: Call, catalog: Catalog, target: str, schema_options: Sequence[str] = (), mask: Mask = NO_MASK
) -> str:
    """Return one line for a POSIX shell; `schema_options` are grpcurl's own, for a server without reflection.

    Raises RequestError where grpcurl could not send the same: without a schema, or with bytes that JSON cannot give.
    """
    sent = as_sent(call, catalog)
    headers = _header_options(sent, mask)
    words = ["grpcurl", *([] if sent.is_secure else ["-plaintext"]), *schema_options]
    if sent.authority and _host(sent.authority) != _host(target):
        words += ["-authority", sent.authority]
    if sent.options.deadline is not None:
        words += ["-max-time", f"{sent.options.deadline:.15g}"]
    words += headers
    if sent.messages:
        words += ["-d", " ".join(_json(sent, message, catalog) for message in sent.messages)]
    words += [target, sent.path.lstrip("/")]
    for word in words:
        if not _PRINTABLE.fullmatch(word):
            raise RequestError(f"No command line can carry {clean(word)}.", "Copy the call as Python.")
    command = " ".join(map(shlex.quote, words))
    return f"{_DOLLAR}='$' {command}" if f"${{{_DOLLAR}}}" in command else command


def _header_options(sent: Sent, mask: Mask) -> list[str]:
    """Return grpcurl's options for the metadata. It reads variables itself, so no secret is in its arguments."""
    named = variables(sent, mask.secrets)
    words = ["-expand-headers"] if named else []
    for index, (name, value) in enumerate(sent.options.metadata):
        text = value if isinstance(value, str) else base64.b64encode(value).decode()
        if index in named:
            mask.stand_in(name, named[index])
            text = f"{scheme_of(name, value)} ${{{named[index]}}}".lstrip()
        elif named:
            text = _EXPANDED.sub(f"${{{_DOLLAR}}}", text)
        words += ["-H", f"{name}: {text}"]
    return words


def variables(sent: Sent, secrets: Secrets) -> dict[int, str]:
    """Return the environment variables of the metadata that is masked, by its index: `AUTHORIZATION`, `X_API_KEY`."""
    found: dict[int, str] = {}
    for index, (name, value) in enumerate(sent.options.metadata):
        if secrets.covers(name, value):
            first = _variable(name)
            names = (first, *(f"{first}_{number}" for number in range(2, index + 3)))
            found[index] = next(each for each in names if each not in found.values())
    return found


def _variable(name: str) -> str:
    variable = re.sub(r"\W", "_", name, flags=re.ASCII).upper()
    # A header may be called `path`, and the variable of that name is always set.
    return variable if name in DEFAULT_NAMES or name.startswith("x-") else f"SECRET_{variable}"


def python_script(call: Call, catalog: Catalog, target: str, mask: Mask = NO_MASK) -> str:
    """Return a script for Python with grpcio and nothing else: it sends the same bytes, and prints every reply.

    Raises RequestError for a call that is not known well enough.
    """
    sent = as_sent(call, catalog)
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
            *_metadata(sent, named, mask),
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


def _metadata(sent: Sent, named: Mapping[int, str], mask: Mask) -> list[str]:
    lines = []
    for index, (name, value) in enumerate(sent.options.metadata):
        if index in named:
            mask.stand_in(name, named[index])
            told = _from_environment(name, value, named[index])
        else:
            told = _text(value) if isinstance(value, str) else repr(value)
        lines.append(f"    ({_text(name)}, {told}),")
    note = [f"# Masked when this was copied: set {', '.join(named.values())} in the environment."] if named else []
    return [*note, "metadata = [", *lines, "]"] if lines else []


def _from_environment(name: str, value: str | bytes, variable: str) -> str:
    read = f'os.environ["{variable}"]'
    if isinstance(value, bytes):
        return f"base64.b64decode({read})"
    scheme = scheme_of(name, value)
    return f'"{scheme} " + {read}' if scheme else read


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
