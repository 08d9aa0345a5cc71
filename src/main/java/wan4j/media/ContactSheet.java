package wan4j.media;

import java.util.Arrays;
import java.util.List;
import wan4j.tensor.Tensor;

/// Shows frames of several videos on one picture: a row a video, under a strip with its caption.
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
    if (rows.isEmpty() || columns < 1 || tileWidth < 1) {
      throw new IllegalArgumentException(
          "a contact sheet needs rows, columns and wide tiles; got %d rows, %d columns, tiles of %d"
              .formatted(rows.size(), columns, tileWidth));
    }
    int width = GAP + columns * (tileWidth + GAP);
    int height = GAP;
    for (Row row : rows) {
      height += STRIP + tileHeight(row, tileWidth) + GAP;
    }
    byte[] sheet = new byte[Math.multiplyExact(width * 3, height)];
    Arrays.fill(sheet, PAPER);
    List<String> captions = rows.stream().map(row -> CaptionLetters.inOrder(row.caption)).toList();
    CaptionLetters letters = CaptionLetters.of(captions);
    int top = GAP;
    for (int i = 0; i < rows.size(); i++) {
      Row row = rows.get(i);
      write(sheet, width, letters, captions.get(i), top + 2);
      top += STRIP;
      int tileHeight = tileHeight(row, tileWidth);
      for (int column = 0; column < columns; column++) {
        Picture frame = Picture.of(row.frames.at(frame(row, column, columns)));
        Picture tile = Resampling.BILINEAR.resize(frame, tileWidth, tileHeight);
        place(sheet, width, tile, GAP + column * (tileWidth + GAP), top);
      }
      top += tileHeight + GAP;
    }
    return new Picture(width, height, sheet);
  }

  private static int tileHeight(Row row, int tileWidth) {
    return Math.max(1, Math.round((float) tileWidth * row.frames.length(1) / row.frames.length(2)));
  }

  private static int frame(Row row, int column, int columns) {
    int last = row.frames.length(0) - 1;
    return columns == 1 ? 0 : Math.round((float) column * last / (columns - 1));
  }

  private static void place(byte[] sheet, int width, Picture tile, int left, int top) {
    int length = tile.width() * 3;
    for (int y = 0; y < tile.height(); y++) {
      System.arraycopy(tile.rgb(), y * length, sheet, ((top + y) * width + left) * 3, length);
    }
  }

  /// Writes letters from the left edge on, as far as there is room.
  private static void write(byte[] sheet, int width, CaptionLetters letters, String text, int top) {
    int next = GAP;
    int last = GAP;
    for (char letter : text.toCharArray()) {
      boolean isMark = CaptionLetters.isMark(letter);
      int left = isMark ? last : next;
      for (int y = 0; y < CaptionLetters.HEIGHT; y++) {
        for (int x = 0; x < letters.width(letter) && left + x < width - GAP; x++) {
          if (letters.hasInk(letter, x, y)) {
            Arrays.fill(
                sheet,
                ((top + y) * width + left + x) * 3,
                ((top + y) * width + left + x + 1) * 3,
                INK);
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
