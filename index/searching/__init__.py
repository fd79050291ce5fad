"""What a search is made of besides the vectors: its pages, words, and rankings joined."""
