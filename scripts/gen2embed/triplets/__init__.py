"""Files of queries, positives and negatives that other programs train on: layouts and checks."""
