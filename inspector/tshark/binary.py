"""The installed tshark: where it is, its version and options, and how a run of it can fail."""

from __future__ import annotations

import os
import re
import shutil
from asyncio.subprocess import PIPE
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from inspector.capture.protocol_detection import Opening
from inspector.errors import TsharkError, reason, remedy
from inspector.processes import end, signal_name, spawn
from inspector.tshark.fields import FIELDS, FORMAT


class TsharkDied(Exception):  # noqa: N818  # an event, not yet an error: tshark may be started again
    """tshark ended before its capture did: by a signal, or with a message on standard error."""

    def __init__(self, status: int, stderr: str) -> None:
        super().__init__(stderr)
        self.stderr = stderr
        """The last lines of its standard error."""
        self.signal = -status if status < 0 else None

    @property
    def cause(self) -> str:
        """The predicate of a sentence about tshark, such as `was ended by SIGKILL`."""
        return f"ended: {self.stderr}" if self.signal is None else f"was ended by {signal_name(self.signal)}"

    def repeated_death(self) -> TsharkError:
        """Return the error for a tshark that keeps dying and is not started again."""
        return TsharkError(
            f"tshark {self.cause}, again and again.", "`tshark --version` shows whether it works at all."
        )


OLDEST: Final = (4, 0)
INSTALL_HINT: Final = (
    "Install it: `sudo apt-get install tshark` (Debian, Ubuntu), `sudo dnf install wireshark-cli` (Fedora), "
    "`sudo pacman -S wireshark-cli` (Arch), `brew install wireshark` (macOS)."
)

_PREFERENCES: Final[Mapping[str, str]] = {
    # With the default of 500, tshark silently stops inside a packet that holds more than about 250 HTTP/2 frames. One
    # real packet held 1,004, for which 2,000 was too small.
    "gui.max_tree_depth": "100000",
}
# The gRPC dissector asserts where a :path was never seen, the protobuf dissector throws on other payloads, and either
# loses the rest of the packet. `http2.messages` cuts messages from DATA instead.
_DISABLED: Final = ("grpc", "protobuf")
HEURISTIC: Final = "http2_tcp"
"""Recognises cleartext HTTP/2 on any port, by default from 4.2 on. It is disabled, as the ports are chosen here: in
the same way with every version, and so that the user can undo the choice."""
_FAKE_HEADERS: Final = "http2_fake_headers"
_FAKE_HEADER_FORMS: Final[Mapping[str, str]] = {
    f"{_FAKE_HEADERS} of 4.0": '"{}","0","{}","content-type","application/grpc","TRUE"',
    f"{_FAKE_HEADERS} of 4.4": '"{}","0","{}","content-type","application/grpc","FALSE","TRUE"',
}
"""Gives streams whose headers a resumed tshark never saw a content-type. Without one, it repeats their whole bodies
where they end, among the DATA of other streams. By version: a row of the table with port, stream 0 for all, direction,
name, value, (from 4.4) whether it replaces a header that is there, and whether the row is enabled."""
_COLUMNS: Final = ",".join(
    f'"{name}","{code}"'
    for name, code in {"n": "%m", "t": "%t", "s": "%s", "p": "%p", "d": "%d", "l": "%L", "i": "%i"}.items()
)
"""Number, time, source, protocol, destination, length, info. The protocol stands between the addresses, as tshark
prints an arrow between neighbouring ones."""
_NUMBER_COLUMN: Final = '"n","%m"'
_NEEDED: Final = frozenset({"frame.number", "frame.time_epoch", "tcp.stream", "http2.type", "http2.data.data"})

_NO_SETTINGS: Final = Path(__file__).with_name("no-settings")
"""A folder that does not exist, in one that every user of the program can search: tshark crashes where it cannot."""
_INPUT: Final = "The standard input "
"""The beginning of tshark's messages about the capture."""
CUT_SHORT: Final = "cut short"
"""Part of tshark's message about a capture that ends in the middle of a packet."""
_VERSION: Final = re.compile(r"(\d+)\.(\d+)\.(\d+)")
_REFUSED_FIELDS: Final = re.compile(r"Some fields aren't valid:\s*((?:^\s+\S+\s*$)+)", re.MULTILINE)
_REFUSED_FILTER: Final = re.compile(r"^tshark: (.*)$(?!\n(?:Some fields|tshark:))", re.MULTILINE)
_REFUSED_PREFERENCE: Final = re.compile(r'-o flag "([^":]+):[^"]*" specifies unknown preference')
_REFUSED_FORM: Final = f'Invalid -o flag "uat:{_FAKE_HEADERS}:'


