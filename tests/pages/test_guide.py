"""Troubleshooting knows what the studio says."""

import pytest

from studio.pages.guide import GUIDE
from studio.pages.guide.entries import fit
from studio.pages.help_topics import BY_SLUG
from tests.pages.failure_sentences import sentences


def test_every_failure_sentence_of_the_source_has_an_entry() -> None:
    unknown = [f"{place}: {text}" for place, text in sentences() if GUIDE.explain(text) is None]
    assert not unknown, "Add these to an entry in studio/pages/guide/:\n" + "\n".join(unknown)


def test_every_entry_belongs_to_a_topic_and_has_a_name_of_its_own() -> None:
    assert {entry.topic for entry in GUIDE.entries} <= set(BY_SLUG)
    keys = [entry.key for entry in GUIDE.entries]
    assert len(keys) == len(set(keys))


def test_every_sentence_leads_to_its_own_entry() -> None:
    for entry in GUIDE.entries:
        for sentence in entry.shown_sentences:
            found = GUIDE.explain(sentence)
            assert found is not None, sentence
            assert found == entry or found.fit(sentence) >= entry.fit(sentence), sentence


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("The path “%(path)s” is wrong.", 'so: the  path "a/b" IS wrong.', True),
        ("The path “%(path)s” is wrong.", "is wrong. The path", False),
        ("%(count)s %% of it is missing", "12 % of it is missing", True),
        ("“%s”", "“x”", False),
    ],
)
def test_a_sentence_is_found_however_it_was_copied(pattern: str, text: str, fits: bool) -> None:
    from studio.pages.guide.entries import normal

    assert bool(fit(pattern, normal(text))) is fits
