from datetime import UTC, datetime, timedelta

import pytest

from studio.templatetags.formats import compact, duration, filesize, number, percent, when


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "–"),
        (0.04, "40 ms"),
        (3.14, "3.1 s"),
        (9.97, "10 s"),
        (59.7, "1 min 0 s"),
        (75, "1 min 15 s"),
        (7500, "2 h 5 min"),
        (timedelta(days=3, hours=4), "3 d 4 h"),
    ],
)
def test_a_duration_reads_in_two_units(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (None, "–"),
        (1, "1 byte"),
        (812, "812 bytes"),
        (17510, "17.1 KB"),
        (32 << 20, "32 MB"),
        (3 << 40, "3 TB"),
    ],
)
def test_a_size_has_three_digits(size: int | None, text: str) -> None:
    assert filesize(size).replace("\N{NO-BREAK SPACE}", " ") == text


def test_numbers_are_grouped_and_nothing_is_a_dash() -> None:
    assert (number(1234567), number(0), number(None)) == ("1,234,567", "0", "–")
    assert compact(1_040_000) == "1.04\N{NO-BREAK SPACE}M"


@pytest.mark.parametrize(
    ("part", "whole", "result"), [(0, 0, 0), (99.9, 100, 99), (100, 100, 100), (None, 5, 0)]
)
def test_percent_is_100_only_when_finished(part: float | None, whole: float, result: int) -> None:
    assert percent(part, whole) == result


def test_a_time_carries_its_exact_moment() -> None:
    shown = when(datetime(2025, 7, 9, 6, 0, 5, tzinfo=UTC))
    assert 'datetime="2025-07-09T06:00:05+00:00"' in shown
    assert "Jul 9, 2025, 6:00 AM" in shown
    assert when(None) == "–"
