extension ChatTemplate {
  /// `vicuna` in the language Jinja, for folders that this program converts. Source: llava-hf's folders of LLaVA 1.5 and
  /// 1.6 with Vicuna; as there, an answer is followed by a space, where LLaVA is trained with `</s>`.
  public static let vicunaText = """
    {% for message in messages %}{% if message['role'] != 'system' %}{{ message['role'].upper() + ': ' }}{% endif %}\
    {% for content in message['content'] | selectattr('type', 'equalto', 'image') %}{{ '<image>\\n' }}{% endfor %}\
    {% for content in message['content'] | selectattr('type', 'equalto', 'text') %}{{ content['text'] + ' ' }}\
    {% endfor %}{% endfor %}{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}
    """
}
