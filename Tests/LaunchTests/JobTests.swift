import Foundation
import Testing
import Yams

/// The jobs of launch/ in front of made-up mpirun, scontrol, squeue, qsub and qstat.
@Suite struct JobTests {
  enum System: String, CaseIterable { case slurm, pbs, kubernetes }

  /// Ends with the codes of the file `codes`, one a start; without one, saves on a signal as the ranks do.
  private static let mpirun = """
    printf '%s\\n' "$@" >"$STAGE/arguments"
    env >"$STAGE/environment"
    echo start >>"$STAGE/starts"
    if [ -s "$STAGE/codes" ]; then
      code="$(head -n 1 "$STAGE/codes")"
      sed -i 1d "$STAGE/codes"
      exit "$code"
    fi
    trap 'echo USR1 >"$STAGE/heard"; echo saved >>"$STAGE/saved"; exit 75' USR1
    trap 'echo USR2 >"$STAGE/heard"; echo saved >>"$STAGE/saved"; exit 75' USR2
    touch "$STAGE/started"
    while :; do sleep 0.05; done
    """

  private static let settings = [
    "SLURM_JOB_ID": "7", "PBS_JOBID": "7.server", "PBS_NODEFILE": "/nodes",
  ]

  /// The launcher of the manifest, as bash runs it.
  static func launcher(of manifest: String) throws -> String {
    let job = try #require(try Yams.load_all(yaml: manifest).compactMap { $0 as? [String: Any] }.last)
    let launcher = Value(job)["spec"]["mpiReplicaSpecs"]["Launcher"]["template"]["spec"]["containers"][0]
    return try #require((launcher["command"].raw as? [String])?.last)
  }

  private func start(
    _ system: System, codes: [Int] = [], restarts: Int? = nil, more: [String: String] = [:],
    signal: Int32? = nil, _ check: (Stage, Stage.Outcome) throws -> Void
  ) throws {
    try withStage { stage in
      try stage.program("mpirun", Self.mpirun)
      try stage.program("scontrol", "echo \"$@\" >>\"$STAGE/queued\"")
      try stage.program("qsub", "echo \"$@\" >>\"$STAGE/queued\"")
      try stage.program("squeue", "echo 2026-01-02T03:04:05")
      try stage.program("qstat", "printf 'Job Id: 7\\n    Resource_List.walltime = 01:02:03\\n    other = 1\\n'")
      try stage.program("sleep", "exec /bin/sleep 0.1")
      let codes = codes.map { "\($0)\n" }.joined()
      try Data(codes.utf8).write(to: stage.folder.appendingPathComponent("codes"))
      let name = ["slurm.sbatch", "pbs.sh", "kubernetes-mpijob.yaml"][System.allCases.firstIndex(of: system) ?? 0]
      var text = try String(contentsOf: Stage.launch.appendingPathComponent(name), encoding: .utf8)
      if system == .kubernetes {
        let settings = try #require(try Yams.load_all(yaml: text).compactMap { $0 as? [String: Any] }.first)
        let shared = try #require(Value(settings)["data"]["settings"].raw as? String)
        text = try Self.launcher(of: text).replacingOccurrences(of: ". /etc/evl-dist/settings\n", with: shared)
      }
      if let restarts { text = text.replacingOccurrences(of: "RESTARTS=100\n", with: "RESTARTS=\(restarts)\n") }
      let script = try stage.file("job", text)
      let settings = Self.settings.merging(["PBS_O_WORKDIR": stage.folder.path]) { $1 }.merging(more) { $1 }
      let outcome = try stage.run(script, settings: settings) { process in
        guard let signal else { return }
        Stage.send(signal, to: process)
      }
      try check(stage, outcome)
    }
  }

  @Test(arguments: System.allCases, [0, 64, 65, 69, 70, 74])
  func anEndAndAnErrorAreNotRepeated(system: System, code: Int) throws {
    try start(system, codes: [code]) { stage, outcome in
      #expect(outcome.code == Int32(code) && stage.text("queued") == "" && stage.text("starts") == "start\n")
    }
  }

  @Test(arguments: [System.slurm, .pbs]) func onlyASavedStopIsQueuedAgain(system: System) throws {
    try start(system, codes: [75]) { stage, outcome in
      #expect(outcome.code == 75 && outcome.errors.contains("saved, and queued again"))
      let job = stage.folder.appendingPathComponent("job").path
      let expected =
        system == .slurm ? "requeue 7\n" : "-W depend=afterany:7.server -v EVL_RESTART_COUNT=1 \(job)\n"
      #expect(stage.text("queued") == expected)
    }
    for code in [1, 76, 137] {
      try start(system, codes: [code]) { stage, outcome in
        #expect(outcome.code == Int32(code) && stage.text("queued") == "")
      }
    }
  }

  @Test(arguments: [System.slurm, .pbs]) func restartsAreCounted(system: System) throws {
    let counters = ["SLURM_RESTART_COUNT": "3", "EVL_RESTART_COUNT": "3"]
    try start(system, codes: [75], restarts: 4, more: counters) { stage, _ in
      #expect(stage.text("queued").contains(system == .slurm ? "requeue" : "EVL_RESTART_COUNT=4"))
    }
    try start(system, codes: [75], restarts: 3, more: counters) { stage, outcome in
      #expect(outcome.code == 75 && stage.text("queued") == "" && outcome.errors.contains("after 3 restarts"))
    }
  }

