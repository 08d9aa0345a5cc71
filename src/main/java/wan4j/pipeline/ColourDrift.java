package wan4j.pipeline;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import wan4j.model.VideoAutoencoder;
import wan4j.ops.Ops;
import wan4j.tensor.DType;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;

/// How far the colours of a clip have drifted from those of the clip before, told by the frames
/// that both have, and the correction: each of red, green and blue is brought to the mean and
/// spread that these frames had (Reinhard et al., Color Transfer between Images, 2001, in RGB).
/// What is shared is not handed over again.
final class ColourDrift implements VideoAutoencoder.FrameSink {
  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
  private static final int COLOURS = 3;
  private static final double LEAST_SPREAD = 0.01; // of values in [-1, 1]; less is one flat colour

  private final Ops ops;
  private final Tensor before;
  private final VideoAutoencoder.FrameSink sink;
  private final Moments drifted = new Moments();
  private final Tensor factor;
  private final Tensor offset;

  /// Corrects what `sink` gets of a clip that begins with the frames `before`, float32 `[3, frames,
  /// height, width]` in [-1, 1], in host memory.
  ColourDrift(Ops ops, Tensor before, VideoAutoencoder.FrameSink sink) {
    this.ops = ops;
    this.before = before;
    this.sink = sink;
    Shape shape = Shape.of(COLOURS);
    factor = Tensor.deferred(DType.F32, shape, () -> correction(true));
    offset = Tensor.deferred(DType.F32, shape, () -> correction(false));
  }

  @Override
  public void accept(int first, Tensor features) {
    int shared = before.length(1);
    int passed = Math.clamp((long) shared - first, 0, features.length(0));
    if (passed > 0) {
      drifted.add(ops.download(scaled(features.slice(0, passed), constant(1), constant(0))));
    }
    if (passed < features.length(0)) {
      Tensor rest = features.slice(passed, (long) features.length(0) - passed);
      Tensor planes = scaled(rest, factor, offset);
      Tensor corrected =
          ops.channelsLast(
              planes, ops.upload(constant(1), DType.F32), ops.upload(constant(0), DType.F32));
      sink.accept(Math.max(0, first - shared), corrected);
    }
  }

  private Tensor scaled(Tensor features, Tensor by, Tensor plus) {
    return ops.channelsFirst(features, ops.upload(by, DType.F32), ops.upload(plus, DType.F32));
  }

  private static Tensor constant(float value) {
    return Tensor.of(new float[] {value, value, value}, COLOURS);
  }

  /// Returns what each colour is multiplied by, or what is added then.
  private Tensor correction(boolean isFactor) {
    Moments wanted = new Moments();
    wanted.add(before);
    float[] values = new float[COLOURS];
    for (int colour = 0; colour < COLOURS; colour++) {
      double spread = drifted.spread(colour);
      boolean isFlat = spread < LEAST_SPREAD || wanted.spread(colour) < LEAST_SPREAD;
      double multiple = isFlat ? 1 : wanted.spread(colour) / spread;
      values[colour] =
          (float) (isFactor ? multiple : wanted.mean(colour) - multiple * drifted.mean(colour));
    }
    return Tensor.of(values, COLOURS);
  }

  /// The mean and spread of each colour of frames, clamped to [-1, 1].
  private static final class Moments {
    private final double[] sums = new double[COLOURS];
    private final double[] squares = new double[COLOURS];
    private long count;

    void add(Tensor planes) {
      long size = planes.count() / COLOURS;
      count += size;
      for (int colour = 0; colour < COLOURS; colour++) {
        MemorySegment values = planes.at(colour).segment();
        for (long i = 0; i < size; i++) {
          double value = Math.clamp(values.getAtIndex(FLOAT, i), -1f, 1f);
          sums[colour] += value;
          squares[colour] += value * value;
        }
      }
    }

    double mean(int colour) {
      return sums[colour] / count;
    }

    double spread(int colour) {
      return Math.sqrt(Math.max(0, squares[colour] / count - mean(colour) * mean(colour)));
    }
  }
}
