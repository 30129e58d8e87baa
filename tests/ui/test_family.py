"""The component family: every component draws, and no template breaks what the pages' security rests on."""

import re
from pathlib import Path

import pytest
from django import forms
from django.conf import settings
from django.contrib.auth.models import User
from django.template import Context, Template, TemplateSyntaxError
from django.template.loader import render_to_string
from django.test import RequestFactory

from studio.pages.component_samples import samples
from studio.templatetags.ui import icons

PROJECT = Path(settings.BASE_DIR)
TEMPLATES = sorted((PROJECT / "templates").rglob("*.html"))


@pytest.fixture
def component_page(rf: RequestFactory, db: None) -> str:
    request = rf.get("/ui/")
    request.user = User.objects.create_superuser("analyst")
    return render_to_string("ui/index.html", samples(request), request)


def test_the_component_page_draws_every_component_in_the_frame(component_page: str) -> None:
    for part in (
        "topbar",
        "sidebar",
        "tabs",
        "commands",
        "list-toolbar",
        "wizard",
        "graph",
        "data-table",
        "log",
    ):
        assert f'class="{part}' in component_page or f" {part}" in component_page, part
    assert "Showing 1–25 of 312" in component_page
    assert "&lt;span" not in component_page


def test_a_disabled_command_says_why(component_page: str) -> None:
    reason = re.search(r'id="(why-[0-9a-f]+)">Nothing of this job has failed\.', component_page)
    assert reason
    assert f'aria-disabled="true" aria-describedby="{reason[1]}"' in component_page


def test_a_disabled_menu_says_why_beside_itself_where_it_shows_while_closed(component_page: str) -> None:
    menu = re.search(
        r'<details class="menu" data-menu id="deploy-menu">.*?</details>', component_page, re.DOTALL
    )
    assert menu
    summary = re.search(r'<summary[^>]*aria-describedby="([^"]+)"', menu[0])
    assert summary
    assert f'id="{summary[1]}"' not in menu[0]
    assert component_page[menu.end() :].startswith(
        f'<span class="tip" role="tooltip" id="{summary[1]}">Select one'
    )


def test_a_wizard_that_is_stopped_can_go_on_without_javascript() -> None:
    text = render_to_string("ui/wizard_footer.html", {"reason": "Choose other data."})
    button = re.search(r"<noscript>(.*?)</noscript>", text)
    assert button
    assert "Next" in button[1]
    assert "disabled" not in button[1]
    assert 'type="button"' not in button[1]


def test_a_form_that_is_drawn_again_keeps_the_chosen_files() -> None:
    class Upload(forms.Form):
        data = forms.FileField(label="Data", help_text="CSV")

    zone = re.search(r'<div class="dropzone" id="dropzone-data"[^>]*hx-preserve>.*?</div>', str(Upload()))
    assert zone
    assert 'aria-describedby="id_data_helptext id_data_error"' in zone[0]
    assert 'id="id_data_error"' in str(Upload({}, {}))


def test_ids_are_unique(component_page: str) -> None:
    ids = re.findall(r'\sid="([^"]+)"', component_page)
    repeated = {each for each in ids if ids.count(each) > 1}
    # The samples show some commands twice with one and the same reason.
    assert not {each for each in repeated if not each.startswith("why-")}


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(PROJECT / "templates")))
def test_a_template_has_nothing_inline_that_the_csp_forbids(path: Path) -> None:
    text = re.sub(r"{[{%].*?[%}]}", "", path.read_text())
    assert not re.search(r'\sstyle\s*=\s*"', text)
    assert not re.search(r"<style\b", text)
    assert not re.search(r"\s(on[a-z]+|hx-on[^=]*|hx-vars)\s*=", text)
    for script in re.findall(r"<script\b[^>]*>", path.read_text()):
        assert "src=" in script
        assert "nonce=" in script


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(PROJECT / "templates")))
def test_a_template_names_only_icons_that_are_there(path: Path) -> None:
    text = path.read_text()
    named = set(re.findall(r'{% icon "([^"]+)"|\bicon="([^"]+)"', text))
    unknown = {first or second for first, second in named} - set(icons())
    assert not unknown


def test_an_unknown_icon_is_refused_with_the_remedy() -> None:
    with pytest.raises(TemplateSyntaxError, match="ICON_NAMES"):
        Template('{% icon "nothing-like-it" %}').render(Context())


def test_own_javascript_stays_small() -> None:
    for path in (PROJECT / "static" / "js").glob("*.js"):
        assert len(path.read_text().splitlines()) <= 300, path.name


def test_what_is_vendored_names_its_version_and_licence() -> None:
    folders = [path for path in (PROJECT / "static" / "vendor").iterdir() if path.is_dir()]
    assert len(folders) == 4
    for folder in folders:
        assert re.search(r" \d+\.\d+\.\d+$", (folder / "VERSION").read_text().strip()), folder
        assert (folder / "LICENSE").stat().st_size > 500


def test_the_page_of_a_bug_needs_no_request_and_no_person() -> None:
    assert "fault of the studio" in render_to_string("500.html", {"reference": "00c0ffee"})
