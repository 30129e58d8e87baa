"""The component family: leaves are tags or includes, wrappers are block tags. `/ui/` shows all in DEBUG."""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, cast

from django.conf import settings
from django.template import Context, Library, Template, TemplateSyntaxError
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

register = Library()

CALLOUT_ICONS = {"success": "circle-check", "warning": "alert-triangle", "danger": "alert-circle"}


def draw(context: Context, template: str, **values: Any) -> SafeString:
    """Renders a component inside the page's context: request, csrf_token and csp_nonce stay visible."""
    engine = cast(Template, context.template).engine
    with context.push(**values):
        rendered: SafeString = engine.get_template(template).render(context)
    return rendered


@cache
def icons() -> Mapping[str, str]:
    sprite = Path(settings.BASE_DIR, "static", "vendor", "tabler-icons", "icons.svg").read_text()
    return dict(re.findall(r'<symbol id="([^"]+)"[^>]*>(.*?)</symbol>', sprite))


@register.simple_tag(name="icon")
@cache
def glyph(name: str, size: int = 18, css: str = "") -> SafeString:
    """An outline icon; decoration only, so the word beside it carries the meaning."""
    if name not in icons():
        raise TemplateSyntaxError(
            f"There is no icon {name!r}. Add it to ICON_NAMES in management/commands/vendor.py and run it."
        )
    return format_html(
        '<svg class="glyph {}" width="{}" height="{}" viewBox="0 0 24 24" fill="none" stroke="currentColor"'
        ' stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true"'
        ' focusable="false">{}</svg>',
        css,
        size,
        size,
        mark_safe(icons()[name]),  # noqa: S308 - our own vendored file
    )


@register.simple_tag
def badge(label: str, tone: str = "neutral", icon: str = "", title: str = "") -> SafeString:
    """Written here and not in a template, since a list draws one for each of its rows."""
    return format_html(
        '<span class="badge tone-{}"{}>{}<span>{}</span></span>',
        tone or "neutral",
        format_html(' title="{}"', title) if title else "",
        glyph(icon, size=16) if icon else "",
        label,
    )


@register.simple_tag
def status(thing: Any, title: str = "") -> SafeString:
    """The badge of anything with `status_label`, `status_tone` and `status_icon`."""
    return badge(thing.status_label, thing.status_tone, thing.status_icon, title)


@register.simple_block_tag
def slot(content: str) -> SafeString:
    """Names a piece of markup for a component's argument: `{% slot as actions %}…{% endslot %}`."""
    return mark_safe(content.strip())  # noqa: S308 - rendered by the template, escaped there


@register.simple_block_tag(takes_context=True)
def panel(
    context: Context,
    content: str,
    title: str = "",
    count: int | None = None,
    actions: str = "",
    footer: str = "",
    flush: bool = False,
    css: str = "",
    id: str = "",
) -> SafeString:
    """A card. `flush` lets a table or list touch its edges."""
    return draw(
        context,
        "ui/panel.html",
        content=content,
        title=title,
        count=count,
        actions=actions,
        footer=footer,
        flush=flush,
        css=css,
        id=id,
    )


@register.simple_block_tag
def properties(content: str, css: str = "") -> SafeString:
    return format_html('<dl class="properties {}">{}</dl>', css, content)


@register.simple_block_tag(name="property", end_name="endproperty")
def property_line(content: str, label: str, mono: bool = False) -> SafeString:
    """One line of `{% properties %}`; a dash where there is nothing."""
    return format_html(
        '<dt>{}</dt><dd class="{}">{}</dd>',
        label,
        "mono" if mono else "",
        content if content.strip() else "–",
    )


@register.simple_block_tag(takes_context=True)
def callout(
    context: Context, content: str, tone: str = "info", title: str = "", icon: str = ""
) -> SafeString:
    mark = icon or CALLOUT_ICONS.get(tone, "info-circle")
    return draw(context, "ui/callout.html", content=content, tone=tone, title=title, icon=mark)


@register.simple_block_tag(takes_context=True)
def empty(context: Context, content: str, title: str, icon: str = "search", action: str = "") -> SafeString:
    """What a list without rows says: what it would hold and what to do first."""
    return draw(context, "ui/empty.html", content=content, title=title, icon=icon, action=action)


@register.simple_block_tag
def tabs(content: str, label: str) -> SafeString:
    return format_html('<nav class="tabs" aria-label="{}"><ul>{}</ul></nav>', label, content)


@register.inclusion_tag("ui/tab.html")
def tab(
    label: str, href: str, current: bool = False, count: int | None = None, target: str = ""
) -> dict[str, Any]:
    """A tab is a page; with `target` htmx swaps only that element, which holds the strip too."""
    return {"label": label, "href": href, "current": current, "count": count, "target": target}


@register.inclusion_tag("ui/crumb.html")
def crumb(label: str, name: str = "", *args: Any) -> dict[str, str]:
    """One step of the breadcrumb; `name` and `args` as in `{% url %}`, none for the page itself."""
    return {"label": label, "href": reverse(name, args=args) if name else ""}


