package wan4j.text;

/// A token that is found in the text as it stands, before the model sees what lies between; a
/// normalised one is looked for after normalisation.
record AddedToken(
    String content,
    int id,
    boolean singleWord,
    boolean stripsLeft,
    boolean stripsRight,
    boolean normalized) {
  /// A token without any special rule.
  static AddedToken plain(String content, int id) {
    return new AddedToken(content, id, false, false, false, false);
  }

  /// The same token under another spelling.
  AddedToken withContent(String other) {
    return new AddedToken(other, id, singleWord, stripsLeft, stripsRight, normalized);
  }
}
