"""Token buckets."""

from app.live.bucket import TokenBucket


def test_bucket_gives_its_burst_and_then_its_rate() -> None:
    now = [0.0]
    bucket = TokenBucket(per_second=20, burst=40, clock=lambda: now[0])

    assert [bucket.take() for _ in range(41)] == [True] * 40 + [False]
    now[0] = 0.5
    assert [bucket.take() for _ in range(11)] == [True] * 10 + [False]


def test_bucket_never_holds_more_than_its_burst() -> None:
    now = [0.0]
    bucket = TokenBucket(per_second=20, burst=40, clock=lambda: now[0])

    now[0] = 1000.0

    assert [bucket.take() for _ in range(41)] == [True] * 40 + [False]
