from unit.tiny import backbone, metadata, photos, tiny  # noqa: F401
