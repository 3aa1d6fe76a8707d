from shop.prices import Line
from shop.receipt import euros, receipt


def test_cents_always_have_two_digits():
    assert euros(5) == "0.05 EUR"


def test_an_empty_cart_says_so():
    assert receipt([]) == "The cart is empty."


def test_the_last_line_is_the_total():
    text = receipt([Line("mug", 1000, pieces=2), Line("novel", 1000, kind="book")])

    assert text.splitlines()[-1].split() == ["Total", "34.50", "EUR"]
