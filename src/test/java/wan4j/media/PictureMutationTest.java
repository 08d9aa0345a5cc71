package wan4j.media;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import java.io.IOException;
import java.io.InputStream;
import java.net.URISyntaxException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import wan4j.ProcessorTime;
import wan4j.tensor.InputException;
import wan4j.tensor.Tensor;

/// Whatever happens to a file's bytes, reading it gives a picture or a sentence, and soon.
///
/// The suite reads 2,000 changed files, always the same; `-Dwan4j.mutations=50000` reads more, and
/// `-Dwan4j.mutations.seed=2` others.
final class PictureMutationTest {
  private static final int COUNT = Integer.getInteger("wan4j.mutations", 2000);
  private static final long SEED = Long.getLong("wan4j.mutations.seed", 1);
  private static final Duration LONGEST = Duration.ofSeconds(5);

  @TempDir Path folder;

  @Test
  void everyChangedPictureIsAPictureOrASentence() throws IOException {
    List<byte[]> wholes = new ArrayList<>();
    List<String> names = pictures();
    for (String name : names) {
      wholes.add(resource(name));
    }
    Random random = new Random(SEED);
    int pictures = 0;
    for (int i = 0; i < COUNT; i++) {
      int which = random.nextInt(names.size());
      byte[] changed = changed(wholes.get(which), wholes, random);
      String ending = names.get(which).replaceAll(".*\\.", "");
      Path file = Files.write(folder.resolve("changed." + ending), changed);
      pictures += reads(file, i, names.get(which), () -> PictureReader.read(file)) ? 1 : 0;
    }
    assertThat(pictures).as("files that were still read").isBetween(COUNT / 10, COUNT * 9 / 10);
  }

  @Test
  void everyChangedVideoIsAVideoOrASentence() throws IOException {
    byte[] pixels = new byte[3 * 16 * 24 * 3];
    new Random(SEED).nextBytes(pixels);
    List<byte[]> wholes = new ArrayList<>();
    List<String> names = List.of("a.gif", "a.mkv", "a.mp4");
    for (String name : names) {
      Path file = folder.resolve(name);
      VideoWriter.write(Tensor.of(pixels, 3, 16, 24, 3), file, VideoSettings.silent(16));
      wholes.add(Files.readAllBytes(file));
    }
    Random random = new Random(SEED);
    int videos = 0;
    for (int i = 0; i < COUNT; i++) {
      int which = i % names.size();
      Path file = folder.resolve(names.get(which));
      Files.write(file, changed(wholes.get(which), wholes, random));
      videos += reads(file, i, names.get(which), () -> VideoReader.read(file)) ? 1 : 0;
    }
    assertThat(videos).as("files that were still read").isBetween(1, COUNT - 1);
  }

  @Test
  void everyChangedSoundIsASoundOrASentence() throws IOException {
    List<byte[]> wholes = new ArrayList<>();
    List<String> names = List.of("tone.flac", "tone.m4a", "tone.mp3", "tone.ogg", "tone.opus");
    for (String name : names) {
      wholes.add(Files.readAllBytes(Path.of("src/test/resources/sound", name)));
    }
    Random random = new Random(SEED);
    int sounds = 0;
    for (int i = 0; i < COUNT; i++) {
      int which = i % names.size();
      Path file = folder.resolve(names.get(which));
      Files.write(file, changed(wholes.get(which), wholes, random));
      sounds += reads(file, i, names.get(which), () -> SoundReader.read(file)) ? 1 : 0;
    }
    assertThat(sounds).as("files that were still read").isBetween(1, COUNT - 1);
  }

  private static boolean reads(Path file, int index, String name, Runnable reading)
      throws IOException {
    Duration before = ProcessorTime.used();
    boolean isRead = true;
    try {
      reading.run();
    } catch (InputException e) {
      isRead = false;
      assertThat(e.getMessage()).contains(file.getFileName().toString());
      assertThat(e.getMessage().chars().noneMatch(Character::isISOControl))
          .as("no control characters in: %s", e.getMessage())
          .isTrue();
    } catch (RuntimeException | Error e) {
      fail("file %d, changed from %s, kept as %s".formatted(index, name, kept(file)), e);
    }
    if (ProcessorTime.used().minus(before).compareTo(LONGEST) > 0) {
      fail("file %d, changed from %s, took long; kept as %s".formatted(index, name, kept(file)));
    }
    return isRead;
  }

