"""Numbers, sizes, durations and times as people read them."""

import math
from datetime import datetime
from typing import Any

from django.template import Library
from django.utils import timezone
from django.utils.dateformat import format as format_date
from django.utils.formats import get_format, number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from studio.models import MiniBatch

register = Library()

NOTHING = "–"


@register.filter
def number(value: Any, places: int | None = None) -> str:
    """1234567 → 1,234,567; nothing → a dash."""
    if value is None or value == "":
        return NOTHING
    return number_format(value, decimal_pos=places, force_grouping=True)


@register.filter
def compact(value: float | None) -> str:
    """1040000 → 1.04 M, for rates."""
    if value is None:
        return NOTHING
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= limit:
            scaled = value / (1e3 if unit == "k" else limit)
            return f"{_significant(scaled)}\N{NO-BREAK SPACE}{unit}"
    return _significant(value) if value < 10 else number(round(value))


@register.filter
def filesize(value: float | None) -> str:
    """17510 → 17.1 KB."""
    if value is None:
        return NOTHING
    size = float(value)
    if size < 1024:
        return ngettext("%(count)d byte", "%(count)d bytes", int(size)) % {"count": int(size)}
    for unit in ("KB", "MB", "GB", "TB"):
        size /= 1024
        if size < 1024 or unit == "TB":
            break
    return f"{_significant(size)}\N{NO-BREAK SPACE}{unit}"


@register.filter
def part_of_file(minibatch: MiniBatch) -> str:
    """Which part of its file a mini-batch is, of a file that is divided."""
    start, end = (minibatch.slices[0].get(name) for name in ("start", "end"))
    if not start and end is None:
        return ""
    if minibatch.first_file.lower().endswith((".parquet", ".pqt")):
        if end is None:
            return _("row groups from %(first)s on") % {"first": number(start + 1)}
        return _("row groups %(first)s to %(last)s") % {"first": number(start + 1), "last": number(end)}
    if not start:
        return _("the first %(size)s") % {"size": filesize(end)}
    if end is None:
        return _("from %(start)s on") % {"start": filesize(start)}
    return _("%(start)s to %(end)s") % {"start": filesize(start), "end": filesize(end)}


@register.filter
def duration(seconds: Any) -> str:
    """3.14 → 3.1 s, 75 → 1 min 15 s, 7500 → 2 h 5 min."""
    if seconds is None:
        return NOTHING
    value = float(seconds.total_seconds() if hasattr(seconds, "total_seconds") else seconds)
    if value < 0.1:
        return _("%(count)d ms") % {"count": round(value * 1000)}
    if value < 9.95:
        return _("%(count)s s") % {"count": number_format(value, decimal_pos=1)}
    whole = round(value)
    if whole < 60:
        return _("%(count)s s") % {"count": whole}
    if whole < 3600:
        return _("%(minutes)d min %(seconds)d s") % {"minutes": whole // 60, "seconds": whole % 60}
    hours, minutes = whole // 3600, whole % 3600 // 60
    if hours < 48:
        return _("%(hours)d h %(minutes)d min") % {"hours": hours, "minutes": minutes}
    return _("%(days)d d %(hours)d h") % {"days": hours // 24, "hours": hours % 24}


@register.filter
def percent(part: float | None, whole: float | None = 100) -> int:
    """Whole percent, rounded down so that 100 means finished."""
    if not part or not whole:
        return 0
    return max(0, min(100, math.floor(100 * part / whole)))


@register.filter
def item(sequence: Any, place: int) -> Any:
    """Element `place` of a list, so that a template can walk two lists side by side."""
    try:
        return sequence[place]
    except (IndexError, TypeError):
        return None


@register.simple_tag
def when(moment: datetime | None, relative: bool = False) -> str | SafeString:
    """A time with its full form as the title. studio.js shows it in the reader's time zone."""
    if moment is None:
        return NOTHING
    local = timezone.localtime(moment)
    text = ago(moment) if relative else short_time(local)
    full = format_date(local, get_format("FULL_TIME"))
    kind = "relative" if relative else "absolute"
    return format_html(
        '<time datetime="{}" title="{}" data-when="{}">{}</time>', moment.isoformat(), full, kind, text
    )


def short_time(local: datetime) -> str:
    is_this_year = local.year == timezone.localtime().year
    return format_date(local, get_format("TIME_OF_THIS_YEAR" if is_this_year else "TIME_OF_ANOTHER_YEAR"))


def ago(moment: datetime) -> str:
    seconds = max(0, round((timezone.now() - moment).total_seconds()))
    if seconds < 60:
        return _("%(count)d s ago") % {"count": seconds}
    if seconds < 3600:
        return _("%(count)d min ago") % {"count": seconds // 60}
    if seconds < 86400:
        return _("%(count)d h ago") % {"count": seconds // 3600}
    return _("%(count)d d ago") % {"count": seconds // 86400}


def _significant(value: float) -> str:
    """Three digits."""
    places = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    text = f"{value:.{places}f}"
    return number_format(text.rstrip("0").rstrip(".") if "." in text else text)
