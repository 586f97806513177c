"""torchrun, with its flags, that takes free GPUs first and says in its last line how it ended.

launch_processes.py --standalone --nproc-per-node 8 scripts/train_adapter.py --job-list jobs.json
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping

from gen2embed.machine.gpus import VISIBLE, take_gpus
from gen2embed.training.processes import LOST_THE_OTHERS

CONSEQUENCES = (LOST_THE_OTHERS, -signal.SIGTERM)  # ends of processes after another one's


def main(argv: list[str] | None = None) -> int:
    """Exit status: of the process that failed, 128 and the signal's number where it was killed."""
    from torch.distributed import DistError, run
    from torch.distributed.elastic.multiprocessing import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.elastic.rendezvous import RendezvousError

    flags = run.parse_args(argv)
    if flags.nproc_per_node.isdecimal():
        take_gpus(int(flags.nproc_per_node))
    gpus = os.environ.get(VISIBLE, "all")
    print(f"launch_processes: {flags.nproc_per_node} processes, GPUs: {gpus}", flush=True)
    try:
        run.run(flags)
    except ChildFailedError as error:
        return say(*describe(error.failures))
    except SignalException as error:
        return say(f"ended by {signal.Signals(error.sigval).name}", 128 + error.sigval)
    except (RendezvousError, DistError) as error:
        reason = str(error.__cause__ or error) or "not all came in time"
        return say(
            f"no rendezvous of {flags.nnodes} nodes at {flags.rdzv_endpoint} "
            f"({reason.splitlines()[0]}); see the logs of the others, or give another port",
            1,
        )
    return 0


def describe(failures: Mapping[int, object]) -> tuple[str, int]:
    """The failure that is a cause, as one line, and its status. failures: torch's, by rank."""
    causes = {
        rank: failure for rank, failure in failures.items() if failure.exitcode not in CONSEQUENCES
    }
    rank, first = min((causes or failures).items(), key=lambda found: found[1].timestamp)
    status = first.exitcode
    end = f"ended with status {status}"
    if status < 0:
        end = f"was killed by {signal.Signals(-status).name}"
    return f"rank {rank} {end}; see the log above", 128 - status if status < 0 else status


def say(line: str, status: int) -> int:
    print(f"launch_processes: {line}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
