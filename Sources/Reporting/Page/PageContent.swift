/// What a report page shows, as plain values that `PageTemplate` turns into HTML. Every text is escaped there; only a
/// figure's drawing is markup, made by `SVGDrawing`.
///
/// The template finds values by the names of these members, and the cases of `Block` by theirs.
struct PageContent {
  var title: String
  /// The line above the title.
  var kicker: String
  /// What state the runs are in, one sentence.
  var status: String
  /// The first figures to look at.
  var headlines: [Headline] = []
  var sections: [Section] = []
  /// When and by what the page was made.
  var colophon: String

  /// A large number.
  struct Headline {
    var label: String
    var value: String
    var detail: String
  }

  struct Section {
    /// Letters and hyphens, each once on the page.
    var id: String
    var heading: String
    /// What the section says, in a sentence or two.
    var lead: String?
    var blocks: [Block]
  }

  enum Block {
    case facts(Group<Fact>)
    /// Small figures beside each other, as many in a row as the page is wide.
    case figures(Group<Figure>)
    /// A figure as wide as the page.
    case wide(Figure)
    case table(Table)
    case note(Note)
    case answers(Group<Answer>)
    case fold(Fold)
  }

  /// What stands together in one list.
  struct Group<Item> {
    var items: [Item]

    init(_ items: [Item]) { self.items = items }
  }

  /// A name with its value, and what should be known of it.
  struct Fact {
    var term: String
    var value: String
    var remark: String?
  }

  struct Figure {
    /// Letters, digits and hyphens, each once on the page.
    var id: String
    var name: String
    /// The number the figure is about, where it is about one.
    var reading: String?
    /// A complete `svg` element.
    var drawing: String
    var legend: Group<Key>?
    var caption: String?
  }

  /// One line of a legend: `style` is the class of the mark.
  struct Key {
    var style: String
    var label: String
  }

  struct Table {
    /// Names it for those who cannot see it.
    var summary: String
    var columns: [Column]
    var rows: [Row]

    struct Column {
      var title: String
      var kind: String

      static func text(_ title: String) -> Column { Column(title: title, kind: "text") }
      static func number(_ title: String) -> Column { Column(title: title, kind: "number") }
    }

    struct Row {
      /// The cell that names the row.
      var label: String
      var cells: [Cell]
      /// Class of the row: "strong" for the one that counts, "" for the others.
      var weight = ""
    }

    struct Cell {
      var content: String
      /// Smaller, behind it: an interval.
      var aside: String?
      var align = "number"

      static func number(_ content: String, _ aside: String? = nil) -> Cell { Cell(content: content, aside: aside) }
      static func text(_ content: String, _ aside: String? = nil) -> Cell {
        Cell(content: content, aside: aside, align: "text")
      }
    }
  }

  /// Something that is not there, or should be known.
  struct Note {
    /// "missing", "warning" or "remark".
    var kind: String
    var message: String
    /// How to get what is missing.
    var remedy: String?

    static func missing(_ message: String, _ remedy: String? = nil) -> Note {
      Note(kind: "missing", message: message, remedy: remedy)
    }
    static func warning(_ message: String) -> Note { Note(kind: "warning", message: message) }
    static func remark(_ message: String) -> Note { Note(kind: "remark", message: message) }
  }

  /// A question about a recording, what was said, and the truth.
  struct Answer {
    var record: String
    var verdict: String
    /// "right", "wrong" or "partly".
    var style: String
    var truth: String
    /// A drawing of the recording or of probabilities; markup.
    var drawing: String
    var replies: [Reply]

    struct Reply {
      var speaker: String
      var words: String
    }
  }

  /// Text that is shown when asked for.
  struct Fold {
    var label: String
    var tables: [Table] = []
    var verbatim: String?
  }
}
