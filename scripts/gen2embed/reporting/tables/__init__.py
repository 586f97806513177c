"""Tables: the frames of each, and their renderings."""
