"""The pure rules of news: who hears what, in which words, by which way, when, and what then."""
