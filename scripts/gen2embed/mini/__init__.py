"""The embedded experiment: its benchmark from emoji graphics, and its small generator."""
