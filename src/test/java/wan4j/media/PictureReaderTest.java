package wan4j.media;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import java.util.zip.CRC32;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import wan4j.media.jpeg.JpegReader;
import wan4j.media.picture.DecodedPicture;
import wan4j.media.picture.PngReader;
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

  @ParameterizedTest
  @ValueSource(strings = {"palette.png", "interlaced.png", "colour-420.jpg", "progressive.jpg"})
  void everyChangedByteGivesAPictureOrASentence(String name) throws IOException {
    byte[] whole = resource(name);
    Path file = folder.resolve(name);
    Random random = new Random(1);
    int pictures = 0;
    for (int i = 0; i < 3000; i++) {
      byte[] changed = whole.clone();
      for (int k = 0; k <= i % 3; k++) {
        changed[3 + random.nextInt(whole.length - 3)] = (byte) random.nextInt();
      }
      try {
        DecodedPicture picture =
            PngReader.recognises(changed)
                ? PngReader.read(file, changed)
                : JpegReader.recognises(changed) ? JpegReader.read(file, changed) : null;
        pictures += picture == null ? 0 : 1;
      } catch (InputException e) {
        assertThat(e.getMessage()).contains(name);
      }
    }
    assertThat(pictures).isBetween(1, 2999);
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
