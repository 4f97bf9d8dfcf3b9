"""What all of it means: trust, policy, changes; pure."""
