"""From a hub, a web server or a local copy to files: resumed, checked, locked to revisions."""
