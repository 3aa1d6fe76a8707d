"""Asking servers carefully: the checked address is the one connected to, and the server proves the name."""

import ssl
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from buildgate.adapters.sources.https import Https
from buildgate.domain.errors import Rejected

NAME = "gates.example.com"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """Return the file of a certificate of NAME with its key, trusted by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


@contextmanager
def serving_tls(certificate):
    """Serve the host and the TLS name that were asked for."""
    names = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = f"{names[-1]} {self.headers['Host']}".encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format, *args):  # noqa: A002 - the base class names it so
            """Stay silent."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, request, client_address):
            """Stay silent about clients that do not trust us."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    server = Server(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def no_pause(_):
    """Wait no time."""


def leading_to(*addresses, asked=None):
    def resolve(host, _port):
        if asked is not None:
            asked.append(host)
        return list(addresses)

    return resolve


def test_the_checked_address_is_connected_to_and_the_name_is_kept(certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    asked = []
    https = Https(pause=no_pause, is_loopback_allowed=True, resolve=leading_to("127.0.0.1", asked=asked))

    with serving_tls(certificate) as port:
        answer = https.ask("GET", f"https://{NAME}:{port}/gate")

    assert answer.body.decode() == f"{NAME} {NAME}:{port}"
    assert asked == [NAME], "one question for the name: what is connected to is what was checked"


def test_a_server_that_cannot_prove_the_name_is_refused(certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    https = Https(pause=no_pause, is_loopback_allowed=True, resolve=leading_to("127.0.0.1"))

    with serving_tls(certificate) as port, pytest.raises(Rejected, match="SSLError"):
        https.ask("GET", f"https://other.example.com:{port}/gate")


def test_an_address_that_takes_no_connection_is_passed_by(certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    https = Https(pause=no_pause, is_loopback_allowed=True, resolve=leading_to("::1", "127.0.0.1"))

    with serving_tls(certificate) as port:
        assert https.ask("GET", f"https://{NAME}:{port}/gate").status == 200


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "169.254.170.2",
        "fe80::1%eth0",
        "fd00:ec2::254",
        "64:ff9b::7f00:1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
    ],
)
def test_a_name_with_one_address_that_may_not_be_asked_is_refused_whole(address):
    https = Https(pause=no_pause, resolve=leading_to("192.0.2.1", address))

    with pytest.raises(Rejected, match="which may not be asked"):
        https.ask("GET", f"https://{NAME}/")


def test_without_tls_only_this_machine_is_asked_and_only_where_that_is_allowed():
    with pytest.raises(Rejected, match="other machines are asked by https only"):
        Https(pause=no_pause, is_loopback_allowed=True, resolve=leading_to("192.0.2.1")).ask("GET", "http://a.example/")
    with pytest.raises(Rejected, match="not an https address"):
        Https(pause=no_pause, resolve=leading_to("127.0.0.1")).ask("GET", "http://localhost/")


@pytest.mark.parametrize("url", ["https://[::1", "https://host:port/", "file:///etc/passwd", "https:///path"])
def test_what_is_no_address_of_a_server_is_refused(url):
    with pytest.raises(Rejected, match="not an https address"):
        Https(pause=no_pause, resolve=leading_to("192.0.2.1")).ask("GET", url)


def test_a_name_that_nobody_has_is_refused():
    def unknown(_host, _port):
        raise OSError(2, "Name or service not known")

    for resolve in (unknown, leading_to()):
        with pytest.raises(Rejected, match="gates"):
            Https(pause=no_pause, resolve=resolve).ask("GET", f"https://{NAME}/")
