"""Registers behind the ECP5's multipliers: which are taken in, and which must stay."""

from pathlib import Path
from typing import Any

import pytest

from crosstwin_sim.fpga.devices import DEVICES
from crosstwin_sim.fpga.synthesis import synthesise

DESIGN = """
module top(input clk, input enable, input reset, input [7:0] a, b, output [15:0] q, r);
  wire [15:0] p = a * b;
  reg [15:0] product = {initial};
  assign q = product;
  assign r = {other};
  always @(posedge clk) {register};
endmodule
"""


def cells(tmp_path: Path, *, initial: str = "0", other: str = "0", register: str) -> list[dict[str, Any]]:
    text = DESIGN.format(initial=initial, other=other, register=register)
    return list(synthesise(text, "top", DEVICES["ecp5-25"], tmp_path)["modules"]["top"]["cells"].values())


@pytest.mark.parametrize(("register", "enabled"), [("product <= p", False), ("if (enable) product <= p", True)])
def test_a_product_that_is_only_registered_takes_its_register(tmp_path: Path, register: str, enabled: bool) -> None:
    found = cells(tmp_path, register=register)
    (multiplier,) = (cell for cell in found if cell["type"] == "MULT18X18D")
    assert not any(cell["type"] == "TRELLIS_FF" for cell in found)
    assert multiplier["parameters"]["REG_OUTPUT_CLK"] == "CLK0"
    assert multiplier["connections"]["RST0"] == ["0"]
    assert (multiplier["connections"]["CE0"] != ["1"]) == enabled


@pytest.mark.parametrize(
    "change",
    [
        {"register": "product <= p", "other": "p"},
        {"register": "product <= reset ? 0 : p"},
        {"register": "product <= p", "initial": "1"},
        {"register": "begin product[7:0] <= p[7:0]; if (enable) product[15:8] <= p[15:8]; end"},
        {"register": "product <= enable ? p : 5"},
    ],
    ids=["used elsewhere", "reset", "starts at 1", "two enables", "logic between"],
)
def test_any_other_register_stays(tmp_path: Path, change: dict[str, str]) -> None:
    found = cells(tmp_path, **change)
    assert all(cell["parameters"].get("REG_OUTPUT_CLK", "NONE") == "NONE" for cell in found if cell["type"] == "MULT18X18D")
    assert sum(cell["type"] == "TRELLIS_FF" for cell in found) == 16
