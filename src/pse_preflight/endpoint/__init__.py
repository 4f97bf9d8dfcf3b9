"""Everything that talks to a network: one pass over a system, a live handshake, and the fetching of certificates.

No other room opens a socket. What is handed out are observations, plain data that can be recorded; what they mean is
said by pure functions beside them.
"""
