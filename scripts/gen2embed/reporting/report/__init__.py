"""The report: one offline page of a whole study, in the paper's order."""
