"""What requests ask and answers say, as JSON and forms: the contract of version 1."""
