"""Other instances over Punctum: what we ask of them, what we tell them, and what we keep of what they say."""
