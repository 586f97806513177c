"""A user's own pairs, from whatever table they lie in to the rows that every stage reads."""
