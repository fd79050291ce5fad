"""The bytes of pictures: an item's files, and pictures to search with, sent or on the web."""
