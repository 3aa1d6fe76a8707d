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


def test_figures_stay_whole_though_the_name_has_to_fold(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = StringIO()
    monkeypatch.setattr(output, "console", Console(file=stream, width=60, force_terminal=True, color_system=None))
    name = "raw reports in s3://buildgate-local-reportbucket-11b8ff3675220/reports/shop-unit"

    output.print_table(
        ["WHAT", "COUNT", "COSTS A MONTH"], [[name, 12, "$0.0100"]], empty="", right=("COUNT", "COSTS A MONTH")
    )

    shown = stream.getvalue()
    assert all(len(line.rstrip()) <= 60 for line in shown.splitlines())
    assert "COUNT" in shown
    assert "$0.0100" in shown
    room = shown.index("COUNT") - 2
    assert "".join(line[:room].strip() for line in shown.splitlines()[1:]) == name.replace("in s3", "ins3")


def test_a_last_column_that_may_fold_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = StringIO()
    monkeypatch.setattr(output, "console", Console(file=stream, width=60, force_terminal=True, color_system=None))

    output.print_table(["RUN", "PIPELINE", "WHY"], ROWS, empty="", folds_last=True)

    lines = stream.getvalue().splitlines()
    folded = " ".join(line[lines[0].index("WHY") :].strip() for line in lines[1:])
    assert folded == ROWS[0][2]


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
