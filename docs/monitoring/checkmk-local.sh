#!/bin/sh
# To /usr/lib/check_mk_agent/local/3600/: the agent then runs it once an hour, and shows the last lines in between.
exec /opt/pse-preflight/bin/pse-preflight report checkmk /var/lib/pse-preflight/result.json
