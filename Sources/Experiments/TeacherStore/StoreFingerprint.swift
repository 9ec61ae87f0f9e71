import Cardiology
import Corpus
import Foundation
import Models
import Tensors
import Training

/// What a store's states were made from, in words that are compared: of the run, and of the teacher.
enum StoreFingerprint {
  /// How a store calls the teacher that this program holds, whose settings every run knows.
  static let builtInTeacher = "built-in teacher"

  /// Records, questions, view and augmentation: what every run knows, with or without its teacher at hand.
  static func run(_ configuration: RunConfiguration, dataset: any ECGDataset, variants: Int) throws -> [String: String]
  {
    let augmentation = configuration.data.augmentation
    return [
      "records": "\(dataset.name) (\(TrainingCorpus.short(dataset.metadataFingerprint)))",
      "questions": "wording \(TrainingCorpus.short(dataset.questionSet.wording))",
      "view": configuration.data.view,
      "augmentation": variants == 1
        ? "none"
        : "\(variants) variants, seed \(configuration.dataSeed), shift \(augmentation.shift), gain \(augmentation.gain), "
          + "lead gain \(augmentation.leadGain), noise \(augmentation.noise), lead dropout \(augmentation.leadDropout)",
    ]
  }

  /// Conversations: texts, and images by path; not the file's name, so that a renamed file is the same data.
  static func run(_ dataset: ConversationDataset) -> [String: String] {
    ["conversations": "\(dataset.conversations.count) conversations (\(dataset.fingerprint.prefix(16)))"]
  }

  /// Tokenizer, template and image settings of a teacher that is shown conversations.
  static func teacher(_ blueprint: ModelBlueprint, _ side: ConversationSide) -> [String: String] {
    [
      "tokenizer": blueprint.tokenizer.fingerprint,
      "prompt": "chat template \(side.prompt.template.name), up to \(side.prompt.longest) tokens",
      "image": side.processor.settings,
    ]
  }

  /// Tokenizer, prompt and image settings of the teacher.
  static func teacher(_ blueprint: ModelBlueprint) throws -> [String: String] {
    let side = try blueprint.side
    let prompt = side.prompt
    let builtIn = (prompt as? Prompt).map {
      "\($0.format.name), \($0.imageTokens) image tokens, answers up to \($0.longestAnswer) tokens"
    }
    return [
      "tokenizer": blueprint.tokenizer.fingerprint, "prompt": builtIn ?? prompt.settings,
      "image": side.view.settings,
    ]
  }
}
