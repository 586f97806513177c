"""Contribution 1, free of torch: prompts, their markup, images, resolutions, the form of input."""
