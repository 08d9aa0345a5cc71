package wan4j.media.jpeg;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import wan4j.ProcessorTime;
import wan4j.media.picture.DecodedPicture;
import wan4j.media.picture.PngReader;
import wan4j.tensor.InputException;

/// The files under pictures/jpeg/ were written by libjpeg-turbo 8a99315 and Pillow; the PNG files
/// beside them hold what libjpeg-turbo 8a99315 decodes, and of four components what Pillow's
/// `convert("RGB")` gives: of cmyk-ink, whose values are ink, after `ImageChops.invert`. Pillow
/// 12.3.0 gives the same for all of them.
final class JpegReaderTest {
  private static final Path FILE = Path.of("a.jpg");

  @ParameterizedTest
  @ValueSource(
      strings = {
        "cmyk",
        "cmyk-420",
        "cmyk-progressive",
        "cmyk-unmarked",
        "cmyk-ink",
        "ycck-420",
        "means-only",
        "means-only-420",
        "partial-420",
        "partial-440",
        "partial-narrow",
        "partial-grey",
        "no-tables",
        "lossless",
        "lossless-rgb-restarts",
        "lossless-grey",
      })
  void rareKindsAreEqualToLibjpegAndPillowToTheBit(String name) throws IOException {
    DecodedPicture picture = JpegReader.read(FILE, resource("jpeg/" + name + ".jpg"));
    DecodedPicture expected = PngReader.read(FILE, resource("jpeg/" + name + ".png"));
    assertThat(picture.width()).isEqualTo(expected.width());
    assertThat(picture.rgb()).isEqualTo(expected.rgb());
  }

  @ParameterizedTest
  @CsvSource({
    "C9, arithmetic coding",
    "CA, arithmetic coding",
    "CB, arithmetic coding",
    "C5, hierarchical",
    "CF, hierarchical",
  })
  void otherWaysOfCodingAreRefusedByTheirName(String marker, String words) throws IOException {
    byte[] file = resource("colour-420.jpg");
    file[header(file) + 1] = (byte) Integer.parseInt(marker, 16);
    assertThatThrownBy(() -> JpegReader.read(FILE, file))
        .isInstanceOf(InputException.class)
        .hasMessageContainingAll("a.jpg", words, "save it again as an ordinary JPEG or PNG file");
  }

  @ParameterizedTest
  @CsvSource({"jpeg/lossless.jpg, 10", "jpeg/lossless.jpg, 16", "colour-420.jpg, 12"})
  void moreThanEightBitsAreRefused(String name, int bits) throws IOException {
    byte[] file = resource(name);
    file[header(file) + 4] = (byte) bits;
    assertThatThrownBy(() -> JpegReader.read(FILE, file))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("it has %d bits a colour, and 8 are read".formatted(bits));
  }

  @Test
  void aProgressiveFileWithoutTablesIsRefused() throws IOException {
    byte[] file = withoutTables(resource("progressive.jpg"));
    assertThatThrownBy(() -> JpegReader.read(FILE, file))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("a code table is missing");
  }

  @Test
  void scansThatNoPictureNeedsAreRefusedBeforeTheyAreRead() throws IOException {
    byte[] file = manyScans(2000, 2000, 1000);
    Duration before = ProcessorTime.used();
    assertThatThrownBy(() -> JpegReader.read(FILE, file))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("more often than any picture needs");
    assertThat(ProcessorTime.used().minus(before)).isLessThan(Duration.ofSeconds(5));
    assertThat(JpegReader.read(FILE, manyScans(2000, 2000, 4)).width()).isEqualTo(2000);
  }

  @Test
  void partsWithoutNumberAreRefused() throws IOException {
    byte[] file = resource("grey.jpg");
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.write(file, 0, 2);
    for (int i = 0; i < 50_000; i++) {
      out.write(new byte[] {(byte) 0xFF, (byte) 0xFE, 0, 2});
    }
    out.write(file, 2, file.length - 2);
    assertThatThrownBy(() -> JpegReader.read(FILE, out.toByteArray()))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("more parts");
  }

  /// Returns a grey progressive picture with empty scans that refine its coefficients.
  private static byte[] manyScans(int width, int height, int scans) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes(bytes("FFD8 FFDB 0043 00"));
    byte[] factors = new byte[64];
    Arrays.fill(factors, (byte) 1);
    out.writeBytes(factors);
    out.writeBytes(bytes("FFC2 000B 08"));
    out.writeBytes(ByteBuffer.allocate(4).putShort((short) height).putShort((short) width).array());
    out.writeBytes(bytes("01 01 11 00"));
    // tables whose one-bit codes mean: no difference; no more coefficients in 2^14 blocks
    out.writeBytes(bytes("FFC4 0014 00 01000000000000000000000000000000 00"));
    out.writeBytes(bytes("FFC4 0014 10 01000000000000000000000000000000 E0"));
    out.writeBytes(bytes("FFDA 0008 01 01 00 00 00 00"));
    int blocks = Math.ceilDiv(width, 8) * Math.ceilDiv(height, 8);
    out.writeBytes(new byte[Math.ceilDiv(blocks, 8)]);
    for (int i = 0; i < scans; i++) {
      out.writeBytes(bytes(i == 0 ? "FFDA 0008 01 01 00 01 3F 01" : "FFDA 0008 01 01 00 01 3F 10"));
      out.writeBytes(new byte[16]);
    }
    out.writeBytes(bytes("FFD9"));
    return out.toByteArray();
  }

  private static byte[] bytes(String hex) {
    return java.util.HexFormat.of().parseHex(hex.replace(" ", ""));
  }

  private static byte[] withoutTables(byte[] file) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.write(file, 0, 2);
    int at = 2;
    while (true) {
      int next = at + 1;
      while (next < file.length - 1
          && ((file[next] & 0xFF) != 0xFF || (file[next + 1] & 0xFF) < 0xC0)) {
        next++;
      }
      if (next >= file.length - 1) {
        out.write(file, at, file.length - at);
        return out.toByteArray();
      }
      if ((file[at + 1] & 0xFF) != 0xC4) {
        out.write(file, at, next - at);
      }
      at = next;
    }
  }

  /// Returns where the marker of the header is.
  private static int header(byte[] file) {
    int at = 2;
    while (file[at + 1] != (byte) 0xC0 && file[at + 1] != (byte) 0xC3) {
      at += 2 + (ByteBuffer.wrap(file).getShort(at + 2) & 0xFFFF);
    }
    return at;
  }

  private static byte[] resource(String name) throws IOException {
    try (InputStream in = JpegReaderTest.class.getResourceAsStream("/pictures/" + name)) {
      return in.readAllBytes();
    }
  }
}
