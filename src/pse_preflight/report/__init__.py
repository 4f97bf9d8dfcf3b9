"""What people and pipelines are told."""
