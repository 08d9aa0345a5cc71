package wan4j.media.ffmpeg;

/// The length of an MP3 frame by its header (ISO/IEC 11172-3, 2.4.2.3, and 13818-3). FFmpeg passes
/// over damage between two frames by making one of them longer, and does not tell.
final class Mp3Frame {
  private static final int[] KILOBITS = {
    32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320
  };
  private static final int[] KILOBITS_OF_LOW_RATES = {
    8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160
  };
  private static final int[] RATES = {44_100, 48_000, 32_000};
  private static final int LAYER_3 = 1;

  /// A header that does not tell.
  static final int UNKNOWN = 0;

  /// No header at all.
  static final int NONE = -1;

  private Mp3Frame() {}

  /// Returns how many bytes the frame that begins with these four has, `UNKNOWN` or `NONE`.
  static int bytes(int header) {
    if (header >>> 21 != 0x7FF) {
      return NONE;
    }
    int version = header >> 19 & 3;
    int kilobits = header >> 12 & 15;
    int rate = header >> 10 & 3;
    boolean isKnown =
        version != 1
            && (header >> 17 & 3) == LAYER_3
            && kilobits >= 1
            && kilobits <= KILOBITS.length
            && rate < RATES.length;
    if (!isKnown) {
      return UNKNOWN;
    }
    boolean isLow = version != 3;
    int halvings = version == 3 ? 0 : version == 2 ? 1 : 2;
    int bits = (isLow ? KILOBITS_OF_LOW_RATES : KILOBITS)[kilobits - 1] * 1000;
    return (isLow ? 72 : 144) * bits / (RATES[rate] >> halvings) + (header >> 9 & 1);
  }
}
