import CCrypto
import Foundation

/// SHA-256 digests (FIPS 180-4), as `sha256sum` prints them.
public struct Digest {
  private let context: OpaquePointer?

  /// An empty digest to feed with `update`.
  public init() {
    context = EVP_MD_CTX_new()
    EVP_DigestInit_ex(context, EVP_sha256(), nil)
  }

  public mutating func update(_ bytes: UnsafeRawBufferPointer) {
    EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
  }

  public mutating func update(_ data: Data) { data.withUnsafeBytes { update($0) } }

  public mutating func update<Element: TensorElement>(_ tensor: Tensor<Element>) {
    tensor.withUnsafeMutableBufferPointer { update(UnsafeRawBufferPointer($0)) }
  }

  /// The digest in hexadecimal; the value may not be used afterwards.
  public consuming func finish() -> String {
    var bytes = [UInt8](repeating: 0, count: 32)
    EVP_DigestFinal_ex(context, &bytes, nil)
    EVP_MD_CTX_free(context)
    return bytes.map { String(format: "%02x", $0) }.joined()
  }

  public static func sha256(_ data: Data) -> String {
    var digest = Digest()
    digest.update(data)
    return digest.finish()
  }

  /// Digest of a file, read in pieces of 4 MB. - Throws: `UserError` (input/output) when it cannot be read.
  public static func sha256(fileAt url: URL) throws -> String {
    guard let file = try? FileHandle(forReadingFrom: url) else {
      throw UserError(.inputOutput, "\(url.path) cannot be opened", remedy: "check that it exists and may be read")
    }
    defer { try? file.close() }
    var digest = Digest()
    do {
      while let piece = try file.read(upToCount: 4 << 20), !piece.isEmpty { digest.update(piece) }
    } catch {
      throw UserError(.inputOutput, "\(url.path) cannot be read: \(error)")
    }
    return digest.finish()
  }
}
