import re

import pytest
from django.conf import settings
from django.template import Context, Template
from django.test import Client

from studio.pages.help_topics import TOPICS

SENTENCE = (
    "The model needs the column Age, which this input does not have. Choose another data asset or version."
)


@pytest.mark.parametrize("slug", [topic.slug for topic in TOPICS])
def test_topic_opens(signed_in: Client, slug: str) -> None:
    answer = signed_in.get(f"/help/{slug}/")
    assert answer.status_code == 200
    assert answer.text.count("<h1") == 1


@pytest.mark.parametrize("slug", [topic.slug for topic in TOPICS])
def test_topic_shows_pictures_that_are_there(signed_in: Client, slug: str) -> None:
    for picture in re.findall(r'src="/static/(img/help/[^"]+)"', signed_in.get(f"/help/{slug}/").text):
        assert (settings.BASE_DIR / "static" / picture).exists(), f"{picture}: run make pictures"


def test_topic_that_there_is_not(signed_in: Client) -> None:
    assert signed_in.get("/help/quantum/").status_code == 404


@pytest.mark.parametrize("address", ["/help/", "/help/start/", "/help/troubleshooting/"])
def test_help_takes_no_post_and_asks_who_is_there(signed_in: Client, client: Client, address: str) -> None:
    assert signed_in.post(address).status_code == 405
    assert client.get(address).status_code == 302


def test_index_lists_every_topic(signed_in: Client) -> None:
    answer = signed_in.get("/help/")
    for topic in TOPICS:
        assert f'href="/help/{topic.slug}/"' in answer.text


def test_index_finds_topics_by_their_words(signed_in: Client, htmx: dict[str, str]) -> None:
    answer = signed_in.get("/help/?search=infer_signature+missing", headers=htmx)
    assert "<html" not in answer.text
    assert 'href="/help/notebook/"' in answer.text
    assert 'href="/help/compute/"' not in answer.text


@pytest.mark.parametrize("search", ["zzzz", "<script>alert(1)</script>", "%", "x" * 5000])
def test_index_says_so_when_nothing_is_found(signed_in: Client, search: str) -> None:
    answer = signed_in.get("/help/", {"search": search})
    assert answer.status_code == 200
    assert "<script>alert" not in answer.text


def test_troubleshooting_explains_the_sentence_that_was_pasted(signed_in: Client) -> None:
    answer = signed_in.get("/help/troubleshooting/", {"sentence": f"  {SENTENCE.upper()}\n"})
    assert "What this sentence means" in answer.text
    assert "compared letter by letter" in answer.text or "letter by letter" in answer.text


def test_troubleshooting_offers_what_is_nearest(signed_in: Client) -> None:
    answer = signed_in.get("/help/troubleshooting/", {"sentence": "my predictions overwrite the output path"})
    assert "Perhaps one of these" in answer.text


@pytest.mark.parametrize("sentence", ["zzzz", "<b>%(name)s</b>", "“" * 3000, "%s … %s"])
def test_troubleshooting_takes_any_text(signed_in: Client, sentence: str) -> None:
    answer = signed_in.get("/help/troubleshooting/", {"sentence": sentence})
    assert answer.status_code == 200
    assert "What this sentence means" not in answer.text


def test_troubleshooting_lists_every_entry_once(signed_in: Client) -> None:
    ids = re.findall(r'class="help-entry" id="([^"]+)"', signed_in.get("/help/troubleshooting/").text)
    assert len(ids) == len(set(ids)) > 30


def test_a_page_links_its_topic(signed_in: Client) -> None:
    assert 'href="/help/models/" aria-label="Help about this page"' in signed_in.get("/models/").text
    assert 'href="/help/start/" aria-label="Help about this page"' in signed_in.get("/").text


def test_a_failure_links_what_it_means() -> None:
    link = Template("{% help_link sentence %}").render(Context({"sentence": 'Is "gone" & <b>'}))
    assert "sentence=Is+%22gone%22+%26+%3Cb%3E" in link
    assert Template("{% help_link sentence %}").render(Context({"sentence": ""})) == ""
