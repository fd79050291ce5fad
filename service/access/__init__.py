"""Who may do what: keys, sessions, signed cursors, and who may ask from afar."""
