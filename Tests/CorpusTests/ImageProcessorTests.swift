import Cardiology
import Foundation
import TestSupport
import Tensors
import Testing

@testable import Corpus

@Suite struct ImageProcessorTests {
  private func processor(_ settings: Data, as name: String = "preprocessor_config.json") throws -> any ImageProcessor {
    try withTemporaryFolder { folder in
      try settings.write(to: folder.appendingPathComponent(name))
      return try ImageProcessorFile.processor(in: folder)
    }
  }

  private func processor(_ settings: String, config: String? = nil) throws -> any ImageProcessor {
    try withTemporaryFolder { folder in
      try Data(settings.utf8).write(to: folder.appendingPathComponent("preprocessor_config.json"))
      if let config { try Data(config.utf8).write(to: folder.appendingPathComponent("config.json")) }
      return try ImageProcessorFile.processor(in: folder)
    }
  }

  @Test func pixelsAreThoseOfTransformers() throws {
    let recorded = try RecordedImages.load()
    let processors = try RecordedImages.settings().map { try processor($0) }
    #expect(processors.count == 11 && recorded.cases.count > 100)
    for made in recorded.cases {
      let image = RasterImage.picture(width: made.width, height: made.height, seed: made.seed)
      let result = try processors[made.processor].process(image)
      let geometry = result.geometry
      #expect([geometry.tiles, 3, geometry.tile.height, geometry.tile.width] == made.shape, "\(made)")
      #expect(Array(result.pixels.prefix(3)) == made.first, "\(made)")
      #expect(digest(result.pixels) == made.sha256, "\(made)")
      #expect(geometry.original == PixelSize(width: made.width, height: made.height))
      if let text = made.text_sha256 {
        #expect(geometry.rows == made.rows && geometry.columns == made.columns, "\(made)")
        #expect(made.full == true && geometry.extents.allSatisfy { $0 == geometry.tile })
        let tokens = ImageTokens.idefics3(perTile: 3)
        #expect(Digest.sha256(Data(tokens.text(of: geometry).utf8)) == text, "\(made)")
        #expect(tokens.count(of: geometry) == made.tokens)
      } else if let count = made.tokens {
        let tokens = ImageTokens.llavaNext(patch: 8)
        #expect(tokens.count(of: geometry) == count, "\(made)")
        #expect(tokens.text(of: geometry) == String(repeating: "<image>", count: count))
      }
    }
  }

  @Test func theNewerFileIsReadToo() throws {
    let settings = try JSONSerialization.jsonObject(with: RecordedImages.settings()[0])
    let nested = try JSONSerialization.data(withJSONObject: ["image_processor": settings, "image_seq_len": 64])
    let made = try processor(nested, as: "processor_config.json")
    #expect(made.settings == (try processor(RecordedImages.settings()[0])).settings)
  }

  @Test(.enabled(if: SharedFiles.has("cases/models/tiny_idefics3/preprocess.safetensors")))
  func theFixtureOfIdefics3IsMet() throws {
    let folder = SharedFiles.url("cases/models/tiny_idefics3")
    let file = try SafetensorsFile(contentsOf: folder.appendingPathComponent("preprocess.safetensors"))
    let shape = try file.entry("in.image_hwc_u8").shape
    let expected: Tensor<Float> = try file.tensor("out.pixel_values")
    let image = RasterImage(
      width: shape[1], height: shape[0], pixels: try file.integers("in.image_hwc_u8").map { UInt8($0) })
    let made = try ImageProcessorFile.processor(in: folder).process(image)
    #expect(expected.shape == [1, made.geometry.tiles, 3, 96, 96])
    #expect(made.pixels == expected.array)
  }

