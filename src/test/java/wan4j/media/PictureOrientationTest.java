package wan4j.media;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.CRC32;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import wan4j.media.PictureReader.Orientation;

final class PictureOrientationTest {
  @TempDir Path folder;

  /// The six pixels of a picture of 3 x 2, A B C over D E F, and what EXIF's orientations make of
  /// them: 0th row and 0th column of the stored picture are the side of the scene that the standard
  /// names (CIPA DC-008, tag 0112).
  @ParameterizedTest
  @CsvSource({
    "1, ABC/DEF",
    "2, CBA/FED",
    "3, FED/CBA",
    "4, DEF/ABC",
    "5, AD/BE/CF",
    "6, DA/EB/FC",
    "7, FC/EB/DA",
    "8, CF/BE/AD",
  })
  void eachOrientationMovesEachPixel(int orientation, String expected) {
    Picture upright = letters("ABC/DEF").upright(orientation);
    assertThat(words(upright)).isEqualTo(expected);
  }

  @ParameterizedTest
  @ValueSource(strings = {"colour-444.jpg", "rgb.png", "lossless.webp"})
  void theMarkIsFoundInEachFormatHonouredAndSaid(String name) throws IOException {
    for (ByteOrder order : List.of(ByteOrder.BIG_ENDIAN, ByteOrder.LITTLE_ENDIAN)) {
      byte[] plain = resource(name);
      Path file = Files.write(folder.resolve(name), plain);
      Picture stored = PictureReader.read(file);
      Files.write(file, marked(plain, exif(6, order)));
      List<String> notes = new ArrayList<>();
      Picture turned = PictureReader.read(file, Orientation.APPLY, notes::add);
      assertThat(turned.width()).isEqualTo(stored.height());
      assertThat(turned.rgb()).isEqualTo(stored.turned(1).rgb());
      assertThat(notes).singleElement().asString().contains(name, "turned upright", "6", "--exif");

      notes.clear();
      Picture ignored = PictureReader.read(file, Orientation.IGNORE, notes::add);
      assertThat(ignored.rgb()).isEqualTo(stored.rgb());
      assertThat(notes).singleElement().asString().contains("left as it is stored");
    }
  }

  @Test
  void aMarkThatMeansNothingTurnsNothing() throws IOException {
    byte[] plain = resource("colour-444.jpg");
    byte[] exif = exif(6, ByteOrder.BIG_ENDIAN);
    for (int length = 0; length < exif.length; length++) {
      byte[] cut = java.util.Arrays.copyOf(exif, length);
      Path file = Files.write(folder.resolve("a.jpg"), marked(plain, cut));
      assertThat(PictureReader.read(file).width()).isEqualTo(length < 22 ? 23 : 14);
    }
    for (int none : new int[] {0, 1, 9, 65_535}) {
      Path file =
          Files.write(folder.resolve("a.jpg"), marked(plain, exif(none, ByteOrder.LITTLE_ENDIAN)));
      assertThat(PictureReader.read(file).width()).isEqualTo(23);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "rgba.png, true",
    "grey-alpha.png, false",
    "rgba-16.png, true",
    "alpha.webp, true",
    "rgb.png, false",
    "lossless.webp, false",
    "lossy.webp, false",
    "colour-420.jpg, false"
  })
  void transparencyThatIsLeftOutIsSaid(String name, boolean isSeeThrough) throws IOException {
    List<String> notes = new ArrayList<>();
    PictureReader.read(
        Files.write(folder.resolve(name), resource(name)), Orientation.APPLY, notes::add);
    assertThat(notes).hasSize(isSeeThrough ? 1 : 0);
    assertThat(notes).allMatch(note -> note.contains("transparent"));
  }

  private static Picture letters(String rows) {
    String letters = rows.replace("/", "");
    byte[] rgb = new byte[letters.length() * 3];
    for (int i = 0; i < rgb.length; i++) {
      rgb[i] = (byte) letters.charAt(i / 3);
    }
    return new Picture(rows.indexOf('/'), letters.length() / rows.indexOf('/'), rgb);
  }

  private static String words(Picture picture) {
    StringBuilder words = new StringBuilder();
    for (int i = 0; i < picture.width() * picture.height(); i++) {
      if (i > 0 && i % picture.width() == 0) {
        words.append('/');
      }
      words.append((char) picture.rgb()[i * 3 + i % 3]);
    }
    return words.toString();
  }

  /// Returns EXIF data of one entry.
  private static byte[] exif(int orientation, ByteOrder order) {
    return ByteBuffer.allocate(26)
        .order(order)
        .put(order == ByteOrder.BIG_ENDIAN ? new byte[] {'M', 'M'} : new byte[] {'I', 'I'})
        .putShort((short) 42)
        .putInt(8)
        .putShort((short) 1)
        .putShort((short) 0x0112)
        .putShort((short) 3)
        .putInt(1)
        .putShort((short) orientation)
        .putShort((short) 0)
        .putInt(0)
        .array();
  }

  /// Returns a file with EXIF data where its format has them.
  private static byte[] marked(byte[] file, byte[] exif) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    switch (file[0] & 0xFF) {
      case 0xFF -> {
        out.write(file, 0, 2);
        out.writeBytes(new byte[] {(byte) 0xFF, (byte) 0xE1, 0, (byte) (exif.length + 8)});
        out.writeBytes("Exif\0\0".getBytes(StandardCharsets.ISO_8859_1));
        out.writeBytes(exif);
        out.write(file, 2, file.length - 2);
      }
      case 0x89 -> {
        // behind the pixels, before the end of 12 bytes
        out.write(file, 0, file.length - 12);
        byte[] part = new byte[exif.length + 4];
        System.arraycopy("eXIf".getBytes(StandardCharsets.ISO_8859_1), 0, part, 0, 4);
        System.arraycopy(exif, 0, part, 4, exif.length);
        CRC32 checksum = new CRC32();
        checksum.update(part);
        out.writeBytes(ByteBuffer.allocate(4).putInt(exif.length).array());
        out.writeBytes(part);
        out.writeBytes(ByteBuffer.allocate(4).putInt((int) checksum.getValue()).array());
        out.write(file, file.length - 12, 12);
      }
      default -> {
        ByteBuffer extended = ByteBuffer.allocate(18).order(ByteOrder.LITTLE_ENDIAN);
        extended.put("VP8X".getBytes(StandardCharsets.ISO_8859_1)).putInt(10).put((byte) 8);
        extended.put(12, (byte) 22).put(15, (byte) 13);
        ByteBuffer chunk = ByteBuffer.allocate(8 + exif.length).order(ByteOrder.LITTLE_ENDIAN);
        chunk.put("EXIF".getBytes(StandardCharsets.ISO_8859_1)).putInt(exif.length).put(exif);
        out.write(file, 0, 4);
        out.writeBytes(
            ByteBuffer.allocate(4)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(file.length - 8 + 18 + chunk.capacity())
                .array());
        out.write(file, 8, 4);
        out.writeBytes(extended.array());
        out.write(file, 12, file.length - 12);
        out.writeBytes(chunk.array());
      }
    }
    return out.toByteArray();
  }

  private static byte[] resource(String name) throws IOException {
    try (InputStream in = PictureOrientationTest.class.getResourceAsStream("/pictures/" + name)) {
      return in.readAllBytes();
    }
  }
}
