from pratique.runtime.shared_cache.breaker import Breaker


def test_it_opens_after_failures_in_a_row_and_for_longer_each_time() -> None:
    now = [0.0]
    breaker = Breaker(failures=3, first_s=1, last_s=3, clock=lambda: now[0])
    assert [breaker.fail(), breaker.fail(), breaker.is_open] == [False, False, False]
    breaker.succeed()
    assert [breaker.fail(), breaker.fail(), breaker.fail(), breaker.is_open] == [False, False, True, True]
    assert breaker.fail() is False  # one that was under way
    pauses = []
    for _ in range(4):
        start = now[0]
        while breaker.is_open:
            now[0] += 0.5
        pauses.append(now[0] - start)
        assert breaker.fail()
    assert pauses == [1, 2, 3, 3]
    while breaker.is_open:
        now[0] += 0.5
    breaker.succeed()
    assert [breaker.fail(), breaker.fail(), breaker.fail()] == [False, False, True]
