"""OAuth 2: clients, what people allow them, and the tokens they get. The flows are Authlib's, the rows are ours."""
