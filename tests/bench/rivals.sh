# The other programs, on the same hosts, files and links. Sourced by bench_swarm.sh, whose variables it uses, never run.
# shellcheck shell=bash
#
# A rival is up to four functions: NAME_serve starts what runs before the clock; NAME_go what starts with the clock beside the
# clients; NAME_client HOST runs on each host that wants documents and returns when $dir/gotHOST has them; NAME_end.

rival_need() { :; }
rival_for() { :; }
rival() { :; }
