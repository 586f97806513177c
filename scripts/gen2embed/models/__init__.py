"""Prompts, backbones, images and the encoder: everything that turns items into unit vectors."""
