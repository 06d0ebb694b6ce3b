//! Merging again, slowly: a row is a struct of strings, and nothing is an index until the end.
