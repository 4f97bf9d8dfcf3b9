"""Key and trust stores of other programs than SAP's: PKCS#12 and Java's own, read in bounded time."""
