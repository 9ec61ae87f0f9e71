import Cardiology
import Corpus
import Evaluation
import Models
import Tensors
import Training

extension ModelBlueprint {
  /// Whether questions about several ECGs can be put to it: Idefics3 is trained on several images a question, but not in
  /// the built-in models' form of question.
  var readsSeveralImages: Bool { configuration is Idefics3Configuration && !isAskedInBuiltInForm }

  /// A picture as the model is given it and asked about it, whatever was drawn on it.
  /// - Throws: `UserError` (usage) for a model that sees recordings as signals; as `conversationSide`.
  func readable(_ picture: RasterImage, name: String) throws -> ReadableImage {
    guard viewName == "image" else {
      throw UserError(
        .usage, "\(name) is a picture, and the model sees recordings as \(viewName)",
        remedy: "name a WFDB record, or use a model of the image view")
    }
    let side = try conversationSide()
    let shown = try side.processor.process(picture)
    // A model in this program's own form keeps its form of question, which does not depend on the picture.
    let prompt: any QuestionPrompt =
      shown.geometry.tiles == 1 && isAskedInBuiltInForm
      ? try self.side.prompt : try TemplatePrompt(side.prompt, image: shown.geometry)
    return ReadableImage(pixels: shown.pixels, geometry: shown.geometry, prompt: prompt)
  }
}
