"""Looking inside: attention and layers, through eager attention."""
