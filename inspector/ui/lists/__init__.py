"""The lists of the left side: for each its columns, where its rows come from, and what a row leads to."""
