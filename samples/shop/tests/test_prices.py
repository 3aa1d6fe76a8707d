import pytest

from shop.prices import Line, discount_percent, total


def test_vat_depends_on_the_kind():
    assert Line("mug", 1000).gross() == 1190
    assert Line("novel", 1000, kind="book").gross() == 1070


def test_half_a_cent_is_rounded_up():
    assert Line("sticker", 50, kind="book").gross() == 54


def test_an_unknown_kind_is_refused_by_name():
    with pytest.raises(ValueError, match="food"):
        Line("bread", 250, kind="food").gross()


@pytest.mark.parametrize(("net", "percent"), [(99_99, 0), (100_00, 5), (499_99, 5), (500_00, 10)])
def test_discount_grows_with_the_cart(net, percent):
    assert discount_percent(net) == percent


def test_total_takes_the_discount_off_the_gross_sum():
    assert total([Line("lamp", 100_00), Line("bulb", 5_00, pieces=4)]) == 135_66
