"""The local cloud's own token issuer: for this machine only, so that OIDC identities can be tried without a provider.

It proves nothing about anybody: whoever owns the cloud's home may make a token for any address. Two public documents
(discovery and keys) are served by the front below `PATH`; tokens are signed with a key that never leaves the home.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .state import Home

PATH: Final = "/local-issuer"
AUDIENCE: Final = "buildgate"
KEY_BITS: Final = 2048
_KEY_FILE: Final = "issuer.json"


@dataclass(frozen=True)
class LocalIssuer:
    """Signs tokens under `url`, which is what their `iss` says; the key is made the first time and kept in the home."""

    home: Home
    url: str

    @cached_property
    def _key(self) -> rsa.RSAPrivateKey:
        known = self.home.read(_KEY_FILE)
        if not known:
            made = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
            encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
            known = {"private_key": made.private_bytes(encoding, form, serialization.NoEncryption()).decode()}
            self.home.write(_KEY_FILE, known)
        key = serialization.load_pem_private_key(known["private_key"].encode(), password=None)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise TypeError(f"{self.home.path / _KEY_FILE} holds no RSA key")
        return key

    @cached_property
    def _public(self) -> Mapping[str, str]:
        numbers = self._key.public_key().public_numbers()
        modulus = numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8, "big")
        exponent = numbers.e.to_bytes(3, "big")
        return {
            "kty": "RSA",
            "use": "sig",
            "alg": "RS256",
            "kid": sha256(modulus).hexdigest()[:16],
            "n": _encoded(modulus),
            "e": _encoded(exponent),
        }

    def document(self, path: str) -> Mapping[str, Any] | None:
        """Return the public document at a path of the front, or None when the path is not the issuer's.

        The discovery document follows OpenID Connect Discovery 1.0, section 3; the keys RFC 7517.
        """
        if path == f"{PATH}/.well-known/openid-configuration":
            return {
                "issuer": self.url,
                "jwks_uri": f"{self.url}/jwks.json",
                "id_token_signing_alg_values_supported": ["RS256"],
                "response_types_supported": ["id_token"],
                "subject_types_supported": ["public"],
            }
        return {"keys": [self._public]} if path == f"{PATH}/jwks.json" else None

    def token(self, email: str, *, now: int, seconds: int, audience: str = AUDIENCE, **claims: Any) -> str:
        """Return a signed token (RFC 7519, RS256) that says who the bearer is until `now + seconds`.

        Args:
            email: The person, as approvers are listed.
            now: Seconds since 1970.
            seconds: How long it holds; a negative number makes one that has expired.
            audience: Whom it is for.
            claims: More claims, or others than these.
        """
        named = {"iss": self.url, "aud": audience, "sub": email, "email": email, "email_verified": True}
        body = named | {"iat": min(now, now + seconds), "exp": now + seconds} | claims
        head = {"alg": "RS256", "typ": "JWT", "kid": self._public["kid"]}
        signed = f"{_part(head)}.{_part(body)}"
        signature = self._key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{_encoded(signature)}"


def _part(content: Mapping[str, Any]) -> str:
    return _encoded(json.dumps(content, separators=(",", ":")).encode())


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
