"""What people upload as bytes: telling what it is, taking out what it tells of them, making it smaller."""
