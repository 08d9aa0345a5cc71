package wan4j.media.webp;

import java.util.stream.IntStream;
import wan4j.media.picture.Plane;

/// Turns a lossy WebP's luma and chroma into RGB to the bit as libwebp does: chroma enlarged with
/// weights of 9, 3, 3 and 1 sixteenths in two roundings, BT.601 colours in fixed point
/// (webmproject/libwebp 1.6, src/dsp/upsampling.c and src/dsp/yuv.h).
final class WebpColours {
  private WebpColours() {}

  /// Writes the pixels of luma and of the chroma planes of half its size.
  static void toRgb(Plane luma, Plane blue, Plane red, byte[] rgb) {
    int width = luma.width;
    IntStream.range(0, luma.height)
        .parallel()
        .forEach(y -> {
          int near = y / 2;
          int far = y % 2 == 0 ? near - 1 : near + 1;
          for (int x = 0, i = y * width * 3; x < width; x++, i += 3) {
            int level = luma.at(x, y);
            int b = enlarged(blue, x, near, far);
            int r = enlarged(red, x, near, far);
            int scaled = high(level, 19077);
            rgb[i] = clip(scaled + high(r, 26149) - 14234);
            rgb[i + 1] = clip(scaled - high(b, 6419) - high(r, 13320) + 8708);
            rgb[i + 2] = clip(scaled + high(b, 33050) - 17685);
          }
        });
  }

  private static int enlarged(Plane plane, int x, int near, int far) {
    int column = x / 2;
    int beside = x % 2 == 0 ? column - 1 : column + 1;
    int nearest = plane.at(column, near);
    int vertical = plane.at(column, far);
    if (beside < 0 || beside >= plane.width) {
      return (3 * nearest + vertical + 2) >> 2;
    }
    int horizontal = plane.at(beside, near);
    int diagonal = plane.at(beside, far);
    int sum = nearest + vertical + horizontal + diagonal + 8;
    return (((sum + 2 * (horizontal + vertical)) >> 3) + nearest) >> 1;
  }

  private static int high(int value, int factor) {
    return (value * factor) >> 8;
  }

  private static byte clip(int value) {
    return (byte) Math.clamp(value >> 6, 0, 255);
  }
}
