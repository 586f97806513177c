"""Where the launchers of a training's nodes meet: a roll call, signs of life, news of failures."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from datetime import timedelta

from torch.distributed import PrefixStore, TCPStore
from torch.distributed.elastic.rendezvous.api import (
    RendezvousHandler,
    RendezvousInfo,
    RendezvousStoreInfo,
)

from gen2embed.errors import InputError, Stopped
from gen2embed.training.launch import Place

ROUND_SECONDS = 0.5
POLL_SECONDS = 0.1
GOODBYE_SECONDS = 20.0
ANSWER = timedelta(seconds=20)  # of the store, to one question


class Meeting(RendezvousHandler):
    """A c10d store that node 0 hosts, as the rendezvous of torch's elastic launcher.

    Ranks follow the numbers of the nodes. Every launcher counts up a key of its own; one whose key
    stands still, or a store that does not answer, for ``silent_seconds`` is taken for dead. The
    first failure of any node is kept in the store, so that each node can say what it was. After the
    roll call a thread alone talks to the store: a question may hang as long as node 0 does.

    asked: whether this launcher was told to end; raises Stopped while others are waited for.
    """

    def __init__(
        self,
        place: Place,
        join_seconds: float,
        silent_seconds: float,
        asked: Callable[[], bool],
    ):
        self.place = place
        self.join_seconds = join_seconds
        self.silent_seconds = silent_seconds
        self.asked = asked
        self.hosts = [f"node {node}" for node in range(place.nodes)]
        self.heard = [time.monotonic()] * place.nodes
        self.met = False
        self.own_failure: str | None = None
        self.failure: str | None = None  # the first of any node
        self.is_done = self.leaving = self.gone = False  # gone: the store, with node 0's launcher
        self.everyone_done = place.nodes == 1
        self.wake = threading.Event()
        self.thread = threading.Thread(target=self._stay_in_touch, daemon=True)

    def next_rendezvous(self) -> RendezvousInfo:
        """Wait until every node is there. Raises InputError when one does not come."""
        place, until = self.place, time.monotonic() + self.join_seconds
        server = _host_store(place) if place.node == 0 else self._join_store(until)
        self.store = PrefixStore(f"gen2embed/{place.run_id}", server)
        if place.nodes > 1:
            try:
                self._call_the_roll(until)
            except RuntimeError:
                raise InputError(
                    f"node 0 ({place.host}) has ended while nodes were coming; see its log"
                ) from None
            self.heard = [time.monotonic()] * place.nodes
            self.thread.start()
        self.met = True
        where = RendezvousStoreInfo(place.host, server.port)
        return RendezvousInfo(self.store, place.node, place.nodes, where)

    def tell(self, failure: str) -> None:
        """Let the other nodes know, unless they have heard of an earlier failure."""
        self.own_failure = failure
        self.wake.set()

    def news(self) -> str | None:
        """Of another node's failure, as one line."""
        if self.failure:
            return self.failure
        if self.gone:
            return f"{self._name(0)} is gone, its launcher has ended; see its log"
        for node in range(self.place.nodes):
            silent = time.monotonic() - self.heard[node]
            if node != self.place.node and silent > self.silent_seconds:
                return (
                    f"{self._name(node)} is gone, nothing was heard of it for {silent:.0f} s; "
                    "see its log, and whether the machine is up"
                )
        return None

    def done(self) -> None:
        """This node's processes have ended."""
        self.is_done = True
        self.wake.set()

    def leave(self, seconds: float) -> None:
        """End after the others, so that all have heard all; but no later than in so long."""
        self.done()
        until = time.monotonic() + seconds
        while not (self.everyone_done or self.gone or time.monotonic() > until):
            time.sleep(POLL_SECONDS)
        self.leaving = True
        self.wake.set()
        if self.thread.is_alive():
            self.thread.join(GOODBYE_SECONDS if self.everyone_done else 2 * ROUND_SECONDS)

    def _join_store(self, until: float) -> TCPStore:
        place, said = self.place, ""
        while time.monotonic() < until:
            self._stop_if_asked()
            try:
                socket.create_connection((place.host, place.port), timeout=2).close()
                return TCPStore(place.host, place.port, is_master=False, timeout=ANSWER)
            except (OSError, RuntimeError) as error:
                said = getattr(error, "strerror", None) or str(error)
                time.sleep(POLL_SECONDS)
        raise InputError(
            f"node 0 was not there within {self.join_seconds:g} s: no connection to "
            f"{place.host}:{place.port} ({said.splitlines()[0]}); see its log, and whether a "
            "firewall is between"
        )

    def _call_the_roll(self, until: float) -> None:
        place, store = self.place, self.store
        if store.add(f"came/{place.node}", 1) > 1:
            raise InputError(f"--node {place.node}: another launcher came with this number")
        store.set(f"host/{place.node}", socket.gethostname())
        while missing := [node for node in range(place.nodes) if not store.check([f"host/{node}"])]:
            self._stop_if_asked()
            if time.monotonic() > until:
                raise InputError(
                    f"{place.nodes - len(missing)} of {place.nodes} nodes came within "
                    f"{self.join_seconds:g} s, without node {', '.join(map(str, missing))}; see "
                    "their logs, and whether all were given this endpoint and run id "
                    f"({place.host}:{place.port}, {place.run_id})"
                )
            time.sleep(POLL_SECONDS)
        self.hosts = [store.get(f"host/{node}").decode() for node in range(place.nodes)]
        store.compare_set("failure", "", "")

    def _stop_if_asked(self) -> None:
        if self.asked():
            raise Stopped("ended by SIGTERM while nodes were coming")

    def _stay_in_touch(self) -> None:
        beats = [0] * self.place.nodes
        try:
            while not self.leaving:
                self._go_round(beats)
                self.wake.wait(ROUND_SECONDS)
                self.wake.clear()
            self._go_round(beats)
            self._say_goodbye()
        except RuntimeError:
            self.gone = True

    def _go_round(self, beats: list[int]) -> None:
        store, place = self.store, self.place
        if self.own_failure:
            store.compare_set("failure", "", self.own_failure)
        everyone_done = False
        if self.is_done:
            store.set(f"done/{place.node}", "")
            everyone_done = store.check([f"done/{node}" for node in range(place.nodes)])
        # after that question, or a node's last news would be missed
        self.failure = store.get("failure").decode() or None
        self.everyone_done = everyone_done
        for node in range(place.nodes):
            beat = store.add(f"beat/{node}", node == place.node)
            if beat != beats[node]:
                beats[node], self.heard[node] = beat, time.monotonic()

    def _say_goodbye(self) -> None:
        """Node 0 ends last, with the store; one that was lost is not waited for."""
        if self.place.node:
            self.store.set(f"left/{self.place.node}", "")
            return
        until = time.monotonic() + GOODBYE_SECONDS
        keys = [f"left/{node}" for node in range(1, self.place.nodes)]
        while self.everyone_done and not self.store.check(keys) and time.monotonic() < until:
            time.sleep(POLL_SECONDS)

    def _name(self, node: int) -> str:
        return f"node {node} ({self.hosts[node]})"

    # what torch's launcher asks beside: nodes neither come nor go

    @property
    def use_agent_store(self) -> bool:
        return True

    def get_backend(self) -> str:
        return "c10d"

    def get_run_id(self) -> str:
        return self.place.run_id

    def num_nodes_waiting(self) -> int:
        return 0

    def is_closed(self) -> bool:
        return False

    def set_closed(self) -> None:
        pass

    def shutdown(self) -> bool:
        return True


def _host_store(place: Place) -> TCPStore:
    both = socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if both else socket.AF_INET
    try:
        listener = socket.create_server(
            ("", place.port), family=family, dualstack_ipv6=both, backlog=512
        )
    except OSError as error:
        raise InputError(
            f"port {place.port} of this machine: {(error.strerror or '').split(' (')[0].lower()}; "
            "give another one with --endpoint HOST:PORT"
        ) from None
    port = listener.getsockname()[1]
    return TCPStore(
        "127.0.0.1",
        port,
        is_master=True,
        wait_for_workers=False,
        master_listen_fd=listener.detach(),
        timeout=ANSWER,
    )
