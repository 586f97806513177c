"""The processes of one node, under torch's elastic launcher: how they are watched and ended."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from torch.distributed.elastic.agent.server.api import RunResult, WorkerSpec, WorkerState
from torch.distributed.elastic.agent.server.local_elastic_agent import LocalElasticAgent
from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs

from gen2embed.training.launch import (
    ENDED_BY_SIGTERM,
    describe_end,
    exit_status,
    find_cause,
    stopped_as_asked,
)
from gen2embed.training.meeting import Meeting

POLL_SECONDS = 0.1
CAUSE_SECONDS = 5.0  # for a cause to become known, after a process said that others are gone
KILL_SECONDS = 5.0  # between SIGTERM and SIGKILL, where nothing is to be saved
LEAVE_SECONDS = 5.0


class Failed(Exception):
    """A process of some node has failed: one line, and the status to end with."""

    def __init__(self, line: str, status: int = 1):
        super().__init__(line)
        self.status = status


class NodeAgent(LocalElasticAgent):
    """Ends all processes as soon as one of any node fails; passes SIGTERM on and waits.

    torch's own agent waits 30 s for the other processes of a failed one, learns of other nodes from
    its own processes' errors alone, and forgets with which status a process ended after SIGTERM.

    asked: whether this launcher was sent SIGTERM. end_seconds: for the processes to save and end.
    """

    def __init__(
        self, spec: WorkerSpec, meeting: Meeting, end_seconds: float, asked: Callable[[], bool]
    ):
        super().__init__(spec, DefaultLogsSpecs(log_dir=os.devnull))
        self.meeting = meeting
        self.end_seconds = end_seconds
        self.asked = asked
        self.sent = False
        self.stop_until: float | None = None  # all are ending by themselves
        self.lost_since: float | None = None

    def _monitor_workers(self, worker_group: Any) -> RunResult:
        ended = self._ended()
        failed = {rank: status for rank, status in ended.items() if status}
        cause = find_cause(failed)
        if self.asked() and not self.sent:
            self.sent = True
            self._signal(signal.SIGTERM)
            self._begin_to_stop()
        elif cause is not None and failed[cause] == ENDED_BY_SIGTERM:
            self._begin_to_stop()  # all processes have agreed on it
        if self.stop_until is not None:
            return self._stop(ended)
        if cause is not None:
            self._fail(self._describe(cause, failed[cause]), exit_status(failed[cause]))
        if news := self.meeting.news():
            self._kill()
            raise Failed(news)
        if failed:
            self.lost_since = self.lost_since or time.monotonic()
            if time.monotonic() - self.lost_since > CAUSE_SECONDS:
                rank = min(failed)
                self._fail(self._describe(rank, failed[rank]), failed[rank])
            return RunResult(state=WorkerState.HEALTHY)
        return super()._monitor_workers(worker_group)

    def _exit_barrier(self) -> None:
        """Processes of this node are done; those of others may yet fail."""
        self.meeting.done()
        while not self.meeting.everyone_done:
            if news := self.meeting.news():
                raise Failed(news)
            time.sleep(POLL_SECONDS)
        if self.meeting.failure:
            raise Failed(self.meeting.failure)

    def _begin_to_stop(self) -> None:
        self.stop_until = self.stop_until or time.monotonic() + self.end_seconds

    def _stop(self, ended: dict[int, int]) -> RunResult:
        running = sorted(set(self._processes()) - set(ended))
        if running and time.monotonic() < self.stop_until:
            return RunResult(state=WorkerState.HEALTHY)
        if running:
            name = f"rank {running[0]} ({socket.gethostname()}, pid {self._pid(running[0])})"
            line = f"{name} had not ended {self.end_seconds:g} s after SIGTERM and was killed"
            self._fail(line, exit_status(-signal.SIGKILL))
        if not any(ended.values()):
            return RunResult(state=WorkerState.SUCCEEDED, return_values=dict.fromkeys(ended))
        if stopped_as_asked(list(ended.values())):
            if -signal.SIGTERM in ended.values():
                self.meeting.tell(f"node {self.meeting.place.node} was ended by SIGTERM")
            self.meeting.leave(self.end_seconds)
            raise Failed("ended by SIGTERM", ENDED_BY_SIGTERM)
        rank = find_cause({rank: status for rank, status in ended.items() if status})
        self._fail(self._describe(rank, ended[rank]), exit_status(ended[rank]))

    def _fail(self, line: str, status: int) -> None:
        self.meeting.tell(line)
        self._kill()
        raise Failed(line, status)

    def _kill(self) -> None:
        """All that is left, and what it has started."""
        self._signal(signal.SIGTERM)
        until = time.monotonic() + KILL_SECONDS
        while len(self._ended()) < len(self._processes()) and time.monotonic() < until:
            time.sleep(POLL_SECONDS)
        for process in self._processes().values():
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # each leads a group of its own
        for process in self._processes().values():
            with suppress(Exception):
                process.wait(KILL_SECONDS)

    def _signal(self, number: int) -> None:
        for process in self._processes().values():
            if process.poll() is None:
                process.send_signal(number)

    def _processes(self) -> dict[int, Any]:
        """Popen by rank."""
        return {
            self._worker_group.workers[local].global_rank: handler.proc
            for local, handler in self._pcontext.subprocess_handlers.items()
        }

    def _ended(self) -> dict[int, int]:
        """Status by rank, of those that have ended."""
        statuses = {rank: process.poll() for rank, process in self._processes().items()}
        return {rank: status for rank, status in statuses.items() if status is not None}

    def _pid(self, rank: int) -> int:
        return self._processes()[rank].pid

    def _describe(self, rank: int, status: int) -> str:
        return describe_end(rank, socket.gethostname(), self._pid(rank), status)


def run_node(
    command: Sequence[str],
    processes: int,
    meeting: Meeting,
    end_seconds: float,
    asked: Callable[[], bool],
) -> None:
    """Run a Python program as this node's processes until all nodes' have ended.

    Raises Failed, and InputError or Stopped where it comes to no start.
    """
    # one line says what failed; torch would add its own
    log = logging.getLogger("torch.distributed.elastic")
    log.addHandler(logging.NullHandler())
    log.propagate = False
    os.environ["TORCHELASTIC_SIGNALS_TO_HANDLE"] = ""  # asked() does
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, _cores() // processes)))
    spec = WorkerSpec(
        role="rank",
        local_world_size=processes,
        entrypoint=sys.executable,
        args=tuple(command),
        rdzv_handler=meeting,
        max_restarts=0,
        monitor_interval=POLL_SECONDS,
    )
    agent = NodeAgent(spec, meeting, end_seconds, asked)
    try:
        agent.run()
    finally:
        if meeting.met:
            meeting.leave(LEAVE_SECONDS)


def _cores() -> int:
    return len(os.sched_getaffinity(0))
