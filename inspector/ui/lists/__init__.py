"""The lists of the left side: for each, where its rows come from and what they lead to."""
