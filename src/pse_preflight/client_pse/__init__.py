"""What the client holds: its PSE, looked at, made, repaired."""
