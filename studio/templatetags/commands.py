"""Command bars: links and buttons that work without JavaScript, menus, commands that need selected rows."""

from typing import Any
from zlib import crc32

from django.template import Context, Library
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from studio.templatetags.ui import draw

register = Library()


@register.simple_block_tag
def commands(content: str, label: str = "") -> SafeString:
    return format_html(
        '<div class="commands" role="group" aria-label="{}">{}</div>', label or _("Commands"), content
    )


@register.simple_tag
def separator() -> SafeString:
    return mark_safe('<span class="commands-separator" aria-hidden="true"></span>')


def command_values(
    label: str,
    *,
    icon: str = "",
    href: str = "",
    post: str = "",
    variant: str = "",
    reason: str = "",
    needs: str = "",
    dialog: bool = False,
    name: str = "",
    value: str = "",
    external: bool = False,
    text: str = "",
    hide_label: bool = False,
) -> dict[str, Any]:
    missing = {"": "", "one": _("Select one row first."), "some": _("Select at least one row first.")}[needs]
    why = reason or missing
    return {
        "label": label,
        "icon": icon,
        "href": href,
        "post": post,
        "variant": variant,
        "reason": reason,
        "needs": "" if reason else needs,
        "dialog": dialog,
        "name": name,
        "value": value,
        "external": external,
        "text": text,
        "hide_label": hide_label,
        "why": why,
        "why_id": f"why-{crc32(f'{label} {href}{post} {why}'.encode()):x}" if why else "",
    }


@register.simple_tag(takes_context=True)
def command(context: Context, label: str, **options: Any) -> SafeString:
    """A command. `href` makes a link, `post` a button that posts there (`name`, `value` go with it); `dialog`
    opens the address in the page's dialog; `needs` ("one", "some") waits for selected rows and sends them as
    `selected`; a `reason` disables it and is its tooltip. `variant`: primary, outline, danger."""
    return draw(context, "ui/command.html", css="btn", **command_values(label, **options))


@register.simple_tag(takes_context=True)
def menu_item(context: Context, label: str, **options: Any) -> SafeString:
    """A command inside `{% menu %}`, with the same options and a second line `text`."""
    return draw(context, "ui/command.html", css="dropdown-item", **command_values(label, **options))


@register.simple_block_tag(takes_context=True)
def menu(
    context: Context,
    content: str,
    label: str,
    icon: str = "",
    variant: str = "",
    needs: str = "",
    reason: str = "",
    hide_label: bool = False,
    align_end: bool = False,
    id: str = "",
) -> SafeString:
    """A button that opens a list of `{% menu_item %}`; `hide_label` leaves only the icon to see."""
    values = command_values(
        label, icon=icon, variant=variant, needs=needs, reason=reason, hide_label=hide_label
    )
    return draw(context, "ui/menu.html", content=content, align_end=align_end, id=id, **values)
