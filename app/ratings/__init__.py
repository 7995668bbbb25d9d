"""The resident's satisfaction, in three words; whether it is solved belongs to tickets."""
