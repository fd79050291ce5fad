"""What lies around the FAISS indexes: how one is chosen, tuned and asked, and stored vectors."""
