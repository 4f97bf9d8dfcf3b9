"""The server's certificate chain, judged; pure but for reading roots where they are kept."""
