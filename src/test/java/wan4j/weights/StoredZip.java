package wan4j.weights;

import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/// Zip files made by hand, as torch.save writes them or as an attacker would.
public final class StoredZip {
  private StoredZip() {}

  /// Writes a PyTorch file of this pickle and one storage of eight bytes.
  public static Path torch(Path file, String latin1Pickle) {
    return write(
        file,
        ZipEntry.STORED,
        Map.of(
            "x/data.pkl",
            latin1Pickle.getBytes(StandardCharsets.ISO_8859_1),
            "x/data/0",
            new byte[8]));
  }

  public static Path write(Path file, int method, Map<String, byte[]> entries) {
    try (OutputStream out = Files.newOutputStream(file);
        ZipOutputStream zip = new ZipOutputStream(out)) {
      for (Map.Entry<String, byte[]> entry : entries.entrySet()) {
        ZipEntry line = new ZipEntry(entry.getKey());
        line.setMethod(method);
        line.setSize(entry.getValue().length);
        CRC32 crc = new CRC32();
        crc.update(entry.getValue());
        line.setCrc(crc.getValue());
        zip.putNextEntry(line);
        zip.write(entry.getValue());
        zip.closeEntry();
      }
      return file;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// Writes a PyTorch file of this pickle and one storage of the floats 1 and 2, whose sizes and
  /// places are all given in zip64 fields.
  public static Path write64(Path file, String latin1Pickle) throws IOException {
    byte[] floats = {0, 0, (byte) 0x80, 0x3F, 0, 0, 0, 0x40};
    byte[] pickle = latin1Pickle.getBytes(StandardCharsets.ISO_8859_1);
    ByteBuffer out = ByteBuffer.allocate(pickle.length + 1000).order(ByteOrder.LITTLE_ENDIAN);
    ByteBuffer directory = ByteBuffer.allocate(1000).order(ByteOrder.LITTLE_ENDIAN);
    entry64(out, directory, "x/data.pkl", pickle);
    entry64(out, directory, "x/data/0", floats);
    directory.flip();
    long start = out.position();
    long size = directory.remaining();
    out.put(directory);
    long end = out.position();
    out.putInt(0x06064b50)
        .putLong(44)
        .putShort((short) 45)
        .putShort((short) 45)
        .putInt(0)
        .putInt(0);
    out.putLong(2).putLong(2).putLong(size).putLong(start);
    out.putInt(0x07064b50).putInt(0).putLong(end).putInt(1);
    out.putInt(0x06054b50).putShort((short) 0).putShort((short) 0);
    out.putShort((short) -1).putShort((short) -1).putInt(-1).putInt(-1).putShort((short) 0);
    return Files.write(file, Arrays.copyOf(out.array(), out.position()));
  }

  private static void entry64(ByteBuffer out, ByteBuffer directory, String name, byte[] bytes) {
    long position = out.position();
    byte[] nameBytes = name.getBytes(StandardCharsets.UTF_8);
    out.putInt(0x04034b50).put(new byte[22]).putShort((short) nameBytes.length).putShort((short) 0);
    out.put(nameBytes).put(bytes);
    directory.putInt(0x02014b50).put(new byte[16]).putInt(-1).putInt(-1);
    directory.putShort((short) nameBytes.length).putShort((short) 28).put(new byte[10]).putInt(-1);
    directory.put(nameBytes).putShort((short) 1).putShort((short) 24);
    directory.putLong(bytes.length).putLong(bytes.length).putLong(position);
  }
}
