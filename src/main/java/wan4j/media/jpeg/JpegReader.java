package wan4j.media.jpeg;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import wan4j.media.Picture;
import wan4j.media.picture.PictureLimits;
import wan4j.media.webp.CodedPictures;
import wan4j.tensor.InputException;

/// Decodes JPEG pictures to the RGB values that Pillow gives, to the bit.
///
/// It is ours because FFmpeg transforms rows before columns and rounds otherwise than libjpeg, and
/// because pictures then need no native library. Baseline, extended and progressive Huffman files
/// of 8 bits with one or three components are read here; anything rarer is left to FFmpeg.
public final class JpegReader {
  private static final int MOST_SCANS = 1000;

  private final Path file;
  private final ByteBuffer data;
  private final int[][] factors = new int[4][];
  private final JpegEntropy.Table[] direct = new JpegEntropy.Table[4];
  private final JpegEntropy.Table[] alternating = new JpegEntropy.Table[4];
  private final List<JpegComponent> components = new ArrayList<>();
  private JpegComponent.JpegSize size;
  private boolean progressive;
  private boolean jfif;
  private int adobe = -1;
  private int interval;
  private int scans;

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
  public static Picture read(Path file, byte[] bytes) {
    JpegReader reader = new JpegReader(file, bytes);
    try {
      return reader.decode();
    } catch (JpegException e) {
      throw new InputException(
          "cannot read picture %s: %s; give a whole PNG, JPEG or WebP file"
              .formatted(file, e.getMessage()),
          e);
    }
  }

  private Picture decode() {
    data.position(2);
    while (true) {
      int marker = nextMarker();
      switch (marker) {
        case 0xC0, 0xC1, 0xC2 -> {
          progressive = marker == 0xC2;
          if (!readFrame(segment())) {
            return CodedPictures.read(file, "jpeg_pipe");
          }
        }
        case 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF -> {
          return CodedPictures.read(file, "jpeg_pipe");
        }
        case 0xC4 -> readTables(segment());
        case 0xDB -> readFactors(segment());
        case 0xDD -> interval = unsigned(segment(), 2);
        case 0xE0 -> jfif |= startsWith(segment(), "JFIF");
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
    if (scans > 0 && !progressive && isComplete()) {
      return 0xD9;
    }
    throw new JpegException("it ends early");
  }

  private boolean isComplete() {
    return components.stream().allMatch(component -> component.factors != null);
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

  private static int unsigned(ByteBuffer source, int bytes) {
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

  /// Reads the frame's header; returns false when it is of a kind that is left to FFmpeg.
  private boolean readFrame(ByteBuffer body) {
    if (size != null) {
      throw new JpegException("it has two headers");
    }
    int depth = unsigned(body, 1);
    int height = unsigned(body, 2);
    int width = unsigned(body, 2);
    int count = unsigned(body, 1);
    PictureLimits.check(file, width, height);
    if (body.remaining() < count * 3 || count < 1) {
      throw new JpegException("its header is too short");
    }
    if (depth != 8 || (count != 1 && count != 3)) {
      return false;
    }
    int[] header = new int[count * 3];
    int horizontal = 1;
    int vertical = 1;
    for (int i = 0; i < header.length; i++) {
      header[i] = unsigned(body, 1);
      if (i % 3 == 1) {
        horizontal = Math.max(horizontal, header[i] >> 4);
        vertical = Math.max(vertical, header[i] & 15);
      }
    }
    size = new JpegComponent.JpegSize(width, height, horizontal, vertical);
    // Every block of the main component takes at least one bit, so that a small file cannot ask for
    // much memory.
    if (Math.ceilDiv(width, 8) * (long) Math.ceilDiv(height, 8) > 8L * data.limit()) {
      throw new JpegException("it holds fewer pixels than its header says");
    }
    for (int i = 0; i < header.length; i += 3) {
      int across = header[i + 1] >> 4;
      int down = header[i + 1] & 15;
      if (across < 1 || across > 4 || down < 1 || down > 4 || header[i + 2] > 3) {
        throw new JpegException("its header asks for what JPEG does not have");
      }
      if (horizontal % across != 0 || vertical % down != 0) {
        return false;
      }
      components.add(new JpegComponent(header[i], across, down, header[i + 2], size));
    }
    return true;
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
    if (size == null || count < 1 || count > components.size() || ++scans > MOST_SCANS) {
      throw new JpegException("a scan has no header, no component, or is one of too many");
    }
    List<JpegComponent> chosen = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      int id = unsigned(body, 1);
      int tables = unsigned(body, 1);
      JpegComponent component =
          components.stream()
              .filter(each -> each.id == id && !chosen.contains(each))
              .findFirst()
              .orElseThrow(() -> new JpegException("a scan names a component that is not there"));
      component.direct = direct[tables >> 4 & 3];
      component.alternating = alternating[tables & 3];
      component.predictor = 0;
      if (component.factors == null) {
        component.factors = factors[component.quantiser];
      }
      if (component.factors == null) {
        throw new JpegException("a quantisation table is missing");
      }
      chosen.add(component);
    }
    int first = unsigned(body, 1);
    int last = unsigned(body, 1);
    int bits = unsigned(body, 1);
    JpegEntropy entropy = new JpegEntropy(data.array(), data.position());
    new JpegScan(entropy, chosen, progressive, first, last, bits >> 4, bits & 15)
        .read(size, interval);
    data.position(Math.min(entropy.position(), data.limit()));
  }

  private Picture picture() {
    if (components.isEmpty() || !isComplete()) {
      throw new JpegException("it holds no picture");
    }
    byte[] rgb = new byte[size.width() * size.height() * 3];
    if (components.size() == 1) {
      JpegColours.toRgb(components.getFirst().plane(), rgb);
    } else {
      List<JpegColours.Channel> channels =
          components.stream()
              .map(component ->
                  new JpegColours.Channel(
                      component.plane(),
                      size.horizontal() / component.horizontal,
                      size.vertical() / component.vertical))
              .toList();
      JpegColours.toRgb(channels, isRgb(), size.width(), size.height(), rgb);
    }
    return new Picture(size.width(), size.height(), rgb);
  }

  /// Says whether the components are red, green and blue themselves, by libjpeg's rules.
  private boolean isRgb() {
    if (jfif) {
      return false;
    }
    if (adobe >= 0) {
      return adobe == 0;
    }
    return components.get(0).id == 'R'
        && components.get(1).id == 'G'
        && components.get(2).id == 'B';
  }
}
