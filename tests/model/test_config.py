"""Configurations: what is allowed, and the sentence for what is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from crosstwin_model.config import PRESETS, ConfigurationError, ControllerConfig, load_config


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
def test_presets_load_by_name(preset: ControllerConfig) -> None:
    assert load_config(preset.name) is preset


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("rows = 0", "rows is 0; allowed are whole numbers from 1 to 2048"),
        ("rows = 4.0", "rows is 4.0; allowed are whole numbers from 1 to 2048"),
        ('columns = "four"', "columns is 'four'; allowed are whole numbers from 1 to 2048"),
        ("pairs = 5", "pairs is 5; allowed are whole numbers from 1 to 4"),
        ("adc_lanes = 4.0", "adc_lanes is 4.0; allowed are 1, 2, 4, 8 and 16"),
        ("adc_lanes = true", "adc_lanes is True; allowed are 1, 2, 4, 8 and 16"),
        ("bl_max = 129", "bl_max is 129; allowed are whole numbers from 1 to 128"),
        ("code_bits = 4\nbl_max = 17", "bl_max is 17; allowed are whole numbers from 1 to 16"),
        ("sources = []", "sources is []; it must be a list of at least one of hammersley, lfsr, lfsr_per_line, count"),
        ('sources = ["lfsr", "count", "lfsr"]', "sources holds 'lfsr' 2 times; allowed is once"),
        ('sources = ["dice"]', "sources holds 'dice'; allowed are hammersley, lfsr, lfsr_per_line, count"),
        ("fired_counter = 1", "fired_counter is 1; allowed are true and false"),
        ('name = "é"', "name is 'é'; allowed are letters, digits, _ and -"),
        ("colums = 3", "[controller] has the key 'colums'; allowed are adc_bits, adc_lanes"),
    ],
)
def test_bad_values_are_named(tmp_path: Path, line: str, sentence: str) -> None:
    keys = {part.split(" =")[0] for part in line.split("\n")}
    size = "".join(f"{key} = 4\n" for key in ("rows", "columns") if key not in keys)
    file = tmp_path / "bad.toml"
    file.write_text(f"[controller]\n{size}{line}\n", encoding="utf-8")
    with pytest.raises(ConfigurationError) as error:
        load_config(file)
    assert str(error.value).startswith(f"{file}: ") and sentence in str(error.value)


def test_a_file_without_a_name_is_named_after_itself(tmp_path: Path) -> None:
    file = tmp_path / "my array.v2.toml"
    file.write_text('[controller]\nrows = 4\ncolumns = 3\nsources = ["count", "hammersley"]\n')
    config = load_config(file)
    assert (config.name, config.rows, config.columns) == ("my_array_v2", 4, 3)
    assert config.sources == ("hammersley", "count")
