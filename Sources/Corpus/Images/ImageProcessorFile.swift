import Foundation
import Tensors

/// The image processor of a Hugging Face folder: `preprocessor_config.json`, or the `image_processor` part of
/// `processor_config.json`, where newer versions of transformers put it.
///
/// The class says what keys mean and what those that are missing default to: Idefics3, SmolVLM, CLIP, LLaVA and
/// LLaVA-NeXT, with or without "Fast" or "Pil" at the end. Checkpoints of LLaVA's own code keep `image_aspect_ratio` and
/// `image_grid_pinpoints` in config.json; they are read from there beside a CLIP processor. Most of them hold no file of
/// a processor, since that code took it from the vision tower's folder: CLIP's own settings at the tower's size.
public struct ImageProcessorFile {
  private let name: String
  private let values: JSONValue
  /// config.json of LLaVA's own code; nil for other folders.
  private let original: JSONValue?

  /// The image processor of a folder.
  /// - Parameter towerSide: of a folder of LLaVA's own code, the side in pixels of its CLIP tower's images, by which its
  ///   processor is made where no file tells it; nil for other folders.
  /// - Throws: `UserError` of kind badInput naming file and key: no such file, another family's processor, or a value
  ///   that says nothing.
  public static func processor(in folder: URL, towerSide: Int? = nil) throws -> any ImageProcessor {
    let (name, values) = try settings(in: folder, towerSide: towerSide)
    let model = try json(folder.appendingPathComponent("config.json"))
    return try ImageProcessorFile(
      name: name, values: values, original: model?["image_aspect_ratio"]?.string == nil ? nil : model
    ).processor()
  }

  /// Tokens of a tile as the folder's text processor counts them (`image_seq_len` of processor_config.json); nil where it
  /// does not say.
  /// - Throws: `UserError` of kind badInput for another value than a count.
  public static func statedTokens(in folder: URL) throws -> Int? {
    let file = folder.appendingPathComponent("processor_config.json")
    guard let value = try json(file)?["image_seq_len"], !value.isNull else { return nil }
    guard let count = value.integer, count > 0 else {
      throw UserError(
        .badInput, "\(file.path): image_seq_len is not a number of tokens",
        remedy: "use the file that belongs to the model, or correct it")
    }
    return count
  }

  private static func settings(in folder: URL, towerSide: Int?) throws -> (name: String, values: JSONValue) {
    let (newer, older) = ("processor_config.json", "preprocessor_config.json")
    if let found = try json(folder.appendingPathComponent(newer))?["image_processor"] {
      return (folder.appendingPathComponent(newer).path, found)
    }
    if let found = try json(folder.appendingPathComponent(older)) {
      return (folder.appendingPathComponent(older).path, found)
    }
    if let towerSide {
      // What is not named here has CLIP's defaults: bicubic, its own mean and deviation.
      let values: [String: JSONValue] = [
        "image_processor_type": .string("CLIPImageProcessor"), "size": .object(["shortest_edge": .integer(towerSide)]),
        "crop_size": .object(["height": .integer(towerSide), "width": .integer(towerSide)]),
      ]
      return (folder.appendingPathComponent("config.json").path, .object(values))
    }
    throw UserError(
      .badInput, "\(folder.path): neither \(older) nor an image_processor in \(newer)",
      remedy: "copy the file from where the model came from; it says how images are resized and normalised")
  }

  private static func json(_ file: URL) throws -> JSONValue? {
    guard FileManager.default.fileExists(atPath: file.path) else { return nil }
    guard let data = try? Data(contentsOf: file) else {
      throw UserError(.inputOutput, "\(file.path) cannot be read", remedy: "check its permissions")
    }
    return try JSONValue(parsing: data, file: file.path)
  }

  private func processor() throws -> any ImageProcessor {
    let type = try text("image_processor_type") ?? text("feature_extractor_type") ?? ""
    let bare = ["Fast", "Pil"].reduce(type) { $0.hasSuffix($1) ? String($0.dropLast($1.count)) : $0 }
    switch bare {
    case "Idefics3ImageProcessor", "SmolVLMImageProcessor": return try idefics3()
    case "CLIPImageProcessor", "CLIPFeatureExtractor", "LlavaImageProcessor":
      switch original?["image_aspect_ratio"]?.string {
      case nil: return try clip(isPadded: bare == "LlavaImageProcessor" && flag("do_pad", false))
      case "pad": return try clip(isPadded: true)
      case "anyres":
        return try next(
          grid(original?["image_grid_pinpoints"], .widthFirst, key: "image_grid_pinpoints of config.json"))
      case "square": return try clip(isPadded: false)
      case let other?:
        throw failure("image_aspect_ratio \"\(other)\" of config.json is not known; pad, square and anyres are")
      }
    case "LlavaNextImageProcessor":
      return try next(grid(value("image_grid_pinpoints"), .heightFirst, key: "image_grid_pinpoints"))
    default:
      throw failure(
        "image_processor_type \"\(type)\" is not known; Idefics3, SmolVLM, CLIP, Llava and LlavaNext are")
    }
  }

