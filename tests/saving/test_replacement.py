"""Files that replace others: whole or not at all."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cnnfast.saving.replacement import may_write, replacing

KILLED_WHILE_WRITING = """
import os, signal, sys
from pathlib import Path
from cnnfast.saving.replacement import replacing
with replacing(Path(sys.argv[1])) as file:
    file.write(b"half of the new")
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_replacing_gives_the_file_its_new_content_and_leaves_nothing_else(tmp_path):
    target = tmp_path / "model.keras"
    target.write_bytes(b"old")
    with replacing(target) as file:
        file.write(b"new")
        assert target.read_bytes() == b"old"
    assert target.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["model.keras"]


def write_half(target, error):
    with replacing(target) as file:
        file.write(b"half of the new")
        raise error


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_replacing_that_fails_halfway_leaves_the_old_file_and_nothing_else(tmp_path, error):
    target = tmp_path / "model.keras"
    target.write_bytes(b"old")
    with pytest.raises(error):
        write_half(target, error)
    assert target.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["model.keras"]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs a signal that cannot be caught")
def test_replacing_in_a_killed_process_leaves_the_old_file(tmp_path):
    target = tmp_path / "model.keras"
    target.write_bytes(b"old")
    program = [sys.executable, "-c", KILLED_WHILE_WRITING, str(target)]
    assert subprocess.run(program, check=False, timeout=60).returncode == -signal.SIGKILL
    assert target.read_bytes() == b"old"
    (left,) = [name for name in os.listdir(tmp_path) if name != "model.keras"]
    assert left.startswith(".model.keras.")
    assert left.endswith(".tmp")


def test_replacing_keeps_the_permissions_of_the_old_file(tmp_path):
    target = tmp_path / "model.keras"
    target.write_bytes(b"old")
    target.chmod(0o640)
    before = target.stat().st_mode
    with replacing(target) as file:
        file.write(b"new")
    assert target.stat().st_mode == before


def test_replacing_gives_a_new_file_the_permissions_of_any_new_file(tmp_path):
    (tmp_path / "other").write_bytes(b"")
    with replacing(tmp_path / "model.keras") as file:
        file.write(b"new")
    modes = {path.stat().st_mode for path in tmp_path.iterdir()}
    assert len(modes) == 1


def test_replacing_a_symbolic_link_fills_the_file_it_points_to(tmp_path):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "real.keras").write_bytes(b"old")
    link = tmp_path / "model.keras"
    try:
        link.symlink_to(folder / "real.keras")
    except OSError:
        pytest.skip("this user may not make symbolic links")
    with replacing(link) as file:
        file.write(b"new")
    assert link.is_symlink()
    assert (folder / "real.keras").read_bytes() == b"new"


def test_replacing_takes_the_longest_name_a_file_may_have(tmp_path):
    target = tmp_path / ("n" * 249 + ".keras")
    with replacing(target) as file:
        file.write(b"new")
    assert target.read_bytes() == b"new"


def test_replacing_in_a_missing_folder_names_it(tmp_path):
    target = tmp_path / "missing" / "model.keras"
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*missing"), replacing(target):
        pass


def test_replacing_a_folder_is_refused(tmp_path):
    with pytest.raises(IsADirectoryError, match="a folder of this name"), replacing(tmp_path):
        pass


def test_may_write_without_a_terminal_refuses_an_existing_file(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    path = tmp_path / "model.keras"
    assert may_write(path, overwrite=False)
    path.write_bytes(b"old")
    assert may_write(path, overwrite=True)
    with pytest.raises(FileExistsError, match="already exists"):
        may_write(path, overwrite=False)


@pytest.mark.parametrize(("answers", "expected"), [("y\n", True), ("what\nN\n", False)])
def test_may_write_at_a_terminal_asks(tmp_path, monkeypatch, answers, expected):
    monkeypatch.setattr(sys, "stdin", Terminal(answers))
    path: Path = tmp_path / "model.keras"
    path.write_bytes(b"old")
    assert may_write(path, overwrite=False) is expected
