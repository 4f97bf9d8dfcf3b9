"""The program `pse-preflight`."""
