package wan4j.media.jpeg;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import wan4j.media.jpeg.JpegFrame.Coding;
import wan4j.media.picture.DecodedPicture;
import wan4j.media.picture.Exif;
import wan4j.media.picture.PictureLimits;
import wan4j.media.picture.Plane;
import wan4j.tensor.InputException;

/// Decodes JPEG pictures to the RGB values that Pillow gives, to the bit.
///
/// It is ours because FFmpeg transforms rows before columns and rounds otherwise than libjpeg, and
/// because pictures then need no native library. Baseline, extended, progressive and lossless files
/// of 8 bits with Huffman codes are read; the rest is refused by its name.
public final class JpegReader {
  private static final List<Integer> RGB = List.of((int) 'R', (int) 'G', (int) 'B');
  private static final int[] NO_FACTORS = new int[0];

  private final Path file;
  private final ByteBuffer data;
  private final int[][] factors = new int[4][];
  private final JpegEntropy.Table[] direct = new JpegEntropy.Table[4];
  private final JpegEntropy.Table[] alternating = new JpegEntropy.Table[4];
  private JpegFrame frame;
  private boolean jfif;
  private int adobe = -1;
  private int orientation;
  private int interval;
  private long parts;
  private long visitsLeft;
  private boolean hasScan;

  private JpegReader(Path file, byte[] bytes) {
    this.file = file;
    this.data = ByteBuffer.wrap(bytes);
  }

  /// Says whether the bytes begin as a JPEG file does.
  public static boolean recognises(byte[] bytes) {
    return bytes.length > 2
        && (bytes[0] & 0xFF) == 0xFF
        && (bytes[1] & 0xFF) == 0xD8
        && (bytes[2] & 0xFF) == 0xFF;
  }

  /// Decodes a whole file; throws `InputException` when it is broken, cut short or too large.
  public static DecodedPicture read(Path file, byte[] bytes) {
    JpegReader reader = new JpegReader(file, bytes);
    try {
      return reader.decode();
    } catch (JpegException e) {
      throw new InputException(
          "cannot read picture %s: %s; %s".formatted(file, e.getMessage(), e.cure()), e);
    }
  }

  private DecodedPicture decode() {
    data.position(2);
    while (true) {
      int marker = nextMarker();
      if (++parts > PictureLimits.mostParts(frame == null ? 0 : frame.size().pixels())) {
        throw new JpegException("it has more parts than a picture of its size needs");
      }
      switch (marker) {
        case 0xC4 -> readTables(segment());
        case 0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF ->
            readFrame(marker, segment());
        case 0xDB -> readFactors(segment());
        case 0xDD -> interval = unsigned(segment(), 2);
        case 0xE0 -> jfif |= startsWith(segment(), "JFIF");
        case 0xE1 -> readExif(segment());
        case 0xEE -> {
          ByteBuffer body = segment();
          if (startsWith(body, "Adobe") && body.remaining() >= 12) {
            adobe = body.get(body.position() + 11) & 0xFF;
          }
        }
        case 0xDA -> readScan(segment());
        case 0xD9 -> {
          return picture();
        }
        default -> {
          boolean alone = marker == 0x01 || (marker >= 0xD0 && marker <= 0xD8);
          if (!alone) {
            segment();
          }
        }
      }
    }
  }

  private int nextMarker() {
    while (data.remaining() >= 2) {
      if ((data.get() & 0xFF) == 0xFF) {
        int marker = data.get(data.position()) & 0xFF;
        if (marker != 0xFF && marker != 0) {
          data.get();
          return marker;
        }
      }
    }
    // The end mark may be lost after the last row of a file of one scan, but not otherwise.
    if (hasScan && frame.coding() != Coding.PROGRESSIVE && isComplete()) {
      return 0xD9;
    }
    throw new JpegException("it ends early");
  }

  private boolean isComplete() {
    return frame != null
        && frame.components().stream().allMatch(component -> component.factors != null);
  }

  private ByteBuffer segment() {
    int length = unsigned(data, 2) - 2;
    if (length < 0 || length > data.remaining()) {
      throw new JpegException("it ends early");
    }
    ByteBuffer body = data.slice(data.position(), length);
    data.position(data.position() + length);
    return body;
  }

  /// Reads a number of one or two bytes; throws `JpegException` when they are not there.
  static int unsigned(ByteBuffer source, int bytes) {
    if (source.remaining() < bytes) {
      throw new JpegException("it ends early");
    }
    return bytes == 1 ? source.get() & 0xFF : source.getShort() & 0xFFFF;
  }

  private static boolean startsWith(ByteBuffer body, String text) {
    for (int i = 0; i < text.length(); i++) {
      if (body.remaining() <= i || body.get(i) != text.charAt(i)) {
        return false;
      }
    }
    return true;
  }

  private void readFrame(int marker, ByteBuffer body) {
    if (frame != null) {
      throw new JpegException("it has two headers");
    }
    frame = JpegFrame.read(file, marker, body, data.limit());
    visitsLeft = frame.mostVisits();
  }

  private void readExif(ByteBuffer body) {
    if (orientation == 0 && startsWith(body, "Exif\0\0")) {
      orientation = Exif.orientation(body.slice(6, body.remaining() - 6));
    }
  }

