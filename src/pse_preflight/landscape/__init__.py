"""Which systems are meant, and how each is described."""
