import itertools

import pytest

from filesync_dagster.connectors.rest import paging
from filesync_dagster.connectors.rest.paging import (
    EMPTY_PAGES_MAX,
    PageChain,
    follow_pages,
    next_token_in,
    same_host_link,
)
from filesync_dagster.core.errors import ProtocolViolation


def pages_of(tokens, found=("x",)):
    """Follow pages whose tokens are these, each with these entries."""
    asked = []

    def ask(token):
        asked.append(token)
        return {"next": tokens[len(asked) - 1], "entries": found}

    answers = list(follow_pages(ask, lambda page: next_token_in(page, "next", "Box"), lambda p: p["entries"], "Box"))
    return asked, answers


def test_pages_are_followed_to_their_end():
    """The first is asked for without a token."""
    asked, answers = pages_of(["a", "b", None])

    assert asked == [None, "a", "b"]
    assert len(answers) == 3


@pytest.mark.parametrize("tokens", [["a", "a"], ["a", "b", "a"]])
def test_pages_that_lead_back(tokens):
    """They fail instead of going round."""
    with pytest.raises(ProtocolViolation, match="leads back"):
        pages_of(tokens)


@pytest.mark.parametrize("made", [str, lambda number: {"id": number}])
@pytest.mark.parametrize("lap", [1, 2, 7])
def test_fresh_tokens_to_the_same_content(lap, made):
    """However many pages a round has, and though each token is new: they bring nothing new, and are no listing."""
    tokens, numbers = (str(number) for number in itertools.count()), itertools.count()

    def ask(token):
        return {"next": next(tokens), "entries": [made(next(numbers) % lap)]}

    followed = follow_pages(ask, lambda page: page["next"], lambda page: page["entries"], "Box")
    with pytest.raises(ProtocolViolation, match="repeats itself"):
        list(itertools.islice(followed, lap + EMPTY_PAGES_MAX + 5))


def test_an_entry_that_comes_twice_is_no_loop():
    """Entries move while they are listed; something new each while is enough."""
    chain = PageChain("Box")

    for number in range(3 * EMPTY_PAGES_MAX):
        assert chain.advance(str(number), [number // 3]) == str(number)


def test_a_round_that_is_longer_than_the_memory(monkeypatch):
    """Of old entries only the pages they came in are known, and that suffices."""
    monkeypatch.setattr(paging, "REMEMBERED_IDS", 10)
    chain = PageChain("Box")

    advanced = (chain.advance(str(number), [number % 1000]) for number in range(1000 + EMPTY_PAGES_MAX + 5))
    with pytest.raises(ProtocolViolation, match="repeats itself"):
        list(advanced)


def test_pages_that_lead_into_nothing():
    """Some may be empty, in a row."""
    tokens = [str(number) for number in range(EMPTY_PAGES_MAX)]
    assert len(pages_of([*tokens, None], ())[0]) == EMPTY_PAGES_MAX + 1

    with pytest.raises(ProtocolViolation, match="repeats itself: it sent 201 empty pages and no end"):
        pages_of([*tokens, "more", None], ())


def test_pages_that_hold_what_others_held():
    """Under fresh tokens they go round as well: some may, in a row; one with something new begins the count anew."""
    assert len(pages_of(["a", "b", "c", None])[0]) == 4
    with pytest.raises(ProtocolViolation, match="repeats itself: page after page"):
        pages_of(["a", "b", "c", "d", None])

    chain = PageChain("Box")
    for number, found in enumerate([["x"], ["y"], ["x"], ["y"], ["z"], ["x"], ["y"]]):
        assert chain.advance(str(number), found) == str(number)


@pytest.mark.parametrize("token", ["", 7, [], False])
def test_a_token_that_is_none(token):
    """It is not the end."""
    with pytest.raises(ProtocolViolation):
        next_token_in({"next": token}, "next", "Box")


@pytest.mark.parametrize(
    ("link", "following"),
    [
        ("/b?page=2", "https://x.example/b?page=2"),
        ("https://x.example/c", "https://x.example/c"),
        ("?page=2", "https://x.example/a?page=2"),
        ("https://y.example/a", None),
        ("http://x.example/a", None),
        ("https://x.example:444/a", None),
        ("https://[", None),
        (7, None),
    ],
)
def test_links_stay_where_the_token_belongs(link, following):
    """A token is not sent to another host because an answer says so."""
    assert same_host_link("https://x.example/a", link) == following
