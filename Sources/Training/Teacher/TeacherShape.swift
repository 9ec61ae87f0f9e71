import Corpus
import Models

/// The teacher's numbers that the student's losses depend on, of a model or of what a store says of one.
public struct TeacherShape: Sendable, Equatable {
  /// Dt and Dv.
  public var hiddenWidth: Int
  public var visualWidth: Int
  /// Layers of the decoder.
  public var layers: Int

  public init(_ configuration: any ModelConfiguration) {
    hiddenWidth = configuration.text.hiddenSize
    visualWidth = configuration.text.hiddenSize
    layers = configuration.text.layers
  }

  public init(_ stored: TeacherStoreIndex.Teacher) {
    hiddenWidth = stored.hiddenWidth
    visualWidth = stored.visualWidth
    layers = stored.layers
  }
}
