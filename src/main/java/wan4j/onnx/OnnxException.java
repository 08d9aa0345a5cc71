package wan4j.onnx;

/// ONNX Runtime could not do what was asked; the message is its own, on one line.
final class OnnxException extends RuntimeException {
  private static final long serialVersionUID = 1;

  OnnxException(Throwable cause) {
    super(String.valueOf(cause.getMessage()).lines().findFirst().orElse(""), cause);
  }
}
