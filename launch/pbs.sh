#!/usr/bin/env bash
# Trains as a PBS job that saves before its time ends, submits itself again and goes on until it is done:
#   qsub FILE
# `evl-dist launch pbs` prints it filled in; docs/clusters.md explains it line by line.
# Memory: what eight ranks of the quick start take; `evl-dist launch` plans it.
# Time: an hour; `evl-dist launch` takes it from the steps.
#PBS -N evl-dist
#PBS -l select=1:ncpus=8:mpiprocs=8:mem=2048mb
#PBS -l place=scatter
#PBS -l walltime=01:00:00
#PBS -r y
#PBS -j oe

PROGRAM=evl-dist
ARGUMENTS=(train --set run.folder=runs/quick-start)
BIND=core
THREADS=1
GRACE=25
RESTARTS=100

# ---- From here on the same in every job ----

set -euo pipefail
# A log that cannot be written is no reason to stop.
say() { printf 'evl-dist job: %s\n' "$*" >&2 || true; }

job=""           # mpirun's process
signalled=false  # whether a signal ended the last wait
asked=false      # whether the ranks were asked to save and stop
ended=false      # whether the batch system ends this job for good
code=0           # of the last mpirun

# mpirun hands SIGUSR1 and SIGUSR2 to every rank; they save and end with exit code 75, after SIGUSR2 within the grace.
# shellcheck disable=SC2317  # called by traps
ask_to_save() {
  signalled=true
  asked=true
  if [ -n "$job" ]; then kill "-$2" "$job" 2>/dev/null || true; fi
  say "$1: asking the ranks to save and stop"
}
trap 'ask_to_save SIGUSR1 USR1' USR1
trap 'ended=true; ask_to_save SIGTERM USR2' TERM

# run COMMAND...: in the background, because bash hears signals only while it waits; sets `code`.
run() {
  local waited
  code=75
  if $asked; then return; fi
  "$@" &
  job=$!
  code=""
  while :; do
    signalled=false
    waited=0
    wait "$job" || waited=$?
    # 127: it had ended, and been waited for, just before the signal came.
    if [ "$waited" -ne 127 ] || [ -z "$code" ]; then code=$waited; fi
    $signalled || break
  done
  job=""
  # mpirun was asked before it listened, and nothing had begun.
  if $asked && { [ "$code" -eq 138 ] || [ "$code" -eq 140 ]; }; then code=75; fi
}

# How long a save may take after SIGTERM, told to the program and to mpirun, which follows it with SIGKILL
# (a second later by default).
export EVL_GRACE_SECONDS="$GRACE"
options=(--mca odls_base_sigkill_timeout "$GRACE" -x EVL_GRACE_SECONDS)
if [ "$BIND" = core ]; then
  options+=(--map-by "slot:PE=$THREADS" --bind-to core)
else
  options+=(--bind-to none)
fi

cd "$PBS_O_WORKDIR"

# How long this job may run (run.wall_clock): not all PBS systems tell their jobs.
if [ -z "${PBS_WALLTIME:-}" ]; then
  walltime="$(qstat -f "$PBS_JOBID" 2>/dev/null | sed -n 's/^ *Resource_List.walltime = //p' || true)"
  if [[ "$walltime" =~ ^([0-9]+):([0-9]+):([0-9]+)$ ]]; then
    PBS_WALLTIME="$((10#${BASH_REMATCH[1]} * 3600 + 10#${BASH_REMATCH[2]} * 60 + 10#${BASH_REMATCH[3]}))"
    export PBS_WALLTIME
  else
    say "qstat does not tell this job's time, so it is not saved before its end; set run.wall_clock"
  fi
fi

restarts="${EVL_RESTART_COUNT:-0}"
say "job $PBS_JOBID, start $((restarts + 1)): mpirun $PROGRAM ${ARGUMENTS[*]}"
run mpirun --hostfile "$PBS_NODEFILE" "${options[@]}" "$PROGRAM" "${ARGUMENTS[@]}"

# 75: saved, and not done. All else is an end: 0, or an error that would come again.
if $ended; then
  say "ended by PBS (exit code $code); qsub goes on from the newest checkpoint"
elif [ "$code" -ne 75 ]; then
  say "ended with exit code $code"
elif [ "$restarts" -ge "$RESTARTS" ]; then
  say "saved, but not queued again after $restarts restarts (RESTARTS); qsub goes on"
elif qsub -W "depend=afterany:$PBS_JOBID" -v "EVL_RESTART_COUNT=$((restarts + 1))" "$0"; then
  say "saved, and queued again"
else
  say "saved, but PBS does not queue it again; qsub goes on"
fi
exit "$code"
