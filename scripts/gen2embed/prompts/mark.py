"""Where MMEB's texts say that the image stands."""

IMAGE_MARK = "<|image_1|>"


def without_mark(text: str) -> str:
    """An item's text as it is shown beside its image: without the mark that it begins with."""
    return text.removeprefix(f"{IMAGE_MARK}\n")
