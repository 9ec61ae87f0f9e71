import Cluster
import Corpus
import Distillation
import Models
import Tensors

/// Everything a run can be told, section by section; a YAML file and `--set section.key=value` override the defaults.
///
/// Keys are written in snake case. Unknown keys are refused. `evl-dist config` prints every value with its origin.
public struct RunConfiguration: Codable, Sendable, Equatable {
  public var run = Run()
  public var data = Data()
  public var student = Student()
  public var teacher = Teacher()
  public var train = Train()
  public var objective = ObjectiveConfiguration()
  public var checkpoint = Checkpoint()
  public var evaluation = Evaluation()

  /// The built-in quick start: synthetic ECGs in the signal view, a tiny teacher, a tiny student.
  public init() {}

  /// The run itself.
  public struct Run: Codable, Sendable, Equatable {
    /// Folder of everything the run writes.
    public var folder = "runs/quick-start"
    /// Seed of every random number.
    public var seed: UInt64 = 1
    /// How long the job may run: `auto` (what the batch system tells), a time as HH:MM:SS, or nothing.
    public var wallClock = "auto"
    /// Seconds before that at which the run saves and stops: longer than a step and a save.
    public var margin = 120.0
    /// Seconds from SIGTERM or SIGUSR2 to the kill; nil: what the launch script tells.
    public var grace: Double?
  }

  /// What is learned from.
  public struct Data: Codable, Sendable, Equatable {
    /// `synthetic`, `ptb-xl`, `wfdb`, `eeg` (an EDF file and its events), or `conversations` (LLaVA-style JSON).
    public var kind = "synthetic"
    /// Folder of the data set, or file or folder of conversations; not used by `synthetic`.
    public var path = ""
    /// Folder that image paths of conversations begin at; empty: the folder of the file.
    public var images = ""
    /// What is done with conversations whose image is not there: `refuse` them all, or `skip` these.
    public var missingImages = ConversationDataset.MissingImages.refused.rawValue
    /// Chat template of models whose folder does not tell its own; empty: that of the model's family.
    public var chatTemplate = ""
    /// `signal` (raw 12-lead windows), `leads` (raw windows of one lead) or `image` (rendered ECG paper); not looked at by
    /// `conversations`, which show images.
    public var view = "signal"
    /// Number of synthetic records.
    public var records = 1600
    /// Of what is drawn of the data: synthetic records, folds where a data set has none, augmentation. Absent: run.seed;
    /// given, runs of different seeds have the same data.
    public var seed: UInt64?
    public var questions = Questions()
    /// How epochs are cut out of an EEG; looked at by `eeg` alone.
    public var eeg = EEGEpochs()
    public var augmentation = Augmentation()
    /// Batches prepared ahead by the background thread.
    public var ahead = 2
  }

  /// How often each kind of question is dealt to a record: copies in the deck it draws from, epoch after epoch.
  public struct Questions: Codable, Sendable, Equatable {
    /// Yes or no to one superclass; copies for each of the five.
    public var superclass = 8
    /// The list of all superclasses.
    public var classification = 2
    /// The clinical report.
    public var report = 1
  }

  /// Changes made to each training record, drawn anew each epoch; zero switches one off.
  public struct Augmentation: Codable, Sendable, Equatable {
    /// Largest shift in time, seconds.
    public var shift = 1.0
    /// Gain of the whole record, uniform within 1 plus or minus this.
    public var gain = 0.15
    /// Further gain of each lead, likewise.
    public var leadGain = 0.05
    /// Standard deviation of added white noise, mV.
    public var noise = 0.01
    /// Probability that a lead is blanked.
    public var leadDropout = 0.0
    /// Different looks of a record that the epochs take turns through, the record as it is and drawn ones; 0: a new one each
    /// epoch. With a teacher store they are its variants.
    public var draws = 0
  }

  /// The model that is trained.
  public struct Student: Codable, Sendable, Equatable {
    /// Hugging Face folder; empty: the built-in tiny student.
    public var path = ""
    /// Folder of a config.json of the Idefics3 family: a student of this shape with random weights, the built-in
    /// tokenizer and the built-in form of question. Empty: none.
    public var shape = ""
    /// Chat template in place of the one its folder tells; empty: none.
    public var chatTemplate = ""
  }

