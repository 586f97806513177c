"""What makes the encoder fast and changes no vector: each may be left out."""
