"""Figures: what is drawn, and how; one style."""