  private static Path kept(Path file) throws IOException {
    Path kept = Files.createTempFile("wan4j-changed-", "-" + file.getFileName());
    return Files.write(kept, Files.readAllBytes(file));
  }

  /// Returns a copy with some changes, after which checksums and lengths may be made to fit, so
  /// that what lies behind them is reached.
  private static byte[] changed(byte[] whole, List<byte[]> others, Random random) {
    byte[] bytes = whole.clone();
    int changes = 1 + random.nextInt(4);
    for (int i = 0; i < changes; i++) {
      int at = random.nextInt(bytes.length);
      int length = 1 + random.nextInt(Math.min(64, bytes.length));
      switch (random.nextInt(9)) {
        case 0 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
        case 1 -> bytes[at] = (byte) random.nextInt();
        case 2 -> bytes[at] = (byte) (random.nextBoolean() ? 0xFF : 0);
        case 3 -> Arrays.fill(bytes, at, Math.min(at + length, bytes.length), (byte) 0);
        case 4 -> bytes = Arrays.copyOf(bytes, at + 1);
        case 5 -> bytes = replaced(bytes, at, at, Arrays.copyOf(bytes, length));
        case 6 -> bytes = replaced(bytes, at, Math.min(at + length, bytes.length), new byte[0]);
        case 7 -> {
          byte[] other = others.get(random.nextInt(others.size()));
          int from = random.nextInt(other.length);
          bytes =
              replaced(
                  bytes,
                  at,
                  at,
                  Arrays.copyOfRange(other, from, Math.min(from + 64, other.length)));
        }
        default -> {
          // a number of two bytes near a header
          int header = random.nextInt(Math.min(bytes.length, 64));
          bytes[header] = (byte) random.nextInt();
          bytes[Math.min(header + 1, bytes.length - 1)] = (byte) random.nextInt();
        }
      }
    }
    if (random.nextBoolean()) {
      fit(bytes);
    }
    return bytes;
  }

  private static byte[] replaced(byte[] bytes, int from, int to, byte[] part) {
    byte[] result = new byte[bytes.length - (to - from) + part.length];
    System.arraycopy(bytes, 0, result, 0, from);
    System.arraycopy(part, 0, result, from, part.length);
    System.arraycopy(bytes, to, result, from + part.length, bytes.length - to);
    return result.length == 0 ? new byte[1] : result;
  }

  /// Makes the checksums of PNG chunks and the length of a RIFF file right.
  private static void fit(byte[] bytes) {
    ByteBuffer data = ByteBuffer.wrap(bytes);
    if (bytes.length > 12 && bytes[0] == 'R') {
      data.order(ByteOrder.LITTLE_ENDIAN).putInt(4, bytes.length - 8);
      return;
    }
    if (bytes.length < 8 || (bytes[0] & 0xFF) != 0x89) {
      return;
    }
    int at = 8;
    while (at + 12 <= bytes.length) {
      long length = data.getInt(at) & 0xFFFFFFFFL;
      if (length > bytes.length - at - 12) {
        return;
      }
      CRC32 checksum = new CRC32();
      checksum.update(bytes, at + 4, (int) length + 4);
      data.putInt(at + 8 + (int) length, (int) checksum.getValue());
      at += 12 + (int) length;
    }
  }

  private static List<String> pictures() throws IOException {
    try {
      Path root = Path.of(PictureMutationTest.class.getResource("/pictures").toURI());
      try (Stream<Path> files = Files.walk(root)) {
        List<String> names =
            files
                .map(file -> root.relativize(file).toString())
                .filter(name -> name.matches(".*\\.(png|jpg|webp)"))
                .sorted()
                .toList();
        assertThat(names.size()).isGreaterThan(30);
        return names;
      }
    } catch (URISyntaxException e) {
      throw new IOException(e);
    }
  }

  private static byte[] resource(String name) throws IOException {
    try (InputStream in = PictureMutationTest.class.getResourceAsStream("/pictures/" + name)) {
      return in.readAllBytes();
    }
  }
}