  /// The model that is learned from.
  public struct Teacher: Codable, Sendable, Equatable {
    /// Hugging Face folder; empty: the built-in tiny teacher, trained first.
    public var path = ""
    /// Chat template in place of the one its folder tells; empty: none.
    public var chatTemplate = ""
    /// Optimiser steps of the built-in teacher, by cross-entropy on all answers.
    public var steps = 160
    /// Peak learning rate of the built-in teacher.
    public var learningRate = 2.0e-3
    /// Whether it is asked all yes/no and classification questions about a record at once (they do not see each other),
    /// not only the one drawn.
    public var everyQuestion = true
    /// Folder of trained built-in teachers, one per fingerprint of what they were trained on and how.
    public var cache = "runs/teachers"
    /// Folder of a teacher store: `teach` writes it, `train` learns from it and runs no teacher. Empty: none.
    public var store = ""
    /// Of the stored states: `f32`, or `bf16` at half the size.
    public var storeType = "f32"
    /// Variants of each record in the store: the record as it is, and augmented ones.
    public var variants = 1
    /// Decoder layers, counted from 1, whose states are stored beside the last hidden states.
    public var layers: [Int] = []
    /// Whether those layers' attention scores and the embeddings are stored too; tinybert needs them.
    public var attention = false
    /// Samples of one file of the store.
    public var partSamples = 64
  }

  /// The optimisation.
  public struct Train: Codable, Sendable, Equatable {
    /// Optimiser steps of the student.
    public var steps = 240
    /// Samples per optimiser step, over all ranks.
    public var globalBatch = 32
    /// Equal parts of the global batch; the unit of arithmetic that the bits depend on.
    public var shards = 8
    /// Threads of one rank.
    public var threads = 1
    /// `f32`, or `bf16`: matrix products of operands rounded to bfloat16, weights and sums in single precision.
    public var precision = Precision.f32.rawValue
    /// Whether each transformer block keeps its input alone and is computed again in backward: a fraction of the
    /// memory for a third more time, the same bits.
    public var recompute = false
    /// Peak learning rate of AdamW.
    public var learningRate = 2.0e-3
    /// `constant` (a run can be prolonged without changing its bits) or `cosine` (falls until train.steps).
    public var schedule = "constant"
    /// Steps over which the learning rate rises from zero.
    public var warmup = 20
    /// Learning rate at the end of the cosine, as a share of the peak.
    public var finalLearningRate = 0.05
    /// Decoupled weight decay of matrices.
    public var weightDecay = 0.05
    /// Largest norm of the gradient; 0 switches clipping off.
    public var clip = 1.0
    /// `ordered`: the same bits for any number of ranks; `fast`: MPI's own all-reduce between nodes, whose bits depend on
    /// ranks and nodes.
    public var reduction = GradientReduction.ordered.rawValue
    /// How the ranks of a node share memory: `auto`, `named` (a file in /dev/shm) or `private` (not at all).
    public var sharedMemory = MemorySharing.auto.rawValue
    /// Steps between comparisons of the nodes' copies of weights and moments; 0: never.
    public var checkEvery = 100
    /// Seconds a step may take on any rank before the job ends as late; 0: for ever.
    public var stepLimit = 1800.0
    /// Share of the training records whose answers are used.
    public var labelled = 1.0
    public var spikes = Spikes()
    public var lora = LoRA()
  }

  /// Training of adapters of low rank beside a frozen student, in place of all its weights.
  public struct LoRA: Codable, Sendable, Equatable {
    /// Rank of the adapters; 0: all weights are trained.
    public var rank = 0
    /// The adapters' products are multiplied by alpha / rank.
    public var alpha = 32.0
    /// Modules whose linear layers get an adapter: the end of a module's path; * stands for any characters.
    public var targets = ["text_model"]
    /// Modules trained in full, named likewise.
    public var full = ["connector"]
  }

  /// Saved states.
  public struct Checkpoint: Codable, Sendable, Equatable {
    /// Steps between checkpoints; 0: only at the end and when stopped.
    public var every = 100
    /// Minutes between checkpoints; 0: by steps alone.
    public var minutes = 0.0
    /// Newest checkpoints kept; older ones that are complete are removed.
    public var keep = 2
    /// Checkpoints of steps that are multiples of this are kept for good; 0: of none.
    public var keepEvery = 0
    /// MB of a node's memory for copies of what a save has not written yet when a step is about to change it; where they
    /// do not suffice training waits.
    public var memory = 1024
  }

  /// What is measured before and after training.
  public struct Evaluation: Codable, Sendable, Equatable {
    /// Whether teacher and student are evaluated.
    public var enabled = true
    /// Fold held out from training and evaluated.
    public var fold = 9
    /// Folds trained on.
    public var trainFolds = [1, 2, 3, 4, 5, 6, 7, 8]
    /// Bootstrap replicates of the intervals.
    public var replicates = 1000
    /// Largest number of tokens generated per answer.
    public var answerTokens = 24
    /// Steps between evaluations of the student in training; the state with the best macro AUC is kept. 0: none.
    public var every = 0
  }
}

