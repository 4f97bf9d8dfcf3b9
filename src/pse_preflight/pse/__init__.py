"""The PSE file format: read, written and made without SAP's software."""
