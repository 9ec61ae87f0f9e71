import Testing

/// The rules themselves, on made-up files: each breach is found, at its line, and what only looks like one is not.
@Suite struct SourceRulesTests {
  private let rules = SourceRules()

  private func found(_ text: String, in target: String = "Models") -> [String] {
    rules.violations(path: "Sources/\(target)/A.swift", text: text).map { "\($0.line) \($0.what)" }
  }

  @Test(arguments: [
    ("import Foundation\nimport Training\n", "2 Models may not import Training"),
    ("@testable import Corpus", "1 Models may not import Corpus"),
    ("@_exported public import struct Reporting.Page", "1 Models may not import Reporting"),
    ("import\n  Evaluation", "2 Models may not import Evaluation"),
    ("import Yams", "1 Models may not import Yams"),
    ("import Accelerate", "1 Accelerate is no module that the house knows"),
    ("/* import A /* import B */ */ import Distillation", "1 Models may not import Distillation"),
  ])
  func anImportUpwardsIsFound(text: String, violation: String) {
    #expect(found(text) == [violation])
  }

  @Test(arguments: [
    ("import Autograd\nimport Tensors\n@preconcurrency import Foundation", "Models"),
    ("import Tensors", "Reporting"), ("import Yams", "Experiments"),
    ("import ArgumentParser\nimport Training\nimport CCairo", "EvlDist"),
    ("// import Training\n/* import Training */", "Models"), ("let s = \"import Training\"", "Models"),
    ("let s = \"\"\"\n  import Training\n  \"quoted\" import Yams\n  \"\"\"", "Models"),
    ("let s = #\"a \" import Training \\(x)\"#", "Models"),
    ("let r = /\"[^\"]/\nlet t = \"import Training\"", "Models"),
    ("`import`(Training)", "Models"),
  ])
  func anImportDownwardsOrInTextIsNone(text: String, target: String) {
    #expect(found(text, in: target) == [])
  }

  @Test func aTargetWithoutAPlaceIsFound() {
    #expect(found("import Foundation", in: "Helpers") == ["1 the target Helpers has no place in the house"])
  }

  @Test(arguments: [
    "UnsafeMutablePointer<Float>", "UnsafePointer<Float>", "UnsafeRawBufferPointer", "a.withUnsafeBytes { _ in }",
    "withUnsafeTemporaryAllocation", "unsafeBitCast(a, to: B.self)", "OpaquePointer", "Unmanaged.passRetained(a)",
  ])
  func anUnsafePointerIsFoundWhereItIsNotAtHome(text: String) {
    #expect(found("let a = \(text)").count == 1)
    #expect(found("let a = \(text)", in: "Tensors") == [])
    #expect(found("let a = \(text)", in: "Cluster") == [])
    #expect(found("// \(text)\nlet a = \"\(text)\"") == [])
    let exempt = SourceRules(pointerFiles: ["Sources/Models/A.swift"])
    #expect(exempt.violations(path: "Sources/Models/A.swift", text: "let a = \(text)") == [])
  }

  @Test func stateOutsideOfIsolationIsFoundEverywhere() {
    #expect(found("nonisolated(unsafe) var count = 0", in: "Tensors") == ["1 state outside of any isolation"])
  }

  @Test(arguments: [
    ("fatalError(\"no\")", "1 fatalError( traps"), ("let a = try! f()", "1 try! traps"), ("b as! C", "1 as! traps"),
    ("print(\"\\(try! f())\")", "1 try! traps"), ("a /\n b\nlet c = d as! E", "3 as! traps"),
  ])
  func aTrapIsFound(text: String, violation: String) {
    #expect(found(text) == [violation])
  }

  @Test(arguments: [
    "let a = try? f()", "let a = b as? C", "if !(a as Bool) {}", "// fatalError(", "/// try! f()\nlet a = \"as! x\"",
    "guard try f() != 0 else { return }", "repeat {} while try !f()",
  ])
  func whatDoesNotTrapIsNone(text: String) {
    #expect(found(text) == [])
  }

  @Test(arguments: ["TODO", "FIXME", "XXX", "HACK"])
  func unfinishedWorkIsFoundInComments(mark: String) {
    #expect(found("let a = 1\n// \(mark): later") == ["2 \(mark) marks unfinished work"])
    #expect(found("let my\(mark)list = 1") == [])
  }

  @Test func aLongFileIsFound() {
    #expect(rules.length(path: "A.swift", text: String(repeating: "\n", count: 400)) == [])
    #expect(rules.length(path: "A.swift", text: String(repeating: "\n", count: 400) + "x").count == 1)
  }

  @Test func aLongFunctionIsFound() {
    func text(_ lines: Int) -> String {
      "struct A {\n  func f(\n    a: Int\n  ) {\n" + String(repeating: "    a()\n", count: lines - 4)
        + "  }\n  func g() { b() }\n}\n"
    }
    #expect(rules.functionLengths(path: "A.swift", text: text(60)) == [])
    #expect(rules.functionLengths(path: "A.swift", text: text(61)).map(\.line) == [2])
    let required = "protocol P {\n  func f()\n  func g()\n}\n" + String(repeating: "let a = 1\n", count: 80) + "}\n"
    #expect(rules.functionLengths(path: "A.swift", text: required) == [])
  }

  @Test func aPublicTypeWithoutDocumentationIsFound() {
    #expect(found("public struct A {}") == ["1 A has no documentation"])
    #expect(found("/// Done.\n\npublic final class A {}") == ["3 A has no documentation"])
    #expect(
      found(
        "/// Done.\n@frozen\npublic struct A {}\n/// B.\n@frozen public enum B {\n  public enum C {}\n}\nstruct D {}")
        == [])
  }

  @Test func theManifestIsHeldAgainstTheHouse() {
    let house = House(targets: [.init(name: "Low", mayImport: []), .init(name: "High", mayImport: ["Low"])])
    let small = SourceRules(house: house)
    #expect(small.manifestViolations("layer(\"Low\", []),\nlayer(\"High\", [\"Low\", yams])") == [])
    let wrong = small.manifestViolations("layer(\"Low\", [\"High\"]),").map(\.what)
    #expect(wrong == ["Low may not depend on High", "High is not declared"])
  }

  @Test func anArrowUpwardsInTheHouseIsFound() {
    let house = House(targets: [.init(name: "Low", mayImport: ["High"]), .init(name: "High", mayImport: ["Low"])])
    #expect(house.wrongArrows == ["Low -> High"])
    #expect(House.ours.reach(of: "Reporting").isSuperset(of: ["Tensors", "CCairo", "CMPI", "Models"]))
    #expect(!House.ours.reach(of: "Models").contains("Cardiology"))
  }

  @Test func textKeepsLinesAndInterpolations() {
    let tokens = SwiftText("a /* \n */ b\n\"x \\(c(\"\\(d)\") + e) y\" f / g / h").tokens
    #expect(tokens.map(\.text).filter { $0.first?.isLetter == true } == ["a", "b", "c", "d", "e", "f", "g", "h"])
    #expect(tokens.first { $0.text == "b" }?.line == 2)
    #expect(tokens.last?.line == 3)
  }

  @Test func anyTextIsRead() {
    for text in ["\"", "\"\\(", "/*", "#\"", "\"\"\"", "/", "#/", "\\", "\"\\", "import", "a = /\\", ")", "\"\\())"] {
      _ = found(text)
    }
  }
}
