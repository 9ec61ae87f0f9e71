import Foundation
import FoundationXML

/// A page read by an XML parser: its elements, in order, with their attributes and the text before the next one.
final class PageReader: NSObject, XMLParserDelegate {
  struct Element {
    var name: String
    var attributes: [String: String]
    var text = ""
  }

  private(set) var elements: [Element] = []
  /// All text outside of the style sheet.
  private(set) var text = ""
  private(set) var problem: String?
  private var open: [Int] = []

  init(_ html: String) {
    super.init()
    let parser = XMLParser(data: Data(html.utf8))
    parser.delegate = self
    if !parser.parse() {
      problem = "line \(parser.lineNumber): \(parser.parserError.map { "\($0)" } ?? "not well-formed")"
    }
  }

  func parser(
    _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
    attributes: [String: String]
  ) {
    open.append(elements.count)
    elements.append(Element(name: name, attributes: attributes))
  }

  func parser(_ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?) {
    open.removeLast()
  }

  func parser(_ parser: XMLParser, foundCharacters string: String) {
    guard let last = open.last else { return }
    elements[last].text += string
    if elements[last].name != "style" { text += string }
  }

  func all(_ name: String) -> [Element] { elements.filter { $0.name == name } }

  /// Values of an attribute, wherever it stands.
  func values(_ attribute: String) -> [String] { elements.compactMap { $0.attributes[attribute] } }
}