extension RunConfiguration {
  /// All that is wrong with the values, one line each; empty when they can be used.
  public func problems() -> [String] {
    var problems: [String] = []
    func require(_ holds: Bool, _ problem: @autoclosure () -> String) { if !holds { problems.append(problem()) } }
    func oneOf(_ key: String, _ value: String, _ allowed: [String]) {
      require(allowed.contains(value), "\(key) is \"\(value)\"; it can be \(allowed.joined(separator: ", "))")
    }
    require(!run.folder.isEmpty, "run.folder is empty")
    oneOf("data.kind", data.kind, ["synthetic", "ptb-xl", "wfdb", Data.epochs, Data.conversations])
    oneOf("data.view", data.view, ["signal", "leads", "image"])
    require(
      data.kind == "synthetic" || !data.path.isEmpty,
      "data.path is needed for data.kind \(data.kind): --set data.path=/path/to/the/data")
    require(data.records >= 50, "data.records is \(data.records); at least 50 are needed")
    let copies = [data.questions.superclass, data.questions.classification, data.questions.report]
    require(
      copies.allSatisfy { (0...100).contains($0) } && copies.contains { $0 > 0 },
      "data.questions holds copies from 0 to 100, one of them above 0")
    require(data.ahead >= 1, "data.ahead is \(data.ahead); at least 1 batch is prepared ahead")
    require(train.steps >= 0, "train.steps is \(train.steps); at least 0")
    require(train.globalBatch >= 1, "train.global_batch is \(train.globalBatch); at least 1")
    require(train.shards >= 1, "train.shards is \(train.shards); at least 1")
    require(
      train.shards < 1 || train.globalBatch % train.shards == 0,
      "train.global_batch (\(train.globalBatch)) does not divide into \(train.shards) shards of equal size; "
        + "use a multiple of train.shards")
    require((1...1024).contains(train.threads), "train.threads is \(train.threads); 1 to 1024")
    oneOf("train.precision", train.precision, Precision.allCases.map(\.rawValue))
    require(train.learningRate > 0 && train.learningRate.isFinite, "train.learning_rate must be above 0")
    oneOf("train.schedule", train.schedule, LearningRateSchedule.Form.allCases.map(\.rawValue))
    require(train.warmup >= 0, "train.warmup is negative")
    require((0...1).contains(train.finalLearningRate), "train.final_learning_rate is a share from 0 to 1")
    require(train.weightDecay >= 0, "train.weight_decay is negative")
    require(train.clip >= 0, "train.clip is negative; 0 switches clipping off")
    require(train.labelled >= 0 && train.labelled <= 1, "train.labelled is a share from 0 to 1")
    require(!evaluation.trainFolds.isEmpty, "evaluation.train_folds is empty")
    require(
      !evaluation.trainFolds.contains(evaluation.fold),
      "evaluation.fold \(evaluation.fold) is among evaluation.train_folds")
    require(evaluation.replicates >= 100, "evaluation.replicates is \(evaluation.replicates); at least 100")
    require(evaluation.answerTokens >= 1, "evaluation.answer_tokens is \(evaluation.answerTokens); at least 1")
    require(
      objective.chosen != .rkd || train.shards < 1
        || train.globalBatch / train.shards >= ObjectiveConfiguration.Samples.fewest,
      "objective.method rkd compares the samples of a shard and needs \(ObjectiveConfiguration.Samples.fewest) of them; "
        + "train.global_batch (\(train.globalBatch)) / train.shards (\(train.shards)) is fewer")
    require(
      student.path.isEmpty || student.shape.isEmpty,
      "student.path and student.shape are both given; a folder with weights is student.path, a config.json alone "
        + "student.shape")
    return problems + run.problems() + data.epochProblems() + data.augmentation.problems() + checkpoint.problems()
      + courseProblems()
      + teacher.problems() + train.problems()
      + conversationProblems()
      + objective.problems()
  }

  /// What is wrong with the settings that only conversations and model folders look at.
  private func conversationProblems() -> [String] {
    let (missing, templates) = (
      ConversationDataset.MissingImages.allCases.map(\.rawValue), ChatTemplate.all.map(\.name)
    )
    let named = [
      ("data", data.chatTemplate), ("student", student.chatTemplate), ("teacher", teacher.chatTemplate),
    ]
    return [
      missing.contains(data.missingImages)
        ? nil : "data.missing_images is \"\(data.missingImages)\"; it can be \(missing.joined(separator: ", "))"
    ].compactMap { $0 }
      + named.filter { !$0.1.isEmpty && !templates.contains($0.1) }.map {
        "\($0.0).chat_template is \"\($0.1)\"; it can be empty, \(templates.joined(separator: ", "))"
      }
  }
}

