"""The process of one build: reads its job from standard input and reports on standard output.

`--fence JSON` puts it behind a fence first, `--group JSON` puts what it starts into a control group.
"""

import argparse
import json
import os
import signal
import sys
import threading

from buildgate_cli.local.agent import processes, protocol
from buildgate_cli.local.agent.cgroups import Group, Membership
from buildgate_cli.local.agent.execution import Interrupt
from buildgate_cli.local.agent.fence import Fence, enter
from buildgate_cli.local.agent.remote import Conversation, RemoteOutside, RemoteSink
from buildgate_cli.local.agent.runner import Runner

_LAST_RESORT_SECONDS = 30.0


def main() -> int:
    """Run one job to its end. 0 also when the build failed: the outcome is what the last message says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--fence", type=Fence.from_text)
    parser.add_argument("--group", type=Group.from_text)
    given = parser.parse_args()
    group = Membership(given.group) if given.group else None
    if given.fence:
        enter(given.fence)
    processes.adopt_orphans()
    outgoing = os.dup(1)
    os.dup2(2, 1)
    interrupt = Interrupt()
    signal.signal(signal.SIGTERM, lambda *_: interrupt.request("ORPHANED"))
    job = json.loads(sys.stdin.buffer.readline() or b"{}")
    if job.get("kind") != "job":
        return 2
    request, source, secondary = protocol.read_job(job)
    conversation = Conversation(sys.stdin.buffer, outgoing, interrupt)
    conversation.listen()
    outside = RemoteOutside(conversation, request.folder / "out", frozenset(job.get("zipped", ())))
    conversation.send({"kind": "ready"})
    sink = RemoteSink(conversation)
    runner = Runner(
        request, source, outside, sink, interrupt=interrupt, secondary=secondary, owns_process=True, group=group
    )
    conversation.send(protocol.done_message(runner.run()))
    return 0


if __name__ == "__main__":
    code = main()
    # A daemon thread may sit in a read of standard input; leave without waiting for it.
    threading.Timer(_LAST_RESORT_SECONDS, os._exit, (code,)).start()
    sys.stdout.flush()
    os._exit(code)