@dataclass(frozen=True, slots=True)
class Decoding:
    """The protocols of TCP ports, and the other choices about how a capture is decoded."""

    ports: frozenset[int] = frozenset()
    """TCP ports that carry HTTP/2 in cleartext."""
    tls_ports: frozenset[int] = frozenset()
    """TCP ports that carry TLS. They are not passed to tshark as HTTP/2, which it recognises by ALPN."""
    http_ports: frozenset[int] = frozenset()
    """TCP ports whose connections begin with HTTP/1.1 and may change to HTTP/2; may be among `ports`."""
    keylog: Path | None = None
    """TLS secrets in the format of SSLKEYLOGFILE; may grow while the capture runs."""
    put_in_order: bool = False
    """True to wait for segments that come out of order. Where one never comes, its connection ends there, so this
    helps a reordered capture (2 → 1,001 messages) and harms one with losses (240 → 50 messages)."""

    def with_opening(self, opening: Opening) -> Decoding:
        """Return these choices with the port of an opening added; a server's answer in cleartext rules out TLS."""
        port = frozenset({opening.port})
        if opening.is_tls:
            return replace(self, tls_ports=self.tls_ports | port)
        if opening.is_http1:
            return replace(self, http_ports=self.http_ports | port)
        tls_ports = self.tls_ports - port if opening.is_answer else self.tls_ports
        return replace(self, ports=self.ports | port, tls_ports=tls_ports)

    @property
    def all_ports(self) -> frozenset[int]:
        """Every port that is decoded."""
        return self.ports | self.tls_ports | self.http_ports

    def protocols(self) -> dict[int, str]:
        """Return Wireshark's name of each port's protocol, in the order of the ports."""
        found = {
            **dict.fromkeys(self.ports, "http2"),
            **dict.fromkeys(self.http_ports, "http"),
            **dict.fromkeys(self.tls_ports, "tls"),
        }
        return dict(sorted(found.items()))

    def differences(self, other: Decoding) -> frozenset[int]:
        """Return the ports that the two decode in different ways."""
        return (self.ports ^ other.ports) | (self.tls_ports ^ other.tls_ports) | (self.http_ports ^ other.http_ports)

    def without(self, port: int) -> Decoding:
        """Return these choices without a port, whatever its protocol."""
        ports = frozenset({port})
        return replace(
            self, ports=self.ports - ports, tls_ports=self.tls_ports - ports, http_ports=self.http_ports - ports
        )