  private func idefics3() throws -> any ImageProcessor {
    let (standard, tile) = (4 * 364, 364)
    let size = try flag("do_resize", true) ? size("size") ?? .longestEdge(standard) : nil
    let side: Int
    switch try self.size("max_image_size") {
    case nil: side = tile
    case .longestEdge(let given)?: side = given
    default: throw failure("max_image_size has no longest_edge")
    }
    return try located {
      try Idefics3ImageProcessor(
        size: size, tileSide: side, isSplitting: flag("do_image_splitting", true), filter: filter(.lanczos),
        scaling: scaling(mean: [0.5, 0.5, 0.5], deviation: [0.5, 0.5, 0.5]))
    }
  }

  private func clip(isPadded: Bool) throws -> LLaVAImageProcessor {
    let size = try flag("do_resize", true) ? size("size", number: TargetSize.shortestEdge) ?? .shortestEdge(224) : nil
    var crop: PixelSize?
    if try flag("do_center_crop", true) {
      switch try self.size("crop_size", number: { .exact(PixelSize(width: $0, height: $0)) }) {
      case nil: crop = PixelSize(width: 224, height: 224)
      case .exact(let given)?: crop = given
      default: throw failure("crop_size has no height and width")
      }
    }
    return try located {
      try LLaVAImageProcessor(
        size: size, crop: crop, isPadded: isPadded, filter: filter(.bicubic),
        scaling: scaling(
          mean: [0.48145466, 0.4578275, 0.40821073], deviation: [0.26862954, 0.26130258, 0.27577711]))
    }
  }

  private func next(_ grid: TileGrid) throws -> any ImageProcessor {
    let each = try clip(isPadded: false)
    return try located { try LLaVANextImageProcessor(grid: grid, each: each) }
  }

  private func grid(_ value: JSONValue?, _ order: TileGrid.PairOrder, key: String) throws -> TileGrid {
    guard let value, !value.isNull else { return .standard }
    guard let grid = TileGrid(pinpoints: value, order) else {
      let pair = order == .heightFirst ? "[height, width]" : "[width, height]"
      throw failure("\(key) is not a list of \(pair) in pixels")
    }
    return grid
  }

  // MARK: Values

  private func value(_ key: String) -> JSONValue? { values[key].flatMap { $0.isNull ? nil : $0 } }

  private func text(_ key: String) throws -> String? {
    guard let value = value(key) else { return nil }
    guard let text = value.string else { throw failure("\(key) is not a string") }
    return text
  }

  private func flag(_ key: String, _ standard: Bool) throws -> Bool {
    guard let value = value(key) else { return standard }
    guard let flag = value.bool else { throw failure("\(key) is neither true nor false") }
    return flag
  }

  private func filter(_ standard: ResamplingFilter) throws -> ResamplingFilter {
    guard let value = value("resample") else { return standard }
    guard let filter = value.integer.flatMap(ResamplingFilter.init) else {
      throw failure("resample is none of Pillow's filters, 0 to 5")
    }
    return filter
  }

  /// A size as a dictionary, or as the number that older files have.
  private func size(_ key: String, number: (Int) -> TargetSize = TargetSize.longestEdge) throws -> TargetSize? {
    guard let value = value(key) else { return nil }
    func side(_ name: String) throws -> Int? {
      guard let found = name.isEmpty ? value : value[name], !found.isNull else { return nil }
      guard let side = found.integer, (1...16_384).contains(side) else {
        throw failure("\(name.isEmpty ? key : "\(key).\(name)") is not a number of pixels from 1 to 16384")
      }
      return side
    }
    if value.object == nil { return try side("").map(number) }
    if let side = try side("longest_edge") {
      guard value["shortest_edge"].map(\.isNull) ?? true else { throw failure("\(key) names two edges") }
      return .longestEdge(side)
    }
    if let side = try side("shortest_edge") { return .shortestEdge(side) }
    guard let height = try side("height"), let width = try side("width") else {
      throw failure("\(key) has neither longest_edge, shortest_edge, nor height and width")
    }
    return .exact(PixelSize(width: width, height: height))
  }

  private func scaling(mean: [Double], deviation: [Double]) throws -> PixelScaling {
    var scaling = PixelScaling(rescale: nil)
    if try flag("do_rescale", true) {
      scaling.rescale = 1.0 / 255
      if let value = value("rescale_factor") {
        guard let factor = value.number, factor > 0 else { throw failure("rescale_factor is not a positive number") }
        scaling.rescale = factor
      }
    }
    guard try flag("do_normalize", true) else { return scaling }
    let mean = try colours("image_mean") ?? mean
    let deviation = try colours("image_std") ?? deviation
    guard !deviation.contains(where: { Float($0) == 0 }) else { throw failure("image_std holds a 0") }
    scaling.normalisation = .init(mean: mean, deviation: deviation)
    return scaling
  }

  /// Three numbers, or one for all three colours.
  private func colours(_ key: String) throws -> [Double]? {
    guard let value = value(key) else { return nil }
    if let number = value.number { return [number, number, number] }
    let numbers = value.array?.compactMap(\.number) ?? []
    guard numbers.count == 3, value.array?.count == 3 else { throw failure("\(key) is not a list of three numbers") }
    return numbers
  }

  private func failure(_ what: String) -> UserError {
    UserError(.badInput, "\(name): \(what)", remedy: "use the file that belongs to the model, or correct it")
  }

  /// What a processor refuses, with the file in front.
  private func located<T>(_ body: () throws -> T) throws -> T {
    do { return try body() } catch let error as UserError {
      guard !error.message.hasPrefix(name) else { throw error }
      throw UserError(error.kind, "\(name): \(error.message)", remedy: error.remedy)
    }
  }
}
