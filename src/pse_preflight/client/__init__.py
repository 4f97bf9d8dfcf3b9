"""The client's own side: the machine and the account that must read the PSE."""
