"""The files that stages hand each other (docs/data_dictionary.md): their columns, ids and origin."""
