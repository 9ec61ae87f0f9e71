import Foundation
import Mustache
import Tensors

/// The HTML of a report: one file, well-formed as XML too, without scripts and without anything from elsewhere.
///
/// Its content security policy forbids scripts and every request, so that neither a mistake here nor a text from a run's
/// files can make the page reach out.
struct PageTemplate {
  private let library: MustacheLibrary

  init() throws {
    do {
      library = MustacheLibrary(
        templates: try Self.texts.mapValues { try MustacheTemplate(string: $0) })
    } catch {
      throw UserError(.internalFault, "the template of the report page cannot be read: \(error)")
    }
  }

  /// - Throws: `UserError` (internal fault) where the template is not there.
  func html(_ content: PageContent) throws -> String {
    guard let html = library.render(Page(content: content, styleSheet: PageStyle.text), withTemplate: "page") else {
      throw UserError(.internalFault, "the report page has no template")
    }
    return Self.legible(html)
  }

  private struct Page {
    var content: PageContent
    var styleSheet: String
  }

  /// Characters that neither HTML nor XML may hold, as a damaged file may, become the mark of an unknown one.
  static func legible(_ text: String) -> String {
    func isAllowed(_ scalar: Unicode.Scalar) -> Bool {
      switch scalar.value {
      case 0x09, 0x0A, 0x0D: true
      case ..<0x20, 0x7F..<0xA0, 0xFFFE, 0xFFFF: false
      default: true
      }
    }
    guard text.unicodeScalars.contains(where: { !isAllowed($0) }) else { return text }
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars { result.append(isAllowed(scalar) ? scalar : "\u{FFFD}") }
    return String(result)
  }

  private static let texts = [
    "page": page, "block": block, "figure": figure, "table": table, "note": note, "answer": answer,
  ]

  private static let page = ##"""
    <!DOCTYPE html>
    <html lang="en">
    <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="color-scheme" content="light dark" />
    <meta name="referrer" content="no-referrer" />
    <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:" />
    <link rel="icon" href="data:," />
    <title>{{content.title}}</title>
    <style>
    {{{styleSheet}}}
    </style>
    </head>
    <body>
    {{#content}}
    <a class="skip" href="#report">To the report</a>
    <header class="masthead">
    <p class="kicker">{{kicker}}</p>
    <h1>{{title}}</h1>
    <p class="status">{{status}}</p>
    <dl class="headlines">
    {{#headlines}}
    <div><dt>{{label}}</dt><dd><span class="value">{{value}}</span><span class="detail">{{detail}}</span></dd></div>
    {{/headlines}}
    </dl>
    <nav aria-label="Contents"><ul>
    {{#sections}}
    <li><a href="#{{id}}">{{heading}}</a></li>
    {{/sections}}
    </ul></nav>
    </header>
    <main id="report">
    {{#sections}}
    <section id="{{id}}" aria-labelledby="{{id}}-heading">
    <h2 id="{{id}}-heading">{{heading}}</h2>
    {{#lead}}
    <p class="lead">{{.}}</p>
    {{/lead}}
    {{#blocks}}
    {{>block}}
    {{/blocks}}
    </section>
    {{/sections}}
    </main>
    <footer><p>{{colophon}}</p></footer>
    {{/content}}
    </body>
    </html>

    """##

  private static let block = ##"""
    {{#facts}}
    <dl class="facts">
    {{#items}}
    <div><dt>{{term}}</dt><dd>{{value}}{{#remark}}<span class="remark">{{.}}</span>{{/remark}}</dd></div>
    {{/items}}
    </dl>
    {{/facts}}
    {{#figures}}
    <div class="figures">
    {{#items}}
    {{>figure}}
    {{/items}}
    </div>
    {{/figures}}
    {{#wide}}
    <div class="wide">
    {{>figure}}
    </div>
    {{/wide}}
    {{#table}}
    {{>table}}
    {{/table}}
    {{#note}}
    {{>note}}
    {{/note}}
    {{#answers}}
    <div class="answers">
    {{#items}}
    {{>answer}}
    {{/items}}
    </div>
    {{/answers}}
    {{#fold}}
    <details>
    <summary>{{label}}</summary>
    {{#tables}}
    {{>table}}
    {{/tables}}
    {{#verbatim}}
    <div class="scroll" tabindex="0" role="region" aria-label="{{label}}"><pre>{{.}}</pre></div>
    {{/verbatim}}
    </details>
    {{/fold}}
    """##

  private static let figure = ##"""
    <figure id="{{id}}" aria-labelledby="{{id}}-name">
    <h3 id="{{id}}-name">{{name}}{{#reading}} <span class="reading">{{.}}</span>{{/reading}}</h3>
    <div class="drawing">{{{drawing}}}</div>
    {{#legend}}
    <ul class="legend">
    {{#items}}
    <li><span class="mark {{style}}"></span>{{label}}</li>
    {{/items}}
    </ul>
    {{/legend}}
    {{#caption}}
    <figcaption>{{.}}</figcaption>
    {{/caption}}
    </figure>
    """##

  private static let table = ##"""
    <div class="scroll" tabindex="0" role="region" aria-label="{{summary}}">
    <table>
    <caption>{{summary}}</caption>
    <thead><tr>
    {{#columns}}
    <th scope="col" class="{{kind}}">{{title}}</th>
    {{/columns}}
    </tr></thead>
    <tbody>
    {{#rows}}
    <tr class="{{weight}}"><th scope="row">{{label}}</th>{{#cells}}<td class="{{align}}">{{content}}{{#aside}} <span class="aside">{{.}}</span>{{/aside}}</td>{{/cells}}</tr>
    {{/rows}}
    </tbody>
    </table>
    </div>
    """##

  private static let note = ##"""
    <div class="note {{kind}}"><p>{{message}}</p>{{#remedy}}<p class="remedy">{{.}}</p>{{/remedy}}</div>
    """##

  private static let answer = ##"""
    <article class="answer {{style}}">
    <h3>{{record}} <span class="verdict">{{verdict}}</span></h3>
    <div class="drawing">{{{drawing}}}</div>
    <dl>
    <div><dt>Truth</dt><dd>{{truth}}</dd></div>
    {{#replies}}
    <div><dt>{{speaker}}</dt><dd>{{words}}</dd></div>
    {{/replies}}
    </dl>
    </article>
    """##
}
