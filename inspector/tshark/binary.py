"""tshark itself: where it is, its version and options, and how a run of it can fail."""

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
from inspector.tshark.fields import FIELDS


class TsharkDied(Exception):  # noqa: N818  # what happened, not yet what it means: the session may begin again
    """tshark ended before its capture did; `said` has its last words, `signal` what killed it."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(said)
        self.said = said
        self.signal = -status if status < 0 else None

    @property
    def cause(self) -> str:
        """What became of tshark, to stand behind its name: `was ended by SIGKILL`."""
        return f"ended: {self.said}" if self.signal is None else f"was ended by {signal_name(self.signal)}"

    def once_too_often(self) -> TsharkError:
        """The error where it is not started again, as it died so again and again."""
        return TsharkError(
            f"tshark {self.cause}, again and again.", "`tshark --version` tells whether it works at all."
        )


OLDEST: Final = (4, 0)
INSTALL_HINT: Final = (
    "Install it: `sudo apt-get install tshark` (Debian, Ubuntu), `sudo dnf install wireshark-cli` (Fedora), "
    "`sudo pacman -S wireshark-cli` (Arch), `brew install wireshark` (macOS)."
)

_PREFERENCES: Final[Mapping[str, str]] = {
    # With the default of 500, tshark silently stops inside a packet that holds more than about 250 frames.
    "gui.max_tree_depth": "100000",
}
# The gRPC dissector asserts where a :path was never seen, the protobuf dissector throws on what is no protobuf, and
# either loses the rest of the packet. Messages are cut from DATA by `protocol.deframer`.
_DISABLED: Final = ("grpc", "protobuf")
HEURISTIC: Final = "http2_tcp"
"""Recognizes cleartext HTTP/2 on any port, by default from 4.2 on. Which ports carry it is decided here: the choice is
the same with every version, and a person can take it back."""
_SUPPOSED: Final = "http2_fake_headers"
_SUPPOSED_FORMS: Final[Mapping[str, str]] = {
    f"{_SUPPOSED} of 4.0": '"{}","0","{}","content-type","application/grpc","TRUE"',
    f"{_SUPPOSED} of 4.4": '"{}","0","{}","content-type","application/grpc","FALSE","TRUE"',
}
"""What is supposed of streams whose headers tshark never saw: else it tells their bodies once more where they end,
among the DATA of others. By version: port and direction, then whether that outweighs what is seen, and is on."""
_COLUMNS: Final = ",".join(
    f'"{name}","{code}"'
    for name, code in {"n": "%m", "t": "%t", "s": "%s", "p": "%p", "d": "%d", "l": "%L", "i": "%i"}.items()
)
"""Number, time, source, protocol, destination, length, info. Between neighbouring ends tshark draws an arrow."""
_NUMBER_COLUMN: Final = '"n","%m"'
_NEEDED: Final = frozenset({"frame.number", "frame.time_epoch", "tcp.stream", "http2.type", "http2.data.data"})

_NO_SETTINGS: Final = Path(__file__).with_name("no-settings")
"""Where anybody may look who may run this: tshark crashes where it may not."""
_INPUT: Final = "The standard input "
"""How tshark begins when it is the capture, not tshark, that something is wrong with."""
CUT_SHORT: Final = "cut short"
"""What tshark says of a capture that ends in the middle of a packet."""
_VERSION: Final = re.compile(r"(\d+)\.(\d+)\.(\d+)")
_REFUSED_FIELDS: Final = re.compile(r"Some fields aren't valid:\s*((?:^\s+\S+\s*$)+)", re.MULTILINE)
_REFUSED_FILTER: Final = re.compile(r"^tshark: (.*)$(?!\n(?:Some fields|tshark:))", re.MULTILINE)
_REFUSED_PREFERENCE: Final = re.compile(r'-o flag "([^":]+):[^"]*" specifies unknown preference')
_REFUSED_FORM: Final = f'Invalid -o flag "uat:{_SUPPOSED}:'


@dataclass(frozen=True, slots=True)
class Decoding:
    """How a capture is to be decoded."""

    ports: frozenset[int] = frozenset()
    """TCP ports that carry HTTP/2 in cleartext."""
    tls_ports: frozenset[int] = frozenset()
    """TCP ports that carry TLS; never told to be HTTP/2, which ALPN says."""
    http_ports: frozenset[int] = frozenset()
    """TCP ports of which connections begin with HTTP/1.1, before they go on with HTTP/2; may be among `ports`."""
    keylog: Path | None = None
    """TLS secrets in the format of SSLKEYLOGFILE; may grow while the capture runs."""
    put_in_order: bool = False
    """True to wait for segments that come out of order; where one never comes, its connection ends there."""

    def with_opening(self, opening: Opening) -> Decoding:
        """The same with the port of an opening decoded too; what it answers itself is what it speaks."""
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
        """By port, in order: the protocol, by Wireshark's name, that it is decoded as."""
        found = {
            **dict.fromkeys(self.ports, "http2"),
            **dict.fromkeys(self.http_ports, "http"),
            **dict.fromkeys(self.tls_ports, "tls"),
        }
        return dict(sorted(found.items()))

    def differences(self, other: Decoding) -> frozenset[int]:
        """The ports that the two decode in different ways."""
        return (self.ports ^ other.ports) | (self.tls_ports ^ other.tls_ports) | (self.http_ports ^ other.http_ports)

    def without(self, port: int) -> Decoding:
        """The same, with a port less, whatever it was."""
        gone = frozenset({port})
        return replace(
            self, ports=self.ports - gone, tls_ports=self.tls_ports - gone, http_ports=self.http_ports - gone
        )


