package wan4j.pipeline;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import wan4j.model.VideoAutoencoder;
import wan4j.ops.Ops;
import wan4j.tensor.DType;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;

/// How far the colours of a clip have drifted from those of the clip before, told by the frames
/// that both have, and the correction: each of red, green and blue is brought to the mean and
/// spread that these frames had (Reinhard et al., Color Transfer between Images, 2001, in RGB).
/// What is shared is not handed over again. Where ranks decode in turn, each sees some of the
/// shared frames; what follows them in the same round waits until the round is over and all know
/// all.
final class ColourDrift implements VideoAutoencoder.FrameSink {
  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
  private static final int COLOURS = 3;
  private static final double LEAST_SPREAD = 0.01; // of values in [-1, 1]; less is one flat colour

  private final Ops ops;
  private final Tensor before;
  private final VideoAutoencoder.FrameSink sink;
  private final Moments drifted = new Moments(); // of all ranks, up to the last round
  private Moments present = new Moments(); // of this rank, in this round
  private final List<Held> waiting = new ArrayList<>();
  private final Tensor factor;
  private final Tensor offset;

  /// Frames from `first` on, float32 `[3, frames, height, width]` in host memory.
  private record Held(int first, Tensor planes) {}

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
      present.add(ops.download(planes(features.slice(0, passed))));
    }
    if (passed < features.length(0)) {
      Tensor rest = planes(features.slice(passed, (long) features.length(0) - passed));
      int from = Math.max(0, first - shared);
      if (isKnown()) {
        handOver(from, rest);
      } else {
        waiting.add(new Held(from, ops.download(rest)));
      }
    }
  }

  @Override
  public void endRound() {
    if (!isKnown()) {
      for (long[] numbers : sink.ranks().all(present.numbers())) {
        drifted.add(numbers);
      }
      present = new Moments();
    }
    for (Held held : waiting) {
      try (var _ = ops.scope()) {
        handOver(held.first, ops.upload(held.planes, DType.F32));
      }
    }
    waiting.clear();
    sink.endRound();
  }

  /// Says whether all shared frames have been seen, the same on all ranks.
  private boolean isKnown() {
    return drifted.count == before.count() / COLOURS;
  }

  private Tensor planes(Tensor features) {
    return ops.channelsFirst(
        features, ops.upload(constant(1), DType.F32), ops.upload(constant(0), DType.F32));
  }

  private void handOver(int first, Tensor planes) {
    sink.accept(
        first,
        ops.channelsLast(planes, ops.upload(factor, DType.F32), ops.upload(offset, DType.F32)));
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

    /// Adds those of a rank.
    void add(long[] numbers) {
      count += numbers[2 * COLOURS];
      for (int colour = 0; colour < COLOURS; colour++) {
        sums[colour] += Double.longBitsToDouble(numbers[colour]);
        squares[colour] += Double.longBitsToDouble(numbers[COLOURS + colour]);
      }
    }

    /// Returns what [#add] takes.
    long[] numbers() {
      long[] numbers = new long[2 * COLOURS + 1];
      for (int colour = 0; colour < COLOURS; colour++) {
        numbers[colour] = Double.doubleToRawLongBits(sums[colour]);
        numbers[COLOURS + colour] = Double.doubleToRawLongBits(squares[colour]);
      }
      numbers[2 * COLOURS] = count;
      return numbers;
    }

    double mean(int colour) {
      return sums[colour] / count;
    }

    double spread(int colour) {
      return Math.sqrt(Math.max(0, squares[colour] / count - mean(colour) * mean(colour)));
    }
  }
}
