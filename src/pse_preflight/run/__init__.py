"""The walk through the rooms, for one system and for all of them."""
