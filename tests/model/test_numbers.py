"""Numbers from users: what they become, and the sentence that refuses them."""

from decimal import Decimal

import numpy as np
import pytest

from crosstwin_model.numbers import LARGEST, float_array, is_plain, positive, real_array, real_number, whole_array, whole_number


def test_a_plain_array_is_returned_itself() -> None:
    floats, words = np.ones(3), np.ones((2, 3), np.uint64)
    assert real_array("x", floats, (3,)) is floats
    assert whole_array("w", words, None, np.uint64) is words
    assert is_plain(floats, np.dtype(np.float64), 1)
    for other in (floats.astype(">f8"), floats[::-1], np.ma.array(floats), [1.0], floats.astype("f4"), floats[None]):
        assert not is_plain(other, np.dtype(np.float64), 1)


def test_numbers_keep_their_values() -> None:
    assert real_array("x", [True, 2, 2.5]).tolist() == [1.0, 2.0, 2.5]
    assert real_array("x", np.float16(0.1)).tolist() == float(np.float16(0.1))
    assert whole_array("n", [2.0**63], (1,), np.uint64).tolist() == [2**63]
    assert whole_array("n", np.array([-5], np.int8), (1,), np.int64).tolist() == [-5]
    assert whole_array("n", [], (0,), np.int8).size == 0
    assert np.isinf(float_array("x", [np.inf])).all()


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ([[1], [1, 2]], "x is no array of numbers (.*); allowed are real numbers"),
        ([1, 1j], "x has the type complex128; allowed are real numbers: booleans, integers and floats"),
        (["1"], "x has the type <U1; allowed are real numbers"),
        ([2**70], "x has the type object; allowed are real numbers"),
        (np.ma.array([1.0, 2.0], mask=[0, 1]), "x has masked entries; allowed are arrays without"),
        ([1.0, 2.0, 3.0], r"x has the shape \(3,\); allowed is \(2,\)"),
        ([1.0, np.nan], r"x\[1\] is nan; allowed are finite numbers within \+-1e\+290"),
        ([1e308, 1.0], r"x\[0\] is 1e\+308; allowed are finite numbers within"),
        (np.array(["1e4000", "1"], np.longdouble), r"x\[0\] is inf; allowed are finite numbers within"),
    ],
)
def test_what_is_no_real_array(values: object, sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^{sentence}"):
        real_array("x", values, (2,))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("values", "place", "value"),
    [
        ([[0, 1], [2, 0.5]], "1, 1", "0.5"),
        ([[0, -9], [0, 0]], "0, 1", "-9"),
        ([[3, 0], [0, 99]], "1, 1", "99"),
        ([[np.inf, 0]], "0, 0", "inf"),
    ],
)
def test_the_place_of_a_number_that_is_refused(values: object, place: str, value: str) -> None:
    with pytest.raises(ValueError, match=rf"^n\[{place}\] is {value}; allowed are whole numbers from -8 to 7$"):
        whole_array("n", values, None, np.int8, -8, 7)  # type: ignore[arg-type]


def test_bounds_of_64_bits_are_exact() -> None:
    for value in (2.0**64, np.array([-1], np.int64), [-1.0]):
        with pytest.raises(ValueError, match="allowed are whole numbers from 0 to 18446744073709551615"):
            whole_array("n", value, None, np.uint64)
    with pytest.raises(ValueError, match="allowed are whole numbers from -9223372036854775808 to 9223372036854775807"):
        whole_array("n", np.array([2**63], np.uint64), None, np.int64)


def test_single_numbers() -> None:
    assert positive("rate", np.float32(0.5)) == 0.5 and type(positive("rate", np.float32(0.5))) is float
    assert real_number("x", np.array(2)) == 2.0 and whole_number("n", np.uint8(3), 0, 3) == 3
    for value in (True, "1", None, 1j, [1.0], Decimal(1), np.nan, np.inf):
        with pytest.raises(ValueError, match=r"rate is .*; allowed are finite numbers above 0"):
            positive("rate", value)
    with pytest.raises(ValueError, match="rate is 0; allowed are finite numbers above 0"):
        positive("rate", 0)
    for count in (True, 1.0, "1", 4, -1):
        with pytest.raises(ValueError, match=r"n is .*; allowed are whole numbers from 0 to 3"):
            whole_number("n", count, 0, 3)  # type: ignore[arg-type]


def test_the_largest_magnitude_leaves_room_for_a_sum() -> None:
    # Converters: 1e6 of ADC range, 65535 clock cycles an input, a window of 1, 2**15 of bound management.
    assert np.isfinite(LARGEST * 1e6 * 65535.0 * 2.0**15)
