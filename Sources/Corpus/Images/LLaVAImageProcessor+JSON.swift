import Tensors

extension LLaVAImageProcessor {
  /// The keys of preprocessor_config.json, as transformers reads them.
  public var fields: [String: JSONValue] {
    var fields: [String: JSONValue] = [
      "image_processor_type": .string(isPadded ? "LlavaImageProcessor" : "CLIPImageProcessor"),
      "do_resize": .bool(size != nil), "do_center_crop": .bool(isCropped), "do_convert_rgb": .bool(true),
      "crop_size": tile.value, "resample": .integer(filter.rawValue),
      "do_rescale": .bool(scaling.rescale != nil), "do_normalize": .bool(scaling.normalisation != nil),
    ]
    if isPadded { fields["do_pad"] = .bool(true) }
    if let factor = scaling.rescale { fields["rescale_factor"] = .number(factor) }
    if let normalisation = scaling.normalisation {
      fields["image_mean"] = .array(normalisation.mean.map { .number($0) })
      fields["image_std"] = .array(normalisation.deviation.map { .number($0) })
    }
    switch size {
    case .longestEdge(let side): fields["size"] = .object(["longest_edge": .integer(side)])
    case .shortestEdge(let side): fields["size"] = .object(["shortest_edge": .integer(side)])
    case .exact(let size): fields["size"] = size.value
    case nil: break
    }
    return fields
  }
}

extension LLaVANextImageProcessor {
  /// The keys of preprocessor_config.json, as transformers reads them.
  public var fields: [String: JSONValue] {
    each.fields.merging([
      "image_processor_type": .string("LlavaNextImageProcessor"), "do_pad": .bool(true),
      "image_grid_pinpoints": grid.pinpoints,
    ]) { $1 }
  }
}

extension PixelSize {
  fileprivate var value: JSONValue { .object(["height": .integer(height), "width": .integer(width)]) }
}
