package wan4j.weights;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/// Safetensors files made by hand, right or wrong.
final class SafetensorsBytes {
  private SafetensorsBytes() {}

  static byte[] of(String header, int elementBytes) {
    byte[] json = header.getBytes(StandardCharsets.UTF_8);
    return withLength(json.length, json, elementBytes);
  }

  static byte[] withLength(long length, byte[] json, int elementBytes) {
    ByteBuffer buffer =
        ByteBuffer.allocate(8 + json.length + elementBytes).order(ByteOrder.LITTLE_ENDIAN);
    buffer.putLong(length).put(json);
    for (int i = 0; i < elementBytes; i++) {
      buffer.put((byte) i);
    }
    return buffer.array();
  }

  static Path write(Path folder, byte[] bytes) {
    try {
      return Files.write(folder.resolve("weights.safetensors"), bytes);
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }
}
