package wan4j.media.picture;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.regex.Pattern;
import java.util.zip.CRC32;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;
import wan4j.tensor.InputException;

/// Decodes PNG pictures of every colour type, depth and interlacing to the RGB values that Pillow's
/// `Image.open(file).convert("RGB")` gives.
///
/// It is ours because it is small, needs no native library, and must agree with Pillow to the bit:
/// transparency is dropped and not blended, 16-bit colours keep their upper byte, 16-bit greys are
/// clipped at 255, and palette entries that the file lacks are black.
public final class PngReader {
  private static final int ALPHA = 4;
  private static final byte[] SIGNATURE = {(byte) 0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};

  // what Pillow takes for a name (python-pillow/Pillow 12.3.0, src/PIL/PngImagePlugin.py, `is_cid`)
  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9_]{4}");

  private final Path file;
  private final ByteBuffer data;
  private final CRC32 checksum = new CRC32();
  private final byte[] palette = new byte[256 * 3];
  private final Inflater inflater = new Inflater();
  private int width;
  private int height;
  private int depth;
  private int colour;
  private boolean interlaced;
  private int orientation = Exif.UPRIGHT;
  private boolean isSeeThrough;
  private long parts;

  private PngReader(Path file, byte[] bytes) {
    this.file = file;
    this.data = ByteBuffer.wrap(bytes);
  }

  /// Says whether the bytes begin as a PNG file does.
  public static boolean recognises(byte[] bytes) {
    return bytes.length >= SIGNATURE.length
        && Arrays.equals(bytes, 0, SIGNATURE.length, SIGNATURE, 0, SIGNATURE.length);
  }

  /// Decodes a whole file; throws `InputException` when it is broken, cut short or too large.
  public static DecodedPicture read(Path file, byte[] bytes) {
    PngReader reader = new PngReader(file, bytes);
    try {
      return reader.decode();
    } finally {
      reader.inflater.end();
    }
  }

  private DecodedPicture decode() {
    data.position(SIGNATURE.length);
    if (!nextName().equals("IHDR")) {
      throw broken("its header is missing");
    }
    readHeader(chunk("IHDR"));
    ByteBuffer pixels = skipToPixels();
    inflater.setInput(pixels);
    byte[] rgb = new byte[width * height * 3];
    if (!interlaced) {
      readPass(rgb, 0, 0, 1, 1);
    } else {
      // The seven passes of Adam7: first column, first row, column step, row step.
      readPass(rgb, 0, 0, 8, 8);
      readPass(rgb, 4, 0, 8, 8);
      readPass(rgb, 0, 4, 4, 8);
      readPass(rgb, 2, 0, 4, 4);
      readPass(rgb, 0, 2, 2, 4);
      readPass(rgb, 1, 0, 2, 2);
      readPass(rgb, 0, 1, 1, 2);
    }
    readAfterPixels();
    return new DecodedPicture(width, height, rgb, orientation, isSeeThrough);
  }

  private void readHeader(ByteBuffer header) {
    if (header.remaining() < 13) {
      throw broken("its header is too short");
    }
    long wide = header.getInt() & 0xFFFFFFFFL;
    long high = header.getInt() & 0xFFFFFFFFL;
    PictureLimits.check(file, wide, high);
    width = (int) wide;
    height = (int) high;
    depth = header.get();
    colour = header.get();
    int compression = header.get();
    int filter = header.get();
    int interlace = header.get();
    boolean known =
        switch (colour) {
          case 0 -> depth == 1 || depth == 2 || depth == 4 || depth == 8 || depth == 16;
          case 3 -> depth == 1 || depth == 2 || depth == 4 || depth == 8;
          case 2, 4, 6 -> depth == 8 || depth == 16;
          default -> false;
        };
    if (!known || compression != 0 || filter != 0 || interlace < 0 || interlace > 1) {
      throw broken(
          "its header asks for colour type %d of %d bits, which PNG does not have"
              .formatted(colour, depth));
    }
    interlaced = interlace == 1;
    // Deflate makes data at most 1,032 times smaller, so a small file cannot ask for much memory.
    if ((wide * depth + 7) / 8 * high > 1032L * data.limit()) {
      throw broken("it holds fewer pixels than its header says");
    }
  }

  /// Reads the chunks before the pixels and returns the first that holds pixels.
  private ByteBuffer skipToPixels() {
    while (true) {
      String name = nextName();
      ByteBuffer body = chunk(name);
      switch (name) {
        case "PLTE" -> body.get(palette, 0, Math.min(body.remaining() / 3, 256) * 3);
        case "tRNS" -> isSeeThrough = true;
        case "eXIf" -> orientation = Exif.orientation(body);
        case "IDAT" -> {
          return body;
        }
        case "IEND" -> throw broken("it holds no pixels");
        default -> {}
      }
    }
  }

  /// Looks for EXIF data behind the pixels; there, what is broken matters no more.
  private void readAfterPixels() {
    while (data.remaining() >= 12) {
      int start = data.position();
      long length = data.getInt(start) & 0xFFFFFFFFL;
      String name = name(start);
      if (length > data.remaining() - 12 || name.equals("IEND")) {
        return;
      }
      if (name.equals("eXIf")) {
        orientation = Exif.orientation(data.slice(start + 8, (int) length));
      }
      data.position(start + 12 + (int) length);
    }
  }

  private String name(int start) {
    return new String(data.array(), start + 4, 4, StandardCharsets.ISO_8859_1);
  }

  private String nextName() {
    if (data.remaining() < 12) {
      throw broken("it ends early");
    }
    if (++parts > PictureLimits.mostParts((long) width * height)) {
      throw broken("it has more parts than a picture of its size needs");
    }
    String name = name(data.position());
    if (!NAME.matcher(name).matches()) {
      throw broken("a part has a name that is not of letters");
    }
    return name;
  }

  /// Reads the next chunk, which has the given name.
  private ByteBuffer chunk(String name) {
    int start = data.position();
    long length = data.getInt(start) & 0xFFFFFFFFL;
    if (length > data.remaining() - 12) {
      throw broken("it ends early");
    }
    int size = (int) length;
    checksum.reset();
    checksum.update(data.array(), start + 4, size + 4);
    // Parts whose name begins with a capital letter are needed to show the picture.
    if (Character.isUpperCase(name.charAt(0))
        && (int) checksum.getValue() != data.getInt(start + 8 + size)) {
      throw broken("the checksum of its part %s is wrong".formatted(name));
    }
    data.position(start + 12 + size);
    return data.slice(start + 8, size);
  }

  private void readPass(byte[] rgb, int left, int top, int stepX, int stepY) {
    int columns = (width - left + stepX - 1) / stepX;
    int rows = (height - top + stepY - 1) / stepY;
    if (columns <= 0 || rows <= 0) {
      return;
    }
    int channels =
        switch (colour) {
          case 2 -> 3;
          case 4 -> 2;
          case 6 -> 4;
          default -> 1;
        };
    int bits = depth * channels;
    int distance = Math.max(1, bits / 8);
    int length = (int) (((long) columns * bits + 7) / 8);
    byte[] row = new byte[length];
    byte[] above = new byte[length];
    byte[] kind = new byte[1];
    for (int y = 0; y < rows; y++) {
      inflate(kind);
      inflate(row);
      unfilter(kind[0], row, above, distance);
      int at = ((top + y * stepY) * width + left) * 3;
      for (int x = 0; x < columns; x++, at += stepX * 3) {
        writePixel(row, x, distance, rgb, at);
      }
      isSeeThrough |= (colour & ALPHA) != 0 && isSeeThrough(row, distance);
      byte[] swap = above;
      above = row;
      row = swap;
    }
  }

  /// Says whether a row of pixels that end with their alpha has one that is not opaque.
  private boolean isSeeThrough(byte[] row, int distance) {
    int bytes = depth / 8;
    for (int i = 0; i < row.length; i++) {
      if (i % distance >= distance - bytes && row[i] != (byte) 255) {
        return true;
      }
    }
    return false;
  }

  private void inflate(byte[] target) {
    try {
      int done = 0;
      while (done < target.length) {
        int got = inflater.inflate(target, done, target.length - done);
        done += got;
        if (got == 0) {
          if (inflater.finished() || inflater.needsDictionary()) {
            throw broken("it holds fewer pixels than its header says");
          }
          if (inflater.needsInput()) {
            if (!nextName().equals("IDAT")) {
              throw broken("it holds fewer pixels than its header says");
            }
            inflater.setInput(chunk("IDAT"));
          }
        }
      }
    } catch (DataFormatException e) {
      throw new InputException(sentence("its compressed pixels are damaged"), e);
    }
  }

  private void unfilter(int kind, byte[] row, byte[] above, int distance) {
    switch (kind) {
      case 0 -> {}
      case 1 -> {
        for (int i = distance; i < row.length; i++) {
          row[i] += row[i - distance];
        }
      }
      case 2 -> {
        for (int i = 0; i < row.length; i++) {
          row[i] += above[i];
        }
      }
      case 3 -> {
        for (int i = 0; i < row.length; i++) {
          int left = i < distance ? 0 : row[i - distance] & 0xFF;
          row[i] += (byte) ((left + (above[i] & 0xFF)) >> 1);
        }
      }
      case 4 -> {
        for (int i = 0; i < row.length; i++) {
          int left = i < distance ? 0 : row[i - distance] & 0xFF;
          int corner = i < distance ? 0 : above[i - distance] & 0xFF;
          row[i] += (byte) nearest(left, above[i] & 0xFF, corner);
        }
      }
      default -> throw broken("a row has filter %d, which PNG does not have".formatted(kind));
    }
  }

  /// The Paeth predictor: whichever of the three neighbours is nearest to left + up - corner.
  private static int nearest(int left, int up, int corner) {
    int toLeft = Math.abs(up - corner);
    int toUp = Math.abs(left - corner);
    int toCorner = Math.abs(left + up - 2 * corner);
    if (toLeft <= toUp && toLeft <= toCorner) {
      return left;
    }
    return toUp <= toCorner ? up : corner;
  }

  private void writePixel(byte[] row, int x, int distance, byte[] rgb, int at) {
    switch (colour) {
      case 2, 6 -> {
        int step = depth / 8;
        for (int c = 0; c < 3; c++) {
          rgb[at + c] = row[x * distance + c * step];
        }
      }
      case 3 -> System.arraycopy(palette, sample(row, x) * 3, rgb, at, 3);
      case 4 -> Arrays.fill(rgb, at, at + 3, row[x * distance]);
      default -> Arrays.fill(rgb, at, at + 3, grey(row, x));
    }
  }

  private byte grey(byte[] row, int x) {
    return switch (depth) {
      case 16 -> row[x * 2] != 0 ? (byte) 255 : row[x * 2 + 1];
      case 8 -> row[x];
      default -> (byte) (sample(row, x) * (255 / ((1 << depth) - 1)));
    };
  }

  /// Returns sample `x` of a row with one sample of 1, 2, 4 or 8 bits a pixel.
  private int sample(byte[] row, int x) {
    int bit = x * depth;
    return (row[bit >> 3] >> (8 - depth - (bit & 7))) & ((1 << depth) - 1);
  }

  private InputException broken(String what) {
    return new InputException(sentence(what));
  }

  private String sentence(String what) {
    return "cannot read picture %s: %s; give a whole PNG, JPEG or WebP file".formatted(file, what);
  }
}
