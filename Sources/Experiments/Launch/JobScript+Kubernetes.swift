import Foundation

extension JobScript {
  /// That of Kubeflow's MPI operator.
  func kubernetes() -> String {
    let cores = request.ranksPerNode * request.threads
    return """
      # Trains on Kubernetes with Kubeflow's MPI operator (v2beta1), in pods that save before they are ended:
      #   kubectl apply -f FILE
      # `evl-dist launch kubernetes` prints it filled in; docs/clusters.md explains it line by line.
      # \(request.memorySource)
      apiVersion: v1
      kind: ConfigMap
      metadata:
        name: \(name)
      data:
        settings: |
          \(assignments.replacingOccurrences(of: "\n", with: "\n    "))
      ---
      apiVersion: kubeflow.org/v2beta1
      kind: MPIJob
      metadata:
        name: &name \(name)
        annotations:
          evl-dist/image: &image \(image)
          evl-dist/volume: &volume \(volume)
          evl-dist/cores: &cores "\(cores)"
          evl-dist/memory: &memory \(request.memory >> 20)Mi
          evl-dist/shared-memory: &shared \(request.sharedMemory >> 20)Mi
      spec:
        slotsPerWorker: \(request.ranksPerNode)
        mpiReplicaSpecs:
          Worker:
            replicas: \(request.nodes)
            template:
              spec:
                terminationGracePeriodSeconds: &termination \(2 * grace + 10)

                # \(Self.seam)

      """ + Self.workers + Self.launcher
  }

  /// Continues the workers' pod.
  private static let workers = #"""
              containers:
                - name: worker
                  image: *image
                  command: [/usr/sbin/sshd, -De, -f, /home/evl/.sshd_config]
                  resources:
                    requests: {cpu: *cores, memory: *memory}
                    limits: {cpu: *cores, memory: *memory}
                  volumeMounts:
                    - {name: work, mountPath: /data}
                    - {name: shm, mountPath: /dev/shm}
                  lifecycle:
                    preStop:
                      exec:
                        command:
                          - bash
                          - -c
                          - >-
                            ranks='^[^ ]*evl-dist ';
                            pkill -USR2 -f "$ranks";
                            while pgrep -f "$ranks" >/dev/null; do sleep 1; done
              volumes:
                - name: work
                  persistentVolumeClaim: {claimName: *volume}
                - name: shm
                  emptyDir: {medium: Memory, sizeLimit: *shared}

    """#

  private static let launcher =
    #"""
        Launcher:
          replicas: 1
          restartPolicy: Never
          template:
            spec:
              terminationGracePeriodSeconds: *termination
              containers:
                - name: launcher
                  image: *image
                  workingDir: /data
                  resources:
                    requests: {cpu: 500m, memory: 512Mi}
                  volumeMounts:
                    - {name: work, mountPath: /data}
                    - {name: settings, mountPath: /etc/evl-dist}
                  command:
                    - bash
                    - -c
                    - |
                      set -euo pipefail
                      . /etc/evl-dist/settings

    """#
    + indented(functions) + "\n" + indented(loop) + ending

  private static let ending = #"""
              volumes:
                - name: work
                  persistentVolumeClaim: {claimName: *volume}
                - name: settings
                  configMap: {name: *name}
      sshAuthMountPath: /home/evl/.ssh
      runPolicy:
        cleanPodPolicy: Running
        backoffLimit: 3

    """#

  /// In the launcher, since no batch system starts it again.
  private static let loop = #"""
    restarts=0
    while :; do
      asked=$ended
      say "start $((restarts + 1)): mpirun $PROGRAM ${ARGUMENTS[*]}"
      run mpirun "${options[@]}" "$PROGRAM" "${ARGUMENTS[@]}"
      # 0, errors that would come again and a missing program are an end. 75: saved, and not done; all else comes of
      # lost workers, which the operator replaces.
      case "$code" in 0 | 64 | 65 | 69 | 70 | 74 | 126 | 127) break ;; esac
      if $ended || [ "$restarts" -ge "$RESTARTS" ]; then break; fi
      restarts=$((restarts + 1))
      sleep 10
    done
    say "ended with exit code $code after $restarts restarts"
    exit "$code"
    """#

  private static func indented(_ script: String) -> String {
    script.split(separator: "\n", omittingEmptySubsequences: false)
      .map { $0.isEmpty ? "\n" : "                  \($0)\n" }.joined()
  }
}
