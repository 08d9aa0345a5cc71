package wan4j.preprocess;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import wan4j.media.ContactSheet;
import wan4j.media.OpenCvResize;
import wan4j.media.Picture;
import wan4j.media.PictureWriter;
import wan4j.tensor.Tensor;

/// A picture of what was found and made: some frames of the driving video with their boxes and
/// points, and below them what the files show there.
final class Sheet {
  private static final int COLUMNS = 6;
  private static final int TILE = 240;
  private static final int DRAWN = 2 * TILE; // the width at which points are drawn
  private static final int LIMB = 3;
  private static final int HAND = 1;
  private static final byte PAPER = 24; // of contact sheets
  private static final int[] BOX = {255, 255, 255};

  private final Map<String, List<Picture>> rows = new LinkedHashMap<>();
  private final int frames;
  private final int columns;

  /// Creates a sheet of a video of so many frames.
  Sheet(int frames) {
    this.frames = frames;
    columns = Math.min(frames, COLUMNS);
  }

  /// Says whether a frame, from 0, is one of those shown.
  boolean shows(int index) {
    for (int column = 0; column < columns; column++) {
      if (index == (columns == 1 ? 0 : Math.round((float) column * (frames - 1) / (columns - 1)))) {
        return true;
      }
    }
    return false;
  }

  /// Adds a picture to the end of a row; all of a row have one size.
  void add(String caption, Picture picture) {
    rows.computeIfAbsent(caption, each -> new ArrayList<>()).add(picture);
  }

  /// Returns a picture with a person's box and points, as wide as the sheet needs.
  static Picture withFound(Picture picture, PersonFinder.Found found, Pose pose) {
    double scale = (double) DRAWN / picture.width();
    int height = Math.max(1, (int) Math.round(picture.height() * scale));
    Picture shown =
        picture.width() >= DRAWN && picture.height() >= height
            ? OpenCvResize.resize(picture, DRAWN, height, OpenCvResize.Filter.AREA)
            : OpenCvResize.resize(picture, DRAWN, height, OpenCvResize.Filter.LINEAR);
    Canvas canvas = new Canvas(DRAWN, height, shown.rgb());
    if (found.box() != null) {
      int left = (int) (found.box().left() * scale);
      int top = (int) (found.box().top() * scale);
      int right = (int) (found.box().right() * scale);
      int bottom = (int) (found.box().bottom() * scale);
      canvas.line(left, top, right, top, LIMB, BOX);
      canvas.line(right, top, right, bottom, LIMB, BOX);
      canvas.line(right, bottom, left, bottom, LIMB, BOX);
      canvas.line(left, bottom, left, top, LIMB, BOX);
    }
    Pose small =
        new Pose(DRAWN, height, pose.body(), pose.leftHand(), pose.rightHand(), pose.face());
    PoseDrawing.draw(small.skeleton(), canvas, LIMB, HAND, true);
    return canvas.picture();
  }

  /// Returns a drawing smaller with the brightest pixels that fall together, so that thin lines are
  /// still seen on the sheet.
  static Picture withThickLines(Picture drawing) {
    int step = drawing.width() / TILE;
    if (step < 2) {
      return drawing;
    }
    int width = drawing.width() / step;
    int height = drawing.height() / step;
    byte[] rgb = new byte[width * height * 3];
    for (int y = 0; y < height * step; y++) {
      for (int i = 0; i < width * step * 3; i++) {
        int to = (y / step * width + i / 3 / step) * 3 + i % 3;
        int value = drawing.rgb()[y * drawing.width() * 3 + i] & 0xFF;
        rgb[to] = (byte) Math.max(rgb[to] & 0xFF, value);
      }
    }
    return new Picture(width, height, rgb);
  }

  /// Writes the sheet.
  void write(Path file) {
    List<ContactSheet.Row> drawn = new ArrayList<>();
    rows.forEach(
        (caption, pictures) -> drawn.add(new ContactSheet.Row(caption, together(pictures))));
    PictureWriter.write(ContactSheet.draw(drawn, columns, TILE), file);
  }

  /// Returns the pictures of a row; where there are fewer than columns, empty ones follow.
  private Tensor together(List<Picture> pictures) {
    Picture first = pictures.getFirst();
    byte[] row = new byte[Math.multiplyExact(columns, first.rgb().length)];
    Arrays.fill(row, PAPER);
    for (int i = 0; i < pictures.size(); i++) {
      byte[] rgb = pictures.get(i).rgb();
      System.arraycopy(rgb, 0, row, i * rgb.length, rgb.length);
    }
    return Tensor.of(row, columns, first.height(), first.width(), 3);
  }
}
