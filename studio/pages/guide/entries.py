"""What an entry of the troubleshooting guide is, and how a sentence that somebody saw finds its own."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.text import slugify

PLACE = re.compile(r"%\(\w+\)[a-z]|%s|…")  # where a sentence names something
LONGEST = 2000  # characters of what was pasted that are looked at
OTHERS = 5


@dataclass(frozen=True)
class Entry:
    """Sentences with one cause and one remedy. They are written as in the code, with `…` or `%(name)s` for a name."""

    title: Any
    sentences: Sequence[str]
    means: Any
    remedy: Any
    topic: str = "jobs"

    @property
    def key(self) -> str:
        return slugify(str(self.title))

    @property
    def shown_sentences(self) -> list[str]:
        return [PLACE.sub("…", sentence).replace("%%", "%") for sentence in self.sentences]

    def fit(self, text: str) -> int:
        """Letters of `text` that its best sentence accounts for; 0 where none fits."""
        return max(fit(sentence, text) for sentence in self.sentences)

    def shares(self, words: set[str]) -> int:
        """How many of `words` stand in it."""
        own = " ".join([str(self.title), *self.sentences, str(self.means), str(self.remedy)])
        return len(words & words_of(own))


@dataclass
class Guide:
    entries: Sequence[Entry]
    groups: dict[str, list[Entry]] = field(init=False)

    def __post_init__(self) -> None:
        self.groups = {}
        for entry in self.entries:
            self.groups.setdefault(entry.topic, []).append(entry)

    def explain(self, sentence: str) -> Entry | None:
        """The entry that this very sentence belongs to."""
        text = normal(sentence)
        best = max(self.entries, key=lambda entry: entry.fit(text))
        return best if best.fit(text) else None

    def related(self, sentence: str) -> list[Entry]:
        """Entries with the most words of what was typed, for who remembers only some of them."""
        words = words_of(sentence[:LONGEST])
        ranked = sorted(self.entries, key=lambda entry: -entry.shares(words))
        best = ranked[0].shares(words) if words else 0
        return [entry for entry in ranked[:OTHERS] if best and entry.shares(words) >= max(1, best / 2)]


def fit(pattern: str, text: str) -> int:
    """Letters of the pattern when all its fixed parts stand in the text in their order, else 0. Every part is looked
    for once, so a text of any kind costs no more than its length."""
    at, letters = 0, 0
    for part in PLACE.split(normal(pattern).replace("%%", "%")):
        found = text.find(part, at)
        if found < 0:
            return 0
        at, letters = found + len(part), letters + len(part.strip())
    return letters if letters >= 8 else 0


def normal(text: str) -> str:
    """One spelling of spaces, quotes and capitals, as a mail or a chat may have changed them."""
    quotes = str.maketrans("“”„«»’‘`", '"""""\'\'\'')
    return re.sub(r"\s+", " ", text[:LONGEST].translate(quotes)).strip().casefold()


def words_of(text: str) -> set[str]:
    return {word for word in re.findall(r"\w+", text.casefold()) if len(word) > 3}
