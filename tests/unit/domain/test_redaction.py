import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildgate.domain.redaction import MASK, redact, shorten

SECRETS = [
    "AKIAIOSFODNN7EXAMPLE",
    "ghp_" + "a1B2" * 9,
    "glpat-" + "x" * 20,
    "xoxb-123456789012-abcdef",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl",
]


@pytest.mark.parametrize("secret", SECRETS)
@given(before=st.text(max_size=20), after=st.text(max_size=20))
def test_a_secret_of_known_shape_never_comes_through(secret, before, after):
    assert secret not in redact(f"{before} {secret} {after}")


@pytest.mark.parametrize(
    "text", ["DB_PASSWORD=hunter2!", "api_key: 'hunter2!'", 'secret = "hunter2!"', "aws_access_key_id=hunter2!"]
)
def test_the_value_given_to_a_secret_name_is_masked(text):
    assert "hunter2" not in redact(text)
    assert MASK in redact(text)


def test_a_password_in_an_address_is_masked():
    assert redact("https://alice:hunter2@example.com/x") == f"https://{MASK}@example.com/x"


def test_a_private_key_is_masked_whole_even_when_cut_off():
    assert "MIIE" not in redact("-----BEGIN RSA PRIVATE KEY-----\nMIIEabc\n")


def test_terminal_codes_are_removed_and_plain_text_stays():
    assert redact("\x1b[31mred\x1b[0m Zeile äöü\n") == "[31mred[0m Zeile äöü\n"


@given(st.text())
def test_redacting_twice_changes_nothing_more(text):
    assert redact(redact(text)) == redact(text)


def test_long_text_is_cut_with_an_ellipsis():
    assert shorten("abcdef", limit=4) == "abc…"
    assert shorten("abcd", limit=4) == "abcd"
