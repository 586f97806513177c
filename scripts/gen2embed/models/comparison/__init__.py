"""Two ways to embed the same items, step by step: where they part, and what it costs."""
