"""The text benchmark: WordNet's synsets, and questions about them with all their right answers."""
