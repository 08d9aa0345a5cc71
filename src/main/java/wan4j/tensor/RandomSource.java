package wan4j.tensor;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.stream.IntStream;

/// A float32 tensor of pseudo-random values, near to normally distributed, each computed from its
/// index alone: a GPU makes the same values in its own memory. They stand for weights and
/// activations where only time matters, because zeros would run faster than real data.
///
/// @param seed chooses the values
/// @param mean what the values lie around
/// @param deviation their standard deviation
public record RandomSource(String name, Shape shape, long seed, float mean, float deviation)
    implements TensorSource {
  /// The standard deviation of the sum of four uniform 16-bit numbers.
  private static final double SUM_DEVIATION = Math.sqrt((65536.0 * 65536.0 - 1) / 3);

  private static final int RUN = 1 << 16; // elements that one thread draws at a time
  private static final int PIECE = 1 << 22; // elements of all threads
  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

  private static final int CENTRE = 2 * 65535; // the mean of that sum

  @Override
  public DType dtype() {
    return DType.F32;
  }

  /// Returns the factor that turns centred sums of four 16-bit numbers into values.
  public float factor() {
    return (float) (deviation / SUM_DEVIATION);
  }

  /// Returns the value of an element.
  public float value(long index) {
    long bits = mix(seed + index);
    int sum =
        (int) (bits & 0xFFFF)
            + (int) ((bits >>> 16) & 0xFFFF)
            + (int) ((bits >>> 32) & 0xFFFF)
            + (int) (bits >>> 48);
    return Math.fma((float) (sum - CENTRE), factor(), mean);
  }

  @Override
  public void read(long offset, MemorySegment target) {
    long first = offset / Float.BYTES;
    long count = target.byteSize() / Float.BYTES;
    for (long done = 0; done < count; done += PIECE) {
      float[] piece = values(first + done, (int) Math.min(PIECE, count - done));
      MemorySegment.copy(piece, 0, target, FLOAT, done * Float.BYTES, piece.length);
    }
  }

  /// Returns the values of some elements, which many threads draw: files of full size hold
  /// billions.
  public float[] values(long first, int count) {
    float[] values = new float[count];
    IntStream.range(0, Math.ceilDiv(count, RUN))
        .parallel()
        .forEach(run -> {
          int end = Math.min(count, (run + 1) * RUN);
          for (int i = run * RUN; i < end; i++) {
            values[i] = value(first + i);
          }
        });
    return values;
  }

  /// SplitMix64's step (Steele, Lea and Flood, "Fast splittable pseudorandom number generators",
  /// 2014).
  private static long mix(long counter) {
    long z = counter * 0x9E3779B97F4A7C15L;
    z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
    return z ^ (z >>> 31);
  }
}
