"""Task tokens: one per attempt, settled once, closed for ever."""

import threading
import time

import pytest

from buildgate_cli.local.seams.tokens import Aborted, Failed, Succeeded, TokenBook

EXECUTION = "arn:aws:states:us-east-1:000000000000:execution:run:one"


@pytest.fixture
def book():
    return TokenBook("secret of this cloud")


def wait(task, **limits):
    return task.wait(**{"timeout_seconds": None, "heartbeat_seconds": None, **limits})


def test_the_first_outcome_wins_and_the_second_is_told_so(book):
    token = book.mint(EXECUTION)
    task = book.task(token)

    assert book.settle(token, Succeeded("{}")) is True
    assert book.settle(token, Failed("Late", "")) is False
    assert wait(task) == Succeeded("{}")


def test_two_tokens_are_never_alike_and_fit_what_aws_allows(book):
    tokens = {book.mint(EXECUTION) for _ in range(50)}

    assert len(tokens) == 50
    assert max(map(len, tokens)) <= 1024


def test_a_settled_token_is_closed_and_a_made_up_one_invalid(book):
    token = book.mint(EXECUTION)
    assert book.standing(token) == "open"

    book.settle(token, Succeeded("{}"))

    assert book.standing(token) == "closed"
    for made_up in ("", "x", "no base64 at all!", "AAAA", token[:-4] + "AAAA", None, 7, "tökén"):
        assert book.standing(made_up) == "invalid"


def test_a_token_of_before_a_restart_is_closed_not_invalid(book):
    token = book.mint(EXECUTION)

    assert TokenBook("secret of this cloud").standing(token) == "closed"
    assert TokenBook("secret of another cloud").standing(token) == "invalid"


def test_a_task_runs_out_of_time(book):
    token = book.mint(EXECUTION)

    outcome = wait(book.task(token), timeout_seconds=0.05)

    assert isinstance(outcome, Failed)
    assert outcome.error == "States.Timeout"


def test_heartbeats_postpone_the_heartbeat_limit_only(book):
    task = book.task(book.mint(EXECUTION))
    beating = threading.Timer(0.1, task.beat)
    beating.start()
    began = time.monotonic()

    outcome = wait(task, heartbeat_seconds=0.2, timeout_seconds=5)

    beating.join()
    assert outcome.error == "States.HeartbeatTimeout"
    assert time.monotonic() - began >= 0.29


def test_abort_settles_the_tasks_of_one_execution_only(book):
    mine, other = book.mint(EXECUTION), book.mint(EXECUTION + "-2")
    task = book.task(mine)

    assert book.abort(EXECUTION) == 1

    assert wait(task) == Aborted()
    assert (book.standing(mine), book.standing(other)) == ("closed", "open")
    assert book.abort(EXECUTION) == 0


def test_of_many_who_settle_at_once_one_wins(book):
    token = book.mint(EXECUTION)
    gate, won = threading.Barrier(16), []

    def settle(number):
        gate.wait()
        if book.settle(token, Succeeded(str(number))):
            won.append(number)

    threads = [threading.Thread(target=settle, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(won) == 1
