package wan4j.bench.random;

/// The sizes of umT5-XXL's encoder and of the prompts that it encodes.
public final class UmT5Sizes {
  /// Its layers.
  public static final int LAYERS = 24;

  /// The tokens of a prompt, padding included.
  public static final int TOKENS = 512;

  public static final int WIDTH = 4096;
  public static final int FEED_FORWARD = 10_240;
  static final int HEADS = 64;
  public static final int HEAD_SIZE = WIDTH / HEADS;
  static final int VOCABULARY = 256_384;

  private UmT5Sizes() {}
}