@register.simple_block_tag(takes_context=True)
def wizard(
    context: Context,
    content: str,
    steps: Iterable[Any],
    title: str = "",
    action: str = "",
    back: str = "",
    cancel: str = "",
    submit: str = "",
    reason: str = "",
    upload: bool = False,
    aside: str = "",
) -> SafeString:
    """Stepper, one form and its footer. Steps have `title`, `href` and `state` (done, current, todo).
    `reason` disables the submit button and says why; `aside` stands beside the fields."""
    known = list(steps)
    at = next((place for place, step in enumerate(known, 1) if _of(step, "state") == "current"), 1)
    return draw(
        context,
        "ui/wizard.html",
        content=content,
        steps=known,
        step_number=at,
        step_title=_of(known[at - 1], "title") if known else "",
        title=title,
        action=action or context["request"].get_full_path(),
        back=back,
        cancel=cancel,
        submit=submit,
        reason=reason,
        upload=upload,
        aside=aside,
    )


@register.simple_block_tag(takes_context=True)
def dialog(
    context: Context,
    content: str,
    title: str,
    action: str = "",
    submit: str = "",
    cancel: str = "",
    dismiss: str = "",
    tone: str = "primary",
    confirm_name: str = "",
    reason: str = "",
    wide: bool = False,
    upload: bool = False,
) -> SafeString:
    """A form that opens in the page's dialog and is a page of its own without JavaScript. With `confirm_name`
    that name must be typed (field `confirm_name`) before the button works. `dismiss` is the word of the
    button that closes it, else Cancel."""
    return draw(
        context,
        "ui/dialog.html",
        content=content,
        title=title,
        action=action or context["request"].get_full_path(),
        submit=submit,
        cancel=cancel,
        dismiss=dismiss,
        tone=tone,
        confirm_name=confirm_name,
        reason=reason,
        wide=wide,
        upload=upload,
    )


@register.simple_block_tag(takes_context=True)
def shown_once(
    context: Context, content: str, title: str, text: str, secret: str, label: str, back: str
) -> SafeString:
    """The end of a dialog: a secret to copy that no other page shows."""
    return draw(
        context,
        "ui/shown_once.html",
        content=content,
        title=title,
        text=text,
        secret=secret,
        label=label,
        back=back,
    )


@register.simple_block_tag(takes_context=True)
def form_card(
    context: Context,
    content: str,
    title: str = "",
    action: str = "",
    submit: str = "",
    cancel: str = "",
    reason: str = "",
    upload: bool = False,
) -> SafeString:
    """A form as a card on a page of its own; with `upload` it shows how far the files are."""
    return draw(
        context,
        "ui/form_card.html",
        content=content,
        title=title,
        action=action or context["request"].get_full_path(),
        submit=submit,
        cancel=cancel,
        reason=reason,
        upload=upload,
    )


@register.inclusion_tag("ui/graph.html")
def graph(nodes: Iterable[Any], label: str, target: str = "") -> dict[str, Any]:
    """Steps of a job from top to bottom. A node has `title`, `text`, `icon`, `tone`, `status` (a word) and
    may have `href`, `selected`, `dashed`."""
    return {"nodes": list(nodes), "label": label, "target": target}


@register.simple_block_tag
def log(
    content: str,
    label: str,
    poll: str = "",
    seconds: int = 2,
    id: str = "log",
) -> SafeString:
    """Monospaced text that scrolls. With `poll` it asks that address for itself again, staying at its end."""
    live = (
        format_html(' hx-get="{}" hx-trigger="every {}s" hx-target="this" hx-swap="outerHTML"', poll, seconds)
        if poll
        else ""
    )
    return format_html(
        '<pre class="log" id="{}" tabindex="0" role="region" aria-label="{}"{}{}>{}</pre>',
        id,
        label,
        mark_safe(" data-follow") if poll else "",
        live,
        content,
    )


@register.inclusion_tag("ui/copybox.html")
def copybox(text: str, label: str, multiline: bool = False) -> dict[str, Any]:
    return {"text": text, "label": label, "multiline": multiline}


@register.inclusion_tag("ui/meter.html")
def meter(label: str, value: float, maximum: float = 100, text: str = "") -> dict[str, Any]:
    return {"label": label, "value": value, "maximum": maximum, "text": text}


@register.inclusion_tag("ui/tags.html")
def taglist(tags: Mapping[str, str] | Iterable[str] | None) -> dict[str, Any]:
    """Chips of a dict (`key: value`) or of plain words."""
    if isinstance(tags, Mapping):
        return {
            "chips": [f"{key}: {value}" if value not in (None, "") else key for key, value in tags.items()]
        }
    return {"chips": list(tags or [])}


@register.simple_tag
def initials(user: Any) -> str:
    words = (user.get_full_name() or user.get_username()).replace(".", " ").replace("_", " ").split()
    letters = words[0][:1] + words[-1][:1] if len(words) > 1 else words[0][:2] if words else "?"
    return letters.upper()


def _of(thing: Any, name: str) -> Any:
    return thing.get(name) if isinstance(thing, Mapping) else getattr(thing, name)
