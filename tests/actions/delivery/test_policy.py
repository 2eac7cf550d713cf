"""The response policy of reliability.md, section 3.3, as a table."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.actions.delivery.policy import Answer, NoAnswer, Verdict, classify, retry_after_seconds

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
DELIVERED = Verdict("delivered", "alive")
REFUSED = Verdict("failed", "alive")
HOST_FAILED = Verdict("again", "failing")
HALF_A_DAY = 43200.0


def judge(result: Answer | NoAnswer, *, attempts: int = 0, is_shared: bool = False) -> Verdict:
    return classify(result, attempts=attempts, is_shared=is_shared, now=NOW)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 208, 299])
def test_any_success_is_delivered(status: int) -> None:
    assert judge(Answer(status)) == DELIVERED


@pytest.mark.parametrize("status", [400, 402, 405, 406, 409, 413, 415, 418, 422, 451])
def test_a_refusal_ends_the_row_and_says_nothing_against_the_host(status: int) -> None:
    assert judge(Answer(status)) == REFUSED


@pytest.mark.parametrize(
    "status", [100, 199, 300, 301, 302, 303, 304, 307, 308, 408, 425, 500, 501, 502, 503, 504, 599]
)
def test_a_failure_of_the_host_keeps_the_row_for_its_next_attempt(status: int) -> None:
    assert judge(Answer(status)) == HOST_FAILED


@pytest.mark.parametrize("status", [401, 403])
def test_a_bad_signature_is_tried_for_a_day_on_the_rows_own_timer(status: int) -> None:
    verdicts = [judge(Answer(status), attempts=attempts) for attempts in range(12)]

    assert {(verdict.fate, verdict.host) for verdict in verdicts[:11]} == {("later", "alive")}
    assert [verdict.wait_seconds for verdict in verdicts[:4]] == [10, 30, 120, 300]
    assert 82800 < sum(verdict.wait_seconds for verdict in verdicts) <= 86400
    assert verdicts[11] == REFUSED


def test_a_missing_inbox_is_tried_three_times_in_a_day() -> None:
    assert [judge(Answer(404), attempts=attempts) for attempts in range(4)] == [
        Verdict("later", "alive", HALF_A_DAY),
        Verdict("later", "alive", HALF_A_DAY),
        REFUSED,
        REFUSED,
    ]


@pytest.mark.parametrize("status", [404, 410])
def test_a_missing_shared_inbox_falls_back_to_its_people(status: int) -> None:
    assert judge(Answer(status), is_shared=True) == Verdict("fall_back", "alive")


def test_a_gone_inbox_takes_its_actor_with_it_and_not_its_host() -> None:
    assert judge(Answer(410)) == Verdict("gone", "alive")


@pytest.mark.parametrize(
    ("status", "header", "seconds"),
    [(429, "5", 5), (429, None, 60), (429, "soon", 60), (503, "120", 120), (503, "", 60)],
)
def test_a_busy_host_is_given_the_time_it_asks_for(status: int, header: str | None, seconds: float) -> None:
    assert judge(Answer(status, header)) == Verdict("again", "busy", seconds)


@pytest.mark.parametrize("is_absent", [True, False])
def test_no_answer_is_a_failure_of_the_host(is_absent: bool) -> None:
    assert judge(NoAnswer("no connection", is_absent=is_absent)) == HOST_FAILED


def test_an_inbox_that_may_never_be_asked_ends_the_row_alone() -> None:
    assert judge(NoAnswer("127.0.0.1 is not a public address", is_permanent=True)) == Verdict("failed", "unknown")


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("5", 5),
        (" 7 ", 7),
        ("0", 1),
        ("-5", 1),
        ("1e12", 86400),
        ("1000000000000", 86400),
        ("inf", 86400),
        ("nan", 60),
        ("", 60),
        (None, 60),
        ("tomorrow", 60),
        ("Wed, 25 Nov 2026 12:02:00 GMT", 120),
        ("Wed, 25 Nov 2026 12:02:00 -0000", 120),
        ("Wed, 25 Nov 2020 12:00:00 GMT", 1),
        ("Wed, 25 Nov 2099 12:00:00 GMT", 86400),
        ("Wed, 01 Jan 99999 00:00:00 GMT", 60),
    ],
)
def test_retry_after_is_read_and_kept_between_a_second_and_a_day(header: str | None, seconds: float) -> None:
    assert retry_after_seconds(header, NOW) == seconds


@given(st.text() | st.from_regex(r"[A-Z][a-z]{2}, \d{1,9} Nov \d{1,12} \d{1,12}:\d{1,12}:\d{1,12} ([+-]\d{1,12}|GMT)"))
def test_no_retry_after_breaks_the_reader(header: str) -> None:
    assert 1 <= retry_after_seconds(header, NOW) <= 86400
