import pytest

from scoring.errors import ScoringError
from scoring.settings import OVERRIDABLE, ScoringSettings


def test_the_defaults_are_right_and_survive_a_round_trip() -> None:
    settings = ScoringSettings()
    assert settings.validate() == {}
    assert ScoringSettings.from_dict(settings.to_dict()) == settings
    assert set(settings.to_dict()) - set(OVERRIDABLE) == {
        "output_action",
        "write_header",
        "class_probabilities",
        "environment_variables",
    }


def test_an_unknown_setting_is_refused() -> None:
    with pytest.raises(ScoringError, match="Unknown setting: colour"):
        ScoringSettings.from_dict({"colour": "red"})


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("output_action", ["both", None]),
        ("output_file_name", ["", "p.txt", "a/b.csv", "a:b.csv", 'a".csv', "a\n.csv", "p.CSV", None]),
        ("output_file_name", [".csv", "_p.csv", " p.csv", "p" * 200 + ".csv"]),
        ("write_header", ["on"]),
        ("class_probabilities", ["on", None]),
        ("delimiter", [";", "", None]),
        ("quote", ["'", None]),
        ("encoding", ["latin-2", None]),
        ("mini_batch_size", [0, 1.5, "10", True]),
        ("instance_count", [0]),
        ("max_concurrency", [0, "auto"]),
        ("max_retries", [-1]),
        ("timeout", [0, 259_201]),
        ("error_threshold", [-2]),
        ("logging_level", ["trace"]),
        ("environment_variables", [{"1A": "x"}, {"A-B": "x"}, {"PATH": "x"}, {"LD_PRELOAD": "x"}, {"A": 1}]),
        ("environment_variables", [{"OMP_NUM_THREADS": "0"}, {"MKL_NUM_THREADS": "two"}, {"OMP_WAIT_POLICY": "x"}]),
        ("pass_through", ["id", [""], [1], ["id", "id"], ["\0"], [str(i) for i in range(101)]]),
    ],
)  # fmt: skip
def test_a_wrong_value_gets_a_sentence(field: str, values: list[object]) -> None:
    for value in values:
        assert list(ScoringSettings.from_dict({field: value}).validate()) == [field], value


def test_right_values_pass() -> None:
    settings = ScoringSettings(
        output_file_name="scores 2026.parquet",
        max_concurrency=4,
        timeout=259_200,
        environment_variables={"A_1": "é\n", "OMP_NUM_THREADS": "2"},
    )
    assert settings.validate() == {}
