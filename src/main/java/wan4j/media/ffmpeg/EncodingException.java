package wan4j.media.ffmpeg;

/// Thrown when a codec cannot encode a frame that it was given.
public final class EncodingException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  EncodingException(String message) {
    super(message);
  }
}
