package wan4j.demo;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.stream.Stream;
import wan4j.Source;
import wan4j.Task;
import wan4j.media.Sound;
import wan4j.tensor.Tensor;

/// Whether the mouth of a drawn face opens as a sound is loud, judged by a video's pixels and the
/// sound's samples.
///
/// @param correlation Pearson's, of how far the mouth is open and how loud the sound is, over the
///   frames; 0 where one of them never changes
public record MouthCheck(double correlation) {
  /// The correlation from which on a mouth follows its sound.
  public static final double LEAST = 0.8;

  private static final int FRAME_SAMPLES =
      Source.Speech.SOUND_RATE / Task.S2V_14B.defaults().framesPerSecond();
  private static final List<Rgb> GROUNDS =
      Stream.of(DrawnFace.Ground.values()).map(DrawnFace.Ground::rgb).toList();

  /// Looks at a video of unsigned bytes `[frames, height, width, 3]` whose first frame is that of
  /// the sound's number `first`; the sound is mono at 16 kHz.
  public static MouthCheck of(Tensor frames, Sound sound, int first) {
    double[] open = openings(frames);
    double[] loud = new double[open.length];
    float[] samples = sound.channel(0);
    for (int t = 0; t < loud.length; t++) {
      loud[t] = loudness(samples, first + t);
    }
    return new MouthCheck(correlation(open, loud));
  }

  /// Says whether the mouth follows the sound.
  public boolean passes() {
    return correlation >= LEAST;
  }

  /// Returns how far the mouth is open in each frame: the most pixels that a column of the lower
  /// middle has of its colour.
  static double[] openings(Tensor frames) {
    int height = frames.length(1);
    int width = frames.length(2);
    double[] open = new double[frames.length(0)];
    for (int t = 0; t < open.length; t++) {
      MemorySegment pixels = frames.at(t).segment();
      for (int x = width / 4; x < width - width / 4; x++) {
        int rows = 0;
        for (int y = height / 2; y < height; y++) {
          rows += DrawnFace.MOUTH.isAt(pixels, 3L * (y * width + x), GROUNDS) ? 1 : 0;
        }
        open[t] = Math.max(open[t], rows);
      }
    }
    return open;
  }

  /// Returns the root mean square of the samples of a frame's time, half before it and half after.
  private static double loudness(float[] samples, int frame) {
    int from = frame * FRAME_SAMPLES - FRAME_SAMPLES / 2;
    double sum = 0;
    for (int i = Math.max(0, from); i < Math.min(samples.length, from + FRAME_SAMPLES); i++) {
      sum += (double) samples[i] * samples[i];
    }
    return Math.sqrt(sum / FRAME_SAMPLES);
  }

  private static double correlation(double[] a, double[] b) {
    double meanA = 0;
    double meanB = 0;
    for (int i = 0; i < a.length; i++) {
      meanA += a[i] / a.length;
      meanB += b[i] / b.length;
    }
    double both = 0;
    double squareA = 0;
    double squareB = 0;
    for (int i = 0; i < a.length; i++) {
      both += (a[i] - meanA) * (b[i] - meanB);
      squareA += (a[i] - meanA) * (a[i] - meanA);
      squareB += (b[i] - meanB) * (b[i] - meanB);
    }
    return squareA == 0 || squareB == 0 ? 0 : both / Math.sqrt(squareA * squareB);
  }
}
