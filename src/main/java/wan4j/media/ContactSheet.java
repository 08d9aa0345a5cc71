package wan4j.media;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import wan4j.tensor.Tensor;

/// Shows several videos on one picture, a row of frames a video, or on one animated one, each under
/// its caption.
public final class ContactSheet {
  private static final int GAP = 4;
  private static final int STRIP = CaptionLetters.HEIGHT + 4;
  private static final byte PAPER = 24;
  private static final byte INK = (byte) 230;

  private ContactSheet() {}

  /// A video of unsigned bytes `[frames, height, width, 3]` and what is written above it.
  public record Row(String caption, Tensor frames) {
    /// Creates a row; throws `IllegalArgumentException` for another or an empty tensor.
    public Row {
      FrameConversion.checkFrames(frames);
      if (frames.count() == 0) {
        throw new IllegalArgumentException("the video of row '" + caption + "' has no frame");
      }
    }
  }

  /// Draws `columns` frames of each video, from the first to the last at equal distances, each
  /// `tileWidth` pixels wide; throws `IllegalArgumentException` when there is no row or column or a
  /// tile is not positive.
  public static Picture draw(List<Row> rows, int columns, int tileWidth) {
    requireTiles(rows, columns, tileWidth);
    int width = GAP + columns * (tileWidth + GAP);
    int height = GAP;
    for (Row row : rows) {
      height += STRIP + tileHeight(row, tileWidth) + GAP;
    }
    Canvas canvas = new Canvas(width, height);
    List<String> captions = captions(rows);
    CaptionLetters letters = CaptionLetters.of(captions);
    int top = GAP;
    for (int i = 0; i < rows.size(); i++) {
      Row row = rows.get(i);
      canvas.write(letters, captions.get(i), GAP, top + 2, width - GAP);
      top += STRIP;
      for (int column = 0; column < columns; column++) {
        canvas.place(
            tile(row, frame(row, column, columns), tileWidth),
            GAP + column * (tileWidth + GAP),
            top);
      }
      top += tileHeight(row, tileWidth) + GAP;
    }
    return canvas.picture();
  }

  /// Draws the frames `[frames, height, width, 3]` of one video that shows all of some videos side
  /// by side, `columns` in a line, each `tileWidth` pixels wide under its caption, which is broken
  /// where it is longer than that; a video that ends before others stays at its last frame. Throws
  /// `IllegalArgumentException` as `draw` does.
  public static Tensor animate(List<Row> rows, int columns, int tileWidth) {
    requireTiles(rows, columns, tileWidth);
    List<String> captions = captions(rows);
    CaptionLetters letters = CaptionLetters.of(captions);
    List<List<String>> broken =
        captions.stream().map(caption -> lines(letters, caption, tileWidth)).toList();
    int lines = broken.stream().mapToInt(List::size).max().orElseThrow();
    int strip = lines * CaptionLetters.HEIGHT + 4;
    int step =
        strip + rows.stream().mapToInt(row -> tileHeight(row, tileWidth)).max().orElseThrow();
    int down = Math.ceilDiv(rows.size(), columns);
    int across = Math.min(columns, rows.size());
    Canvas canvas = new Canvas(GAP + across * (tileWidth + GAP), GAP + down * (step + GAP));
    int frames = rows.stream().mapToInt(row -> row.frames.length(0)).max().orElseThrow();
    FrameBuffer video = new FrameBuffer();
    for (int t = 0; t < frames; t++) {
      for (int i = 0; i < rows.size(); i++) {
        Row row = rows.get(i);
        int left = GAP + i % columns * (tileWidth + GAP);
        int top = GAP + i / columns * (step + GAP);
        for (int line = 0; t == 0 && line < broken.get(i).size(); line++) {
          int place = top + line * CaptionLetters.HEIGHT;
          canvas.write(letters, broken.get(i).get(line), left, place, left + tileWidth);
        }
        int shown = Math.min(t, row.frames.length(0) - 1);
        canvas.place(tile(row, shown, tileWidth), left, top + strip);
      }
      video.accept(canvas.frame());
    }
    return video.frames();
  }

  private static void requireTiles(List<Row> rows, int columns, int tileWidth) {
    if (rows.isEmpty() || columns < 1 || tileWidth < 1) {
      throw new IllegalArgumentException(
          "a contact sheet needs rows, columns and wide tiles; got %d rows, %d columns, tiles of %d"
              .formatted(rows.size(), columns, tileWidth));
    }
  }

  private static List<String> captions(List<Row> rows) {
    return rows.stream().map(row -> CaptionLetters.inOrder(row.caption)).toList();
  }

  /// Breaks a caption into lines that fit, after a space where there is one.
  private static List<String> lines(CaptionLetters letters, String caption, int width) {
    List<String> lines = new ArrayList<>();
    int start = 0;
    int space = -1;
    int used = 0;
    for (int i = 0; i < caption.length(); i++) {
      char letter = caption.charAt(i);
      used += CaptionLetters.isMark(letter) ? 0 : letters.width(letter);
      if (used > width && i > start) {
        int end = space > start ? space : i;
        lines.add(caption.substring(start, end));
        start = space > start ? space + 1 : i;
        i = start - 1;
        used = 0;
        space = -1;
      } else if (letter == ' ') {
        space = i;
      }
    }
    lines.add(caption.substring(start));
    return lines;
  }

  private static int tileHeight(Row row, int tileWidth) {
    return Math.max(1, Math.round((float) tileWidth * row.frames.length(1) / row.frames.length(2)));
  }

  private static Picture tile(Row row, int frame, int width) {
    Picture picture = Picture.of(row.frames.at(frame));
    return Resampling.BILINEAR.resize(picture, width, tileHeight(row, width));
  }

  private static int frame(Row row, int column, int columns) {
    int last = row.frames.length(0) - 1;
    return columns == 1 ? 0 : Math.round((float) column * last / (columns - 1));
  }

  /// A picture that tiles and captions are laid on.
  private static final class Canvas {
    private final int width;
    private final int height;
    private final byte[] pixels;

    Canvas(int width, int height) {
      this.width = width;
      this.height = height;
      pixels = new byte[Math.multiplyExact(width * 3, height)];
      Arrays.fill(pixels, PAPER);
    }

    Picture picture() {
      return new Picture(width, height, pixels);
    }

    /// Returns a copy `[1, height, width, 3]`.
    Tensor frame() {
      return Tensor.of(pixels.clone(), 1, height, width, 3);
    }

    void place(Picture tile, int left, int top) {
      int length = tile.width() * 3;
      for (int y = 0; y < tile.height(); y++) {
        System.arraycopy(tile.rgb(), y * length, pixels, ((top + y) * width + left) * 3, length);
      }
    }

    /// Writes letters from `left` on, up to `right`.
    void write(CaptionLetters letters, String text, int left, int top, int right) {
      int next = left;
      int last = left;
      for (int i = 0; i < text.length(); i++) {
        char letter = text.charAt(i);
        boolean isMark = CaptionLetters.isMark(letter);
        int place = isMark ? last : next;
        for (int y = 0; y < CaptionLetters.HEIGHT; y++) {
          for (int x = 0; x < letters.width(letter) && place + x < right; x++) {
            if (letters.hasInk(letter, x, y)) {
              int at = ((top + y) * width + place + x) * 3;
              Arrays.fill(pixels, at, at + 3, INK);
            }
          }
        }
        if (!isMark) {
          last = next;
          next += letters.width(letter);
        }
      }
    }
  }
}
