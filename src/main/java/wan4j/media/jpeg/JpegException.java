package wan4j.media.jpeg;

/// Thrown within the JPEG decoder with what is wrong with the file.
final class JpegException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  JpegException(String message) {
    super(message);
  }
}
