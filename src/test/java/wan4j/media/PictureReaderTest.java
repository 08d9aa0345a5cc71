package wan4j.media;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.zip.CRC32;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import wan4j.media.Sizing.Size;
import wan4j.tensor.InputException;

/// The files under pictures/ were written by Pillow 12.3.0; each `.rgb` beside them holds what its
/// `convert("RGB")` gives.
final class PictureReaderTest {
  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(
      strings = {
        "rgb.png",
        "rgba.png",
        "grey.png",
        "grey-alpha.png",
        "one-bit.png",
        "palette.png",
        "palette-two-bit.png",
        "palette-four-bit.png",
        "grey-16.png",
        "rgb-16.png",
        "rgba-16.png",
        "filters.png",
        "interlaced.png",
        "interlaced-one-bit.png",
        "lossy.webp",
        "lossless.webp",
        "alpha.webp",
        "colour-420.jpg",
        "colour-444.jpg",
        "colour-422.jpg",
        "colour-411.jpg",
        "grey.jpg",
        "progressive.jpg",
        "restarts.jpg",
        "turned.jpg"
      })
  void picturesAreEqualToPillowToTheBit(String name) throws IOException {
    Picture picture =
        PictureReader.read(stored(name), PictureReader.Orientation.IGNORE, note -> {});
    assertThat(picture.width()).isEqualTo(23);
    assertThat(picture.height()).isEqualTo(14);
    assertThat(picture.rgb()).isEqualTo(resource(name + ".rgb"));
  }

  @Test
  void whatIsWrittenIsReadBackToTheBit() {
    byte[] rgb = new byte[37 * 21 * 3];
    new Random(3).nextBytes(rgb);
    Path file = folder.resolve("a.png");
    PictureWriter.write(new Picture(37, 21, rgb), file);
    assertThat(PictureReader.read(file).rgb()).isEqualTo(rgb);
    assertThat(folder)
        .isDirectoryContaining("regex:.*a.png")
        .isDirectoryNotContaining("glob:**.part");
  }

  @ParameterizedTest
  @ValueSource(strings = {"rgb.png", "interlaced.png", "colour-420.jpg", "lossy.webp"})
  void everyTruncationIsAPictureOrASentence(String name) throws IOException {
    byte[] whole = resource(name);
    int refused = 0;
    for (int length = 0; length < whole.length; length += 7) {
      Path file = Files.write(folder.resolve(name), Arrays.copyOf(whole, length));
      try {
        assertThat(PictureReader.read(file).width()).isEqualTo(23);
      } catch (InputException e) {
        assertThat(e).hasMessageContaining(name);
        refused++;
      }
    }
    assertThat(refused).isGreaterThan(whole.length / 7 / 3);
  }

  @Test
  void aPictureOfOneRowOrColumnIsReadAndRefusedByItsAspect() {
    for (Picture line :
        List.of(
            new Picture(1, 20_000, new byte[60_000]), new Picture(20_000, 1, new byte[60_000]))) {
      Path file = folder.resolve("line.png");
      PictureWriter.write(line, file);
      Picture read = PictureReader.read(file);
      Size size = new Size(read.width(), read.height());
      assertThat(size).isEqualTo(new Size(line.width(), line.height()));
      assertThatThrownBy(() -> Sizing.imageToVideoLatent(size, 8, 2, 1280 * 720))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("too long and narrow");
      assertThatThrownBy(() -> Sizing.bestOutput(size, 32, 1280 * 704))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("too long and narrow");
    }
  }

  @Test
  void namesOfPngPartsNeverReachTheMessage() throws IOException {
    byte[] file = resource("rgb.png");
    byte[] part = new byte[12];
    part[4] = 'A';
    part[5] = 0x1B;
    part[6] = '[';
    part[7] = 'J';
    byte[] changed = new byte[file.length + 12];
    System.arraycopy(file, 0, changed, 0, 33);
    System.arraycopy(part, 0, changed, 33, 12);
    System.arraycopy(file, 33, changed, 45, file.length - 33);
    Path named = Files.write(folder.resolve("escape.png"), changed);
    assertThatThrownBy(() -> PictureReader.read(named))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("a part has a name that is not of letters");
  }

  @Test
  void webpFilesThatAreCutOrAnimatedAreToldBeforeTheyAreDecoded() throws IOException {
    byte[] whole = resource("lossy.webp");
    Path cut = Files.write(folder.resolve("cut.webp"), Arrays.copyOf(whole, whole.length - 20));
    assertThatThrownBy(() -> PictureReader.read(cut))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("it ends early");
    ByteBuffer animated = ByteBuffer.allocate(whole.length + 18).order(ByteOrder.LITTLE_ENDIAN);
    animated.put(whole, 0, 12).putInt(4, whole.length + 10);
    animated.put("VP8X".getBytes(StandardCharsets.ISO_8859_1)).putInt(10).put((byte) 2);
    animated.position(30).put(whole, 12, whole.length - 12);
    Path moving = Files.write(folder.resolve("moving.webp"), animated.array());
    assertThatThrownBy(() -> PictureReader.read(moving))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("is an animated WebP; give one picture");
  }

  @Test
  void aPngBombIsRefusedByItsHeader() throws IOException {
    byte[] bomb = resource("rgb.png");
    ByteBuffer header = ByteBuffer.wrap(bomb);
    header.putInt(16, 60_000).putInt(20, 60_000);
    CRC32 checksum = new CRC32();
    checksum.update(bomb, 12, 17);
    header.putInt(29, (int) checksum.getValue());
    Path file = Files.write(folder.resolve("bomb.png"), bomb);
    assertThatThrownBy(() -> PictureReader.read(file))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("60000x60000");
  }

  @Test
  void aJpegBombIsRefusedByItsHeader() throws IOException {
    byte[] bomb = resource("colour-444.jpg");
    int start = 0;
    while ((bomb[start] & 0xFF) != 0xFF || (bomb[start + 1] & 0xFF) != 0xC0) {
      start++;
    }
    ByteBuffer.wrap(bomb).putShort(start + 5, (short) 65_000).putShort(start + 7, (short) 65_000);
    Path file = Files.write(folder.resolve("bomb.jpg"), bomb);
    assertThatThrownBy(() -> PictureReader.read(file))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("bomb.jpg");
  }

  @Test
  void aHeaderThatPromisesMoreThanTheFileCanHoldIsRefusedBeforeMemoryIsTaken() throws IOException {
    byte[] bomb = resource("rgb.png");
    ByteBuffer.wrap(bomb).putInt(16, 9_000).putInt(20, 9_000);
    CRC32 checksum = new CRC32();
    checksum.update(bomb, 12, 17);
    ByteBuffer.wrap(bomb).putInt(29, (int) checksum.getValue());
    Path file = Files.write(folder.resolve("bomb.png"), bomb);
    assertThatThrownBy(() -> PictureReader.read(file))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("fewer pixels");
  }

  @Test
  void aMissingFileAFolderAndTextAreRefusedInOneSentence() throws IOException {
    Path text = Files.writeString(folder.resolve("cat.png"), "a cat");
    for (Path each : new Path[] {folder.resolve("none.png"), folder, text}) {
      assertThatThrownBy(() -> PictureReader.read(each))
          .isInstanceOf(InputException.class)
          .hasMessageContaining(each.toString());
    }
  }

  private Path stored(String name) throws IOException {
    return Files.write(folder.resolve(name), resource(name));
  }

  private static byte[] resource(String name) throws IOException {
    try (InputStream in = PictureReaderTest.class.getResourceAsStream("/pictures/" + name)) {
      return in.readAllBytes();
    }
  }
}
