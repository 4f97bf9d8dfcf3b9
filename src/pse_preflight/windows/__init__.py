"""Windows: who may do what with a file there, and the system's own functions that tell and set it."""
