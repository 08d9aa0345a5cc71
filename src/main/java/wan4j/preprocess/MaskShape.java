package wan4j.preprocess;

import java.util.Arrays;

/// How a person's mask is made larger and coarser, so that its outline does not tell the new
/// character's (Wan2.2 42bf4cf, wan/modules/animate/preprocess/utils.py `get_mask_body_img`,
/// `get_aug_mask`; Hu et al., Animate Anyone 2).
///
/// @param iterations how often the mask grows; 0 leaves it as it is, without the grid too
/// @param kernel by how many pixels square it grows each time
/// @param columns of the grid over the mask's box; every cell that the mask touches is filled
/// @param rows of the grid
record MaskShape(int iterations, int kernel, int columns, int rows) {
  /// Returns the mask in this shape.
  Bitmap of(Bitmap mask) {
    return iterations == 0 ? mask : inCells(grown(mask));
  }

  /// Returns a mask that also covers what is near it, as OpenCV's `dilate` does.
  Bitmap grown(Bitmap mask) {
    int before = kernel / 2 * iterations;
    int after = (kernel - 1 - kernel / 2) * iterations;
    int width = mask.width();
    Bitmap wide = Bitmap.empty(width, mask.height());
    for (int y = 0; y < mask.height(); y++) {
      grow(mask.bits(), wide.bits(), y * width, 1, width, before, after);
    }
    Bitmap grown = Bitmap.empty(width, mask.height());
    for (int x = 0; x < width; x++) {
      grow(wide.bits(), grown.bits(), x, width, mask.height(), before, after);
    }
    return grown;
  }

  /// Sets each of `count` bits from `start` on at a distance of `stride` that has a set one within
  /// `before` and `after`.
  private static void grow(
      byte[] from, byte[] to, int start, int stride, int count, int before, int after) {
    int last = Integer.MIN_VALUE / 2; // the last set bit up to i + after
    for (int i = -after; i < count; i++) {
      if (i + after < count && from[start + (i + after) * stride] != 0) {
        last = i + after;
      }
      if (i >= 0 && last >= i - before) {
        to[start + i * stride] = 1;
      }
    }
  }

  /// Returns a mask with every cell filled that it touches; the last row and column of its box are
  /// of no cell, as in the reference. Where the box has fewer pixels than the grid has cells, a
  /// cell is a pixel.
  Bitmap inCells(Bitmap mask) {
    if (mask.isEmpty()) {
      return mask;
    }
    int width = mask.width();
    int left = width;
    int right = 0;
    int top = mask.height();
    int bottom = 0;
    for (int i = 0; i < mask.bits().length; i++) {
      if (mask.bits()[i] != 0) {
        left = Math.min(left, i % width);
        right = Math.max(right, i % width);
        top = Math.min(top, i / width);
        bottom = Math.max(bottom, i / width);
      }
    }
    int across = Math.max(1, (right - left) / columns);
    int down = Math.max(1, (bottom - top) / rows);
    byte[] bits = mask.bits().clone();
    for (int x = left; x < right; x += across) {
      for (int y = top; y < bottom; y += down) {
        fill(bits, width, x, Math.min(x + across, right), y, Math.min(y + down, bottom));
      }
    }
    return new Bitmap(width, mask.height(), bits);
  }

  private static void fill(byte[] bits, int width, int left, int right, int top, int bottom) {
    boolean isTouched = false;
    for (int y = top; y < bottom && !isTouched; y++) {
      for (int x = left; x < right && !isTouched; x++) {
        isTouched = bits[y * width + x] != 0;
      }
    }
    for (int y = top; y < bottom && isTouched; y++) {
      Arrays.fill(bits, y * width + left, y * width + right, (byte) 1);
    }
  }
}