extension RunConfiguration.Augmentation {
  /// All that is wrong with the values, one line each.
  func problems() -> [String] {
    let sizes = [shift, gain, leadGain, noise, leadDropout]
    let rules: [(holds: Bool, problem: String)] = [
      (
        sizes.allSatisfy { $0 >= 0 && $0.isFinite } && leadDropout < 1,
        "data.augmentation holds a negative value or a lead_dropout of 1 or more"
      ), ((0...1000).contains(draws), "data.augmentation.draws is \(draws); 0 to 1000"),
    ]
    return rules.filter { !$0.holds }.map(\.problem)
  }
}

extension RunConfiguration.Teacher {
  /// All that is wrong with the values, one line each.
  func problems() -> [String] {
    let rules: [(holds: Bool, problem: String)] = [
      (steps >= 1, "teacher.steps is \(steps); at least 1"),
      (learningRate > 0, "teacher.learning_rate must be above 0"),
      (["f32", "bf16"].contains(storeType), "teacher.store_type is \"\(storeType)\"; it can be f32, bf16"),
      ((1...1000).contains(variants), "teacher.variants is \(variants); 1 to 1000"),
      (
        layers.allSatisfy { $0 >= 1 } && Set(layers).count == layers.count,
        "teacher.layers is \(layers); layers are counted from 1, each once"
      ), ((1...1_000_000).contains(partSamples), "teacher.part_samples is \(partSamples); 1 to 1000000"),
    ]
    return rules.filter { !$0.holds }.map(\.problem)
  }
}

extension RunConfiguration.Train {
  /// What is wrong with the adapters, what is about ranks, and the limit of a step, one line each.
  func problems() -> [String] {
    let isLimit = stepLimit >= 0 && stepLimit.isFinite
    return lora.problems() + spikes.problems() + rankProblems()
      + (isLimit ? [] : ["train.step_limit is \(stepLimit); 0 lets a step take for ever"])
  }
}

extension RunConfiguration.LoRA {
  /// All that is wrong with the values, one line each.
  func problems() -> [String] {
    let rules: [(holds: Bool, problem: String)] = [
      ((0...65_536).contains(rank), "train.lora.rank is \(rank); 0 (all weights are trained) to 65536"),
      (alpha > 0 && alpha.isFinite, "train.lora.alpha must be above 0"),
      (
        rank == 0 || !targets.isEmpty,
        "train.lora.targets is empty, so no layer gets an adapter; name modules, or set train.lora.rank to 0 to train all "
          + "weights, whatever train.lora.full says"
      ),
      (
        (targets + full).allSatisfy { !$0.isEmpty },
        "train.lora.targets or train.lora.full holds an empty name"
      ),
    ]
    return rules.filter { !$0.holds }.map(\.problem)
  }
}

extension RunConfiguration.Data {
  /// The kind of data that is conversations about images, and that which is epochs of an EEG.
  public static let (conversations, epochs) = ("conversations", "eeg")

  /// What is wrong with the settings of an EEG, one line each.
  func epochProblems() -> [String] {
    guard kind == Self.epochs else { return [] }
    return eeg.problems()
      + [
        view == "signal" ? nil : "data.view is \"\(view)\"; data.kind eeg has the signal view alone",
        augmentation.shift == 0
          ? nil
          : "data.augmentation.shift is \(augmentation.shift); an epoch that is moved against its event is of no event, so "
            + "data.kind eeg needs 0",
      ].compactMap { $0 }
  }

  /// How models are shown images: conversations have nothing else.
  public var shownView: String { isConversations ? "image" : view }

  public var isConversations: Bool { kind == Self.conversations }
}

extension RunConfiguration {
  /// How student and teacher are asked where their folders do not say it, or otherwise than they say.
  public var studentTemplate: ChatTemplateRule {
    ChatTemplateRule(named: student.chatTemplate, otherwise: data.chatTemplate)
  }
  public var teacherTemplate: ChatTemplateRule {
    ChatTemplateRule(named: teacher.chatTemplate, otherwise: data.chatTemplate)
  }
}

extension RunConfiguration.Train {
  /// The arithmetic of products. - Precondition: the configuration has no problems.
  public var arithmetic: Precision { Precision(rawValue: precision) ?? .f32 }

  /// What is trained of the student; nil = all of it.
  public var adaptation: LowRankAdaptation? {
    lora.rank == 0
      ? nil : LowRankAdaptation(rank: lora.rank, alpha: lora.alpha, targets: lora.targets, full: lora.full)
  }
}