  @Test func theLauncherOfKubernetesStartsAgainWhatWasSavedOrLost() throws {
    try start(.kubernetes, codes: [75, 1, 76, 0]) { stage, outcome in
      #expect(outcome.code == 0 && stage.text("starts") == "start\nstart\nstart\nstart\n", "\(outcome)")
    }
    try start(.kubernetes, codes: [75, 76, 64], restarts: 1) { stage, outcome in
      #expect(outcome.code == 76 && stage.text("starts") == "start\nstart\n", "\(outcome)")
    }
  }

  @Test(arguments: System.allCases) func sigtermSavesAndQueuesNothing(system: System) throws {
    try start(system, signal: SIGTERM) { stage, outcome in
      #expect(outcome.code == 75 && stage.text("saved") == "saved\n" && stage.text("queued") == "", "\(outcome)")
      #expect(stage.text("starts") == "start\n" && stage.text("heard") == "USR2\n")
    }
  }

  @Test(arguments: [System.slurm, .pbs]) func sigusr1SavesAndQueues(system: System) throws {
    try start(system, signal: SIGUSR1) { stage, outcome in
      #expect(outcome.code == 75 && stage.text("saved") == "saved\n" && stage.text("queued") != "", "\(outcome)")
      #expect(stage.text("heard") == "USR1\n")
    }
  }

  @Test(arguments: System.allCases) func mpirunAndTheProgramAreToldOfTheGraceAndTheEnd(system: System) throws {
    try start(system, codes: [0]) { stage, _ in
      #expect(stage.text("arguments").contains("--mca\nodls_base_sigkill_timeout\n25\n-x\nEVL_GRACE_SECONDS\n"))
      #expect(stage.text("environment").contains("EVL_GRACE_SECONDS=25\n"))
      let bound = stage.text("arguments").contains("--map-by\nslot:PE=1\n--bind-to\ncore\n")
      #expect(bound == (system != .kubernetes))
      switch system {
      case .slurm: #expect(stage.text("environment").contains("SLURM_JOB_END_TIME=17673"))
      case .pbs:
        #expect(stage.text("environment").contains("PBS_WALLTIME=3723\n"))
        #expect(stage.text("arguments").hasPrefix("--hostfile\n/nodes\n"))
      case .kubernetes: break
      }
    }
  }
}

extension JobTests {
  /// By what the operator's version v2beta1 and Kubernetes read; no cluster is asked.
  @Test func theManifestHoldsTogether() throws {
    let text = try String(contentsOf: Stage.launch.appendingPathComponent("kubernetes-mpijob.yaml"), encoding: .utf8)
    let documents = try Yams.load_all(yaml: text).map { Value($0) }
    #expect(documents.map { $0["kind"].text } == ["ConfigMap", "MPIJob"])
    #expect(documents.map { $0["apiVersion"].text } == ["v1", "kubeflow.org/v2beta1"])
    let job = try #require(documents.last)
    let replicas = job["spec"]["mpiReplicaSpecs"]
    #expect(Set((replicas.raw as? [String: Any] ?? [:]).keys) == ["Launcher", "Worker"])
    #expect(replicas["Launcher"]["replicas"].raw as? Int == 1 && replicas["Launcher"]["restartPolicy"].text == "Never")
    #expect(job["spec"]["slotsPerWorker"].raw as? Int == 8 && replicas["Worker"]["replicas"].raw as? Int == 1)
    for role in ["Launcher", "Worker"] {
      let pod = replicas[role]["template"]["spec"]
      let container = pod["containers"][0]
      let mounted = (container["volumeMounts"].raw as? [[String: Any]] ?? []).map { $0["name"] as? String }
      let volumes = (pod["volumes"].raw as? [[String: Any]] ?? []).map { $0["name"] as? String }
      #expect(Set(mounted) == Set(volumes) && volumes.contains("work"), "\(role)")
      #expect(pod["terminationGracePeriodSeconds"].raw as? Int == 60 && container["image"].text?.isEmpty == false)
    }
    let worker = replicas["Worker"]["template"]["spec"]
    let resources = worker["containers"][0]["resources"]
    #expect(resources["limits"]["memory"].text == "2048Mi" && resources["limits"]["cpu"].text == "8")
    #expect(worker["volumes"][1]["emptyDir"]["medium"].text == "Memory")
    #expect(worker["containers"][0]["volumeMounts"][1]["mountPath"].text == "/dev/shm")
    let launcher = replicas["Launcher"]["template"]["spec"]
    #expect(launcher["volumes"][1]["configMap"]["name"].text == documents[0]["metadata"]["name"].text)
    // Where the operator puts the keys is where the container's daemon looks for its own.
    let keys = try #require(job["spec"]["sshAuthMountPath"].text)
    let recipe = try String(
      contentsOf: Stage.launch.appendingPathComponent("container/Dockerfile"), encoding: .utf8)
    #expect(recipe.contains("HostKey \(keys)/id_rsa"))
    let daemon = worker["containers"][0]["command"].raw as? [String]
    #expect(daemon?.last.map { recipe.contains(">\($0) ") } == true)
  }
}

/// What a parsed YAML holds, looked up by key and index.
struct Value {
  let raw: Any?

  init(_ raw: Any?) { self.raw = raw }

  var text: String? { raw as? String }

  subscript(key: String) -> Value { Value((raw as? [String: Any])?[key]) }
  subscript(index: Int) -> Value {
    let list = raw as? [Any] ?? []
    return Value(list.indices.contains(index) ? list[index] : nil)
  }
}