  @Test func llavasOwnCheckpointsKeepTheirAspectInConfigJSON() throws {
    let clip = #"{"image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": 48}, "crop_size": 48}"#
    let padded = try processor(clip, config: #"{"image_aspect_ratio": "pad"}"#)
    #expect((padded as? LLaVAImageProcessor)?.isPadded == true)
    let tiled = try processor(
      clip, config: #"{"image_aspect_ratio": "anyres", "image_grid_pinpoints": [[96, 48], [48, 96]]}"#)
    let wide = PixelSize(width: 300, height: 100)
    #expect((tiled as? LLaVANextImageProcessor)?.bestResolution(for: wide) == PixelSize(width: 96, height: 48))
    let error = #expect(throws: UserError.self) { try processor(clip, config: #"{"image_aspect_ratio": "round"}"#) }
    #expect(error?.message.contains("round") == true)
    #expect((try processor(clip, config: #"{"model_type": "llava"}"#) as? LLaVAImageProcessor)?.isPadded == false)
  }

  /// A folder of LLaVA's own code without a processor's file is given CLIP's, at the size of its tower; as a file it is
  /// the same processor again.
  @Test func llavasOwnFoldersHaveTheProcessorOfTheirTower() throws {
    let clip =
      #"{"image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": 48}, "resample": 3, "#
      + #""crop_size": {"height": 48, "width": 48}, "image_mean": [0.48145466, 0.4578275, 0.40821073], "#
      + #""image_std": [0.26862954, 0.26130258, 0.27577711]}"#
    for config in [
      "{}", #"{"image_aspect_ratio": "pad"}"#,
      #"{"image_aspect_ratio": "anyres", "image_grid_pinpoints": [[144, 48], [48, 96]]}"#,
    ] {
      let made = try withTemporaryFolder { folder in
        try Data(config.utf8).write(to: folder.appendingPathComponent("config.json"))
        #expect(throws: UserError.self) { try ImageProcessorFile.processor(in: folder) }
        return try ImageProcessorFile.processor(in: folder, towerSide: 48)
      }
      #expect(made.settings == (try processor(clip, config: config)).settings, "\(config)")
      let fields = try #require((made as? LLaVAImageProcessor)?.fields ?? (made as? LLaVANextImageProcessor)?.fields)
      #expect(try processor(JSONValue.object(fields).text()).settings == made.settings, "\(config)")
    }
  }

  @Test(arguments: [
    (#"{"image_processor_type": "ViTImageProcessor"}"#, "ViTImageProcessor"),
    (#"{}"#, "image_processor_type"),
    (#"{"image_processor_type": "Idefics3ImageProcessor", "resample": 9}"#, "resample"),
    (#"{"image_processor_type": "Idefics3ImageProcessor", "size": {"longest_edge": 0}}"#, "size.longest_edge"),
    (#"{"image_processor_type": "Idefics3ImageProcessor", "size": {"shortest_edge": 9}}"#, "shortest edge"),
    (#"{"image_processor_type": "Idefics3ImageProcessor", "size": {}}"#, "size"),
    (#"{"image_processor_type": "Idefics3ImageProcessor", "do_resize": "yes"}"#, "do_resize"),
    (#"{"image_processor_type": "Idefics3ImageProcessor", "image_mean": [1, 2]}"#, "image_mean"),
    (#"{"image_processor_type": "Idefics3ImageProcessor", "image_std": [1, 0, 1]}"#, "image_std"),
    (#"{"image_processor_type": "Idefics3ImageProcessor", "rescale_factor": -1}"#, "rescale_factor"),
    (#"{"image_processor_type": "CLIPImageProcessor", "do_center_crop": false}"#, "do_center_crop"),
    (#"{"image_processor_type": "CLIPImageProcessor", "size": {"longest_edge": 20}}"#, "longest edge"),
    (#"{"image_processor_type": "LlavaNextImageProcessor", "image_grid_pinpoints": [[1]]}"#, "image_grid_pinpoints"),
    (#"{"image_processor_type": "LlavaNextImageProcessor", "image_grid_pinpoints": []}"#, "image_grid_pinpoints"),
    (#"{"image_processor_type": "LlavaNextImageProcessor", "image_grid_pinpoints": [[224, 230]]}"#, "224 x 230"),
    (#"{"image_processor_type": 7}"#, "image_processor_type"), (#"[]"#, "image_processor_type"), (#"{"#, "JSON"),
  ])
  func wrongSettingsAreNamed(settings: String, word: String) {
    let error = #expect(throws: UserError.self) { try processor(settings) }
    #expect(error?.kind == .badInput, "\(settings)")
    let message = error?.description ?? ""
    #expect(message.contains("preprocessor_config.json") && message.contains(word), "\(message)")
  }

  @Test func aFolderWithoutSettingsIsRefused() throws {
    try withTemporaryFolder { folder in
      let error = #expect(throws: UserError.self) { try ImageProcessorFile.processor(in: folder) }
      #expect(error?.message.contains("preprocessor_config.json") == true)
    }
  }

  @Test func linesOfPixelsAreRefusedInsteadOfFillingMemory() throws {
    let line = RasterImage(width: 300_000, height: 1, pixels: Array(repeating: 0, count: 900_000))
    let clip = #"{"image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": 336}, "crop_size": 336}"#
    let whole = #"{"image_processor_type": "Idefics3ImageProcessor", "do_resize": false}"#
    for (settings, config) in [(clip, nil), (clip, #"{"image_aspect_ratio": "pad"}"#), (whole, nil)] {
      let made = try processor(settings, config: config)
      let error = #expect(throws: UserError.self) { try made.process(line) }
      #expect(error?.message.contains("300000 x 1") == true)
    }
  }

  @Test func aPointOfThePictureIsFoundInItsTile() throws {
    let settings = [
      #"{"image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": 60}, "crop_size": 60, "resample": 2}"#,
      #"{"image_processor_type": "LlavaImageProcessor", "do_pad": true, "size": 60, "crop_size": 60, "resample": 2}"#,
      #"{"image_processor_type": "Idefics3ImageProcessor", "do_image_splitting": false, "max_image_size": {"longest_edge": 60}, "size": {"longest_edge": 90}}"#,
    ]
    // A white spot on black, whose centre of mass is followed into the tile.
    for size in [PixelSize(width: 200, height: 120), PixelSize(width: 120, height: 200)] {
      var pixels = [UInt8](repeating: 0, count: size.width * size.height * 3)
      let (x, y) = (size.width / 2 + 20, size.height / 2 - 15)
      for row in y - 4..<y + 4 {
        for place in (row * size.width + x - 4) * 3..<(row * size.width + x + 4) * 3 { pixels[place] = 255 }
      }
      let image = RasterImage(width: size.width, height: size.height, pixels: pixels)
      for text in settings {
        let processor = try processor(text)
        let tile = try #require(try processor.tiles(of: image).last)
        var (mass, sumX, sumY) = (0.0, 0.0, 0.0)
        for row in 0..<tile.height {
          for column in 0..<tile.width {
            let (red, green, blue) = tile[column, row]
            let value = Double(max(Int(red), Int(green), Int(blue)))
            guard value > 150 else { continue }
            (mass, sumX, sumY) = (
              mass + value, sumX + value * (Double(column) + 0.5), sumY + value * (Double(row) + 0.5)
            )
          }
        }
        let placement = processor.placement(of: size)
        #expect(abs(sumX / mass - (placement.x0 + Double(x) * placement.scaleX)) < 1, "\(text)")
        #expect(abs(sumY / mass - (placement.y0 + Double(y) * placement.scaleY)) < 1, "\(text)")
      }
    }
  }
}

@Suite struct ECGPageTests {
  private func processor(_ splitting: Bool) throws -> Idefics3ImageProcessor {
    try Idefics3ImageProcessor(
      size: .longestEdge(512), tileSide: 128, isSplitting: splitting,
      scaling: PixelScaling(normalisation: .init(mean: [0.5, 0.5, 0.5], deviation: [0.5, 0.5, 0.5])))
  }

  @Test func aPageIsCutAsAnyPictureIs() throws {
    let page = ECGPage(size: PixelSize(width: 1100, height: 850))
    let record = ECGRecord.random(seed: 1)
    let made = try page.process(record, with: processor(true))
    #expect(made.geometry.rows == 4 && made.geometry.columns == 4 && made.geometry.tiles == 17)
    // The same through a file.
    try withTemporaryFolder { folder in
      let file = folder.appendingPathComponent("page.png")
      try page.image(of: record).writePNG(to: file)
      let read = try processor(true).process(ImageFile.read(file))
      #expect(read.pixels == made.pixels)
    }
  }

  @Test func oneTileServesAsAView() throws {
    let view = ECGPageView(
      page: ECGPage(size: PixelSize(width: 1100, height: 850)), processor: try processor(false))
    let pixels = try view.pixelValues(of: .random(seed: 2))
    #expect(view.imageSize == 128 && pixels.count == 3 * 128 * 128)
    #expect(pixels.allSatisfy { (-1...1).contains($0) } && Set(pixels).count > 50)
    let boxes = try #require(view.leadBoxes)
    #expect(boxes.count == 13)
    #expect(boxes.allSatisfy { $0.x >= 0 && $0.x + $0.width <= 128 && (0...128).contains($0.baseline) })
    #expect(view.geometry.tiles == 1)
    let cut = ECGPageView(page: view.page, processor: try processor(true))
    #expect(cut.geometry.tiles == 17 && cut.leadBoxes == nil)
    #expect(try cut.pixelValues(of: .random(seed: 2)).count == 17 * 3 * 128 * 128)
  }
}
