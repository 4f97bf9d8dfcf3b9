"""A system and an authority that come along, to try everything on."""

NAME = "demo"
"""What --system says for it."""
