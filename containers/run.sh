#!/bin/sh
# What a container runs: snakemake in the current folder. Into an empty folder the image's copy of
# the project is laid first; in a checkout, the checkout's own files count.
set -eu
if [ ! -e Snakefile ]; then
    if [ -n "$(ls -A)" ]; then
        echo "$PWD: has other files and no Snakefile; run this in an empty folder or a checkout" >&2
        exit 1
    fi
    cp -R "${PROJECT_COPY:-/srv/gen2embed}/." .
fi
exec snakemake "$@"