  private void readTables(ByteBuffer body) {
    while (body.hasRemaining()) {
      int kind = unsigned(body, 1);
      int[] counts = new int[16];
      for (int i = 0; i < 16; i++) {
        counts[i] = unsigned(body, 1);
      }
      int sum = Arrays.stream(counts).sum();
      if ((kind & 15) > 3 || kind >> 4 > 1 || sum > 256 || sum > body.remaining()) {
        throw new JpegException("a code table is damaged");
      }
      byte[] symbols = new byte[sum];
      body.get(symbols);
      (kind >> 4 == 0 ? direct : alternating)[kind & 15] = new JpegEntropy.Table(counts, symbols);
    }
  }

  private void readFactors(ByteBuffer body) {
    while (body.hasRemaining()) {
      int kind = unsigned(body, 1);
      if ((kind & 15) > 3 || kind >> 4 > 1) {
        throw new JpegException("a quantisation table is damaged");
      }
      int[] table = new int[64];
      for (int i = 0; i < 64; i++) {
        table[JpegScan.ORDER[i]] = unsigned(body, 1 + (kind >> 4));
      }
      factors[kind & 15] = table;
    }
  }

  private void readScan(ByteBuffer body) {
    int count = unsigned(body, 1);
    if (frame == null || count < 1 || count > frame.components().size()) {
      throw new JpegException("a scan has no header or no component");
    }
    List<JpegComponent> chosen = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      int id = unsigned(body, 1);
      int tables = unsigned(body, 1);
      JpegComponent component =
          frame.components().stream()
              .filter(each -> each.id == id && !chosen.contains(each))
              .findFirst()
              .orElseThrow(() -> new JpegException("a scan names a component that is not there"));
      prepare(component, tables >> 4 & 3, tables & 3);
      chosen.add(component);
    }
    int first = unsigned(body, 1);
    int last = unsigned(body, 1);
    int bits = unsigned(body, 1);
    JpegEntropy entropy = new JpegEntropy(data.array(), data.position());
    if (frame.coding() == Coding.LOSSLESS) {
      visit((long) frame.size().pixels() * count);
      new JpegLossless(entropy, chosen, first, bits & 15).read(frame.size(), interval);
    } else {
      boolean progressive = frame.coding() == Coding.PROGRESSIVE;
      JpegScan scan = new JpegScan(entropy, chosen, progressive, first, last, bits >> 4, bits & 15);
      visit(scan.visits());
      scan.read(frame.size(), interval);
    }
    hasScan = true;
    data.position(Math.min(entropy.position(), data.limit()));
  }

  private void prepare(JpegComponent component, int directTable, int alternatingTable) {
    component.direct = direct[directTable];
    component.alternating = alternating[alternatingTable];
    if (frame.coding() == Coding.SEQUENTIAL) {
      if (component.direct == null) {
        component.direct = JpegTables.direct(directTable);
      }
      if (component.alternating == null) {
        component.alternating = JpegTables.alternating(alternatingTable);
      }
    }
    component.predictor = 0;
    if (component.factors == null) {
      component.factors =
          frame.coding() == Coding.LOSSLESS ? NO_FACTORS : factors[component.quantiser];
    }
    if (component.factors == null) {
      throw new JpegException("a quantisation table is missing");
    }
  }

  private void visit(long coefficients) {
    visitsLeft -= coefficients;
    if (visitsLeft < 0) {
      throw new JpegException(
          "it sends its pixels more often than any picture needs",
          "save it again as an ordinary JPEG or PNG file");
    }
  }

  private DecodedPicture picture() {
    if (!isComplete()) {
      throw new JpegException("it holds no picture");
    }
    JpegComponent.JpegSize size = frame.size();
    List<JpegComponent> components = frame.components();
    boolean isSmoothed =
        frame.coding() == Coding.PROGRESSIVE
            && components.stream().allMatch(JpegSmoothing::isPossible)
            && components.stream().anyMatch(JpegSmoothing::isUseful);
    List<JpegColours.Channel> channels = new ArrayList<>();
    for (JpegComponent component : components) {
      channels.add(
          new JpegColours.Channel(
              plane(component, isSmoothed),
              size.horizontal() / component.horizontal,
              size.vertical() / component.vertical));
    }
    byte[] rgb = new byte[size.pixels() * 3];
    switch (components.size()) {
      case 1 -> JpegColours.greyToRgb(channels.getFirst().plane(), rgb);
      case 3 -> JpegColours.toRgb(channels, isRgb(), size.width(), rgb);
      default -> JpegColours.inksToRgb(channels, isYcck(), adobe >= 0, size.width(), rgb);
    }
    return new DecodedPicture(
        size.width(), size.height(), rgb, Math.max(orientation, Exif.UPRIGHT), false);
  }

  private Plane plane(JpegComponent component, boolean isSmoothed) {
    if (frame.coding() == Coding.LOSSLESS) {
      return new Plane(component.width, component.height, component.values);
    }
    return component.plane(
        isSmoothed ? new JpegSmoothing(component, frame.size().unitsDown()) : null);
  }

  /// Says whether the components are red, green and blue themselves, by libjpeg's rules
  /// (libjpeg-turbo/libjpeg-turbo 231c68f, src/jdapimin.c, `default_decompress_parms`).
  private boolean isRgb() {
    if (jfif) {
      return false;
    }
    if (adobe >= 0) {
      return adobe == 0;
    }
    List<Integer> ids = frame.components().stream().map(component -> component.id).toList();
    return ids.equals(RGB) || (frame.coding() == Coding.LOSSLESS && ids.equals(List.of(1, 2, 3)));
  }

  /// Says whether the first three of four components are luma and chroma, by libjpeg's rules.
  private boolean isYcck() {
    return adobe > 0;
  }
}
