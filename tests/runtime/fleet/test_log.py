from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pratique.runtime.decision import ResourceId
from pratique.runtime.fleet.judge import Verdict
from pratique.runtime.fleet.log import Log, LogError, LogReader, read_log
from tests.support_fleet import header

POD = ResourceId(api_version="v1", kind="Pod", namespace="n", name="a", uid="u")
FOUND = Verdict([{"policy": "p", "action": "Audit"}], False)
UNASKED = Verdict([], True)


def finished(path: Path) -> bytes:
    log = Log(path, header())
    log.add_class("c1", FOUND)
    log.add_resource((0,), POD, "c1")
    log.add_class("c2", UNASKED)
    log.add_resource((1,), POD, "c2")
    log.add_root({"name": "r"})
    log.end({"seen": 2, "resources": 2})
    log.close()
    return path.read_bytes()


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "log"
    finished(path)
    reader = LogReader(path)
    assert reader.header == header()
    assert reader.totals == {"seen": 2, "resources": 2}
    assert reader.contents.roots == [{"name": "r"}]
    assert reader.contents.unasked == {"c2"}
    assert reader.results("c1") == FOUND.results
    assert list(reader.resources()) == [((0,), POD, "c1"), ((1,), POD, "c2")]
    with pytest.raises(LogError, match="the verdict of a resource is missing"):
        reader.results("c9")
    reader.close()


def test_a_log_may_end_anywhere(tmp_path: Path) -> None:
    whole = finished(tmp_path / "log")
    path = tmp_path / "torn"
    for end in range(len(whole)):
        path.write_bytes(whole[:end])
        log = Log(path, header())
        assert set(log.classes) <= {"c1", "c2"}
        log.add_class("c1", FOUND)
        log.end({"seen": 0, "resources": 0})
        log.close()
        reader = LogReader(path)
        assert list(reader.resources()) == []
        assert reader.results("c1") == FOUND.results
        reader.close()


@settings(max_examples=60)
@given(st.data())
def test_a_log_that_was_changed_is_refused_or_says_the_same(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("log")
    whole = bytearray(finished(folder / "log"))
    place = data.draw(st.integers(0, len(whole) - 1))
    whole[place] ^= data.draw(st.integers(1, 255))
    (folder / "changed").write_bytes(whole)
    torn = place == len(whole) - 1
    if torn:
        assert read_log(folder / "changed").totals is None
    else:
        with pytest.raises(LogError, match=r":1: the log|not the log"):
            read_log(folder / "changed")


def test_a_run_begins_its_list_of_resources_anew_and_keeps_verdicts(tmp_path: Path) -> None:
    path = tmp_path / "log"
    finished(path)
    log = Log(path, header())
    assert set(log.classes) == {"c1", "c2"}
    log.add_class("c2", FOUND)
    log.add_resource((0,), POD, "c2")
    log.close()
    with pytest.raises(LogError, match="has not come to its end"):
        LogReader(path)
    log = Log(path, header())
    assert log.known.unasked == set()
    log.add_resource((5,), POD, "c2")
    log.end({})
    log.close()
    reader = LogReader(path)
    assert list(reader.resources()) == [((5,), POD, "c2")]
    assert reader.results("c2") == FOUND.results
    reader.close()


def test_the_log_of_another_scan_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "log"
    finished(path)
    before = path.read_bytes()
    with pytest.raises(LogError, match=r"of another scan: platform and policies differ; name another file"):
        Log(path, header(policies="q", platform="all"))
    with pytest.raises(LogError, match=r"of another scan: shard differs;"):
        Log(path, header(shard=(1, 2)))
    assert path.read_bytes() == before


def test_what_is_no_log_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("precious\n")
    with pytest.raises(LogError, match=":1:1: the log is damaged here"):
        Log(path, header())
    assert path.read_text() == "precious\n"
    resource = finished(tmp_path / "other").splitlines(keepends=True)[3]
    path.write_bytes(resource)
    with pytest.raises(LogError, match="this is not the log of a scan"):
        Log(path, header())
    with pytest.raises(LogError, match="No such file"):
        LogReader(tmp_path / "none")
    with pytest.raises(LogError, match="directory"):
        Log(tmp_path, header())


def test_two_processes_do_not_write_one_log(tmp_path: Path) -> None:
    log = Log(tmp_path / "log", header())
    with pytest.raises(LogError, match="another scan is writing it"):
        Log(tmp_path / "log", header())
    log.close()
    Log(tmp_path / "log", header()).close()
