import Corpus
import Foundation
import Tensors

/// preprocessor_config.json: Idefics3's keys, and the view this program feeds the model with.
enum PreprocessorSettings {
  static let fileName = "preprocessor_config.json"
  private static let viewKey = "ecg_view"

  static func json(imageSize: Int, view: String, normalisation: PixelScaling.Normalisation) throws -> Data {
    try text([
      "image_processor_type": "Idefics3ImageProcessor", "processor_class": "Idefics3Processor",
      "do_convert_rgb": true, "do_image_splitting": false, "do_normalize": true, "do_pad": true,
      "do_rescale": true, "do_resize": true, "image_mean": normalisation.mean, "image_std": normalisation.deviation,
      "max_image_size": ["longest_edge": imageSize], "resample": 1, "rescale_factor": 1.0 / 255.0,
      "size": ["longest_edge": imageSize], viewKey: view,
    ])
  }

  /// The view a folder was made for; nil where it does not say.
  static func view(in folder: URL) throws -> String? { try object(in: folder)?[viewKey] as? String }

  /// Adds the view to a folder's settings, everything else as it stands; a folder without settings gets those of
  /// `json(imageSize:view:normalisation:)`.
  static func name(_ view: String, in folder: URL, imageSize: Int) throws {
    let settings: Data
    if var object = try object(in: folder) {
      object[viewKey] = view
      settings = try text(object)
    } else {
      settings = try json(imageSize: imageSize, view: view, normalisation: .idefics3)
    }
    try settings.write(to: folder.appendingPathComponent(fileName), options: .atomic)
  }

  private static func object(in folder: URL) throws -> [String: Any]? {
    let url = folder.appendingPathComponent(fileName)
    guard let data = try? Data(contentsOf: url) else { return nil }
    guard let object = try? JSONSerialization.jsonObject(with: data) as? [String: Any] else {
      throw UserError(.badInput, "\(url.path) is not a JSON object", remedy: "copy the model's folder again")
    }
    return object
  }

  private static func text(_ object: [String: Any]) throws -> Data {
    try JSONSerialization.data(withJSONObject: object, options: [.prettyPrinted, .sortedKeys])
  }
}
