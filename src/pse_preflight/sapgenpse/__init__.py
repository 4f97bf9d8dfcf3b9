"""The contract of the program sapgenpse: run it, understand its text, stand in for it."""
