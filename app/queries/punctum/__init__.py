"""Objects in the words of Punctum: as clients are shown them, and as other instances are sent them."""
