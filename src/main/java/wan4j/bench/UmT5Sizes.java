package wan4j.bench;

/// The sizes of umT5-XXL's encoder and of the prompts that it encodes.
public final class UmT5Sizes {
  /// Its layers.
  public static final int LAYERS = 24;

  /// The tokens of a prompt, padding included.
  public static final int TOKENS = 512;

  static final int WIDTH = 4096;
  static final int FEED_FORWARD = 10_240;
  static final int HEADS = 64;
  static final int HEAD_SIZE = WIDTH / HEADS;
  static final int VOCABULARY = 256_384;

  private UmT5Sizes() {}
}
