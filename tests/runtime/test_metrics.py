import pytest

from pratique.runtime.metrics import MAX_NAME, OTHER, Metrics, Names


def test_the_text_of_all_kinds() -> None:
    metrics = Metrics()
    counter = metrics.counter("a_total", "Things.", ("kind",))
    counter.add("x")
    counter.add('quote " and \\ and\nline', amount=2)
    assert counter.value("x") == 1
    assert counter.value("y") == 0
    metrics.gauge("b", "Now.", lambda: 1.5)
    metrics.total("c_total", "By kind.", lambda: {("y",): 2, ("x",): 1}, ("kind",))
    seconds = metrics.histogram("d_seconds", "How long.", ("path",))
    for value in (0.0005, 0.001, 0.3, 99):
        seconds.observe(value, "/x")
    lines = metrics.text().splitlines()
    assert lines[:4] == [
        "# HELP a_total Things.",
        "# TYPE a_total counter",
        'a_total{kind="quote \\" and \\\\ and\\nline"} 2',
        'a_total{kind="x"} 1',
    ]
    assert "# TYPE b gauge" in lines
    assert "b 1.5" in lines
    assert lines.index('c_total{kind="x"} 1') < lines.index('c_total{kind="y"} 2')
    assert 'd_seconds_bucket{path="/x",le="0.001"} 2' in lines
    assert 'd_seconds_bucket{path="/x",le="0.25"} 2' in lines
    assert 'd_seconds_bucket{path="/x",le="0.5"} 3' in lines
    assert 'd_seconds_bucket{path="/x",le="10.0"} 3' in lines
    assert 'd_seconds_bucket{path="/x",le="+Inf"} 4' in lines
    assert 'd_seconds_count{path="/x"} 4' in lines
    assert 'd_seconds_sum{path="/x"} 99.3015' in lines


def test_names_that_strangers_choose_have_a_bound() -> None:
    names = Names(2)
    assert [names.of(name) for name in ("a", "b", "c", "a")] == ["a", "b", OTHER, "a"]
    assert Names(2).of("x" * (MAX_NAME + 1)) == OTHER


def test_a_counter_with_a_bound_counts_the_rest_together() -> None:
    counter = Metrics().counter("a_total", "Things.", ("policy", "result"), 2)
    for number in range(1_000):
        counter.add(f"p{number}", "pass")
    assert counter.value("p1", "pass") == 1
    assert counter.value(OTHER, OTHER) == 998
    counter.forget(lambda labels: labels[0] == "p0")
    counter.add("p7", "pass")
    counter.add("p8", "pass")
    assert counter.value("p7", "pass") == 1
    assert counter.value(OTHER, OTHER) == 999
    assert len(list(counter.lines())) == 2 + 3


def test_every_family_is_read_as_it_was_meant() -> None:
    parser = pytest.importorskip(
        "prometheus_client.parser", reason="pip install prometheus_client to read metrics as Prometheus does"
    )
    metrics = Metrics()
    counter = metrics.counter("a_total", "Things.", ("kind",))
    hostile = 'quote " and \\ and\nline \u2028 {}'
    counter.add(hostile, amount=2)
    metrics.gauge("b_seconds", "Now.", lambda: 1_700_000_000.123)
    metrics.gauge("c", "None.", dict, ("x",))
    metrics.gauge("d", "Odd.", lambda: {("inf",): float("inf"), ("nan",): float("nan")}, ("x",))
    metrics.histogram("e_seconds", "How long.", ("path",)).observe(0.3, "/x")
    families = {family.name: family for family in parser.text_string_to_metric_families(metrics.text())}
    assert families["a"].type == "counter"
    assert [(s.labels, s.value) for s in families["a"].samples] == [({"kind": hostile}, 2)]
    assert families["b_seconds"].samples[0].value == 1_700_000_000.123
    assert families["c"].samples == []
    assert families["d"].samples[0].value == float("inf")
    assert families["e_seconds"].type == "histogram"
    assert [about.name for about in metrics.families] == ["a_total", "b_seconds", "c", "d", "e_seconds"]