@dataclass(slots=True)
class Tshark:
    """One installed tshark, and what it has refused so far."""

    path: str
    refused: set[str] = field(default_factory=set)
    """Fields and preferences that this version does not know."""

    def arguments(self, decoding: Decoding, *, goes_on: bool = False) -> list[str]:
        """The options for one run, without those that pyshark adds: `-r - -l -n -T fields`.

        One that goes on where another was before meets streams whose headers it never saw.
        """
        arguments = self._decoding_options(decoding)
        form = next((form for name, form in _SUPPOSED_FORMS.items() if name not in self.refused), "")
        for port in sorted(decoding.ports) if form and goes_on else ():
            for direction in ("IN", "OUT"):
                arguments += ["-o", f"uat:{_SUPPOSED}:{form.format(port, direction)}"]
        for protocol in _DISABLED:
            arguments += ["--disable-protocol", protocol]
        for name in FIELDS.values():
            if name not in self.refused:
                arguments += ["-e", name]
        return arguments

    def list_arguments(self, decoding: Decoding, filter_: str = "") -> list[str]:
        """The options for a run that prints a line for each packet, or for each that a display filter lets through.

        Dissectors that are left out elsewhere are on: a person looks at this. Text with columns, as it takes tshark
        less than half the time of `-T fields`: no field has to be looked up.
        """
        columns = _NUMBER_COLUMN if filter_ else _COLUMNS
        options = ["-r", "-", "-l", "-n", "-t", "e", "-T", "tabs", "-o", f"gui.column.format:{columns}"]
        return [*options, *self._decoding_options(decoding), *(["-Y", filter_] if filter_ else [])]

    def look_arguments(self, decoding: Decoding, *what: str) -> list[str]:
        """The options for one look at a capture, `what` being what is looked for."""
        return ["-r", "-", "-n", *self._decoding_options(decoding), *what]

    def _decoding_options(self, decoding: Decoding) -> list[str]:
        options = ["--disable-heuristic", HEURISTIC]
        for name, value in preferences(decoding).items():
            if name not in self.refused:
                options += ["-o", f"{name}:{value}"]
        for port, protocol in decoding.protocols().items():
            options += ["-d", f"tcp.port=={port},{protocol}"]
        return options

    def give_up(self, said: str) -> bool:
        """True when tshark's own words name something that it does not know and that can be left out from now on.

        Raises:
            TsharkError: it cannot do without.
        """
        fields = {name for match in _REFUSED_FIELDS.finditer(said) for name in match[1].split()}
        refused = fields | set(_REFUSED_PREFERENCE.findall(said))
        if _REFUSED_FORM in said:
            refused |= {next((form for form in _SUPPOSED_FORMS if form not in self.refused), _SUPPOSED)}
        if needed := refused & _NEEDED:
            message = f"tshark at {self.path} does not know {', '.join(sorted(needed))}, and cannot decode without."
            raise TsharkError(message, f"Install tshark {OLDEST[0]}.{OLDEST[1]} or later.")
        is_news = bool(refused - self.refused)
        self.refused |= refused
        return is_news

    async def version(self) -> str:
        """The version, as in `4.0.17`.

        Raises:
            TsharkError: it cannot be run, or is older than what this program needs.
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
            raise TsharkError(f"{self.path} does not tell its version, so it is no tshark.", INSTALL_HINT)
        if (int(match[1]), int(match[2])) < OLDEST:
            message = f"tshark {match[0]} is too old: {OLDEST[0]}.{OLDEST[1]} or later is needed."
            raise TsharkError(message, INSTALL_HINT)
        return match[0]

    def cannot_run(self, error: OSError) -> TsharkError:
        """The error where it could not even be started."""
        return TsharkError(f"tshark at {self.path} cannot be run: {reason(error)}.", remedy(error, INSTALL_HINT))


def find_tshark() -> Tshark:
    """The tshark on PATH, or where macOS and some systems keep it.

    Raises:
        TsharkError: there is none.
    """
    usual = ("/usr/sbin", "/usr/local/bin", "/opt/homebrew/bin", "/Applications/Wireshark.app/Contents/MacOS")
    path = shutil.which("tshark") or shutil.which("tshark", path=os.pathsep.join(usual))
    if path is None:
        raise TsharkError("tshark is not installed; it is what decodes the capture.", INSTALL_HINT)
    return Tshark(path)


def about_capture(said: str) -> str:
    """What tshark's last words say of the capture it read, as a sentence; "" when they are about something else."""
    _, found, rest = said.partition(_INPUT)
    return f"The capture {' '.join(rest.split())}" if found else ""


def about_filter(said: str) -> str:
    """What tshark's last words say against a display filter, as a sentence; "" when they are about something else."""
    *_, last = "", *_REFUSED_FILTER.findall(said)  # what stands before is of plugins that could not be loaded
    return str(last).strip()


def environment() -> Mapping[str, str]:
    """The environment of every tshark.

    A configuration folder that is not there, so that no user profile changes what is decoded, and messages in English,
    as they are read here.
    """
    return {**os.environ, "WIRESHARK_CONFIG_DIR": str(_NO_SETTINGS), "LC_ALL": "C.UTF-8"}


def preferences(decoding: Decoding) -> dict[str, str]:
    """The preferences of every program of Wireshark's that reads a capture for us."""
    keys = {"tls.keylog_file": str(decoding.keylog)} if decoding.keylog else {}
    order = {"tcp.reassemble_out_of_order": "TRUE"} if decoding.put_in_order else {}
    return {**_PREFERENCES, **keys, **order}
