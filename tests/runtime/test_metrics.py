from pratique.runtime.metrics import Metrics


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
    assert "b 1.500000" in lines
    assert lines.index('c_total{kind="x"} 1') < lines.index('c_total{kind="y"} 2')
    assert 'd_seconds_bucket{path="/x",le="0.001"} 2' in lines
    assert 'd_seconds_bucket{path="/x",le="0.25"} 2' in lines
    assert 'd_seconds_bucket{path="/x",le="0.5"} 3' in lines
    assert 'd_seconds_bucket{path="/x",le="10.0"} 3' in lines
    assert 'd_seconds_bucket{path="/x",le="+Inf"} 4' in lines
    assert 'd_seconds_count{path="/x"} 4' in lines
    assert 'd_seconds_sum{path="/x"} 99.301500' in lines
