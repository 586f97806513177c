"""Pages: the report's, the documents' numbers, the plan of a run."""
