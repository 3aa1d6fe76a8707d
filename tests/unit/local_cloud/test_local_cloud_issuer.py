"""The local cloud's own issuer: what its tokens say, who can check them, and what it keeps."""

import base64
import json
import stat

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from buildgate_cli.local.issuer import PATH, LocalIssuer
from buildgate_cli.local.state import Home

URL = f"http://127.0.0.1:8000{PATH}"
NOON = 1_795_348_800


@pytest.fixture
def issuer(tmp_path):
    return LocalIssuer(Home(tmp_path), URL)


def decoded(part):
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def checked(token, keys):
    """Return what a token says after checking it with the published keys, as any client of the issuer would."""
    head, body, signature = token.split(".")
    (key,) = [one for one in keys if one["kid"] == json.loads(decoded(head))["kid"]]
    numbers = [int.from_bytes(decoded(key[name]), "big") for name in ("e", "n")]
    public = rsa.RSAPublicNumbers(*numbers).public_key()
    public.verify(decoded(signature), f"{head}.{body}".encode(), padding.PKCS1v15(), hashes.SHA256())
    return json.loads(decoded(body))


def keys_of(issuer):
    return issuer.document(f"{PATH}/jwks.json")["keys"]


def test_a_token_names_a_person_for_a_while_and_its_signature_can_be_checked(issuer):
    token = issuer.token("alice@example.com", now=NOON, seconds=60)

    claims = checked(token, keys_of(issuer))
    assert (claims["iss"], claims["aud"], claims["email"]) == (URL, "buildgate", "alice@example.com")
    assert (claims["iat"], claims["exp"]) == (NOON, NOON + 60)


def test_another_home_has_another_key(issuer, tmp_path):
    (tmp_path / "other").mkdir()
    other = LocalIssuer(Home(tmp_path / "other"), URL)

    with pytest.raises((InvalidSignature, ValueError)):
        checked(issuer.token("alice@example.com", now=NOON, seconds=60), keys_of(other))


def test_the_key_is_kept_for_its_owner_alone_and_stays(issuer, tmp_path):
    token = issuer.token("alice@example.com", now=NOON, seconds=60)

    assert checked(token, keys_of(LocalIssuer(Home(tmp_path), URL)))["sub"] == "alice@example.com"
    assert stat.S_IMODE((tmp_path / "issuer.json").stat().st_mode) == 0o600


def test_discovery_leads_to_the_keys_and_nothing_private_is_published(issuer):
    found = issuer.document(f"{PATH}/.well-known/openid-configuration")

    assert (found["issuer"], found["jwks_uri"]) == (URL, f"{URL}/jwks.json")
    (key,) = keys_of(issuer)
    assert set(key) == {"kty", "use", "alg", "kid", "n", "e"}


@pytest.mark.parametrize("path", ["/", PATH, f"{PATH}/", f"{PATH}/token", "/v1/runs", f"{PATH}/jwks.json?x=1"])
def test_every_other_path_is_somebody_elses(issuer, path):
    assert issuer.document(path) is None
