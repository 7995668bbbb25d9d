"""Signs: the printed sheets that carry a place's codes, and their renewal."""
