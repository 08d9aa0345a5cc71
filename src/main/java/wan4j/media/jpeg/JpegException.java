package wan4j.media.jpeg;

/// Thrown within the JPEG decoder with what is wrong with the file and what helps.
final class JpegException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final String cure;

  /// Tells what is damaged.
  JpegException(String message) {
    this(message, "give a whole PNG, JPEG or WebP file");
  }

  /// Tells what a whole file has that is not read, and the cure.
  JpegException(String message, String cure) {
    super(message);
    this.cure = cure;
  }

  String cure() {
    return cure;
  }
}
