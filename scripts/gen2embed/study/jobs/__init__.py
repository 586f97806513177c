"""Job lists: what the programs that pack many small jobs into one process are told.

Each is JSON made from the configuration and names alone: Snakemake does not watch params that are
derived from inputs or outputs, and a changed key would re-run nothing.
"""

from __future__ import annotations

from gen2embed.study.jobs.base import flags
from gen2embed.study.jobs.data import DataJobs
from gen2embed.study.jobs.embedding import EmbeddingJobs
from gen2embed.study.jobs.evaluation import EvaluationJobs
from gen2embed.study.jobs.measuring import MeasuringJobs
from gen2embed.study.jobs.mining import MiningJobs
from gen2embed.study.jobs.training import TrainingJobs

__all__ = ["Jobs", "flags"]


class Jobs(DataJobs, EmbeddingJobs, MiningJobs, MeasuringJobs, TrainingJobs, EvaluationJobs):
    """Of one study, stage by stage."""
