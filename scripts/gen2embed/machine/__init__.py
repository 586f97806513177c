"""The machine that jobs share: its GPUs, their driver, and folders that one process works on."""
