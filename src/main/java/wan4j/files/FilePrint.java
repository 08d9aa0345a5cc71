package wan4j.files;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;

/// Tells large files apart without reading all of them: their sizes and some blocks of each,
/// hashed. Names and folders do not count.
public final class FilePrint {
  private static final int BLOCKS = 64; // of each file, spread evenly
  private static final int BLOCK = 4096;
  private static final int LETTERS = 16;

  private FilePrint() {}

  /// Returns the print of files in their order; throws `InputException` when one cannot be read.
  public static String of(List<Path> files) {
    MessageDigest digest = sha256();
    for (Path file : files) {
      try (FileChannel channel = FileChannel.open(file)) {
        add(digest, channel);
      } catch (IOException e) {
        throw InputFile.failure(file, e);
      }
    }
    return HexFormat.of().formatHex(digest.digest()).substring(0, LETTERS);
  }

  private static void add(MessageDigest digest, FileChannel channel) throws IOException {
    long size = channel.size();
    digest.update(ByteBuffer.allocate(Long.BYTES).putLong(size).flip());
    ByteBuffer block = ByteBuffer.allocate(BLOCK);
    long last = Math.max(0, size - BLOCK);
    for (int i = 0; i < BLOCKS; i++) {
      block.clear();
      long at = last / (BLOCKS - 1) * i;
      if (channel.read(block, i == BLOCKS - 1 ? last : at) > 0) {
        digest.update(block.flip());
      }
      if (last == 0) {
        return;
      }
    }
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }
}
