"""Who people are, what they may do, and which organisations answer for what."""
