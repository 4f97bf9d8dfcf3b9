"""The tests, a folder for each room of the toolkit; kit/ is what they share, outside/ what is around it."""
