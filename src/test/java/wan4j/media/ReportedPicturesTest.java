package wan4j.media;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import wan4j.ProcessorTime;
import wan4j.tensor.InputException;

/// Pictures made anew after public reports and after the test suites of libraries: their colours,
/// or why they are refused.
final class ReportedPicturesTest {
  private static final Path REPORTS = Path.of("src/test/resources/reports");

  /// Size, then red, green and blue in the middle of the left and the right half, as Pillow 12.3.0
  /// gives them: `ImageOps.exif_transpose(Image.open(file)).convert("RGB")`, and of
  /// pictures/cmyk.jpg, whose values are ink, with `ImageChops.invert` before `convert`.
  private static final String READ =
      """
      pictures/rgb.png            64x32 255 0 0 0 0 255
      pictures/rgba.png           64x32 255 0 0 0 0 255
      pictures/cmyk.jpg           64x32 255 0 0 0 0 255
      pictures/cmyk-adobe.jpg     64x32 0 0 0 0 0 0
      pictures/rgb16.png          64x32 128 127 255 128 127 255
      pictures/gray16.png         64x32 255 255 255 255 255 255
      pictures/gama.png           64x32 128 128 128 128 128 128
      pictures/gray.jpg           64x32 64 64 64 192 192 192
      pictures/la.png             64x32 77 77 77 77 77 77
      pictures/pal-trns.png       64x32 10 20 30 200 100 50
      pictures/plain.jpg          64x32 233 12 0 0 0 254
      pictures/exif3.jpg          64x32 0 0 254 143 176 33
      pictures/exif6.jpg          32x64 51 0 180 51 0 180
      pictures/1x20000.png        1x20000 155 151 40 155 151 40
      pictures/20000x1.png        20000x1 128 61 210 245 170 201
      pictures/one.webp           1x1 0 0 0 0 0 0
      suites/cmyk.jpg             48x32 66 131 38 196 131 200
      suites/cmyk_420.jpg         48x32 66 131 43 196 131 203
      suites/cmyk_ids_no_adobe.jpg 48x32 66 131 38 196 131 200
      suites/cmyk_no_adobe.jpg    48x32 66 131 38 196 131 200
      suites/ycck_ids_cmyk.jpg    48x32 255 126 184 0 111 54
      suites/lossless_rgb_8bit.jpg 16x16 72 112 152 200 240 24
      suites/mjpeg_without_tables.jpg 48x32 209 148 192 255 237 223
      suites/progressive_dc_only.jpg 48x32 138 125 142 137 134 145
      """;

  private static final String REFUSED =
      """
      pictures/a.avif             is not a picture in a format that is read
      pictures/a.bmp              is not a picture in a format that is read
      pictures/a.gif              is not a picture in a format that is read
      pictures/a.heic             is not a picture in a format that is read
      pictures/a.tiff             is not a picture in a format that is read
      pictures/anim.webp          is an animated WebP
      pictures/trunc.webp         ends early
      pictures/truncated.jpg      ends early
      pictures/bomb.png           is 60000x60000 pixels
      pictures/dim0.png           is 0x64 pixels
      pictures/crc.png            the checksum of its part IDAT is wrong
      pictures/escape-chunk.png   a part has a name that is not of letters
      pictures/many-scans.jpg     sends its pixels more often than any picture needs
      suites/animated.webp        is an animated WebP
      suites/lossless_rgb_10bit.jpg it has 10 bits a colour
      suites/lossless_rgb_16bit.jpg it has 16 bits a colour
      """;

  @Test
  void coloursAreThoseThatTheReportsName() {
    for (String line : READ.lines().toList()) {
      String[] words = line.split(" +", -1);
      Picture picture = PictureReader.read(REPORTS.resolve(words[0]));
      assertThat(picture.width() + "x" + picture.height()).as(line).isEqualTo(words[1]);
      byte[] rgb = picture.rgb();
      int row = picture.height() / 2 * picture.width();
      for (int side = 0; side < 2; side++) {
        int pixel = row + (1 + 2 * side) * picture.width() / 4;
        for (int channel = 0; channel < 3; channel++) {
          int expected = Integer.parseInt(words[2 + 3 * side + channel]);
          int got = rgb[3 * pixel + channel] & 0xFF;
          assertThat(got).as(line).isEqualTo(expected);
        }
      }
    }
  }

  @Test
  void theOthersAreRefusedInOneSentenceAndSoon() {
    for (String line : REFUSED.lines().toList()) {
      String[] words = line.split(" +", 2);
      Duration before = ProcessorTime.used();
      assertThatThrownBy(() -> PictureReader.read(REPORTS.resolve(words[0])))
          .isInstanceOf(InputException.class)
          .hasMessageContaining(words[1])
          .satisfies(
              e -> assertThat(e.getMessage().chars().noneMatch(Character::isISOControl)).isTrue());
      assertThat(ProcessorTime.used().minus(before)).as(line).isLessThan(Duration.ofSeconds(3));
    }
  }

  @Test
  void turningAndTransparencyAreSaid() {
    for (String name : List.of("exif3.jpg", "exif6.jpg", "la.png", "pal-trns.png", "rgba.png")) {
      List<String> notes = new ArrayList<>();
      PictureReader.read(
          REPORTS.resolve("pictures").resolve(name), PictureReader.Orientation.APPLY, notes::add);
      assertThat(notes).hasSize(1);
    }
    List<String> notes = new ArrayList<>();
    Picture stored =
        PictureReader.read(
            REPORTS.resolve("pictures/exif6.jpg"), PictureReader.Orientation.IGNORE, notes::add);
    assertThat(stored.width()).isEqualTo(64);
    assertThat(notes).hasSize(1).first().asString().contains("is left as it is stored");
  }

  @Test
  void noPictureIsForgotten() throws IOException {
    Set<String> known = new HashSet<>();
    READ.lines().forEach(line -> known.add(line.split(" ", 2)[0]));
    REFUSED.lines().forEach(line -> known.add(line.split(" ", 2)[0]));
    try (Stream<Path> files = Files.walk(REPORTS)) {
      assertThat(
              files
                  .map(file -> REPORTS.relativize(file).toString())
                  .filter(name -> name.matches("(pictures|suites)/.*"))
                  .filter(name -> !name.matches(".*\\.(pt|safetensors)")))
          .containsExactlyInAnyOrderElementsOf(known);
    }
  }

  /// A larger collection beside the checkout, where there is one: nothing but pictures and
  /// sentences.
  @Test
  void allFilesOfTheWholeCollectionAreReadOrRefused() throws IOException {
    Path whole = Path.of("../shared/reports");
    org.junit.jupiter.api.Assumptions.assumeTrue(Files.isDirectory(whole), "no such collection");
    try (Stream<Path> files = Files.walk(whole)) {
      for (Path file :
          files.filter(name -> name.toString().matches(".*\\.(png|jpg|webp)")).toList()) {
        try {
          assertThat(PictureReader.read(file).width()).isPositive();
        } catch (InputException e) {
          assertThat(e.getMessage()).contains(file.getFileName().toString());
        }
      }
    }
  }
}