@dataclass(slots=True)
class Tshark:
    """One installed tshark, and the options that it has refused so far."""

    path: str
    refused: set[str] = field(default_factory=set)
    """Fields, preferences and table forms that this version does not support."""

    def frame_arguments(self, decoding: Decoding, *, resumes: bool = False) -> list[str]:
        """Return the options for a run that prints a line of fields for each packet, for `fields.LineReader`.

        With `resumes`, it starts in the middle of the capture and meets streams whose headers it never saw.
        """
        arguments = ["-r", "-", "-l", "-n", *FORMAT, *self._decoding_options(decoding)]
        form = next((form for name, form in _FAKE_HEADER_FORMS.items() if name not in self.refused), "")
        for port in sorted(decoding.ports) if form and resumes else ():
            for direction in ("IN", "OUT"):
                arguments += ["-o", f"uat:{_FAKE_HEADERS}:{form.format(port, direction)}"]
        for protocol in _DISABLED:
            arguments += ["--disable-protocol", protocol]
        for name in FIELDS.values():
            if name not in self.refused:
                arguments += ["-e", name]
        return arguments

    def list_arguments(self, decoding: Decoding, filter_: str = "") -> list[str]:
        """Return the options for a run that prints a list row for each packet, or the numbers that a filter matches.

        All dissectors are on, as users see these rows. Columns of text take tshark less than half the time of
        `-T fields`, which has to look up each field.
        """
        columns = _NUMBER_COLUMN if filter_ else _COLUMNS
        options = ["-r", "-", "-l", "-n", "-t", "e", "-T", "tabs", "-o", f"gui.column.format:{columns}"]
        return [*options, *self._decoding_options(decoding), *(["-Y", filter_] if filter_ else [])]

    def query_arguments(self, decoding: Decoding, *query: str) -> list[str]:
        """Return the options for one query about a capture, `query` being the options that make it up."""
        return ["-r", "-", "-n", *self._decoding_options(decoding), *query]

    def _decoding_options(self, decoding: Decoding) -> list[str]:
        options = ["--disable-heuristic", HEURISTIC]
        for name, value in preferences(decoding).items():
            if name not in self.refused:
                options += ["-o", f"{name}:{value}"]
        for port, protocol in decoding.protocols().items():
            options += ["-d", f"tcp.port=={port},{protocol}"]
        return options

    def leave_out(self, stderr: str) -> bool:
        """Leave out, from now on, the options that tshark refused in its message; return whether there are new ones.

        Raises:
            TsharkError: Decoding is impossible without it.
        """
        fields = {name for match in _REFUSED_FIELDS.finditer(stderr) for name in match[1].split()}
        refused = fields | set(_REFUSED_PREFERENCE.findall(stderr))
        if _REFUSED_FORM in stderr:
            refused |= {next((form for form in _FAKE_HEADER_FORMS if form not in self.refused), _FAKE_HEADERS)}
        if needed := refused & _NEEDED:
            message = f"tshark at {self.path} does not support {', '.join(sorted(needed))}, which decoding requires."
            raise TsharkError(message, f"Install tshark {OLDEST[0]}.{OLDEST[1]} or later.")
        is_news = bool(refused - self.refused)
        self.refused |= refused
        return is_news

    async def version(self) -> str:
        """Return the version, such as `4.0.17`.

        Raises:
            TsharkError: It cannot be run, or is older than 4.0.
        """
        try:
            process = await spawn(self.path, "--version", stdout=PIPE, env=environment())
        except OSError as error:
            raise self.cannot_run(error) from error
        try:
            output, _ = await process.communicate()
        finally:
            await end(process)
        match = _VERSION.search(output.decode(errors="replace"))
        if match is None:
            raise TsharkError(f"{self.path} does not print a version of tshark.", INSTALL_HINT)
        if (int(match[1]), int(match[2])) < OLDEST:
            message = f"tshark {match[0]} is too old: {OLDEST[0]}.{OLDEST[1]} or later is needed."
            raise TsharkError(message, INSTALL_HINT)
        return match[0]

    def cannot_run(self, error: OSError) -> TsharkError:
        """Return the error for a tshark that could not be started."""
        return TsharkError(f"tshark at {self.path} cannot be run: {reason(error)}.", remedy(error, INSTALL_HINT))


def find_tshark() -> Tshark:
    """Return the tshark on PATH, or in the folders of macOS and of systems that keep it elsewhere.

    Raises:
        TsharkError: There is none.
    """
    usual = ("/usr/sbin", "/usr/local/bin", "/opt/homebrew/bin", "/Applications/Wireshark.app/Contents/MacOS")
    path = shutil.which("tshark") or shutil.which("tshark", path=os.pathsep.join(usual))
    if path is None:
        raise TsharkError("tshark is not installed; it is what decodes the capture.", INSTALL_HINT)
    return Tshark(path)


def capture_complaint(stderr: str) -> str:
    """Return tshark's complaint about the capture as a sentence, "" when its message is about something else."""
    _, found, rest = stderr.partition(_INPUT)
    return f"The capture {' '.join(rest.split())}" if found else ""


def filter_complaint(stderr: str) -> str:
    """Return tshark's complaint about a display filter as a sentence, "" when its message is about something else."""
    *_, last = "", *_REFUSED_FILTER.findall(stderr)  # earlier ones are about plugins that could not be loaded
    return str(last).strip()


def environment() -> Mapping[str, str]:
    """Return the environment of every tshark.

    Its configuration folder does not exist, so that no user profile changes what is decoded, and its messages are in
    English, as they are parsed here.
    """
    return {**os.environ, "WIRESHARK_CONFIG_DIR": str(_NO_SETTINGS), "LC_ALL": "C.UTF-8"}


def preferences(decoding: Decoding) -> dict[str, str]:
    """Return the preferences for tshark and sharkd."""
    keys = {"tls.keylog_file": str(decoding.keylog)} if decoding.keylog else {}
    order = {"tcp.reassemble_out_of_order": "TRUE"} if decoding.put_in_order else {}
    return {**_PREFERENCES, **keys, **order}
