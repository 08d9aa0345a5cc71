package wan4j.media.picture;

import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.zip.CRC32;
import java.util.zip.Deflater;

/// Encodes pictures as 8-bit RGB PNG files, without any native library.
public final class PngWriter {
  private static final byte[] SIGNATURE = {(byte) 0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};

  private PngWriter() {}

  /// Returns the bytes of a PNG file of pixels of three bytes each, row by row.
  public static byte[] encode(int width, int height, byte[] rgb) {
    ByteArrayOutputStream file = new ByteArrayOutputStream(rgb.length / 2 + 100);
    ByteArrayOutputStream header = new ByteArrayOutputStream();
    try (DataOutputStream out = new DataOutputStream(file);
        DataOutputStream sizes = new DataOutputStream(header)) {
      out.write(SIGNATURE);
      sizes.writeInt(width);
      sizes.writeInt(height);
      sizes.write(
          new byte[] {8, 2, 0, 0, 0}); // 8 bits, RGB, deflate, standard filters, no interlace
      writeChunk(out, "IHDR", header.toByteArray());
      writeChunk(out, "IDAT", compress(filter(width, height, rgb)));
      writeChunk(out, "IEND", new byte[0]);
    } catch (IOException e) {
      throw new UncheckedIOException("writing to memory failed", e);
    }
    return file.toByteArray();
  }

  private static void writeChunk(DataOutputStream out, String name, byte[] body)
      throws IOException {
    byte[] type = name.getBytes(StandardCharsets.ISO_8859_1);
    CRC32 checksum = new CRC32();
    checksum.update(type);
    checksum.update(body);
    out.writeInt(body.length);
    out.write(type);
    out.write(body);
    out.writeInt((int) checksum.getValue());
  }

  /// Filters each row by the difference to the row above, or to the pixel before where that is
  /// smaller in sum: most of what the full search over five filters saves, at little cost.
  private static byte[] filter(int width, int height, byte[] rgb) {
    int length = width * 3;
    byte[] filtered = new byte[(length + 1) * height];
    for (int y = 0; y < height; y++) {
      int from = y * length;
      long up = 0;
      long left = 0;
      for (int i = 0; i < length; i++) {
        up += Math.abs((byte) (rgb[from + i] - (y == 0 ? 0 : rgb[from + i - length])));
        left += Math.abs((byte) (rgb[from + i] - (i < 3 ? 0 : rgb[from + i - 3])));
      }
      int to = y * (length + 1);
      boolean above = up < left;
      filtered[to] = (byte) (above ? 2 : 1);
      for (int i = 0; i < length; i++) {
        int neighbour =
            above ? (y == 0 ? 0 : rgb[from + i - length]) : (i < 3 ? 0 : rgb[from + i - 3]);
        filtered[to + 1 + i] = (byte) (rgb[from + i] - neighbour);
      }
    }
    return filtered;
  }

  private static byte[] compress(byte[] bytes) {
    Deflater deflater = new Deflater(6);
    try {
      deflater.setInput(bytes);
      deflater.finish();
      ByteArrayOutputStream compressed = new ByteArrayOutputStream(bytes.length / 2 + 100);
      byte[] block = new byte[1 << 16];
      while (!deflater.finished()) {
        compressed.write(block, 0, deflater.deflate(block));
      }
      return compressed.toByteArray();
    } finally {
      deflater.end();
    }
  }
}
