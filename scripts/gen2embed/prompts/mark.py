"""Where MMEB's texts say that the image stands."""

IMAGE_MARK = "<|image_1|>"
