from io import StringIO

import pytest
from rich.console import Console

from buildgate_cli import output

ROWS = [["01kamr3v5c8q2w9x7y4z6t1b0n", "shop", "a reason that is far too long for a terminal of sixty columns"]]


def test_on_a_narrow_terminal_the_name_stays_whole_and_the_last_column_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = StringIO()
    terminal = Console(file=stream, width=60, force_terminal=True, color_system=None, soft_wrap=True)
    monkeypatch.setattr(output, "console", terminal)

    output.print_table(["RUN", "PIPELINE", "WHY"], ROWS, empty="")

    lines = stream.getvalue().splitlines()
    assert len(lines) == 2
    assert ROWS[0][0] in lines[1]
    assert lines[1].rstrip().endswith("…")


def test_through_a_pipe_nothing_is_cut(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_table(["RUN", "N"], [["a", 1], ["bbb", 22]], empty="", right=("N",))

    assert capsys.readouterr().out == "RUN   N\na     1\nbbb  22\n"


def test_markup_in_cells_is_text(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_table(["X"], [["[red]x[/red]"]], empty="")

    assert capsys.readouterr().out == "X\n[red]x[/red]\n"


def test_facts_that_are_not_known_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_facts([("name", "shop"), ("description", None), ("runs", 0)])

    assert capsys.readouterr().out == "name  shop\nruns  0\n"


def test_an_empty_table_is_a_remark(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_table(["X"], [], empty="Nothing is there.")

    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", "Nothing is there.\n")
