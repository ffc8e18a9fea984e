#!/bin/sh
# The fault cases that only Bochs can show, one boot image each.
exec "$(dirname "$0")/run.t" --platform bochs "$@"
