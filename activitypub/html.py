"""HTML of messages: what we let in, what we send, and the plain text between them."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping

import nh3
from linkify_it import LinkifyIt
from linkify_it.main import Match

from activitypub.nesting import is_deeper
from activitypub.words import words_of

_ALLOWED = {
    "p",
    "br",
    "a",
    "b",
    "i",
    "u",
    "s",
    "code",
    "pre",
    "span",
    "em",
    "strong",
    "del",
    "blockquote",
    "ul",
    "ol",
    "li",
}
_LINK = re.compile(r"https?://[^\x00-\x20]+", re.IGNORECASE)


def _kept_attribute(_tag: str, name: str, value: str) -> str | None:
    """A link leads to another server, and its URL is one that needs no repair: browsers repair in many ways, and what
    names no server would lead to the reader's own."""
    return None if name == "href" and not _LINK.fullmatch(value) else value


# Two passes, because the first may leave markup that only the second sees (nh3 is not idempotent on every input).
_CLEANER = nh3.Cleaner(
    tags=_ALLOWED,
    # Those of every tag are named too, because nh3's own are `title` and `lang`.
    attributes={"a": {"href"}, "*": set()},
    allowed_classes={
        "a": {"mention", "u-url", "hashtag"},
        "span": {"h-card", "invisible", "ellipsis"},
    },
    attribute_filter=_kept_attribute,
    url_schemes={"http", "https"},
    link_rel="nofollow noopener noreferrer",
    strip_comments=True,
)
_LINKS = LinkifyIt().add("ftp:", None).add("//", None).add("mailto:", None)
# From each beginning of a link in a word, the library reads to the word's end. What is too long for a message is none.
_LONG_WORD = re.compile(r"\S{65,}")
_MAX_WORD = 1500
# Before some signs a link may begin, though to the library they are letters of a host as well: it reads to the host's
# end from each of them.
_HOST = re.compile(r"""[^!"#%&'()*,/:;<>?@\[\\\]_{}]+""")
_BEGINNING = re.compile(r"[$+=^`|]")
_MAX_EFFORT = 500_000
_MAX_LINKED = 200_000
_MAX_HANDLES = 50
_HANDLE = re.compile(r"(?<![\w/@])@([A-Za-z0-9_][A-Za-z0-9._-]{0,127}(?:@[A-Za-z0-9.-]+(?::\d+)?)?)")
_MAX_PASSES = 5
_LEADING_BREAK = re.compile(r"<pre[^>]*>\n")
MAX_HTML = 200_000  # Characters read of one document's content, and kept of it.
_MAX_OPEN = 256
_MAX_ESCAPED = 50_000
# A character is written down as six at most (`&nbsp;`).
_MAX_WORDS = MAX_HTML // 6
_TABLE = re.compile(r"(?<=<)(/?)table(?=[\t\n\f\r />])", re.IGNORECASE)
# What the cleaner drops and leaves its words: those of two of them are no one word.
_APART = re.compile(
    r"(?=</?(?:address|article|aside|details|div|dl|figcaption|figure|footer|h[1-6]|header|main|section|summary)[\s/>]"
    r"|<(?:dd|dt|hr|tr)[\s/>])",
    re.IGNORECASE,
)
_CELL = re.compile(r"(?=<t[dh][\s/>])", re.IGNORECASE)
_ANY_TAG = re.compile(r"<[a-zA-Z/!?][^<>]*>?")


def sanitise(markup: str) -> str:
    """`markup` with only the tags and attributes a message may have; never raises, and changes nothing the second time.

    Links inside links and the like are read anew each time they are written down. What does not settle, grows without
    measure or would take long to read is nobody's honest message, and keeps its words alone.
    """
    # What a table has outside of its cells is carried in front of it, each past all that is there already.
    clean = _TABLE.sub(r"\1div", _CELL.sub(" ", _APART.sub("\n", markup[:MAX_HTML])))
    if _takes_long(clean):
        return _words(clean)
    for _ in range(_MAX_PASSES):
        again = _clean(clean)
        if again == clean:
            return clean
        if len(again) > MAX_HTML:
            return _words(again)
        clean = again
    return _words(clean)


def _takes_long(markup: str) -> bool:
    """The parser looks through what is open at each tag, and nh3 through what it has written at each `&`."""
    return markup.count("&") + markup.count("\xa0") > _MAX_ESCAPED or is_deeper(markup, _MAX_OPEN)


def _words(markup: str) -> str:
    """No `<` is left, so the parser has but text to read."""
    text = _ANY_TAG.sub("", markup)[:_MAX_WORDS]
    return _CLEANER.clean(text.replace("<", "&lt;"))


def _clean(markup: str) -> str:
    """A parser drops the line break right after `<pre>`, so one that is to stay is written twice (HTML standard,
    13.2.6.4.7 and 13.3); the serialiser of nh3 does not do so, and each pass would eat one."""
    return _LEADING_BREAK.sub("\\g<0>\n", _CLEANER.clean(markup))


def to_text(markup: str) -> str:
    """The words of `markup`: `<br>` is a new line, a paragraph an empty one, and links keep their text."""
    return words_of(sanitise(markup))


def from_text(text: str, mentions: Mapping[str, str]) -> str:
    """`text` as paragraphs, with links and with the handles in `mentions` (handle → profile URI) linked."""
    are_linked = len(text) <= _MAX_LINKED
    paragraphs = [_inline(part, mentions, are_linked=are_linked) for part in re.split(r"\n{2,}", text.strip("\n"))]
    return "".join(f"<p>{part}</p>" for part in paragraphs)


def handles_in(text: str) -> list[str]:
    """The first handles that `text` mentions, without the first @, each once, in order."""
    return list(dict.fromkeys(match.group(1).rstrip(".-") for match in _HANDLE.finditer(text)))[:_MAX_HANDLES]


def _inline(text: str, mentions: Mapping[str, str], *, are_linked: bool) -> str:
    parts: list[str] = []
    end = 0
    for link in _links_in(text) if are_linked else ():
        parts.append(_with_mentions(text[end : link.index], mentions))
        parts.append(
            f'<a href="{html.escape(link.url)}" rel="nofollow noopener noreferrer">{html.escape(link.text)}</a>'
        )
        end = link.last_index
    parts.append(_with_mentions(text[end:], mentions))
    return "".join(parts).replace("\n", "<br>")


def _links_in(text: str) -> Iterable[Match]:
    """Those in words that are no longer than any link that somebody writes."""
    if not ("." in text or ":" in text):
        return ()
    left = _MAX_EFFORT

    def pass_over(match: re.Match[str]) -> str:
        nonlocal left
        word = match[0]
        effort = sum(len(host) * len(_BEGINNING.findall(host)) for host in _HOST.findall(word))
        if len(word) > _MAX_WORD or effort > left:
            return " " * len(word)
        left -= effort
        return word

    return _LINKS.match(_LONG_WORD.sub(pass_over, text)) or ()


def _with_mentions(text: str, mentions: Mapping[str, str]) -> str:
    def link(match: re.Match[str]) -> str:
        handle = match.group(1).rstrip(".-")
        tail = match.group(1)[len(handle) :]
        uri = mentions.get(handle)
        if uri is None:
            return match.group(0)
        name = handle.split("@", 1)[0]
        anchor = f'<a href="{html.escape(uri)}" class="u-url mention">@<span>{name}</span></a>'
        return f'<span class="h-card">{anchor}</span>{tail}'

    return _HANDLE.sub(link, html.escape(text, quote=False))
