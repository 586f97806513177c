"""Tables, figures and captions: every number in them is read from a result file."""
