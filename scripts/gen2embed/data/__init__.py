"""MMEB rows and items; the mini benchmark."""
