extension ChatTemplate {
  /// The template in the language Jinja, as model folders hold it: it writes what a model is trained on, answers with what
  /// ends them.
  ///
  /// A message's content may be a text, in which `<image>` marks images, or a list of parts of type `text` and `image`.
  /// Images come before the text, and white space at both ends of a text is dropped, as where conversations are read. All
  /// on one line, so that nothing depends on how an engine trims blocks.
  public var jinja: String {
    let mark = ImageTokens.mark
    let image = Self.literal(mark + afterImage)
    return Self.written(opening)
      + (systemIsInQuestion ? "{% set held = namespace(system='') %}" : "")
      + "{% for message in messages %}{% set content = message['content'] %}"
      + "{% if content is string %}{% set images = content.split('\(mark)') | length - 1 %}"
      + "{% set text = content | replace('\(mark)', '') | trim %}"
      + "{% else %}{% set images = content | selectattr('type', 'equalto', 'image') | list | length %}"
      + "{% set text = content | selectattr('type', 'equalto', 'text') | map(attribute='text') | join | trim %}{% endif %}"
      + "{% if message['role'] == 'system' %}"
      + (systemIsInQuestion
        ? "{% set held.system = \(Self.literal(systemOpening)) + text + \(Self.literal(systemClosing)) %}"
        : Self.written(systemOpening) + "{{ text }}" + Self.written(systemClosing))
      + "{% elif message['role'] == 'assistant' %}" + Self.written(answerOpening + beforeAnswer) + "{{ text }}"
      + Self.written(end + answerClosing)
      + "{% else %}" + Self.written(userOpening)
      + (systemIsInQuestion ? "{{ held.system }}{% set held.system = '' %}" : "")
      + "{{ \(image) * images }}"
      + (beforeText.isEmpty ? "" : "{% if images == 0 %}\(Self.written(beforeText)){% endif %}")
      + "{{ text }}" + Self.written(userClosing) + "{% endif %}{% endfor %}"
      + (answerOpening.isEmpty ? "" : "{% if add_generation_prompt %}\(Self.written(answerOpening)){% endif %}")
  }

  /// An expression that writes a text; nothing for the empty one.
  private static func written(_ text: String) -> String { text.isEmpty ? "" : "{{ \(literal(text)) }}" }

  private static func literal(_ text: String) -> String {
    let escaped = text.replacing("\\", with: "\\\\").replacing("'", with: "\\'").replacing("\n", with: "\\n")
    return "'\(escaped)'"
  }
}
