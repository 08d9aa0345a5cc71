package wan4j.media;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import wan4j.files.PendingFile;

/// Writes sound as WAV files of 32-bit floats, equal to its samples to the bit.
public final class WavWriter {
  private static final int HEADER = 44;
  private static final short FLOATS = 3;

  private WavWriter() {}

  /// Writes sound whole or not at all, in place of a file that is there; throws `InputException`
  /// when the target cannot be written, and `IllegalArgumentException` for more than 4 GB.
  public static void write(Sound sound, Path target) {
    long bytes = (long) sound.length() * sound.channels() * Float.BYTES;
    if (bytes > 0xFFFF_FFFFL - HEADER) {
      throw new IllegalArgumentException("got %,d bytes of sound for a WAV file".formatted(bytes));
    }
    try (PendingFile pending = PendingFile.file(target)) {
      try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(pending.path()))) {
        out.write(header(sound, bytes));
        samples(sound, out);
      }
      pending.commit();
    } catch (IOException e) {
      throw PendingFile.failure(target, e);
    }
  }

  private static byte[] header(Sound sound, long bytes) {
    int frame = sound.channels() * Float.BYTES;
    return ByteBuffer.allocate(HEADER)
        .order(ByteOrder.LITTLE_ENDIAN)
        .put("RIFF".getBytes(StandardCharsets.US_ASCII))
        .putInt((int) (HEADER - 8 + bytes))
        .put("WAVEfmt ".getBytes(StandardCharsets.US_ASCII))
        .putInt(16)
        .putShort(FLOATS)
        .putShort((short) sound.channels())
        .putInt(sound.rate())
        .putInt(sound.rate() * frame)
        .putShort((short) frame)
        .putShort((short) Float.SIZE)
        .put("data".getBytes(StandardCharsets.US_ASCII))
        .putInt((int) bytes)
        .array();
  }

  private static void samples(Sound sound, OutputStream out) throws IOException {
    float[][] channels = new float[sound.channels()][];
    for (int i = 0; i < channels.length; i++) {
      channels[i] = sound.channel(i);
    }
    ByteBuffer frame =
        ByteBuffer.allocate(channels.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < sound.length(); i++) {
      frame.clear();
      for (float[] channel : channels) {
        frame.putFloat(channel[i]);
      }
      out.write(frame.array());
    }
  }
}
