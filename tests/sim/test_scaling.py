"""Floats to codes and full scales: what an update asks for is what the array gets on average."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crosstwin_sim.scaling import (
    Converters,
    adc_step,
    plan_transfer,
    plan_transfer_per_line,
    plan_update,
    plan_update_per_line,
    to_codes,
    vector,
)

FULL_SCALE_MAX = 4095


@given(st.floats(0.02, 31.9), st.integers(40, 255))
def test_the_plan_gives_the_count_asked_for(count: float, top: int) -> None:
    plan = plan_update(count, top, 1, 32, FULL_SCALE_MAX)
    p, q = top / plan.x_full_scale, top / plan.d_full_scale
    # Full scales are whole numbers from 40 on, which bounds what rounding can do.
    assert plan.bl * p * q == pytest.approx(count, rel=0.5 / top + 1e-3)


@given(st.floats(0.02, 30.0))
def test_with_a_source_per_line_the_codes_carry_the_count(count: float) -> None:
    plan = plan_update_per_line(count, 255, 1, 32)
    assert plan.x_full_scale == plan.d_full_scale == 256
    assert plan.bl * plan.x_top * plan.d_top / 256**2 == pytest.approx(count, rel=0.02)


def test_a_count_below_what_full_scales_can_say_becomes_the_smallest_that_they_can() -> None:
    plan = plan_update(1e-9, 63, 1, 32, FULL_SCALE_MAX)
    assert (plan.bl, plan.x_full_scale, plan.d_full_scale) == (1, FULL_SCALE_MAX, FULL_SCALE_MAX)


@given(st.floats(1e-3, 200.0))
def test_bl_is_the_smallest_power_of_two_that_fits(count: float) -> None:
    bl = plan_update(count, 63, 1, 32, FULL_SCALE_MAX).bl
    assert bl == min(32, 2 ** int(np.ceil(np.log2(max(np.ceil(count), 1)))))


def test_both_sides_share_the_probability() -> None:
    plan = plan_update(1.0, 63, 16, 32, FULL_SCALE_MAX)
    assert (plan.bl, plan.x_full_scale, plan.d_full_scale) == (16, 252, 252)


def test_beyond_the_largest_bl_rows_stay_right_and_columns_saturate() -> None:
    plan = plan_update(64.0, 63, 1, 32, FULL_SCALE_MAX)
    assert plan.bl == 32
    assert plan.x_full_scale == 63
    assert plan.d_full_scale == 32


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=20).filter(lambda values: max(map(abs, values)) > 1e-6))
def test_codes_use_the_whole_range_and_round_to_nearest(values: list[float]) -> None:
    numbers, largest = vector("x", values, len(values))
    codes = to_codes(numbers, largest, 63)
    assert np.abs(codes).max() == 63
    assert np.abs(codes * largest / 63 - numbers).max() <= largest / 126 * (1 + 1e-9)


@pytest.mark.parametrize(
    ("numbers", "sentence"),
    [
        ([1.0, 2.0], r"x has the shape \(2,\); allowed is \(3,\)"),
        ([1.0, np.nan, 2.0], r"x\[1\] is nan; allowed are finite numbers"),
        ([1.0, 2.0, -np.inf], r"x\[2\] is -inf; allowed are finite numbers"),
    ],
)
def test_a_bad_vector_is_refused(numbers: list[float], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        vector("x", np.array(numbers), 3)


def test_the_gain_divides_the_adc_step() -> None:
    assert adc_step(Converters(adc_range=12.0), 255, 0) == 12.0 / 255
    assert adc_step(Converters(adc_range=12.0), 255, 5) == 12.0 / 255 / 32


@given(st.floats(3e-4, 0.9))
def test_transfer_halves_bl_until_the_full_scale_fits(count: float) -> None:
    bl, full_scale = plan_transfer(count, 8, FULL_SCALE_MAX)
    assert bl / full_scale == pytest.approx(count, rel=1.0)
    assert bl == 8 or 2 * bl / count > FULL_SCALE_MAX


@pytest.mark.parametrize("count", [1e-6, 100.0])
def test_a_transfer_rate_without_a_full_scale_is_refused(count: float) -> None:
    with pytest.raises(ValueError, match=r"the transfer rate needs a full scale of \d+ ADC codes; allowed are 1 to 4095"):
        plan_transfer(count, 8, FULL_SCALE_MAX)


def test_with_a_source_per_line_bl_carries_the_transfer_rate() -> None:
    assert plan_transfer_per_line(5.2 / 256, 8, 255) == (5, 256)
    with pytest.raises(ValueError, match="the transfer rate needs a BL of 26 with the source lfsr_per_line; allowed are 1 to 8"):
        plan_transfer_per_line(0.1, 8, 255)
