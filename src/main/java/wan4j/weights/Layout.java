package wan4j.weights;

/// How a checkpoint's folders and names are arranged.
public enum Layout {
  /// As the reference's authors publish it.
  ORIGINAL,
  /// As the Diffusers library writes it.
  DIFFUSERS
}
