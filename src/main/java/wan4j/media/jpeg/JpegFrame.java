package wan4j.media.jpeg;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import wan4j.media.picture.PictureLimits;

/// What the header of a JPEG file says: the way of coding, the size and the components.
record JpegFrame(Coding coding, JpegComponent.JpegSize size, List<JpegComponent> components) {
  private static final String CURE = "save it again as an ordinary JPEG or PNG file";

  /// The ways of coding that are read.
  enum Coding {
    SEQUENTIAL,
    PROGRESSIVE,
    LOSSLESS
  }

  /// Reads the header that follows a marker; throws `JpegException` when it is damaged or asks for
  /// what is not read, `InputException` when the picture is too large.
  ///
  /// @param marker 0xC0 to 0xCF
  /// @param bytes the length of the whole file
  static JpegFrame read(Path file, int marker, ByteBuffer body, int bytes) {
    Coding coding = coding(marker);
    int depth = JpegReader.unsigned(body, 1);
    int height = JpegReader.unsigned(body, 2);
    int width = JpegReader.unsigned(body, 2);
    int count = JpegReader.unsigned(body, 1);
    PictureLimits.check(file, width, height);
    if (body.remaining() < count * 3 || count < 1) {
      throw new JpegException("its header is too short");
    }
    if (depth != 8) {
      throw new JpegException("it has %d bits a colour, and 8 are read".formatted(depth), CURE);
    }
    if (count == 2 || count > 4) {
      throw new JpegException(
          "it has %d components, and 1, 3 or 4 are read".formatted(count), CURE);
    }
    // Every block takes at least a bit, and a value of a lossless file does too, so that a small
    // file cannot ask for much memory.
    int side = coding == Coding.LOSSLESS ? 1 : 8;
    if (Math.ceilDiv(width, side) * (long) Math.ceilDiv(height, side) > 8L * bytes) {
      throw new JpegException("it holds fewer pixels than its header says");
    }
    return new JpegFrame(coding, width, height, header(body, count));
  }

  private JpegFrame(Coding coding, int width, int height, int[][] header) {
    this(coding, size(width, height, header), new ArrayList<>());
    for (int[] each : header) {
      boolean fits = size.horizontal() % each[1] == 0 && size.vertical() % each[2] == 0;
      if (!fits || (coding == Coding.LOSSLESS && (each[1] > 1 || each[2] > 1))) {
        throw new JpegException("its components have sizes that are not read", CURE);
      }
      components.add(
          new JpegComponent(each[0], each[1], each[2], each[3], size, coding == Coding.LOSSLESS));
    }
  }

  private static Coding coding(int marker) {
    return switch (marker) {
      case 0xC0, 0xC1 -> Coding.SEQUENTIAL;
      case 0xC2 -> Coding.PROGRESSIVE;
      case 0xC3 -> Coding.LOSSLESS;
      case 0xC9, 0xCA, 0xCB ->
          throw new JpegException("it has arithmetic coding, which is not read", CURE);
      default -> throw new JpegException("it is a hierarchical JPEG, which is not read", CURE);
    };
  }

  /// Returns each component's number, sampling across and down, and quantisation table.
  private static int[][] header(ByteBuffer body, int count) {
    int[][] header = new int[count][4];
    for (int[] each : header) {
      each[0] = JpegReader.unsigned(body, 1);
      int sampling = JpegReader.unsigned(body, 1);
      each[1] = sampling >> 4;
      each[2] = sampling & 15;
      each[3] = JpegReader.unsigned(body, 1);
      if (each[1] < 1 || each[1] > 4 || each[2] < 1 || each[2] > 4 || each[3] > 3) {
        throw new JpegException("its header asks for what JPEG does not have");
      }
    }
    return header;
  }

  private static JpegComponent.JpegSize size(int width, int height, int[][] header) {
    int horizontal = 1;
    int vertical = 1;
    for (int[] each : header) {
      horizontal = Math.max(horizontal, each[1]);
      vertical = Math.max(vertical, each[2]);
    }
    return new JpegComponent.JpegSize(width, height, horizontal, vertical);
  }

  /// Returns how many coefficients all scans together may visit.
  long mostVisits() {
    long blocks = 0;
    for (JpegComponent component : components) {
      blocks += component.blocks();
    }
    return PictureLimits.mostVisits(blocks);
  }
}
