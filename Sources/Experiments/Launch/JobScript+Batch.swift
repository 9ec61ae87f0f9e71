import Foundation

extension JobScript {
  /// Slurm's.
  func slurm() -> String {
    let choice = [("partition", partition), ("account", account)].filter { !$0.1.isEmpty }
    return """
      #!/usr/bin/env bash
      # Trains as a Slurm job that saves before its time ends, queues itself again and goes on until it is done:
      #   sbatch FILE
      # `evl-dist launch slurm` prints it filled in; docs/clusters.md explains it line by line.
      # \(request.memorySource)
      # \(request.timeSource)
      #SBATCH --job-name=\(name)
      #SBATCH --nodes=\(request.nodes)
      #SBATCH --ntasks-per-node=\(request.ranksPerNode)
      #SBATCH --cpus-per-task=\(request.threads)
      #SBATCH --mem=\(request.memory >> 20)M
      #SBATCH --time=\(JobRequest.clock(request.seconds))
      #SBATCH --signal=B:USR1@\(request.margin)
      #SBATCH --requeue
      #SBATCH --open-mode=append
      #SBATCH --output=%x-%j.log
      \(choice.map { "#SBATCH --\($0.0)=\($0.1)\n" }.joined())
      \(assignments)

      # \(Self.seam)

      set -euo pipefail
      \(Self.functions)

      # When this job's time ends (run.wall_clock): Slurm 22.05 does not tell its jobs.
      if [ -z "${SLURM_JOB_END_TIME:-}" ]; then
        end="$(squeue --noheader --jobs="$SLURM_JOB_ID" --format=%e 2>/dev/null || true)"
        SLURM_JOB_END_TIME="$(date -d "${end:-unknown}" +%s 2>/dev/null || true)"
      fi
      export SLURM_JOB_END_TIME

      restarts="${SLURM_RESTART_COUNT:-0}"
      say "job $SLURM_JOB_ID, start $((restarts + 1)): mpirun $PROGRAM ${ARGUMENTS[*]}"
      run mpirun "${options[@]}" "$PROGRAM" "${ARGUMENTS[@]}"

      \(Self.ending("Slurm", submit: "sbatch", again: #"scontrol requeue "$SLURM_JOB_ID""#))

      """
  }

  /// What follows the run: `again` queues the job once more.
  private static func ending(_ name: String, submit: String, again: String) -> String {
    """
    # 75: saved, and not done. All else is an end: 0, or an error that would come again.
    if $ended; then
      say "ended by \(name) (exit code $code); \(submit) goes on from the newest checkpoint"
    elif [ "$code" -ne 75 ]; then
      say "ended with exit code $code"
    elif [ "$restarts" -ge "$RESTARTS" ]; then
      say "saved, but not queued again after $restarts restarts (RESTARTS); \(submit) goes on"
    elif \(again); then
      say "saved, and queued again"
    else
      say "saved, but \(name) does not queue it again; \(submit) goes on"
    fi
    exit "$code"
    """
  }

  /// A job of its own, when this one has ended.
  private static let submission =
    #"qsub -W "depend=afterany:$PBS_JOBID" -v "EVL_RESTART_COUNT=$((restarts + 1))" "$0""#

  /// That of PBS Professional and OpenPBS.
  func pbs() -> String {
    let cores = request.ranksPerNode * request.threads
    let choice = [("q", partition), ("A", account)].filter { !$0.1.isEmpty }
    let chunk =
      "select=\(request.nodes):ncpus=\(cores):mpiprocs=\(request.ranksPerNode):mem=\(request.memory >> 20)mb"
    return """
      #!/usr/bin/env bash
      # Trains as a PBS job that saves before its time ends, submits itself again and goes on until it is done:
      #   qsub FILE
      # `evl-dist launch pbs` prints it filled in; docs/clusters.md explains it line by line.
      # \(request.memorySource)
      # \(request.timeSource)
      #PBS -N \(name)
      #PBS -l \(chunk)
      #PBS -l place=scatter
      #PBS -l walltime=\(JobRequest.clock(request.seconds))
      #PBS -r y
      #PBS -j oe
      \(choice.map { "#PBS -\($0.0) \($0.1)\n" }.joined())
      \(assignments)

      # \(Self.seam)

      set -euo pipefail
      \(Self.functions)

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

      \(Self.ending("PBS", submit: "qsub", again: Self.submission))

      """
  }
}
