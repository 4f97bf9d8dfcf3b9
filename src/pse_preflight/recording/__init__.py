"""What was seen, written down so that it can be judged again."""
