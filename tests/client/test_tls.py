"""TLS settings and the sentences about their failures, against real servers."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import pytest

from inspector.capture.engines.tap import open_tap
from inspector.capture.source import Target
from inspector.client.active_call import Outcome
from inspector.client.options import Behind, ConnectionOptions, Security
from inspector.client.sender import Sender
from inspector.errors import RequestError
from tests.servers import GREET, REQUEST, serving
from tests.servers import call as plain_call


class Authority:
    """An authority that signs certificates."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._openssl("req", "-x509", *_NEW, "-days", "2", "-subj", "/CN=Test", "-keyout", "ca.key", "-out", "ca.pem")

    def sign(self, name: str, names: str, days: int = 2) -> None:
        self._openssl("req", *_NEW, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
        (self.folder / "names").write_text(f"subjectAltName={names}\n")
        signed = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "names", "-out", f"{name}.pem")
        self._openssl("x509", "-req", "-in", f"{name}.csr", "-days", str(days), *signed)

    def __getitem__(self, name: str) -> Path:
        return self.folder / name

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], check=True, capture_output=True, cwd=self.folder)


_NEW = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed: no certificate can be made")
    authority = Authority(tmp_path_factory.mktemp("pki"))
    for name, names in (("here", "DNS:localhost"), ("other", "DNS:other.test"), ("me", "DNS:me.test")):
        authority.sign(name, names)
    return authority


@asynccontextmanager
async def secured(pki: Authority, name: str, *, mutual: bool = False) -> AsyncIterator[str]:
    async def handler(request: bytes, _context: object) -> bytes:
        return request

    pair = pki[f"{name}.key"].read_bytes(), pki[f"{name}.pem"].read_bytes()
    roots = pki["ca.pem"].read_bytes() if mutual else None
    async with serving(handler, grpc.ssl_server_credentials([pair], roots, mutual)) as target:
        yield target


async def call(target: str, security: Security, behind: str = "") -> Outcome:
    caller = Sender(target, ConnectionOptions(security), lambda: Behind(behind or target))
    try:
        return await caller.unary(GREET, REQUEST)
    finally:
        await caller.close()


async def test_a_private_authority_is_trusted(pki: Authority) -> None:
    async with secured(pki, "here") as target:
        assert (await call(target, Security(pki["ca.pem"]))).responses == (REQUEST,)


async def test_a_certificate_for_another_name(pki: Authority) -> None:
    async with secured(pki, "other") as target:
        assert (
            "for another name. Pass the name that it is for with --servername"
            in (await call(target, Security(pki["ca.pem"]))).detail
        )
        assert (await call(target, Security(pki["ca.pem"], server_name="other.test"))).status.code == 0


async def test_a_service_behind_a_relay_keeps_its_name(pki: Authority) -> None:
    async with secured(pki, "other") as target:
        assert (await call(target, Security(pki["ca.pem"]), behind="other.test:443")).status.code == 0
        elsewhere = await call(target, Security(pki["ca.pem"]), behind="third.test:443")
        assert elsewhere.detail.startswith("The certificate of third.test:443 is for another name.")


async def test_an_untrusted_authority(pki: Authority) -> None:
    async with secured(pki, "here") as target:
        outcome = await call(target, Security())
        assert "is not trusted: " in outcome.detail
        assert "--cacert" in outcome.detail


@pytest.mark.parametrize("name", ["here", "other"])
async def test_insecure_trusts_any_certificate(pki: Authority, name: str) -> None:
    async with secured(pki, name) as target:
        assert (await call(target, Security(is_insecure=True))).responses == (REQUEST,)


@pytest.mark.parametrize("family", ["unix", "tcp"])
async def test_a_service_behind_a_tap(pki: Authority, tmp_path: Path, family: str) -> None:
    listen = Target("", 0, str(tmp_path / "tap.sock")) if family == "unix" else Target("localhost", 0)
    async with secured(pki, "other") as target:
        tap = await open_tap(listen, Target.parse(target))
        try:
            through = str(tap.target)
            unverified = await call(through, Security(is_insecure=True), behind=target)
            assert unverified.responses == (REQUEST,), unverified.detail
            named = Security(pki["ca.pem"], server_name="other.test")
            assert (await call(through, named, behind=target)).responses == (REQUEST,)
            outcome = await plain_call(through)
            assert outcome.detail.startswith(f"{through} speaks TLS. The call was sent in plaintext")
        finally:
            await tap.stop()


async def test_mutual_tls(pki: Authority) -> None:
    async with secured(pki, "here", mutual=True) as target:
        mine = Security(pki["ca.pem"], pki["me.pem"], pki["me.key"])
        assert (await call(target, mine)).responses == (REQUEST,)
        unverified = Security(None, pki["me.pem"], pki["me.key"], is_insecure=True)
        assert (await call(target, unverified)).responses == (REQUEST,)
        assert "require a client certificate" in (await call(target, Security(pki["ca.pem"]))).detail


@pytest.mark.parametrize("security", [Security(), Security(is_insecure=True)])
async def test_a_plaintext_port(security: Security) -> None:
    async def handler(request: bytes, _context: object) -> bytes:
        return request

    async with serving(handler) as target:
        assert (await call(target, security)).detail.startswith(f"{target} does not speak TLS. ")


async def test_nothing_listens(free_port: int) -> None:
    for security in (Security(), Security(is_insecure=True)):
        assert "Nothing listens" in (await call(f"localhost:{free_port}", security)).detail


async def test_unusable_files_are_errors(pki: Authority, tmp_path: Path) -> None:
    nothing = tmp_path / "nothing.pem"
    nothing.write_text("no PEM")
    for security, words in (
        (Security(tmp_path / "none.pem"), "none.pem cannot be read"),
        (Security(nothing), "contains no certificates"),
        (Security(None, pki["me.pem"]), "go together"),
        (Security(None, pki["me.pem"], pki["here.key"]), "not a certificate and its key"),
        (Security(None, nothing, nothing), "not a certificate and its key"),
    ):
        with pytest.raises(RequestError, match=words):
            await call("localhost:1", security)
