"""The files that stages hand each other (docs/data_dictionary.md): columns, ids and origin."""
