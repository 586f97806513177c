"""Fine-tuning: clusters to batches, InfoNCE, gradient caching, adapters, the trainer."""
