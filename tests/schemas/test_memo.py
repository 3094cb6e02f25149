"""Memo: what repeats is read once, what does not is soon read without a memo."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest

from schemas.memo import FEWEST, PAUSE, Book, Memo, Texts


def _raws(*texts: bytes) -> list[msgspec.Raw]:
    return [msgspec.Raw(text) for text in texts]


def _said(texts: Texts, *raws: bytes) -> list:
    book, numbers = texts.numbers(_raws(*raws))
    return [book.said[number] for number in numbers]


def test_equal_texts_are_read_once_and_have_one_number():
    read: list[bytes] = []
    texts = Texts(lambda: Book(lambda text: (read.append(text), text.decode())[1]))

    assert _said(texts, b"1", b"1", b"2") == ["1", "1", "2"]
    assert _said(texts, b"2", b"1") == ["2", "1"]
    assert read == [b"1", b"2"]


def test_who_has_numbers_of_a_full_book_keeps_it():
    texts = Texts(lambda: Book(bytes.decode), most=2)
    full, numbers = texts.numbers(_raws(b"1", b"2", b"3"))
    other, _ = texts.numbers(_raws(b"4"))

    assert full is not other
    assert [full.said[number] for number in numbers] == ["1", "2", "3"]


def test_a_full_memo_forgets_and_goes_on():
    memo = Memo(str, most=2)

    assert [memo[n] for n in (1, 2, 3, 1)] == ["1", "2", "3", "1"]
    assert len(memo) == 2


def test_what_a_full_memo_forgets_is_the_half_it_has_known_longest():
    memo = Memo(str, most=4)

    assert [memo[n] for n in (1, 2, 3, 4, 1, 5)] == ["1", "2", "3", "4", "1", "5"]
    assert list(memo) == [3, 4, 5]


def test_an_error_is_raised_again_and_not_remembered():
    texts = Texts(lambda: Book(msgspec.json.decode))
    for _ in range(2):
        with pytest.raises(msgspec.DecodeError):
            texts.numbers(_raws(b"1", b"{"))
    assert _said(texts, b"2", b"1") == [2, 1]


def test_where_nothing_repeats_one_group_in_sixteen_tries_again():
    texts = Texts(lambda: Book(bytes.decode))
    numbers = iter(range(100_000))
    tried = []
    for _ in range(2 * PAUSE + 1):
        tried.append(texts.worthwhile())
        if tried[-1]:
            news = [b"%d" % next(numbers) for _ in range(FEWEST)]
            texts.numbers(_raws(*news))

    assert [n for n, yes in enumerate(tried) if yes] == [0, PAUSE, 2 * PAUSE]


def test_where_texts_repeat_and_in_small_groups_the_memo_stays():
    texts = Texts(lambda: Book(bytes.decode))
    texts.numbers(_raws(*[b"same"] * FEWEST))
    assert texts.worthwhile()
    texts.numbers(_raws(b"new"))
    assert texts.worthwhile()


def test_threads_that_share_a_book_have_numbers_of_what_each_text_says(hasty):
    class Interrupted(list):
        """Python looks for another thread where a function of its own begins."""

        def append(self, said: str) -> None:
            super().append(said)

    for _ in range(20):
        book = Book(bytes.decode)
        book.said = Interrupted()
        texts = Texts(lambda book=book: book)
        lists = [[b"%d" % (7 * n + 31 * m) for m in range(300)] for n in range(12)]
        with ThreadPoolExecutor(4) as threads:
            found = [*threads.map(texts.numbers, [_raws(*said) for said in lists])]

        assert [[book.said[n] for n in numbers] for _, numbers in found] == [
            [text.decode() for text in said] for said in lists
        ]
        assert len(book) == len(book.said) == len(set(book.said))


def test_threads_that_share_a_memo_forget_and_go_on(hasty):
    memo = Memo(str, most=16)
    with ThreadPoolExecutor(4) as threads:
        found = [*threads.map(lambda n: [memo[n + m] for m in range(400)], range(40))]

    assert found == [[str(n + m) for m in range(400)] for n in range(40)]
